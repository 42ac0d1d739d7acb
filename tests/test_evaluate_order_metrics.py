"""Reading-order metrics: NID, headings, page tables, block order and rules, on pages small enough to work out."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.blocks import (
    Label,
    block_ranks,
    block_scores,
    kendall_tau,
    labels_by_box,
    labels_by_text,
    ordered_blocks,
    successor_accuracy,
)
from ingest.evaluate.markdown import heading_tree, with_html_tables
from ingest.evaluate.order_metrics import markdown_scores, mhs, nid, nid_markdown, page_teds, sequence_scores
from ingest.evaluate.records import PageItem, PagePrediction, Rule, TextBox, TruthBlock
from ingest.evaluate.rules import check_rule, near_matches, plain, rule_pass_rate


def page(**truth: object) -> PageItem:
    return PageItem(id="s/1", pack="p", source="s", split="dev", group="g", **truth)  # type: ignore[arg-type]


# -- NID -----------------------------------------------------------------------------------------------------------


def longest_common_subsequence(a: str, b: str) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


@settings(deadline=None)
@given(st.text("abc ", max_size=20), st.text("abc ", max_size=20))
def test_nid_agrees_with_its_definition(truth: str, predicted: str) -> None:
    total = len(truth) + len(predicted)
    expected = 2 * longest_common_subsequence(truth, predicted) / total if total else 1.0
    assert nid(truth, predicted) == pytest.approx(expected)


PIPES = "| A | B |\n| --- | :-: |\n| 1 | 2 |"
HTML = "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"


def test_nid_of_markdown() -> None:
    assert nid_markdown("", "x") is None and nid_markdown(" \n", "x") is None
    assert nid_markdown("x", "") == 0.0
    assert nid_markdown("one\ntwo", "one   two") == 1.0, "the amount of white space does not count"
    assert nid_markdown(f"In\n{PIPES}\nOut", f"In\n\n{HTML}\n\nOut") == 1.0, "pipe tables count as HTML"
    other = PIPES.replace("1", "9")
    with_tables, without = nid_markdown(PIPES + "\nOut", other + "\nOut"), nid_markdown("Out", "Out")
    assert with_tables is not None and with_tables < 1.0 == without
    assert nid_markdown(PIPES + "\nOut", other + "\nOut", tables=False) == 1.0


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        (PIPES, HTML),
        ("A | B\n--- | ---\n1 | 2", HTML),
        ("a | b\nno dashes", "a | b\nno dashes"),
        ("| A |\n|---|\n", "<table><tr><th>A</th></tr></table>"),
        ("|  |  |\n|--|--|\n| A | B |\n| 1 | 2 |", HTML),
        ("| A | B |\n|--|--|\n| 1 | 2 | 3 |\nend", HTML + "\nend"),
        ("| A | B |\n|--|--|\n| 1 |", HTML.replace("2", "")),
        ("| a | b | c |\n|-|-|-|-|\n", "<table><tr><th>a</th><th>b</th><th>b</th><th>c</th></tr></table>"),
        ("| <i> |\n|-|\n", "<table><tr><th>&lt;i&gt;</th></tr></table>"),
    ],
)
def test_pipe_tables_become_html(markdown: str, html: str) -> None:
    assert with_html_tables(markdown) == html


# -- headings and tables of a page ---------------------------------------------------------------------------------


def test_heading_tree() -> None:
    tree = heading_tree("before\n# One\ntext\nmore\n### Two\n#no heading\n")
    assert [(node.tag, node.text) for node in tree.children] == [
        ("content", "before"),
        ("heading", "One"),
        ("heading", "Two"),
    ]
    assert [child.text for node in tree.children for child in node.children] == ["text more", "#no heading"]


@pytest.mark.parametrize(
    ("truth", "predicted", "score", "structure"),
    [
        ("text", "# Heading", None, None),
        ("# A\ntext", "# A\ntext", 1.0, 1.0),
        ("# A\ntext", "A\ntext", 0.0, 0.0),
        ("# A\ntext", "", 0.0, 0.0),
        ("# A\nx\n## B\ny", "### A\nx\n# B\ny", 1.0, 1.0),  # levels do not count
        ("# A\nabcd", "# A\nabcx", 1 - 0.25 / 3, 1.0),  # document, heading, content
        ("# A\nx\n# B\ny", "# A\nx", 1 - 2 / 5, 1 - 2 / 5),
        ("# A\nx", "# A", 1 - 1 / 3, 1 - 1 / 3),
    ],
)
def test_heading_similarity(truth: str, predicted: str, score: float | None, structure: float | None) -> None:
    assert mhs(truth, predicted) == (None if score is None else pytest.approx(score))
    assert mhs(truth, predicted, structure_only=True) == (None if structure is None else pytest.approx(structure))


def test_tables_of_a_page() -> None:
    assert page_teds("none", PIPES) is None
    assert page_teds(PIPES, "none") == 0.0
    assert page_teds(PIPES, f"x\n{HTML}") == 1.0
    # Seven nodes: table, 2 tr, 4 td; a second table of three nodes too many.
    assert page_teds(PIPES, f"{HTML}\n<table><tr><td>x</td></tr></table>") == pytest.approx(1 - 3 / 10)
    assert page_teds(PIPES, HTML.replace("2", "x")) == pytest.approx(1 - 1 / 7)
    assert page_teds(PIPES, HTML.replace("2", "x"), structure_only=True) == 1.0


# -- blocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranks", "tau"),
    [
        ([], None),
        ([1.0], None),
        ([1, 2, 3], 1.0),
        ([3, 2, 1], -1.0),
        ([1, 3, 2], 1 / 3),
        ([None, None], 0.0),
        ([1, None, 2], 1 / 3),  # one of three pairs is known, and right
        ([1, 1], 0.0),
    ],
)
def test_kendall_tau(ranks: list[float | None], tau: float | None) -> None:
    assert kendall_tau(ranks) == (None if tau is None else pytest.approx(tau))


@settings(deadline=None)
@given(st.permutations(range(7)))
def test_kendall_tau_agrees_with_scipy(ranks: list[int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert kendall_tau(ranks) == pytest.approx(stats.kendalltau(range(7), ranks).statistic)


@pytest.mark.parametrize(
    ("labels", "count", "accuracy"),
    [
        ([0, 0, 1, 1, 2], 3, 1.0),
        ([1, 1, 0, 0, 2], 3, 0.0),  # b a c: neither a-b nor b-c
        ([0, 0, 2, 1, 1], 3, 0.0),
        ([0, 1, 0, 1, 0, 1], 2, 0.0),  # read across the columns: neither block stands anywhere
        ([0, 0, 0, 1, 0, 1, 1], 2, 1.0),  # a stray word does no harm
        ([0, None, None, 1], 2, 1.0),  # words of other places do not part
        ([0, 0], 2, 0.0),  # the second block was not read
        ([], 2, 0.0),
        ([0], 1, None),
        ([0, 1, 3, 2], 4, 1 / 3),
    ],
)
def test_successor_accuracy(labels: list[Label], count: int, accuracy: float | None) -> None:
    assert successor_accuracy(labels, count) == (None if accuracy is None else pytest.approx(accuracy))


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_successor_accuracy_counts_kept_neighbours(order: list[int]) -> None:
    kept = sum(b == a + 1 for a, b in pairwise(order))
    assert successor_accuracy([label for label in order for _ in range(3)], 6) == pytest.approx(kept / 5)


def test_ranks_are_medians() -> None:
    assert block_ranks([0, 0, 1, 0, None, 1], 3) == [1, 3.5, None]


def columns() -> PageItem:
    """Two columns of four lines each, a heading over both and a figure that is not part of the order."""
    blocks = (
        TruthBlock(2, "text", "", (60, 20, 100, 60), "right one two three right four five six seven eight"),
        TruthBlock(0, "title", "", (0, 0, 100, 10), "The title"),
        TruthBlock(1, "text", "", (0, 20, 40, 60), "left nine ten eleven left twelve thirteen fourteen"),
        TruthBlock(3, "figure", "", (0, 70, 100, 90), "label"),
        TruthBlock(None, "header", "", (0, 95, 100, 99), "Header"),
        TruthBlock(4, "text", "", (0, 100, 100, 110), "ignored", ignore=True),
    )
    return page(blocks=blocks, text="The title")


def lines(*rows: tuple[str, float, float]) -> tuple[TextBox, ...]:
    return tuple(TextBox(text, (x, y, x + 4, y + 2)) for text, x, y in rows)


TITLE, LABEL = ("The", 3, 3), ("label", 3, 75)
LEFT = [("left", 5, 22 + 10 * i) for i in range(4)]
RIGHT = [("right", 65, 22 + 10 * i) for i in range(4)]


def test_only_blocks_of_the_order_are_asked() -> None:
    assert [block.type for block in ordered_blocks(columns())] == ["title", "text", "text"]


def test_words_are_labelled_by_the_smallest_box_around_their_centre() -> None:
    item = page(
        blocks=(TruthBlock(0, "text", "", (0, 0, 100, 100), "a"), TruthBlock(1, "text", "", (10, 10, 30, 30), "b"))
    )
    words = lines(("x", 1, 1), ("y", 12, 12), ("z", 200, 200))
    assert labels_by_box(item, words) == [0, 1, None]
    assert labels_by_box(columns(), lines(LABEL)) == [None], "a figure's words are nobody's"
    assert labels_by_box(item, ()) == [] and labels_by_box(page(), words) == [None] * 3


def test_reading_across_the_columns_is_seen() -> None:
    right_order = block_scores(columns(), PagePrediction("", lines(TITLE, *LEFT, LABEL, *RIGHT)))
    assert right_order == {"kendall_tau": 1.0, "successor_accuracy": 1.0}
    across = [word for pair in zip(LEFT, RIGHT, strict=True) for word in pair]
    assert block_scores(columns(), PagePrediction("", lines(TITLE, *across)))["successor_accuracy"] == 0.0
    swapped = block_scores(columns(), PagePrediction("", lines(TITLE, *RIGHT, *LEFT)))
    assert swapped == {"kendall_tau": pytest.approx(1 / 3), "successor_accuracy": 0.0}


def test_an_engine_without_boxes_is_placed_by_its_text() -> None:
    texts = [block.text or "" for block in ordered_blocks(columns())]
    assert block_scores(columns(), PagePrediction("\n".join(texts))) == {"kendall_tau": 1.0, "successor_accuracy": 1.0}
    swapped = block_scores(columns(), PagePrediction(f"{texts[0]}\n{texts[2]}\n{texts[1]}"))
    assert swapped == {"kendall_tau": pytest.approx(1 / 3), "successor_accuracy": 0.0}


def test_blocks_that_cannot_be_told_apart_by_text_are_left_out() -> None:
    labels, count = labels_by_text([["a", "b"], ["x"], ["x"], ["c"]], ["a", "b", "x", "x", "c"])
    assert (labels, count) == ([0, 0, None, None, 1], 2)
    assert labels_by_text([["a"], ["b"]], []) == ([], 2)


def test_a_failed_page_scores_nothing() -> None:
    assert sequence_scores(columns(), None) == {"nid_text": 0.0, "kendall_tau": 0.0, "successor_accuracy": 0.0}
    assert sequence_scores(page(text=None), PagePrediction("x")) == {}
    ruled = page(markdown=f"# A\nx\n{PIPES}", rules=(Rule("r", "absent", text="x"),))
    assert markdown_scores(ruled, None) == {
        "nid": 0.0, "mhs": 0.0, "teds": 0.0, "teds_struct": 0.0, "rule_pass_rate": 0.0
    }  # fmt: skip


def test_scores_of_a_perfect_page() -> None:
    item = page(markdown=f"# A\nx\n\n{PIPES}", text="a “b”", text_alt=("other",))
    assert markdown_scores(item, item.markdown) == {"nid": 1.0, "mhs": 1.0, "teds": 1.0, "teds_struct": 1.0}
    assert sequence_scores(item, PagePrediction('a "b"')) == {"nid_text": 1.0}
    assert sequence_scores(item, PagePrediction("other")) == {"nid_text": 1.0}


# -- rules ---------------------------------------------------------------------------------------------------------

TEXT = "Head\n\nThe **quick** brown\nfox — “jumps”. Page 7"


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (Rule("", "present", text='brown fox - "jumps"'), True),
        (Rule("", "present", text="quick brown"), True),
        (Rule("", "present", text="QUICK"), False),
        (Rule("", "present", text="QUICK", case_sensitive=False), True),
        (Rule("", "present", text="quick brawn", max_diffs=1), True),
        (Rule("", "present", text="quick brawn"), False),
        (Rule("", "present", text="Page 7", first_n=10), False),
        (Rule("", "present", text="Page 7", last_n=10), True),
        (Rule("", "present", text="Head", first_n=6, last_n=6), True),
        (Rule("", "absent", text="Page 7"), False),
        (Rule("", "absent", text="Page 8"), True),
        (Rule("", "absent", text="Page 7", first_n=10), True),
        (Rule("", "order", before="quick", after="jumps"), True),
        (Rule("", "order", before="jumps", after="quick"), False),
        (Rule("", "order", before="Head", after="nowhere"), False),
        (Rule("", "order", before="quyck", after="jumqs", max_diffs=1), True),
        (Rule("", "math", text="x^2"), None),
    ],
)
def test_text_rules(rule: Rule, passes: bool | None) -> None:
    assert check_rule(rule, TEXT) is passes


def test_a_text_shorter_than_what_it_should_hold_does_not_hold_it() -> None:
    assert check_rule(Rule("", "present", text="a long phrase"), "\n") is False
    assert check_rule(Rule("", "absent", text="a long phrase"), " ") is True


def test_plain_text_of_rules() -> None:
    assert plain("a<br/>b  __c__ *d* <b>e</b> ‘f’ g–h µ") == "a b c d e 'f' g-h μ"


@pytest.mark.parametrize(
    ("wanted", "text", "diffs", "found"),
    [
        ("ab", "abab", 0, [(0, 2), (2, 4)]),
        ("aa", "aaa", 0, [(0, 2), (1, 3)]),
        ("abc", "xxabdxx", 0, []),
    ],
)
def test_exact_matches(wanted: str, text: str, diffs: int, found: list[tuple[int, int]]) -> None:
    assert near_matches(wanted, text, diffs) == found


@settings(deadline=None)
@given(st.integers(0, 2), st.text("ab", min_size=3, max_size=5), st.text("ab", max_size=12))
def test_near_matches_agree_with_trying_everything(diffs: int, wanted: str, text: str) -> None:
    from rapidfuzz.distance import Levenshtein

    places = [(i, j) for i in range(len(text) + 1) for j in range(i, len(text) + 1)]
    possible = {(i, j) for i, j in places if Levenshtein.distance(wanted, text[i:j]) <= diffs}
    found = near_matches(wanted, text, diffs)
    assert set(found) <= possible
    assert {end for _, end in found} == {end for _, end in possible if end}


SPANNED = (
    "<table><thead><tr><th></th><th colspan=2>Cost</th></tr><tr><th>Kind</th><th>1999</th><th>2000</th></tr></thead>"
    "<tr><td rowspan=2>Apple</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"
)


@pytest.mark.parametrize(
    ("table", "cell", "neighbour", "passes"),
    [
        (PIPES, "2", ("up", "B"), True),
        (PIPES, "2", ("up", "A"), False),
        (PIPES, "2", ("left", "1"), True),
        (PIPES, "A", ("right", "B"), True),
        (PIPES, "A", ("down", "1"), True),
        (PIPES, "A", ("up", "B"), False),
        (PIPES, "2", ("top_heading", "B"), True),
        (PIPES, "missing", ("up", "B"), False),
        (SPANNED, "4", ("top_heading", "2000"), True),
        (SPANNED, "4", ("top_heading", "Cost"), True),
        (SPANNED, "4", ("top_heading", "Kind"), False),
        (SPANNED, "4", ("left", "3"), True),
        (SPANNED, "3", ("left", "Apple"), True),
        (SPANNED, "4", ("left_heading", "Apple"), True),  # no marked heading in the row: the outermost cell
        (SPANNED, "Cost", ("down", "2000"), True),
        (SPANNED, "Apple", ("right", "3"), True),
        ("no table", "2", ("up", "B"), False),
    ],
)
def test_table_rules(table: str, cell: str, neighbour: tuple[str, str], passes: bool) -> None:
    assert check_rule(Rule("", "table", cell=cell, neighbours=(neighbour,)), f"x\n\n{table}\n\ny") is passes


def test_cells_of_table_rules_may_differ_by_so_many_letters() -> None:
    rule = Rule("", "table", cell="Apples", neighbours=(("right", "1"),), max_diffs=1)
    assert check_rule(rule, SPANNED) is True
    assert check_rule(Rule("", "table", cell="Apples", neighbours=(("right", "1"),)), SPANNED) is False


def test_rule_pass_rate() -> None:
    rules = [Rule("", "present", text="Head"), Rule("", "absent", text="Head"), Rule("", "math", text="x")]
    assert rule_pass_rate(rules, TEXT) == 0.5
    assert rule_pass_rate(rules, None) == 0.0
    assert rule_pass_rate(rules[2:], TEXT) is None and rule_pass_rate([], TEXT) is None


# -- the packs' own truth ------------------------------------------------------------------------------------------


def test_truth_against_itself_is_perfect_and_shuffled_is_worse(packs: object) -> None:
    from pathlib import Path

    from ingest.evaluate.packs import draw, read_pack

    items = read_pack(Path(str(packs)) / "reading_order").items
    random = Random(0)
    for item in draw(items, 10):
        if not isinstance(item, PageItem) or item.text is None:
            continue
        blocks = [block for block in ordered_blocks(item) if block.text]
        same = PagePrediction("\n\n".join(block.text or "" for block in blocks))
        scores = sequence_scores(item, PagePrediction(item.text)) | block_scores(item, same)
        assert set(scores.values()) == {1.0}, item.id
        if item.markdown:
            assert set(markdown_scores(item, item.markdown).values()) == {1.0}, item.id
        if len(blocks) > 5:
            random.shuffle(blocks)
            shuffled = PagePrediction("\n\n".join(block.text or "" for block in blocks))
            assert block_scores(item, shuffled)["successor_accuracy"] < 0.8, item.id
            assert sequence_scores(item, shuffled)["nid_text"] < 1.0, item.id


def test_plain_truth_text_scores_on_dpbench_what_was_measured_for_it(packs: object) -> None:
    """Text in the right order without Markdown syntax: NID .936 over all 199 pages; the dev pages alone lie close."""
    from pathlib import Path
    from statistics import mean

    from ingest.evaluate.packs import read_pack

    items = read_pack(Path(str(packs)) / "reading_order").items
    pages = [item for item in items if isinstance(item, PageItem) and item.markdown and item.text]
    scores = [nid_markdown(item.markdown or "", item.text or "") or 0.0 for item in pages]
    assert len(scores) > 100 and mean(scores) == pytest.approx(0.936, abs=0.01)

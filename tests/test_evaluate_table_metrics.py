"""TEDS on hand-made trees, against an independent tree edit distance, and the flattening before it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.records import TableItem
from ingest.evaluate.table_metrics import PredictedTable, flatten, pick_table, table_scores, table_trees, teds
from ingest.evaluate.trees import Node, edit_distance


def table(*rows: str) -> str:
    """Make a table of rows given as "a|b"."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row.split("|")) + "</tr>" for row in rows)
    return f"<table>{body}</table>"


SQUARE = table("a|b", "c|d")


@pytest.mark.parametrize(
    ("truth", "predicted", "score", "structure"),
    [
        (SQUARE, SQUARE, 1.0, 1.0),
        (SQUARE, table("a|b", "c|x"), 1 - 1 / 6, 1.0),  # 2 tr + 4 td; one text all wrong
        (table("abcd"), table("abcx"), 1 - 0.25 / 2, 1.0),  # a quarter of one text
        (table("abcd"), table("ab"), 1 - 0.5 / 2, 1.0),  # over the longer text
        (SQUARE, table("a|b"), 0.5, 0.5),  # a row gone: 3 of 6 nodes
        (SQUARE, table("a", "c"), 1 - 2 / 6, 1 - 2 / 6),  # a column gone
        (table("a|b", "c|d"), table("c|d", "a|b"), 1 - 4 / 6, 1.0),
        (
            "<table><tr><td colspan=2>a</td></tr><tr><td>c</td><td>d</td></tr></table>",
            table("a", "c|d"),
            1 - 1 / 5,
            1 - 1 / 5,
        ),
        (SQUARE, "", 0.0, 0.0),
        ("", SQUARE, 0.0, 0.0),
        ("", "", 0.0, 0.0),
        (SQUARE, "<p>no table</p>", 0.0, 0.0),
        ("<table></table>", "<table></table>", 1.0, 1.0),
        (SQUARE, "<table></table>", 0.0, 0.0),
    ],
)
def test_teds(truth: str, predicted: str, score: float, structure: float) -> None:
    assert teds(truth, predicted) == pytest.approx(score)
    assert teds(truth, predicted, structure_only=True) == pytest.approx(structure)


def test_a_missing_table_scores_nothing() -> None:
    assert teds(SQUARE, None) == 0.0


# -- an independent distance: the recursion of Tai and Zhang-Shasha written down as it is defined --------------------

Forest = tuple[Node, ...]


def plain_distance(a: Forest, b: Forest) -> float:
    def text_cost(x: Node, y: Node) -> float:
        if x.tag != y.tag or x.spans != y.spans:
            return 1.0
        if x.text == y.text:
            return 0.0
        rows = list(range(len(y.text) + 1))
        for i, p in enumerate(x.text, 1):
            last, rows[0] = rows[0], i
            for j, q in enumerate(y.text, 1):
                last, rows[j] = rows[j], min(last + (p != q), rows[j] + 1, rows[j - 1] + 1)
        return rows[-1] / max(len(x.text), len(y.text))

    @cache
    def distance(f: Forest, g: Forest) -> float:
        if not f and not g:
            return 0.0
        options = []
        if f:
            options.append(1 + distance(f[:-1] + f[-1].children, g))
        if g:
            options.append(1 + distance(f, g[:-1] + g[-1].children))
        if f and g:
            renamed = text_cost(f[-1], g[-1])
            options.append(renamed + distance(f[-1].children, g[-1].children) + distance(f[:-1], g[:-1]))
        return min(options)

    return distance(a, b)


CELLS = st.tuples(st.sampled_from(["", "a", "ab", "abc"]), st.sampled_from([(1, 1), (1, 2)]))
ROWS = st.lists(CELLS, max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> Node:
    rows = draw(st.lists(ROWS, max_size=3))
    return Node("table", children=tuple(Node("tr", children=tuple(Node("td", t, s) for t, s in row)) for row in rows))


@settings(max_examples=60, deadline=None)
@given(tables(), tables())
def test_edit_distance_agrees_with_the_definition(a: Node, b: Node) -> None:
    assert edit_distance(a, b) == pytest.approx(plain_distance((a,), (b,)))


def test_edit_distance_of_deeper_trees() -> None:
    leaf = Node("x")
    chain = Node("a", children=(Node("b", children=(leaf,)),))
    flat = Node("a", children=(leaf,))
    assert edit_distance(chain, flat) == 1.0, "an inner node deleted, its child moves up"
    assert edit_distance(chain, Node("z", children=(Node("b", children=(leaf,)),))) == 1.0
    assert edit_distance(Node("t", "abcd"), Node("t", "abcx")) == 0.25
    assert edit_distance(Node("t", "abcd"), Node("t", "abcx"), with_text=False) == 0.0


# -- flattening ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "flat"),
    [
        ("<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>", table("A", "1")),
        ("<table>\n <tr>\n  <td>\n a \n b </td>\n </tr></table>", table("a b")),
        ("<table><tr><td><b>a</b>b<sup>2</sup></td></tr></table>", table("ab2")),
        ("<table><tr><td>a<br>b<br/>c</td></tr></table>", table("a b c")),
        ("<table><tr><td>a &lt;br&gt; b</td></tr></table>", table("a b")),
        ("<table><tr><td>a &amp; b &lt; c</td></tr></table>", table("a &amp; b &lt; c")),
        ('<TABLE><TR><TD COLSPAN="2" rowspan=1>x</TD></TR></TABLE>', '<table><tr><td colspan="2">x</td></tr></table>'),
        (
            '<table><tr><td rowspan="3" colspan="0">x</td></tr></table>',
            '<table><tr><td rowspan="3">x</td></tr></table>',
        ),
        ('<table><tr><td colspan="many">x</td></tr></table>', table("x")),
        ("<table><tr><td>a<td>b<tr><td>c</table>", table("a|b", "c")),  # end tags left out
        ("<table><tr><td>a</td><td>b", table("a|b")),  # cut off
        ("<table><caption>no</caption>stray<tr><td>a</td></tr></table>", table("a")),
        ("<table><tr><td>a<table><tr><td>in</td></tr></table></td></tr></table>", table("a in")),
        ("<p>x</p><table><tr></tr></table>", "<table><tr></tr></table>"),
        ("<table><td>a</td></table>", table("a")),
        ("text", ""),
    ],
)
def test_flatten(html: str, flat: str) -> None:
    assert flatten(html) == flat
    assert flatten(flat) == flat


def test_header_cells_can_be_told() -> None:
    html = "<table><thead><tr><td>a</td></tr></thead><tr><th>b</th><td>c</td></tr></table>"
    (tree,) = table_trees(html, headers=True)
    assert [[cell.tag for cell in row.children] for row in tree.children] == [["th"], ["th", "td"]]


def test_several_tables_are_told_apart() -> None:
    assert [tree.descendants for tree in table_trees(SQUARE + "x" + table("a"))] == [6, 2]


# -- items ---------------------------------------------------------------------------------------------------------


def item(**truth: object) -> TableItem:
    return TableItem(id="s/1", pack="p", source="s", split="dev", group="g", html=SQUARE, **truth)  # type: ignore[arg-type]


def test_the_best_alternative_counts_and_text_is_normalised() -> None:
    assert table_scores(item(), SQUARE) == {"teds": 1.0, "teds_struct": 1.0}
    assert table_scores(item(), None) == {"teds": 0.0, "teds_struct": 0.0}
    assert table_scores(item(html_alt=(table("a"),)), table("a"))["teds"] == 1.0
    dashes = TableItem(id="s", pack="p", source="s", split="dev", group="g", html=table("1–2|“x”"))
    assert table_scores(dashes, table('1-2|"x"'))["teds"] == 1.0
    assert teds(dashes.html, table('1-2|"x"')) < 1.0, "as published: text as it is"


def test_the_table_found_on_the_page_is_the_one_that_overlaps_most() -> None:
    near, far = PredictedTable(table("x"), (0, 0, 10, 10)), PredictedTable(SQUARE, (90, 90, 100, 100))
    boxed = item(table_box=(1, 1, 10, 10))
    assert pick_table(boxed, [far, near]) is near
    assert pick_table(boxed, [far]) is None, "none overlaps: not detected"
    assert pick_table(boxed, []) is None
    unboxed = [PredictedTable(table("x")), PredictedTable(table("p|q", "r|s"))]
    assert pick_table(boxed, unboxed) is unboxed[1], "without boxes, by structure"

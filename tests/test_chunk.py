"""Chunks: what is kept together, what is split and where, and what holds for any document and any budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from documents import B, T, chunks_of, page_of, pages_of, text, title
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.document import Chunk, Page
from loaders.errors import UsageError
from loaders.ledger import check
from loaders.settings import TableText
from loaders.text.composition import compose
from loaders.tokens import TokenBudget, cl100k

SENTENCE = "The quick brown fox jumps over the lazy dog."  # 10 tokens


def texts(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


# -- packing --------------------------------------------------------------------------------------------------------


def test_blocks_under_one_heading_share_a_chunk() -> None:
    pages = pages_of([title("One"), text("a b"), text("c")], [text("D."), title("Two"), text("e")])
    chunks = chunks_of(pages)
    assert texts(chunks) == ["One\n\na b\n\nc\n\nD.", "Two\n\ne"]
    assert [chunk.headings for chunk in chunks] == [("One",), ("Two",)]
    assert [(chunk.page_number, chunk.page_end) for chunk in chunks] == [(1, 2), (2, 2)]


def test_whole_blocks_before_full_chunks() -> None:
    blocks = [text(*[SENTENCE] * n) for n in (3, 2, 4, 1)]
    chunks = chunks_of([page_of(*blocks)], max_tokens=56)
    assert [chunk.text.count("fox") for chunk in chunks] == [5, 5]
    chunks = chunks_of([page_of(*blocks)], max_tokens=46)
    assert [chunk.text.count("fox") for chunk in chunks] == [3, 2, 4, 1]


def test_a_long_block_is_split_between_sentences() -> None:
    chunks = chunks_of([page_of(text(*[SENTENCE] * 9))], max_tokens=43)
    assert texts(chunks) == [" ".join([SENTENCE] * 4), " ".join([SENTENCE] * 4), SENTENCE]


def test_a_long_sentence_is_split_between_words() -> None:
    chunks = chunks_of([page_of(text(*["some words follow"] * 20))], max_tokens=16)
    assert all(chunk.text.split()[0] in ("some", "words", "follow") for chunk in chunks)
    assert " ".join(texts(chunks)) == " ".join(["some words follow"] * 20)
    assert max(len(chunk.text.split()) for chunk in chunks) == 16


def test_a_long_word_is_split_between_characters_and_owned_once() -> None:
    long = "".join(chr(ord("a") + i * i % 26) for i in range(400))
    pages = [page_of(text(f"before {long} after"))]
    chunks = chunks_of(pages, max_tokens=32)
    assert len(chunks) > 5
    assert "".join(texts(chunks)).replace(" ", "") == f"before{long}after"
    owners = [chunk for chunk in chunks for _, words in chunk.words if 1 in words]
    assert len(owners) == 1
    assert owners[0].text.startswith(("before", long[:3]))
    inner = [chunk for chunk in chunks if not chunk.words]
    assert len(inner) > 3
    assert {chunk.boxes[0].box for chunk in inner} == {pages[0].word_box(1)}


def test_unspaced_text_is_split_between_its_words() -> None:
    line = " ~".join(["漢字", "文章"] * 60)
    chunks = chunks_of([page_of(text(line))], max_tokens=24)
    assert "".join(texts(chunks)) == "漢字文章" * 60
    assert all(len(chunk.text) % 2 == 0 for chunk in chunks)


def test_list_items_stay_together_where_they_fit() -> None:
    items = [B("list", [f"• item {number} is here"]) for number in range(4)]
    page = page_of(text(*[SENTENCE] * 2), *items, text("Tail."))
    assert texts(chunks_of([page], max_tokens=40))[1].startswith("• item 0")
    assert texts(chunks_of([page], max_tokens=40))[1].count("•") == 4
    assert chunks_of([page], max_tokens=40)[1].category == "list"


def test_a_long_list_is_split_between_items() -> None:
    items = [B("list", [f"• item {number} is here."]) for number in range(9)]
    chunks = chunks_of([page_of(*items)], max_tokens=24)
    assert all(chunk.text.startswith("• ") and chunk.text.endswith("here.") for chunk in chunks)


def test_captions_go_with_their_figure_or_table() -> None:
    page = page_of(
        text("Before."),
        B("figure", ["axis"]),
        B("caption", ["Figure 1: It rises"]),
        B("caption", ["Table 1: Money"], y=400.0),
        T([["a", "b"], ["1", "2"]]),
        B("footnote", ["1 A note"]),
        B("footnote", ["2 Another"]),
        text("After."),
    )
    chunks = chunks_of([page])
    assert texts(chunks) == [
        "Before.",
        "axis\n\nFigure 1: It rises",
        "Table 1: Money\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
        "1 A note\n\n2 Another",
        "After.",
    ]
    assert [chunk.category for chunk in chunks] == ["text", "figure", "table", "footnote", "text"]


def test_a_lone_caption_is_a_chunk() -> None:
    (_, chunk, _) = chunks_of([page_of(text("Before."), B("caption", ["Figure 1: A picture"]), text("After."))])
    assert (chunk.text, chunk.category) == ("Figure 1: A picture", "caption")


# -- headings -------------------------------------------------------------------------------------------------------


def test_the_heading_path_is_embedded_once() -> None:
    page = page_of(title("A"), title("B", 2), text(*[SENTENCE] * 4), title("C", 2), text("Short."))
    first, second, third = chunks_of([page], max_tokens=35)
    assert first.text == first.embed_text == f"A\n\nB\n\n{SENTENCE} {SENTENCE} {SENTENCE}"[: len(first.text)]
    assert second.embed_text == f"A > B\n{second.text}"
    assert (third.text, third.embed_text) == ("C\n\nShort.", "A\nC\n\nShort.")
    assert [chunk.headings for chunk in (first, second, third)] == [("A", "B"), ("A", "B"), ("A", "C")]


def test_context_can_be_left_out() -> None:
    page = page_of(title("A"), text(*[SENTENCE] * 6))
    assert all(chunk.embed_text == chunk.text for chunk in chunks_of([page], max_tokens=35, context=False))


def test_headings_are_trimmed_from_the_root_and_the_text_never() -> None:
    page = page_of(title("Alpha beta gamma delta " * 3 + "end"), title("Near", 2), text(*[SENTENCE] * 6))
    chunks = chunks_of([page], max_tokens=30)
    assert chunks[-1].embed_text == f"Near\n{chunks[-1].text}"
    assert chunks[-1].headings == ("Alpha beta gamma delta " * 3 + "end", "Near")


def test_a_heading_never_ends_a_chunk() -> None:
    long = "all of these words are one single sentence that is too long to fit behind its heading, and so it is cut"
    chunks = chunks_of([page_of(text(SENTENCE), title("A heading of eight tokens it is"), text(long))], max_tokens=24)
    assert texts(chunks)[1].startswith("A heading of eight tokens it is\n\nall of these")


def test_a_heading_with_nothing_behind_it_is_a_chunk() -> None:
    chunks = chunks_of([page_of(text("Some."), title("Last", 2), title("Very last", 3))])
    assert texts(chunks) == ["Some.", "Last\n\nVery last"]
    assert chunks[-1].category == "title"


def test_headings_too_many_for_one_chunk_are_all_kept() -> None:
    pages = [page_of(*[title(f"Contents entry number {n}") for n in range(30)], text("Body."))]
    chunks = chunks_of(pages, max_tokens=24)
    assert "\n\n".join(texts(chunks)) == compose(pages).text
    assert chunks[-1].text.endswith("29\n\nBody.")


# -- tables ---------------------------------------------------------------------------------------------------------

ROWS = [["Name", "Value"], *[[f"row {number}", f"number {number}"] for number in range(12)]]
HEADER = "| Name | Value |\n| --- | --- |\n"


def test_table_pieces_repeat_the_header() -> None:
    pages = [page_of(title("Results"), B("caption", ["Table 1: All"]), T(ROWS))]
    chunks = chunks_of(pages, max_tokens=60)
    assert len(chunks) > 2
    assert chunks[0].text.startswith(f"Results\n\nTable 1: All\n\n{HEADER}| row 0 |")
    for chunk in chunks[1:]:
        assert chunk.text.startswith(f"{HEADER}| row")
        assert chunk.embed_text == f"Results > Table 1: All\n{chunk.text}"
        assert chunk.category == "table"
    rows = [line for chunk in chunks for line in chunk.text.split("\n") if line.startswith("| row")]
    assert rows == [f"| row {n} | number {n} |" for n in range(12)]
    check(pages, chunks)


def test_a_row_is_not_split_while_it_fits() -> None:
    long = "one two three four five six seven eight nine"
    chunks = chunks_of([page_of(title("Section"), T([["Name", "Value"], *[[long, long]] * 3]))], max_tokens=32)
    assert [chunk.row_part for chunk in chunks] == [""] * len(chunks)
    assert all(f"| {long} | {long} |" in chunk.text for chunk in chunks[-3:])


def test_a_row_too_long_is_split_between_cells() -> None:
    cells = [f"{word} one two three four five six" for word in ("alpha", "beta", "gamma", "delta")]
    pages = [page_of(T([["A", "B", "C", "D"], cells, ["1", "2", "3", "4"]]))]
    chunks = chunks_of(pages, max_tokens=32)
    parts = [chunk for chunk in chunks if chunk.row_part]
    assert [chunk.row_part for chunk in parts] == ["1/2", "2/2"]
    assert parts[0].text == f"| A | B |\n| --- | --- |\n| {cells[0]} | {cells[1]} |"
    assert parts[1].text == f"| C | D |\n| --- | --- |\n| {cells[2]} | {cells[3]} |"
    assert chunks[-1].text == "| 1 | 2 | 3 | 4 |"  # the whole header takes more than half of the budget
    check(pages, chunks)


def test_a_cell_too_long_is_split_like_text() -> None:
    pages = [page_of(T([["A", "B"], ["key", "\n".join([SENTENCE] * 6)]]))]
    chunks = chunks_of(pages, max_tokens=30)
    parts = [chunk for chunk in chunks if chunk.row_part]
    assert parts[0].text == f"| A | B |\n| --- | --- |\n| key | {SENTENCE}"
    assert parts[1].text == f"| B |\n| --- |\n| {SENTENCE} {SENTENCE}"
    assert parts[-1].row_part == f"{len(parts)}/{len(parts)}"
    check(pages, chunks)


def test_a_header_over_half_the_budget_is_not_repeated() -> None:
    head = ["a rather long header cell it is", "and another long header cell"]
    pages = [page_of(T([head, *[["row", "cell"]] * 20]))]
    chunks = chunks_of(pages, max_tokens=32)
    assert chunks[1].text.startswith("| row | cell |")
    check(pages, chunks)


def test_rows_can_be_embedded_as_sentences() -> None:
    rows = [["Item", "2021", "2022"], *[[f"Row {n}", str(n), f"a|b {n}" if n == 2 else ""] for n in range(40)]]
    pages = [page_of(title("Sales"), B("caption", ["Table 1. In millions"]), T(rows))]
    chunks = chunks_of(pages, max_tokens=64, table_text="sentences")
    assert chunks[0].text.startswith(
        "Sales\n\nTable 1. In millions\n\n| Item | 2021 | 2022 |\n| --- | --- | --- |\n| Row 0 |"
    )
    lines = [line for chunk in chunks for line in chunk.embed_text.split("\n") if line.startswith("Row")]
    assert lines[:3] == ["Row 0, 2021: 0", "Row 1, 2021: 1", "Row 2, 2021: 2; Row 2, 2022: a|b 2"]
    assert len(lines) == 40
    assert all(
        chunk.embed_text.startswith("Sales") and "|" not in chunk.embed_text.replace("a|b", "") for chunk in chunks
    )
    check(pages, chunks)


def test_a_row_too_long_for_a_sentence_is_embedded_as_it_is_shown() -> None:
    wide = [["Name", *"ABCDE"], ["a rather long name that a row has here", *"12345"]]
    (chunk,) = chunks_of([page_of(T(wide))], max_tokens=64, table_text="sentences")
    assert chunk.embed_text == chunk.text
    (chunk,) = chunks_of([page_of(T(wide))], max_tokens=128, table_text="sentences")
    assert chunk.embed_text.count(wide[1][0]) == 5


def test_a_continued_table_says_its_first_header() -> None:
    more = T(ROWS[8:], header_rows=0, continues=True)
    pages = pages_of([T(ROWS[:8]), B("footnote", ["A note"])], [more])
    said = chunks_of(pages, table_text="sentences")[2].embed_text
    assert said.split("\n")[1] == f"{ROWS[8][0]}, {ROWS[0][1]}: {ROWS[8][1]}"


def test_a_continued_table_repeats_its_first_header() -> None:
    more = T(ROWS[8:], header_rows=0, continues=True)
    pages = pages_of([T(ROWS[:8]), B("footnote", ["A note"])], [more])
    chunks = chunks_of(pages, max_tokens=256)
    assert texts(chunks)[1] == "A note"
    assert HEADER in chunks[2].text
    adjacent = chunks_of(pages_of([T(ROWS[:8])], [more]), max_tokens=256)
    assert texts(adjacent) == [HEADER + "\n".join(f"| {a} | {b} |" for a, b in ROWS[1:])]
    assert [box.page_number for box in adjacent[0].boxes] == [1, 2]


def test_a_spanning_cell_is_owned_by_its_first_row() -> None:
    rows = [["Group", "Value"], ["shared", "1"], *[["", f"number {n}"] for n in range(8)]]
    pages = [page_of(T(rows, spans={(1, 0): (9, 1)}))]
    chunks = chunks_of(pages, max_tokens=40)
    assert len(chunks) > 1
    assert all("| shared |" in chunk.text for chunk in chunks)
    check(pages, chunks)


# -- boxes and identity ---------------------------------------------------------------------------------------------


def test_one_box_for_each_block_and_page() -> None:
    pages = pages_of([text("one two", "three"), text("It goes")], [text("on here.")])
    (chunk,) = chunks_of(pages)
    blocks = [pages[0].blocks[0], pages[0].blocks[1], pages[1].blocks[0]]
    assert [(part.page_number, part.box) for part in chunk.boxes] == [
        (number, block.box) for number, block in zip((1, 1, 2), blocks, strict=True)
    ]
    assert chunk.words == ((0, (0, 1, 2, 3, 4)), (1, (0, 1)))


def test_confidence_and_ocr_are_of_the_words_owned() -> None:
    page = page_of(text("one two"), title("three"), text("four"))
    words = replace(
        page.words,
        confidences=np.array([1, 0.5, 0.9, 0.7], np.float32),
        ocr=np.array([False, True, False, False]),
    )
    first, second = chunks_of([replace(page, words=words, engine="ppocr")])
    assert (first.confidence, first.ocr, first.metadata["engine"]) == (0.75, True, "ppocr")
    assert (second.confidence, second.ocr, second.metadata["engine"]) == (0.8, False, "")


def test_ids_depend_on_document_and_configuration_only() -> None:
    page = page_of(text("one two"))
    first, again = chunks_of([page]), chunks_of([replace(page, source="elsewhere.pdf")])
    assert first[0].chunk_id == again[0].chunk_id


def test_nothing_gives_nothing() -> None:
    assert chunks_of([]) == chunks_of([page_of()]) == ()


# -- budgets --------------------------------------------------------------------------------------------------------


def test_the_tightest_budget_holds() -> None:
    page = page_of(title("A"), text(*[SENTENCE] * 20))
    tight = TokenBudget(40, lambda string: 2 + len(string), "letters")
    chunks = chunks_of([page], budgets=[tight])
    assert max(tight.count(chunk.embed_text) for chunk in chunks) <= 40
    assert max(len(chunk.embed_text) for chunk in chunks_of([page])) > 200


def test_a_budget_without_room_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="tiny reads 8 tokens"):
        chunks_of([page_of(text("one"))], budgets=[TokenBudget(8, len, "tiny")])


def test_a_counter_nothing_fits_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="no budget holds the text 'o'"):
        chunks_of([page_of(text("one"))], budgets=[TokenBudget(20, lambda string: 99 * len(string), "absurd")])


def merging(string: str) -> int:
    """Count as no tokenizer should: parts are cheaper than the whole."""
    return 1 + len(string) ** 2 // 80


COUNTERS: dict[str, Callable[[str], int]] = {
    "words": lambda string: 2 + len(string.split()),
    "bytes": lambda string: len(string.encode("utf-8", "replace")),
    "fours": lambda string: len(string) // 4 + 3,
    "merging": merging,
}

WORD = st.one_of(
    st.sampled_from(["the", "of", "end.", "inter-", "national", "•", "1.", "e.g.", "Fig.", "\ufb01x", "|", "="]),
    st.text(alphabet="aZ9.-漢é\u00ad|😀", min_size=1, max_size=12),
    st.text(alphabet="xyz", min_size=40, max_size=200),
)
LINES = st.lists(st.lists(WORD, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=5)
KINDS = ["text", "text", "text", "title", "title", "list", "list", "figure", "caption", "footnote", "header", "table"]
BLOCK = st.builds(B, st.sampled_from(KINDS), LINES, st.integers(0, 3))
CELL = st.lists(WORD, max_size=6).map(" ".join)
TABLE = st.builds(
    lambda rows, header, continues, loose, wide: T(
        rows, min(header, len(rows)), continues, {(0, 0): (1, 2)} if wide else {(0, 1): (len(rows), 1)}, loose
    ),
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6),
    st.integers(0, 2),
    st.booleans(),
    st.lists(st.just("loose words"), max_size=1),
    st.booleans(),
)
DOCUMENT = st.lists(st.lists(st.one_of(BLOCK, BLOCK, TABLE), max_size=6), min_size=1, max_size=3)


def built(specs: Sequence[Sequence[B | T]]) -> list[Page]:
    """Build pages whose furniture is dropped, as the ledger wants it."""
    pages = []
    for page in pages_of(*specs):
        lines = [line for block in page.blocks if block.category == "header" for line in block.lines]
        dropped = tuple(word for line in lines for word in page.lines[line].words)
        pages.append(replace(page, dropped=() if not dropped else (_furniture(dropped),)))
    return pages


def _furniture(words: tuple[int, ...]):  # type: ignore[no-untyped-def]
    from loaders.document import Dropped

    return Dropped(words, "furniture")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    DOCUMENT,
    st.integers(16, 60),
    st.sampled_from(sorted(COUNTERS)),
    st.integers(40, 90),
    st.booleans(),
    st.sampled_from(get_args(TableText)),
)
def test_what_holds_for_any_document(
    specs: list[list[B | T]], max_tokens: int, counter: str, limit: int, context: bool, table_text: TableText
) -> None:
    pages = built(specs)
    composed = compose(pages)
    budget = TokenBudget(limit, COUNTERS[counter], counter)
    chosen = {"composed": composed, "budgets": [budget], "context": context, "table_text": table_text}
    chunks = chunks_of(pages, max_tokens=max_tokens, **chosen)

    check(pages, chunks)
    for chunk in chunks:
        assert cl100k(max_tokens).count(chunk.embed_text) <= max_tokens
        assert budget.count(chunk.embed_text) <= limit
        assert chunk.embed_text.endswith(chunk.text) or (table_text == "sentences" and chunk.category == "table")
        assert chunk.boxes
        assert json.loads(json.dumps(chunk.metadata)) == chunk.metadata
        assert {type(value) for value in chunk.metadata.values()} <= {str, int, float, bool}
        if "|" not in chunk.text:
            assert chunk.text == composed.text[chunk.start : chunk.end]
        else:
            assert chunk.text.endswith(composed.text[chunk.end - 1])
    assert all(one.end <= other.start for one, other in pairwise(chunks))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    _no_heading_ends_a_chunk(pages, chunks, [cl100k(max_tokens), budget])
    again = chunks_of(pages, max_tokens=max_tokens, **chosen)
    assert [(c.text, c.embed_text, c.metadata, c.words) for c in chunks] == [
        (c.text, c.embed_text, c.metadata, c.words) for c in again
    ]


ESTIMATE = 2
"""Tokens by which parts counted one by one may exceed their sum; room that small may stay empty."""


def _no_heading_ends_a_chunk(pages: Sequence[Page], chunks: Sequence[Chunk], budgets: Sequence[TokenBudget]) -> None:
    """Before a table row, which is never split for a heading's sake, and where a heading leaves no room, one may."""
    composed = compose(pages)
    spans = composed.blocks
    by_index = {page.index: page for page in pages}
    kinds = [by_index[span.page].blocks[span.block].category for span in spans]
    for chunk in chunks[:-1]:
        last = max(number for number, span in enumerate(spans) if span.start < chunk.end)
        if kinds[last] == "title" and chunk.end == spans[last].end:
            longer = f"{chunk.embed_text}\n\n{composed.text[spans[last + 1].start]}"
            full = any(budget.count(longer) + ESTIMATE > budget.limit for budget in budgets)
            assert kinds[last + 1] in ("title", "table") or full


@given(DOCUMENT)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_text_chunks_are_slices_of_the_text(specs: list[list[B | T]]) -> None:
    blocks = [[spec for spec in page if isinstance(spec, B)] for page in specs]
    pages = built(blocks)
    composed = compose(pages)
    for chunk in chunks_of(pages, composed=composed, max_tokens=32):
        assert chunk.text == composed.text[chunk.start : chunk.end] == chunk.text.strip() or " " in chunk.text


@pytest.mark.slow
def test_a_thousand_pages_take_seconds() -> None:
    line = "Some words of a line that goes on and is like any other line."
    pages = pages_of(*[[title(f"Section {n}"), *[text(*[line] * 8)] * 7] for n in range(1000)])
    began = time.process_time()
    chunks = chunks_of(pages)
    assert time.process_time() - began < 30
    assert check(pages, chunks).words > 700_000

"""Text: what is written for each kind of block, and that every character knows its word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from documents import FRAME, B, PageBuilder, T, page_of, pages_of, text, title
from hypothesis import given
from hypothesis import strategies as st

from loaders.document import Document, Ledger, Page
from loaders.errors import UsageError
from loaders.text import boxes_in, document_markdown, page_text
from loaders.text.composition import ComposedText, compose, spelled
from loaders.text.hyphens import SOFT


def document_of(pages: list[Page]) -> Document:
    composed = compose(pages)
    return Document(
        source="report.pdf",
        doc_id="d",
        config_id="c",
        title="",
        pages=tuple(pages),
        failures=(),
        text=composed.text,
        text_map=composed.text_map,
        chunks=(),
        ledger=Ledger(0, 0),
        total_pages=len(pages),
    )


def pieces(composed: ComposedText, pages: list[Page]) -> list[tuple[str, str]]:
    """Return what each row of the map spells, and the word it names."""
    words = {page.index: page.words.texts for page in pages}
    columns = (composed.text_map.start, composed.text_map.end, composed.text_map.page, composed.text_map.word)
    return [
        (composed.text[a:b], words[page][word])
        for a, b, page, word in zip(*(column.tolist() for column in columns), strict=True)
    ]


# -- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("plain", "plain"),
        ("\ufb01nal", "final"),
        ("e\ufb03cient", "efficient"),
        ("\ufb00\ufb02\ufb04\ufb05\ufb06", "ffflfflstst"),
        ("so\u00adcalled", "so-called"),
        ("two words", "two words"),
        (" \t", " "),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
    ],
)
def test_spelling(word: str, text: str) -> None:
    assert spelled(word) == text
    assert page_text(page_of(B("text", [word.replace(" ", "\u00a0")]))) == text


# -- blocks ---------------------------------------------------------------------------------------------------------


def test_blocks_are_parted_by_blank_lines_and_lines_by_spaces() -> None:
    page = page_of(title("A Head"), text("one two", "three"), B("list", ["• first", "goes on", "2. second"]))
    assert page_text(page) == "A Head\n\none two three\n\n• first goes on\n2. second"


def test_order_is_the_order_of_the_blocks() -> None:
    page = page_of(text("a"), text("b"), text("c"))
    turned = replace(page, blocks=page.blocks[::-1])
    assert page_text(turned) == "c\n\nb\n\na"


def test_furniture_and_dropped_words_are_left_out() -> None:
    page = page_of(
        B("header", ["Running head"]), text("seen unseen ~joined", "gone"), dropped=[(["unseen", "gone"], "hidden")]
    )
    assert page_text(page) == "seen joined"


def test_joined_words_stand_close() -> None:
    assert page_text(page_of(text("漢 ~字 ~漢", "字"), text("split ~style word"))) == "漢字漢字\n\nsplitstyle word"


def test_figures_keep_their_lines_apart() -> None:
    assert page_text(page_of(B("figure", ["axis one", "axis-", "two"]))) == "axis one\naxis-\ntwo"


def test_no_words_no_text() -> None:
    composed = compose(pages_of([], [B("figure", [])]))
    assert (composed.text, len(composed.text_map), composed.blocks) == ("", 0, ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["the inter-", "national law"], "the international law"),
        (["some n-", "octanal"], "some n-octanal"),
        (["vracht-", "en personenvervoer"], "vracht- en personenvervoer"),
        (["a well-", "known man is well-known"], "a well-known man is well-known"),
        (["soft" + SOFT, "ened"], "softened"),
        (["mid-line in- ternational"], "mid-line in- ternational"),
        (["not" + SOFT + " broken"], "not- broken"),
        (["split inter ~-", "national"], "split inter-national"),
        (["e\ufb03-", "cient"], "efficient"),
        (["a com-", "pre-", "hension"], "a comprehension"),
    ],
)
def test_hyphens_at_line_ends(lines: list[str], expected: str) -> None:
    page = page_of(text(*lines))
    composed = compose([page])
    assert composed.text == expected
    for shown, word in pieces(composed, [page]):
        whole = spelled(word).replace(SOFT, "-")
        assert shown in (whole, whole[:-1])


def test_evidence_comes_from_the_whole_document() -> None:
    pages = pages_of([text("a co-", "operative"), text("Done.")], [text("The co-operative here.")])
    assert compose(pages).text.startswith("a co-operative\n\n")
    assert page_text(pages[0]).startswith("a cooperative\n\n")


# -- breaks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "first", "between"),
    [
        (text("it goes"), text("on here"), " "),
        (text("it inter-"), text("nationally"), ""),
        (text("it ends."), text("on here"), "\n\n"),
        (text('it "ends."'), text("on here"), "\n\n"),
        (text("it goes"), text("On here"), "\n\n"),
        (text("as follows:"), text("on here"), "\n\n"),
        (B("list", ["• it goes"]), text("on here"), " "),
        (title("it goes"), text("on here"), "\n\n"),
        (text("it goes"), B("caption", ["on here"]), "\n\n"),
    ],
)
def test_a_paragraph_goes_on_over_a_page_break(last: B, first: B, between: str) -> None:
    pages = pages_of([last, B("footer", ["1"])], [B("header", ["Head"]), first])
    composed = compose(pages)
    before, after = composed.blocks
    assert composed.text[before.end : after.start] == between
    assert composed.text[after.start : after.end] == " ".join(first.lines)


def test_a_missing_page_ends_the_paragraph() -> None:
    pages = pages_of([text("it goes")], [text("lost")], [text("on here")])
    assert compose([pages[0], pages[2]]).text == "it goes\n\non here"


@pytest.mark.parametrize(("x", "y", "between"), [(300.0, 72.0, " "), (72.0, None, "\n\n"), (300.0, 500.0, "\n\n")])
def test_a_paragraph_goes_on_over_a_column_break(x: float, y: float | None, between: str) -> None:
    page = page_of(text("it", "goes"), B("text", ["on here"], x=x, y=y))
    assert page_text(page) == f"it goes{between}on here"


# -- tables ---------------------------------------------------------------------------------------------------------


def test_a_pipe_table() -> None:
    page = page_of(T([["Name", "A|B\nin €"], ["", "inter-\nnational"]], loose=["loose words", "stay"]))
    composed = compose([page])
    table = "| Name | A\\|B in € |\n| --- | --- |\n|  | international |"
    assert composed.text == f"{table}\n\nloose words\nstay"
    span, rest = composed.blocks
    assert composed.text[span.start : span.end] == table
    assert [[composed.text[a:b] for a, b in row.cells] for row in span.rows] == [
        ["Name", "A\\|B in €"],
        ["", "international"],
    ]
    assert [row.header for row in span.rows] == [True, False]
    assert (rest.block, rest.rows) == (span.block, ())


def test_spanning_cells_are_repeated_with_their_words() -> None:
    page = page_of(T([["year", "", "both"], ["1", "2", ""]], spans={(0, 0): (1, 2), (0, 2): (2, 1)}))
    composed = compose([page])
    assert composed.text == "| year | year | both |\n| --- | --- | --- |\n| 1 | 2 | both |"
    assert [shown for shown, _ in pieces(composed, [page])] == ["year", "year", "both", "1", "2", "both"]
    assert len(boxes_in([page], composed.text_map, 0, len(composed.text))) == 4


def test_a_table_without_header() -> None:
    assert page_text(page_of(T([["1", "2"]], header_rows=0))) == "|  |  |\n| --- | --- |\n| 1 | 2 |"


def test_two_header_rows() -> None:
    page = page_of(T([["a", "b"], ["c", "d"], ["1", "2"]], header_rows=2))
    assert page_text(page) == "| a | b |\n| --- | --- |\n| c | d |\n| 1 | 2 |"


def test_a_table_goes_on_over_a_page_break() -> None:
    pages = pages_of([T([["a", "b"], ["1", "2"]])], [T([["3", "4"]], header_rows=0, continues=True)])
    composed = compose(pages)
    assert composed.text == "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"
    assert [composed.text[span.start : span.end] for span in composed.blocks][1] == "| 3 | 4 |"


# -- the map --------------------------------------------------------------------------------------------------------

WORD = st.text(alphabet="ab-É漢\ufb01\u00ad|.", min_size=1, max_size=6)
LINES = st.lists(st.lists(WORD, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3)
BLOCK = st.builds(B, st.sampled_from(["text", "title", "list", "figure", "caption", "footnote", "footer"]), LINES)
TABLE = st.builds(
    T, st.lists(st.lists(WORD, min_size=2, max_size=2), min_size=1, max_size=3), st.integers(0, 1), st.booleans()
)
PAGES = st.lists(st.lists(st.one_of(BLOCK, TABLE), max_size=4), min_size=1, max_size=3).map(lambda p: pages_of(*p))


@given(PAGES)
def test_every_row_spells_its_word_and_every_word_has_a_row(pages: list[Page]) -> None:
    composed = compose(pages)
    text_map = composed.text_map
    assert all(text_map.start < text_map.end)
    assert all(text_map.end[:-1] <= text_map.start[1:])
    for shown, word in pieces(composed, pages):
        whole = spelled(word).replace(SOFT, "-")
        assert shown.replace("\\|", "|") in (whole, whole[:-1])
    written = {(page.index, word) for page in pages for word in _written(page)}
    assert set(zip(text_map.page.tolist(), text_map.word.tolist(), strict=True)) == written


def _written(page: Page) -> set[int]:
    blocks = [block for block in page.blocks if block.category != "footer"]
    return {word for block in blocks for line in block.lines for word in page.lines[line].words}


@given(PAGES)
def test_spans_cover_the_text_in_order(pages: list[Page]) -> None:
    composed = compose(pages)
    edges = [0, *(edge for span in composed.blocks for edge in (span.start, span.end)), len(composed.text)]
    assert edges == sorted(edges)
    gaps = [composed.text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert set(gaps[1:-1]) <= {"\n\n", "\n", " ", ""}
    assert gaps[0] == gaps[-1] == ""
    for span in composed.blocks:
        for row in span.rows:
            assert span.start <= row.start < row.end <= span.end
            assert composed.text[row.start : row.end].startswith("| ")
            assert composed.text[row.start : row.end].endswith(" |")


# -- boxes ----------------------------------------------------------------------------------------------------------


def test_boxes_of_a_span() -> None:
    document = document_of(pages_of([text("one two three", "four five")], [text("six")]))
    start = document.text.index("two")
    boxes = document.boxes_for(start, document.text.index("five"))
    page = document.pages[0]
    assert [(part.page_number, part.box.xyxy) for part in boxes] == [
        (1, page.word_box(1).union(page.word_box(2)).xyxy),
        (1, page.word_box(3).xyxy),
    ]
    assert [part.page_number for part in document.boxes_for(0, len(document.text))] == [1, 1, 2]
    assert document.boxes_for(start + 1, start + 2)[0].box == page.word_box(1)


def test_no_characters_no_boxes() -> None:
    document = document_of([page_of(text("one two"))])
    assert document.boxes_for(1, 1) == document.boxes_for(3, 4) == ()


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 1), (0, 99)])
def test_a_span_outside_the_text_is_wrong_use(start: int, end: int) -> None:
    with pytest.raises(UsageError, match="not in a text of 7 characters"):
        document_of([page_of(text("one two"))]).boxes_for(start, end)


@given(PAGES, st.data())
def test_boxes_hold_every_word_they_are_for(pages: list[Page], data: st.DataObject) -> None:
    composed = compose(pages)
    start = data.draw(st.integers(0, len(composed.text)))
    end = data.draw(st.integers(start, len(composed.text)))
    boxes = boxes_in(pages, composed.text_map, start, end)
    by_index = {page.index: page for page in pages}
    touched = [
        by_index[page].word_box(word)
        for a, b, page, word in zip(
            composed.text_map.start, composed.text_map.end, composed.text_map.page, composed.text_map.word, strict=True
        )
        if start < end and a < end and b > start
    ]
    assert bool(touched) == bool(boxes)
    assert all(any(part.box.union(word) == part.box for part in boxes) for word in touched)


def test_words_in_no_line_have_boxes_of_their_own() -> None:
    builder = PageBuilder(1)
    builder.table(T([["a", "b"]]))
    page = builder.page()
    bare = replace(page, lines=(), blocks=tuple(replace(block, lines=()) for block in page.blocks))
    composed = compose([bare])
    assert len(boxes_in([bare], composed.text_map, 0, len(composed.text))) == 2
    assert all(part.box.frame == FRAME for part in boxes_in([bare], composed.text_map, 0, 9))


# -- Markdown -------------------------------------------------------------------------------------------------------


def test_markdown() -> None:
    pages = pages_of(
        [
            title("Report"),
            title("Costs", level=2),
            text("# They grew", "and"),
        ],
        [
            text("then fell."),
            B("list", ["• one", "– two"]),
            B("list", ["3. three"]),
            B("caption", ["Table 1: Money"]),
            T([["a", "b"], ["1", "2"]]),
            B("figure", ["axis", "label"]),
            B("caption", ["Made by *us*"]),
            B("footnote", ["1 A note"]),
            B("footer", ["page 2"]),
        ],
    )
    assert document_markdown(document_of(pages)) == "\n\n".join(
        [
            "# Report",
            "## Costs",
            "\\# They grew and then fell.",
            "- one\n- two\n3. three",
            "*Table 1: Money*",
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
            "axis  \nlabel",
            "Made by *us*",
            "1 A note",
        ]
    )

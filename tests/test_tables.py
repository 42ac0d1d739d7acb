"""Tables found on typeset pages and cut into cells; and pages on which there is none."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import prose
from typeset import PAGE, assert_valid, booktabs, borderless, cells, ruled, sheet, spans, texts

from loaders.document import Words
from loaders.geometry import Frame, quads_from_boxes
from loaders.tables import build_table, detect_tables
from loaders.tables.grid import words_in
from loaders.tables.ruled import falls_to_zero
from loaders.tables.words import upright

SALES = [
    ["Region", "2021", "2022", "2023"],
    ["Northern Europe", "1,204", "1,310", "1,498"],
    ["Southern Europe", "987", "1,002", "−12"],
    ["Overseas", "(45)", "51", "60.5%"],
    ["Total", "2,146", "2,363", "1,546.5"],
]
STAFF = [
    ["Name", "Office", "Since"],
    ["Ada Ball", "London", "March 2019"],
    ["Jon Crane", "Leeds", "April 2020"],
    ["Eve Dunn", "York", "May 2021"],
]
NO_LINES = np.zeros((0, 4), np.float32)


@pytest.mark.parametrize("style", [ruled, booktabs, borderless])
@pytest.mark.parametrize("columns", ["4", "(2fr, 1fr, 1fr, 1fr)"])
def test_a_table_among_prose_is_found_and_cut(style, columns) -> None:
    page = sheet(f"{prose(1, 120)}\n\n{style(SALES, columns)}\n{prose(2, 120)}")
    assert texts(page.table) == SALES
    assert page.table.header_rows == 1
    assert [cell.text for cell in page.table.cells if cell.header] == SALES[0]
    assert_valid(page.table, page.words, page.table.box)


@pytest.mark.parametrize("style", [ruled, booktabs])
def test_a_table_of_words_is_found_by_its_lines(style) -> None:
    assert texts(sheet(f"{prose(1, 60)}\n\n{style(STAFF)}\n{prose(2, 60)}").table) == STAFF


def test_rules_under_every_row_part_the_rows() -> None:
    rows = "table.hline(), " + ", table.hline(), ".join(cells([row]) for row in STAFF) + ", table.hline()"
    assert texts(sheet(f"#table(stroke: none, columns: (1fr, 1fr, 1fr), {rows})").table) == STAFF


@pytest.mark.parametrize("align", ["left", "right", "center"])
def test_columns_are_told_apart_whatever_their_alignment(align: str) -> None:
    assert texts(sheet(borderless(SALES, "(2fr, 1fr, 1fr, 1fr)", align)).table) == SALES


def test_several_tables_on_a_page() -> None:
    page = sheet(f"{ruled(STAFF)}\n{prose(3, 80)}\n\n{booktabs(SALES)}\n{prose(4, 80)}\n\n{borderless(SALES)}")
    assert [texts(table) for table in page.tables()] == [STAFF, SALES, SALES]
    boxes = page.regions()
    assert all(a.overlap(b) == 0 for i, a in enumerate(boxes) for b in boxes[i + 1 :])


@pytest.mark.parametrize("style", [ruled, booktabs, borderless])
def test_a_table_folded_beside_itself_is_several(style) -> None:
    ages = [[f"{n} years", f"{4_000_000 - 37_911 * n:,}"] for n in range(24)]
    head = ["Age", "Population"]
    folded = [head * 3, *([*ages[n], *ages[n + 8], *ages[n + 16]] for n in range(8))]
    page = sheet(style(folded, "(60pt, 70pt) * 3"))
    assert [texts(table) for table in page.tables()] == [[head, *ages[n : n + 8]] for n in (0, 8, 16)]


def test_a_caption_is_no_row() -> None:
    page = sheet(f"Table 3: What was sold, by region and year, in thousands of tonnes\n\n{booktabs(SALES)}")
    assert texts(page.table) == SALES


def test_the_last_line_of_a_caption_is_no_heading() -> None:
    caption = (
        "Table 2. What the three branches of the firm sold in the first and the second half of each year, in *millions*"
    )
    page = sheet(f"#align(center)[{caption} \\ of euros.]\n{borderless(SALES)}")
    (region,) = page.regions()
    assert not any(text in ("of", "euros.") for text in page.words.take(words_in(page.words, region)).texts)


def test_a_note_in_a_typewriter_face_is_no_row() -> None:
    rows = [
        ["Status", "Sample", "Share"],
        ["Total", "39,695", "100.0"],
        ["Examined", "30,818", "77.6"],
        ["Home", "493", "1.2"],
    ]
    placed = [(text, 40 + 120 * col, 90 + 14 * row) for row, texts in enumerate(rows) for col, text in enumerate(texts)]
    lines = ("The shares below are those that may", "be used for analyses of trends in", "all of the surveys")
    for y, line in (
        (40, lines[0]),
        (53, lines[1]),
        (66, lines[2]),
        (154, "Source: The examination data file, 1988-94"),
    ):
        x = 40
        for text in line.split():
            placed.append((text, x, y))
            x += 6 * len(text) + 9
    boxes = [(x, y, x + 6 * len(text), y + 10) for text, x, y in placed]
    words = Words.of(quads_from_boxes(boxes), [text for text, _, _ in placed], ocr=False)
    (region,) = detect_tables(words, Frame(480.0, 300.0), NO_LINES)
    assert len(words_in(words, region)) == 12


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_turned_by_the_file(turns: int) -> None:
    assert texts(sheet(ruled(SALES), turns).table) == SALES


@pytest.mark.parametrize("style", [ruled, booktabs])
def test_a_table_laid_on_its_side(style) -> None:
    page = sheet(f"{prose(1, 40)}\n\n#rotate(-90deg, reflow: true)[{style(SALES, '(80pt, 60pt, 60pt, 60pt)')}]")
    assert texts(page.table) == SALES
    assert page.table.box.height > page.table.box.width


# -- spans ---------------------------------------------------------------------------------------------------------

HEADED = "table.cell(rowspan: 2)[Age], table.cell(colspan: 2)[Women], table.cell(colspan: 2)[Men], "
BELOW = [["No.", "Rate", "No.", "Rate"]]
BODY = [
    ["45-54", "345", "15.5", "5,663", "28.7"],
    ["55-64", "806", "60.6", "2,806", "81.2"],
    ["65-74", "15", "1.2", "22", "2.7"],
]


def assert_headed(table) -> None:
    assert spans(table) == {"Age": (2, 1), "Women": (1, 2), "Men": (1, 2)}
    assert texts(table)[2:] == BODY
    assert table.header_rows == 2


def test_spans_of_a_ruled_table() -> None:
    assert_headed(sheet(f"#table(columns: 5, align: center + horizon, {HEADED}{cells(BELOW)}, {cells(BODY)})").table)


def test_spans_of_headings_over_short_rules() -> None:
    rules = "table.hline(start: 1, end: 3), table.hline(start: 3, end: 5), "
    source = f"table.hline(), {HEADED}{rules}{cells(BELOW)}, table.hline(), {cells(BODY)}, table.hline()"
    page = sheet(f"#table(stroke: none, columns: (1fr,) * 5, align: center + bottom, column-gutter: 4pt, {source})")
    assert_headed(page.table)


def test_a_heading_centred_over_its_columns_spans_them_without_any_line() -> None:
    rows = f"[], table.cell(colspan: 2)[*Women*], table.cell(colspan: 2)[*Men*], {cells([['*Age*', *(f'*{t}*' for t in BELOW[0])]])}"
    page = sheet(f"#table(stroke: none, columns: (1fr,) * 5, align: center, {rows}, {cells(BODY)})")
    assert {text: span[1] for text, span in spans(page.table).items() if text in ("Women", "Men")} == {
        "Women": 2,
        "Men": 2,
    }
    assert texts(page.table)[2:] == BODY


def test_a_label_beside_several_ruled_rows_spans_them() -> None:
    rows = "table.cell(rowspan: 3)[1991], [Men], [11.0], [Women], [6.6], [All], [8.9]"
    table = sheet(f"#table(columns: (1fr, 1fr, 1fr), align: horizon, [Year], [Sex], [Share], {rows})").table
    assert spans(table) == {"1991": (3, 1)}
    assert texts(table)[1:] == [["1991", "Men", "11.0"], ["1991", "Women", "6.6"], ["1991", "All", "8.9"]]


# -- lines of text in one cell -------------------------------------------------------------------------------------

LONG = "The Treasurer may prohibit an action that is found to be against the interest of the nation"


def test_texts_of_several_lines_stay_in_their_ruled_cell() -> None:
    rows = [["Country", "Notice", "Rule"], ["Australia", "Y", LONG], ["Belgium", "N", "None."], ["Brazil", "Y", LONG]]
    page = sheet(ruled(rows, "(80pt, 60pt, 130pt)"))
    assert texts(page.table) == rows


@pytest.mark.parametrize("style", [booktabs, borderless])
def test_a_wrapped_label_goes_on_where_the_next_has_room(style) -> None:
    label = "Applications developed by the public and the government together"
    rows = [["Kind", "2009", "2010"], ["Data sets", "47", "272"], [label, "0", "237"], ["Downloads", "10", "652"]]
    assert texts(sheet(style(rows, "(120pt, 60pt, 60pt)")).table) == rows


def test_figures_part_rows_where_a_line_between_them_was_missed() -> None:
    rows = [
        ["", "Small", "Large"],
        ["Rules that apply to the company", "669", "5,796"],
        ["Rules that come with a fine for it", "461", "4,085"],
        ["Share of rules with a fine in all", "69%", "70%"],
    ]
    page = sheet(ruled(rows, "(90pt, 60pt, 60pt)"))
    lines = page.layer.rulings
    heights = np.unique(np.round(lines[lines[:, 3] - lines[:, 1] < 1, 1]))
    assert len(heights) == 5
    seen = lines[np.abs(lines[:, [1, 3]] - heights[3]).max(axis=1) > 1.5]
    assert [texts(table) for table in page.tables(seen)] == [rows]


def test_empty_cells_stay_empty() -> None:
    rows = [
        ["Country", "1997", "1995", "Leaders"],
        ["UK", "42.3", "", "Tesco"],
        ["Portugal", "", "9", ""],
        ["Italy", "", "6", "Coop"],
    ]
    for style in (ruled, booktabs):
        table = sheet(style(rows, "(1fr, 1fr, 1fr, 1fr)")).table
        assert texts(table) == rows
        assert all(cell.words for cell in table.cells)


def test_signs_units_and_currency_stay_with_their_number() -> None:
    rows = [
        ["Item", "Value", "Change"],
        ["Cash", "\\$ 9,889", "+1.5 %"],
        ["Debt", "\\$ (467)", "−0.2 %"],
        ["Stock", "\\$ 6,854", "12 %"],
    ]
    table = sheet(booktabs(rows, "(1fr, 1fr, 1fr)")).table
    assert texts(table) == [[text.replace("\\", "") for text in row] for row in rows]


def test_words_of_a_cell_are_in_reading_order() -> None:
    page = sheet(ruled([["Term", "Meaning"], ["Rule", LONG]], "(60pt, 120pt)"))
    (cell,) = (cell for cell in page.table.cells if cell.text == LONG)
    assert [page.words.texts[i] for i in cell.words] == LONG.split()


def test_lines_seen_in_pixels_serve_as_well_as_drawn_ones() -> None:
    page = sheet(f"{prose(1, 60)}\n\n{ruled(SALES)}\n{prose(2, 60)}\n\n{booktabs(STAFF)}")
    assert [texts(table) for table in page.tables(page.seen_rulings)] == [SALES, STAFF]


@pytest.mark.parametrize("degrees", [-1.5, 0.7, 2.0])
def test_a_skewed_scan(degrees: float) -> None:
    page = sheet(ruled(SALES, "(100pt, 60pt, 60pt, 60pt)"))
    around = np.array([page.frame.width / 2, page.frame.height / 2])
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    words = Words.of((page.words.quads - around) @ turn + around, page.words.texts)
    ends = (page.layer.rulings.reshape(-1, 2, 2) - around) @ turn + around
    lines = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1).astype(np.float32)  # as boxes around them
    (region,) = detect_tables(words, page.frame, lines)
    table = build_table(words, region, page.frame, lines)
    assert table is not None
    assert texts(table) == SALES


# -- what another model finds likely ---------------------------------------------------------------------------------


def test_words_that_are_likely_in_a_table_bring_it_and_unlikely_ones_turn_it_away() -> None:
    rows = [["Country", "Rule"], ["Australia", LONG], ["Belgium", LONG], ["Brazil", "None."]]
    page = sheet(f"{prose(1, 60)}\n\n{borderless(rows, '(80pt, 200pt)')}\n{prose(2, 60)}")
    told = {word for row in rows for text in row for word in text.split()}
    y0 = min(box[1] for box, text in zip(page.words.boxes, page.words.texts, strict=True) if text == "Country")
    y1 = max(box[3] for box, text in zip(page.words.boxes, page.words.texts, strict=True) if text == "None.")
    middle = page.words.boxes[:, [1, 3]].mean(axis=1)
    inside = (middle > y0) & (middle < y1)
    assert {text for text, is_in in zip(page.words.texts, inside, strict=True) if is_in} == told
    assert page.regions() == ()
    (region,) = detect_tables(page.words, page.frame, NO_LINES, likelihood=np.where(inside, 0.9, 0.05))
    assert region.y0 == pytest.approx(y0, abs=2)
    assert region.y1 == pytest.approx(y1, abs=2)
    found = sheet(borderless(SALES))
    assert len(found.regions()) == 1
    assert detect_tables(found.words, found.frame, NO_LINES, likelihood=np.full(len(found.words), 0.02)) == ()


# -- pages without a table -----------------------------------------------------------------------------------------

LETTER = """
#grid(columns: (1fr, 1fr), [Ball & Crane Ltd. \\ 14 Mill Lane \\ London EC1 \\ United Kingdom],
  [Eve Dunn \\ 3 Harbour Road \\ York YO1 \\ 12 March 2021])
"""
FORM = """
#grid(columns: (1fr, 1fr), row-gutter: 14pt,
  [Name: #box(width: 1fr, stroke: (bottom: 0.5pt))[Ball]], [Date: #box(width: 1fr, stroke: (bottom: 0.5pt))[1.2.21]],
  [Street: #box(width: 1fr, stroke: (bottom: 0.5pt))[Mill Lane]], [Town: #box(width: 1fr, stroke: (bottom: 0.5pt))],
  [Telephone: #box(width: 1fr, stroke: (bottom: 0.5pt))[0171 1234]], [Fax: #box(width: 1fr, stroke: (bottom: 0.5pt))],
  [Signed: #box(width: 1fr, stroke: (bottom: 0.5pt))], [Place: #box(width: 1fr, stroke: (bottom: 0.5pt))[York]])
"""
BOXES = [
    (1, "1 Name of the taxpayer: Ada Ball"),
    (3, "2 Street: Mill Lane", "3 Town: York", "4 Postcode: YO1"),
    (2, "5 Telephone: 0171 1234", "6 Date of birth: 1.2.1971"),
    (4, "7 Single", "8 Married", "9 Divorced: since", "10 Widowed: since"),
    (1, "11 Income from employment, before tax: 12,000"),
    (2, "12 Employer: Crane Ltd", "13 Since: March 2019"),
    (3, "14 Signed:", "15 Place:", "16 Date:"),
]
BOXED = "\n".join(
    f"#block(spacing: 0pt, grid(columns: (1fr,) * {count}, stroke: 0.5pt, inset: 6pt, {cells([said])}))"
    for count, *said in BOXES
)
CONTENTS = "\n".join(
    f"{title} #box(width: 1fr, repeat[.]) {page}\\"
    for title, page in (("Introduction", 1), ("Methods of work", 5), ("Results", 11), ("Discussion", 20), ("Notes", 31))
)
INDEX = "\n".join(
    f"{k}. {title} #h(1fr) {5 * k}\\" for k, title in enumerate(("Why", "How it was done", "What came", "And then"), 1)
)
NUMBERED = "\n".join(f"+ {prose(k, 12)}" for k in range(6))
BARS = [
    ("100", "45", "18", "26"),
    ("80", "5", "1", "1"),
    ("60", "51", "81", "73"),
    ("40", "12", "9", "11"),
    ("20", "8", "7", "6"),
    ("0", "0", "0", "0"),
    ("", "July 2020", "October 2020", "January 2021"),
]
CHART = "\n".join(
    f"#block(spacing: 0pt, grid(columns: (40pt, 80pt, 80pt, 80pt), inset: 6pt, {cells([row])}))" for row in BARS
)
NOT_TABLES = {
    "a chart whose scale falls to nothing": CHART,
    "prose": prose(5, 400),
    "short paragraphs": "\n\n".join(prose(k, 15) for k in range(12)),
    "two columns": f"#columns(2)[{prose(6, 500)}]",
    "three columns": f"#columns(3)[{prose(7, 500)}]",
    "a list": NUMBERED,
    "two lists beside each other": f"#grid(columns: (1fr, 1fr), [{NUMBERED}], [{NUMBERED}])",
    "an address block": f"{LETTER}\n{prose(8, 150)}",
    "a form": FORM,
    "a form of boxes as wide as the page": BOXED,
    "contents with leaders": CONTENTS,
    "contents with numbers": INDEX,
    "a framed paragraph": f"#rect(width: 100%)[{prose(9, 80)}]",
    "a ruled head and foot": f"#line(length: 100%)\n{prose(10, 300)}\n#line(length: 100%)",
    "a heading with a number": f"= 1 Aims\n{prose(11, 40)}\n= 2 Means\n{prose(12, 40)}\n= 3 Ends\n{prose(13, 40)}",
    "nothing": "#v(1pt)",
}


@pytest.mark.parametrize("what", NOT_TABLES)
def test_what_is_no_table(what: str) -> None:
    page = sheet(NOT_TABLES[what])
    assert page.regions() == ()
    assert page.regions(page.seen_rulings) == ()


def test_the_gridlines_of_a_chart_are_no_table() -> None:
    heights = [120, 100, 80, 60, 40, 20]
    marks = "".join(f"#place(top + left, dx: 0pt, dy: {y - 4}pt)[{100 - y}]" for y in heights)
    lines = "".join(f"#place(top + left, dx: 30pt, dy: {y}pt, line(length: 300pt, stroke: 0.5pt))" for y in heights)
    years = "".join(f"#place(top + left, dx: {50 + 70 * k}pt, dy: 128pt)[{2018 + k}]" for k in range(4))
    bars = "".join(f"#place(top + left, dx: {55 + 70 * k}pt, dy: {70 - 10 * k}pt)[{50 + 10 * k}]" for k in range(4))
    assert sheet(f"#block(width: 340pt, height: 150pt)[{marks}{lines}{years}{bars}]").regions() == ()


def test_a_picture_is_no_table() -> None:
    page = sheet(borderless(SALES))
    labels = page.regions()[0].grown(60)
    assert detect_tables(page.words, page.frame, NO_LINES, [labels]) == ()


def test_a_picture_of_a_ruled_table_is_one() -> None:
    page = sheet(ruled(SALES))
    (region,) = page.regions()
    assert detect_tables(page.words, page.frame, page.layer.rulings, [region.grown(8)]) == (region,)


def test_the_edges_of_tints_serve_as_lines() -> None:
    fill = "fill: (x, y) => if y == 0 { rgb(40, 60, 120) } else if calc.odd(y) { rgb(225, 230, 240) }"
    head = ", ".join(f"[#text(fill: white)[{text}]]" for text in STAFF[0])
    page = sheet(
        f"{prose(1, 60)}\n\n#table(stroke: none, {fill}, columns: (1fr, 1fr, 1fr), {head}, {cells(STAFF[1:])})"
    )
    assert [texts(table) for table in page.tables(page.seen_rulings)] == [STAFF]


@pytest.mark.parametrize("rows", [[["one"]], [["one", "two"]], [["one"], ["two"], ["three"]]])
def test_a_region_of_one_row_or_column_is_no_table(rows: list[list[str]]) -> None:
    page = sheet(borderless(rows, "(80pt,) * " + str(len(rows[0]))))
    assert build_table(page.words, page.frame.box, page.frame, page.layer.rulings) is None


# -- what holds of every table -------------------------------------------------------------------------------------


@st.composite
def scattered(draw: st.DrawFn) -> tuple[Words, np.ndarray]:
    """Words and lines put anywhere on a small page, on a coarse net so that much of it lines up."""
    count = draw(st.integers(2, 40))
    corner = st.tuples(st.integers(0, 24), st.integers(0, 30), st.integers(1, 9))
    put = draw(st.lists(corner, min_size=count, max_size=count))
    boxes = [(10 * x, 9 * y, 10 * x + 6 * n, 9 * y + 9) for x, y, n in put]
    said = draw(
        st.lists(
            st.sampled_from(["a", "of", "Total", "1,204", "-", "$", "(3)", "•", "2019"]), min_size=count, max_size=count
        )
    )
    line = st.tuples(st.integers(0, 25), st.integers(0, 31), st.integers(1, 25), st.booleans())
    lines = [
        (10 * x, 9 * y, 10 * x + (20 * n if flat else 0), 9 * y + (0 if flat else 20 * n))
        for x, y, n, flat in draw(st.lists(line, max_size=30))
    ]
    return Words.of(quads_from_boxes(boxes), said), np.array(lines, np.float32).reshape(-1, 4)


@settings(max_examples=150, deadline=None)
@given(scattered())
def test_whatever_is_cut_is_a_valid_grid(page: tuple[Words, np.ndarray]) -> None:
    words, lines = page
    frame = Frame(320.0, 300.0, "pt")
    for region in (frame.box, frame.at((20, 20, 200, 150)), *detect_tables(words, frame, lines)):
        table = build_table(words, region, frame, lines)
        if table is not None:
            assert min(table.n_rows, table.n_cols) >= 2
            assert_valid(table, words, region)


def long_table(rows: int) -> tuple[Words, Frame]:
    boxes, said = [], []
    for row in range(rows):
        for col, text in enumerate((f"Item{row}", str(row * 37 % 1000), f"{row / 7:.2f}", f"x{row}")):
            boxes.append((20 + 100 * col, 20 + 12 * row, 20 + 100 * col + 6 * len(text), 30 + 12 * row))
            said.append(text)
    return Words.of(quads_from_boxes(boxes), said, ocr=False), Frame(500.0, rows * 12 + 60.0)


def work(rows: int) -> tuple[int, int]:
    """Count the calls that finding and cutting a long table takes, and the bytes it needs at most."""
    words, frame = long_table(rows)
    calls = 0

    def count(*event: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        (region,) = detect_tables(words, frame, NO_LINES)
        table = build_table(words, region, frame, NO_LINES)
    finally:
        sys.setprofile(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert table is not None
    assert (table.n_rows, table.n_cols) == (rows, 4)
    return calls, peak


def test_work_grows_no_faster_than_the_rows() -> None:
    """Calls show loops that grow with the square of the rows, memory shows arrays that do."""
    work(50)
    few, many = work(400), work(2000)
    assert many[0] < 7 * few[0]  # 5 times the rows; a square would be 25
    assert many[1] < 7 * few[1]


def test_the_page_of_the_tests_is_what_it_says() -> None:
    assert "480pt" in PAGE
    assert sheet(prose(1, 5)).frame.width == 480


def test_figures_on_one_height_are_no_scale() -> None:
    boxes = np.array([[0, 0, 10, 10]] * 4, float)
    up = upright(Words.of(quads_from_boxes(boxes), ["3", "2", "1", "0"]), np.zeros((0, 4), np.float32))
    assert not falls_to_zero(up, np.array([0.0, 0.0, 10.0, 10.0]))

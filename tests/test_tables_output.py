"""Tables as they leave: row headers, sentences, data frames, boxes of cells, and one table over two pages."""

from __future__ import annotations

import pymupdf
import pytest
import typst
from typeset import PAGE, assert_valid, booktabs, borderless, cells, ruled, sheet, spans, texts

from loaders import load
from loaders.geometry import union
from loaders.tables import row_sentences

SALES = [["Region", "2021", "2022"], ["Europe", "1,204", "1,310 million"], ["Overseas", "(45)", "−12.5%"]]
GROUPED = [
    ["Area", "Model", "Error", "Share"],
    ["Rural", "linear", "0.76", "12%"],
    ["", "forest", "0.64", "14%"],
    ["", "mixed", "0.74", "9%"],
    ["Urban", "linear", "0.25", "33%"],
    ["", "forest", "0.23", "41%"],
]


# -- row headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [booktabs, borderless])
def test_a_label_stands_for_the_rows_of_its_group(style) -> None:
    table = sheet(style(GROUPED, "(1fr, 1fr, 1fr, 1fr)")).table
    assert spans(table) == {"Rural": (3, 1), "Urban": (2, 1)}
    assert (table.header_rows, table.header_cols) == (1, 2)


def test_lines_between_the_rows_keep_a_label_in_its_own() -> None:
    table = sheet(ruled(GROUPED, "(1fr, 1fr, 1fr, 1fr)")).table
    assert spans(table) == {}
    assert table.header_cols == 1


def test_a_label_over_figures_is_no_group() -> None:
    rows = [["Item", "2021", "2022"], ["Revenue", "12", "14"], ["", "13", "15"], ["Cost", "7", "8"], ["", "9", "6"]]
    table = sheet(booktabs(rows, "(2fr, 1fr, 1fr)")).table
    assert spans(table) == {}
    assert texts(table) == rows


# -- for embedding -------------------------------------------------------------------------------------------------


def test_sentences_carry_the_headers_of_every_value() -> None:
    assert row_sentences(sheet(booktabs(SALES, "(2fr, 1fr, 1fr)")).table) == [
        "Europe, 2021: 1,204; Europe, 2022: 1,310 million",
        "Overseas, 2021: (45); Overseas, 2022: −12.5%",
    ]


def test_sentences_carry_the_labels_of_groups() -> None:
    said = row_sentences(sheet(booktabs(GROUPED, "(1fr, 1fr, 1fr, 1fr)")).table)
    assert said[1] == "Rural, forest, Error: 0.64; Rural, forest, Share: 14%"
    assert said[4] == "Urban, forest, Error: 0.23; Urban, forest, Share: 41%"


def test_sentences_join_the_headings_over_a_column() -> None:
    head = "table.cell(rowspan: 2)[Age], table.cell(colspan: 2)[Women], table.cell(colspan: 2)[Men], "
    rows = [["No.", "Rate", "No.", "Rate"], ["45-54", "345", "15.5", "5,663", "28.7"], ["55-64", "1", "2", "3", "4"]]
    table = sheet(f"#table(columns: 5, align: center + horizon, {head}{cells(rows)})").table
    assert row_sentences(table)[:1] == [
        "45-54, Women No.: 345; 45-54, Women Rate: 15.5; 45-54, Men No.: 5,663; 45-54, Men Rate: 28.7"
    ]


def test_a_data_frame_has_the_header_rows_as_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = sheet(booktabs(SALES, "(2fr, 1fr, 1fr)")).table.to_dataframe()
    assert list(frame.columns) == SALES[0]
    assert frame.to_numpy().tolist() == SALES[1:]
    head = "table.cell(rowspan: 2)[Age], table.cell(colspan: 2)[Women], "
    rows = [["No.", "Rate"], ["45-54", "345", "15.5"], ["55-64", "806", "60.6"]]
    table = sheet(f"#table(columns: 3, align: center + horizon, {head}{cells(rows)})").table
    two = table.to_dataframe()
    assert isinstance(two.columns, pandas.MultiIndex)
    assert two["Women", "Rate"].tolist() == ["15.5", "60.6"]


# -- for citations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [ruled, booktabs, borderless])
def test_the_box_of_a_cell_is_that_of_its_words(style) -> None:
    page = sheet(style(SALES, "(2fr, 1fr, 1fr)"))
    assert_valid(page.table, page.words, page.table.box)
    for cell in page.table.cells:
        words = [page.frame.at(page.words.boxes[i]) for i in cell.words]
        assert cell.box.xyxy == pytest.approx(union(words).xyxy)
        assert page.table.box.overlap(cell.box) == pytest.approx(cell.box.area)


# -- over a page break ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeated", ["true", "false"])
@pytest.mark.parametrize("style", ["stroke: none,", ""])
def test_a_table_over_two_pages_is_one_with_two_boxes_and_one_header(repeated: str, style: str) -> None:
    rows = [[f"Item {n}", f"{137 * n % 1000}", f"{n / 7:.2f}"] for n in range(60)]
    header = f"table.header(repeat: {repeated}, table.hline(), {cells([['Name', 'Count', 'Share']])}, table.hline()), "
    source = f"{PAGE}#table({style} columns: (2fr, 1fr, 1fr), {header}{cells(rows)}, table.hline())"
    document = load(typst.compile(source.encode()), text="layer")
    assert len(document.pages) >= 2
    assert [table.continues for table in document.tables] == [False, *[True] * (len(document.pages) - 1)]
    assert {block.category for _, block in document.blocks} == {"table"}
    assert {box.frame for table in document.tables for box in (table.box, table.cells[0].box)} == {
        page.frame for page in document.pages
    }
    body = [row for table in document.tables for row in texts(table)[table.header_rows :]]
    assert body == rows
    assert document.text.count("| Name | Count | Share |") == (len(document.pages) if repeated == "true" else 1)
    pages = {box.page_number for chunk in document.chunks for box in chunk.boxes}
    assert pages == {page.number for page in document.pages}
    assert all(chunk.text.startswith("| Name | Count | Share |") for chunk in document.chunks)


def test_tables_in_other_columns_are_not_joined() -> None:
    first = f"#v(1fr)\n{booktabs([['Name', 'Count'], *[[f'Item {n}', str(n)] for n in range(5)]], '(2fr, 1fr)')}"
    second = booktabs([["Year", "Rate", "Sum"], *[[str(2000 + n), str(n), str(7 * n)] for n in range(5)]], "(1fr,) * 3")
    pdf = typst.compile(f"{PAGE}{first}#pagebreak()\n{second}".encode())
    with pymupdf.open(stream=pdf) as opened:
        assert len(opened) == 2
    assert [table.continues for table in load(pdf, text="layer").tables] == [False, False]

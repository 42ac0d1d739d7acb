"""Pages set by Typst, and what the text layer of the PDF says is on them: tables whose truth is their source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pymupdf
import typst
from sketch import read

from loaders.document import PageImage, Table, TextLayer, Words
from loaders.geometry import Array, Box, Frame
from loaders.rulings import find_rulings
from loaders.tables import build_table, detect_tables

Rows = Sequence[Sequence[str]]
PAGE = "#set page(width: 480pt, height: 640pt, margin: 40pt)\n#set text(size: 10pt, hyphenate: false)\n#set par(justify: true)\n#show table: set par(justify: false)\n"


@dataclass(frozen=True)
class Sheet:
    """A typeset page: its words, its drawn lines, and the page itself for looking at its pixels."""

    frame: Frame
    layer: TextLayer
    pdf: bytes

    @property
    def words(self) -> Words:
        return self.layer.words

    def regions(self, rulings: Array | None = None) -> tuple[Box, ...]:
        drawn = self.layer.rulings if rulings is None else rulings
        return detect_tables(self.words, self.frame, drawn, self.layer.figures)

    def tables(self, rulings: Array | None = None) -> list[Table]:
        drawn = self.layer.rulings if rulings is None else rulings
        built = [build_table(self.words, region, self.frame, drawn) for region in self.regions(drawn)]
        return [table for table in built if table is not None]

    @property
    def table(self) -> Table:
        (table,) = self.tables()
        return table

    def image(self, dpi: int = 150) -> PageImage:
        page, _ = read(self.pdf)
        return page.image(dpi=dpi)

    @property
    def seen_rulings(self) -> Array:
        """The lines found in the page's pixels."""
        return find_rulings(self.image())


def sheet(source: str, turned: int = 0) -> Sheet:
    """Set a page; `turned` quarter turns its /Rotate."""
    pdf = typst.compile((PAGE + source).encode())
    assert isinstance(pdf, bytes)
    if turned:
        with pymupdf.open(stream=pdf) as document:
            document[0].set_rotation(90 * turned)
            pdf = document.tobytes()
    page, layer = read(pdf)
    return Sheet(page.frame, layer, pdf)


def cells(rows: Rows) -> str:
    """Return rows of texts as Typst cells."""
    return ", ".join(f"[{text}]" for row in rows for text in row)


def ruled(rows: Rows, columns: str = "") -> str:
    """Set a table with a line around every cell."""
    return f"#table(columns: {columns or len(rows[0])}, {cells(rows)})\n"


def booktabs(rows: Rows, columns: str = "") -> str:
    """Set a table with three rules: over it, under its header and under it."""
    lines = f"table.hline(), {cells(rows[:1])}, table.hline(), {cells(rows[1:])}, table.hline()"
    return f"#table(stroke: none, columns: {columns or len(rows[0])}, {lines})\n"


def borderless(rows: Rows, columns: str = "", align: str = "left") -> str:
    """Set a table without any line."""
    return f"#table(stroke: none, columns: {columns or len(rows[0])}, align: {align}, {cells(rows)})\n"


def texts(table: Table) -> list[list[str]]:
    """Return the grid of a table as texts; what a cell covers besides its first place is given as its text again."""
    return [["" if cell is None else cell.text for cell in row] for row in table.grid()]


def spans(table: Table) -> dict[str, tuple[int, int]]:
    """Return the row and column spans of the cells that span."""
    wide = (cell for cell in table.cells if (cell.row_span, cell.col_span) != (1, 1))
    return {cell.text: (cell.row_span, cell.col_span) for cell in wide}


def assert_valid(table: Table, words: Words, region: Box) -> None:
    """Check what holds of every table: cells in order, within the grid, not overlapping, each word in exactly one."""
    places: set[tuple[int, int]] = set()
    for cell in table.cells:
        mine = {
            (r, c) for r in range(cell.row, cell.row + cell.row_span) for c in range(cell.col, cell.col + cell.col_span)
        }
        assert mine
        assert not mine & places
        assert all(0 <= r < table.n_rows and 0 <= c < table.n_cols for r, c in mine)
        assert cell.header == (cell.row < table.header_rows)
        places |= mine
    order = [(cell.row, cell.col) for cell in table.cells]
    assert order == sorted(order)
    centres = words.boxes.reshape(-1, 2, 2).mean(axis=1)
    inside = [i for i, (x, y) in enumerate(centres.tolist()) if region.holds(x, y)]
    assert sorted(word for cell in table.cells for word in cell.words) == inside

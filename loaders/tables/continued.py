"""A table that goes on across a page break is one table: its parts are found and marked.

Pages come in with the tables each has by itself; the same pages go out, with `Table.continues` set on a part that goes
on from the page before. Such a part has no header of its own, unless it repeats the first part's word for word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from loaders.document import FURNITURE, Block, Page, Table

EDGE = 0.03
"""How far column edges may differ from page to page, as a part of the table's width."""
ASIDE = FURNITURE | {"footnote"}
"""What may stand between the parts of a table: the end of one page and the head of the next."""


def join_continued(pages: Sequence[Page]) -> list[Page]:
    """Mark tables that go on from the page before: last on one page, first on the next, in the same columns."""
    joined: list[Page] = []
    for page in pages:
        before = joined[-1] if joined and joined[-1].number + 1 == page.number else None
        joined.append(_joined(before, page) if before is not None else page)
    return joined


def _joined(before: Page, page: Page) -> Page:
    last = _outermost(before, reversed(before.blocks))
    first = _outermost(page, page.blocks)
    if last is None or first is None:
        return page
    upper, lower = before.tables[last], page.tables[first]
    if not _same_columns(upper, lower):
        return page
    tables = list(page.tables)
    tables[first] = _continued(upper, lower)
    return replace(page, tables=tuple(tables))


def _outermost(page: Page, blocks: Iterable[Block]) -> int | None:
    """Return the table that comes first among blocks, furniture and a line that says "continued" aside."""
    for block in blocks:
        if block.category in ASIDE or (block.category != "table" and _says_continued(page, block)):
            continue
        return block.table if block.category == "table" else None
    return None


def _says_continued(page: Page, block: Block) -> bool:
    text = " ".join(page.line_text(page.lines[i]) for i in block.lines).casefold()
    return len(text) < 120 and ("continued" in text or "cont'd" in text or "fortsetzung" in text)


def _same_columns(upper: Table, lower: Table) -> bool:
    if upper.n_cols != lower.n_cols or upper.n_cols < 2:
        return False
    width = max(upper.box.width, lower.box.width)
    middles = np.array([_middles(upper), _middles(lower)])
    edges = [upper.box.x0 - lower.box.x0, upper.box.x1 - lower.box.x1]
    # Columns of figures shift with the length of their numbers; what they have in common is where they lie.
    shift = np.abs(np.diff(middles, axis=0))
    return bool(np.nanmax(shift, initial=0.0) <= 3 * EDGE * width and max(map(abs, edges)) <= 3 * EDGE * width)


def _middles(table: Table) -> list[float]:
    """Return the middle of each column, over its cells that span no other; NaN for a column without any."""
    found: list[list[float]] = [[] for _ in range(table.n_cols)]
    for cell in table.cells:
        if cell.col_span == 1 and cell.words:
            found[cell.col].append((cell.box.x0 + cell.box.x1) / 2)
    return [float(np.median(column)) if column else float("nan") for column in found]


def _continued(upper: Table, lower: Table) -> Table:
    rows = upper.header_rows
    if rows and _texts(upper, rows) == _texts(lower, rows):
        cells = tuple(replace(cell, header=cell.row < rows) for cell in lower.cells)
        return replace(lower, cells=cells, header_rows=rows, header_cols=upper.header_cols, continues=True)
    cells = tuple(replace(cell, header=False) for cell in lower.cells)
    return replace(lower, cells=cells, header_rows=0, header_cols=upper.header_cols, continues=True)


def _texts(table: Table, rows: int) -> list[tuple[int, int, str]]:
    return [(cell.row, cell.col, " ".join(cell.text.split()).casefold()) for cell in table.cells if cell.row < rows]

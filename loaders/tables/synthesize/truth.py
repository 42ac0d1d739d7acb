"""A typeset table with its structure: read back from the page, as typeset or as an OCR engine would bring it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from loaders.document import Page
from loaders.relate.synthesize import LabelledPage, degrade
from loaders.relate.synthesize.truth import UntrueError
from loaders.tables.synthesize.draft import Draft
from loaders.tables.words import Ints

LONE_MARKS_LOST = (0.0, 0.0, 0.1, 0.5)
"""Chance that an engine sees nothing of a dash or digit that stands alone in its cell: drawn per table."""


@dataclass(frozen=True, slots=True)
class TrueCell:
    """A cell that holds text: its place and what it covers."""

    row: int
    col: int
    rows: int
    cols: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class TrueTable:
    """A table and what is true of it.

    page    words, rulings and frame as the product reads them
    cells   those that hold text, row by row
    cell    int (N,), the cell of each word of the page; -1 for a speck that nobody wrote
    style   the style it was written in; `ocr` says that it is as an engine gives it
    """

    page: Page
    rows: int
    cols: int
    header_rows: int
    header_cols: int
    cells: tuple[TrueCell, ...]
    cell: Ints
    style: str
    ocr: bool = False


def table_of(draft: Draft, labelled: LabelledPage, style: str, *, ocr: bool = False) -> TrueTable:
    """Find the cell of every word by the level of its block, which is the number of an entry. Raises UntrueError."""
    placed, cells, number_of = draft.placed(), list[TrueCell](), dict[int, int]()
    for number, one in enumerate(placed, 1):
        entry = one.entry
        text = " ".join(filter(None, (entry.before, entry.text + entry.raised, entry.after)))
        if text:
            number_of[number] = len(cells)
            cells.append(TrueCell(one.row, one.col, entry.rows, entry.cols, text))
    page = labelled.page
    cell = np.full(len(page.words), -1)
    for block in page.blocks:
        words = [word for line in block.lines for word in page.lines[line].words]
        if block.level:
            cell[words] = number_of[block.level]
    if not ocr and len(set(cell.tolist())) != len(cells):
        raise UntrueError(f"{style}: a cell was set without its words")
    shape = len(draft.rows), draft.columns
    return TrueTable(page, *shape, draft.header_rows, draft.header_cols, tuple(cells), cell, style, ocr)


def as_read(draft: Draft, labelled: LabelledPage, style: str, seed: int) -> TrueTable:
    """Return the table as an OCR engine gives it: bent, misread, and without some of the marks that stand alone."""
    table = table_of(draft, degrade(labelled, seed), style, ocr=True)
    rng = random.Random(f"{style} {seed} marks")
    chance = rng.choice(LONE_MARKS_LOST)
    alone = np.bincount(table.cell[table.cell >= 0], minlength=len(table.cells)) == 1
    kept = [
        word
        for word, (text, cell) in enumerate(zip(table.page.words.texts, table.cell.tolist(), strict=True))
        if not (cell >= 0 and alone[cell] and len(text) == 1 and rng.random() < chance)
    ]
    page = Page(
        1, "1", table.page.frame, table.page.words.take(kept), (), (), rulings=table.page.rulings, ocr=True,
        engine="synthetic", source=style,
    )  # fmt: skip
    return TrueTable(
        page, table.rows, table.cols, table.header_rows, table.header_cols, table.cells, table.cell[kept], style, True
    )

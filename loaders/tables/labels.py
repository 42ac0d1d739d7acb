"""Row headers that stand for several rows: set at half their height, or with the first of them.

A grid and its places go in; the places of such a label become one cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from loaders.document import Cell
from loaders.tables.places import Grid, Places
from loaders.tables.words import Bools, is_number

FILLED = 0.9
"""Share of the body's rows in which the column beside a column of group labels names something."""
FEWEST = 2
"""Groups that a column of labels has at least."""


def merge_tall_labels(grid: Grid, places: Places) -> None:
    """Let a label set at half height take all rows between two drawn lines, where it is the only one of its column."""
    full = [r + 1 for r, level in enumerate(grid.rows.levels) if level is not None and level.columns.mean() > 0.5]
    bounds = sorted({0, grid.rows.header, *full, grid.shape[0]})
    middles = grid.up.middles[:, 1]
    for top, bottom in pairwise(bounds):
        inside = (grid.rows.row >= top) & (grid.rows.row < bottom)
        if bottom - top < 2 or top < grid.rows.header or not inside.any():
            continue
        rest = inside & (grid.column > 0)
        for col in range(grid.shape[1] - 1):
            filled = np.flatnonzero(grid.filled[top:bottom, col]) + top
            mine = inside & (grid.column == col)
            rest &= grid.column > col
            if len(filled) != 1 or not rest.any() or not places.single(int(filled[0]), col):
                break
            lowest, highest = middles[rest].min(), middles[rest].max()
            if abs(np.median(middles[mine]) - (lowest + highest) / 2) > 0.35 * grid.up.em:
                break
            if all(places.single(r, col) for r in range(top, bottom)):
                places.merge(top, col, bottom - 1, col)


def merge_group_labels(grid: Grid, places: Places) -> None:
    """Let a label go down over the empty places under it where the next column names every row of its group."""
    header, rows = grid.rows.header, grid.shape[0]
    for col in range(grid.shape[1] - 2):
        if not _groups(grid.filled[header:, col]) or not _names_rows(grid, col + 1):
            break
        starts = [*(header + np.flatnonzero(grid.filled[header:, col])).tolist(), rows]
        for top, after in pairwise(starts):
            bottom = top
            while bottom + 1 < after and _goes_on(grid, places, bottom, col):
                bottom += 1
            if bottom > top:
                places.merge(top, col, bottom, col)


def _groups(filled: Bools) -> bool:
    """Say whether a column holds labels of groups: one in the first row, more below, and rows between them."""
    return bool(len(filled) > FEWEST and filled[0] and filled.sum() >= FEWEST and not filled.all())


def _names_rows(grid: Grid, col: int) -> bool:
    """Say whether a column holds a text in nearly every row of the body, figures seldom."""
    header = grid.rows.header
    said: dict[int, list[str]] = {}
    for row, at, text in zip(grid.rows.row.tolist(), grid.column.tolist(), grid.up.texts, strict=True):
        if at == col and row >= header:
            said.setdefault(row, []).append(text)
    figures = sum(is_number(" ".join(parts)) for parts in said.values())
    return len(said) >= FILLED * (grid.shape[0] - header) and 2 * figures < len(said)


def _goes_on(grid: Grid, places: Places, row: int, col: int) -> bool:
    """Say whether the place under another may join it: empty, beside a name, no line drawn between them."""
    level = grid.rows.levels[row]
    under = places.single(row + 1, col) and not grid.filled[row + 1, col] and bool(grid.filled[row + 1, col + 1])
    return under and places.single(row, col) and (level is None or not level.columns[col])


def label_columns(cols: int, header: int, cells: Sequence[Cell]) -> int:
    """Count the columns that name a table's rows: the first, and one after each whose labels name groups of rows."""
    tall = {cell.col for cell in cells if cell.row_span > 1 and cell.row >= header and cell.col_span == 1}
    return min(next(col for col in range(cols + 1) if col not in tall) + 1, cols - 1)

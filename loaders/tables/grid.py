"""Words of a region into a valid grid: columns, rows, cells that span, header rows.

Words, a region and rulings in the page's frame go in; a `Table` in the same frame comes out, or None where the region
is no table. Geometry finds the grid, and a trained model changes in it what it is convinced of.
"""

from __future__ import annotations

import numpy as np

from loaders.document import Cell, Table, Words, spaced
from loaders.geometry import Array, Box, Frame
from loaders.tables.candidates import candidates_of, columns_at, decided, grid_with
from loaders.tables.edits import CONVICTION, edited
from loaders.tables.labels import label_columns
from loaders.tables.lines import reading_order
from loaders.tables.model import open_grid_model
from loaders.tables.places import Grid, Places, grid_of
from loaders.tables.rows import rows_of
from loaders.tables.spans import merged_places
from loaders.tables.words import Ints, Upright, upright


def build_table(words: Words, region: Box, frame: Frame, rulings: Array, *, model: str | None = "") -> Table | None:
    """Cut a region into a grid of cells.

    Every word whose centre is in the region is in exactly one cell. `rulings` float32 (M, 4) are the page's drawn
    lines; `model` is the folder of a trained judge, "" for the packaged one, None for geometry alone. Returns None when
    the region has fewer than two columns or two rows.
    """
    rows = words_in(words, region)
    if len(rows) < 2:
        return None
    up = upright(words, rulings_in(rulings, region), rows)
    found = candidates_of(up)
    verdict = None if model is None else open_grid_model(model).judge(found)
    if verdict is None:
        grid = grid_with(found, found.taken, found.judged)
        places, labels = merged_places(grid), None
    else:
        grid, places, labels = edited(found, verdict, CONVICTION)
    if min(grid.shape) < 2:
        return None
    return _table(words, region, frame, grid, places, labels)


def cut_grid(up: Upright) -> Grid | None:
    """Part the columns and rows of upright words; None for fewer than two words."""
    if len(up) < 2:
        return None
    pairs, cuts, judged = decided(up)
    column, edges = columns_at(up, cuts)
    return grid_of(up, column, edges, cuts, rows_of(up, judged), pairs)


def words_in(words: Words, region: Box) -> Ints:
    """Return the indices of the words whose centre lies in a region, edges included."""
    boxes = words.boxes
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (middle >= (region.x0, region.y0)) & (middle <= (region.x1, region.y1))
    return np.flatnonzero(inside.all(axis=1))


def rulings_in(rulings: Array, region: Box) -> Array:
    """Return the rulings that touch a region, cut off at a little beyond it."""
    margin = 3.0 if region.frame.unit == "pt" else 0.004 * max(region.frame.width, region.frame.height)
    near = (region.x0 - margin, region.y0 - margin, region.x1 + margin, region.y1 + margin)
    lines = np.asarray(rulings, np.float32).reshape(-1, 4)
    ends = np.sort(lines.reshape(-1, 2, 2), axis=1)
    touching = (ends[:, 1] >= near[:2]).all(axis=1) & (ends[:, 0] <= near[2:]).all(axis=1)
    low, high = np.array([*near[:2], *near[:2]]), np.array([*near[2:], *near[2:]])
    return np.clip(lines[touching], low, high).astype(np.float32)


def _table(words: Words, region: Box, frame: Frame, grid: Grid, places: Places, labels: int | None) -> Table:
    """Put the words into the merged places."""
    spans = places.spans[grid.rows.row, grid.column]
    order = np.lexsort((spans[:, 1], spans[:, 0]))
    starts = np.flatnonzero(np.r_[True, (np.diff(spans[order], axis=0) != 0).any(axis=1)])
    cells = []
    for members in np.split(order, starts[1:]):
        top, left, bottom, right = (int(v) for v in spans[members[0]])
        mine = tuple(int(grid.up.rows[i]) for i in reading_order(grid.up, members.tolist()))
        cells.append(
            Cell(
                row=top,
                col=left,
                words=mine,
                text=spaced(words, mine),
                box=_box_around(words, mine, frame),
                row_span=bottom - top + 1,
                col_span=right - left + 1,
                header=top < grid.rows.header,
            )
        )
    if labels is None:
        labels = label_columns(grid.shape[1], grid.rows.header, cells)
    return Table(region, *grid.shape, tuple(cells), grid.rows.header, labels)


def _box_around(words: Words, rows: tuple[int, ...], frame: Frame) -> Box:
    quads = words.quads[list(rows)].reshape(-1, 2)
    (x0, y0), (x1, y1) = quads.min(axis=0), quads.max(axis=0)
    return Box(float(x0), float(y0), float(x1), float(y1), frame)

"""Which places of a table's grid are one cell: text or heading across columns, and lines that are not drawn.

A grid of upright words goes in, `Places` comes out: every place knows the rectangle it is part of.
"""

from __future__ import annotations

import numpy as np

from loaders.rulings import Floats
from loaders.tables.columns import columns_touched
from loaders.tables.labels import merge_group_labels, merge_tall_labels
from loaders.tables.lines import Level
from loaders.tables.places import Grid, Places
from loaders.tables.words import Bools, Ints, is_number

GLUE = 0.5
"""Words this close (em) on a line are read as one text, unless each stands where its own column stands."""


def merged_places(grid: Grid) -> Places:
    """Decide which places are one cell."""
    places = Places(*grid.shape)
    if min(grid.shape) < 2:
        return places
    _merge_text_across(grid, places)
    _merge_undrawn_columns(grid, places)
    _merge_headings(grid, places)
    _merge_section_titles(grid, places)
    _merge_undrawn_rows(grid, places)
    _merge_tall_headings(grid, places)
    merge_tall_labels(grid, places)
    merge_group_labels(grid, places)
    return places


# -- text that runs across columns ---------------------------------------------------------------------------------


def _merge_text_across(grid: Grid, places: Places) -> None:
    """Merge the places of texts that run across a cut."""
    first, last = columns_touched(grid.up, np.array([cut.x for cut in grid.cuts]))
    for chain in _chains(grid):
        low, high = int(first[chain].min()), int(last[chain].max())
        if low >= high:
            continue
        row = int(grid.rows.row[chain[0]])
        torn = bool((first[chain] < last[chain]).any())
        if torn or _over_headings(grid, row, low, high) or not _each_in_its_column(grid, chain):
            places.merge(row, low, row, high)


def _over_headings(grid: Grid, row: int, low: int, high: int) -> bool:
    """Say whether columns have headings of their own in the header row under this one."""
    return bool(row + 1 < grid.rows.header and grid.filled[row + 1, low : high + 1].all())


def _chains(grid: Grid) -> list[Ints]:
    """Return runs of words that follow each other closely on a line and are not all in one column."""
    boxes, em = grid.up.boxes, grid.up.em
    after = grid.pairs.copy()
    has = np.flatnonzero(after >= 0)
    gap = boxes[after[has], 0] - boxes[has, 2]
    after[has[(gap > GLUE * em) | (grid.rows.row[has] != grid.rows.row[after[has]])]] = -1
    ruled = np.array([cut.x for cut in grid.cuts if cut.ruled])
    has = np.flatnonzero(after >= 0)
    side = np.searchsorted(ruled, grid.up.middles[:, 0])
    after[has[side[has] != side[after[has]]]] = -1
    starts = np.setdiff1d(np.arange(len(after)), after)
    chains = []
    for start in starts:
        chain = [int(start)]
        while after[chain[-1]] >= 0:
            chain.append(int(after[chain[-1]]))
        chains.append(np.array(chain))
    return chains


def _each_in_its_column(grid: Grid, chain: Ints) -> bool:
    """Say whether every piece of a text stands where the other cells of its column stand."""
    row = int(grid.rows.row[chain[0]])
    for k in np.unique(grid.column[chain]):
        words = chain[grid.column[chain] == k]
        x0, x1 = float(grid.up.boxes[words, 0].min()), float(grid.up.boxes[words, 2].max())
        if not _aligned(grid, row, int(k), x0, x1):
            return False
    return True


def _aligned(grid: Grid, row: int, col: int, x0: float, x1: float) -> bool:
    """Say whether a text is aligned with the other cells of a column: left, right or centred."""
    others = grid.filled[:, col].copy()
    others[row] = False
    if not others.any():
        return True
    left, right = grid.left[others, col], grid.right[others, col]
    tolerance = 0.6 * grid.up.em
    for mine, theirs in ((x0, left), (x1, right), ((x0 + x1) / 2, (left + right) / 2)):
        if abs(mine - float(np.median(theirs))) <= tolerance:
            return True
    return False


# -- vertical lines that are not drawn -----------------------------------------------------------------------------


def _merge_undrawn_columns(grid: Grid, places: Places) -> None:
    """Merge neighbours in a row where the line that parts their columns elsewhere is not drawn between them."""
    drawn = drawn_beside(grid)
    often = np.array([cut.ruled for cut in grid.cuts]) & (drawn.mean(axis=0) >= 0.5)
    for row in range(grid.shape[0]):
        stops = np.flatnonzero(drawn[row] | ~often)
        if not drawn[row].any():
            continue
        for group in np.split(np.arange(grid.shape[1]), stops + 1):
            if len(group) > 1 and grid.filled[row, group].sum() == 1:
                places.merge(row, int(group[0]), row, int(group[-1]))


def drawn_beside(grid: Grid) -> Bools:
    """Say of each row and cut whether a vertical line is drawn there: bool (rows, columns - 1)."""
    up, rows = grid.up, grid.shape[0]
    bounds = np.r_[up.boxes[:, 1].min(), grid.rows.parts, up.boxes[:, 3].max()]
    covered = np.zeros((rows, len(grid.cuts)))
    for c, cut in enumerate(grid.cuts):
        if not cut.ruled:
            continue
        for x, top, bottom in up.down:
            if abs(x - cut.x) <= 0.5 * up.em:
                covered[:, c] += np.clip(np.minimum(bottom, bounds[1:]) - np.maximum(top, bounds[:-1]), 0, None)
    return np.asarray(covered >= 0.4 * np.maximum(np.diff(bounds), 1e-6)[:, None])


# -- headings over several columns ---------------------------------------------------------------------------------


def _merge_headings(grid: Grid, places: Places) -> None:
    """Widen a heading over the columns it is centred on, or that a rule under it runs through."""
    for row in range(grid.rows.header - 1):
        cols = np.flatnonzero(grid.filled[row])
        if not len(cols) or len(cols) == grid.shape[1]:
            continue
        level = grid.rows.levels[row]
        below = np.asarray(grid.filled[row + 1 : grid.rows.header].any(axis=0), bool)
        found = _cells_of_row(places, row, cols)
        for low, high in found:
            room_low = max((last for _, last in found if last < low), default=-1) + 1
            room_high = min((first for first, _ in found if first > high), default=grid.shape[1]) - 1
            low_, high_ = _by_rule(grid, level, row, low, high, room_low, room_high) or _by_centre(
                grid, row, low, high, room_low, room_high, below
            )
            if high_ > low_:
                places.merge(row, low_, row, high_)


def _cells_of_row(places: Places, row: int, cols: Ints) -> list[tuple[int, int]]:
    """Return (first, last) column of each cell of a row that holds text."""
    return sorted({(int(places.spans[row, c, 1]), int(places.spans[row, c, 3])) for c in cols})


def _by_rule(
    grid: Grid, level: Level | None, row: int, low: int, high: int, room_low: int, room_high: int
) -> tuple[int, int] | None:
    """Return the columns that the rule under a heading runs through, where it is a rule of its own."""
    if level is None:
        return None
    up = grid.up
    near = up.across[np.abs(up.across[:, 0] - level.y) <= 0.5 * up.em]
    x0, x1 = grid.left[row, low : high + 1].min(), grid.right[row, low : high + 1].max()
    under = near[(near[:, 1] <= x0 + up.em) & (near[:, 2] >= x1 - up.em)]
    if not len(under):
        return None
    shortest = under[np.argmin(under[:, 2] - under[:, 1])]
    if shortest[2] - shortest[1] > 0.9 * (grid.edges[-1] - grid.edges[0]):
        return None
    middle = (_column_left(grid) + _column_right(grid)) / 2
    cols = np.flatnonzero((middle >= shortest[1]) & (middle <= shortest[2]))
    cols = cols[(cols >= room_low) & (cols <= room_high)]
    if not len(cols):
        return None
    return min(low, int(cols[0])), max(high, int(cols[-1]))


def _column_left(grid: Grid) -> Floats:
    return np.where(grid.filled, grid.left, np.inf).min(axis=0)


def _column_right(grid: Grid) -> Floats:
    return np.where(grid.filled, grid.right, -np.inf).max(axis=0)


def _by_centre(
    grid: Grid, row: int, low: int, high: int, room_low: int, room_high: int, below: Bools
) -> tuple[int, int]:
    """Return the widest group of headed columns that a heading is centred on."""
    x0, x1 = grid.left[row, low : high + 1].min(), grid.right[row, low : high + 1].max()
    body = slice(row + 1, None)
    left = np.where(grid.filled[body], grid.left[body], np.inf).min(axis=0)
    right = np.where(grid.filled[body], grid.right[body], -np.inf).max(axis=0)
    best, least = (low, high), np.inf
    for a in range(room_low, low + 1):
        for b in range(high, room_high + 1):
            if not below[a : b + 1].all() or (a, b) == (low, low) or a == b:
                continue
            if not np.isfinite(left[a : b + 1]).all():
                continue
            off = abs((x0 + x1) / 2 - (left[a : b + 1].min() + right[a : b + 1].max()) / 2)
            off /= grid.up.em
            if off < min(1.2, least - 0.4 * (b - a < best[1] - best[0])):
                best, least = (a, b), off
    return best


def _merge_section_titles(grid: Grid, places: Places) -> None:
    """Merge the row of a title inside the table: the only text of its row, centred on all columns but the first."""
    cols = grid.shape[1]
    if cols < 3:
        return
    left, right = _column_left(grid), _column_right(grid)
    for row in range(grid.rows.header, grid.shape[0]):
        filled = np.flatnonzero(grid.filled[row])
        if filled[0] == 0 or len({tuple(places.spans[row, c]) for c in filled}) != 1:
            continue
        x0, x1 = grid.left[row, filled].min(), grid.right[row, filled].max()
        texts = " ".join(grid.up.texts[i] for i in np.flatnonzero(grid.rows.row == row))
        if is_number(texts):
            continue
        off = abs((x0 + x1) / 2 - (left[1] + right[-1]) / 2)
        if off <= 1.5 * grid.up.em:
            places.merge(row, 1, row, cols - 1)


# -- horizontal lines that are not drawn ---------------------------------------------------------------------------


def _merge_undrawn_rows(grid: Grid, places: Places) -> None:
    """Merge cells above each other where the line that parts their rows is not drawn in their column."""
    for row, level in enumerate(grid.rows.levels):
        if level is None or level.columns.all():
            continue
        mostly = level.columns.mean() >= 0.5
        heading = row + 1 < grid.rows.header
        for col in np.flatnonzero(~level.columns).tolist():
            above, below = grid.filled[row, col], grid.filled[row + 1, col]
            if not (mostly or heading) or not (above or below) or (above and below and not _runs_on(grid, row, col)):
                continue
            across = places.spans[row, col, 1] != places.spans[row, col, 3]
            if across or places.spans[row + 1, col, 1] != places.spans[row + 1, col, 3]:
                continue
            places.merge(row, int(col), row + 1, int(col))


def _runs_on(grid: Grid, row: int, col: int) -> bool:
    """Say whether the text of a place goes on in the place under it, a line further down."""
    middles = grid.up.middles[:, 1]
    upper = middles[(grid.rows.row == row) & (grid.column == col)].max()
    lower = middles[(grid.rows.row == row + 1) & (grid.column == col)].min()
    return bool(lower - upper < 1.7 * grid.up.em)


def _merge_tall_headings(grid: Grid, places: Places) -> None:
    """Let a heading with nothing over or under it take the height of a header that has several rows."""
    header = grid.rows.header
    heads = places.spans[:header]
    if header < 2 or not (heads[..., 1] != heads[..., 3]).any():
        return
    for col in range(grid.shape[1]):
        for row in np.flatnonzero(grid.filled[:header, col]):
            top, bottom = int(places.spans[row, col, 0]), int(places.spans[row, col, 2])
            while top > 0 and _free(grid, places, top - 1, col, top - 1):
                top -= 1
            while bottom + 1 < header and _free(grid, places, bottom + 1, col, bottom):
                bottom += 1
            if (top, bottom) != (row, row) and places.single(int(row), col):
                places.merge(top, col, bottom, col)


def _free(grid: Grid, places: Places, row: int, col: int, part: int) -> bool:
    """Say whether an empty place may join the heading next to it: no line drawn between them."""
    level = grid.rows.levels[part]
    return not grid.filled[row, col] and places.single(row, col) and (level is None or not level.columns[col])

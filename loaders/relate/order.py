"""Units on a page -> the order they are read in: down the columns, and across where something spans them.

In: boxes of units (blocks, tables with their captions, pictures), upright, in main coordinates; rulings in the same.
Out: a permutation. The method is a recursive XY-cut (Nagy & Seth, 1984) with two changes: bands of rows are only cut
apart where no white column runs through both, so that paragraphs level by chance do not break the columns; and what
cannot be cut (text run around a picture) is ordered by Breuel's two relations (2002): above within a column, and
left of, unless something between them spans both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loaders.geometry import Array
from loaders.relate.neighbours import Bools, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What is ordered: boxes (U, 4), lines in each (0 for a picture), which are headings or items, the page's em."""

    boxes: Array
    lines: Sequence[int]
    heading: Sequence[bool]
    item: Sequence[bool]
    em: float
    right_to_left: bool = False


Indices = list[int]

ROW_LINES = 3
"""A label or value of a form has no more lines."""
WIDEST = 128
"""Of a group that cannot be cut, so many of the widest units are asked whether they span two others."""


def order_units(units: Units, rulings: Array) -> Indices:
    """Return all unit indices in reading order."""
    count = len(units.boxes)
    if count == 0:
        return []
    flat = rulings[(rulings[:, 2] - rulings[:, 0]) > 4 * (rulings[:, 3] - rulings[:, 1])]
    return _order(list(range(count)), units, flat)


def _order(group: Indices, units: Units, rulings: Array) -> Indices:
    if len(group) == 1:
        return group
    columns, bands = _cut(group, units, axis=0), _cut(group, units, axis=1)
    if len(columns) == len(bands) == 1:
        return _by_relations(group, units)
    if len(columns) > 1 and _is_rows(group, units):
        parts = bands
    else:
        parts = _merge_bands(bands, units, rulings, len(columns) > 1)
    if len(parts) == 1:
        parts = columns[::-1] if units.right_to_left else columns
    if len(parts) == 1:
        return _by_relations(group, units)
    return [unit for part in parts for unit in _order(part, units, rulings)]


def _cut(group: Indices, units: Units, axis: int) -> list[Indices]:
    """Part a group at the white that runs right through it, across (axis 0) or down (axis 1)."""
    low, high = units.boxes[group, axis], units.boxes[group, axis + 2]
    # Boxes may touch or overlap a little: descenders, jitter, a rest of skew.
    slack = np.minimum(0.2 * units.em, 0.25 * (high - low))
    low, high = low + slack, high - slack
    parts: list[Indices] = []
    reach = -np.inf
    for k in np.argsort(low, kind="stable"):
        if low[k] > reach:
            parts.append([])
        parts[-1].append(group[k])
        reach = max(reach, float(high[k]))
    return parts


def _is_rows(group: Indices, units: Units) -> bool:
    """Say whether a group that could be cut into columns is rows of short pieces: a form, or a table nobody found."""
    short = [1 <= units.lines[i] <= ROW_LINES and not units.item[i] for i in group]
    bands = _cut(group, units, axis=1)
    if np.mean(short) < 0.8 or len(bands) < (2 if all(units.lines[i] == 1 for i in group) else 3):
        return False
    shared = sum(len(band) for band in bands if len(band) > 1 and _level(band, units))
    return shared >= 0.7 * len(group)


def _level(band: Indices, units: Units) -> bool:
    """Say whether the units of a band stand in one row, and not above each other at any place in it."""
    own = units.boxes[band]
    common = own[:, 3].min() - own[:, 1].max()
    return bool(common > 0.3 * units.em or np.ptp(own[:, 1] + own[:, 3]) < 0.8 * units.em)


def _merge_bands(bands: list[Indices], units: Units, rulings: Array, through: bool) -> list[Indices]:
    """Put neighbouring bands together as long as one white column runs through them.

    Where one runs `through` them all, only what plainly starts anew is kept apart.
    """
    parts: list[Indices] = [bands[0]]
    for k, band in enumerate(bands[1:], start=1):
        if _goes_on(parts[-1], band, bands[k + 1 :], units, through) and not _ruled(parts[-1], band, units, rulings):
            parts[-1] = parts[-1] + band
        else:
            parts.append(band)
    return parts


def _goes_on(part: Indices, band: Indices, rest: list[Indices], units: Units, through: bool) -> bool:
    """Say whether a band continues the columns of the part above it."""
    above, below = len(_cut(part, units, axis=0)), len(_cut(band, units, axis=0))
    if through:
        return above == 1 or below > 1 or not _starts_anew(part, band, rest, units)
    together = len(_cut(part + band, units, axis=0))
    if above == 1:
        # What bridges any gutter of the row below it stands over that row, not in one of its columns.
        return below > 1 and together >= below
    if together == 1:
        return False
    return below > 1 or not _starts_anew(part, band, rest, units)


def _starts_anew(part: Indices, band: Indices, rest: list[Indices], units: Units) -> bool:
    """Say whether a band on one side only ends the columns above it, rather than being the longer of them.

    Columns that end level are done when a heading or caption follows that is not the end of the first of them, or
    something as wide as two of them. Where the columns go on below, only a heading set off in both, with more white
    beside it than it takes itself, parts them.
    """
    if all(units.lines[unit] == 1 for unit in part) and _level(part, units):
        return True  # one row of short pieces, as of an equation, is no columns
    columns = _cut(part, units, axis=0)
    ends = [float(units.boxes[column, 3].max()) for column in columns]
    if max(ends) - min(ends) > 1.5 * units.em:
        return False
    if not all(units.heading[unit] for unit in band):
        return len(_cut(part + band, units, axis=0)) < len(columns)
    resumed = next((other for other in rest if len(_cut(other, units, axis=0)) > 1), None)
    if resumed is None:
        return not _in_first(units.boxes[[unit for other in (band, *rest) for unit in other]], columns, units)
    if len(_cut(part + band + resumed, units, axis=0)) == 1:
        return True
    own = units.boxes[band]
    beside = [unit for unit in resumed if _apart(units.boxes[unit], own, axis=0)]
    if not beside or own[:, 0].min() > units.boxes[part, 0].min() + 2 * units.em:
        return False
    white = units.boxes[beside, 1].min() - max(ends)
    return bool(white > own[:, 3].max() - own[:, 1].min() + 1.5 * units.em)


def _in_first(boxes: Array, columns: list[Indices], units: Units) -> bool:
    """Say whether boxes keep to the first of several columns, and so are its end."""
    if units.right_to_left:
        return bool(boxes[:, 0].min() > units.boxes[columns[-2], 2].max())
    return bool(boxes[:, 2].max() < units.boxes[columns[1], 0].min())


def _apart(box: Array, others: Array, axis: int) -> bool:
    return bool(box[axis] > others[:, axis + 2].max() or box[axis + 2] < others[:, axis].min())


def _ruled(part: Indices, band: Indices, units: Units, rulings: Array) -> bool:
    """Say whether a ruling runs between a part and a band, across most of both."""
    if not len(rulings):
        return False
    both = units.boxes[part + band]
    low, high = units.boxes[part, 3].max() - 0.4 * units.em, units.boxes[band, 1].min() + 0.4 * units.em
    y = (rulings[:, 1] + rulings[:, 3]) / 2
    x0, x1 = both[:, 0].min(), both[:, 2].max()
    shared = np.minimum(rulings[:, 2], x1) - np.maximum(rulings[:, 0], x0)
    return bool(((y > low) & (y < high) & (shared > 0.7 * (x1 - x0))).any())


# -- what cannot be cut ------------------------------------------------------------------------------------------------


def _by_relations(group: Indices, units: Units) -> Indices:
    """Order by Breuel's relations, always going on below the last unit where that is allowed."""
    boxes = units.boxes[group]
    before = _precedes(boxes, units.right_to_left)
    np.fill_diagonal(before, False)
    waiting = before.sum(axis=0)
    left = np.ones(len(group), bool)
    order: Indices = []
    while left.any():
        ready = np.flatnonzero(left & (waiting == 0))
        # Overlapping boxes can form a ring; the uppermost of what is left opens it.
        choices = ready if len(ready) else np.flatnonzero(left)
        rank = np.lexsort((boxes[choices, 0], boxes[choices, 1], ~_follows(boxes, order, choices)))
        choice = int(choices[rank[0]])
        order.append(choice)
        left[choice] = False
        waiting = waiting - before[choice]
    return [group[k] for k in order]


def _follows(boxes: Array, order: Indices, choices: Ints) -> Bools:
    """Say which units stand below the last one in its column."""
    if not order:
        return np.ones(len(choices), bool)
    last, own = boxes[order[-1]], boxes[choices]
    shared = np.minimum(last[2], own[:, 2]) - np.maximum(last[0], own[:, 0])
    return np.asarray(shared > 0.5 * np.minimum(last[2] - last[0], own[:, 2] - own[:, 0]))


def _precedes(boxes: Array, right_to_left: bool) -> Bools:
    """Return (U, U): whether the first comes before the second by either relation."""
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) / 2
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    same_column = shared > 0.1 * np.minimum((x1 - x0)[:, None], x1 - x0)
    higher = middle[:, None] < middle
    beside = ((x0[:, None] > x0) if right_to_left else (x0[:, None] < x0)) & ~same_column
    # A unit between two others in height that spans both makes height decide, not side.
    apart = np.zeros_like(higher)
    for k in np.argsort(x0 - x1, kind="stable")[:WIDEST]:
        spanned = same_column[k][:, None] & same_column[k]
        apart |= spanned & ((higher[:, k][:, None] & higher[k]) | (higher[k][:, None] & higher[:, k]))
    return np.asarray((same_column & higher) | (beside & ~apart) | (~same_column & apart & higher))

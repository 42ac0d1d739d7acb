"""What the model changes in the grid that geometry found: only that of which it is convinced; the grid stays valid.

Candidates and probabilities go in, a Grid and Places come out. Rows are unions of neighbouring lines, columns of
neighbouring candidates, cells are rectangles grown by `Places.merge`: nothing said here can make two cells overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.geometry import Array
from loaders.tables.candidates import Candidates, grid_with, judged_with
from loaders.tables.places import Grid, Places
from loaders.tables.rows import JudgedLines
from loaders.tables.spans import merged_places
from loaders.tables.words import Bools, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """How likely it is, of a candidate grid of R lines and C columns, that

    cut     (C - 1,), columns part here         join    (R - 1,), the line under it goes on with the same row
    head    (R,), the line heads the columns    label   (C,), the column heads the rows
    beside  (R, C - 1), a place and the one to its right are one cell
    under   (R - 1, C), a place and the one below it are one cell, in another row
    """

    cut: Array
    join: Array
    head: Array
    label: Array
    beside: Array
    under: Array


NEVER = 1.1
"""A probability that none reaches."""


@dataclass(frozen=True, slots=True)
class Conviction:
    """From which probability on the model overrules geometry.

    cut, uncut      that columns part, that they do not       head     which lines head the columns
    join, part      that lines make one row, that they do not label    which columns head the rows
    merge, unmerge  that places are one cell, that they are not
    """

    cut: float = NEVER
    uncut: float = NEVER
    join: float = NEVER
    part: float = NEVER
    head: float = 0.9
    label: float = 0.9
    merge: float = 0.98
    unmerge: float = 0.995


CONVICTION = Conviction()
"""Chosen in coarse steps over all real tables: weights/README.md says what each kind of edit brought."""


def edited(found: Candidates, verdict: Verdict, sure: Conviction) -> tuple[Grid, Places, int | None]:
    """Return the grid and its places, and how many columns head the rows where the model is convinced of that."""
    taken = _overruled(found.taken, verdict.cut, sure.cut, sure.uncut)
    taken = taken if taken.any() else found.taken
    header = _leading(verdict.head, found.judged.header, sure.head)
    judged = judged_with(found, taken, found.judged.header if header is None else header)
    joins = np.array(judged.joins, bool)
    if judged.header != found.judged.header:  # what geometry now joins anew, the model must find possible
        joins &= np.array(found.judged.joins, bool) | (verdict.join > 1 - sure.head)
    joins = _overruled(joins, verdict.join, sure.join, sure.part)
    judged = JudgedLines(judged.lines, judged.header, joins.tolist() if not joins.all() else judged.joins)
    grid = grid_with(found, taken, judged)
    columns = np.r_[0, np.cumsum(taken)]
    labels = np.array([verdict.label[columns == col].mean() for col in range(grid.shape[1])])
    return grid, _edited_places(grid, judged, taken, verdict, sure), _leading(labels, 0, sure.label)


def _overruled(own: Bools, chance: Array, yes: float, no: float) -> Bools:
    """Return what geometry says, but for what the model is convinced of."""
    return (own | (chance >= yes)) & ~(chance <= 1 - no)


def _leading(chance: Array, own: int, sure: float) -> int | None:
    """Return how many lead in the model's eyes, where it is convinced of each of them and of the next, else None."""
    count = next((k for k, one in enumerate(chance) if one < 0.5), len(chance))
    judged = chance[: max(count, own) + 1]
    convinced = (judged[:count] >= sure).all() and (judged[count:] <= 1 - sure).all()
    return count if convinced and count < len(chance) else None


# -- cells ---------------------------------------------------------------------------------------------------------


def _edited_places(grid: Grid, judged: JudgedLines, taken: Bools, verdict: Verdict, sure: Conviction) -> Places:
    """Return geometry's places, parted and merged where the model is convinced."""
    own = merged_places(grid)
    spans = own.spans
    across, down = _chances(judged, taken, verdict)
    beside, under = (spans[:, :-1] == spans[:, 1:]).all(axis=2), (spans[:-1] == spans[1:]).all(axis=2)
    more = across >= sure.merge, down >= sure.merge
    kept = beside & ~(across <= 1 - sure.unmerge), under & ~(down <= 1 - sure.unmerge)
    if (
        not ((more[0] & ~beside).any() or (more[1] & ~under).any())
        and (kept[0] == beside).all()
        and (kept[1] == under).all()
    ):
        return own
    number = _components(kept[0] | more[0], kept[1] | more[1])
    whole = _are_rectangles(number)
    # Where what the model would join is no rectangle, it joins nothing there.
    more = more[0] & whole[number[:, :-1]] & whole[number[:, 1:]], more[1] & whole[number[:-1]] & whole[number[1:]]
    places = Places(*grid.shape)
    for top, left, bottom, right in _extents(_components(kept[0] | more[0], kept[1] | more[1])):
        if (top, left) != (bottom, right):
            places.merge(top, left, bottom, right)
    return places


def _chances(judged: JudgedLines, taken: Bools, verdict: Verdict) -> tuple[Array, Array]:
    """Return how likely each place of the grid is one cell with the one beside it, and with the one under it."""
    starts = np.flatnonzero(np.r_[True, ~np.array(judged.joins, bool)])
    counts = np.diff(np.r_[starts, len(judged.lines)])
    across = np.add.reduceat(verdict.beside[:, taken], starts, axis=0) / counts[:, None]
    firsts = np.flatnonzero(np.r_[True, taken])
    widths = np.diff(np.r_[firsts, len(taken) + 1])
    down = np.add.reduceat(verdict.under[starts[1:] - 1], firsts, axis=1) / widths
    return across, down


def _components(beside: Bools, under: Bools) -> Ints:
    """Number the places (R, C) from 0: those joined by a pair share a number."""
    rows, cols = len(beside), under.shape[1]
    place = np.arange(rows * cols).reshape(rows, cols)
    first = np.r_[place[:, :-1][beside], place[:-1][under]].tolist()
    second = np.r_[place[:, 1:][beside], place[1:][under]].tolist()
    root = list(range(rows * cols))

    def root_of(one: int) -> int:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for a, b in zip(first, second, strict=True):
        root[root_of(b)] = root_of(a)
    roots = [root_of(one) for one in range(rows * cols)]
    return np.unique(roots, return_inverse=True)[1].reshape(rows, cols)


def _extents(number: Ints) -> Ints:
    """Return top, left, bottom, right of the places of each number: (N, 4)."""
    count = int(number.max()) + 1
    low, high = np.full((count, 2), np.iinfo(int).max), np.full((count, 2), -1)
    places = np.argwhere(number >= 0)
    np.minimum.at(low, number.ravel(), places)
    np.maximum.at(high, number.ravel(), places)
    return np.concatenate([low, high], axis=1)


def _are_rectangles(number: Ints) -> Bools:
    """Say of each number whether its places fill the rectangle around them."""
    top, left, bottom, right = _extents(number).T
    return np.asarray((bottom - top + 1) * (right - left + 1) == np.bincount(number.ravel()))

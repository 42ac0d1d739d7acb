"""What may become a table's grid: its text lines, and columns cut a little more finely than geometry decides.

Upright words go in. Geometry's own answer is in it: which of the cuts it takes, which lines make one row, which head
the columns. What the model is convinced of is put in its place (edits.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.rulings import Floats
from loaders.tables.columns import Cut, column_cuts, finer_cuts
from loaders.tables.lines import parted_lines, table_lines
from loaders.tables.places import Grid, grid_of
from loaders.tables.rows import JudgedLines, judged_lines, rows_of
from loaders.tables.words import Bools, Ints, Upright, right_neighbours


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A table's lines and columns before they are decided.

    up       the words
    pairs    the word to the right of each on its line
    cuts     where columns may part, left to right; `taken` (bool per cut) those that geometry takes
    judged   the text lines, as geometry judges them with the columns it takes
    """

    up: Upright
    pairs: Ints
    cuts: list[Cut]
    taken: Bools
    judged: JudgedLines


def candidates_of(up: Upright) -> Candidates:
    """Find candidates in upright words, two at least."""
    pairs, own, judged = decided(up)
    cuts = finer_cuts(up, pairs, own)
    chosen = {cut.x for cut in own}
    return Candidates(up, pairs, cuts, np.array([cut.x in chosen for cut in cuts], bool), judged)


def decided(up: Upright) -> tuple[Ints, list[Cut], JudgedLines]:
    """Return what geometry decides of upright words: their neighbours, where columns part, how lines are judged."""
    pairs = right_neighbours(up.boxes)
    cuts = column_cuts(up, pairs)
    column, edges = columns_at(up, cuts)
    return pairs, cuts, judged_lines(up, len(edges) - 1, table_lines(up, column, edges))


def columns_at(up: Upright, cuts: list[Cut]) -> tuple[Ints, Floats]:
    """Return each word's column, and the x where columns begin and end (columns + 1,)."""
    at = np.array([cut.x for cut in cuts])
    return np.searchsorted(at, up.middles[:, 0]), np.r_[up.boxes[:, 0].min(), at, up.boxes[:, 2].max()]


def judged_with(found: Candidates, taken: Bools, header: int) -> JudgedLines:
    """Judge the same lines anew, with other columns or another number of lines that head them."""
    if np.array_equal(taken, found.taken) and header == found.judged.header:
        return found.judged
    column, edges = columns_at(found.up, _of(found, taken))
    lines = parted_lines(found.up, column, edges, found.judged.lines.words)
    return judged_lines(found.up, len(edges) - 1, lines, header)


def grid_with(found: Candidates, taken: Bools, judged: JudgedLines) -> Grid:
    """Return the grid of the cuts that are taken and of lines as they were judged."""
    cuts = _of(found, taken)
    column, edges = columns_at(found.up, cuts)
    return grid_of(found.up, column, edges, cuts, rows_of(found.up, judged), found.pairs)


def _of(found: Candidates, taken: Bools) -> list[Cut]:
    return [cut for cut, kept in zip(found.cuts, taken, strict=True) if kept]

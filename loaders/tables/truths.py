"""What the model should say of a table whose structure is known: labels of its candidates.

Candidates and the true cell of every word go in. A label is 1, 0, or IGNORED where the candidates cannot tell the
truth: a line that holds words of two rows, a place cut in two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.tables.candidates import Candidates
from loaders.tables.edits import Verdict
from loaders.tables.synthesize import TrueTable
from loaders.tables.words import Ints

IGNORED = -1
STRAY = 0.1
"""Share of the words of two neighbouring columns that may lie on the wrong side of a cut which parts them."""


def labels_of(found: Candidates, truth: TrueTable) -> Verdict:
    """Label a table's candidates: what a Verdict should say, 1, 0 or IGNORED."""
    cell = truth.cell[found.up.rows]
    shape = len(found.judged.lines), len(found.cuts) + 1
    line_of = np.zeros(len(found.up), int)
    for number, words in enumerate(found.judged.lines.words):
        line_of[words] = number
    places = np.array([(one.row, one.col, one.rows, one.cols) for one in truth.cells], int).reshape(-1, 4)
    where = places[cell]
    known = cell >= 0
    row = _common(line_of, where[:, 0], known & (where[:, 2] == 1), shape[0])
    gap = _true_gaps(found, where, known)
    col = _columns_between(gap, truth.cols)
    part = gap >= 0
    joins = np.where((row[1:] < 0) | (row[:-1] < 0), IGNORED, (row[1:] == row[:-1]).astype(int))
    head = np.where(row < 0, IGNORED, (row < truth.header_rows).astype(int))
    label = np.where(col < 0, IGNORED, (col < truth.header_cols).astype(int))
    owner = np.full((truth.rows, truth.cols), -1)
    for k, one in enumerate(truth.cells):
        owner[one.row : one.row + one.rows, one.col : one.col + one.cols] = k
    there = np.where((row[:, None] >= 0) & (col >= 0), owner[row[:, None], col], -2)
    beside = np.where(part, _same(there[:, :-1], there[:, 1:]), IGNORED)
    under = np.where((joins == 0)[:, None], _same(there[:-1], there[1:]), IGNORED)
    return Verdict(*(one.astype(np.float32) for one in (part, joins, head, label, beside, under)))


def _common(group: Ints, value: Ints, counted: npt.NDArray[np.bool_], size: int) -> Ints:
    """Return the value that nearly all counted words of each group share, IGNORED where there is none."""
    found = np.full(size, IGNORED)
    for k in range(size):
        mine = value[(group == k) & counted]
        if len(mine):
            values, counts = np.unique(mine, return_counts=True)
            if counts.max() >= 0.8 * len(mine):
                found[k] = values[counts.argmax()]
    return found


def _true_gaps(found: Candidates, where: Ints, known: npt.NDArray[np.bool_]) -> Ints:
    """Return for each cut the true column to its left, IGNORED where it does not part that from the next."""
    single = known & (where[:, 3] == 1)
    middle, col = found.up.middles[single, 0], where[single, 1]
    gaps = np.full(len(found.cuts), IGNORED)
    for k, cut in enumerate(found.cuts):
        left = middle < cut.x
        near = np.unique(np.r_[col[left][-1:], col[left].max(initial=-1), col[left].min(initial=0)])
        best = STRAY
        for gap in range(int(near.min(initial=0)) - 1, int(near.max(initial=0)) + 1):
            sides = (col == gap) | (col == gap + 1)
            lower, upper = (col <= gap).any(), (col > gap).any()
            if lower and upper and sides.any():
                wrong = float(((col <= gap) != left).sum()) / sides.sum()
                if wrong < best:
                    gaps[k], best = gap, wrong
    doubled = np.r_[False, (np.diff(gaps) == 0) & (gaps[1:] >= 0)] if len(gaps) else np.zeros(0, bool)
    gaps[doubled] = IGNORED
    return gaps


def _columns_between(gaps: Ints, columns: int) -> Ints:
    """Return the true column that each candidate column is or is a part of, IGNORED where it holds several."""
    taken = np.flatnonzero(gaps >= 0)
    found = np.full(len(gaps) + 1, IGNORED)
    first, below = 0, 0
    for k in [*taken.tolist(), len(gaps)]:
        last = int(gaps[k]) if k < len(gaps) else columns - 1
        if last == below:
            found[first : k + 1] = below
        first, below = k + 1, last + 1
    return found


def _same(a: Ints, b: Ints) -> Ints:
    """Say which places are one cell that holds text; IGNORED where one of them is unknown."""
    return np.where((a == -2) | (b == -2), IGNORED, (a == b) & (a >= 0)).astype(int)

"""Candidates for tables from the words that a model finds likely to be in one.

Upright words and their likelihoods go in, extents come out: words that stand together, far enough from the next lot.
"""

from __future__ import annotations

import numpy as np

from loaders.rulings import Floats
from loaders.tables.words import Upright

LEAST = 0.5
"""A word this likely may begin a table."""
APART = 3.0
"""White this high (em) parts two tables, where none of the words around it is between."""
FEWEST = 6
"""Words of the smallest table."""


def likely_regions(up: Upright, likelihood: Floats | None) -> list[Floats]:
    """Return the extents (x0, y0, x1, y1) of words that are likely in a table; none where no likelihood is given.

    Bands of likely words are parted where white or a line of unlikely words runs between them.
    """
    if likelihood is None or not len(up):
        return []
    likely = likelihood >= LEAST
    rows = np.flatnonzero(likely)
    rows = rows[np.argsort(up.core[rows, 0], kind="stable")]
    if len(rows) < FEWEST:
        return []
    ends = np.maximum.accumulate(up.core[rows, 1])
    top, bottom = ends[:-1], up.core[rows[1:], 0]
    x0, x1 = up.boxes[rows, 0].min(), up.boxes[rows, 2].max()
    beside = (up.middles[:, 0] >= x0) & (up.middles[:, 0] <= x1)  # words of another column of the page say nothing
    other = np.sort(up.middles[~likely & beside, 1])
    between = np.searchsorted(other, bottom) - np.searchsorted(other, top)
    cut = (bottom - top > APART * up.em) | ((bottom > top) & (between > 1))
    lots = np.split(rows, np.flatnonzero(cut) + 1)
    boxes = [up.boxes[lot] for lot in lots if len(lot) >= FEWEST]
    return [np.r_[box[:, :2].min(axis=0), box[:, 2:].max(axis=0)] for box in boxes]

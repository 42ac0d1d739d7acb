"""Which line stands directly below which: the vertical counterpart of neighbours on a row.

In: lines of one turn, upright, and horizontal rulings in the same coordinates. Out: stacks, runs of lines that follow
each other down one column with nothing between them.
"""

from __future__ import annotations

import numpy as np

from loaders.geometry import Array
from loaders.relate.columns import Rows
from loaders.relate.lines import Chains, chain_links
from loaders.relate.neighbours import Bools, Ints

FAR = 2.6
"""Lines further apart than this many em, middle to middle, are not of one block: beyond double spacing."""


def find_stacks(rows: Rows, rulings: Array) -> Chains:
    """Chain lines that are each other's nearest above and below."""
    below = _nearest(rows, downwards=True)
    above = _nearest(rows, downwards=False)
    upper = np.flatnonzero(below >= 0)
    upper = upper[above[below[upper]] == upper]
    lower = below[upper]
    distance = rows.middles[lower] - rows.middles[upper]
    keep = distance <= FAR * np.maximum(rows.sizes[upper], rows.sizes[lower])
    keep &= ~ruled_apart(rows.boxes[upper], rows.boxes[lower], rows.middles[upper], rows.middles[lower], rulings)
    return chain_links(upper[keep], lower[keep], len(rows))


def _nearest(rows: Rows, downwards: bool) -> Ints:
    """Return for each line the nearest one below (or above) that shares its column; -1 where two stand side by side."""
    nearest = np.full(len(rows), -1, np.int64)
    x0, x1, sizes = rows.boxes[:, 0], rows.boxes[:, 2], rows.sizes
    way = 1.0 if downwards else -1.0
    for start in range(0, len(rows), 256):
        part = slice(start, start + 256)
        distance = way * (rows.middles - rows.middles[part, None])
        shared = np.minimum(x1, x1[part, None]) - np.maximum(x0, x0[part, None])
        width = np.minimum(x1 - x0, (x1 - x0)[part, None])
        fits = (distance > 0.4 * np.minimum(sizes, sizes[part, None])) & (shared > 0.25 * width)
        distance = np.where(fits, distance, np.inf)
        best = distance.argmin(axis=1)
        lowest = distance.min(axis=1)
        level = distance < lowest[:, None] + 0.5 * sizes[best][:, None]
        reach = np.where(level, shared, 0.0)
        main = reach[np.arange(len(best)), best]
        # A full-width line above two columns belongs to neither; specks beside a line do not count.
        alone = reach.sum(axis=1) - main < 0.2 * main
        nearest[part] = np.where(np.isfinite(lowest) & alone, best, -1)
    return nearest


def ruled_apart(upper: Array, lower: Array, from_y: Array, to_y: Array, rulings: Array) -> Bools:
    """Say for pairs of boxes (P, 4) whether a horizontal ruling lies between them that is not an underline."""
    flat = rulings[(rulings[:, 2] - rulings[:, 0]) > 2 * (rulings[:, 3] - rulings[:, 1])]
    if not len(flat) or not len(upper):
        return np.zeros(len(upper), bool)
    y = (flat[:, 1] + flat[:, 3]) / 2
    between = (y > from_y[:, None]) & (y < to_y[:, None])
    x0, x1 = np.minimum(upper[:, 0], lower[:, 0])[:, None], np.maximum(upper[:, 2], lower[:, 2])[:, None]
    shared = np.minimum(flat[:, 2], x1) - np.maximum(flat[:, 0], x0)
    em = (to_y - from_y)[:, None]
    tight = (y < upper[:, 3, None] + 0.15 * em) & (flat[:, 2] - flat[:, 0] < (upper[:, 2] - upper[:, 0])[:, None] + em)
    return np.asarray((between & (shared > 0.5 * (x1 - x0)) & ~tight).any(axis=1))

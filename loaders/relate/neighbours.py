"""Which word stands next to which on a row, before anything is known of columns.

In: upright boxes (N, 4) of one turn, in working coordinates. Out: pairs (left, right) of words that are each other's
nearest on their row, whatever lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.document import Words
from loaders.geometry import Array

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNEVEN = 2.2
"""How many times taller a quad read from pixels may be than the next one in the same type: "(high)" to "on"."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The white between neighbours on a row: one row per pair.

    left, right  indices of the words
    x0, x1, y    the gap's left and right end and the row's middle
    em           the type size there, in the frame's unit
    """

    left: Ints
    right: Ints
    x0: Array
    x1: Array
    y: Array
    em: Array

    @property
    def count(self) -> int:
        """One more than the highest word there is."""
        return int(max(self.left.max(initial=-1), self.right.max(initial=-1))) + 1

    @property
    def width(self) -> Array:
        """Width in em; negative where the words overlap."""
        return (self.x1 - self.x0) / self.em

    def take(self, rows: Ints) -> Gaps:
        """Return the given pairs."""
        return Gaps(self.left[rows], self.right[rows], self.x0[rows], self.x1[rows], self.y[rows], self.em[rows])

    @classmethod
    def between(cls, left: Ints, right: Ints, boxes: Array, sizes: Array) -> Gaps:
        """Measure the gaps between given words; a mark much smaller than its neighbour counts half of the larger."""
        small, large = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        em = np.maximum(np.minimum(large, 2 * small), 1e-3)
        middle = (np.maximum(boxes[left, 1], boxes[right, 1]) + np.minimum(boxes[left, 3], boxes[right, 3])) / 2
        return cls(left, right, boxes[left, 2], boxes[right, 0], middle, em)


def row_neighbours(boxes: Array, texts: tuple[str, ...], sizes: Array, unlike: float = 1.8) -> Gaps:
    """Return the pairs of words that are each other's nearest on a row.

    Words whose sizes differ by a factor of more than `unlike` are of one row only as an initial, a unit or a mark is.
    """
    return mutual_neighbours(*row_pairs(boxes, texts, sizes, unlike), boxes, sizes)


def mutual_neighbours(left: Ints, right: Ints, cost: Array, boxes: Array, sizes: Array) -> Gaps:
    """Return those of the pairs on a row, each at its cost, that are each other's nearest."""
    nearest_right = _first_of_each(left, right, cost, len(boxes))
    nearest_left = _first_of_each(right, left, cost, len(boxes))
    rows = np.flatnonzero(nearest_right >= 0)
    rows = rows[nearest_left[nearest_right[rows]] == rows]
    return Gaps.between(rows, nearest_right[rows], boxes, sizes)


def row_pairs(boxes: Array, texts: tuple[str, ...], sizes: Array, unlike: float = 1.8) -> tuple[Ints, Ints, Array]:
    """Return all pairs (left, right) of words on a row, near or far, and what each costs: the way between them."""
    left, right = _facing(boxes)
    letters = np.array([len(text) for text in texts], int)
    keep = _same_row(boxes, sizes, left, right, letters, unlike)
    left, right = left[keep], right[keep]
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    cost = boxes[right, 0] - boxes[left, 2] + np.abs(middles[right] - middles[left])
    return left, right, cost


def _facing(boxes: Array) -> tuple[Ints, Ints]:
    """Return pairs whose middles are within half a height of the taller; the one whose middle is further left first.

    Words are sorted by height of their middle, so that each looks only at a window: a page of 5,000 words has some
    300,000 such pairs, not 25 million.
    """
    middles, halves = (boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 3] - boxes[:, 1]) / 2
    order = np.argsort(middles, kind="stable")
    ranked = middles[order]
    low = np.searchsorted(ranked, middles - halves, side="left")
    counts = np.searchsorted(ranked, middles + halves, side="right") - low
    one = np.repeat(np.arange(len(boxes)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    other = order[np.repeat(low, counts) + offsets]
    centres = boxes[:, 0] + boxes[:, 2]
    level = centres[one] == centres[other]
    before = (centres[one] < centres[other]) | (level & (one < other))
    after = (centres[one] > centres[other]) | (level & (one > other))
    left = np.concatenate([one[before], other[after]])
    right = np.concatenate([other[before], one[after]])
    return left, right


def _same_row(boxes: Array, sizes: Array, left: Ints, right: Ints, letters: Ints, unlike: float) -> Bools:
    """Say which pairs can follow each other on one line."""
    (_, top_l, end_l, low_l), (start_r, top_r, _, low_r) = boxes[left].T, boxes[right].T
    size_l, size_r = sizes[left], sizes[right]
    small, large = np.minimum(size_l, size_r), np.maximum(size_l, size_r)
    shared = np.minimum(low_l, low_r) - np.maximum(top_l, top_r)
    lower = np.minimum(low_l - top_l, low_r - top_r)
    gap = start_r - end_l
    near = (shared >= 0.5 * lower) & (gap >= -0.5 * small)
    other = large > unlike * small
    # An initial over several lines belongs to the first of them; other sizes meet on the baseline, as in "50 %",
    # or are marks set tight against their word.
    initial = (size_l > 2.2 * size_r) & (letters[left] <= 2)
    on_first = np.abs(top_l - top_r) < 0.6 * small
    meets = (np.abs(low_l - low_r) < 0.35 * small) | ((gap < 0.25 * large) & (shared > 0.9 * lower))
    return near & np.where(initial, on_first, ~other | meets)


def _first_of_each(key: Ints, value: Ints, cost: Array, count: int) -> Ints:
    """Return for each key the value of lowest cost, -1 for keys without any; of equal costs the nearest in number."""
    best = np.full(count, -1, np.int64)
    least = np.full(count, np.inf, cost.dtype)
    np.minimum.at(least, key, cost)
    cheapest = cost == least[key]  # few are left to be sorted
    key, value = key[cheapest], value[cheapest]
    order = np.lexsort((np.abs(value - key), key))
    keys = key[order]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, int)
    best[keys[first]] = value[order][first]
    return best


def even_out(words: Words, boxes: Array) -> tuple[Array, Array]:
    """Return boxes and type sizes of words read from pixels, as tall as the words next to them on their row.

    A quad read from pixels is as tall as its letters ("on" is half of "high"), so that neither its height nor its
    middle says where the row is. Within three words either way there is nearly always one with ascenders and one with
    descenders.
    """
    sizes = words.sizes.copy()
    boxes = boxes.copy()
    if not words.ocr.any():
        return boxes, sizes
    gaps = row_neighbours(boxes, words.texts, sizes, UNEVEN)
    height = boxes[:, 3] - boxes[:, 1]
    taller = np.maximum(height[gaps.left], height[gaps.right])
    alike = taller <= UNEVEN * np.minimum(height[gaps.left], height[gaps.right])
    read = words.ocr[gaps.left] & words.ocr[gaps.right]
    near = alike & read & (gaps.x1 - gaps.x0 < 1.5 * taller)
    left, right = gaps.left[near], gaps.right[near]
    tops, lows = boxes[:, 1].copy(), boxes[:, 3].copy()
    for _ in range(3):
        for values, pick in ((tops, np.minimum), (lows, np.maximum), (sizes, np.maximum)):
            shared = pick(values[left], values[right])
            pick.at(values, left, shared)
            pick.at(values, right, shared)
    boxes[:, 1], boxes[:, 3] = tops, lows
    return boxes, sizes

"""Words as they stand on the page -> boxes in which their text runs straight to the right.

In: quads in the page's frame. Out: axis-aligned boxes in working coordinates: every word is turned by its own quarter
turn (so that rotated text has rows too) and the whole page by the skew of its main text. Working coordinates have the
page's unit and y down, but an origin of their own: they are for comparing words with each other, never for results.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from loaders.document import Words
from loaders.geometry import Array, boxes_from_quads
from loaders.relate.marks import is_cjk
from loaders.relate.medians import weighted_median
from loaders.relate.neighbours import even_out, row_neighbours

SMALLEST = 1e-3
"""No type is smaller, in any unit: a quad without height has no size to divide by."""
MAX_SKEW = math.radians(12)
"""Beyond this a word is not part of a skewed page but set at an angle of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """Words turned upright.

    boxes    float32 (N, 4): each word in the coordinates of its own turn
    placed   float32 (N, 4): each word in the coordinates of the main turn, for placing blocks relative to each other
    sizes    float32 (N,): type sizes, evened out along the rows where they were read from pixels
    turns    int8 (N,): clockwise quarter turns of each word's text against the page
    main     the turn of most of the text
    skew     clockwise radians by which the main text's rows lean
    """

    boxes: Array
    placed: Array
    sizes: Array
    turns: npt.NDArray[np.int8]
    main: int
    skew: float

    def place(self, boxes: npt.ArrayLike) -> Array:
        """Return page boxes (M, 4) in the coordinates of the main turn."""
        b = np.asarray(boxes, np.float32).reshape(-1, 4)
        corners = np.stack([b[:, [0, 1]], b[:, [2, 1]], b[:, [2, 3]], b[:, [0, 3]]], axis=1)
        return boxes_from_quads(_turn_back(corners, self.main, self.skew))

    def place_rulings(self, rulings: npt.ArrayLike) -> Array:
        """Return rulings (M, 4) in main coordinates, each as the box of its end points (lines stay thin)."""
        r = np.asarray(rulings, np.float32).reshape(-1, 2, 2)
        return _bounds(_turn_back(r, self.main, self.skew))


def stand_upright(words: Words) -> Upright:
    """Find each word's quarter turn and the page's skew, and turn the words by both."""
    along = (words.quads[:, 1] - words.quads[:, 0] + words.quads[:, 2] - words.quads[:, 3]) / 2
    across = (words.quads[:, 3] - words.quads[:, 0] + words.quads[:, 2] - words.quads[:, 1]) / 2
    length, height = np.hypot(*along.T), np.hypot(*across.T)
    angle = np.arctan2(along[:, 1], along[:, 0])
    turns = np.round(angle / (math.pi / 2)).astype(int) % 4
    turns = np.where(_stacked(words, length, height), (turns + 1) % 4, turns)
    main = int(np.argmax(np.bincount(turns, weights=np.maximum(length, height), minlength=4)))
    # A quad nearly as tall as long says little about direction: an engine's box around "I" may lie on its side.
    telling = np.maximum(length, height) > 1.3 * np.minimum(length, height)
    turns = np.where(telling | (turns == main), turns, main)
    skew = _lean(words, angle, length, height, turns == main, main)
    boxes, sizes = np.zeros((len(words), 4), np.float32), np.maximum(words.sizes, SMALLEST)
    for turn in np.unique(turns):
        rows = np.flatnonzero(turns == turn)
        bodies = type_bodies(boxes_from_quads(_turn_back(words.quads[rows], int(turn), skew)), sizes[rows])
        boxes[rows], sizes[rows] = even_out(replace(words.take(rows), sizes=sizes[rows]), bodies)
    placed = boxes_from_quads(_turn_back(words.quads, main, skew))
    placed[turns == main] = boxes[turns == main]
    return Upright(boxes, placed, sizes, turns.astype(np.int8), main, skew)


def _stacked(words: Words, length: Array, height: Array) -> npt.NDArray[np.bool_]:
    """Say which words read from pixels run down their quad rather than along it: upright boxes of vertical text.

    A text layer knows its direction, and its boxes are often taller than a short word is long.
    """
    letters = np.array([len(text) for text in words.texts], int)
    several = (letters >= 3) | ((letters == 2) & np.array([is_cjk(text) for text in words.texts], bool))
    return np.asarray(words.ocr & several & (height > 1.8 * length))


def _lean(words: Words, angle: Array, length: Array, height: Array, in_main: npt.NDArray[np.bool_], main: int) -> float:
    """Return the skew of the main text: from the quads where they lean, else from neighbours on a row."""
    rest = np.angle(np.exp(1j * (angle - main * math.pi / 2)))
    use = in_main & (length > 2.0 * height) & (np.abs(rest) < MAX_SKEW)
    if use.sum() >= 3 and np.abs(rest[use]).max() > 1e-3:
        return _settled(weighted_median(rest[use], length[use]))
    read = in_main & words.ocr  # a text layer's quads would lean with their text
    return _settled(_lean_of_rows(words.take(read), boxes_from_quads(_turn_back(words.quads[read], main, 0.0))))


def _settled(skew: float) -> float:
    """Leave a page alone whose rows lean by less than can matter (0.06 degrees: a pixel in a thousand)."""
    return skew if 1e-3 < abs(skew) < MAX_SKEW else 0.0


def _lean_of_rows(words: Words, boxes: Array) -> float:
    """Return the median slope from each box to its near neighbour of the same height, for boxes that cannot lean."""
    gaps = row_neighbours(boxes, words.texts, words.sizes)
    left, right = boxes[gaps.left], boxes[gaps.right]
    tall_l, tall_r = left[:, 3] - left[:, 1], right[:, 3] - right[:, 1]
    run = (right[:, 0] + right[:, 2] - left[:, 0] - left[:, 2]) / 2
    keep = (gaps.width < 1.5) & (np.abs(tall_l - tall_r) < 0.15 * tall_l) & (run > tall_l)
    if keep.sum() < 12:
        return 0.0
    slopes = np.arctan2(right[keep, 3] - left[keep, 3], run[keep])
    slope = weighted_median(slopes, run[keep])
    error = weighted_median(np.abs(slopes - slope), run[keep]) / math.sqrt(keep.sum())
    return slope if abs(slope) > 3 * error else 0.0


def type_bodies(boxes: Array, sizes: Array) -> Array:
    """Return boxes (N, 4) no taller than their type: a font's own box may reach into the rows above and below."""
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    halves = np.minimum(boxes[:, 3] - boxes[:, 1], sizes) / 2
    return np.stack([boxes[:, 0], middles - halves, boxes[:, 2], middles + halves], axis=1).astype(np.float32)


def _turn_back(points: Array, turn: int, skew: float) -> Array:
    """Rotate points (..., 2) counter-clockwise on the page by quarter turns and skew, about the origin."""
    exact = {0: (1.0, 0.0), 1: (0.0, 1.0), 2: (-1.0, 0.0), 3: (0.0, -1.0)}[turn]
    cos = exact[0] * math.cos(skew) - exact[1] * math.sin(skew)
    sin = exact[1] * math.cos(skew) + exact[0] * math.sin(skew)
    x, y = points[..., 0], points[..., 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=-1).astype(np.float32)


def _bounds(points: Array) -> Array:
    """Return boxes (N, 4) around points (N, K, 2)."""
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).astype(np.float32)

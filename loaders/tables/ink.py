"""Ink in a table that no word accounts for: pixels go in, boxes of marks come out, upright like the table's words.

Dark on light only. Marks are what touches: a letter, a digit, a dash; lines and pictures are left out by their size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from loaders.rulings import Floats, Pixels
from loaders.tables.words import Bools, Upright

if TYPE_CHECKING:
    from loaders.document import PageImage

LOW = 16.0
"""Type lower than this, in pixels, is enlarged to it before marks are told apart."""
INK = 0.4
"""Share of the words' own darkness from which a pixel is ink."""
AROUND = 0.12
"""How far (em) beyond its box a word's own ink may reach."""
LARGEST, LOWEST, NARROWEST, FLATTEST = 1.5, 0.25, 0.2, 2.0
"""A mark is at most so large (em) either way, and at least so high, or so wide and so many times wider than high."""

MOST = 600
"""More marks than this are a picture's, or a screen's."""


def marks(image: PageImage, up: Upright, known: Bools) -> Floats:
    """Return the boxes (k, 4) of marks in the extent of a table's words and rulings, in its upright coordinates.

    `known` (n,) says which words account for the ink in their boxes.
    """
    import cv2

    view, origin, scale = _upright_view(image, up)
    window = np.ones((max(3, round(0.6 * up.em * scale)) | 1,) * 2, np.uint8)
    depth = np.asarray(cv2.subtract(cv2.morphologyEx(view, cv2.MORPH_CLOSE, window), view), np.uint8)
    boxes = (up.boxes - np.tile(origin, 2)) * scale
    dark = [
        float(np.percentile(part, 90)) for x0, y0, x1, y1 in boxes.astype(int) if (part := depth[y0:y1, x0:x1]).size
    ]
    ink = (depth > INK * max(float(np.median(dark)) if dark else 0.0, 40.0)).view(np.uint8)
    wiped = boxes[known] + np.array([-1, -1, 1, 1]) * AROUND * up.em * scale
    for x0, y0, x1, y1 in wiped:
        ink[max(int(y0), 0) : int(np.ceil(y1)), max(int(x0), 0) : int(np.ceil(x1))] = 0
    _without_rulings(ink, up, origin, scale)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h = stats[1:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].T
    em = up.em * scale
    sized = (w <= LARGEST * em) & (h <= LARGEST * em)
    sized &= (h >= LOWEST * em) | ((w >= NARROWEST * em) & (w >= FLATTEST * h))
    found = np.stack([x, y, x + w, y + h], axis=1)[sized].astype(np.float64)
    if len(found) > MOST:
        return np.zeros((0, 4))
    whole = ~touching(found, wiped, 2)  # what was wiped in part is the rest of a known word
    whole &= np.array([_on_light(view, ink, box, em) for box in found.astype(int)], bool)
    return np.asarray(found[whole] / scale + np.tile(origin, 2), np.float64)


def touching(boxes: Floats, others: Floats, near: float) -> Bools:
    """Say which boxes (k, 4) come as near as that to one of the others (n, 4)."""
    if not len(others):
        return np.zeros(len(boxes), bool)
    gap = np.maximum(boxes[:, None, :2] - others[None, :, 2:], others[None, :, :2] - boxes[:, None, 2:])
    return np.asarray((gap.max(axis=2) <= near).any(axis=1))


def _on_light(view: Pixels, ink: Pixels, box: npt.NDArray[np.int_], em: float) -> bool:
    """Say whether what surrounds a mark is lighter than it: not so between the strokes of white letters."""
    x0, y0, x1, y1 = box
    margin = round(0.5 * em)
    around = view[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin]
    mine = view[y0:y1, x0:x1][ink[y0:y1, x0:x1] > 0]
    return float(np.median(around)) - float(mine.mean()) > 0.25 * (float(around.max()) - float(mine.mean()))


def _upright_view(image: PageImage, up: Upright) -> tuple[Pixels, Floats, float]:
    """Return grey pixels of a table turned upright, where their first pixel lies, and pixels per unit."""
    import cv2

    low, high = up.boxes[:, :2].min(axis=0), up.boxes[:, 2:].max(axis=0)
    for lines, axis in ((up.across, 0), (up.down, 1)):  # a column whose cells were all missed lies beyond the words
        if len(lines):
            low[axis] = min(low[axis], lines[:, 1].min())
            high[axis] = max(high[axis], lines[:, 2].max())
    low, high = low - up.em, high + up.em
    low = np.floor(low * image.scale) / image.scale  # whole pixels: what is upright already is seen as it is
    scale = image.scale * max(1.0, LOW / (up.em * image.scale))
    cos, sin = np.cos(np.radians(up.angle)), np.sin(np.radians(up.angle))
    turn = np.array([[cos, sin], [-sin, cos]])  # page to upright, as columns
    matrix = np.column_stack([turn * (scale / image.scale), -low * scale])
    gray = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2GRAY)
    width, height = (max(int(side), 1) for side in np.ceil((high - low) * scale))
    view = cv2.warpAffine(
        gray, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return np.asarray(view, np.uint8), low, scale


def _without_rulings(ink: Pixels, up: Upright, origin: Floats, scale: float) -> None:
    """Wipe drawn lines off a map of ink."""
    near = max(0.1 * up.em, 1.5 / scale)
    for lines, flat in ((up.across, True), (up.down, False)):
        for at, start, end in lines:
            across = ((at - near, at + near), (start - near, end + near))
            (y0, y1), (x0, x1) = across if flat else across[::-1]
            top, bottom = ((np.array([y0, y1]) - origin[1]) * scale).round().astype(int)
            left, right = ((np.array([x0, x1]) - origin[0]) * scale).round().astype(int)
            ink[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 0

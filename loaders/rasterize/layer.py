"""What was found on a PDF page becomes its TextLayer: turned as displayed, with what cannot be seen marked as hidden.

In come words, lines and pictures in the frame of the page before its /Rotate; out comes a TextLayer in the frame of
the page as displayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage, TextLayer, Words
from loaders.geometry import XYXY, Array, Box, Frame, boxes_from_quads, quads_from_boxes, turn_quads
from loaders.rasterize.glance import Glance
from loaders.rasterize.glyphs import LayerWords

Mask = npt.NDArray[np.bool_]

GLANCE_DPI = 72
GLANCE_PIXELS = 4_000_000
"""The raster in which each word is looked for once."""
_SPOKEN = re.compile(r"[^\W_]")  # a letter or a digit


def layer_from(
    frame: Frame,
    found: LayerWords,
    covered: Mask,
    rulings: Array,
    pictures: Array,
    glance: Callable[[], PageImage],
    undrawn: Mask | None = None,
) -> TextLayer:
    """Build the layer of a page displayed in `frame`.

    covered   bool (N,): words that a picture painted later hides
    rulings   (M, 4) and pictures (K, 4) as x0, y0, x1, y1; pictures that show nothing are left out
    glance    renders the page coarsely; called only when there are words left to look for
    undrawn   bool (N,): words the raster may lack though a reader's machine shows them (their font is not here)
    """
    width, height = unturned_size(frame)
    turns = frame.rotation // 90 % 4
    words = replace(found.words, quads=turn_quads(found.words.quads, turns, width, height))
    boxes = words.boxes
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    gone = covered | (middle < 0).any(axis=1) | (middle > [frame.width, frame.height]).any(axis=1)
    shown = _turned(pictures, turns, width, height)
    hidden = found.unseen | gone
    cores = _cores(words)
    # Letters without colour where something is drawn, but no picture or word, say in text what is drawn.
    telling = found.unseen & ~gone
    if telling.any():
        telling &= ~_touched(cores, cores[~found.unseen]) & ~_touched(cores, shown)
    sought = (~hidden | telling) & (True if undrawn is None else ~undrawn)
    if sought.any():
        seen = Glance(glance())
        hidden[sought] = seen.unseen(cores[sought])
        shown = shown[~seen.empty(shown, boxes[~hidden])]
    figures = tuple(Box(x0, y0, x1, y1, frame) for x0, y0, x1, y1 in shown.tolist())
    return TextLayer(words, found.fonts, hidden, _turned(rulings, turns, width, height), figures)


def _cores(words: Words) -> Array:
    """Return the boxes (N, 4) where each word's ink must be: for letters and digits between the lines, else all of it.

    From ascender to descender a word's box touches its neighbours; a font's small letters fill the middle.
    """
    down = words.quads[:, [3, 2]] - words.quads[:, [0, 1]]
    spoken = np.array([_SPOKEN.search(text) is not None for text in words.texts], bool)[:, None, None]
    top = words.quads[:, [0, 1]] + np.where(spoken, 0.35, 0) * down
    bottom = words.quads[:, [0, 1]] + np.where(spoken, 0.75, 1) * down
    return boxes_from_quads(np.concatenate([top, bottom], axis=1))


def _touched(boxes: Array, others: Array) -> Mask:
    """Say of each box (N, 4) whether one of the others (M, 4) overlaps it."""
    touched = np.zeros(len(boxes), bool)
    for x0, y0, x1, y1 in others.tolist():
        touched |= (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
    return touched


def covered_by(found: LayerWords, place: npt.NDArray[np.int64], pictures: Sequence[tuple[int, XYXY]]) -> Mask:
    """Say of each word whether an opaque picture was painted over it.

    `place` int (N,) is when each word is drawn; `pictures` are (when, box) of each picture, in the words' frame.
    """
    boxes = found.words.boxes
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    covered = np.zeros(len(boxes), bool)
    for painted, (x0, y0, x1, y1) in pictures:
        covered |= (place < painted) & (x > x0) & (x < x1) & (y > y0) & (y < y1)
    return covered


def unturned_size(frame: Frame) -> tuple[float, float]:
    """Return width and height of the page before its /Rotate."""
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def _turned(boxes: Array, turns: int, width: float, height: float) -> Array:
    return boxes_from_quads(turn_quads(quads_from_boxes(boxes), turns, width, height))

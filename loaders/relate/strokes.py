"""Which words of a page image are set bold: by how thick their strokes are, beside the page's own plain text.

In: a page image and its words in pixels. Out: yes or no for each. The mean thickness of strokes is twice the area of
the ink over the length of its outline, and of both only sums over a word's box are needed, whatever the contrast.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage, Words
from loaders.geometry import Array
from loaders.ocr.type_size import CJK
from loaders.relate.medians import weighted_median

HEAVY = 1.15
"""A word whose strokes, in its em, are so many times as thick as the plain text's is bold."""
NEAR = 0.15
"""Sizes read from pixels are a little off: what is nearly of the body's size (a logarithm of the ratio) is of it."""
SMALL = 0.5
"""Smaller type has the thicker strokes for its size: they shrink by this power of it. What is read as smaller than this
share of the body is a figure without ascenders, whose size is not known."""
NOISE = 12.0
"""Steps of grey between neighbouring pixels that are grain of the paper rather than an outline."""

BAND = 256
"""Rows looked at together: a whole page in floating point takes seventy megabytes."""


def bold_words(image: PageImage, words: Words, darkness: Array) -> npt.NDArray[np.bool_]:
    """Return bool (N,); `words` are in pixels of the image, `darkness` (N,) is that of the paper behind each."""
    if not len(words):
        return np.zeros(0, bool)
    letters = np.array([sum(map(str.isalnum, text)) for text in words.texts], float)
    body = max(weighted_median(words.sizes, letters), 1e-3)
    scale = words.sizes / body
    scale = np.where(np.abs(np.log(np.maximum(scale, 1e-3))) < NEAR, 1.0, scale)
    scale = np.where(scale < 1, np.maximum(scale, SMALL) ** SMALL, scale)
    weights = np.where(words.sizes > 0.4 * body, stroke_widths(image, words.boxes, darkness) / scale, 0)
    dense = np.array([any(ord(character) >= CJK for character in text) for text in words.texts])
    bold = np.zeros(len(words), bool)
    for script in (dense, ~dense):  # a sign of many strokes has thin ones
        known = script & (letters > 0) & (weights > 0)
        if known.any():
            plain = weighted_median(weights[known], letters[known])
            bold |= known & (weights > HEAVY * plain)
    return bold


def stroke_widths(image: PageImage, boxes: Array, darkness: Array) -> Array:
    """Return the mean thickness of the strokes in each box (N, 4), in pixels; 0 where there is no outline."""
    import cv2

    height, width = image.pixels.shape[:2]
    x0, y0, x1, y1 = np.rint(boxes).astype(int).T
    x0, y0 = np.clip(x0 - 1, 0, width), np.clip(y0 - 1, 0, height)
    x1, y1 = np.clip(x1 + 1, x0, width), np.clip(y1 + 1, y0, height)
    shade, length = np.zeros(len(boxes)), np.zeros(len(boxes))
    for top in range(0, height, BAND):
        band = np.ascontiguousarray(image.pixels[top : top + BAND + 1])
        grey = np.asarray(cv2.cvtColor(band, cv2.COLOR_RGB2GRAY), np.uint8)
        rows = min(BAND, height - top)
        low, high = np.clip(y0 - top, 0, rows), np.clip(y1 - top, 0, rows)
        for sums, values in ((shade, grey[:rows]), (length, _outline(grey)[:rows])):
            table = cv2.integral(values, sdepth=cv2.CV_64F)
            sums += table[high, x1] - table[low, x1] - table[high, x0] + table[low, x0]
    paper = 255 * (1 - darkness.astype(np.float64))
    ink = np.abs(paper * (x1 - x0) * (y1 - y0) - shade)
    return np.asarray(np.where(length > 0, 2 * ink / np.maximum(length, 1e-9), 0), np.float32)


def _outline(grey: npt.NDArray[np.uint8]) -> Array:
    """Return how much the grey changes from each pixel to the next, across and down: 0 beyond the last."""
    import cv2

    shade = grey.astype(np.float32)
    across, down = np.zeros_like(shade), np.zeros_like(shade)
    across[:, :-1], down[:-1] = shade[:, 1:] - shade[:, :-1], shade[1:] - shade[:-1]
    outline = cv2.magnitude(across, down)
    outline[outline < NOISE] = 0
    return np.asarray(outline, np.float32)

"""One coarse look at a page, to see which of its words and pictures show anything at all.

In come a raster and boxes in its frame; out come masks over the boxes. What is looked for is edges: neighbouring
pixels of different colour. Text that is white on white, painted over, clipped away or switched off leaves none.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage
from loaders.geometry import Array

Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]

FAINT = 6
"""Neighbouring pixels that differ by less than this (of 255) in every channel show nothing: gradients, noise."""
PLAIN = 24
"""The same for pictures, where paper and compression make more noise."""
SPECKS = 8
"""A picture with at most so many edge pixels is empty."""


class Glance:
    """A raster of a page and its edges."""

    def __init__(self, image: PageImage) -> None:
        self.scale = image.scale
        self._steps: Pixels = np.zeros(image.pixels.shape[:2], np.uint8)
        for channel in np.ascontiguousarray(image.pixels.transpose(2, 0, 1)):  # plane by plane is thrice as fast
            _raise_to(self._steps[:, 1:], _distance(channel[:, 1:], channel[:, :-1]))
            _raise_to(self._steps[1:], _distance(channel[1:], channel[:-1]))

    def unseen(self, words: Array) -> Mask:
        """Say of each word's box (N, 4) whether nothing can be seen there.

        Boxes less than two pixels high are given the benefit of the doubt.
        """
        low, high = self._pixels(words, 0)
        counts = _counted(self._steps >= FAINT, low, high)
        tall = (words[:, 3] - words[:, 1]) * self.scale >= 2
        return (counts == 0) & tall & (high > low).all(axis=1)

    def empty(self, pictures: Array, words: Array) -> Mask:
        """Say of each picture (N, 4) whether it shows nothing but the words (M, 4) written over it."""
        if not len(pictures):
            return np.zeros(0, bool)
        edges = self._steps >= PLAIN
        low, high = self._pixels(words, 1)
        for (x0, y0), (x1, y1) in zip(list(low), list(high), strict=True):
            edges[y0:y1, x0:x1] = False
        low, high = self._pixels(pictures, -2)
        return (_counted(edges, low, high) <= SPECKS) & (high - low > 8).all(axis=1)

    def _pixels(self, boxes: Array, margin: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        height, width = self._steps.shape
        pixels = np.asarray(boxes, np.float64).reshape(-1, 4) * self.scale
        low = np.clip(np.floor(pixels[:, :2]) - margin, 0, [width, height]).astype(np.int64)
        high = np.clip(np.ceil(pixels[:, 2:]) + margin, 0, [width, height]).astype(np.int64)
        return low, np.maximum(low, high)


def _distance(one: Pixels, other: Pixels) -> Pixels:
    return np.maximum(one, other) - np.minimum(one, other)


def _raise_to(levels: Pixels, least: Pixels) -> None:
    np.maximum(levels, least, out=levels)


def _counted(marks: Mask, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Count the marks in each box, by an integral image."""
    sums = np.zeros((marks.shape[0] + 1, marks.shape[1] + 1), np.int32)
    np.cumsum(marks, axis=1, out=sums[1:, 1:], dtype=np.int32)
    for above, row in pairwise(sums):  # row by row: numpy's own sum down the columns leaps from row to row
        row += above
    x0, y0, x1, y1 = low[:, 0], low[:, 1], high[:, 0], high[:, 1]
    counted: npt.NDArray[np.int32] = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return counted

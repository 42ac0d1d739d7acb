"""How dark the paper behind each word is, measured in a coarse raster of the page."""

from __future__ import annotations

import numpy as np

from loaders.document import PageImage, Words
from loaders.geometry import Array

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""


def paper_behind(image: PageImage, words: Words) -> Array:
    """Return float32 (N,): 0 for white paper, 1 for black; the words' frame is the image's.

    It is the median in and around a word's box: letters cover far less than half of it, even at a low resolution.
    """
    darkness = 1 - image.pixels.astype(np.float32) @ LUMA / 255
    height, width = darkness.shape
    boxes = np.floor(words.boxes * image.scale).astype(int)
    x0, y0 = np.clip(boxes[:, 0] - 1, 0, width - 1), np.clip(boxes[:, 1] - 1, 0, height - 1)
    x1, y1 = np.clip(boxes[:, 2] + 2, x0 + 1, width), np.clip(boxes[:, 3] + 2, y0 + 1, height)
    found = [np.median(darkness[a:b, c:d]) for a, b, c, d in zip(y0, y1, x0, x1, strict=True)]
    return np.array(found, np.float32)

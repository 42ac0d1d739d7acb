"""How dark the paper is behind each word of a page image: a tinted box, a black heading bar, a photograph."""

from __future__ import annotations

import numpy as np

from loaders.document import PageImage
from loaders.geometry import Array

_ALONG = np.linspace(0.05, 0.95, 9)
_OUTSIDE = 0.12
"""Points are taken so far above and below a word, in its heights: there is paper, not ink."""


def paper_darkness(image: PageImage, quads: Array) -> Array:
    """Return float32 (N,), 0 white to 1 black; `quads` (N, 4, 2) are in pixels of the image."""
    if not len(quads):
        return np.zeros(0, np.float32)
    top = quads[:, None, 0] + (quads[:, 1] - quads[:, 0])[:, None] * _ALONG[:, None]
    foot = quads[:, None, 3] + (quads[:, 2] - quads[:, 3])[:, None] * _ALONG[:, None]
    beyond = _OUTSIDE * (foot - top)
    points = np.rint(np.concatenate([top - beyond, foot + beyond], axis=1)).astype(int)
    height, width = image.pixels.shape[:2]
    x, y = np.clip(points[..., 0], 0, width - 1), np.clip(points[..., 1], 0, height - 1)
    shade = np.median(image.pixels[y, x].mean(axis=2), axis=1)
    return np.asarray(1 - shade / 255, np.float32)

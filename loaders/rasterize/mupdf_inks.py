"""In which colour every glyph of a PDF page is drawn, through PyMuPDF: what synthetic pages carry their truth in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from loaders.rasterize.mupdf import MupdfPage


def inks_of(page: MupdfPage) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return middles (M, 2) and origins (M, 2) of a page's glyphs, white space left out, and their RGB (M, 3), 0-255.

    In points from the top left of the page before its /Rotate.
    """
    from loaders.rasterize.mupdf import _lock

    middles, origins, colours = [], [], []
    with _lock:
        spans = page._page.get_texttrace()
    for span in spans:
        colour = (np.array(span["color"], np.float64) * 255).round().astype(int)
        colour = np.repeat(colour, 3) if len(colour) == 1 else colour
        for code, _, origin, box in span["chars"]:
            if not chr(code).isspace():
                middles.append(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
                origins.append(origin)
                colours.append(colour)
    return (
        np.array(middles, np.float64).reshape(-1, 2),
        np.array(origins, np.float64).reshape(-1, 2),
        np.array(colours, np.int64).reshape(-1, 3),
    )

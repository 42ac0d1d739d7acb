"""Glyphs, lines and pictures of a PDF page through PyMuPDF (the caller holds its lock).

Everything comes out in the frame of the page before its /Rotate: points, origin top left, y down, after CropBox and
UserUnit. That is how PyMuPDF gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loaders.drawn import THIN, pictures_from, rulings_from
from loaders.geometry import Array
from loaders.glyphs import Glyphs, LayerWords, style_of
from loaders.layer import covered_by

if TYPE_CHECKING:
    import pymupdf

Mask = npt.NDArray[np.bool_]
Log = list[tuple[str, tuple[float, float, float, float]]]
"""Drawing operations in order: kind and bounding box."""

MOST_PATHS = 30_000
"""With more drawn paths than this a page is a map or a plan, whose lines are no rulings."""

_PICTURES = ("fill-image", "fill-imgmask")
_FILLED, _STROKED = 16, 32  # MuPDF: FZ_STEXT_FILLED, FZ_STEXT_STROKED


def glyphs_of(page: pymupdf.Page) -> Glyphs:
    """Return the glyphs of a page, those outside the CropBox too."""
    import pymupdf

    before = pymupdf.TOOLS.set_subset_fontnames()
    pymupdf.TOOLS.set_subset_fontnames(True)  # two subsets of one font are two fonts: only one may be broken
    try:
        text = page.get_text("rawdict", flags=pymupdf.TEXT_PRESERVE_WHITESPACE)
    finally:
        pymupdf.TOOLS.set_subset_fontnames(before)
    texts: list[str] = []
    boxes: list[tuple[float, ...]] = []
    origins: list[tuple[float, float]] = []
    spans: list[tuple[float, ...]] = []
    fonts: dict[str, int] = {}
    lines = (line for block in text["blocks"] for line in block.get("lines", ()))
    for number, line in enumerate(lines):
        direction = (1.0, 0.0) if line["wmode"] else line["dir"]  # in vertical writing each glyph stands upright
        for span in line["spans"]:
            chars = span["chars"]
            texts += [char["c"] for char in chars]
            boxes += [char["bbox"] for char in chars]
            origins += [char["origin"] for char in chars]
            font = fonts.setdefault(span["font"], len(fonts))
            spans.append((len(chars), number, font, *direction, *_span(span)))
    table = np.array(spans, np.float64).reshape(-1, 10)
    rows = np.repeat(table, table[:, 0].astype(int), axis=0)
    return Glyphs(
        texts=texts,
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        origins=np.array(origins, np.float64).reshape(-1, 2),
        directions=rows[:, 3:5],
        extents=rows[:, 5:7],
        sizes=rows[:, 7],
        styles=rows[:, 8].astype(np.uint8),
        lines=rows[:, 1].astype(np.int64),
        fonts=rows[:, 2].astype(np.int64),
        unseen=rows[:, 9] > 0,
        names=tuple(fonts),
    )


def _span(span: dict[str, Any]) -> tuple[float, ...]:
    size, flags = span["size"], span["flags"]
    style = style_of(span["font"], bold=bool(flags & 16), italic=bool(flags & 2), mono=bool(flags & 8))
    unseen = not span["char_flags"] & (_FILLED | _STROKED) or span["alpha"] == 0
    return span["ascender"] * size, span["descender"] * size, size, style, float(unseen)


def covered_in(page: pymupdf.Page, log: Log, found: LayerWords, glyphs: Glyphs) -> Mask:
    """Say of each word whether an opaque picture was painted over it."""
    first_text = next((place for place, (kind, _) in enumerate(log) if kind.endswith("-text")), len(log))
    later = [(place, box) for place, (kind, box) in enumerate(log) if kind == "fill-image" and place > first_text]
    if not later:
        return np.zeros(len(found.words), bool)
    see_through = {_rounded(info["bbox"]) for info in page.get_image_info() if info.get("has-mask")}
    drawn_at = {_rounded(char[2]): span["seqno"] for span in page.get_texttrace() for char in span["chars"]}
    origins = glyphs.origins[found.first].tolist()
    place = np.array([drawn_at.get(_rounded(origin), len(log)) for origin in origins], np.int64)
    return covered_by(found, place, [(when, box) for when, box in later if _rounded(box) not in see_through])


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in values)


def pictures_of(log: Log, width: float, height: float) -> Array:
    """Return the pictures (M, 4) on a page of that size."""
    return pictures_from([box for kind, box in log if kind in _PICTURES], width, height)


def rulings_of(page: pymupdf.Page, log: Log) -> Array:
    """Return the horizontal and vertical lines (M, 4) drawn on a page, by paths or by thin pictures."""
    segments: list[Any] = []
    rectangles: list[Any] = [box for kind, box in log if kind in _PICTURES]
    outlines: list[Any] = []
    paths = sum(kind.endswith("-path") for kind, _ in log)
    for path in page.get_cdrawings() if 0 < paths <= MOST_PATHS else ():
        stroked = "s" in path["type"] and (path.get("width") or 0) <= THIN and path.get("stroke_opacity") != 0
        filled = "f" in path["type"] and path.get("fill_opacity") != 0
        for item in path["items"]:
            if item[0] == "l" and stroked:
                segments.append((*item[1], *item[2]))
            elif item[0] == "re":
                outlines += [item[1]] if stroked else []
                rectangles += [item[1]] if filled else []
            elif item[0] == "qu" and filled:
                x, y = zip(*item[1], strict=True)
                rectangles.append((min(x), min(y), max(x), max(y)))
    return rulings_from(segments, rectangles, outlines)

"""Glyphs, lines and pictures of a PDF page through PyMuPDF (the caller holds its lock).

Everything comes out in the frame of the page before its /Rotate: points, origin top left, y down, after CropBox and
UserUnit. That is how PyMuPDF gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.rasterize.drawn import THIN, outlined_from, pictures_from, rulings_from
from loaders.rasterize.glyphs import Glyphs, LayerWords, style_of
from loaders.rasterize.layer import covered_by
from loaders.rasterize.mupdf_pictures import Painted, painted_pictures

if TYPE_CHECKING:
    import pymupdf

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Log = list[tuple[str, tuple[float, float, float, float]]]
"""Drawing operations in order: kind and bounding box."""

MOST_PATHS = 30_000
"""With more drawn paths than this a page is a map or a plan, whose lines are no rulings."""

WIDEST, USUAL_WIDTH = 2.5, 0.5
"""Mean widths of glyphs, in type sizes: of no font, and of most."""

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
        upright = bool(line["wmode"])  # in vertical writing each glyph stands upright
        direction = (1.0, 0.0) if upright else line["dir"]
        for span in line["spans"]:
            chars = span["chars"]
            texts += [char["c"] for char in chars]
            boxes += [char["bbox"] for char in chars]
            origins += [char["bbox"][:2] if upright else char["origin"] for char in chars]
            font = fonts.setdefault(span["font"], len(fonts))
            spans.append((len(chars), number, font, *direction, *_span(span), float(upright)))
    table = np.array(spans, np.float64).reshape(-1, 11)
    rows = np.repeat(table, table[:, 0].astype(int), axis=0)
    return _mended(
        Glyphs(
            texts=texts,
            boxes=_columns(boxes, 4),
            origins=_columns(origins, 2),
            directions=rows[:, 3:5],
            extents=rows[:, 5:7],
            sizes=rows[:, 7],
            styles=rows[:, 8].astype(np.uint8),
            lines=rows[:, 1].astype(np.int64),
            fonts=rows[:, 2].astype(np.int64),
            unseen=rows[:, 9] > 0,
            names=tuple(fonts),
        ),
        rows[:, 10] > 0,
    )


def _columns(rows: Sequence[Sequence[float]], width: int) -> Floats:
    """Return rows of so many numbers as an array, twice as fast as numpy takes them one by one."""
    return np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * width).reshape(-1, width)


def _mended(glyphs: Glyphs, upright: Mask) -> Glyphs:
    """Correct the boxes of two kinds of glyphs that MuPDF misplaces.

    In vertical writing it gives the space from a glyph's foot to the next one's; the glyph stands above its foot. And
    of fonts drawn by the document itself (Type 3) it takes the scale of their drawings for their size: they are
    recognised by glyphs wider than they are high, and their height is guessed from the width.
    """
    sizes, extents = glyphs.sizes.copy(), glyphs.extents.copy()
    level = np.abs(glyphs.directions[:, 0]) >= np.abs(glyphs.directions[:, 1])
    advances = np.where(level, glyphs.boxes[:, 2] - glyphs.boxes[:, 0], glyphs.boxes[:, 3] - glyphs.boxes[:, 1])
    wrong = upright.copy()
    for font in range(len(glyphs.names)):
        rows = (glyphs.fonts == font) & (advances > 0) & (sizes > 0)
        ratio = float(np.median(advances[rows] / sizes[rows])) if rows.any() else 0.0
        if ratio > WIDEST:
            of_font = glyphs.fonts == font
            sizes[of_font] *= ratio / USUAL_WIDTH
            extents[of_font] = sizes[of_font, None] * [0.75, -0.25]
            wrong |= of_font
    if not wrong.any():
        return glyphs
    (x, y), (dx, dy), (up, down) = glyphs.origins.T, glyphs.directions.T, extents.T
    ends = np.where(
        level[:, None], np.stack([y - up * dx, y - down * dx], 1), np.stack([x + up * dy, x + down * dy], 1)
    )
    ends.sort(axis=1)
    boxes = glyphs.boxes.copy()
    for rows, sides in ((np.flatnonzero(wrong & level), (1, 3)), (np.flatnonzero(wrong & ~level), (0, 2))):
        boxes[rows[:, None], sides] = ends[rows]
    return replace(glyphs, boxes=boxes, sizes=sizes, extents=extents)


def _span(span: dict[str, Any]) -> tuple[float, ...]:
    size, flags = span["size"], span["flags"]
    style = style_of(span["font"], bold=bool(flags & 16), italic=bool(flags & 2), mono=bool(flags & 8))
    unseen = not span["char_flags"] & (_FILLED | _STROKED) or span["alpha"] == 0
    return span["ascender"] * size, span["descender"] * size, size, style, float(unseen)


def pictures_of(page: pymupdf.Page, log: Log) -> list[tuple[int, Painted]]:
    """Return the pictures of a page as painted, each with its place among the drawing operations."""
    places = [place for place, (kind, _) in enumerate(log) if kind in _PICTURES]
    if not places:
        return []
    painted = painted_pictures(page) if len(log) <= MOST_PATHS else []
    if len(painted) != len(places):  # a trace too long, or broken off: the boxes at least are known
        painted = [Painted(log[place][1], opaque=False) for place in places]
    return list(zip(places, painted, strict=True))


def covered_in(
    page: pymupdf.Page, log: Log, pictures: list[tuple[int, Painted]], found: LayerWords, glyphs: Glyphs
) -> Mask:
    """Say of each word whether an opaque picture was painted over it."""
    first_text = next((place for place, (kind, _) in enumerate(log) if kind.endswith("-text")), len(log))
    later = [(place, picture.box) for place, picture in pictures if picture.opaque and place > first_text]
    if not later:
        return np.zeros(len(found.words), bool)
    drawn_at = {_rounded(char[2]): span["seqno"] for span in page.get_texttrace() for char in span["chars"]}
    origins = glyphs.origins[found.first].tolist()
    place = np.array([drawn_at.get(_rounded(origin), len(log)) for origin in origins], np.int64)
    return covered_by(found, place, later)


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in values)


def drawings_of(
    page: pymupdf.Page, paths: int, pictures: list[tuple[int, Painted]], size: tuple[float, float], words: Array
) -> tuple[Array, Array]:
    """Return the rulings (M, 4), and the pictures and outlined lines of text (K, 4) on a page of a size.

    `paths` is how many paths it draws.
    """
    boxes = [picture.box for _, picture in pictures]
    segments: list[Any] = []
    rectangles: list[Any] = list(boxes)  # a thin picture is a line as well
    outlines: list[Any] = []
    shapes: list[Any] = []
    for path in page.get_cdrawings() if 0 < paths <= MOST_PATHS else ():
        items = path["items"]
        stroked = "s" in path["type"] and (path.get("width") or 0) <= THIN and path.get("stroke_opacity") != 0
        filled = "f" in path["type"] and path.get("fill_opacity") != 0
        if filled and any(item[0] == "c" for item in items):
            shapes.append(path["rect"])
        elif filled and len(items) <= 4:
            rectangles.append(path["rect"])
        for item in items:
            if item[0] == "l" and stroked:
                segments.append((*item[1], *item[2]))
            elif item[0] == "re":
                outlines += [item[1]] if stroked else []
                rectangles += [item[1]] if filled else []
    shown = np.concatenate([pictures_from(boxes, *size), outlined_from(shapes, words)])
    return rulings_from(segments, rectangles, outlines), shown

"""Where the pictures of a PDF page are really painted, through PyMuPDF (the caller holds its lock).

A picture may be clipped, seen through a mask, or blended with what is below. PyMuPDF's own lists say nothing of that;
MuPDF's trace of a page does. Boxes come out in the frame of the page before its /Rotate.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loaders.geometry import XYXY

if TYPE_CHECKING:
    import pymupdf

_EVERYWHERE: XYXY = (-1e9, -1e9, 1e9, 1e9)
_OPERATION = re.compile(
    rb"<(?:(clip_path|clip_stroke_path)\b([^>]*)>(.*?)</clip_(?:stroke_)?path>"
    rb"|(/?group|/?clip_mask|pop_clip|fill_image|fill_image_mask|clip_text|clip_stroke_text|clip_image_mask)\b([^>]*)>)",
    re.DOTALL,
)
_TRANSFORM = re.compile(rb'transform="([^"]*)"')
_POINT = re.compile(rb'x\d?="([^"]*)" y\d?="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Painted:
    """One picture: the part of it that is painted, empty where none is, and whether it hides what is below."""

    box: XYXY
    opaque: bool


def count_operations(operations: pymupdf.DisplayList) -> tuple[int, int]:
    """Count the paths and the pictures that a page draws, those outside of it and those clipped away left out."""
    from pymupdf import mupdf

    counter = _counter()()
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    mupdf.fz_run_display_list(operations.this, counter, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(counter)
    return counter.paths, counter.pictures


@functools.cache
def _counter() -> type[Any]:
    """Return a kind of MuPDF's devices that draws nothing and is told of nothing but paths and pictures."""
    from pymupdf import mupdf

    class Counter(mupdf.FzDevice2):  # type: ignore[misc]  # known when the first PDF is opened
        def __init__(self) -> None:
            super().__init__()
            self.paths = self.pictures = 0
            self.use_virtual_fill_path()
            self.use_virtual_stroke_path()
            self.use_virtual_fill_image()
            self.use_virtual_fill_image_mask()

        def fill_path(self, *_: Any) -> None:
            self.paths += 1

        def fill_image(self, *_: Any) -> None:
            self.pictures += 1

        stroke_path, fill_image_mask = fill_path, fill_image

    return Counter


def painted_pictures(page: pymupdf.Page) -> list[Painted]:
    """Return every picture in drawing order, stencils and the pictures of masks included (those paint nothing)."""
    clips: list[tuple[XYXY, bool]] = []
    groups: list[bool] = []
    found: list[Painted] = []
    masks = 0
    for path, path_attributes, points, tag, attributes in _OPERATION.findall(_trace(page)):
        if path:
            box = _box_of(points, path_attributes) if path == b"clip_path" else _EVERYWHERE
            clips.append((box, path == b"clip_path"))
        elif tag == b"group":
            groups.append(b'blendmode="Normal"' in attributes and b'alpha="1"' in attributes)
        elif tag == b"/group":
            groups[-1:] = []
        elif tag == b"clip_mask":
            masks += 1
        elif tag == b"/clip_mask":
            masks -= 1
            clips.append((_EVERYWHERE, False))  # from here on all is seen through it
        elif tag == b"pop_clip":
            clips[-1:] = []
        elif tag.startswith(b"fill_image"):
            box = _intersection(
                [_box_of(b'x="0" y="0" x="1" y="0" x="0" y="1" x="1" y="1"', attributes), *(clip for clip, _ in clips)]
            )
            solid = (
                tag == b"fill_image" and all(groups) and all(clear for _, clear in clips) and b'alpha="1"' in attributes
            )
            found.append(Painted((0.0, 0.0, 0.0, 0.0) if masks else box, solid and not masks))
        else:
            clips.append((_EVERYWHERE, False))
    return found


def _trace(page: pymupdf.Page) -> bytes:
    """Return MuPDF's account of all that a page draws."""
    from pymupdf import mupdf

    written = mupdf.FzBuffer(1 << 16)
    output = mupdf.FzOutput(written)
    tracer = mupdf.fz_new_trace_device(output)
    rotation = page.rotation
    page.set_rotation(0)
    try:
        mupdf.fz_run_page(page.this, tracer, mupdf.FzMatrix(), mupdf.FzCookie())
    finally:
        page.set_rotation(rotation)
    mupdf.fz_close_device(tracer)
    output.fz_close_output()
    return bytes(written.fz_buffer_extract())


def _box_of(points: bytes, attributes: bytes) -> XYXY:
    """Return the box around the points of an element, through its transform."""
    corners = np.array(_POINT.findall(points), np.float64)
    transform = _TRANSFORM.search(attributes)
    if not len(corners) or transform is None:
        return _EVERYWHERE
    a, b, c, d, e, f = (float(value) for value in transform[1].split())
    x, y = corners[:, 0] * a + corners[:, 1] * c + e, corners[:, 0] * b + corners[:, 1] * d + f
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _intersection(boxes: list[XYXY]) -> XYXY:
    x0, y0, x1, y1 = (
        max(b[0] for b in boxes),
        max(b[1] for b in boxes),
        min(b[2] for b in boxes),
        min(b[3] for b in boxes),
    )
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else (0.0, 0.0, 0.0, 0.0)

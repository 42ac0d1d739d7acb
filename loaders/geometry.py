"""Boxes and quads, the one frame they live in, and every conversion out of it and back.

The frame: x right, y down, origin at the top left of the page *as displayed* (after CropBox and Rotate); PDF points
(1/72 inch) for PDFs, pixels for images, and the frame says which. A quad is four corners clockwise from the top left
of the text it holds; many quads are one float32 array of shape (N, 4, 2). A Box cannot exist without its frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Unit = Literal["pt", "px"]
Array = npt.NDArray[np.float32]
XYXY = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The page a box lives in: its displayed size, and how the file's own space maps onto it.

    `rotation` is the PDF's /Rotate (clockwise degrees); `crop` the CropBox in PDF user space (x0, y0, x1, y1, origin
    bottom left, before rotation). Where the page has a UserUnit, the displayed size is that many times the crop's.
    Images have rotation 0 and no crop.
    """

    width: float
    height: float
    unit: Unit = "pt"
    rotation: int = 0
    crop: XYXY | None = None

    @property
    def box(self) -> Box:
        """The whole page."""
        return Box(0.0, 0.0, self.width, self.height, self)

    def at(self, xyxy: Iterable[float]) -> Box:
        """Return the box with the given corners on this page."""
        x0, y0, x1, y1 = (float(v) for v in xyxy)
        return Box(x0, y0, x1, y1, self)

    def scale_at(self, dpi: float) -> float:
        """Pixels per unit at a resolution; an image's own pixels are taken as they are."""
        return dpi / 72.0 if self.unit == "pt" else 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in a page's frame (see the module for the frame)."""

    x0: float
    y0: float
    x1: float
    y1: float
    frame: Frame

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def xyxy(self) -> XYXY:
        return self.x0, self.y0, self.x1, self.y1

    def rounded(self, digits: int = 2) -> XYXY:
        """Coordinates as written into metadata."""
        return round(self.x0, digits), round(self.y0, digits), round(self.x1, digits), round(self.y1, digits)

    def holds(self, x: float, y: float) -> bool:
        """Say whether a point lies inside (edges included)."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def union(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(
            min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1), self.frame
        )

    def overlap(self, other: Box) -> float:
        """Return the area both share, in square units."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other: Box) -> float:
        """Return intersection over union, 0 for two empty boxes."""
        shared = self.overlap(other)
        total = self.area + other.area - shared
        return shared / total if total > 0 else 0.0

    def grown(self, margin: float) -> Box:
        """Return the box with a margin on every side, kept on the page."""
        return Box(
            max(self.x0 - margin, 0.0),
            max(self.y0 - margin, 0.0),
            min(self.x1 + margin, self.frame.width),
            min(self.y1 + margin, self.frame.height),
            self.frame,
        )

    # -- other spaces, each with its way back -------------------------------------------------------------------

    def to_unit(self) -> XYXY:
        """Return 0-1 coordinates of the displayed page (Textract, docTR, NIM)."""
        w, h = self.frame.width, self.frame.height
        return self.x0 / w, self.y0 / h, self.x1 / w, self.y1 / h

    @classmethod
    def from_unit(cls, xyxy: XYXY, frame: Frame) -> Box:
        w, h = frame.width, frame.height
        return cls(xyxy[0] * w, xyxy[1] * h, xyxy[2] * w, xyxy[3] * h, frame)

    def to_pixels(self, dpi: float) -> XYXY:
        """Return coordinates in the raster of the page at `dpi`."""
        s = self.frame.scale_at(dpi)
        return self.x0 * s, self.y0 * s, self.x1 * s, self.y1 * s

    @classmethod
    def from_pixels(cls, xyxy: XYXY, frame: Frame, dpi: float) -> Box:
        s = frame.scale_at(dpi)
        return cls(xyxy[0] / s, xyxy[1] / s, xyxy[2] / s, xyxy[3] / s, frame)

    def to_docling(self) -> dict[str, float | str]:
        """Return docling's `bbox` (l, t, r, b, origin bottom left of the displayed page)."""
        h = self.frame.height
        return {"l": self.x0, "t": h - self.y0, "r": self.x1, "b": h - self.y1, "coord_origin": "BOTTOMLEFT"}

    @classmethod
    def from_docling(cls, bbox: dict[str, float | str], frame: Frame) -> Box:
        left, top, right, bottom = (float(bbox[key]) for key in ("l", "t", "r", "b"))
        if bbox.get("coord_origin", "BOTTOMLEFT") == "BOTTOMLEFT":
            top, bottom = frame.height - top, frame.height - bottom
        return cls(left, top, right, bottom, frame)

    def to_pdf_annotation(self) -> XYXY:
        """Return the rectangle in PDF user space (bottom left, unrotated, uncropped), as a PDF annotation wants it."""
        corners = [_displayed_to_user(x, y, self.frame) for x, y in ((self.x0, self.y0), (self.x1, self.y1))]
        (xa, ya), (xb, yb) = corners
        return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)

    @classmethod
    def from_pdf_annotation(cls, xyxy: XYXY, frame: Frame) -> Box:
        (xa, ya), (xb, yb) = (_user_to_displayed(x, y, frame) for x, y in (xyxy[:2], xyxy[2:]))
        return cls(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb), frame)


def _user_origin(frame: Frame) -> tuple[float, float, float, float, float]:
    """Return left and top in user space, width and height as displayed but unturned, and the UserUnit."""
    turned = frame.rotation % 180 == 90
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    if frame.crop is None:
        return 0.0, height, width, height, 1.0
    left, _, right, top = frame.crop
    return left, top, width, height, width / (right - left)


def _displayed_to_user(x: float, y: float, frame: Frame) -> tuple[float, float]:
    left, top, w, h, unit = _user_origin(frame)
    u, v = {0: (x, y), 90: (y, h - x), 180: (w - x, h - y), 270: (w - y, x)}[frame.rotation % 360]
    return left + u / unit, top - v / unit


def _user_to_displayed(x: float, y: float, frame: Frame) -> tuple[float, float]:
    left, top, w, h, unit = _user_origin(frame)
    u, v = (x - left) * unit, (top - y) * unit
    return {0: (u, v), 90: (h - v, u), 180: (w - u, h - v), 270: (v, w - u)}[frame.rotation % 360]


# -- arrays of quads and boxes ----------------------------------------------------------------------------------


def quads_from_boxes(boxes: npt.ArrayLike) -> Array:
    """Return upright quads (N, 4, 2) of boxes (N, 4) in x0, y0, x1, y1."""
    b = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.stack([b[:, [0, 1]], b[:, [2, 1]], b[:, [2, 3]], b[:, [0, 3]]], axis=1)


def boxes_from_quads(quads: npt.ArrayLike) -> Array:
    """Return axis-aligned boxes (N, 4) around quads (N, 4, 2)."""
    q = np.asarray(quads, np.float32).reshape(-1, 4, 2)
    a, b, c, d = q.transpose(1, 0, 2)  # numpy is slow along an axis as short as this
    low, high = np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(np.maximum(a, b), np.maximum(c, d))
    return np.concatenate([low, high], axis=1)


def turn_quads(quads: npt.ArrayLike, quarter_turns: int, width: float, height: float) -> Array:
    """Turn quads with their page by clockwise quarter turns.

    `width`, `height` are the page's before turning. Corners keep their order, so the first corner stays the top left
    of the *text*, wherever the page's turn has put it.
    """
    q = np.asarray(quads, np.float32).reshape(-1, 4, 2)
    x, y = q[..., 0], q[..., 1]
    turned = {0: (x, y), 1: (height - y, x), 2: (width - x, height - y), 3: (y, width - x)}[quarter_turns % 4]
    return np.stack(turned, axis=-1).astype(np.float32)


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all; raises ValueError for none."""
    boxes = list(boxes)
    if not boxes:
        raise ValueError("union() needs at least one box")
    return Box(
        min(b.x0 for b in boxes),
        min(b.y0 for b in boxes),
        max(b.x1 for b in boxes),
        max(b.y1 for b in boxes),
        boxes[0].frame,
    )

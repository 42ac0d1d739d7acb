"""A source becomes pages that can be looked at: as pixels, and as the text, lines and pictures a PDF says it holds.

This is the seam; behind it stand PyMuPDF (`mupdf`, AGPL-3.0 or commercial), pypdfium2 (`pdfium`,
Apache-2.0 / BSD-3-Clause) and Pillow (`image`), and no other file imports the first two. Everything comes out
in the frame of the page as displayed: after CropBox, Rotate and UserUnit, after EXIF orientation.
"""

from __future__ import annotations

import math
from types import TracebackType
from typing import Protocol

from loaders.document import PageImage, TextLayer
from loaders.geometry import Box, Frame
from loaders.settings import Settings
from loaders.sources import Source


class OpenPage(Protocol):
    """One page of an open document. Not to be used after its document is closed."""

    @property
    def frame(self) -> Frame: ...

    @property
    def label(self) -> str:
        """The page's name in the document ("iv"); its number where it has none."""
        ...

    @property
    def key(self) -> str:
        """Sha256 of all that decides what this page says and shows, and of nothing else in the file."""
        ...

    def layer(self) -> TextLayer:
        """Return the page's own words, lines and pictures; empty for images. Raises PageError."""
        ...

    def image(self, dpi: float | None = None, max_pixels: int | None = None, clip: Box | None = None) -> PageImage:
        """Render the page, or the part of it in `clip`, at `dpi` or as much as `max_pixels` allows.

        A clipped image starts at the whole pixel at or before the clip's corner: `snapped(clip, image.scale)` is the
        part of the page it shows, and its frame has that size. Raises PageError, PageTooLarge.
        """
        ...

    def close(self) -> None:
        """Let go of the page's memory."""
        ...


class OpenDocument(Protocol):
    """A source opened for reading; a context manager."""

    @property
    def page_count(self) -> int: ...

    @property
    def title(self) -> str:
        """The title in the document's own metadata, or nothing."""
        ...

    def page(self, index: int) -> OpenPage:
        """Return the page at a 0-based index. Raises PageError when it is broken, IndexError when there is none."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> OpenDocument: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_document(source: Source, settings: Settings) -> OpenDocument:
    """Open a source with the rasterizer its kind and the settings ask for.

    Raises BrokenSource, EmptySource (no pages), NeedsPassword, SourceNotFound, SourceUnreadable.
    """
    if source.kind == "image":
        from loaders.rasterize.image import ImageDocument

        return ImageDocument(source, settings)
    if settings.rasterizer == "pdfium":
        from loaders.rasterize.pdfium import PdfiumDocument

        return PdfiumDocument(source, settings)
    from loaders.rasterize.mupdf import MupdfDocument

    return MupdfDocument(source, settings)


def raster_scale(width: float, height: float, wanted: float, max_pixels: int) -> float:
    """Return pixels per unit: `wanted`, or what keeps width x height (in units) within `max_pixels`."""
    if (width * wanted + 1) * (height * wanted + 1) <= max_pixels:
        return wanted
    # (w s + 1)(h s + 1) = max_pixels, since a raster's sides are rounded up.
    around, area = width + height, width * height
    return min(wanted, 2 * (max_pixels - 1) / (around + math.sqrt(around * around + 4 * area * (max_pixels - 1))))


def snapped(clip: Box, scale: float) -> Box:
    """Return the box grown to whole pixels of a raster at `scale`, at least one, within the page."""
    width, height = raster_size(clip.frame, scale)
    x0 = min(max(math.floor(clip.x0 * scale + 1e-3), 0), width - 1)
    y0 = min(max(math.floor(clip.y0 * scale + 1e-3), 0), height - 1)
    x1 = max(min(math.ceil(clip.x1 * scale - 1e-3), width), x0 + 1)
    y1 = max(min(math.ceil(clip.y1 * scale - 1e-3), height), y0 + 1)
    return Box(x0 / scale, y0 / scale, x1 / scale, y1 / scale, clip.frame)


def raster_size(frame: Frame, scale: float) -> tuple[int, int]:
    """Return the width and height in pixels of a whole page at a scale, each at least one.

    A PDF page ends inside its last pixel; an image cannot be enlarged to fill it, and loses a fraction of one.
    """
    if frame.unit == "px":
        return max(int(frame.width * scale + 1e-3), 1), max(int(frame.height * scale + 1e-3), 1)
    return max(math.ceil(frame.width * scale - 1e-3), 1), max(math.ceil(frame.height * scale - 1e-3), 1)


def plain(text: str | None) -> str:
    """Return a title or a label on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())

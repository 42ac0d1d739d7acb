"""PDF pages through pypdfium2 (Apache-2.0 / BSD-3-Clause). Only this file and `pdfium_layer` use it.

For users who cannot ship PyMuPDF. Same frames, same pixels up to anti-aliasing, words within a point. PDFium gives no
access to a page's objects, so a page's key is the hash of what it shows and says. PDFium is not thread-safe: one lock
guards every call, and is never held while a caller runs.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import mmap
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage, TextLayer
from loaders.errors import BrokenSource, NeedsPassword, OcrIngestError, PageError, PageTooLarge
from loaders.geometry import Box, Frame
from loaders.rasterize import plain, raster_scale, raster_size, snapped
from loaders.rasterize.drawn import outlined_from, pictures_from, rulings_from
from loaders.rasterize.layer import GLANCE_DPI, GLANCE_PIXELS, covered_by, layer_from, unturned_size
from loaders.settings import Settings
from loaders.sources import Source

_lock = threading.RLock()

RENEWED = 64
"""PDFium keeps what it has read of a file; it is closed and opened again after so many pages."""


class PdfiumDocument:
    """A PDF opened by PDFium."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source, self.settings = source, settings
        self.rotations: dict[int, int] = {}
        self.open_pages, self._opened = 0, 0
        source.open().close()  # a file that is gone or forbidden says so in our words
        with _calling(BrokenSource, f"{source.name} is damaged beyond repair"):
            self.pdf = self._open()
            self.page_count = len(self.pdf)
            self.title = plain(self.pdf.get_metadata_value("Title"))
        self.scaled = self._may_have_user_units()

    def _open(self) -> Any:
        import pypdfium2

        given = self.source.data if self.source.path is None else Path(self.source.path)
        try:
            pdf = pypdfium2.PdfDocument(given, password=self.settings.password)
        except pypdfium2.PdfiumError as error:
            raise self._refusal(error) from error
        if pdf.get_formtype() == pypdfium2.raw.FORMTYPE_ACRO_FORM:
            pdf.init_forms()  # before any page is opened, or what was typed into forms is not shown
        return pdf

    def _refusal(self, error: Any) -> Exception:
        import pypdfium2.raw as pdfium

        code = getattr(error, "err_code", None)
        if code == pdfium.FPDF_ERR_PASSWORD:
            wrong = ": the one given does not open it" if self.settings.password else ""
            return NeedsPassword(f"{self.source.name} needs a password{wrong}")
        return BrokenSource(f"{self.source.name} is damaged beyond repair, or has no pages: {error}")

    def _may_have_user_units(self) -> bool:
        """Say whether some page may have a UserUnit: PDFium cannot tell, but a file without the word has none."""
        with self.source.open() as stream:
            try:
                held: Any = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):  # bytes in memory
                held = stream.read()
            # Inside object streams the word would be compressed.
            return re.search(rb"/UserUnit|/ObjStm|/Encrypt", held) is not None

    def page(self, index: int) -> PdfiumPage:
        if not 0 <= index < self.page_count:
            raise IndexError(f"page index {index} of {self.page_count} pages")
        with _calling(PageError, f"page {index + 1} is broken"):
            if self._opened >= RENEWED and self.open_pages == 0:
                self.pdf.close()
                self.pdf, self._opened = self._open(), 0
            self._opened += 1
            return PdfiumPage(self, index)

    def close(self) -> None:
        with _lock:
            self.pdf.close()

    def __enter__(self) -> PdfiumDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PdfiumPage:
    """One page, with its annotations and form fields made part of it; made under the lock."""

    def __init__(self, document: PdfiumDocument, index: int) -> None:
        import pypdfium2.raw as pdfium

        self.document, self.index = document, index
        self.label = plain(document.pdf.get_page_label(index)) or str(index + 1)
        page = document.pdf.get_page(index)
        if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            page.close()
            page = document.pdf.get_page(index)
        rotation = document.rotations.setdefault(index, page.get_rotation() % 360)
        # For good in this document: PDFium orders the words of turned pages backwards. Rendering turns them instead.
        page.set_rotation(0)
        self._page: Any = page
        left, bottom, right, top = page.get_bbox()
        self._unit = _user_unit(document.pdf, index) if document.scaled else 1.0
        sides = ((right - left) * self._unit, (top - bottom) * self._unit)
        width, height = sides[::-1] if rotation % 180 else sides
        self.frame = Frame(width, height, "pt", rotation, (left, bottom, right, top))
        document.open_pages += 1

    @property
    def key(self) -> str:
        image, layer = self.image(), self.layer()
        whole = hashlib.sha256(f"{self.frame} {image.pixels.shape}".encode())
        for part in (image.pixels, layer.words.quads, layer.hidden):
            whole.update(np.ascontiguousarray(part).data)
        whole.update("\0".join(layer.words.texts).encode())
        return whole.hexdigest()

    def image(self, dpi: float | None = None, max_pixels: int | None = None, clip: Box | None = None) -> PageImage:
        settings, shown = self.document.settings, clip or self.frame.box
        wanted = self.frame.scale_at(dpi or settings.dpi)
        scale = raster_scale(shown.width, shown.height, wanted, max_pixels or settings.max_pixels)
        part = self.frame.box if clip is None else snapped(clip, scale)
        frame = self.frame if clip is None else Frame(part.width, part.height, self.frame.unit)
        with _calling(PageError, f"page {self.index + 1} cannot be rendered"):
            return PageImage(self._pixels(scale, part, raster_size(frame, scale)), scale, frame)

    def layer(self) -> TextLayer:
        from loaders.rasterize.glyphs import words_from
        from loaders.rasterize.pdfium_layer import drawn_on, frame_matrix, glyphs_of

        left, _, _, top = self.frame.crop or (0.0, 0.0, 0.0, 0.0)
        with _calling(PageError, f"the text of page {self.index + 1} cannot be read"):
            to_frame = frame_matrix(left, top, self._unit)
            glyphs, objects, undrawn = glyphs_of(self._page, to_frame)
            drawn = drawn_on(self._page, to_frame)
        found = words_from(glyphs)
        place = np.array([drawn.place.get(int(address), 1 << 40) for address in objects[found.first]])
        covered = covered_by(found, place, drawn.opaque)
        rulings = rulings_from(drawn.segments, drawn.rectangles + drawn.pictures, drawn.outlines)
        outlined = outlined_from(drawn.shapes, found.words.boxes)
        pictures = np.concatenate([pictures_from(drawn.pictures, *unturned_size(self.frame)), outlined])
        return layer_from(
            *(self.frame, found, covered, rulings, pictures, lambda: self.image(GLANCE_DPI, GLANCE_PIXELS)),
            undrawn=undrawn[found.first],
        )

    def close(self) -> None:
        with _lock:
            if self._page is not None:
                self._page.close()
                self._page = None
                self.document.open_pages -= 1

    def _pixels(self, scale: float, part: Box, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Render a part of the page that starts at a whole pixel."""
        import pypdfium2.raw as pdfium

        width, height = size
        whole_width, whole_height = raster_size(self.frame, scale)
        pixels = np.full((height, width, 3), 255, np.uint8)
        bitmap = pdfium.FPDFBitmap_CreateEx(
            width, height, pdfium.FPDFBitmap_BGR, pixels.ctypes.data_as(ctypes.c_void_p), width * 3
        )
        if not bitmap:
            raise PageTooLarge(f"no room for {width} x {height} pixels")
        try:
            pdfium.FPDF_RenderPageBitmap(
                *(bitmap, self._page, -round(part.x0 * scale), -round(part.y0 * scale), whole_width, whole_height),
                *(self.frame.rotation // 90, pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER),
            )
        finally:
            pdfium.FPDFBitmap_Destroy(bitmap)
        return pixels


def _user_unit(pdf: Any, index: int) -> float:
    """Return a page's UserUnit, read from a copy of the page written out in plain."""
    import pypdfium2

    copy, written = pypdfium2.PdfDocument.new(), io.BytesIO()
    try:
        copy.import_pages(pdf, [index])
        copy.save(written)
    finally:
        copy.close()
    found = re.search(rb"/UserUnit\s+([\d.]+)", written.getbuffer())
    return float(found[1]) if found and float(found[1]) > 0 else 1.0


@contextmanager
def _calling(kind: type[OcrIngestError], what: str) -> Iterator[None]:
    """Hold the lock; whatever PDFium raises becomes an error of ours."""
    with _lock:
        try:
            yield
        except OcrIngestError:
            raise
        except MemoryError as error:
            raise PageTooLarge(f"{what}: not enough memory") from error
        except Exception as error:
            raise kind(f"{what}: {error or type(error).__name__}") from error

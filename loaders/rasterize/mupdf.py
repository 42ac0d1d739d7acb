"""PDF pages through PyMuPDF, which is AGPL-3.0 or commercial. Only this file, `mupdf_layer`,
`mupdf_pictures` and `mupdf_key` use it.

MuPDF is not thread-safe: one lock guards every call, and is never held while a caller runs. Its messages are kept off
the terminal and become the detail of errors.
"""

from __future__ import annotations

import functools
import gc
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from loaders.document import PageImage, TextLayer
from loaders.errors import BrokenSource, EmptySource, NeedsPassword, OcrIngestError, PageError, PageTooLarge
from loaders.geometry import Box, Frame
from loaders.rasterize import plain, raster_scale, snapped
from loaders.rasterize.layer import GLANCE_DPI, GLANCE_PIXELS, layer_from, unturned_size
from loaders.settings import Settings
from loaders.sources import Source

if TYPE_CHECKING:
    import pymupdf

_lock = threading.RLock()


class MupdfDocument:
    """A PDF opened by MuPDF, repaired where it must be."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source, self.settings = source, settings
        source.open().close()  # a file that is gone or forbidden says so in our words
        with _calling(BrokenSource, f"{source.name} is damaged beyond repair"):
            where = {"stream": source.data} if source.path is None else {"filename": source.path}
            self.pdf: pymupdf.Document = _mupdf().open(**where, filetype="pdf")
            try:
                self._unlock()
                self.page_count = self._count()
                self.title = plain((self.pdf.metadata or {}).get("title"))
            except BaseException:
                self.pdf.close()
                raise
        self._keys: Any = None

    def _unlock(self) -> None:
        password = self.settings.password
        if self.pdf.needs_pass and not (password and self.pdf.authenticate(password)):
            wrong = ": the one given does not open it" if password else ""
            raise NeedsPassword(f"{self.source.name} needs a password{wrong}")

    def _count(self) -> int:
        # A damaged /Count can claim a billion pages; there are no more pages than objects.
        count = min(self.pdf.page_count, self.pdf.xref_length())
        if count <= 0 and self.pdf.is_repaired:
            raise BrokenSource(f"{self.source.name} is damaged: no page of it could be recovered")
        if count <= 0:
            raise EmptySource(f"{self.source.name} has no pages")
        return int(count)

    def page(self, index: int) -> MupdfPage:
        if not 0 <= index < self.page_count:
            raise IndexError(f"page index {index} of {self.page_count} pages")
        with _calling(PageError, f"page {index + 1} is broken"):
            return MupdfPage(self, index)

    def page_key(self, index: int, frame: Frame) -> str:
        """Return the hash of a page's own inputs; under the lock."""
        from loaders.rasterize.mupdf_key import PageKeys

        self._keys = self._keys or PageKeys(self.pdf, self.source.doc_id)
        return str(self._keys.of(index, frame))

    def close(self) -> None:
        with _lock:
            if not self.pdf.is_closed:
                self.pdf.close()
                _mupdf().TOOLS.store_shrink(100)  # MuPDF keeps up to 256 MB of decoded pictures and fonts

    def __enter__(self) -> MupdfDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MupdfPage:
    """One page; made under the lock."""

    def __init__(self, document: MupdfDocument, index: int) -> None:
        self.document, self.index = document, index
        self._page: Any = document.pdf.load_page(index)
        self._operations: Any = None
        self.frame = _frame(self._page)
        if self.frame.rotation != self._page.rotation:  # a /Rotate of 45: MuPDF rounds it, PyMuPDF ignores it
            self._page.set_rotation(self.frame.rotation)
        self.label = _label(self._page) or str(index + 1)

    @property
    def key(self) -> str:
        with _calling(PageError, f"page {self.index + 1} cannot be hashed"):
            return self.document.page_key(self.index, self.frame)

    def image(self, dpi: float | None = None, max_pixels: int | None = None, clip: Box | None = None) -> PageImage:
        settings, shown = self.document.settings, clip or self.frame.box
        wanted = self.frame.scale_at(dpi or settings.dpi)
        scale = raster_scale(shown.width, shown.height, wanted, max_pixels or settings.max_pixels)
        with _calling(PageError, f"page {self.index + 1} cannot be rendered"):
            if clip is None:
                return PageImage(self._pixels(scale), scale, self.frame)
            part = snapped(clip, scale)
            return PageImage(self._pixels(scale, part), scale, Frame(part.width, part.height, self.frame.unit))

    def layer(self) -> TextLayer:
        from loaders.rasterize.glyphs import words_from
        from loaders.rasterize.mupdf_layer import covered_in, drawings_of, glyphs_of, pictures_of
        from loaders.rasterize.mupdf_pictures import count_operations

        with _calling(PageError, f"the text of page {self.index + 1} cannot be read"), _without_collecting():
            paths, images = count_operations(self._interpreted)
            log = self._page.get_bboxlog() if images else []
            glyphs = glyphs_of(self._page)
            found = words_from(glyphs)
            painted = pictures_of(self._page, log)
            covered = covered_in(self._page, log, painted, found, glyphs)
            size = unturned_size(self.frame)
            rulings, pictures = drawings_of(self._page, paths, painted, size, found.words.boxes)
        return layer_from(
            self.frame, found, covered, rulings, pictures, lambda: self.image(GLANCE_DPI, GLANCE_PIXELS)
        )  # fmt: skip

    def close(self) -> None:
        with _lock:
            self._operations = self._page = None

    @property
    def _interpreted(self) -> pymupdf.DisplayList:
        """What the page draws, interpreted once, to be drawn at any scale; under the lock."""
        if self._operations is None:
            self._operations = self._page.get_displaylist()
        return self._operations

    def _pixels(self, scale: float, clip: Box | None = None) -> Any:
        mupdf = _mupdf()
        pixmap = self._interpreted.get_pixmap(
            matrix=mupdf.Matrix(scale, scale), colorspace=mupdf.csRGB, alpha=False, clip=clip and mupdf.Rect(*clip.xyxy)
        )
        rows = np.frombuffer(pixmap.samples_mv, np.uint8).reshape(pixmap.height, pixmap.stride)
        return rows[:, : pixmap.width * 3].reshape(pixmap.height, pixmap.width, 3).copy()


def _frame(page: pymupdf.Page) -> Frame:
    """Return the page's frame, from the one matrix MuPDF itself displays it by."""
    from pymupdf import mupdf

    crop, matrix = mupdf.FzRect(), mupdf.FzMatrix()
    mupdf.pdf_page_transform(mupdf.pdf_page_from_fz_page(page.this), crop, matrix)
    rotation = {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}[_sign(matrix.a), _sign(matrix.b)]
    return Frame(page.rect.width, page.rect.height, "pt", rotation, (crop.x0, crop.y0, crop.x1, crop.y1))


def _sign(value: float) -> int:
    return (value > 1e-6) - (value < -1e-6)


def _label(page: pymupdf.Page) -> str:
    try:
        return plain(page.get_label())
    except Exception:  # a damaged /PageLabels is no reason not to read the page
        return ""


@functools.cache
def _mupdf() -> Any:
    """Import PyMuPDF, and keep its messages off the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SWIG's own, on import
        import pymupdf
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep Python from looking for garbage among the many thousand objects that one page's glyphs are."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def _calling(kind: type[OcrIngestError], what: str) -> Iterator[None]:
    """Hold the lock; whatever MuPDF raises becomes an error of ours, with what it said on the way."""
    with _lock:
        mupdf = _mupdf()
        mupdf.TOOLS.reset_mupdf_warnings()
        try:
            yield
        except OcrIngestError:
            raise
        except MemoryError as error:
            raise PageTooLarge(f"{what}: not enough memory") from error
        except Exception as error:
            said = [line for line in mupdf.TOOLS.mupdf_warnings().splitlines() if not line.startswith("... repeated")]
            if not said or not str(error).startswith("Failed to open"):  # which says no more than that, and the path
                said.insert(0, str(error))
            detail = "; ".join(dict.fromkeys(line.strip() for line in said if line.strip()))
            raise kind(f"{what}: {detail[:300]}") from error

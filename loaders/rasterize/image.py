"""Image files as pages, through Pillow: one page each, a TIFF as many as it holds.

In come PNG, JPEG, TIFF, WebP, BMP, GIF and JPEG 2000 in any colour mode; out comes RGB, upright by its EXIF
orientation, laid on white where it is transparent. The frame is the upright image in its own pixels. Of an animation
the first frame is the page; of a TIFF every directory is one, save the small copies and masks some keep beside a page.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage, TextLayer, Words
from loaders.errors import BrokenSource, OcrIngestError, PageError, PageTooLarge
from loaders.geometry import Box, Frame
from loaders.rasterize import raster_scale, raster_size, snapped
from loaders.settings import Settings
from loaders.sources import Source

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]

MOST_BYTES = 512 << 20
"""An image that would take more than this decoded, and cannot be decoded smaller, is not read."""

_PLUGINS = {  # opened directly: the file's kind is known, and Pillow's own limit on pixels is not ours
    "image/png": ("PngImagePlugin", "PngImageFile"),
    "image/jpeg": ("JpegImagePlugin", "JpegImageFile"),
    "image/tiff": ("TiffImagePlugin", "TiffImageFile"),
    "image/webp": ("WebPImagePlugin", "WebPImageFile"),
    "image/bmp": ("BmpImagePlugin", "BmpImageFile"),
    "image/gif": ("GifImagePlugin", "GifImageFile"),
    "image/jp2": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
}
_ORIENTATION, _SUBFILE = 0x0112, 254
_REDUCED, _MASK = 1, 4
_BYTES_PER_PIXEL = {"1": 2, "L": 1, "P": 5, "PA": 8, "LA": 8, "I;16": 8, "I;16B": 8, "I;16L": 8, "I": 12, "F": 12}

_lock = threading.RLock()


class ImageDocument:
    """An image file opened by Pillow."""

    title = ""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source, self.settings = source, settings
        with _calling(BrokenSource, f"{source.name} cannot be opened"), self._opened() as image:
            self.frames = _pages_of(image) if source.mime == "image/tiff" else (0,)

    @property
    def page_count(self) -> int:
        return len(self.frames)

    def page(self, index: int) -> ImagePage:
        if not 0 <= index < self.page_count:
            raise IndexError(f"page index {index} of {self.page_count} pages")
        with _calling(PageError, f"page {index + 1} is broken"):
            return ImagePage(self, index)

    @contextmanager
    def _opened(self) -> Iterator[Image]:
        module, name = _PLUGINS[self.source.mime]
        plugin = getattr(importlib.import_module(f"PIL.{module}"), name)
        with self.source.open() as stream, plugin(stream) as image:
            yield image

    def close(self) -> None:
        """Nothing stays open between calls."""

    def __enter__(self) -> ImageDocument:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImagePage:
    """One image, decoded anew by each call."""

    def __init__(self, document: ImageDocument, index: int) -> None:
        self.document, self.index, self.label = document, index, str(index + 1)
        with document._opened() as image:
            self._seek(image)
            width, height = _upright_size(image)
        self.frame = Frame(float(width), float(height), "px")

    @property
    def key(self) -> str:
        image = self.image()
        shape = f"{image.pixels.shape} {self.frame}".encode()
        return hashlib.sha256(shape + hashlib.sha256(image.pixels.data).digest()).hexdigest()

    def layer(self) -> TextLayer:
        return TextLayer(Words.none(), (), np.zeros(0, bool), np.zeros((0, 4), np.float32), ())

    def image(
        self,
        dpi: float | None = None,  # noqa: ARG002 - an image has its pixels
        max_pixels: int | None = None,
        clip: Box | None = None,
    ) -> PageImage:
        """Decode the image; `dpi` means nothing to it, `max_pixels` makes it smaller."""
        shown = clip or self.frame.box
        scale = raster_scale(shown.width, shown.height, 1.0, max_pixels or self.document.settings.max_pixels)
        with _calling(PageError, f"page {self.index + 1} cannot be decoded"), self.document._opened() as image:
            self._seek(image)
            upright = self._decoded(image, scale)
            if clip is None:
                return PageImage(_rgb(_shrunk(upright, self.frame, scale)), scale, self.frame)
            part = snapped(clip, scale)
            frame = Frame(part.width, part.height, "px")
            grain = upright.width / self.frame.width
            cut = upright.crop(tuple(round(side * grain) for side in part.xyxy))  # type: ignore[arg-type]
            return PageImage(_rgb(_shrunk(cut, frame, scale)), scale, frame)

    def close(self) -> None:
        """Nothing is kept."""

    def _seek(self, image: Image) -> None:
        if self.document.frames[self.index]:
            image.seek(self.document.frames[self.index])

    def _decoded(self, image: Image, scale: float) -> Image:
        """Return the upright image, at full size or the nearest larger one its format can give cheaply."""
        from PIL import ImageOps

        if scale < 1:
            image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
        size = image.width * image.height * _BYTES_PER_PIXEL.get(image.mode, 4)
        if size > MOST_BYTES:
            raise PageTooLarge(f"an image of {image.width} x {image.height} pixels would take {size >> 20} MB decoded")
        image.load()
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # damaged EXIF says nothing about the orientation
            return image


def _pages_of(image: Image) -> tuple[int, ...]:
    """Return the directories of a TIFF that are pages; a broken one ends the chain, and is a page that will fail."""
    frames: list[int] = []
    for number in range(1_000_000):
        try:
            image.seek(number)
        except EOFError:
            break
        except Exception:
            frames.append(number)
            break
        kind = image.tag_v2.get(_SUBFILE, 0)  # type: ignore[attr-defined]
        if number == 0 or not (isinstance(kind, int) and kind & (_REDUCED | _MASK)):
            frames.append(number)
    return tuple(frames)


def _upright_size(image: Image) -> tuple[int, int]:
    tags = getattr(image, "tag_v2", None)
    if tags is not None:  # Pillow has turned a TIFF's size, or not, by its version; the file's own tags are sure
        stored = (int(tags[256]), int(tags[257]))
        return stored[::-1] if tags.get(_ORIENTATION, 1) in (5, 6, 7, 8) else stored
    try:
        turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:
        turned = False
    return (image.height, image.width) if turned else (image.width, image.height)


def _shrunk(image: Image, frame: Frame, scale: float) -> Image:
    """Reduce an image that shows `frame` to `scale` pixels per unit; never enlarge it."""
    from PIL.Image import Resampling

    if scale >= 1:
        return image
    size = raster_size(frame, scale)
    box = (0.0, 0.0, *(min(side / scale / of * has, has) for side, of, has in zip(
        size, (frame.width, frame.height), image.size, strict=True)))  # fmt: skip
    smooth = {"1": "L", "P": "RGBA" if "transparency" in image.info else "RGB", "PA": "RGBA"}.get(
        image.mode, image.mode
    )
    if smooth.startswith("I;16"):
        smooth = "I"
    return image.convert(smooth).resize(size, Resampling.BOX, box=box)  # type: ignore[arg-type]


# -- colour ---------------------------------------------------------------------------------------------------------


def _rgb(image: Image) -> Pixels:
    """Return uint8 (H, W, 3)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_eight_bits(np.asarray(image))[:, :, None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return _on_ground(np.asarray(image.convert("RGBA")))
    return np.array(image.convert("RGB"))


def _eight_bits(values: npt.NDArray[Any]) -> Pixels:
    """Scale deep grey to 8 bits by the power of two that holds its brightest value (10, 12 and 16 bits are in use)."""
    values = np.nan_to_num(values.astype(np.float32))
    values -= min(float(values.min(initial=0)), 0)
    brightest = float(values.max(initial=0))
    if values.dtype == np.float32 and brightest <= 1.0:
        return (values * 255).astype(np.uint8)
    depth = max(int(np.ceil(np.log2(brightest + 1))), 8)
    return (values * (256 / 2**depth)).clip(0, 255).astype(np.uint8)


def _on_ground(rgba: Pixels) -> Pixels:
    """Lay an image on white, or on black when all that can be seen of it is light and would vanish."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    visible = rgba[:, :, :3][alpha[:, :, 0] > 64]
    hole = bool((alpha < 64).any())
    ground = 0 if hole and len(visible) and int(visible.max(axis=1).min()) > 200 else 255
    mixed = rgba[:, :, :3].astype(np.uint16) * alpha + ground * (255 - alpha)
    return (mixed // 255).astype(np.uint8)


@contextmanager
def _calling(kind: type[OcrIngestError], what: str) -> Iterator[None]:
    """Turn whatever Pillow raises into an error of ours, and keep its warnings off the terminal."""
    from PIL.Image import DecompressionBombError

    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except OcrIngestError:
            raise
        except (MemoryError, DecompressionBombError) as error:
            larger = PageTooLarge if issubclass(kind, PageError) else kind
            raise larger(f"{what}: {error or 'not enough memory'}") from error
        except Exception as error:
            raise kind(f"{what}: {error or type(error).__name__}") from error

"""Whatever a caller holds becomes page images: RGB, uint8, (H, W, 3), each its own page in its own pixels.

The contract is the model card's: RGB as uint8 in 0-255 or float32 in 0-1, 3 x H x W or B x 3 x H x W, as numpy arrays
or torch tensors (which are known by what they can do, so torch is not imported). H x W x 3, PIL images, files and
lists of all these are taken as well. Nothing is guessed: what fits no reading is a UsageError that says what would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.document import PageImage
from loaders.errors import UsageError

SLACK = 1e-3
"""How far a float may leave 0-1, as it does after resampling."""
EXPECTED = "give RGB as 3 x H x W, B x 3 x H x W or H x W x 3, uint8 in 0-255 or float32 in 0-1"


def as_page_images(inputs: Any) -> list[PageImage]:
    """Return one page image per image in `inputs`, in order.

    `inputs` is one of these, or a list or tuple of them: an array or tensor (3, H, W), (B, 3, H, W), (H, W, 3) or
    (B, H, W, 3), a PIL image, a PageImage, or the path or bytes of a file, whose pages are taken one by one. Where a
    shape can be read both ways, channels come first. Raises UsageError for other types, shapes and ranges.
    """
    return list(_each(inputs))


def _each(given: Any) -> Iterator[PageImage]:
    if isinstance(given, PageImage):
        yield given
    elif isinstance(given, list | tuple):
        for item in given:
            yield from _each(item)
    elif isinstance(given, str | bytes | os.PathLike):
        yield from _from_file(given)
    elif hasattr(given, "getbands") and hasattr(given, "convert"):
        yield PageImage.of(_from_pil(given))
    else:
        yield from (PageImage.of(pixels) for pixels in _from_array(_as_array(given)))


def _as_array(given: Any) -> npt.NDArray[Any]:
    if hasattr(given, "detach") and hasattr(given, "cpu"):
        try:
            return np.asarray(given.detach().cpu().numpy())
        except TypeError as error:  # bfloat16
            raise UsageError(f"a tensor of {given.dtype} has no numpy form; {EXPECTED}") from error
    if isinstance(given, np.ndarray):
        return given
    raise UsageError(f"{type(given).__name__} is no image; {EXPECTED}, a PIL image or a file's path")


def _from_array(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.uint8]]:
    if array.ndim == 4:
        for image in array:
            yield from _from_array(image)
        return
    if array.ndim != 3 or 3 not in (array.shape[0], array.shape[2]):
        raise UsageError(f"an array of shape {array.shape} is no RGB image; {EXPECTED}")
    if not array.size:
        raise UsageError(f"an image of shape {array.shape} has no pixels")
    upright = array.transpose(1, 2, 0) if array.shape[0] == 3 else array
    yield np.ascontiguousarray(_as_bytes(upright))


def _as_bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise UsageError(f"an image of {array.dtype} could mean anything; {EXPECTED}")
    low, high = float(array.min()), float(array.max())
    if not (low >= -SLACK and high <= 1 + SLACK):  # also when one of them is not a number
        raise UsageError(f"a float image holds 0 to 1, this one {low:g} to {high:g}; divide by 255, or {EXPECTED}")
    return np.asarray((array.clip(0, 1) * 255).round(), np.uint8)


def _from_pil(image: Any) -> npt.NDArray[np.uint8]:
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise UsageError(f"a PIL image of mode {image.mode} has no fixed range; convert it to RGB, or give the file")
    if not image.width or not image.height:
        raise UsageError(f"a PIL image of {image.width} x {image.height} has no pixels")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        shown = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return np.array(image.convert("RGB"))


def _from_file(given: Any) -> Iterator[PageImage]:
    from loaders.rasterize import open_document
    from loaders.settings import Settings
    from loaders.sources import open_source

    source = open_source(given)
    try:
        with open_document(source, Settings()) as document:
            for index in range(document.page_count):
                yield PageImage.of(document.page(index).image().pixels)
    finally:
        source.discard()

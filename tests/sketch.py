"""Small PDFs and images drawn for tests, and what is to be found on them again."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from PIL import Image, ImageDraw

from loaders.document import PageImage, TextLayer
from loaders.rasterize import OpenPage, open_document
from loaders.settings import Rasterizer, Settings
from loaders.sources import open_source

BOTH: tuple[Rasterizer, ...] = ("pymupdf", "pdfium")
both = pytest.mark.parametrize("rasterizer", BOTH)
"""Run a test with each rasterizer."""

Draw = Callable[[pymupdf.Page], Any]


def pdf_of(*pages: Draw, size: tuple[float, float] = (400, 600), **keys: str) -> bytes:
    """A PDF whose pages are drawn by functions; `keys` are set on every page's dictionary."""
    pdf = pymupdf.open()
    for draw in pages:
        page = pdf.new_page(width=size[0], height=size[1])
        draw(page)
        for key, value in keys.items():
            pdf.xref_set_key(page.xref, key, value)
    return bytes(pdf.tobytes())


def text_at(x: float, y: float, text: str, size: float = 20, **options: Any) -> Draw:
    return lambda page: page.insert_text((x, y), text, fontsize=size, **options)


def drawing(*steps: Draw) -> Draw:
    return lambda page: [step(page) for step in steps]


def read(
    content: bytes, rasterizer: Rasterizer = "pymupdf", page: int = 0, **options: Any
) -> tuple[OpenPage, TextLayer]:
    """The open page (its document is left to the garbage collector) and its layer."""
    document = open_document(open_source(content), Settings(rasterizer=rasterizer, **options))
    opened = document.page(page)
    return opened, opened.layer()


def ink(image: PageImage, below: int = 128) -> tuple[float, ...]:
    """The box around all dark pixels, in the image's frame."""
    rows, columns = np.nonzero(image.pixels.max(axis=2) < below)
    sides = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return tuple(float(side) / image.scale for side in sides)


def lossless(pixels: npt.NDArray[np.uint8]) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def noise(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 255, (height, width, 3), np.uint8)


def image_file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def marked(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """A white image with a black box at (5, 10)-(25, 20)."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).rectangle((5, 10, 24, 19), fill=0)
    return image.convert(mode)


def deep(image: Image.Image, bits: int) -> Image.Image:
    """The image as 16-bit grey of which only so many bits are used."""
    return Image.fromarray((np.asarray(image.convert("L")).astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16))

"""Image files of every colour mode and orientation become upright RGB, within bounds."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sketch import (
    deep,
    image_file,
    ink,
    marked,
    noise,
    read,
)

from loaders.errors import BrokenSource, PageError, PageTooLarge
from loaders.geometry import Box, Frame
from loaders.rasterize import open_document
from loaders.settings import Settings
from loaders.sources import open_source

# -- images -----------------------------------------------------------------------------------------------------------


IMAGES = {
    "rgb": image_file(marked()),
    "grey jpeg": image_file(marked(mode="L"), "JPEG", quality=95),
    "bilevel": image_file(marked(mode="1")),
    "fax": image_file(marked(mode="1"), "TIFF", compression="group4"),
    "palette": image_file(marked().convert("P")),
    "cmyk": image_file(marked(mode="CMYK"), "TIFF"),
    "cmyk jpeg": image_file(marked(mode="CMYK"), "JPEG", quality=95),
    "grey and alpha": image_file(marked(mode="LA")),
    "16 bits": image_file(deep(marked(), 16)),
    "12 of 16 bits": image_file(deep(marked(), 12), "TIFF"),
    "32 bits": image_file(marked(mode="I"), "TIFF"),
    "real numbers": image_file(Image.fromarray(np.asarray(marked(mode="L")).astype(np.float32) / 255), "TIFF"),
    "webp": image_file(marked(), "WEBP", lossless=True),
    "bmp": image_file(marked(), "BMP"),
    "gif": image_file(marked(), "GIF"),
    "jpeg 2000": image_file(marked(), "JPEG2000"),
    "bigtiff": image_file(marked(), "TIFF", big_tiff=True),
}


@pytest.mark.parametrize("name", IMAGES)
def test_every_colour_mode_becomes_rgb(name: str) -> None:
    page, layer = read(IMAGES[name])
    image = page.image()
    assert (page.frame, image.scale) == (Frame(60.0, 40.0, "px"), 1.0)
    assert image.pixels.dtype == np.uint8
    assert ink(image) == pytest.approx((5, 10, 25, 20), abs=0.1 if "jpeg" not in name else 1)
    assert image.pixels[0, 0].min() >= 250
    assert image.pixels[15, 15].max() <= 8
    assert len(layer.words) == 0


def test_transparency_lies_on_white_unless_all_would_vanish() -> None:
    black = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    ImageDraw.Draw(black).rectangle((5, 10, 24, 19), fill=(0, 0, 0, 255))
    assert ink(read(image_file(black))[0].image()) == (5, 10, 25, 20)
    white = Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    ImageDraw.Draw(white).rectangle((5, 10, 24, 19), fill=(255, 255, 255, 255))
    pixels = read(image_file(white))[0].image().pixels
    assert pixels[15, 15].tolist() == [255, 255, 255]
    assert pixels[0, 0].tolist() == [0, 0, 0]
    palette = marked().convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert ink(read(image_file(palette, transparency=palette.getpixel((0, 0))))[0].image()) == (5, 10, 25, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int, kind: str) -> None:
    """An image stored turned or mirrored, with the tag that says so, shows the same upright page."""
    undo = {
        1: [], 2: ["FLIP_LEFT_RIGHT"], 3: ["ROTATE_180"], 4: ["FLIP_TOP_BOTTOM"], 5: ["TRANSPOSE"],
        6: ["ROTATE_90"], 7: ["TRANSVERSE"], 8: ["ROTATE_270"],
    }[orientation]  # fmt: skip
    stored = marked(mode="RGB")
    for step in undo:
        stored = stored.transpose(Image.Transpose[step])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"exif": exif, **({"quality": 95} if kind in ("JPEG", "WEBP") else {})}
    page, _ = read(image_file(stored, kind, **options))
    assert page.frame == Frame(60.0, 40.0, "px")
    assert ink(page.image()) == pytest.approx((5, 10, 25, 20), abs=1)


def test_pages_of_tiff_and_frames_of_gif() -> None:
    frames = [marked(), marked((80, 30)), marked((50, 50), "1")]
    with open_document(
        open_source(image_file(frames[0], "TIFF", save_all=True, append_images=frames[1:])), Settings()
    ) as d:
        assert d.page_count == 3
        assert [d.page(i).frame.width for i in range(3)] == [60, 80, 50]
        assert [d.page(i).label for i in range(3)] == ["1", "2", "3"]
        assert len({d.page(i).key for i in range(3)}) == 3
        with pytest.raises(IndexError):
            d.page(3)
    animation = image_file(frames[0], "GIF", save_all=True, append_images=[marked().rotate(180)], duration=50)
    with open_document(open_source(animation), Settings()) as d:
        assert d.page_count == 1
        assert ink(d.page(0).image()) == (5, 10, 25, 20)


def test_a_thumbnail_beside_a_tiff_page_is_no_page() -> None:
    small = marked().resize((6, 4))
    small.encoderinfo = {"tiffinfo": {254: 1}}  # NewSubfileType: a reduced-resolution copy
    content = image_file(marked(), "TIFF", save_all=True, append_images=[small])
    with open_document(open_source(content), Settings()) as document:
        assert document.page_count == 1


def test_large_images_are_reduced_to_the_cap_in_their_own_frame() -> None:
    for kind in ("PNG", "JPEG"):
        page, _ = read(image_file(marked((3000, 2000)).resize((3000, 2000)), kind), max_pixels=600_000)
        image = page.image()
        assert page.frame == Frame(3000.0, 2000.0, "px")
        assert image.pixels.shape[0] * image.pixels.shape[1] <= 600_000
        assert image.scale == pytest.approx(0.3162, abs=0.001)
        part = page.image(clip=Box(0, 0, 60, 40, page.frame))
        assert part.scale == 1
        assert ink(part) == pytest.approx((5, 10, 25, 20), abs=1)


def test_an_image_that_would_fill_the_memory_is_refused() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    document = open_document(open_source(bomb), Settings())
    with pytest.raises(PageTooLarge, match="40000 x 40000"):
        document.page(0).image()


def test_damaged_images_say_so() -> None:
    whole = image_file(Image.fromarray(noise(200, 200)))
    document = open_document(open_source(whole[: len(whole) // 2]), Settings())
    with pytest.raises(PageError, match="truncated"):
        document.page(0).image()
    with pytest.raises(BrokenSource, match="cannot be opened"):
        open_document(open_source(b"\x89PNG\r\n\x1a\n" + bytes(50)), Settings())

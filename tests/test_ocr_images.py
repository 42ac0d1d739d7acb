"""The input contract of the model card: arrays, tensors, pictures and files become RGB page images."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from loaders.document import PageImage
from loaders.errors import SourceNotFound, UsageError
from loaders.ocr.images import as_page_images

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
CHANNELS_FIRST = np.ascontiguousarray(PIXELS.transpose(2, 0, 1))


@pytest.mark.parametrize(
    "given_as",
    [
        CHANNELS_FIRST,
        PIXELS,
        CHANNELS_FIRST[None],
        PIXELS[None],
        CHANNELS_FIRST.astype(np.float32) / 255,
        PIXELS.astype(np.float64) / 255,
        CHANNELS_FIRST[::-1][::-1],
        torch.from_numpy(CHANNELS_FIRST.copy()),
        torch.from_numpy(CHANNELS_FIRST.astype(np.float32) / 255).requires_grad_(),
        Image.fromarray(PIXELS),
        PageImage.of(PIXELS),
        [PIXELS],
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_way_of_giving_an_image_gives_the_same_pixels(given_as: object):
    (image,) = as_page_images(given_as)
    assert image.pixels.dtype == np.uint8 and image.pixels.flags.c_contiguous
    assert np.array_equal(image.pixels, PIXELS)
    assert (image.frame.width, image.frame.height, image.frame.unit, image.scale) == (30, 20, "px", 1.0)


def test_batches_and_lists_keep_their_order():
    dark, light = np.zeros((3, 8, 9), np.uint8), np.full((3, 8, 9), 255, np.uint8)
    images = as_page_images([np.stack([dark, light]), torch.from_numpy(light.copy()), Image.fromarray(PIXELS)])
    assert [int(image.pixels[0, 0, 0]) for image in images] == [0, 255, 255, int(PIXELS[0, 0, 0])]
    assert as_page_images(np.zeros((0, 3, 8, 9), np.uint8)) == []
    assert as_page_images([]) == []


def test_channels_come_first_where_both_readings_are_possible():
    array = np.zeros((3, 5, 3), np.uint8)
    array[2] = 9
    (image,) = as_page_images(array)
    assert image.pixels.shape == (5, 3, 3)
    assert (image.pixels[..., 2] == 9).all()


@given(arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 9), st.integers(4, 9))))
def test_floats_and_bytes_say_the_same(array: np.ndarray):
    (image,), (other,) = as_page_images(array), as_page_images((array / 255).astype(np.float32))
    assert np.array_equal(image.pixels, other.pixels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((20, 30), np.uint8), r"shape \(20, 30\)"),
        (np.zeros((1, 20, 30), np.uint8), r"shape \(1, 20, 30\)"),
        (np.zeros((20, 30, 4), np.uint8), r"3 x H x W"),
        (np.zeros((2, 2, 3, 20, 30), np.uint8), r"shape \(2, 2, 3"),
        (np.zeros((3, 0, 30), np.uint8), "no pixels"),
        (np.zeros((3, 20, 30), np.int64), "int64 could mean anything"),
        (np.zeros((3, 20, 30), bool), "bool could mean anything"),
        (np.full((3, 20, 30), 255, np.float32), "holds 0 to 1, this one 255 to 255; divide by 255"),
        (np.full((3, 20, 30), -0.5, np.float32), "this one -0.5"),
        (np.full((3, 20, 30), np.nan, np.float32), "nan"),
        (torch.zeros(3, 20, 30, dtype=torch.bfloat16), "bfloat16"),
        (Image.new("F", (4, 4)), "mode F"),
        (Image.new("I;16", (4, 4)), "mode I;16"),
        (42, "int is no image"),
        (None, "NoneType is no image"),
        ({"image": PIXELS}, "dict is no image"),
    ],
    ids=str,
)
def test_what_fits_no_reading_is_told(wrong: object, message: str):
    with pytest.raises(UsageError, match=message):
        as_page_images(wrong)


def test_a_little_overshoot_is_cut():
    (image,) = as_page_images(np.array([[[1.0004]], [[-0.0004]], [[0.5]]], np.float32))
    assert image.pixels.tolist() == [[[255, 0, 128]]]


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (as_page_images(clear)[0].pixels == 255).all()
    grey = Image.new("LA", (4, 4), (100, 255))
    assert (as_page_images(grey)[0].pixels == 100).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_pictures_in_other_modes_become_rgb(mode: str):
    (image,) = as_page_images(Image.new("RGB", (6, 5), "white").convert(mode))
    assert image.pixels.shape == (5, 6, 3)
    assert (image.pixels >= 254).all()


def test_files_are_opened(tmp_path: Path):
    path = tmp_path / "page.png"
    Image.fromarray(PIXELS).save(path)
    two = io.BytesIO()
    Image.fromarray(PIXELS).save(two, "TIFF", save_all=True, append_images=[Image.fromarray(PIXELS[:10])])
    images = as_page_images([path, str(path), two.getvalue()])
    assert [image.pixels.shape for image in images] == [(20, 30, 3)] * 3 + [(10, 30, 3)]
    assert np.array_equal(images[0].pixels, PIXELS)
    with pytest.raises(SourceNotFound):
        as_page_images(tmp_path / "nothing.png")


def test_torch_is_not_imported_for_arrays():
    code = (
        "import sys, numpy as np; from loaders.ocr.images import as_page_images; "
        "as_page_images(np.zeros((3, 4, 5), np.uint8)); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

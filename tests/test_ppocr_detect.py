"""Around the detector: what is looked at, in which pieces, and in which order lines come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import iou, printed

from loaders.geometry import boxes_from_quads, quads_from_boxes
from loaders.ocr.ppocr_detect import (
    LARGEST,
    OVERLAP,
    STRIDE,
    DetectorSettings,
    detect,
    in_rows,
    put_back,
    tiles,
    upright,
    worth_seeing,
)
from loaders.ocr.ppocr_models import open_detector
from loaders.ocr.ppocr_runtime import Backend


@given(st.integers(1, 250), st.integers(1, 250))
def test_tiles_of_one_size_cover_a_picture_and_overlap(high: int, wide: int):
    sides = tiles(high * STRIDE, wide * STRIDE)
    for parts, size in zip(sides, (high * STRIDE, wide * STRIDE), strict=True):
        assert len({part.stop - part.start for part in parts}) == 1
        assert parts[0].start == 0 and parts[-1].stop == size
        assert all(part.start % STRIDE == 0 and part.stop % STRIDE == 0 for part in parts)
        assert all(after.start + OVERLAP <= before.stop for before, after in pairwise(parts))
    rows, columns = sides
    assert rows[0].stop * columns[0].stop <= LARGEST
    if high * wide * STRIDE**2 <= LARGEST:
        assert len(rows) == len(columns) == 1


@given(st.lists(st.tuples(st.integers(0, 899), st.integers(0, 1199)), min_size=1, max_size=6))
def test_no_ink_is_left_out_and_every_place_is_found_again(specks: list[tuple[int, int]]):
    pixels = np.full((900, 1200, 3), 240, np.uint8)
    for y, x in specks:
        pixels[y, x] = 0
    rows, columns = worth_seeing(pixels, 0), worth_seeing(pixels, 1)
    assert {y for y, _ in specks} <= set(rows.tolist())
    assert {x for _, x in specks} <= set(columns.tolist())
    places = np.arange(len(rows), dtype=np.float32)
    assert np.array_equal(put_back(places, rows), rows.astype(np.float32))


def test_places_outside_stay_as_far_outside():
    kept = np.array([10, 11, 12, 50, 51])
    assert put_back(np.array([-2.0, 0.0, 5.0, 7.0], np.float32), kept).tolist() == [8, 10, 52, 54]


def test_empty_stretches_shrink_and_narrow_ones_stay():
    pixels = np.full((600, 300, 3), 255, np.uint8)
    pixels[100:110, 50:60] = pixels[150:160, 50:60] = pixels[400:410, 50:60] = 0
    rows = worth_seeing(pixels, 0)
    assert len(rows) == 600 - (100 - 64) - (240 - 64) - (190 - 64)
    assert set(range(100, 160)) <= set(rows.tolist())


@pytest.mark.parametrize(
    ("tops", "order"),
    [
        ([(0, 10), (100, 12), (200, 8)], [0, 1, 2]),  # one row, however its tops differ
        ([(100, 50), (0, 55), (0, 10)], [2, 1, 0]),
        ([(50, 0), (0, 9), (10, 18)], [1, 2, 0]),  # rows chain, as they do in PaddleOCR
        ([(0, 40), (0, 20)], [1, 0]),
    ],
)
def test_lines_come_in_rows(tops: list[tuple[int, int]], order: list[int]):
    quads = quads_from_boxes([(x, y, x + 40, y + 8) for x, y in tops])
    assert boxes_from_quads(in_rows(quads))[:, :2].tolist() == [[float(v) for v in tops[i]] for i in order]


@given(st.permutations(range(4)), st.floats(-20, 20))
def test_corners_are_ordered_clockwise_from_the_top_left(order: list[int], degrees: float):
    a = np.radians(degrees)
    (quad,) = quads_from_boxes([(-50, -10, 50, 10)]) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    assert upright(quad[list(order)].astype(np.float32)) == pytest.approx(quad, abs=1e-4)


def test_tiles_find_what_one_look_finds():
    lines = [(60 + 820 * (i % 2), 60 + 90 * (i // 2), f"Line {i} of several in a tall picture") for i in range(40)]
    page = printed(lines, 34, 1700, 1900)
    network = open_detector(Backend("onnxruntime"))
    tiled = boxes_from_quads(detect(network, page.pixels, DetectorSettings(side=1900)))
    once = boxes_from_quads(detect(network, page.pixels, DetectorSettings(side=1280)))
    assert len(tiled) == len(once) == 40
    assert all(max(iou(box, other) for other in once) > 0.6 for box in tiled)

"""Decoding the detector: each operation against a plain, slow version of what it is said to do."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import operations, seeded
from torch.nn import functional as F

from loaders.geometry import boxes_from_quads
from loaders.ocr.nemotron.boxes import find_regions, keep_peaks, quads_of_boxes, suppress
from loaders.ocr.nemotron.framing import Tile, cut_tiles, keep_once, tile_input
from loaders.ocr.nemotron.planted import plant
from loaders.ocr.nemotron.strips import rectified_grid, sample, strip_grid, strip_widths

GOLDEN = Path(__file__).parent / "parity" / "operations.npz"
CPU = torch.device("cpu")
seeds = st.integers(0, 2**32 - 1)


# -- boxes of cells --------------------------------------------------------------------------------------------------


def plain_quad(box: list[float], column: int, row: int) -> list[list[float]]:
    top, right, bottom, left, angle = box
    x, y = (column + 0.5) * 4, (row + 0.5) * 4
    ax, ay, ux, uy = math.cos(angle), math.sin(angle), math.sin(angle), -math.cos(angle)
    corners = [(-left, top), (right, top), (right, -bottom), (-left, -bottom)]
    return [[x + a * ax + u * ux, y + a * ay + u * uy] for a, u in corners]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_box_becomes_the_quad_around_its_cell(seed: int) -> None:
    random = np.random.default_rng(seed)
    boxes = random.uniform([0, 0, 0, 0, -3.15], [40, 90, 40, 90, 3.15], (30, 5)).astype(np.float32)
    columns, rows = random.integers(0, 256, (2, 30))
    found = quads_of_boxes(torch.from_numpy(boxes), torch.from_numpy(columns), torch.from_numpy(rows))
    expected = [plain_quad(b, c, r) for b, c, r in zip(boxes.tolist(), columns.tolist(), rows.tolist(), strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_corners_run_clockwise_from_the_top_left_of_the_text() -> None:
    upright, down = torch.tensor([[2.0, 20, 2, 20, 0], [2, 20, 2, 20, math.pi / 2]])
    quads = quads_of_boxes(torch.stack([upright, down]), torch.tensor([10, 10]), torch.tensor([10, 10]))
    assert quads[0].tolist() == [[22, 40], [62, 40], [62, 44], [22, 44]]
    np.testing.assert_allclose(quads[1], [[44, 22], [44, 62], [40, 62], [40, 22]], atol=1e-4)  # reads downwards


# -- local peaks -----------------------------------------------------------------------------------------------------


def plain_peaks(logits: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    height, width = logits.shape
    centred = np.zeros((height, width), np.float32)
    for y, x in itertools.product(range(height), range(width)):
        t, r, b, le, _ = boxes[y, x]
        centre = math.sqrt(min(le, r) / max(le, r, 1) * (min(t, b) / max(t, b, 1)))
        centred[y, x] = np.float32(centre / (1 + math.exp(-logits[y, x])))
    kept = np.zeros((height, width), bool)
    for y, x in itertools.product(range(height), range(width)):
        around = centred[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        kept[y, x] = centred[y, x] == around.max() and centred[y, x] > 0.5
    return kept


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_only_centred_local_peaks_pass_the_prefilter(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(2, 2, (9, 12)).astype(np.float32)
    boxes = random.uniform(0.2, 20, (9, 12, 5)).astype(np.float32)
    found = keep_peaks(torch.from_numpy(logits)[None], torch.from_numpy(boxes)[None])[0].numpy()
    kept = plain_peaks(logits, boxes)
    np.testing.assert_array_equal(found, np.where(kept, logits, -100))


# -- suppression -----------------------------------------------------------------------------------------------------


def plain_iou(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Intersection over union, over a, over b, of the boxes around two quads."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = plain_box(a), plain_box(b)
    both = max(min(ax1, bx1) - max(ax0, bx0), 0) * max(min(ay1, by1) - max(ay0, by0), 0)
    own, other = (ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0)
    return both / (own + other - both), both / own, both / other


def plain_box(quad: np.ndarray) -> tuple[float, float, float, float]:
    xs, ys = zip(*quad.tolist(), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def plain_suppress(boxes: np.ndarray, probability: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """One image, as the kernels do it: spans in windows of 32 columns, then a graph over spans."""
    spans = plain_spans(boxes, probability)
    count = len(spans)
    lead, near = [True] * count, [{k} for k in range(count)]
    for i, j in itertools.combinations(range(count), 2):
        overlap, of_i, of_j = plain_iou(spans[i][0], spans[j][0])
        if overlap >= 0.5:
            near[i].add(j)
            near[j].add(i)
            lead[j] = False
        elif of_i > 0.8 or of_j > 0.8:
            tall = sorted(np.ptp(spans[k][0][:, 1]) for k in (i, j))
            if tall[0] / tall[1] > 0.9:
                lead[i if of_i > 0.8 else j] = False
    found = []
    for k in range(count):
        members = plain_component(near, k)
        if lead[k] and not any(lead[m] for m in members if m < k):
            weight = sum(spans[m][1] * spans[m][2] for m in members)
            quad = sum(spans[m][0] * spans[m][1] * spans[m][2] for m in members) / weight
            found.append((quad, weight / sum(spans[m][2] for m in members)))
    return found


def plain_spans(boxes: np.ndarray, probability: np.ndarray) -> list[tuple[np.ndarray, float, int]]:
    spans = []
    for row in range(probability.shape[0]):
        run: list[tuple[np.ndarray, float]] = []
        for column in range(probability.shape[1] + 1):
            cell = None
            if column < probability.shape[1] and probability[row, column] >= 0.5:
                quad = np.array(plain_quad(boxes[row, column].tolist(), column, row))
                x, y = quad.T
                if abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 > 8:
                    cell = (quad, float(probability[row, column]))
            goes_on = cell and run and column % 32 and plain_iou(run[-1][0], cell[0])[0] >= 0.5
            if run and not goes_on:
                weight = sum(c for _, c in run)
                spans.append((sum(q * c for q, c in run) / weight, weight / len(run), len(run)))
                run = []
            if cell:
                run.append(cell)
    return spans


def plain_component(near: list[set[int]], start: int) -> set[int]:
    members, waiting = set(), [start]
    while waiting:
        k = waiting.pop()
        if k not in members:
            members.add(k)
            waiting += near[k]
    return members


def compare(boxes: np.ndarray, probability: np.ndarray) -> int:
    found = suppress(torch.from_numpy(boxes), torch.from_numpy(probability))
    expected = [plain_suppress(b, p) for b, p in zip(boxes, probability, strict=True)]
    assert list(found.counts) == [len(part) for part in expected]
    flat = [one for part in expected for one in part]
    if flat:
        np.testing.assert_allclose(found.quads, [quad for quad, _ in flat], atol=2e-3)
        np.testing.assert_allclose(found.confidence, [confidence for _, confidence in flat], atol=1e-5)
    return len(flat)


@given(seeds, st.sampled_from([0.0, 1.0, 6.0, 15.0]), st.sampled_from([0.1, 0.35, 0.8]))
@settings(max_examples=30, deadline=None)
def test_suppression_is_the_described_one(seed: int, noise: float, share: float) -> None:
    """Maps from clean to pure noise: words whose cells mostly agree, and cells that do not."""
    random = np.random.default_rng(seed)
    height, width = 5, 48
    boxes = np.empty((2, height, width, 5), np.float32)
    for image, row, column in itertools.product(range(2), range(height), range(width)):
        y, x, word = (row % 5 + 0.5) * 4, (column % 16 + 0.5) * 4, (2, 62, 18, 2)
        boxes[image, row, column] = (y - word[0], word[1] - x, word[2] - y, x - word[3], 0)
    boxes[..., :4] = np.maximum(boxes[..., :4] + random.normal(0, noise, boxes[..., :4].shape), 0)
    boxes[..., 4] = random.normal(0, noise / 30, boxes.shape[:3])
    probability = random.uniform(0, 1, (2, height, width)).astype(np.float32) ** (1 - share)
    compare(boxes, probability)


def spans_at(*words: tuple[int, float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """One cell per word, in a row of its own: (column, x0, y0, x1, y1) in pixels."""
    boxes, probability = np.zeros((1, 32, 64, 5), np.float32), np.zeros((1, 32, 64), np.float32)
    for row, (column, x0, y0, x1, y1) in enumerate(words):
        x, y = (column + 0.5) * 4, (row + 0.5) * 4
        boxes[0, row, column] = (y - y0, x1 - x, y1 - y, x - x0, 0)
        probability[0, row, column] = 0.9
    return boxes, probability


def test_a_chain_of_overlaps_is_one_region() -> None:
    boxes, probability = spans_at((10, 0, 0, 100, 20), (20, 60, 0, 160, 20), (14, 30, 0, 130, 20))
    assert compare(boxes, probability) == 1  # the first and the second meet through the third only


def test_a_span_inside_another_of_its_height_gives_way() -> None:
    assert compare(*spans_at((20, 0, 0, 200, 20), (5, 10, 0, 60, 20))) == 1
    assert compare(*spans_at((20, 0, 0, 200, 20), (5, 10, 0, 60, 12))) == 2  # of another height: it stays


def test_a_component_whose_leads_all_gave_way_vanishes() -> None:
    inner = (5, 10, 0, 60, 20), (6, 11, 0, 61, 20)  # agree with each other, and lie in the third
    assert compare(*spans_at(*inner, (20, 0, 0, 200, 20))) == 1


def test_a_span_ends_at_a_window_of_32_columns_and_is_joined_by_overlap() -> None:
    boxes, probability = np.zeros((1, 8, 64, 5), np.float32), np.zeros((1, 8, 64), np.float32)
    for column in range(28, 36):
        x, y = (column + 0.5) * 4, 18.0
        boxes[0, 4, column], probability[0, 4, column] = (y - 8, 200 - x, 28 - y, x - 60, 0), 0.9
    assert len(plain_spans(boxes[0], probability[0])) == 2
    assert compare(boxes, probability) == 1


def test_a_drifting_span_is_cut_at_the_window_for_good() -> None:
    """Each cell agrees with the next, but the first half with the second no more."""
    boxes, probability = np.zeros((1, 8, 64, 5), np.float32), np.zeros((1, 8, 64), np.float32)
    for column in range(22, 42):
        x, y, start = (column + 0.5) * 4, 18.0, column * 4 - 10
        boxes[0, 4, column], probability[0, 4, column] = (y - 8, start + 24 - x, 28 - y, x - start, 0), 0.9
    assert compare(boxes, probability) == 2
    boxes, probability = np.roll(boxes, 12, axis=2), np.roll(probability, 12, axis=2)  # within one window
    assert compare(boxes, probability) == 1


def test_images_without_text_have_no_regions() -> None:
    found = find_regions(torch.full((3, 8, 32), -5.0), torch.zeros(3, 8, 32, 5))
    assert found.counts == (0, 0, 0)
    assert found.quads.shape == (0, 4, 2)
    assert found.confidence.shape == (0,)


@pytest.mark.parametrize("prefilter", [True, False])
def test_planted_words_are_found_where_they_are(prefilter: bool) -> None:
    logits, boxes = plant(60, 1024, 1024)
    found = find_regions(logits[None].repeat(2, 1, 1), boxes[None].repeat(2, 1, 1, 1), prefilter=prefilter)
    assert found.counts == (60, 60)
    boxes_found = boxes_from_quads(found.quads[:60])
    columns, rows = 4, 15
    centres = np.array(
        [[(c + 0.5) * 1024 / columns, (r + 0.5) * 1024 / rows] for r in range(rows) for c in range(columns)]
    )
    np.testing.assert_allclose((boxes_found[:, :2] + boxes_found[:, 2:]) / 2, centres, atol=1e-2)
    np.testing.assert_allclose(boxes_found[:, 2] - boxes_found[:, 0], 0.8 * 1024 / columns, atol=1e-2)


# -- strips ----------------------------------------------------------------------------------------------------------


def plain_grid(quad: np.ndarray, size: int, rows: int, columns: int, width: float) -> np.ndarray:
    grid = np.empty((rows, columns, 2))
    for row, column in itertools.product(range(rows), range(columns)):
        u, v = (column + 0.5) / width, (row + 0.5) / rows
        a, b, c, d = quad
        point = (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)
        grid[row, column] = 2 * (np.array([-1, -1]) if column >= width else point) / size - 1
    return grid


@given(seeds, st.sampled_from([32, 128]))
@settings(max_examples=15, deadline=None)
def test_grids_follow_the_quad(seed: int, cells: int) -> None:
    quads = seeded.regions(str(seed), 5)
    widths = strip_widths(quads, cells)
    for quad, width in zip(quads.double().numpy(), widths.tolist(), strict=True):
        a, b, c, d = quad
        tall = max((np.hypot(*(d - a)) + np.hypot(*(c - b))) / 2, 2)
        assert width == min(max(math.ceil(8 / tall * np.hypot(*(b - a)) - 1e-4), 2), cells)
    found = strip_grid(quads, 1024, 1024, cells)
    expected = [plain_grid(q, 1024, 8, cells, w) for q, w in zip(quads.double().numpy(), widths.tolist(), strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    whole = [plain_grid(q, 1024, 2, 3, 3) for q in quads.double().numpy()]
    np.testing.assert_allclose(rectified_grid(quads, 1024, 1024), whole, atol=1e-5)


def test_text_longer_than_the_strip_is_squeezed_into_it() -> None:
    quad = torch.tensor([[[0.0, 0], [1000, 0], [1000, 20], [0, 20]]])
    x = (strip_grid(quad, 1024, 1024, 32)[0, 0, :, 0] + 1) / 2 * 1024
    assert x[0] == pytest.approx(15.6, abs=0.05)
    assert x[-1] == pytest.approx(984.4, abs=0.05)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_sampling_is_grid_sample_with_nothing_outside(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(3, 4, 6, 9, generator=random)
    grid = torch.rand(7, 2, 5, 2, generator=random) * 2.4 - 1.2
    images = torch.randint(0, 3, (7,), generator=random)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    expected = F.grid_sample(features[images], grid, padding_mode="border", align_corners=True) * inside
    for layout in (torch.contiguous_format, torch.channels_last):
        found = sample(features.contiguous(memory_format=layout), grid, images)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


# -- NVIDIA's own operations, recorded -------------------------------------------------------------------------------


def test_operations_equal_nvidias_on_recorded_inputs() -> None:
    with np.load(GOLDEN) as golden:
        recorded = dict(golden)
    for name, value in operations.ours().items():
        np.testing.assert_allclose(value, recorded[name], atol=1e-4, err_msg=name)


# -- pages and their frames ------------------------------------------------------------------------------------------


@given(st.integers(20, 9000), st.integers(20, 9000))
@settings(max_examples=60, deadline=None)
def test_tiles_cover_the_page_and_overlap(height: int, width: int) -> None:
    tiles = cut_tiles(0, height, width, 1024)
    side = tiles[0].side
    for extent, starts in ((width, {t.left for t in tiles}), (height, {t.top for t in tiles})):
        ordered = sorted(starts)
        assert ordered[0] == 0
        assert ordered[-1] + side >= extent
        assert all(after - before <= side * 7 / 8 + 1 for before, after in itertools.pairwise(ordered))
    assert len(tiles) == len({(t.left, t.top) for t in tiles})
    assert side <= 3.5 * 1024 or len(tiles) == 1
    assert cut_tiles(0, height, width, 1024, tiling=False) == [Tile(0, 0, 0, max(height, width), max(height, width))]


def test_ordinary_pages_are_read_whole() -> None:
    for height, width in ((2339, 1654), (3508, 2480), (1080, 1920), (1024, 1024), (100, 60)):
        assert len(cut_tiles(0, height, width, 1024)) == 1
    assert len(cut_tiles(0, 6000, 600, 1024)) > 1  # a till roll
    assert len(cut_tiles(0, 7016, 4960, 1024)) > 1  # A4 at 600 dpi


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_quads_go_to_the_page_and_to_its_sheet(seed: int) -> None:
    quads = seeded.regions(str(seed), 4).numpy()
    tile = Tile(0, 300, 500, 2048, 4096)
    np.testing.assert_allclose(tile.to_page(quads, 1024), quads * 2 + [300, 500], rtol=1e-6)
    np.testing.assert_allclose(tile.to_sheet(quads, 1024), tile.to_page(quads, 1024) / 4, rtol=1e-5)
    whole = Tile(0, 0, 0, 2339, 2339)
    np.testing.assert_array_equal(whole.to_sheet(quads, 1024), quads)
    assert whole.to_page(quads, 1024).dtype == np.float32


def test_a_page_is_padded_with_white_and_placed_top_left() -> None:
    page = np.zeros((3, 2, 3), np.uint8)
    image = tile_input(page, Tile(0, 0, 0, 4, 4), 4, CPU)
    assert image.shape == (1, 3, 4, 4)
    assert image[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize("antialias", [True, False])
def test_shrinking_keeps_thin_strokes_only_with_antialiasing(antialias: bool) -> None:
    page = np.full((256, 256, 3), 255, np.uint8)
    page[1:255:8] = 0  # rows between the samples of bilinear interpolation at a quarter of the size
    image = tile_input(page, Tile(0, 0, 0, 256, 256), 32, CPU, antialias=antialias)
    if antialias:
        assert image.mean() == pytest.approx(float(page.mean()) / 255, abs=0.02)
    else:
        plain = F.interpolate(
            torch.from_numpy(page).permute(2, 0, 1)[None] / 255, (32, 32), mode="bilinear", align_corners=True
        )
        torch.testing.assert_close(image, plain)


def test_what_two_tiles_saw_is_kept_once_and_uncut() -> None:
    tiles = [Tile(0, 0, 0, 1000, 1800), Tile(0, 0, 800, 1000, 1800)]

    def word(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]

    quads = np.array(
        [
            word(10, 100, 90, 120),  # the first tile's alone
            word(10, 900, 90, 920),  # seen by both, whole
            word(300, 970, 380, 999),  # by both, cut off in the first though larger there
            word(11, 900, 90, 920),
            word(300, 985, 380, 1005),
            word(10, 1500, 90, 1520),
        ],
        np.float32,
    )
    kept = keep_once(quads, np.array([0, 0, 0, 1, 1, 1]), tiles, 1024)
    assert kept.tolist() == [0, 1, 4, 5]


def test_words_side_by_side_in_one_tile_are_both_kept() -> None:
    quads = np.array([[[0, 0], [80, 0], [80, 20], [0, 20]], [[2, 0], [82, 0], [82, 20], [2, 20]]], np.float32)
    tiles = [Tile(0, 0, 0, 1000, 1800), Tile(0, 0, 800, 1000, 1800)]
    assert keep_once(quads, np.array([0, 0]), tiles, 1024).tolist() == [0, 1]

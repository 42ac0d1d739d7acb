"""Text detection: an image goes in, quads of text lines in its pixels come out, top to bottom and left to right.

The network is PP-OCR's DB detector (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization",
AAAI 2020): a map of text probability, whose blobs, shrunk when it was trained, are grown back into lines. Resolution is
what costs, so a page is first looked at small, and once more larger when its lines turn out to be too low to be told
apart. What is too large for one run is looked at in overlapping tiles, whose maps are put together before any box is
made.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.ocr.ppocr_runtime import Network, network_input

Pixels = npt.NDArray[np.uint8]

STRIDE = 32
LARGEST = 1 << 20
OVERLAP = 160
"""Pixels of a tile at most, and pixels that neighbours share. Larger tiles save what is shared, smaller ones memory:
OpenVINO keeps what the largest picture it has seen took, 150 bytes a pixel."""
MIN_SIDE = 64
"""Smaller images get ground around them: the network finds no text that touches the edge."""
MARGIN = 24
NARROW = 0.66
"""A long strip is not shrunk below this share of the side a page gets, counted over its short side."""
NEARLY = 0.9
"""From this scale on an image is taken as it is. With 0.7 two pages at 150 dpi took twice the time to be looked at, and
read no better."""
LOW_LINE, GOOD_LINE = 10.5, 14.0
"""Heights, in pixels of the map, of a line that may be lost or merged with the next, and of one that is not.

On pages set in 5 to 12 points: characters lost are under 0.1 % above 12, 0.1-0.8 % at 10, 3-40 % at 7.5.
"""
FLAT = 12
"""Grey levels between the darkest and the lightest pixel of an image that holds nothing."""
EMPTY, EMPTY_SHARE = 64, 0.04
"""Pixels that are left of a wider stretch of empty rows or columns: so many, and this share of the longest side; less
would bring columns of large type within reach of each other."""
DENSE = 0.9
"""Share of an image from which it is not worth leaving the empty rest out."""
ROW_GAP = 10.0
"""Pixels between the tops of lines of different rows, as in PaddleOCR and RapidOCR."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Numbers of DB's post-processing.

    side           longest side of the first look, in pixels
    threshold      probability from which a pixel is text
    box_threshold  mean probability from which a blob is a line; at RapidOCR's 0.5 long lines of small type fall out
                   whole (at 960 pixels 41 % of a page in 5 points, 3 % with 0.3)
    unclip         how far a blob is grown: by area * unclip / perimeter
    """

    side: int = 960
    threshold: float = 0.3
    box_threshold: float = 0.3
    unclip: float = 1.6


def detect(network: Network, pixels: Pixels, settings: DetectorSettings) -> Array:
    """Return the quads (N, 4, 2) of the text lines of an RGB image, in its pixels."""
    if int(pixels.max()) - int(pixels.min()) < FLAT:
        return np.zeros((0, 4, 2), np.float32)
    rows, columns = (worth_seeing(pixels, axis) for axis in (0, 1))
    dense = (
        pixels
        if len(rows) * len(columns) > DENSE * pixels[..., 0].size
        else _taken(_taken(pixels, rows, 0), columns, 1)
    )
    ground, margin = _with_ground(dense)
    scale = _first_scale(ground, settings.side)
    quads, heights = _look(network, ground, scale, settings)
    larger = _second_scale(quads, heights, scale)
    if larger > scale:
        quads, _ = _look(network, ground, larger, settings)
    quads = quads - np.float32(margin)
    if dense is not pixels:
        quads = np.stack([put_back(quads[..., 0], columns), put_back(quads[..., 1], rows)], axis=-1)
    return in_rows(quads)


def in_rows(quads: Array) -> Array:
    """Sort quads as PaddleOCR does: rows of tops less than ROW_GAP pixels apart, left to right in each."""
    if not len(quads):
        return quads
    quads = quads[np.argsort(quads[:, 0, 1], kind="stable")]
    rows = np.concatenate([[0], np.cumsum(np.diff(quads[:, 0, 1]) >= ROW_GAP)])
    return quads[np.lexsort((quads[:, 0, 0], rows))]


def upright(corners: Array) -> Array:
    """Order four corners clockwise from the top left, of the box as it stands in the image."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:]))
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32)


def worth_seeing(pixels: Pixels, axis: int) -> npt.NDArray[np.intp]:
    """Return the rows (axis 0) or columns (1) to look at: all but the inside of wide empty stretches.

    The network judges by the whole picture too: "17" alone on an empty page is nothing to it, on a small piece of
    paper it is text.
    """
    import cv2

    planes = cv2.split(pixels)  # plane by plane is ten times as fast
    spans = [plane.max(axis=1 - axis).astype(np.int16) - plane.min(axis=1 - axis) for plane in planes]
    empty = np.max(spans, axis=0) < FLAT
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    kept, half = np.ones(len(empty), bool), max(EMPTY, round(EMPTY_SHARE * max(pixels.shape))) // 2
    for start, end in edges.reshape(-1, 2):
        kept[start + half : max(end - half, start + half)] = False
    return np.flatnonzero(kept)


def _taken(pixels: Pixels, kept: npt.NDArray[np.intp], axis: int) -> Pixels:
    """Return some rows or columns, stretch by stretch: an index would take them one by one."""
    stretches = np.split(kept, np.flatnonzero(np.diff(kept) != 1) + 1)
    slices = [slice(int(stretch[0]), int(stretch[-1]) + 1) for stretch in stretches]
    return np.concatenate([pixels[one] if axis == 0 else pixels[:, one] for one in slices], axis=axis)


def put_back(places: Array, kept: npt.NDArray[np.intp]) -> Array:
    """Return where places among the kept rows or columns are among all of them."""
    inside = places.clip(0, len(kept))
    moved = np.interp(inside, np.arange(len(kept) + 1), np.append(kept, kept[-1] + 1))
    return (places + moved - inside).astype(np.float32)


def _with_ground(pixels: Pixels) -> tuple[Pixels, int]:
    """Return a small image with a margin of its own border colour, and the margin's width."""
    import cv2

    if min(pixels.shape[:2]) >= MIN_SIDE:
        return pixels, 0
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = [int(v) for v in np.median(border, axis=0)]
    grown = cv2.copyMakeBorder(pixels, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(grown, np.uint8), MARGIN


def _first_scale(pixels: Pixels, side: int) -> float:
    short, long = sorted(pixels.shape[:2])
    scale = max(side / long, side * NARROW / short)
    return scale if scale < NEARLY else 1.0


def _second_scale(quads: Array, heights: Array, scale: float) -> float:
    """Return the scale at which the lowest lines are high enough; `scale` itself when they are, never above 1."""
    if scale >= 1.0:
        return scale
    if not len(quads):  # print may be too small to be seen at all, but not at twice the scale as well
        return min(1.0, 2 * scale)
    lengths = np.maximum(
        np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1), np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    )
    by_height = np.argsort(heights)
    reached = np.cumsum(lengths[by_height]) / lengths.sum()
    low = float(heights[by_height][np.searchsorted(reached, 0.1)])
    return min(1.0, scale * GOOD_LINE / low) if low < LOW_LINE else scale


def _look(network: Network, pixels: Pixels, scale: float, settings: DetectorSettings) -> tuple[Array, Array]:
    """Return quads in image pixels, and the heights of their lines in pixels of the map."""
    height, width = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in pixels.shape[:2])
    chance = _probability(network, pixels, height, width)
    quads, heights = _lines(chance, settings)
    return quads * np.array([pixels.shape[1] / width, pixels.shape[0] / height], np.float32), heights


def _probability(network: Network, pixels: Pixels, height: int, width: int) -> Array:
    """Return the map of text probability (height, width) of the image at that size, by tiles where it is large."""
    import cv2

    # bilinear, as the network was trained; averaging finds less
    small = np.asarray(cv2.resize(pixels, (width, height)), np.uint8)
    whole = np.zeros((height, width), np.float32)
    rows, columns = tiles(height, width)
    for row, seen_row in zip(rows, _own(rows), strict=True):
        for column, seen_column in zip(columns, _own(columns), strict=True):
            part = network(network_input([small[row, column]]))[0][0, 0]
            seen = _shifted(seen_row, row.start), _shifted(seen_column, column.start)
            whole[seen_row, seen_column] = part[seen]
    return whole


def tiles(height: int, width: int) -> tuple[list[slice], list[slice]]:
    """Part a picture, its sides multiples of the stride, into the rows and the columns of tiles of one size.

    The fewest pixels in all that tiles of at most LARGEST pixels, with OVERLAP shared, allow.
    """
    best, chosen = (np.inf, 0), ([slice(0, height)], [slice(0, width)])
    for rows in _partings(height):
        for columns in _partings(width):
            number, pixels = len(rows) * len(columns), rows[0].stop * columns[0].stop
            if pixels <= LARGEST and (number * pixels, number) < best:
                best, chosen = (number * pixels, number), (rows, columns)
    return chosen


def _partings(size: int) -> list[list[slice]]:
    """Return the ways to part a side into one, two, … stretches of one length, down to three times what they share."""
    found = []
    for count in range(1, max(size // (3 * OVERLAP), 1) + 1):
        length = -(-(size + (count - 1) * OVERLAP) // (count * STRIDE)) * STRIDE
        starts = [min(i * (length - OVERLAP), size - length) for i in range(count)]
        found.append([slice(start, start + length) for start in starts])
    return found


def _own(parts: list[slice]) -> list[slice]:
    """Return what each stretch says: its own, and half of what it shares, since text that an edge cuts is misjudged."""
    cuts = [parts[0].start, *((a.stop + b.start) // 2 for a, b in pairwise(parts)), parts[-1].stop]
    return [slice(start, stop) for start, stop in pairwise(cuts)]


def _shifted(part: slice, origin: int) -> slice:
    return slice(part.start - origin, part.stop - origin)


def _lines(chance: Array, settings: DetectorSettings) -> tuple[Array, Array]:
    """Return quads (N, 4, 2) and line heights (N,) in pixels of the probability map."""
    import cv2

    mask = cv2.dilate((chance > settings.threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, family = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    quads, heights = [], []
    for i, contour in enumerate(contours):
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if family[0][i][3] >= 0 or min(width, height) < 3:  # a hole in a blob, or a speck
            continue
        if (
            _mean_inside(chance, np.asarray(cv2.boxPoints((centre, (width, height), angle)), np.float32))
            < settings.box_threshold
        ):
            continue
        # Offsetting a rectangle by d with round corners and boxing it again is the rectangle with d on every side.
        d = width * height * settings.unclip / (2 * (width + height))
        grown = (centre, (width + 2 * d, height + 2 * d), angle)
        quads.append(upright(np.asarray(cv2.boxPoints(grown), np.float32)))
        heights.append(min(width, height) + 2 * d)
    return np.asarray(quads, np.float32).reshape(-1, 4, 2), np.asarray(heights, np.float32)


def _mean_inside(chance: Array, corners: Array) -> float:
    """Return the mean probability inside a quad."""
    import cv2

    limit = np.array(chance.shape[::-1]) - 1
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, limit)
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, limit)
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(chance[low[1] : high[1] + 1, low[0] : high[0] + 1], mask)[0])

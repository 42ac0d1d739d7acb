"""Detector maps -> text regions: local peaks, rotated boxes as quads, suppression.

Comes in: what the detector says of B images, one value per cell of 4 x 4 pixels. Goes out: Regions, quads in pixels of
the detector's input, corners clockwise from the top left of the text. The suppression has the semantics of the CUDA
kernels of NVIDIA's package (the reference for its published numbers; its CPU code differs), but is deterministic: the
kernels drop neighbours when a stack of nine overflows, and sum in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from loaders.geometry import Array, boxes_from_quads
from loaders.ocr.nemotron.detector import CELL

PROBABILITY, IOU = 0.5, 0.5
LEAST_AREA = 8.0  # square pixels of a quad
WINDOW = 32  # columns that a span may not cross, a warp's width in the kernels
CONTAINED, LIKE_HEIGHT = 0.8, 0.9
PEAK = 3  # cells of the neighbourhood that a peak tops
SUPPRESSED = -100.0  # logit of a cell that is no peak
PAIRS_AT_ONCE = 1 << 20

Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Text regions of B images, image by image, each image's from top to bottom (row-major by their first cell).

    quads (N, 4, 2) float32, confidence (N,) float32 0-1, counts: regions of each image.
    """

    quads: Array
    confidence: Array
    counts: tuple[int, ...]


def find_regions(confidence: Tensor, rboxes: Tensor, *, prefilter: bool = True) -> Regions:
    """Decode detector maps: confidence logits (B, h, w) and boxes (B, h, w, 5), as in DetectorOutput."""
    logits = keep_peaks(confidence, rboxes) if prefilter else confidence
    return suppress(rboxes, torch.sigmoid(logits.float()))


def keep_peaks(confidence: Tensor, rboxes: Tensor) -> Tensor:
    """Push logits (B, h, w) of all cells to -100 but those that are, times their centerness, peaks above 0.5.

    Centerness is that of FCOS (Tian et al. 2019, arXiv:1904.01355), with lengths below one pixel taken as one.
    """
    top, right, bottom, left = rboxes[..., :4].float().unbind(-1)
    across = torch.minimum(left, right) / torch.maximum(left, right).clamp(min=1)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom).clamp(min=1)
    centred = torch.sigmoid(confidence.float()) * torch.sqrt(across * down)
    highest = F.max_pool2d(centred[:, None], PEAK, stride=1, padding=PEAK // 2)[:, 0]
    return confidence.masked_fill(~((centred == highest) & (centred > PROBABILITY)), SUPPRESSED)


def quads_of_boxes(rboxes: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Give the quads (N, 4, 2) of boxes (N, 5): top, right, bottom, left of a cell's centre, and rotation."""
    top, right, bottom, left, angle = rboxes.float().unsqueeze(-1).unbind(1)  # each (N, 1)
    centre = (torch.stack([columns, rows], dim=1).to(angle.dtype) + 0.5) * CELL
    along = torch.cat([torch.cos(angle), torch.sin(angle)], dim=1)
    up = torch.cat([torch.sin(angle), -torch.cos(angle)], dim=1)
    corners = (-left, top), (right, top), (right, -bottom), (-left, -bottom)
    return torch.stack([centre + x * along + y * up for x, y in corners], dim=1)


def suppress(rboxes: Tensor, probability: Tensor, threshold: float = PROBABILITY, iou: float = IOU) -> Regions:
    """Merge the boxes (B, h, w, 5) of confident cells, probability (B, h, w), into one quad per text.

    Cells side by side whose boxes agree become spans; spans that overlap, directly or through others, become one
    region; a span inside another of its height gives way. A quad is the mean of its cells', weighted by confidence.
    """
    rboxes, probability = rboxes.detach(), probability.detach().float()
    image, row, column = torch.nonzero(probability >= threshold, as_tuple=True)
    quads = quads_of_boxes(rboxes[image, row, column], column, row)
    fields = torch.cat([quads.flatten(1), probability[image, row, column, None]], dim=1)
    large = _areas(quads) > LEAST_AREA
    place = torch.stack([image, row, column], dim=1)[large]
    # One transfer; from here on there are thousands of boxes, not millions of cells.
    cells, places = fields[large].cpu().numpy(), place.cpu().numpy()
    starts = _span_starts(cells[:, :8].reshape(-1, 4, 2), places, iou)
    spans, images = _spans(cells, starts), places[starts, 0]
    merged = [_merge(spans[images == i], iou) for i in range(len(probability))]
    everything = np.concatenate([np.zeros((0, 9)), *merged]).astype(np.float32)
    return Regions(everything[:, :8].reshape(-1, 4, 2), everything[:, 8], tuple(len(part) for part in merged))


def _areas(quads: Tensor) -> Tensor:
    """Measure quads (N, 4, 2) by the shoelace formula."""
    following = quads.roll(-1, dims=1)
    doubled = quads[..., 0] * following[..., 1] - following[..., 0] * quads[..., 1]
    return doubled.sum(1).abs() / 2


def _span_starts(quads: Array, places: Ints, iou: float) -> Ints:
    """Return the cells that begin a span: no agreeing cell on their left in the same window."""
    image, row, column = places.T
    adjacent = (image[1:] == image[:-1]) & (row[1:] == row[:-1]) & (column[1:] == column[:-1] + 1)
    adjacent &= column[1:] % WINDOW != 0
    boxes = boxes_from_quads(quads)
    agreeing = _shared(boxes[:-1], boxes[1:])[0] >= iou
    return np.flatnonzero(np.append(True, ~(adjacent & agreeing)))[: len(places)]


def _spans(cells: Array, starts: Ints) -> Float64:
    """Sum cells (N, 9) into spans (S, 10): mean quad, confidence, and how many cells."""
    if not len(starts):
        return np.zeros((0, 10))
    confidence = cells[:, 8:9].astype(np.float64)
    sums = np.add.reduceat(np.hstack([cells[:, :8] * confidence, confidence, np.ones_like(confidence)]), starts)
    return np.hstack([sums[:, :8] / sums[:, 8:9], sums[:, 8:9] / sums[:, 9:], sums[:, 9:]])


def _merge(spans: Float64, iou: float) -> Float64:
    """Merge one image's spans (S, 10) into regions (N, 9): quad and confidence."""
    leads = np.ones(len(spans), bool)
    component = np.arange(len(spans))
    for first, second, contained in _overlaps(boxes_from_quads(spans[:, :8].reshape(-1, 4, 2)), iou):
        joined = contained < 0
        leads[second[joined]] = False
        leads[contained[~joined]] = False
        component = _joined(component, first[joined], second[joined])
    chosen = _first_leads(component, leads)
    weight = spans[:, 8:9] * spans[:, 9:]
    sums = np.zeros((len(spans), 10))
    np.add.at(sums, component, np.hstack([spans[:, :8] * weight, weight, spans[:, 9:]]))
    sums = sums[component[chosen]]
    return np.hstack([sums[:, :8] / sums[:, 8:9], sums[:, 8:9] / sums[:, 9:]])


def _overlaps(boxes: Array, iou: float) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Walk the pairs of spans that bear on each other: lower index, higher index, and the contained one, or -1."""
    for first, second in _pairs(boxes):
        overlap, of_first, of_second = _shared(boxes[first], boxes[second])
        heights = boxes[:, 3] - boxes[:, 1]
        low = np.minimum(heights[first], heights[second])
        alike = low > LIKE_HEIGHT * np.maximum(heights[first], heights[second])
        inside = (overlap < iou) & alike & ((of_first > CONTAINED) | (of_second > CONTAINED))
        contained = np.where(inside, np.where(of_first > CONTAINED, first, second), -1)
        bearing = (overlap >= iou) | inside
        yield first[bearing], second[bearing], contained[bearing]


def _pairs(boxes: Array) -> Iterator[tuple[Ints, Ints]]:
    """Walk all pairs whose boxes meet, lower index first, a bounded number at a time."""
    order = np.argsort(boxes[:, 1], kind="stable")
    upto = np.searchsorted(boxes[order, 1], boxes[order, 3], side="right")
    counts = np.maximum(upto - np.arange(len(boxes)) - 1, 0)
    blocks = np.cumsum(counts) // PAIRS_AT_ONCE
    for block in np.unique(blocks):
        rows = np.flatnonzero((blocks == block) & (counts > 0))
        own = np.repeat(rows, counts[rows])
        offset = np.arange(len(own)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
        a, b = order[own], order[own + 1 + offset]
        meeting = (boxes[a, 0] < boxes[b, 2]) & (boxes[b, 0] < boxes[a, 2])
        yield np.minimum(a, b)[meeting], np.maximum(a, b)[meeting]


def _shared(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Compare boxes (N, 4) pairwise: intersection over union, over the first's area, over the second's."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.maximum(sides, 0).prod(axis=1)
    area_a, area_b = (box[:, 2:] - box[:, :2] for box in (a, b))
    own, other = area_a.prod(axis=1), area_b.prod(axis=1)
    return both / (own + other - both), both / own, both / other


def _joined(component: Ints, first: Ints, second: Ints) -> Ints:
    """Unite components along edges; each is named by its lowest member."""
    while True:
        lowest = np.minimum(component[first], component[second])
        lower = component.copy()
        np.minimum.at(lower, component[first], lowest)
        np.minimum.at(lower, component[second], lowest)
        while not np.array_equal(lower, lower[lower]):
            lower = lower[lower]
        lower = lower[component]
        if np.array_equal(lower, component):
            return component
        component = lower


def _first_leads(component: Ints, leads: npt.NDArray[np.bool_]) -> Ints:
    """Return the first lead of each component, in order; a component without one vanishes."""
    rows = np.flatnonzero(leads)
    return np.sort(rows[np.unique(component[rows], return_index=True)[1]])

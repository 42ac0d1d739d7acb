"""A PageReading -> dicts as NVIDIA's package returns them, at its three merge levels.

Frame: coordinates are shares of the page's width and height, 0 to 1. With every correction turned back, the dicts and
their order are the package's own; by default boxes follow the text, `upper` is above `lower`, and paragraphs come in
the graph's order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from loaders.errors import UsageError
from loaders.geometry import Array, boxes_from_quads, quads_from_boxes
from loaders.ocr.nemotron.corrections import Corrections
from loaders.ocr.nemotron.reader import PageReading
from loaders.ocr.nemotron.wording import kept_paragraphs

LEVELS = ("word", "sentence", "paragraph")
ROW_GAP = 10  # pixels between the tops of boxes that the package takes for one row


class Prediction(TypedDict):
    """One text; `quad` is four corners (x, y) clockwise from the top left of the text."""

    text: str
    confidence: float
    left: float
    upper: float
    right: float
    lower: float
    quad: list[list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class _Merged:
    """A text at some level: its quad (4, 2) in pixels, text, confidence."""

    quad: Array
    text: str
    confidence: float


def predictions(reading: PageReading, size: Sequence[int], level: str, corrections: Corrections) -> list[Prediction]:
    """Merge a page's regions at a level ("word", "sentence": a line, "paragraph"); size is its height and width."""
    if level not in LEVELS:
        raise UsageError(f"merge_level={level!r}; choose one of {', '.join(LEVELS)}")
    merged: list[_Merged] = []
    for paragraph in kept_paragraphs(reading, keep_unsure=corrections.keep_unsure):
        words = [[_word(reading, region) for region in reading.graph.lines[line]] for line in paragraph]
        lines = [_merge(line, corrections) for line in words]
        if level == "word":
            merged += itertools.chain.from_iterable(words)
        else:
            merged += lines if level == "sentence" else [_merge(lines, corrections)]
    if corrections.paragraph_order == "original":
        merged = [merged[k] for k in rows_then_columns(np.array([one.quad[0] for one in merged]).reshape(-1, 2))]
    else:
        merged = [one for one in merged if one.text]
    height, width = size
    return [_prediction(one, height, width, corrections) for one in merged]


def rows_then_columns(corners: Array) -> list[int]:
    """Order top left corners (N, 2) as the package does: rows of y with gaps of at most 10 pixels, then x.

    Rows chain: on a page of two columns a row runs through both, and so does the text.
    """
    if not len(corners):
        return []
    x, y = corners.T
    order = np.argsort(y)
    row = np.empty(len(y), int)
    row[order] = np.cumsum(np.append(0, np.diff(y[order]) > ROW_GAP))
    centres = np.bincount(row, y) / np.bincount(row)
    return [int(k) for k in np.lexsort((x, centres[row].astype(int)))]


def around(quads: Array) -> Array:
    """Put the smallest rectangle along the text (4, 2) around quads (N, 4, 2); its direction is their mean one."""
    along = (quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3]).sum(axis=0).astype(np.float64)
    length = np.hypot(*along)
    x, y = along / length if length else (1.0, 0.0)
    axes = np.array([[x, y], [-y, x]])
    placed = quads.reshape(-1, 2) @ axes.T
    box = np.concatenate([placed.min(axis=0), placed.max(axis=0)])
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]])
    return np.asarray(corners @ axes, np.float32)


def _word(reading: PageReading, region: int) -> _Merged:
    return _Merged(reading.quads[region], reading.texts[region], float(reading.confidences[region]))


def _merge(parts: Sequence[_Merged], corrections: Corrections) -> _Merged:
    quads = np.stack([part.quad for part in parts])
    if corrections.true_quads:
        quad = around(quads)
    else:
        box = boxes_from_quads(quads)
        quad = quads_from_boxes(np.concatenate([box[:, :2].min(axis=0), box[:, 2:].max(axis=0)]))[0]
    texts = [part.text for part in parts if part.text or corrections.paragraph_order == "original"]
    return _Merged(quad, " ".join(texts), float(np.mean([part.confidence for part in parts])))


def _prediction(one: _Merged, height: int, width: int, corrections: Corrections) -> Prediction:
    quad = one.quad.astype(np.float64) / (width, height)
    if not corrections.float32_boxes:
        quad = quad.astype(np.float16).astype(np.float64)
    (left, top), (right, bottom) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
    upper, lower = (top, bottom) if corrections.true_edges else (bottom, top)
    return Prediction(
        text=one.text,
        confidence=one.confidence,
        left=left,
        upper=upper,
        right=right,
        lower=lower,
        quad=quad.tolist(),
    )

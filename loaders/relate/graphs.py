"""What the network looks at: nodes, each with a few neighbours, and named columns of figures for both.

Columns are named, so that the network can be trained to do without some of them (a scan has no bold, a text layer no
pieces), and a model can be refused whose columns are not ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.relate.neighbours import Bools

LIMIT = 8.0
"""Columns are cut off beyond this: a gap of 8 em says no less than one of 80."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """N nodes with K neighbours each.

    nodes       float32 (N, F)
    neighbours  int64 (N, K); a node is its own neighbour where it has fewer
    present     bool (N, K): which of them are neighbours at all
    edges       float32 (N, K, E)
    """

    nodes: Array
    neighbours: npt.NDArray[np.int64]
    present: Bools
    edges: Array

    def __len__(self) -> int:
        return len(self.nodes)


def stacked(columns: Mapping[str, npt.ArrayLike], names: Sequence[str]) -> Array:
    """Put columns of one shape side by side in the order of the names, within the limit and without holes."""
    if columns.keys() != set(names):
        raise ValueError(f"columns that do not agree: {sorted(columns.keys() ^ set(names))}")
    values = np.stack([np.asarray(columns[name], np.float32) for name in names], axis=-1)
    np.clip(values, -LIMIT, LIMIT, out=values)
    np.copyto(values, 0, where=np.isnan(values))
    return values


def log_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """Return the logarithm of a ratio of lengths, however small either is."""
    return np.log(np.maximum(np.asarray(a, np.float32), 1e-3) / np.maximum(np.asarray(b, np.float32), 1e-3))


def nearest(boxes: Array, count: int, chosen: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Bools]:
    """Return the `count` nearest of each box (N, 4), nearest first, and which of these places are filled.

    `chosen` (N, C) are neighbours that come first, whatever their distance; -1 for none.
    """
    size = len(boxes)
    found = np.tile(np.arange(size)[:, None], (1, count))
    filled = np.zeros((size, count), bool)
    few = min(count, size - 1)
    if few < 1:
        return found, filled
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for start in range(0, size, 512):
        part = slice(start, start + 512)
        own = boxes[part, None]
        gap = np.maximum(np.maximum(own[..., :2] - boxes[:, 2:], boxes[:, :2] - own[..., 2:]), 0)
        apart = np.abs(middles[part, None] - middles)
        # Rows stand closer than columns: a step aside counts less than one down.
        far = 0.6 * gap[..., 0] + gap[..., 1] + 0.02 * apart[..., 0] + 0.1 * apart[..., 1]
        rows = np.arange(len(far))
        for rank in reversed(range(chosen.shape[1])):
            far[rows, chosen[part, rank]] = np.where(chosen[part, rank] >= 0, rank - 1e6, far[rows, chosen[part, rank]])
        far[rows, rows + start] = np.inf
        close = np.argpartition(far, few - 1, axis=1)[:, :few]
        order = np.argsort(np.take_along_axis(far, close, axis=1), axis=1, kind="stable")
        found[part, :few] = np.take_along_axis(close, order, axis=1)
    filled[:, :few] = True
    return found, filled

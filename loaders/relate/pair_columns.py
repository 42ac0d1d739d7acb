"""What two boxes say of each other by where they stand: the pair columns that lines and blocks share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array


def pair_columns(boxes: Array, neighbours: npt.NDArray[np.int64], em: npt.ArrayLike, page: Array) -> dict[str, Array]:
    """Return named columns (N, K) of boxes (N, 4) and their neighbours (N, K).

    `em` (N, 1) or a scalar is the unit of near distances; `page` (2,) the page's width and height, that of far ones.
    """
    a, b = boxes[:, None], boxes[neighbours]
    unit = np.asarray(em, np.float32)
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    wide_a, wide_b = np.maximum(ax1 - ax0, 1e-3), np.maximum(bx1 - bx0, 1e-3)
    high_a, high_b = np.maximum(ay1 - ay0, 1e-3), np.maximum(by1 - by0, 1e-3)
    shared_x = np.minimum(ax1, bx1) - np.maximum(ax0, bx0)
    shared_y = np.minimum(ay1, by1) - np.maximum(ay0, by0)
    middle_x, middle_y = (bx0 + bx1 - ax0 - ax1) / 2, (by0 + by1 - ay0 - ay1) / 2

    def aligned(difference: Array) -> Array:
        return np.exp(-np.abs(difference) / (0.5 * unit))

    def signed(distance: Array) -> Array:
        return np.sign(distance) * np.log1p(np.abs(distance) / unit)

    return {
        "left": signed(bx0 - ax0),
        "right": signed(bx1 - ax1),
        "centre": signed(middle_x),
        "down": signed(middle_y),
        "over": signed(by0 - ay1),
        "under": signed(ay0 - by1),
        "beside": signed(bx0 - ax1),
        "before": signed(ax0 - bx1),
        "shared_x_small": np.maximum(shared_x, 0) / np.minimum(wide_a, wide_b),
        "shared_x_large": np.maximum(shared_x, 0) / np.maximum(wide_a, wide_b),
        "shared_y_small": np.maximum(shared_y, 0) / np.minimum(high_a, high_b),
        "wider": np.log(wide_b / wide_a),
        "higher": np.log(high_b / high_a),
        "flush_left": aligned(bx0 - ax0),
        "flush_right": aligned(bx1 - ax1),
        "centred": aligned(middle_x),
        "page_x": 4 * middle_x / page[0],
        "page_y": 4 * middle_y / page[1],
        "below": (by0 > ay1 - 0.3 * unit),
        "above": (by1 < ay0 + 0.3 * unit),
        "rightward": (bx0 > ax1 - 0.3 * unit),
        "leftward": (bx1 < ax0 + 0.3 * unit),
    }


PAIR_COLUMNS = (
    "left", "right", "centre", "down", "over", "under", "beside", "before", "shared_x_small", "shared_x_large",
    "shared_y_small", "wider", "higher", "flush_left", "flush_right", "centred", "page_x", "page_y", "below", "above",
    "rightward", "leftward",
)  # fmt: skip


def reach(boxes: Array, things: Array, em: float) -> tuple[Array, Array]:
    """Return how near (N,) the next thing (M, 4) above and the next below each box is: 1 touching, 0 far or none.

    Things count that share the box's columns.
    """
    if not len(things):
        return np.zeros(len(boxes), np.float32), np.zeros(len(boxes), np.float32)
    above, below = np.empty(len(boxes), np.float32), np.empty(len(boxes), np.float32)
    for start in range(0, len(boxes), 256):
        part = slice(start, start + 256)
        own = boxes[part, None]
        shared = np.minimum(own[..., 2], things[:, 2]) - np.maximum(own[..., 0], things[:, 0])
        over = np.where((shared > 0) & (things[:, 3] <= own[..., 1] + 0.4 * em), own[..., 1] - things[:, 3], np.inf)
        under = np.where((shared > 0) & (things[:, 1] >= own[..., 3] - 0.4 * em), things[:, 1] - own[..., 3], np.inf)
        above[part], below[part] = over.min(axis=1), under.min(axis=1)
    return np.exp(-np.maximum(above, 0) / (2 * em)), np.exp(-np.maximum(below, 0) / (2 * em))


def held_by(boxes: Array, regions: Array) -> Array:
    """Say (N,) whether a box's centre lies in any of the regions (R, 4)."""
    if not len(regions):
        return np.zeros(len(boxes), np.float32)
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    held = ((centres >= regions[:, :2]) & (centres <= regions[:, 2:])).all(axis=2)
    return np.asarray(np.any(held, axis=1), np.float32)

"""Lines and pictures drawn on a PDF page, from its drawing operations.

In come segments, rectangles, curved shapes and picture boxes as arrays of x0, y0, x1, y1; out come the rulings
(horizontal and vertical lines, joined where they touch), the pictures (strips and tiles of one scan joined) and the
lines of text that someone has turned into outlines. What goes in comes out in the same coordinates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array

Floats = npt.NDArray[np.float64]

THIN = 3.0
"""A filled rectangle at most this thick is a line drawn by other means."""
SLANT = 0.02
"""Rise over run up to which a line counts as horizontal or vertical."""
SHORT = 4.0
"""Lines shorter than this, after joining, are dots, dashes of letters and serifs of drawings."""
LETTER = (3.0, 72.0)
"""Least and greatest height of a letter."""
BASELINE = 0.6
"""Round letters reach this far below the baseline."""
TOUCH = 1.5
"""Pieces of one line, or of one picture, may lie this far apart."""


def rulings_from(segments: npt.ArrayLike, rectangles: npt.ArrayLike, outlines: npt.ArrayLike) -> Array:
    """Return rulings (M, 4): straight segments, thin filled rectangles, and the four sides of stroked ones.

    A horizontal line has y0 = y1, a vertical one x0 = x1.
    """
    parts = [_rows(segments), _middles(_rows(rectangles)), _sides(_rows(outlines))]
    lines = np.concatenate(parts)
    lines = np.concatenate([np.minimum(lines[:, :2], lines[:, 2:]), np.maximum(lines[:, :2], lines[:, 2:])], axis=1)
    width, height = lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]
    flat = lines[(height <= SLANT * width + 0.01) & (width > 0)]
    steep = lines[(width <= SLANT * height + 0.01) & (height > 0)]
    rows = _joined(np.stack([(flat[:, 1] + flat[:, 3]) / 2, flat[:, 0], flat[:, 2]], axis=1))
    columns = _joined(np.stack([(steep[:, 0] + steep[:, 2]) / 2, steep[:, 1], steep[:, 3]], axis=1))
    both = np.concatenate([rows[:, [1, 0, 2, 0]], columns[:, [0, 1, 0, 2]]])
    return both.astype(np.float32)


def pictures_from(boxes: npt.ArrayLike, width: float, height: float) -> Array:
    """Return pictures (M, 4) clipped to the page; strips and tiles that touch along a whole side become one."""
    found = np.clip(_rows(boxes), 0, [width, height, width, height])
    found = found[(found[:, 2] - found[:, 0] >= 1) & (found[:, 3] - found[:, 1] >= 1)]
    for axis in (1, 0):
        found = _stacked(found, axis)
    return found[(found[:, 2] - found[:, 0] >= SHORT) & (found[:, 3] - found[:, 1] >= SHORT)].astype(np.float32)


def outlined_from(shapes: npt.ArrayLike, words: Array) -> Array:
    """Return lines (M, 4) of filled curved shapes that stand like letters and hold no word: text made into outlines.

    Letters stand on one baseline, near each other, of like height and of unlike width; the dots of a chart do not.
    """
    boxes = _rows(shapes)
    height = boxes[:, 3] - boxes[:, 1]
    boxes = boxes[(height >= LETTER[0]) & (height <= LETTER[1]) & (boxes[:, 2] - boxes[:, 0] <= 2 * height)]
    boxes = boxes[np.argsort(boxes[:, 3], kind="stable")]
    found = []
    for row in np.split(boxes, np.flatnonzero(np.diff(boxes[:, 3]) > BASELINE) + 1):
        row = row[np.argsort(row[:, 0], kind="stable")]
        tall = row[:, 3] - row[:, 1]
        # Twice their height, since letters without a curve (k, l, v, w, x) are missing between them.
        apart = row[1:, 0] - np.maximum.accumulate(row[:, 2])[:-1] > 2 * np.maximum(tall[1:], tall[:-1])
        for run in np.split(row, np.flatnonzero(apart) + 1):
            heights, widths = run[:, 3] - run[:, 1], (run[:, 2] - run[:, 0]).round(1)
            if len(run) >= 4 and len(np.unique(widths)) >= 3 and heights.min() >= 0.3 * heights.max():
                margin = 0.3 * heights.max()  # for descenders and for what stands at the ends
                found.append(np.concatenate([run[:, :2].min(axis=0) - margin, run[:, 2:].max(axis=0) + margin]))
    lines = np.maximum(np.array(found, np.float32).reshape(-1, 4), 0)
    x, y = (words[:, 0] + words[:, 2]) / 2, (words[:, 1] + words[:, 3]) / 2
    held = (x >= lines[:, :1]) & (x <= lines[:, 2:3]) & (y >= lines[:, 1:2]) & (y <= lines[:, 3:])
    return lines[~held.any(axis=1)]


def _rows(values: npt.ArrayLike) -> Floats:
    rows = np.asarray(values, np.float64).reshape(-1, 4)
    return rows[np.isfinite(rows).all(axis=1)]


def _middles(rectangles: Floats) -> Floats:
    """Return the middle lines of thin rectangles."""
    x0, y0, x1, y1 = rectangles.T
    thin = np.minimum(x1 - x0, y1 - y0) <= THIN
    lying = (x1 - x0) >= (y1 - y0)
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    lines = np.where(
        lying[:, None],
        np.stack([x0, middle_y, x1, middle_y], axis=1),
        np.stack([middle_x, y0, middle_x, y1], axis=1),
    )
    return lines[thin]


def _sides(outlines: Floats) -> Floats:
    x0, y0, x1, y1 = outlines.T
    sides = ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1))
    return np.concatenate([np.stack(side, axis=1) for side in sides])


def _joined(lines: Floats) -> Floats:
    """Join collinear lines (position, begin, end) that touch or overlap; drop what stays short."""
    if not len(lines):
        return lines
    lines = lines[np.lexsort((lines[:, 1], (lines[:, 0] * 2).round()))]
    merged: list[list[float]] = []
    for position, begin, end in lines.tolist():
        last = merged[-1] if merged else None
        if last and abs(position - last[0]) <= 0.75 and begin <= last[2] + TOUCH:
            last[2] = max(last[2], end)
        else:
            merged.append([position, begin, end])
    found = np.array(merged)
    return found[found[:, 2] - found[:, 1] >= SHORT]


def _stacked(boxes: Floats, axis: int) -> Floats:
    """Join boxes that follow each other along an axis and share the same extent across it."""
    across = 1 - axis
    order = np.lexsort((boxes[:, axis], boxes[:, across + 2].round(), boxes[:, across].round()))
    merged: list[Floats] = []
    for box in boxes[order]:
        last = merged[-1] if merged else None
        if (
            last is not None
            and np.abs(last[[across, across + 2]] - box[[across, across + 2]]).max() <= TOUCH
            and box[axis] <= last[axis + 2] + TOUCH
        ):
            merged[-1] = np.concatenate([np.minimum(last[:2], box[:2]), np.maximum(last[2:], box[2:])])
        else:
            merged.append(box)
    return np.array(merged).reshape(-1, 4)

"""Drawn lines: found in pixels, and made into straight, whole, horizontal and vertical rulings.

A page image goes in, or the line segments a PDF draws; out come float arrays in the page's frame, one row per ruling:
x0, y0, x1, y1. Letters have strokes too, so a ruling must be long, thin and alone: paper on both of its sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array

if TYPE_CHECKING:
    from loaders.document import PageImage

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

LARGEST = 1650
"""Larger images are shrunk to this side (A4 at 140 dpi), at which the thinnest line is still seen."""
SHORTEST = 0.018
"""A ruling is at least this share of the page's longer side (14 pt on A4: longer than any letter's stroke)."""
THICKEST = 0.004
"""... and at most this share thick (3.4 pt on A4)."""
TINTED = 0.12
"""The edge of a tint is a ruling where it is at least this share of the page's longer side (36 mm on A4)."""
STEP, FLAT = 9, 3
"""Shades of grey that two tints are apart at least, and that one differs in itself at most."""
STEEPEST = 0.06
"""Tangent of the steepest skew followed (3.4 degrees)."""


def find_rulings(image: PageImage) -> Array:
    """Find drawn horizontal and vertical lines in a page image.

    Returns float32 (M, 4) in the frame's unit: x0, y0, x1, y1 with x0 <= x1 and y0 <= y1; a skewed line is the box
    around it. Dark lines on paper and light lines between tinted cells are both found. Morphological opening, as in
    Gatos et al., "Automatic table detection in document images" (2005), made tolerant to skew by thickening the ink
    across the line before opening along it.
    """
    import cv2

    gray = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2GRAY)
    shrink = min(1.0, LARGEST / max(gray.shape))
    if shrink < 1:
        gray = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    length = max(24, round(SHORTEST * max(gray.shape)))
    thick = max(3, round(THICKEST * max(gray.shape)))
    # A line is told from its surroundings within a window some lines wide: shading and gradients fall away.
    window = np.ones((4 * thick + 1, 4 * thick + 1), np.uint8)
    dark, light = [
        np.concatenate(
            [_horizontal(depth, least, length, thick), _horizontal(turned, least, length, thick)[:, [1, 0, 3, 2]]]
        )
        for depth, turned, least in (
            _depths(shade, window) for shade in (np.asarray(gray, np.uint8), np.asarray(255 - gray, np.uint8))
        )
    ]
    light = light[~_beside(light, dark, 1.2 * thick)]  # the gleam at the edge of a dark line is none of its own
    drawn = np.concatenate([dark, light])
    shade = np.asarray(gray, np.uint8)
    # An upright edge is the side of every tinted row; it parts columns only where it runs down through several.
    upright = _edges(np.ascontiguousarray(shade.T), length, 5 * length)[:, [1, 0, 3, 2]]
    edges = np.concatenate([_edges(shade, length, TINTED * max(gray.shape)), upright])
    edges = edges[~_beside(edges, drawn, 1.5 * thick)]
    return (np.concatenate([drawn, edges]) / (image.scale * shrink)).astype(np.float32)


def _edges(shade: Pixels, length: int, least: float) -> Array:
    """Return boxes (M, 4), in pixels, of level edges between two flat tints, as of a filled heading, `least` long.

    Flat on both sides, so that neither letters nor photographs have any.
    """
    import cv2

    smooth = shade.astype(np.int16)
    flat = np.abs(smooth[2:] - smooth[:-2]) <= FLAT  # over two rows
    step = np.abs(smooth[5:] - smooth[:-5]) >= STEP
    ink = np.zeros(shade.shape, np.uint8)
    rows = len(shade) - 9
    if rows < 1:
        return np.zeros((0, 4), np.float32)
    ink[4 : 4 + rows] = step[2 : 2 + rows] & flat[:rows] & flat[7 : 7 + rows]
    runs = cv2.morphologyEx(cv2.dilate(ink, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    joined = cv2.dilate(runs, np.ones((3, max(3, length // 2)), np.uint8))
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for outline in outlines:
        x, y, w, h = (int(v) for v in cv2.boundingRect(outline))
        x, w = x + length // 4, w - length // 2
        if w >= least and h <= 12 + STEEPEST * w:
            boxes.append((x, y + h / 2, x + w, y + h / 2))
    return np.array(boxes, np.float32).reshape(-1, 4)


def _depths(shade: Pixels, window: Pixels) -> tuple[Pixels, Pixels, float]:
    """Return how much darker than its surroundings each pixel is, the same transposed, and what counts as ink."""
    import cv2

    depth = np.asarray(cv2.subtract(cv2.morphologyEx(shade, cv2.MORPH_CLOSE, window), shade), np.uint8)
    return depth, np.ascontiguousarray(depth.T), _faintest(depth)


def _beside(lines: Array, others: Array, near: float) -> npt.NDArray[np.bool_]:
    """Say which lines run within `near` pixels of another for half of their length."""
    shared = np.minimum(lines[:, None, 2:], others[None, :, 2:]) - np.maximum(lines[:, None, :2], others[None, :, :2])
    size = (lines[:, 2:] - lines[:, :2])[:, None]
    along = (shared[..., 0] > 0.5 * size[..., 0]) & (shared[..., 1] > -near) & (size[..., 0] >= size[..., 1])
    along |= (shared[..., 1] > 0.5 * size[..., 1]) & (shared[..., 0] > -near) & (size[..., 0] < size[..., 1])
    return np.asarray(along.any(axis=1))


def _faintest(depth: Pixels) -> float:
    """Return how much darker than paper the faintest line may be: little on a clean page, more on a grainy one."""
    grain = float(np.quantile(depth[::7, ::7], 0.6))  # what is paper, on any page that has words on it
    return min(max(10.0, 3.0 * grain), 48.0)


def _horizontal(depth: Pixels, least: float, length: int, thick: int) -> Array:
    """Return boxes (M, 4), in pixels, of the long, thin, lonely horizontal strokes of a map of darkness."""
    import cv2

    ink = (depth > least).view(np.uint8)
    # A line of 2 px at 2 degrees stays in one row for 57 px; thickened by 2 it stays for 114.
    tall = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(tall, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    joined = cv2.dilate(runs, np.ones((3, max(3, length // 4)), np.uint8))
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for outline in outlines:
        x, y, w, h = (int(v) for v in cv2.boundingRect(outline))
        if w < 1.5 * length or h > 2 * thick + 4 + STEEPEST * w:
            continue
        mine = np.zeros((h, w), np.uint8)
        cv2.drawContours(mine, [outline], -1, 1, cv2.FILLED, offset=(-x, -y))
        mine &= np.asarray(runs[y : y + h, x : x + w], np.uint8)
        box = _line_of(depth, depth[y : y + h, x : x + w] * mine, x, y, least, thick)
        if box is not None:
            boxes.append(box)
    return np.array(boxes, np.float32).reshape(-1, 4)


def _line_of(
    depth: Pixels, mine: Pixels, x: int, y: int, least: float, thick: int
) -> tuple[float, float, float, float] | None:
    """Fit a line through a component; None when it is too thick, too broken, or a row of letters.

    `mine` is the darkness of the component, cut out at (x, y).
    """
    core = np.median(mine.max(axis=0)) / 2  # the line itself, without what is grey beside it
    rows, cols = np.nonzero(mine > max(core, least))
    if len(rows) < 8:
        return None
    first, last = int(cols.min()), int(cols.max())
    per_col = np.bincount(cols - first)
    usual = float(np.median(per_col[per_col > 0]))
    if (per_col > 0).mean() < 0.85 or usual > thick:
        return None
    slope, offset = np.polyfit(cols, rows, 1)
    if abs(slope) > STEEPEST or np.abs(rows - (slope * cols + offset)).mean() > thick / 2 + 1:
        return None
    at = np.arange(first, last + 1)
    middle = slope * at + offset + y
    over = [_darker(depth, core, least, at + x, middle - usual / 2 - off) for off in (1.5, 2.5, 3.5)]
    under = [_darker(depth, core, least, at + x, middle + usual / 2 + off) for off in (1.5, 2.5, 3.5)]
    if min(over[0], under[0]) > 0.2 or max(*over, *under) > 0.35:
        return None  # ink on both sides, or much on one: a stroke through letters, their feet or their tops
    return float(first + x), float(middle.min()), float(last + x + 1), float(middle.max())


def _darker(depth: Pixels, core: float, least: float, xs: npt.NDArray[np.int_], ys: Floats) -> float:
    """Return the share of points as dark as the line they lie beside; points beyond the page are paper."""
    rows = np.rint(ys).astype(int)
    inside = (rows >= 0) & (rows < depth.shape[0])
    return float((depth[rows[inside], xs[inside]] > max(0.8 * core, least)).sum() / max(len(xs), 1))


# -- segments to whole rulings ------------------------------------------------------------------------------------


def whole_rulings(rulings: npt.ArrayLike, near: float, reach: float) -> tuple[Floats, Floats]:
    """Join the pieces of drawn lines into whole ones.

    `rulings` (M, 4) as found or drawn; pieces at most `near` apart across and `reach` apart along become one.
    Returns horizontals (H, 3) as y, x0, x1 and verticals (V, 3) as x, y0, y1, each sorted.
    """
    lines = np.asarray(rulings, np.float64).reshape(-1, 4)
    x0, x1 = np.minimum(lines[:, 0], lines[:, 2]), np.maximum(lines[:, 0], lines[:, 2])
    y0, y1 = np.minimum(lines[:, 1], lines[:, 3]), np.maximum(lines[:, 1], lines[:, 3])
    flat = x1 - x0 >= y1 - y0
    across = np.stack([(y0 + y1) / 2, x0, x1], axis=1)[flat]
    down = np.stack([(x0 + x1) / 2, y0, y1], axis=1)[~flat]
    return _joined(across, near, reach), _joined(down, near, reach)


def _joined(lines: Floats, near: float, reach: float) -> Floats:
    """Join collinear pieces: rows of (position, start, end)."""
    if not len(lines):
        return lines.reshape(0, 3)
    lines = lines[np.argsort(lines[:, 0], kind="stable")]
    levels = np.cumsum(np.r_[False, np.diff(lines[:, 0]) > near])
    whole: list[tuple[float, float, float]] = []
    for level in np.split(lines, np.flatnonzero(np.diff(levels)) + 1):
        pieces = level[np.argsort(level[:, 1], kind="stable")]
        ends = np.maximum.accumulate(pieces[:, 2])
        cuts = np.flatnonzero(pieces[1:, 1] > ends[:-1] + reach) + 1
        for group in np.split(pieces, cuts):
            weight = np.maximum(group[:, 2] - group[:, 1], 1e-6)
            middle = (group[:, 0] * weight).sum() / weight.sum()
            whole.append((float(middle), float(group[0, 1]), float(group[:, 2].max())))
    return np.array(whole, np.float64).reshape(-1, 3)

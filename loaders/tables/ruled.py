"""Candidates for tables from drawn lines: grids of crossing rulings, and stacks of rules of one width (booktabs).

Upright words and rulings of a page go in; candidate boxes come out, in the same upright coordinates. Whether what lies
in them is a table is for `detect` to judge.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from loaders.rulings import Floats
from loaders.tables.columns import column_cuts
from loaders.tables.words import Bools, Ints, Upright, is_number

CAPTION = re.compile(r"^(table|tab|figure|fig|exhibit|chart)\.?$", re.IGNORECASE)
NUMBER = re.compile(r"^[A-Z]?[-.]?\d+([.-]\d+)*[a-z]?[.:]?$|^[IVX]+[.:]?$")
SCALE = re.compile(r"^\d{1,3}(,\d{3})*(\.\d+)?%?$|^\d+(\.\d+)?%?$")
SCALE_FIGURES = 4
"""A chart's scale has at least so many figures."""
ACROSS = 0.5
"""The lines of a chart's grid run over more than this share of it."""
TOO_MANY = 4_000_000
"""Crossings to examine on one page; a page with more lines is a plan or a map."""


def crossing_grids(up: Upright) -> tuple[list[Floats], Bools]:
    """Return the extents (x0, y0, x1, y1) of rulings that cross or touch, with lines inside their frame.

    Also says which horizontal rulings take part in one: bool (H,).
    """
    across, down = up.across, up.down
    used = np.zeros(len(across), bool)
    if len(across) < 2 or len(down) < 1 or len(across) * len(down) > TOO_MANY:
        return [], used
    near = 0.35 * up.em
    touch = (
        (down[None, :, 0] >= across[:, None, 1] - near)
        & (down[None, :, 0] <= across[:, None, 2] + near)
        & (across[:, None, 0] >= down[None, :, 1] - near)
        & (across[:, None, 0] <= down[None, :, 2] + near)
    )
    grids = []
    for rows, cols in _components(touch):
        if len(rows) < 2 or not len(cols):
            continue
        x0 = min(across[rows, 1].min(), down[cols, 0].min())
        x1 = max(across[rows, 2].max(), down[cols, 0].max())
        y0 = min(across[rows, 0].min(), down[cols, 1].min())
        y1 = max(across[rows, 0].max(), down[cols, 2].max())
        inner = (down[cols, 0] > x0 + up.em) & (down[cols, 0] < x1 - up.em)
        if inner.any() and x1 - x0 > 4 * up.em and y1 - y0 > 2 * up.em:
            grids.append(np.array([x0, y0, x1, y1]))
            used[rows] = y1 - y0 > 3.5 * up.em  # a line in one row, as between filled headings, makes no frame
    grids.sort(key=lambda box: float((box[2] - box[0]) * (box[3] - box[1])))  # a frame's inside before the frame
    return grids, used


def _components(touch: Bools) -> list[tuple[Ints, Ints]]:
    """Return the connected rows and columns of a bipartite graph."""
    free = np.ones(len(touch), bool)
    parts = []
    while free.any():
        rows = np.zeros(len(touch), bool)
        rows[np.argmax(free)] = True
        while True:
            cols = touch[rows].any(axis=0)
            more = touch[:, cols].any(axis=1) | rows
            if (more == rows).all():
                break
            rows = more
        free &= ~rows
        parts.append((np.flatnonzero(rows), np.flatnonzero(cols)))
    return parts


def rule_stacks(up: Upright, used: Bools) -> list[Floats]:
    """Return the extents of two or more rules of one width, above each other, with columns of words between them.

    `used` (H,) says which horizontal rulings belong to a grid already.
    """
    wide = up.across[(up.across[:, 2] - up.across[:, 1] >= 8 * up.em) & ~used]
    wide = wide[np.argsort(wide[:, 1] - wide[:, 2], kind="stable")]
    stacks = []
    taken = np.zeros(len(wide), bool)
    for first in range(len(wide)):
        if taken[first]:
            continue
        slack = max(up.em, 0.02 * (wide[first, 2] - wide[first, 1]))
        same = np.flatnonzero((np.abs(wide[:, 1:] - wide[first, 1:]) <= slack).all(axis=1) & ~taken)
        taken[same] = True
        if len(same) > 1:
            rules = wide[same]
            stacks += _tabular_runs(up, rules[np.argsort(rules[:, 0], kind="stable")])
    return stacks


def _tabular_runs(up: Upright, rules: Floats) -> list[Floats]:
    """Part a stack of rules where what lies between two of them is not set in columns."""
    kinds = [_between(up, top, bottom) for top, bottom in pairwise(rules)]
    runs: list[Floats] = []
    start = 0
    for i in range(len(kinds) + 1):
        if i < len(kinds) and kinds[i] != "prose":
            continue
        if "columns" in kinds[start:i]:
            part = rules[start : i + 1]
            runs.append(np.array([part[:, 1].min(), part[0, 0], part[:, 2].max(), part[-1, 0]]))
        start = i + 1
    return runs


def _between(up: Upright, top: Floats, bottom: Floats) -> str:
    """Say what lies between two rules: "columns" of words, a "line" or two, or "prose"."""
    x, y = up.middles[:, 0], up.middles[:, 1]
    inside = (y > top[0]) & (y < bottom[0]) & (x > top[1] - up.em) & (x < top[2] + up.em)
    if not inside.any():
        return "line"
    part = up.part(inside)
    if _captioned(part):
        return "prose"
    lines = line_count(part)
    if lines <= 3 and _sentence(part):
        return "prose"
    cuts = column_cuts(part)
    if cuts and max(cut.lines for cut in cuts) >= max(1, 0.4 * lines):
        return "columns"
    return "line" if lines <= 2 else "prose"


def _captioned(part: Upright) -> bool:
    """Say whether a line begins as a caption does: what lies over it is another table's."""
    left = float(part.boxes[:, 0].min())
    for i in np.flatnonzero(part.boxes[:, 0] < left + 2 * part.em):
        if i + 1 < len(part) and is_caption(part.texts[i], part.texts[i + 1]):
            return True
    return False


def _sentence(part: Upright) -> bool:
    """Say whether a line of ten words or more runs on without a gap."""
    order = np.lexsort((part.boxes[:, 0], np.round(part.middles[:, 1] / part.em)))
    boxes = part.boxes[order]
    gap = boxes[1:, 0] - boxes[:-1, 2]
    breaks = np.flatnonzero((gap > 0.75 * part.em) | (gap < -part.em))
    return bool(np.diff(np.r_[-1, breaks, len(part) - 1]).max() >= 10)


def is_caption(first: str, second: str) -> bool:
    """Say whether two words begin a caption: "Table 3", "Fig. 2.1:"."""
    return bool(CAPTION.match(first) and NUMBER.match(second))


def gridlines(up: Upright, extent: Floats) -> bool:
    """Say whether the rulings of an extent are a chart's: in line with the figures of an axis beside or under them."""
    x0, y0, x1, y1 = extent
    em = up.em
    figure = np.array([is_number(text) and any(c.isdigit() for c in text) for text in up.texts])
    x, y = up.middles[figure, 0], up.middles[figure, 1]
    across = up.across[(up.across[:, 0] >= y0 - em) & (up.across[:, 0] <= y1 + em)]
    across = across[(across[:, 2] > x0) & (across[:, 1] < x1) & (across[:, 2] - across[:, 1] > ACROSS * (x1 - x0))]
    down = up.down[(up.down[:, 0] >= x0 - em) & (up.down[:, 0] <= x1 + em)]
    down = down[(down[:, 2] > y0) & (down[:, 1] < y1) & (down[:, 2] - down[:, 1] > ACROSS * (y1 - y0))]
    return _axis(across, y, x, em) or _axis(down, x, y, em)


def falls_to_zero(up: Upright, extent: Floats) -> bool:
    """Say whether the figures at the left of an extent are a chart's scale: they fall evenly, line by line, to 0."""
    x0, y0, _, y1 = extent
    em = up.em
    right, middle = up.boxes[:, 2], up.middles[:, 1]
    near = (right > x0 - 4 * em) & (right < x0 + 3 * em) & (middle > y0 - em) & (middle < y1 + em)
    figures = [k for k in np.flatnonzero(near) if SCALE.match(up.texts[k])]
    for edge in {round(right[k] / em) for k in figures}:
        column = [k for k in figures if abs(right[k] / em - edge) < 1]
        values = np.array([float(up.texts[k].rstrip("%").replace(",", "")) for k in column])
        if len(column) < SCALE_FIGURES or values.min() != 0 or not np.ptp(values) or not np.ptp(middle[column]):
            continue
        slope, start = np.polyfit(middle[column], values, 1)
        if slope < 0 and np.abs(start + slope * middle[column] - values).max() < 0.04 * np.ptp(values):
            return True
    return False


def _axis(rulings: Floats, along: Floats, aside: Floats, em: float) -> bool:
    """Say whether half of three or more rulings, drawn on beyond their ends, go through the middle of a figure."""
    levels: dict[float, bool] = {}
    for at, start, end in rulings:
        beyond = np.maximum(start - aside, aside - end)
        hit = (beyond > -0.3 * em) & (beyond < 4 * em) & (np.abs(along - at) < 0.2 * em)
        level = round(at / em, 1)
        levels[level] = levels.get(level, False) or bool(hit.any())
    return sum(levels.values()) >= max(3, 0.5 * len(levels))


def line_count(up: Upright) -> int:
    """Count the text lines of words, as heights with white between them."""
    core = up.core[np.argsort(up.core[:, 0], kind="stable")]
    ends = np.maximum.accumulate(core[:, 1])
    return int(1 + (core[1:, 0] > ends[:-1]).sum()) if len(core) else 0

"""What a table's words say line by line: drawn levels, text lines between them, and each line's part in each column.

Upright words with their columns go in. Text lines are told apart by the white between them in every column, or by a
line that is drawn; nothing here decides which of them make one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.rulings import Floats
from loaders.tables.columns import columns_touched
from loaders.tables.words import Bools, Ints, Upright, is_number


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A height at which horizontal lines are drawn, and the columns they run through (bool per column)."""

    y: float
    columns: Bools
    full: bool


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One column's share of a line or row: its words, its last line's extent, and what it says."""

    words: list[int]
    last_col: int
    first_width: float
    last_x0: float
    last_x1: float
    text: str
    number: bool


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The text lines of a table, top to bottom.

    words     indices of the words of each line
    parts     what each line says in each column it fills
    between   the level drawn under each line but the last, or None
    """

    words: list[Ints]
    parts: list[dict[int, Part]]
    between: list[Level | None]

    def __len__(self) -> int:
        return len(self.words)


def table_lines(up: Upright, column: Ints, edges: Floats) -> Lines:
    """Gather the text lines of a table.

    `column` (n,) is each word's column, `edges` (columns + 1,) the x where columns begin and end.
    """
    return parted_lines(up, column, edges, text_lines(up, column, drawn_levels(up, edges)))


def parted_lines(up: Upright, column: Ints, edges: Floats, lines: list[Ints]) -> Lines:
    """Say what each of the given text lines holds in each column, and what is drawn between them."""
    reach = np.maximum(column, columns_touched(up, edges[1:-1])[1])
    between = _levels_between(up, lines, drawn_levels(up, edges))
    return Lines(lines, [_parts(up, column, reach, line) for line in lines], between)


# -- drawn levels --------------------------------------------------------------------------------------------------


def drawn_levels(up: Upright, edges: Floats) -> list[Level]:
    """Return the heights of horizontal rulings that lie between words, top to bottom; underlines are left out."""
    across = up.across[~_underlines(up)]
    y = up.middles[:, 1]
    across = across[(across[:, 0] > y.min()) & (across[:, 0] < y.max())]
    levels: list[Level] = []
    widths = np.diff(edges)
    start = 0
    for stop in range(1, len(across) + 1):
        if stop < len(across) and across[stop, 0] - across[start, 0] <= 0.5 * up.em:
            continue
        group, start = across[start:stop], stop
        covered = np.zeros(len(widths))
        for _, x0, x1 in group:
            covered += np.clip(np.minimum(x1, edges[1:]) - np.maximum(x0, edges[:-1]), 0, None)
        columns = covered >= 0.5 * widths
        if columns.any():
            share = covered.sum() / max(edges[-1] - edges[0], 1e-6)
            levels.append(Level(float(group[:, 0].mean()), columns, bool(share >= 0.8 or columns.mean() >= 0.8)))
    return [level for i, level in enumerate(levels) if i == 0 or _words_between(y, levels[i - 1].y, level.y)]


def _words_between(y: Floats, top: float, bottom: float) -> bool:
    return bool(((y > top) & (y < bottom)).any())


def _underlines(up: Upright) -> Bools:
    """Say which horizontal rulings underline words: just below the words they exactly span, alone at their height."""
    found = np.zeros(len(up.across), bool)
    em = up.em
    order = np.argsort(up.boxes[:, 3], kind="stable")
    bottoms = up.boxes[order, 3]
    for i, (y, x0, x1) in enumerate(up.across):
        near = order[np.searchsorted(bottoms, y - 0.35 * em) : np.searchsorted(bottoms, y + 0.45 * em)]
        over = near[(up.boxes[near, 2] > x0 - 0.2 * em) & (up.boxes[near, 0] < x1 + 0.2 * em)]
        if not len(over):
            continue
        exact = abs(up.boxes[over, 0].min() - x0) < 0.25 * em and abs(up.boxes[over, 2].max() - x1) < 0.25 * em
        found[i] = exact and not is_number(" ".join(up.texts[k] for k in over))
    return found


# -- text lines ----------------------------------------------------------------------------------------------------


def text_lines(up: Upright, column: Ints, levels: list[Level]) -> list[Ints]:
    """Group words into lines, top to bottom: white between them in every column, or a level drawn."""
    core = cores(up)
    middle = core.mean(axis=1)
    band = np.searchsorted([level.y for level in levels], middle)
    lines: list[Ints] = []
    for b in range(len(levels) + 1):
        rows = np.flatnonzero(band == b)
        if not len(rows):
            continue
        # A word that lies across the drawn edge of its neighbours' rows spans rows: it must not glue two lines.
        loose = np.zeros(len(rows), bool)
        for level in levels[max(b - 1, 0) : b + 1]:
            loose |= (core[rows, 0] < level.y) & (core[rows, 1] > level.y) & ~level.columns[column[rows]]
        for line in _by_white(rows, core, loose):
            lines += _unbridged(up, column, line)
    return lines


def _unbridged(up: Upright, column: Ints, line: Ints) -> list[Ints]:
    """Part two lines that hang together only by a text of another column set at half height between them."""
    middle = up.middles[line, 1]
    order = line[np.argsort(middle, kind="stable")]
    height = up.middles[order, 1]
    steps = np.flatnonzero(np.diff(height) > 0.3 * up.em) + 1
    if len(steps) < 2:
        return [line]
    groups = np.split(order, steps)
    columns = [set(column[group].tolist()) for group in groups]
    lines = [groups[0]]
    own = columns[0]
    for k in range(1, len(groups)):
        between = k + 1 < len(groups) and not columns[k] & (own | columns[k + 1]) and bool(own & columns[k + 1])
        apart = own & columns[k] and up.middles[groups[k], 1].min() - up.middles[lines[-1], 1].min() > 0.7 * up.em
        if between or not apart:
            lines[-1] = np.append(lines[-1], groups[k])
        else:
            lines.append(groups[k])
            own = columns[k]
    return lines


def _by_white(rows: Ints, core: Floats, loose: Bools) -> list[Ints]:
    fixed = rows[~loose] if (~loose).any() else rows
    order = fixed[np.argsort(core[fixed, 0], kind="stable")]
    ends = np.maximum.accumulate(core[order, 1])
    groups = [*np.split(order, np.flatnonzero(core[order[1:], 0] > ends[:-1]) + 1)]
    if len(fixed) == len(rows):
        return groups
    heights = np.array([core[group].mean() for group in groups])
    for word in rows[loose]:
        k = int(np.argmin(np.abs(heights - core[word].mean())))
        groups[k] = np.append(groups[k], word)
    return groups


def cores(up: Upright) -> Floats:
    """Return the core heights of words; a sub- or superscript has those of the word it stands at."""
    core = up.core.copy()
    if not up.small.any() or up.small.all():
        return core
    big = np.flatnonzero(~up.small)
    for i in np.flatnonzero(up.small):
        gap = np.maximum(up.boxes[big, 0] - up.boxes[i, 2], up.boxes[i, 0] - up.boxes[big, 2])
        shared = np.minimum(up.boxes[big, 3], up.boxes[i, 3]) - np.maximum(up.boxes[big, 1], up.boxes[i, 1])
        host = big[(gap < 0.25 * up.em) & (shared > 0.3 * (up.boxes[i, 3] - up.boxes[i, 1]))]
        if len(host):
            core[i] = core[host[0]]
    return core


def _levels_between(up: Upright, lines: list[Ints], levels: list[Level]) -> list[Level | None]:
    """Return the level drawn between each line and the next, or None."""
    heights = [float(up.middles[line, 1].mean()) for line in lines]
    at = np.searchsorted(heights, [level.y for level in levels])
    between: list[Level | None] = [None] * max(len(lines) - 1, 0)
    for level, i in zip(levels, at, strict=True):
        if 0 < i < len(lines) and (between[i - 1] is None or level.full):
            between[i - 1] = level
    return between


def _parts(up: Upright, column: Ints, reach: Ints, line: Ints) -> dict[int, Part]:
    """Return what a line says in each column, from left to right."""
    words: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for word, k, end in zip(line.tolist(), column[line].tolist(), reach[line].tolist(), strict=True):
        words.setdefault(k, []).append(word)
        last[k] = max(last.get(k, end), end)
    return {k: _part(up, words[k], last[k]) for k in sorted(words)}


def _part(up: Upright, words: list[int], last_col: int) -> Part:
    words = reading_order(up, words)
    boxes, middles = up.boxes[words].tolist(), up.middles[words, 1].tolist()
    lowest = max(middles) - 0.5 * up.em
    last = [box for box, middle in zip(boxes, middles, strict=True) if middle > lowest]
    text = " ".join(up.texts[i] for i in words)
    return Part(
        words,
        last_col,
        boxes[0][2] - boxes[0][0],
        min(box[0] for box in last),
        max(box[2] for box in last),
        text,
        is_number(text),
    )


def reading_order(up: Upright, words: list[int]) -> list[int]:
    """Return words of one cell line by line, each from left to right."""
    if len(words) < 2:
        return list(words)
    boxes, core, small = up.boxes[words].tolist(), up.core[words].tolist(), up.small[words].tolist()
    if any(small) and not all(small):  # within one cell small words must not open a line of their own
        core = [box[1::2] if low else own for box, own, low in zip(boxes, core, small, strict=True)]
    order = sorted(range(len(words)), key=lambda i: float(core[i][0]))
    line, end = [0] * len(words), float(core[order[0]][1])
    for before, i in pairwise(order):
        line[i] = line[before] + (core[i][0] > end)
        end = max(end, core[i][1])
    return [words[i] for i in sorted(range(len(words)), key=lambda i: (line[i], boxes[i][0]))]

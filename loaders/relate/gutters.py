"""Which gaps on a row are the white between columns, and which only the white between words.

In: the gaps between neighbours of one turn, in working coordinates. Out: for each gap whether the words beside it go
on one line. A single wide gap says little; a strip of white that runs down past several rows says much (Breuel, "Two
Geometric Algorithms for Layout Analysis", 2002). What such a strip separates decides what it means: prose on both
sides makes it a gutter, figures and short cells on one side make it a table's or a contents list's, read row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.geometry import Array
from loaders.relate.fragments import Pieces
from loaders.relate.marks import (
    is_bullet,
    is_caption_label,
    is_enumerator,
    is_number,
    is_opening_number,
    is_trailing_number,
)
from loaders.relate.neighbours import Bools, Gaps, Ints

WORD_GAP = 0.45
"""Gaps up to this many em are between words. Justified lines go beyond it, gutters never fall below it."""
LOOSE_GAP = 0.9
"""What is closer than this many em belongs to one run, cell or not."""
JUSTIFIED_GAP = 1.5
"""Gaps as wide as those beside them on their row are between words up to this many em."""
LONE_GAP = 2.5
"""Without a strip of white to judge by, gaps up to this many em stay within a line."""
SHORT_RUN = 3.5
"""Runs of words shorter than this many em are cells, marks or numbers rather than lines of prose."""
LABEL_GAP = 10.0
"""The label of a caption may stand this many em before its text."""
CELL_GAP = 12.0
"""Cells further apart than this many em share a row only in a table of some rows, or as an entry and its number."""
ROW_GAP = 30.0
"""Cells further apart than this many em share a row only as an entry and the number that ends it."""
PROSE_RUN = 12.0
"""Runs of words longer than this many em are lines of prose."""
STRIP = 0.4
"""Width in em of the strip that must be free for a gap to count as part of a gutter."""


@dataclass(frozen=True, slots=True, eq=False)
class _Strips:
    """Strips of white, three per gap in three runs of K: against its right end, its left end, and in its middle.

    How far each is free is given by the middles of the nearest rows above and below that reach into it.
    """

    x0: Array
    x1: Array
    em: Array
    top: Array
    bottom: Array


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What is said of each gap: whether its words go on one line, and the evidence, one row per gap.

    joined   bool: the words belong to one line
    wide     bool: wide enough for its surroundings to be asked; the next three are 0 elsewhere
    rows     rows that the strip of white in the gap runs through
    walls    rows that end or start just beside that strip
    tabular  bool: what the strip separates are cells of a table
    crossed  bool: a vertical ruling runs through the gap
    """

    joined: Bools
    wide: Bools
    rows: Array
    walls: Array
    tabular: Bools
    crossed: Bools


def on_one_line(gaps: Gaps, boxes: Array, texts: tuple[str, ...], rulings: Array, pieces: Pieces) -> Bools:
    """Say for each gap whether its words belong to one line. `rulings` (M, 4) are in the same coordinates."""
    return weigh_gaps(gaps, boxes, texts, rulings, pieces).joined


def weigh_gaps(gaps: Gaps, boxes: Array, texts: tuple[str, ...], rulings: Array, pieces: Pieces) -> Verdict:
    """Judge each gap, with the evidence for it."""
    width = gaps.width
    joined = ((width <= WORD_GAP) | _like_the_next(gaps)) & ~pieces.part(gaps)
    joined |= _after_marker(gaps, texts, joined) | _before_number(gaps, texts)
    joined |= _after_label(gaps, texts, joined)
    wide = np.flatnonzero(~joined)
    rows, walls, tabular = (np.zeros(len(width), np.float32) for _ in range(3))
    if len(wide):
        runs = _runs(gaps, joined | (width <= LOOSE_GAP), len(boxes))
        judged = _judge(gaps.take(wide), boxes, texts, runs, pieces.hold(gaps)[wide])
        joined[wide], rows[wide], walls[wide], tabular[wide] = judged
    crossed = _crossed(gaps, rulings)
    asked = np.zeros(len(width), bool)
    asked[wide] = True
    return Verdict(joined & ~crossed, asked, rows, walls, tabular > 0, crossed)


def _like_the_next(gaps: Gaps) -> Bools:
    """Say which gaps are no wider than those beside them on their row: a loosely justified line opens all its gaps.

    Such gaps may stand above each other by chance for three lines or four, and are no gutter.
    """
    width = gaps.width
    before, after = (np.zeros(gaps.count, np.float32) for _ in range(2))
    before[gaps.right], after[gaps.left] = width, width
    before, after = before[gaps.left], after[gaps.right]
    beside = np.where((before > 0) & (after > 0), np.minimum(before, after), np.maximum(before, after))
    return np.asarray((width < JUSTIFIED_GAP) & (width <= 1.25 * beside))


def _judge(
    gaps: Gaps, boxes: Array, texts: tuple[str, ...], runs: Ints, held: Bools
) -> tuple[Bools, Array, Array, Bools]:
    """Decide the wide gaps: True where the line goes on, with rows, walls and tabular as in Verdict.

    `held` are those an engine read across.
    """
    strips = _free_strips(gaps, boxes)
    beside = _rows_beside(gaps, strips).astype(np.float32)
    cells, entries = _between_cells(gaps, boxes, texts, runs)
    support = beside.sum(axis=1)
    tabular = beside @ cells.astype(np.float32) >= 0.6 * support
    pillar = ~tabular & (support >= 3)
    walls = _walls_beside(strips, boxes)
    # What a gutter runs through is parted by it, even where the gap itself leaves room for doubt.
    parted = (beside[pillar] > 0).any(axis=0)
    support, walls, tabular = (column.reshape(3, -1) for column in (support, walls, tabular))
    best = support.argmax(axis=0), np.arange(len(gaps.left))
    rows, width = support[best], gaps.width
    is_table = tabular[best] & cells & ((width < CELL_GAP) | entries | ((rows >= 4) & (width < ROW_GAP)))
    column = parted | (rows >= 3) | ((rows >= 2) & (width > 1.6)) | ((walls.max(axis=0) >= 4) & (width > 0.8))
    goes_on = held | (width < LONE_GAP)
    joined = np.where(is_table & ~parted, (rows >= 3) | goes_on, ~column & goes_on)
    return joined, rows, walls.max(axis=0), is_table


def _free_strips(gaps: Gaps, boxes: Array) -> _Strips:
    """Lay the strips into each gap and measure how far they are free."""
    inset = 0.08 * gaps.em
    span = np.clip(gaps.x1 - gaps.x0 - 2 * inset, 0.02 * gaps.em, STRIP * gaps.em)
    x0 = np.concatenate([gaps.x1 - inset - span, gaps.x0 + inset, (gaps.x0 + gaps.x1 - span) / 2])
    x1 = x0 + np.tile(span, 3)
    y, em = np.tile(gaps.y, 3), np.tile(gaps.em, 3)
    top, bottom = np.empty_like(y), np.empty_like(y)
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    for part in _portions(len(y)):
        inside = (boxes[:, 0] < x1[part, None]) & (boxes[:, 2] > x0[part, None])
        above = inside & (middles < y[part, None] - 0.3 * em[part, None])
        below = inside & (middles > y[part, None] + 0.3 * em[part, None])
        top[part] = np.where(above, middles, -np.inf).max(axis=1)
        bottom[part] = np.where(below, middles, np.inf).min(axis=1)
    return _Strips(x0, x1, em, top, bottom)


def _portions(count: int) -> list[slice]:
    """Cut a long comparison with all words into portions that bound the memory it takes."""
    return [slice(start, start + 512) for start in range(0, count, 512)]


def _rows_beside(gaps: Gaps, strips: _Strips) -> Bools:
    """Say (strips, gaps) which gaps the same strip runs through."""
    slack = 0.1 * gaps.em  # what is left of a gap between padded quads may be nothing
    holds = (gaps.x0 - slack <= strips.x0[:, None]) & (gaps.x1 + slack >= strips.x1[:, None])
    return np.asarray(holds & (gaps.y > strips.top[:, None]) & (gaps.y < strips.bottom[:, None]))


def _walls_beside(strips: _Strips, boxes: Array) -> Ints:
    """Count for each strip the rows that end just left of it or start just right of it, whichever are more.

    A column that runs on beside a single caption has one row in common with it; its edge still shows the gutter.
    """
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    most = np.empty(len(strips.em), np.int64)
    for part in _portions(len(most)):
        reach, x0, x1 = (column[part, None] for column in (strips.em, strips.x0, strips.x1))
        level = (middles > strips.top[part, None]) & (middles < strips.bottom[part, None])
        ends = level & (boxes[:, 2] <= x0 + 0.1 * reach) & (boxes[:, 2] > x0 - 1.5 * reach)
        starts = level & (boxes[:, 0] >= x1 - 0.1 * reach) & (boxes[:, 0] < x1 + 0.5 * reach)
        most[part] = np.maximum(ends.sum(axis=1), starts.sum(axis=1))
    return most


def _runs(gaps: Gaps, joined: Bools, count: int) -> Ints:
    """Return for each word the first word of its run of closely set words."""
    first = np.arange(count)
    order = np.argsort(gaps.x1, kind="stable")
    for k in order[joined[order]]:
        first[gaps.right[k]] = first[gaps.left[k]]
    return first


def _between_cells(gaps: Gaps, boxes: Array, texts: tuple[str, ...], runs: Ints) -> tuple[Bools, Bools]:
    """Say which gaps have a cell (short, or nothing but a number) on one side, and which words before a last number.

    Cells of a row stand level, as the labels of two charts side by side do not.
    """
    start = np.full(len(boxes), np.inf, np.float32)
    end = np.full(len(boxes), -np.inf, np.float32)
    np.minimum.at(start, runs, boxes[:, 0])
    np.maximum.at(end, runs, boxes[:, 2])
    numeric = np.ones(len(boxes), bool)
    np.logical_and.at(numeric, runs, np.array([is_number(text) for text in texts], bool))
    left, right = runs[gaps.left], runs[gaps.right]
    extent, shortest = end - start, SHORT_RUN * gaps.em
    left_cell = (extent[left] < shortest) | numeric[left]
    right_cell = (extent[right] < shortest) | numeric[right]
    # Figures before prose are the last column of a table beside it, unless they open the row.
    prose = extent[right] > PROSE_RUN * gaps.em
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    level = np.abs(middles[gaps.left] - middles[gaps.right]) < 0.2 * gaps.em
    cells = level & (right_cell | (left_cell & (~prose | ~np.isin(left, right))))
    last = ~np.isin(right, left)
    return cells, np.asarray(~numeric[left] & numeric[right] & last)


def _after_marker(gaps: Gaps, texts: tuple[str, ...], joined: Bools) -> Bools:
    """Say which gaps follow a bullet or number that opens its row, or that stands closer to what follows it."""
    before = np.full(len(texts), np.inf, np.float32)
    before[gaps.right] = gaps.width
    close = (gaps.width < 4) & ~joined
    opens = close & (before[gaps.left] > 4)
    leans = close & (gaps.width < 2) & (before[gaps.left] > gaps.width)
    marks = np.zeros(len(gaps.left), bool)
    for k in np.flatnonzero(opens | leans):
        word = texts[gaps.left[k]]
        number = (opens[k] or word.isdigit()) and is_opening_number(word)
        marks[k] = number or is_bullet(word) or is_enumerator(word)
    return marks


def _after_label(gaps: Gaps, texts: tuple[str, ...], joined: Bools) -> Bools:
    """Say which gaps follow the label of a caption set off from its text: "Figure 3      The text"."""
    before = {int(right): int(left) for left, right in zip(gaps.left[joined], gaps.right[joined], strict=True)}
    labels = np.zeros(len(gaps.left), bool)
    for k in np.flatnonzero(~joined & (gaps.width < LABEL_GAP)):
        word: int | None = int(gaps.left[k])
        run: list[str] = []
        while word is not None and len(run) < 4:
            run.insert(0, texts[word])
            word = before.get(word)
        labels[k] = word is None and is_caption_label(" ".join(run))
    return labels


def _before_number(gaps: Gaps, texts: tuple[str, ...]) -> Bools:
    """Say which gaps are those before an equation's number: a lone "(13)" that ends its row."""
    last = ~np.isin(gaps.right, gaps.left)
    return np.array([last[k] and is_trailing_number(texts[i]) for k, i in enumerate(gaps.right)], bool)


def _crossed(gaps: Gaps, rulings: Array) -> Bools:
    """Say which gaps a vertical ruling runs through, from the row's upper to its lower edge."""
    upright = rulings[(rulings[:, 3] - rulings[:, 1]) > (rulings[:, 2] - rulings[:, 0])]
    if not len(upright):
        return np.zeros(len(gaps.left), bool)
    x = (upright[:, 0] + upright[:, 2]) / 2
    half = 0.3 * gaps.em[:, None]
    inside = (x > gaps.x0[:, None] - 0.1 * half) & (x < gaps.x1[:, None] + 0.1 * half)
    spans = (upright[:, 1] < gaps.y[:, None] - half) & (upright[:, 3] > gaps.y[:, None] + half)
    return np.asarray((inside & spans).any(axis=1))

"""Where a table's columns part: from drawn lines, and from white rivers that run down through many lines.

Upright words go in, x positions come out. A river is judged by how many lines it parts, how many words lie across it
(a heading over several columns does) and how wide it stays: two lines of prose may share a gap by chance, ten do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from loaders.rulings import Floats
from loaders.tables.words import LEADING, TRAILING, Bools, Ints, Upright, is_number, right_neighbours

RIVER_WIDTHS = ((10, 0.4), (6, 0.5), (4, 0.7), (3, 0.9), (2, 1.2), (1, 2.0))
"""(lines parted, least width in em): the more lines a river parts, the narrower it may be."""
THOUSANDS = re.compile(r"^\d{3}([.,]\d+)?\D*$")
UP_TO_THOUSANDS = re.compile(r"^\D?\d{1,3}$")
BLOCKED = 0.34
"""A river may be crossed by this share of the lines it parts."""
FINER = 0.5
"""Share of the width a river must have that is enough for a place where columns might part."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A place where columns part: `x`, the white room around it, whether a line is drawn, how many lines it parts.

    `figures` says that what it parts are figures, which never share a cell.
    """

    x: float
    left: float
    right: float
    ruled: bool
    lines: int
    figures: bool = False


def column_cuts(up: Upright, pairs: Ints | None = None) -> list[Cut]:
    """Return the cuts between the columns of a table's words, left to right."""
    if len(up) < 2:
        return []
    pairs = right_neighbours(up.boxes) if pairs is None else pairs
    drawn = _ruled_cuts(up)
    rivers = _rivers(up, _unparted(up, pairs, drawn))
    if _fully_ruled(up, drawn):
        rivers = [r for r in rivers if r.lines >= 4 and (r.figures or r.right - r.left >= 1.0 * up.em)]
    cuts = sorted([*drawn, *rivers], key=lambda cut: cut.x) or _heading_cuts(up, pairs)
    return _without_marks(up, _with_own_text(up, pairs, _occupied(up, cuts)))


def finer_cuts(up: Upright, pairs: Ints, cuts: list[Cut]) -> list[Cut]:
    """Return the cuts and, between them, the places where columns might part as well, each with words on both sides."""
    rivers = [*_ruled_cuts(up), *_rivers(up, _unparted(up, pairs, [cut for cut in cuts if cut.ruled]), FINER)]
    middles = np.sort(up.middles[:, 0])
    found = {cut.x: cut for cut in cuts}
    for river in sorted(rivers, key=lambda one: (-one.lines, one.x)):
        beside = np.searchsorted(middles, [river.x, *found])
        if 0 < beside[0] < len(middles) and not (beside[1:] == beside[0]).any():
            found[river.x] = river
    return [found[x] for x in sorted(found)]


def _unparted(up: Upright, pairs: Ints, drawn: list[Cut]) -> Ints:
    """Return the pairs without those that a drawn line parts: they say nothing of the white beside it."""
    side = np.searchsorted([cut.x for cut in drawn], up.middles[:, 0])
    return np.where((pairs >= 0) & (side == side[pairs]), pairs, -1)


def _ruled_cuts(up: Upright) -> list[Cut]:
    """Return a cut for each vertical ruling inside the words' extent that no word lies across."""
    x, y = up.middles[:, 0], up.middles[:, 1]
    cuts: list[Cut] = []
    spread = _clusters(up.down[:, 0], 0.5 * up.em)
    for group in spread:
        rulings = up.down[group]
        at = float(np.average(rulings[:, 0], weights=rulings[:, 2] - rulings[:, 1]))
        beside = np.zeros(len(up), bool)
        for _, top, bottom in rulings:
            beside |= (y >= top) & (y <= bottom)
        across = beside & (up.boxes[:, 0] < at - 0.2 * up.em) & (up.boxes[:, 2] > at + 0.2 * up.em)
        if (x < at).any() and (x > at).any() and beside.any() and across.sum() <= 0.05 * beside.sum():
            cuts.append(Cut(at, at, at, True, int(beside.sum())))
    return cuts


def _clusters(values: Floats, near: float) -> list[Ints]:
    """Group the indices of values that follow each other within `near`."""
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order]) > near) + 1)


def _fully_ruled(up: Upright, drawn: list[Cut]) -> bool:
    """Say whether vertical rulings run through most of the table, so that white alone means little."""
    if not drawn:
        return False
    height = float(np.ptp(up.boxes[:, [1, 3]])) or 1.0
    longest = max(float(d[2] - d[1]) for d in up.down)
    return longest >= 0.6 * height


def _rivers(up: Upright, pairs: Ints, least_share: float = 1.0) -> list[Cut]:
    """Return the white rivers between the words; `least_share` of the width that one must have is enough."""
    step = up.em / 10
    left_edge = float(up.boxes[:, 0].min())
    size = int(np.ceil((up.boxes[:, 2].max() - left_edge) / step)) + 2

    def covered(starts: Floats, ends: Floats) -> Ints:
        first = np.clip(np.ceil((starts - left_edge) / step).astype(int), 0, size - 1)
        last = np.clip(np.floor((ends - left_edge) / step).astype(int) + 1, 0, size)
        last = np.maximum(first, last)
        return np.cumsum(np.bincount(first, minlength=size + 1) - np.bincount(last, minlength=size + 1))[:size]

    left = np.flatnonzero(pairs >= 0)
    gap_from, gap_to = up.boxes[left, 2], up.boxes[pairs[left], 0]
    figures, texts = _both_figures(up, left, pairs[left])
    space = _space(up, (gap_to - gap_from)[texts])
    wide = gap_to - gap_from > np.where(figures, 0.2 * up.em, 0.3 * up.em)
    parted = covered(gap_from[wide], gap_to[wide])
    of_figures = covered(gap_from[wide & figures], gap_to[wide & figures])
    blocked = covered(up.boxes[:, 0] + 0.05 * up.em, up.boxes[:, 2] - 0.05 * up.em)
    open_ = (parted > 0) & (blocked <= BLOCKED * parted)
    edges = np.flatnonzero(np.diff(np.r_[False, open_, False].astype(int)))
    rivers = []
    for first, last in edges.reshape(-1, 2):
        lines = int((parted - blocked // 2)[first:last].max())
        width = (last - first) * step
        least = max(next((w for n, w in RIVER_WIDTHS if lines >= n), np.inf) * up.em, 1.8 * space)
        figured = bool(lines >= 3 and of_figures[first:last].max() >= 0.7 * parted[first:last].max())
        if figured:
            least = 0.3 * up.em
        least *= least_share
        banks = left_edge + first * step, left_edge + last * step
        if width >= least or (not blocked[first:last].any() and _even_bank(gap_from, gap_to, *banks, up.em)):
            clear = np.flatnonzero(blocked[first:last] == blocked[first:last].min()) + first
            runs = np.split(clear, np.flatnonzero(np.diff(clear) > 1) + 1)
            widest = max(len(run) for run in runs)
            runs = [run for run in runs if len(run) >= 0.5 * widest - 1]
            # Of several places between the words of a heading, the one beside the even bank is where columns part.
            over = wide & (gap_from <= banks[0] + up.em) & (gap_to >= banks[1] - up.em)
            even_right = not over.any() or np.std(gap_to[over]) <= np.std(gap_from[over])
            run = runs[-1] if even_right else runs[0]
            middle = run[len(run) // 2]
            rivers.append(Cut(left_edge + middle * step, *banks, False, lines, figured))
    return rivers


def _even_bank(gap_from: Floats, gap_to: Floats, low: float, high: float, em: float) -> bool:
    """Say whether a narrow river is one all the same: beyond it words begin at one x, in one line after much white.

    So it is where a heading is as wide as its column.
    """
    over = (gap_from <= low + 0.1 * em) & (gap_to >= high - 0.1 * em)
    if over.sum() < 2:
        return False
    return bool(np.ptp(gap_to[over]) < 0.25 * em and (gap_to - gap_from)[over].max() >= 2 * em)


def _heading_cuts(up: Upright, pairs: Ints) -> list[Cut]:
    """Return the cut of a form yet to be filled in: between two headings, everything under them being under the first.

    Asked for where no river runs: columns without a word have no banks.
    """
    top = up.core[:, 1] < up.core[:, 0].min() + 0.6 * up.em
    under = np.flatnonzero(~top)
    left = np.flatnonzero(top & (pairs >= 0))
    if len(under) < 3 or not len(left):
        return []
    gap_from, gap_to = up.boxes[left, 2], up.boxes[pairs[left], 0]
    every = np.flatnonzero(pairs >= 0)
    space = _space(up, up.boxes[pairs[every], 0] - up.boxes[every, 2])
    beyond = float(up.boxes[under, 2].max())
    clear = (gap_to - gap_from > max(1.8 * space, 0.5 * up.em)) & (beyond <= gap_to)
    at = left[clear & (gap_from >= up.boxes[left, 0].min())]
    if len(at) != 1 or up.boxes[under, 0].min() < up.boxes[top, 0].min() - 0.5 * up.em:
        return []
    low, high = max(float(up.boxes[at[0], 2]), beyond), float(up.boxes[pairs[at[0]], 0])
    return [Cut((low + high) / 2, low, high, False, len(under))]


def _space(up: Upright, gaps: Floats) -> float:
    """Return the width of a space between words: the middle one of the narrow gaps that are not between figures."""
    narrow = gaps[(gaps > 0.1 * up.em) & (gaps < 0.75 * up.em)]
    return float(np.median(narrow)) if len(narrow) >= 4 else 0.28 * up.em


def _both_figures(up: Upright, left: Ints, right: Ints) -> tuple[Bools, Bools]:
    """Say which pairs are two figures that no one cell holds side by side, and which are not both figures.

    One may: the groups of a large number, and what is given with a figure in brackets or as its error.
    """
    figure, rest, given, short = np.array([_as_figure(text) for text in up.texts], bool).T
    apart = figure[left] & figure[right] & ~given[right] & ~(short[left] & rest[right])
    return apart, ~(figure[left] & figure[right])


@lru_cache(maxsize=1 << 14)
def _as_figure(text: str) -> tuple[bool, bool, bool, bool]:
    """Say whether a word is a figure, the rest of a large one, in brackets or an error, and may open a large one."""
    return (
        is_number(text) and any(map(str.isdigit, text)),
        bool(THOUSANDS.match(text)),
        text.startswith(("(", "[", "±", "+/-", "%")),
        bool(UP_TO_THOUSANDS.match(text)),
    )


def _occupied(up: Upright, cuts: list[Cut]) -> list[Cut]:
    """Drop cuts so that every column holds at least one word."""
    kept: list[Cut] = []
    middles = np.sort(up.middles[:, 0])
    last = -np.inf
    for cut in cuts:
        if np.searchsorted(middles, cut.x) > np.searchsorted(middles, last):
            kept.append(cut)
            last = cut.x
        elif kept and cut.ruled and not kept[-1].ruled:
            kept[-1] = cut
            last = cut.x
    while kept and kept[-1].x >= middles[-1]:
        kept.pop()
    return kept


def chains_of(up: Upright, pairs: Ints, glue: float) -> Ints:
    """Number the texts of a table: words that follow each other within `glue` (em) on a line share a number."""
    chain = np.arange(len(up))
    linked = np.flatnonzero(pairs >= 0)
    near = up.boxes[pairs[linked], 0] - up.boxes[linked, 2] <= glue * up.em
    linked = linked[near]
    for i in linked[np.argsort(up.boxes[linked, 0], kind="stable")]:
        chain[pairs[i]] = chain[i]
    return chain


def columns_touched(up: Upright, at: Floats) -> tuple[Ints, Ints]:
    """Return the first and the last column each word reaches into, a little overhang apart."""
    slack = np.maximum(0.3 * up.em, 0.15 * (up.boxes[:, 2] - up.boxes[:, 0]))
    middle = up.middles[:, 0]
    first = np.searchsorted(at, np.minimum(up.boxes[:, 0] + slack, middle))
    last = np.searchsorted(at, np.maximum(up.boxes[:, 2] - slack, middle))
    return first, last


def _with_own_text(up: Upright, pairs: Ints, cuts: list[Cut]) -> list[Cut]:
    """Drop rivers until every column holds a text of its own, not just a piece of one that runs across columns."""
    chain = chains_of(up, pairs, 0.5)
    first = np.full(len(up), np.inf)
    last = np.full(len(up), -np.inf)
    np.minimum.at(first, chain, up.boxes[:, 0])
    np.maximum.at(last, chain, up.boxes[:, 2])
    # A text alone on its line is a title over the columns, wherever it stands.
    company = np.zeros(len(up), bool)
    beyond = np.flatnonzero((pairs >= 0) & (chain != chain[pairs]))
    company[chain[beyond]] = company[chain[pairs[beyond]]] = True
    starts = np.flatnonzero((chain == np.arange(len(up))) & company)
    middle = (first[starts] + last[starts]) / 2
    kept = list(cuts)
    while kept:
        at = np.array([cut.x for cut in kept])
        whole = np.searchsorted(at, first[starts] + 0.25 * up.em) == np.searchsorted(at, last[starts] - 0.25 * up.em)
        own = np.bincount(np.searchsorted(at, middle[whole]), minlength=len(at) + 1)
        poor = np.flatnonzero(own == 0)
        sides = {k for p in poor for k in (p - 1, p) if 0 <= k < len(kept) and not kept[k].ruled}
        if not sides:
            break
        kept.pop(min(sides, key=lambda k: (kept[k].lines, kept[k].right - kept[k].left)))
    return kept


def _without_marks(up: Upright, cuts: list[Cut]) -> list[Cut]:
    """Drop the unruled cut between a text and its bullet, currency sign, percent sign or footnote mark."""
    column = np.searchsorted([cut.x for cut in cuts], up.middles[:, 0])
    kept = list(cuts)
    for k in range(len(cuts) + 1):
        texts = [up.texts[i] for i in np.flatnonzero(column == k)]
        if k < len(cuts) and not cuts[k].ruled and all(LEADING.match(text) for text in texts):
            kept.remove(cuts[k])
        elif k > 0 and not cuts[k - 1].ruled and cuts[k - 1] in kept and all(TRAILING.match(t) for t in texts):
            kept.remove(cuts[k - 1])
    return kept

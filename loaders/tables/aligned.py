"""Candidates for tables without rulings: short texts that stand under each other in columns, line after line.

Upright words of a page go in; candidate boxes come out. Prose is set aside first: a long line with another long line
over or under it is part of a paragraph, whatever stands beside it, so that two columns of an article are no table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.rulings import Floats
from loaders.tables.columns import chains_of
from loaders.tables.ruled import is_caption
from loaders.tables.words import Bools, Ints, Upright, right_neighbours

GLUE = 0.75
"""Words this close (em) on a line are one text."""
WIDEST_SPACE, TYPEWRITTEN = 1.5, 0.65
"""A wider gap (em) is no space between words; usual gaps wider than the second are those of a typewriter face."""
LONG = 17.0
"""A text this wide (em), about forty letters, is a line of prose when another is over or under it."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """The texts of a page: boxes (n, 4), how many words each has, whether it is prose, the text to its right or -1.

    `flow` are the lines of any running text, a narrow column's and a cell's included. `apart` are texts that no table
    goes on across: prose, sentences and captions.
    """

    boxes: Floats
    words: Ints
    prose: Bools
    flow: Bools
    apart: Bools
    right: Ints


def texts_of(up: Upright, pairs: Ints) -> Texts:
    """Gather a page's words to texts and tell prose from the rest."""
    chain = chains_of(up, pairs, _glue(up, pairs))
    _, number, count = np.unique(chain, return_inverse=True, return_counts=True)
    boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (len(count), 1))
    np.minimum.at(boxes[:, :2], number, up.boxes[:, :2])
    np.maximum.at(boxes[:, 2:], number, up.boxes[:, 2:])
    right = right_neighbours(boxes)
    small = np.zeros(len(count), bool)
    small[number[chain == np.arange(len(up))]] = [
        text[:1].islower() for i, text in enumerate(up.texts) if chain[i] == i
    ]
    below = _next_below(boxes, up.em)
    prose = _prose(boxes, count, right, small, below, up.em)
    apart = prose.copy()
    alone = (right < 0) & ~np.isin(np.arange(len(count)), right)
    ends = np.zeros(len(count), bool)
    ends[number[pairs < 0]] = [text.endswith((".", ":", ";")) for i, text in enumerate(up.texts) if pairs[i] < 0]
    apart |= alone & (count >= 10) & ends
    for i in np.flatnonzero(pairs >= 0):
        if chain[i] == i and is_caption(up.texts[i], up.texts[pairs[i]]):
            apart[number[i]] = True
    return Texts(boxes, count, prose, prose | _flow(boxes, count, small, below, up.em), apart, right)


def _glue(up: Upright, pairs: Ints) -> float:
    """Return how close (em) words on a line are one text: more where the page is set in a typewriter face."""
    worded = np.array([any(c.isalpha() for c in text) for text in up.texts], bool)
    left = np.flatnonzero(pairs >= 0)
    left = left[worded[left] & worded[pairs[left]]]
    gaps = (up.boxes[pairs[left], 0] - up.boxes[left, 2]) / up.em
    gaps = gaps[gaps < WIDEST_SPACE]
    space = float(np.median(gaps)) if len(gaps) >= 12 else 0.0
    return 1.4 * space if space > TYPEWRITTEN else GLUE


def _prose(boxes: Floats, count: Ints, right: Ints, small: Bools, below: Ints, em: float) -> Bools:
    """Say which texts are lines of a paragraph: long ones near each other, and the short last line under them.

    The label of a table's row may be as long, but has a short text beside it, and the next does not begin small.
    """
    long = (boxes[:, 2] - boxes[:, 0] >= LONG * em) & (count >= 5)
    label = (right >= 0) & ~long[right]
    prose = np.zeros(len(boxes), bool)
    for i in np.flatnonzero(long):
        j = below[i]
        if j >= 0 and long[j] and (small[j] or not (label[i] or label[j])):
            prose[i] = prose[j] = True
    for i in np.flatnonzero(prose):
        j = below[i]
        if j >= 0 and not prose[j] and not label[j] and boxes[j, 0] <= boxes[i, 0] + 2 * em:
            prose[j] = True
    return prose


def _flow(boxes: Floats, count: Ints, small: Bools, below: Ints, em: float) -> Bools:
    """Say which texts are lines of running text, however narrow: three or more, of which many begin small."""
    line = (count >= 3) & (boxes[:, 2] - boxes[:, 0] >= 7 * em)
    flow = np.zeros(len(boxes), bool)
    starts = np.setdiff1d(np.flatnonzero(line), below[line])
    for start in starts:
        run = [int(start)]
        while (j := int(below[run[-1]])) >= 0 and line[j] and abs(boxes[j, 0] - boxes[start, 0]) < 0.6 * em:
            run.append(j)
        if len(run) >= 4 and small[run].mean() >= 0.4:
            flow[run] = True
    return flow


def _next_below(boxes: Floats, em: float) -> Ints:
    """Return for each text the one that follows under it within a line's distance and shares its left part, or -1."""
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    order = np.argsort(middle, kind="stable")
    level = middle[order]
    first = np.searchsorted(level, middle + 0.6 * em)
    last = np.searchsorted(level, middle + 1.9 * em)
    below = np.full(len(boxes), -1)
    for i in range(len(boxes)):
        near = order[first[i] : last[i]]
        near = near[(np.abs(boxes[near, 0] - boxes[i, 0]) < 2.5 * em) | (np.abs(boxes[near, 2] - boxes[i, 2]) < em)]
        if len(near):
            below[i] = near[np.argmin(middle[near])]
    return below


def aligned_rows(up: Upright, texts: Texts) -> list[Floats]:
    """Return the extents of three or more lines whose texts stand in the same columns."""
    rows = _rows(texts)
    if len(rows) < 3:
        return []
    boxes, em = texts.boxes, up.em
    top = np.array([boxes[row, 1].min() for row in rows])
    order = np.argsort(top, kind="stable")
    rows, top = [rows[i] for i in order], top[order]
    group = list(range(len(rows)))
    for i, row in enumerate(rows):
        bottom = boxes[row, 3].max()
        found = 0
        for j in range(i + 1, len(rows)):
            if top[j] > bottom + 3.5 * em or found == 2:
                break
            if _aligned(boxes[row], boxes[rows[j]], em) and not _parted(texts, boxes[row], boxes[rows[j]]):
                group[_first_of(group, j)] = _first_of(group, i)
                found += 1
    members: dict[int, list[int]] = {}
    for i in range(len(rows)):
        members.setdefault(_first_of(group, i), []).append(i)
    regions = []
    for group_rows in members.values():
        if len(group_rows) >= 3:
            part = boxes[np.concatenate([rows[i] for i in group_rows])]
            regions.append(np.r_[part[:, :2].min(axis=0), part[:, 2:].max(axis=0)])
    return regions


def _first_of(group: list[int], i: int) -> int:
    """Return the one that stands for i's group, and shorten the way to it."""
    while group[i] != i:
        group[i] = group[group[i]]
        i = group[i]
    return i


def _rows(texts: Texts) -> list[Ints]:
    """Return the texts that stand beside each other, prose left out, two or more to a row."""
    right = np.where((texts.right >= 0) & ~texts.flow & ~texts.flow[texts.right], texts.right, -1)
    starts = np.setdiff1d(np.flatnonzero(~texts.flow), right)
    rows = []
    for start in starts:
        row = [int(start)]
        while right[row[-1]] >= 0 and len(row) < 200:
            row.append(int(right[row[-1]]))
        if len(row) > 1:
            rows.append(np.array(row))
    return rows


def _parted(texts: Texts, above: Floats, below: Floats) -> bool:
    """Say whether prose or a caption lies between two rows."""
    boxes = texts.boxes[texts.apart]
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    between = (middle > above[:, 3].max()) & (middle < below[:, 1].min())
    between &= (boxes[:, 0] < above[:, 2].max()) & (boxes[:, 2] > above[:, 0].min())
    return bool(between.any())


def _aligned(above: Floats, below: Floats, em: float) -> bool:
    """Say whether two rows have two texts each that stand under each other, by an edge or by their middle."""
    near = 0.45 * em
    left = np.abs(above[:, None, 0] - below[None, :, 0]) < near
    right = np.abs(above[:, None, 2] - below[None, :, 2]) < near
    middle = np.abs((above[:, None, 0] + above[:, None, 2]) - (below[None, :, 0] + below[None, :, 2])) / 2 < near
    both = left | right | middle
    return bool(min(both.any(axis=1).sum(), both.any(axis=0).sum()) >= 2)

"""Lines -> blocks: paragraphs, headings and list items, by leading, type, bullets, indents and early ends.

In: lines of one turn, upright. Out: blocks as tuples of line indices, top to bottom. Each rule reads as a typesetter
would put it; all distances are in em of the lines concerned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.document import Words
from loaders.geometry import Array
from loaders.relate.columns import Rows
from loaders.relate.lines import Chains
from loaders.relate.marks import (
    ends_sentence,
    is_bullet,
    is_enumerator,
    runs_right_to_left,
    starts_with_bullet,
)
from loaders.relate.stacks import find_stacks

INDENT = 0.7
"""A left edge moved by more than this many em is an indent."""


def find_blocks(rows: Rows, words: Words, boxes: Array, rulings: Array) -> Chains:
    """Group lines into blocks. `boxes` (N, 4) are the words', `rulings` (M, 4) in the same upright coordinates."""
    stacks = find_stacks(rows, rulings)
    leading = _usual_leading(rows, stacks)
    blocks: Chains = []
    for stack in stacks:
        for run in _split_by_type(stack, rows, words, leading):
            blocks += _split_by_edges(run, rows, words, boxes)
    return blocks


# -- leading and type --------------------------------------------------------------------------------------------------


def _usual_leading(rows: Rows, stacks: Chains) -> Array:
    """Return for each line the distance, in its unit, that lines of its size usually keep on this page."""
    pairs = [(a, b) for stack in stacks for a, b in pairwise(stack) if _alike(rows, a, b, 1.12)]
    if not pairs:
        return 1.4 * rows.sizes
    upper, lower = np.array(pairs).T
    distance = rows.middles[lower] - rows.middles[upper]
    usual = np.empty(len(rows), np.float32)
    for size in np.unique(rows.sizes):
        near = np.abs(rows.sizes[upper] / size - 1) < 0.12
        common = float(np.percentile(distance[near], 40)) if near.any() else 1.3 * size
        # Few pairs may all be the distance between separate headings, not within one.
        usual[rows.sizes == size] = min(common, 2.4 * size) if near.sum() >= 4 else min(common, 1.6 * size)
    return usual


def _alike(rows: Rows, a: int, b: int, ratio: float) -> bool:
    return bool(max(rows.sizes[a], rows.sizes[b]) <= ratio * min(rows.sizes[a], rows.sizes[b]))


def _split_by_type(stack: Sequence[int], rows: Rows, words: Words, leading: Array) -> Iterator[list[int]]:
    """Part a stack where the leading opens up or the type changes."""
    steps = np.diff(rows.middles[list(stack)])
    run = [stack[0]]
    for k, (a, b) in enumerate(pairwise(stack)):
        near = [float(steps[n]) for n in (k - 1, k + 1) if 0 <= n < len(steps)]
        if _opens_up(float(steps[k]), max(leading[a], leading[b]), near) or _other_type(rows, words, a, b):
            yield run
            run = []
        run.append(b)
    yield run


def _opens_up(step: float, usual: float, near: Sequence[float]) -> bool:
    """Say whether a step down is more than to the next line, by the page's leading or by the steps around it."""
    if step > 1.28 * usual:
        return True
    return len(near) == 2 and step > 1.18 * max(near) and max(near) < 1.08 * min(near)


def _other_type(rows: Rows, words: Words, a: int, b: int) -> bool:
    """Say whether two lines are set in type too different for one paragraph."""
    read = words.ocr[rows.chains[a][0]]  # heights of OCR quads vary with the letters in them
    if not _alike(rows, a, b, 1.35 if read else 1.15):
        return True
    return bool(abs(rows.bold[a] - rows.bold[b]) > 0.8)


# -- edges -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Edges:
    """The left and right edges of a run of lines in em of its type, mirrored where the script runs right to left."""

    left: Array
    right: Array
    first_width: Array
    justified: bool
    centred: bool

    @classmethod
    def of(cls, run: Sequence[int], rows: Rows, boxes: Array) -> _Edges:
        em = max(float(np.median(rows.sizes[list(run)])), 1e-3)
        own = (rows.boxes[list(run)] / em).astype(np.float32)
        left, right = own[:, 0].copy(), own[:, 2]
        if runs_right_to_left(" ".join(rows.texts[i] for i in run)):
            left, right = -own[:, 2], -own[:, 0]
        first = (boxes[[rows.chains[i][0] for i in run]] / em).astype(np.float32)
        _forget_initial(left, first, rows.middles[list(run)] / em)
        most = np.max(right)
        body = right[:-1] if len(run) > 1 else right
        middles = (left + right) / 2
        centred = bool(np.ptp(middles) < 0.8 and np.ptp(left) > 1.2)
        return cls(left, right, first[:, 2] - first[:, 0], bool((body > most - 1.0).mean() >= 0.6), centred)


def _forget_initial(left: Array, first: Array, middles: Array) -> None:
    """Move lines set around an initial over several lines back to the margin."""
    height = first[0, 3] - first[0, 1]
    if height > 2.0:
        beside = (middles < first[0, 3]) & (left > left[0] + INDENT)
        left[beside] = left[0]


def _split_by_edges(run: Sequence[int], rows: Rows, words: Words, boxes: Array) -> Chains:
    """Part a run of like lines into paragraphs and list items."""
    if len(run) == 1:
        return [tuple(run)]
    edges = _Edges.of(run, rows, boxes)
    marks = [_mark(rows, words, i) for i in run]
    blocks, start = [], 0
    for k in range(1, len(run)):
        text = rows.texts[run[k - 1]]
        if _opens_item(k, marks, edges, text) or _opens_paragraph(k, start, edges, text, marks[start]):
            blocks.append(tuple(run[start:k]))
            start = k
    blocks.append(tuple(run[start:]))
    return blocks


def _mark(rows: Rows, words: Words, row: int) -> str:
    """Return "bullet", "number" or "" for how a line begins."""
    first = rows.first_word(row, words)
    if starts_with_bullet(first):
        return "bullet" if len(rows.chains[row]) > 1 or not is_bullet(first) else ""
    return "number" if is_enumerator(first) and len(rows.chains[row]) > 1 else ""


def _opens_item(k: int, marks: Sequence[str], edges: _Edges, before: str) -> bool:
    """Say whether line k is a new list item. A number alone proves nothing: a sentence may end in "in 1999."."""
    if not marks[k]:
        return False
    peers = [
        n for n in range(len(marks)) if n != k and marks[n] == marks[k] and abs(edges.left[n] - edges.left[k]) < 0.5
    ]
    return bool(peers) or ends_sentence(before) or _ends_early(k - 1, edges) or marks[k] == "bullet"


def _opens_paragraph(k: int, start: int, edges: _Edges, before: str, mark: str) -> bool:
    """Say whether line k starts a paragraph, by an indent, a return to the margin, or an early end before it."""
    if edges.centred:
        return False
    step = float(edges.left[k] - edges.left[k - 1])
    last = k + 1 == len(edges.left)
    if step > INDENT and not mark:
        if not last:
            return bool(edges.left[k] - edges.left[k + 1] > INDENT)
        return k - start > 1 and (ends_sentence(before) or _ends_early(k - 1, edges))
    if step < -INDENT and k - 1 > start:
        return True
    return _ends_early(k - 1, edges) and ends_sentence(before) and (edges.justified or _much_room(k - 1, edges))


def _ends_early(k: int, edges: _Edges) -> bool:
    """Say whether the next line's first word would still have fitted on line k."""
    return bool(np.max(edges.right) - edges.right[k] > edges.first_width[k + 1] + 0.8)


def _much_room(k: int, edges: _Edges) -> bool:
    width = float(np.max(edges.right) - np.min(edges.left))
    return bool(np.max(edges.right) - edges.right[k] > max(0.3 * width, 5.0))

"""The engine's own order, kept as it is: the yardstick that shows what relating the words is worth.

In: words in the order the engine gave them, and its links. Out: block drafts in that order.
"""

from __future__ import annotations

import numpy as np

from loaders.document import Links, Relations, Words
from loaders.geometry import Array
from loaders.relate.lines import Chains, chain_links
from loaders.relate.structure import BlockDraft


def relate_as_given(words: Words, relations: Relations | None) -> list[BlockDraft]:
    """Take lines and blocks as the engine has them, ordered by their first word.

    Lines are the engine's fragments; without links, words that follow each other to the right on one row. Blocks are
    its paragraphs; without links, runs of lines of which each begins below the one before it and shares its column.
    """
    boxes = words.boxes
    lines = _chains(relations.word, len(words)) if relations else _runs_of_words(boxes)
    links = relations.line if relations else None
    blocks = (
        _chains(links, len(lines))
        if links is not None and len(links.target) == len(lines)
        else _runs_of_lines(lines, boxes)
    )
    return [BlockDraft(tuple(lines[line] for line in block)) for block in blocks]


def _chains(links: Links, count: int) -> Chains:
    left = np.flatnonzero(links.target >= 0)
    return sorted(chain_links(left, links.target[left], count), key=min)


def _runs_of_words(boxes: Array) -> Chains:
    """Join each word to the one before it where that stands to its left on the same row."""
    runs: list[list[int]] = []
    for k in range(len(boxes)):
        last = boxes[k - 1]
        shared = min(last[3], boxes[k, 3]) - max(last[1], boxes[k, 1])
        if runs and boxes[k, 0] > last[0] and shared > 0.5 * min(last[3] - last[1], boxes[k, 3] - boxes[k, 1]):
            runs[-1].append(k)
        else:
            runs.append([k])
    return [tuple(run) for run in runs]


def _runs_of_lines(lines: Chains, boxes: Array) -> Chains:
    around = [(*boxes[list(line), :2].min(axis=0), *boxes[list(line), 2:].max(axis=0)) for line in lines]
    runs: list[list[int]] = []
    for k, (x0, y0, x1, y1) in enumerate(around):
        last = around[k - 1]
        if runs and y0 + y1 > last[1] + last[3] and min(x1, last[2]) > max(x0, last[0]):
            runs[-1].append(k)
        else:
            runs.append([k])
    return [tuple(run) for run in runs]

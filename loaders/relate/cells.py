"""Lines that are pieces of rows, a label and its values, although they stand under each other like lines of a block.

In: lines of one turn and the blocks they were put into. Out: which lines stand alone, so that order reads "Total 11.40"
and not all labels before all values. Receipts, forms and tables that nobody found are set so.
"""

from __future__ import annotations

import numpy as np

from loaders.relate.columns import Rows
from loaders.relate.lines import Chains
from loaders.relate.neighbours import Bools, Ints

VALUE_WORDS, VALUE_LETTERS = 3, 20
"""A value has no more, in any line of its block: prose in a narrow column has longer lines sooner or later."""
LABEL_WORDS = 6.0
"""A label has no more words a line, on the mean of its block."""
BLOCK_LEVEL, LABELS_LEVEL, PLAIN_LEVEL = 0.75, 0.4, 0.75
"""Share of the lines of a block of values, of one of labels, and of one of labels whose values tell nothing, that must
be level with a piece beside them."""
TELLING = 0.5
"""Share of the values that must have a digit, or of the labels that must end in a colon, to tell by themselves."""
RUNS_ON = 0.2
"""Share of lines that start in lower case, as prose in a narrow column does; beyond it only digits or colons tell."""


def part_rows(blocks: Chains, rows: Rows) -> tuple[Chains, list[bool]]:
    """Part blocks whose lines are pieces of rows. Return the blocks, and which of them are such pieces.

    Labels and short values stand alone, line by line; a longer value, which may go on below, starts anew where a label
    with a colon stands before it.
    """
    if all(len(block) == 1 for block in blocks):
        return blocks, [False] * len(blocks)
    block_of = np.empty(len(rows), np.int64)
    for number, block in enumerate(blocks):
        block_of[list(block)] = number
    beside = _beside(rows, block_of)
    colons = np.array([text.rstrip().endswith((":", "：")) for text in rows.texts])
    cells = _find_cells(blocks, rows, block_of, beside, colons)
    before = np.where(beside >= 0, rows.boxes[beside, 0] < rows.boxes[:, 0], False)
    starts = cells | (before & colons[beside])
    ends = colons & np.isin(np.arange(len(rows)), beside[starts])
    parts: Chains = []
    pieces: list[bool] = []
    for block in blocks:
        own = list(block)
        at = [k for k in range(1, len(own)) if starts[own[k]] or ends[own[k - 1]] or cells[own[k - 1]]]
        cut = [tuple(own[a:b]) for a, b in zip([0, *at], [*at, len(own)], strict=True)]
        parts += cut
        pieces += [len(cut) > 1] * len(cut)
    return parts, pieces


def _find_cells(blocks: Chains, rows: Rows, block_of: Ints, beside: Ints, colons: Bools) -> Bools:
    """Return which lines (M,) are labels in a block, or the short values beside them."""
    cells = np.zeros(len(rows), bool)
    words = np.array([len(chain) for chain in rows.chains])
    short = (words <= VALUE_WORDS) & np.array([len(text) <= VALUE_LETTERS for text in rows.texts])
    value = np.zeros(len(rows), bool)
    for block in blocks:
        own = list(block)
        value[own] = short[own].all() and (beside[own] >= 0).mean() >= BLOCK_LEVEL
    figures = np.array([any(map(str.isdigit, text)) for text in rows.texts])
    runs_on = np.array([text[:1].islower() for text in rows.texts])
    labelled = np.where(value & (beside >= 0), block_of[beside], -1)
    for number in np.unique(labelled[labelled >= 0]):
        labels, values = np.array(blocks[number]), np.flatnonzero(labelled == number)
        if len(values) < 2 or words[labels].mean() > LABEL_WORDS:
            continue
        met = np.isin(labels, beside[values]).mean()
        told = max(figures[values].mean(), colons[labels].mean()) >= TELLING and met >= LABELS_LEVEL
        plain = len(values) >= 3 and max(runs_on[values].mean(), runs_on[labels].mean()) <= RUNS_ON
        if told or (plain and met >= PLAIN_LEVEL):
            cells[labels] = True
            cells[np.isin(block_of, block_of[values])] = True
    return cells


def _beside(rows: Rows, block_of: Ints) -> Ints:
    """Return for each line the nearest one of another block that is level with it, to the left if any; -1 for none."""
    found = np.full(len(rows), -1, np.int64)
    x0, x1 = rows.boxes[:, 0], rows.boxes[:, 2]
    for start in range(0, len(rows), 256):
        part = slice(start, start + 256)
        size = np.minimum(rows.sizes, rows.sizes[part, None])
        level = np.abs(rows.middles - rows.middles[part, None]) < 0.5 * size
        level &= block_of != block_of[part, None]
        left, right = x0[part, None] - x1, x0 - x1[part, None]
        for white in (right, left):
            gap = np.where(level & (white > 0), white, np.inf)
            best = gap.argmin(axis=1)
            there = np.isfinite(gap[np.arange(len(best)), best])
            found[part] = np.where(there, best, found[part])
    return found

"""The result of relating a page's words, and the one place where it is put together.

Any method, geometric or learned, ends in the same four things: the words of each line, the lines of each block, what
each block is, and the blocks' order. `assemble` turns these into lines and blocks with boxes in the page's frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loaders.document import Block, Category, Line, Links, Relations, Words
from loaders.geometry import Array, Box, Frame


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Lines and blocks of one page, in reading order, and the links they come from.

    Every word is in exactly one line, every line in exactly one block. Lines are numbered in reading order, so a
    block's lines are consecutive. `relations` has all three levels: word, line, block.
    """

    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    relations: Relations


@dataclass(frozen=True, slots=True)
class BlockDraft:
    """A block to be: the words of each of its lines, its category, a title's level, a table's region."""

    lines: tuple[tuple[int, ...], ...]
    category: Category = "text"
    level: int = 0
    table: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """How likely links are, where a network was asked; elsewhere they count as sure.

    word, line  by the words they join, and by the first words of the lines they join
    block       float32 (B,): how likely each block in order is followed by the next
    """

    word: Mapping[tuple[int, int], float]
    line: Mapping[tuple[int, int], float]
    block: Array


def assemble(words: Words, frame: Frame, drafts: Sequence[BlockDraft], chances: Chances | None = None) -> Structure:
    """Number lines and blocks in the order given, with their boxes and links."""
    chains = [chain for draft in drafts for chain in draft.lines]
    if not chains:
        none = Links.chained([], 0)
        return Structure((), (), Relations(none, none, none))
    line_boxes = _around(words.boxes[[word for chain in chains for word in chain]], [len(chain) for chain in chains])
    counts = [len(draft.lines) for draft in drafts]
    block_boxes = _around(line_boxes, counts)
    lines = [Line(chain, _box(xyxy, frame)) for chain, xyxy in zip(chains, line_boxes, strict=True)]
    blocks, first = [], 0
    for draft, count, xyxy in zip(drafts, counts, block_boxes, strict=True):
        rows = tuple(range(first, first + count))
        blocks.append(Block(draft.category, rows, _box(xyxy, frame), draft.level, draft.table))
        first += count
    relations = Relations(
        Links.chained(chains, len(words)),
        Links.chained([block.lines for block in blocks], len(lines)),
        Links.chained([range(len(blocks))], len(blocks)),
    )
    return Structure(tuple(lines), tuple(blocks), _weighed(relations, chains, chances) if chances else relations)


def _weighed(relations: Relations, chains: Sequence[Sequence[int]], chances: Chances) -> Relations:
    """Put in how likely the links are."""

    def links(given: Links, known: Mapping[tuple[int, int], float], name: Sequence[int]) -> Links:
        probability = given.probability.copy()
        for source in np.flatnonzero(given.target >= 0).tolist():
            probability[source] = known.get((name[source], name[given.target[source]]), 1.0)
        return Links(given.target, probability)

    assert relations.line is not None
    assert relations.block is not None
    block = np.where(relations.block.target >= 0, chances.block, 1).astype(np.float32)
    return Relations(
        links(relations.word, chances.word, range(len(relations.word.target))),
        links(relations.line, chances.line, [chain[0] for chain in chains]),
        Links(relations.block.target, block),
    )


def _around(boxes: Array, counts: Sequence[int]) -> Array:
    """Return the box around each run of boxes (N, 4), runs of the given lengths."""
    starts = np.cumsum(counts, dtype=np.int64) - np.asarray(counts)
    low, high = np.minimum.reduceat(boxes[:, :2], starts), np.maximum.reduceat(boxes[:, 2:], starts)
    return np.concatenate([low, high], axis=1)


def _box(xyxy: Array, frame: Frame) -> Box:
    x0, y0, x1, y1 = xyxy.tolist()
    return Box(x0, y0, x1, y1, frame)


def canonical_order(words: Words) -> np.ndarray:
    """Return the words' indices by where they stand, so that the order they came in cannot matter.

    Words in the very same place, as broken PDFs have them, keep their order: nothing else is known of them.
    """
    x0, y0, x1, y1 = words.boxes.T
    return np.lexsort((y1, x1, x0, y0))

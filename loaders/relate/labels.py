"""What the network ought to say of a page whose relations are known.

In: a page with its true lines and blocks, and a graph of any lines or blocks made of its words. Out: the label of every
edge and node, IGNORED where the truth says nothing. Lines and blocks of the graph need not be the true ones: what
follows a line is what holds the word that follows its last word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.document import Page
from loaders.geometry import Array
from loaders.relate.graphs import Graph
from loaders.relate.neighbours import Ints
from loaders.relate.roles import LEVELS, ROLES

IGNORED = -100
Members = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The relations of a page, one row per word; -1 where a word is in no line.

    place    position in reading order, counted over the page
    line, block  numbers of the word's line and block
    follower       the next word of its line as the row runs from left to right, -1 for none
    next_in_block, next_on_page  the word read next, within the block, and over the page
    role, level  of the word's line
    """

    place: Ints
    line: Ints
    block: Ints
    follower: Ints
    next_in_block: Ints
    next_on_page: Ints
    role: Ints
    level: Ints

    @classmethod
    def of(cls, page: Page, categories: Sequence[str], boxes: Array) -> Truth:
        """Read the truth off a page; `boxes` (N, 4) are its words upright, `categories` one per line."""
        count = len(page.words)
        columns = {name: np.full(count, -1, np.int64) for name in cls.__slots__}
        read: list[int] = []
        middles = boxes[:, 0] + boxes[:, 2]
        for b, block in enumerate(page.blocks):
            within: list[int] = []
            for number in block.lines:
                words = list(page.lines[number].words)
                within += words
                columns["line"][words], columns["block"][words] = number, b
                columns["role"][words] = ROLES.index(categories[number])
                columns["level"][words] = min(max(block.level, 1), LEVELS) - 1 if categories[number] == "title" else -1
                leftward = np.mean(np.diff(middles[words]) < 0) > 0.5 if len(words) > 1 else False
                row = sorted(words, key=lambda word: float(middles[word])) if leftward else words
                columns["follower"][row[:-1]] = row[1:]
            columns["next_in_block"][within[:-1]] = within[1:]
            read += within
        columns["next_on_page"][read[:-1]] = read[1:]
        columns["place"][read] = np.arange(len(read))
        return cls(**columns)


def _slot(graph: Graph, target: Ints, around: int) -> Ints:
    """Return which neighbour is the target, `around` where there is none, IGNORED where it is not among them."""
    hit = graph.present[:, :around] & (graph.neighbours[:, :around] == target[:, None])
    return np.where(target < 0, around, np.where(hit.any(axis=1), hit.argmax(axis=1), IGNORED))


def word_labels(graph: Graph, truth: Truth, right: int) -> Ints:
    """Return for each word which of its neighbours to the right follows it."""
    labels = _slot(graph, truth.follower, right)
    return np.where((truth.line < 0) | ~graph.present.any(axis=1), IGNORED, labels)


@dataclass(frozen=True, slots=True, eq=False)
class LineLabels:
    """following (L,): which neighbour; role and level (L,)."""

    following: Ints
    role: Ints
    level: Ints


def line_labels(graph: Graph, chains: Members, truth: Truth) -> LineLabels:
    """Label lines made of a page's words."""
    around = graph.neighbours.shape[1]
    holder, opens = _holders(chains, len(truth.place))
    last = np.array([chain[-1] for chain in chains], np.int64)
    follower = np.append(truth.next_in_block, -1)[last]
    target = np.where((follower >= 0) & opens[follower], holder[follower], -1)
    target = np.where(target == np.arange(len(chains)), -1, target)
    following = np.where(truth.block[last] < 0, IGNORED, _slot(graph, target, around))
    role, level = _most(chains, truth.role), _most(chains, truth.level)
    return LineLabels(following, np.where(role < 0, IGNORED, role), np.where(level < 0, IGNORED, level))


@dataclass(frozen=True, slots=True, eq=False)
class BlockLabels:
    """following (B,): which neighbour; before (B, K): 1 where the neighbour comes later, 0, or IGNORED."""

    following: Ints
    before: Ints


def block_labels(graph: Graph, blocks: Members, truth: Truth) -> BlockLabels:
    """Label blocks made of a page's words; `blocks` are the words of each, in order."""
    around = graph.neighbours.shape[1]
    holder, _ = _holders(blocks, len(truth.place))
    order = np.array([float(np.median(truth.place[list(block)])) for block in blocks])
    known = np.array([bool((truth.block[list(block)] >= 0).any()) for block in blocks])
    # The block read next is the one whose first word is nearest after this block's last.
    end = np.array([int(truth.place[list(block)].max(initial=-1)) for block in blocks])
    target = np.full(len(blocks), -1, np.int64)
    place_word = np.full(len(truth.place) + 1, -1, np.int64)
    read = np.flatnonzero(truth.place >= 0)
    place_word[truth.place[read]] = read
    for k in np.flatnonzero(known).tolist():
        following = place_word[end[k] + 1]
        if following >= 0 and holder[following] != k:
            target[k] = holder[following]
    following = np.where(known, _slot(graph, target, around), IGNORED)
    before = (order[graph.neighbours] > order[:, None]).astype(np.int64)
    before[~graph.present | ~known[:, None] | ~known[graph.neighbours]] = IGNORED
    return BlockLabels(following, before)


def _holders(members: Members, count: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return for each word the group that holds it, -1 for none, and whether it is its first."""
    holder, opens = np.full(count + 1, -1, np.int64), np.zeros(count + 1, bool)
    for number, words in enumerate(members):
        holder[list(words)] = number
        opens[words[0]] = True
    return holder, opens


def _most(members: Members, values: Ints) -> Ints:
    return np.array([Counter(values[list(words)].tolist()).most_common(1)[0][0] for words in members], np.int64)

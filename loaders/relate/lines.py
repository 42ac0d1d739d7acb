"""Words -> lines: rows of words that no gutter, ruling or change of direction parts.

In: words, and where each stands upright. Out: lines as tuples of word indices in reading order (right to left where
the line is mostly of such a script).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loaders.document import Links, Words
from loaders.geometry import Array
from loaders.relate.fragments import Pieces
from loaders.relate.gutters import on_one_line
from loaders.relate.marks import has_latin, runs_right_to_left
from loaders.relate.neighbours import Gaps, Ints, row_neighbours

Chains = list[tuple[int, ...]]


def find_lines(words: Words, boxes: Array, rulings: Array, fragments: Links | None = None) -> Chains:
    """Chain words of one turn into lines. `boxes` (N, 4) and `rulings` (M, 4) are upright, in working coordinates.

    `fragments` are an engine's own links: they stand unless a gutter runs through them, and fragments that lie on one
    row of one column are joined.
    """
    if not len(words):
        return []
    pieces = Pieces.of(words, fragments)
    boxes = pieces.trim(boxes)
    gaps = row_neighbours(boxes, words.texts, words.sizes)
    if fragments is not None:
        gaps = with_fragments(gaps, fragments, boxes, words.sizes)
    linked = on_one_line(gaps, boxes, words.texts, rulings, pieces)
    return [
        in_reading_order(chain, words.texts) for chain in chain_links(gaps.left[linked], gaps.right[linked], len(words))
    ]


def find_rows(words: Words, boxes: Array) -> Chains:
    """Chain words into full rows, whatever the gaps, top to bottom: for the inside of a table."""
    if not len(words):
        return []
    gaps = row_neighbours(boxes, words.texts, words.sizes)
    chains = chain_links(gaps.left, gaps.right, len(words))
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    chains.sort(key=lambda chain: (float(np.median(middles[list(chain)])), float(boxes[chain[0], 0])))
    return [in_reading_order(chain, words.texts) for chain in chains]


def chain_links(left: npt.ArrayLike, right: npt.ArrayLike, count: int) -> Chains:
    """Return the chains that links form, single nodes included, by first node; a ring is opened somewhere."""
    target = dict(zip(np.asarray(left, int).tolist(), np.asarray(right, int).tolist(), strict=True))
    heads = set(range(count)) - set(target.values())
    chains, seen = [], set()
    for start in [*sorted(heads), *range(count)]:  # the second pass opens rings
        chain = []
        node: int | None = start
        while node is not None and node not in seen:
            seen.add(node)
            chain.append(node)
            node = target.get(node)
        if chain:
            chains.append(tuple(chain))
    return chains


def in_reading_order(chain: Sequence[int], texts: Sequence[str]) -> tuple[int, ...]:
    """Turn a left-to-right chain around where its script runs right to left, keeping Latin runs as they are."""
    if not runs_right_to_left(" ".join(texts[i] for i in chain)):
        return tuple(chain)
    turned: list[int] = []
    run: list[int] = []
    for word in reversed(chain):
        if has_latin(texts[word]):
            run.insert(0, word)
            continue
        turned += [*run, word]
        run = []
    return (*turned, *run)


def with_fragments(gaps: Gaps, fragments: Links, boxes: Array, sizes: Array) -> Gaps:
    """Put the engine's links in place of those that contradict them."""
    left = np.flatnonzero(fragments.target >= 0)
    right = fragments.target[left].astype(np.int64)
    ahead = boxes[right, 0] + boxes[right, 2] > boxes[left, 0] + boxes[left, 2]
    # Engines order fragments of right-to-left script as read; here every link runs from left to right.
    left, right = np.where(ahead, left, right), np.where(ahead, right, left)
    free = ~np.isin(gaps.left, left) & ~np.isin(gaps.right, right)
    return Gaps.between(_joined(gaps.left[free], left), _joined(gaps.right[free], right), boxes, sizes)


def _joined(own: Ints, theirs: Ints) -> Ints:
    return np.concatenate([own, theirs]).astype(np.int64)

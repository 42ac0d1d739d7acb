"""Reading order over blocks: where in the prediction did each block of the truth end up?

Comes in: the truth's blocks and the predicted words in reading order. Every predicted word is given the truth block it
belongs to (by its box, or by its text where the engine gives no boxes); the rest looks at that sequence of labels only.
A block is part of the order if it has an `order`, is not to be ignored, has text, and is no figure or chart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median

import numpy as np

from ingest.evaluate.normalise import normaliser
from ingest.evaluate.records import PageItem, PagePrediction, TextBox, TruthBlock

Label = int | None
_PICTURES = frozenset({"figure", "chart"})
_GRAM_SIZES = (4, 3, 2, 1)


def _is_ordered(block: TruthBlock) -> bool:
    has_text = bool((block.text or "").strip() or block.html)
    return block.order is not None and not block.ignore and has_text and block.type not in _PICTURES


def ordered_blocks(page: PageItem) -> tuple[TruthBlock, ...]:
    """Return the blocks that make up the page's reading order, in that order."""
    return tuple(sorted((block for block in page.blocks if _is_ordered(block)), key=lambda block: block.order or 0))


def labels_by_box(page: PageItem, words: Sequence[TextBox]) -> list[Label]:
    """Label each word with the ordered block whose box holds the word's centre, the smallest one of several.

    Words in other blocks (figures, ignored ones), or in none, are labelled None.
    """
    if not words or not page.blocks:
        return [None] * len(words)
    places = {id(block): place for place, block in enumerate(ordered_blocks(page))}
    boxes = np.asarray([block.box for block in page.blocks], float)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    found = np.asarray([word.box for word in words], float)
    centres = (found[:, None, :2] + found[:, None, 2:]) / 2
    inside = ((boxes[None, :, :2] <= centres) & (centres <= boxes[None, :, 2:])).all(axis=-1)
    smallest = np.where(inside, area[None, :], np.inf).argmin(axis=1)
    return [places.get(id(page.blocks[block])) if inside[word, block] else None for word, block in enumerate(smallest)]


def _grams(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]


def labels_by_text(blocks: Sequence[Sequence[str]], tokens: Sequence[str]) -> tuple[list[Label], int]:
    """Label each word of a text with the block it comes from, and count the blocks that can be told apart.

    `blocks` are the truth's blocks as words, `tokens` the text's words. A run of words that occurs once in the truth
    and once in the text labels its words: runs of four words first, then of three, two and one. A block none of whose
    runs is its own (a repeated page number) cannot be placed by its text: it is left out and the labels close up.
    """
    own = {size: Counter(gram for block in blocks for gram in _grams(block, size)) for size in _GRAM_SIZES}
    distinct = [block for block in blocks if any(own[size][gram] == 1 for size in own for gram in _grams(block, size))]
    labels: list[Label] = [None] * len(tokens)
    for size in _GRAM_SIZES:
        found = _grams(tokens, size)
        counts, places = Counter(found), {gram: at for at, gram in enumerate(found)}
        for label, block in enumerate(distinct):
            for gram in _grams(block, size):
                if own[size][gram] == 1 and counts[gram] == 1:
                    for at in range(places[gram], places[gram] + size):
                        labels[at] = label if labels[at] is None else labels[at]
    return labels, len(distinct)


def block_ranks(labels: Sequence[Label], count: int) -> list[float | None]:
    """Return the median position of each block's words, None for a block without any."""
    places: list[list[int]] = [[] for _ in range(count)]
    for at, label in enumerate(labels):
        if label is not None:
            places[label].append(at)
    return [median(place) if place else None for place in places]


def kendall_tau(ranks: Sequence[float | None]) -> float | None:
    """Return (pairs in the right order - pairs in the wrong order) / all pairs of blocks; None for fewer than two.

    `ranks` are in the order of the truth. A pair with equal ranks, or with a block that was not read, counts as
    neither: a page of which nothing was read scores 0.
    """
    pairs = [(a, b) for i, a in enumerate(ranks) for b in ranks[i + 1 :]]
    if not pairs:
        return None
    return sum((b > a) - (b < a) for a, b in pairs if a is not None and b is not None) / len(pairs)


def successor_accuracy(labels: Sequence[Label], count: int) -> float | None:
    """Return the share of neighbouring blocks of the truth that follow each other directly; None for fewer than two.

    A block stands where its longest unbroken run of words stands, if that run holds more than half of its words: a
    block read in shreds (across the columns) stands nowhere, and neither pair it belongs to is right.
    """
    if count < 2:
        return None
    sizes: Counter[int] = Counter(label for label in labels if label is not None)
    runs = [(label, len(list(run))) for label, run in groupby(label for label in labels if label is not None)]
    main = [label for label, length in runs if length * 2 > sizes[label]]
    follows = set(pairwise(main))
    return sum((block, block + 1) in follows for block in range(count - 1)) / (count - 1)


def block_scores(page: PageItem, prediction: PagePrediction) -> dict[str, float]:
    """Return kendall_tau and successor_accuracy of a page; {} where it has fewer than two ordered blocks.

    Words are placed by their boxes; an engine that gives none is placed by its text.
    """
    blocks = ordered_blocks(page)
    if len(blocks) < 2:
        return {}
    if prediction.words or not prediction.text:
        labels, count = labels_by_box(page, prediction.words), len(blocks)
    else:
        clean = normaliser(page)
        truth = [clean(block.text or "").lower().split() for block in blocks]
        labels, count = labels_by_text(truth, clean(prediction.text).lower().split())
    scores = {
        "kendall_tau": kendall_tau(block_ranks(labels, count)),
        "successor_accuracy": successor_accuracy(labels, count),
    }
    return {name: score for name, score in scores.items() if score is not None}

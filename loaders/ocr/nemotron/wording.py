"""A PageReading -> PageText: words in the graph's order, and the links between words, lines and paragraphs.

Frame: quads stay where they are, in the page's pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loaders.document import Links, PageText, Relations, Words
from loaders.geometry import Array
from loaders.ocr.nemotron.graph import Chain
from loaders.ocr.nemotron.reader import PageReading
from loaders.ocr.nemotron.slots import split_words

SURE = 0.5  # a region above it is valid, and keeps its whole paragraph


def page_text(reading: PageReading, *, keep_unsure: bool = True, turn: int = 0) -> PageText:
    """Order a page's words paragraph by paragraph, line by line; regions without text are left out.

    Word and line links carry the network's probabilities. It knows no links between paragraphs: block links only repeat
    their order, with probability 0.
    """
    quads: list[Array] = []
    texts: list[str] = []
    confidences: list[float] = []
    lines: list[tuple[Chain, float]] = []
    word_links: list[float] = []
    paragraphs: list[Chain] = []
    for paragraph in kept_paragraphs(reading, keep_unsure=keep_unsure):
        first = len(lines)
        for line in paragraph:
            start = len(texts)
            for region in reading.graph.lines[line]:
                words, own = split_words(reading.texts[region], reading.quads[region])
                texts += words
                quads += list(own)
                confidences += [float(reading.confidences[region])] * len(words)
                word_links += ([1.0] * (len(words) - 1) + [float(reading.graph.word[region])]) if words else []
            if len(texts) > start:
                lines.append((tuple(range(start, len(texts))), float(reading.graph.line[line])))
        if len(lines) > first:
            paragraphs.append(tuple(range(first, len(lines))))
    relations = Relations(
        Links(Links.chained([line for line, _ in lines], len(texts)).target, np.array(word_links, np.float32)),
        Links(Links.chained(paragraphs, len(lines)).target, np.array([p for _, p in lines], np.float32)),
        Links(Links.chained([range(len(paragraphs))], len(paragraphs)).target, np.zeros(len(paragraphs), np.float32)),
    )
    return PageText(Words.of(quads, texts, confidences), relations, turn)


def kept_paragraphs(reading: PageReading, *, keep_unsure: bool) -> Iterator[Chain]:
    """Walk the paragraphs, or those in which at least one region is sure of its text."""
    for paragraph in reading.graph.paragraphs:
        words = reading.graph.words(paragraph)
        if keep_unsure or any(reading.texts[k] and reading.confidences[k] > SURE for k in words):
            yield paragraph

"""From a typeset page back to its truth: the text layer as the product reads it, and the number in each glyph's colour.

Comes in: a manuscript and an open PDF page. Goes out: a LabelledPage in the page's frame (points). The words, rulings
and pictures are those of `loaders.rasterize`, so that what is learned from is what will be read.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt

from loaders.document import Category, Page, Words
from loaders.errors import OcrIngestError
from loaders.rasterize.mupdf import MupdfPage
from loaders.rasterize.mupdf_inks import inks_of
from loaders.relate.structure import BlockDraft, assemble
from loaders.relate.synthesize.labelled import BLOCK_CATEGORY, LabelledPage
from loaders.relate.synthesize.manuscript import PLACES, Manuscript
from loaders.relate.synthesize.paper import paper_behind

SAME_LINE = 0.55
"""Baselines of words on one line differ by less than this share of the larger type size; index marks by a third."""
MIDDLE = 0.12
"""How far, in type sizes, a glyph's middle may lie from the middle line of its word."""
PAPER_DPI = 50
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he"})


class UntrueError(OcrIngestError):
    """A page was set so that its truth cannot be told: words touch, or are not where they should be."""


def label(manuscript: Manuscript, page: MupdfPage, family: str) -> LabelledPage:
    """Read a page back. Raises UntrueError."""
    layer = page.layer()
    if layer.hidden.any():
        raise UntrueError(f"{family}: {int(layer.hidden.sum())} words cannot be seen")
    words = layer.words
    numbers, baselines = _numbers(words, page)
    if (numbers == 0).any() or (numbers > len(manuscript.tokens)).any():
        raise UntrueError(f"{family}: {words.texts[int(np.argmin(numbers))]!r} was not written")
    _check_texts(manuscript, words, numbers, family)
    drafts = _blocks(manuscript, words, numbers, baselines)
    structure = assemble(words, page.frame, [draft for draft, _ in drafts])
    categories = tuple(category for draft, category in drafts for _ in draft.lines)
    backgrounds = paper_behind(page.image(PAPER_DPI), words)
    read = Page(
        1, "1", page.frame, words, structure.lines, structure.blocks, relations=structure.relations,
        rulings=layer.rulings, figures=layer.figures, source=family,
    )  # fmt: skip
    return LabelledPage(read, None, categories, backgrounds, family)


def _numbers(words: Words, page: MupdfPage) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the number (N,) each word's glyphs carry, 0 for none, and where its baseline is (N, 2).

    A glyph is a word's where its middle lies on the word's middle line, between its ends.
    """
    middles, origins, colours = inks_of(page)
    low = colours & 31
    marks = low[:, 0] | low[:, 1] << 5 | low[:, 2] << 10
    numbers, baselines = np.zeros(len(words), np.int64), np.zeros((len(words), 2))
    boxes = words.boxes.astype(np.float64)
    side = np.abs(words.quads[:, 1] - words.quads[:, 0])
    for across in (0, 1):  # 1: level words, whose line is found by y; 0: words that run up or down
        rows = np.flatnonzero((side[:, 0] >= side[:, 1]) == bool(across))
        if not len(rows):
            continue
        order = np.argsort(middles[:, across], kind="stable")
        places, along = middles[order, across], middles[order, 1 - across]
        for word in rows.tolist():
            centre = (boxes[word, across] + boxes[word, across + 2]) / 2
            start, end = boxes[word, 1 - across] - 0.05, boxes[word, 3 - across] + 0.05
            for reach in (MIDDLE, 4 * MIDDLE):  # letters of formulas stand higher and lower than their fonts say
                near = slice(*np.searchsorted(places, centre + reach * words.sizes[word] * np.array([-1, 1])))
                mine = order[near][(along[near] >= start) & (along[near] <= end)]
                if len(mine):
                    break
            if len(mine):
                found = marks[mine]
                numbers[word] = found[0] if (found == found[0]).all() else np.bincount(found).argmax()
                baselines[word] = origins[mine].mean(axis=0)
    return numbers, baselines


def _check_texts(manuscript: Manuscript, words: Words, numbers: npt.NDArray[np.int64], family: str) -> None:
    """Raise UntrueError unless nearly every word says what was written where its number was."""
    wrong = 0
    for text, number in zip(words.texts, numbers.tolist(), strict=True):
        token = manuscript.tokens[number - 1][1]
        if token:
            wrong += text.rstrip("-‐\xad") not in token and token not in text
    if wrong > max(2, 0.02 * len(words)) and not _is_shaped(manuscript):
        raise UntrueError(f"{family}: {wrong} of {len(words)} words do not say what was written")


def _is_shaped(manuscript: Manuscript) -> bool:
    """Say whether the script's letters change with their neighbours, so that a PDF's text differs from what was set."""
    return manuscript.pen.prose.language in RIGHT_TO_LEFT


def _blocks(
    manuscript: Manuscript,
    words: Words,
    numbers: npt.NDArray[np.int64],
    baselines: npt.NDArray[np.float64],
) -> list[tuple[BlockDraft, str]]:
    """Return the blocks on the page in reading order, each with its LINE_CATEGORY."""
    along = words.quads[:, 1].astype(np.float64) - words.quads[:, 0]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    depth, reach = (baselines * down).sum(axis=1), (words.quads[:, 0] * along).sum(axis=1)
    reach = -reach if manuscript.pen.prose.language in RIGHT_TO_LEFT else reach
    by_run: dict[int, list[int]] = defaultdict(list)
    for word in np.argsort(numbers, kind="stable").tolist():  # halves of a hyphenated word as they are drawn
        by_run[manuscript.tokens[numbers[word] - 1][0]].append(word)
    lines: dict[int, list[list[int]]] = defaultdict(list)
    for run in sorted(by_run):
        rows = _rows(by_run[run], depth, words)
        if manuscript.blocks[manuscript.runs[run]].category == "equation":
            rows = [by_run[run]]
        lines[manuscript.runs[run]] += [sorted(row, key=lambda i: (numbers[i], reach[i])) for row in rows]
    drafts = []
    for block in sorted(lines, key=lambda block: (PLACES.index(manuscript.blocks[block].place), block)):
        planned = manuscript.blocks[block]
        category = cast(Category, BLOCK_CATEGORY.get(planned.category, planned.category))
        whole = planned.category in ("table", "figure")
        parts = [lines[block]] if whole else _parts(lines[block], depth, words)
        drafts += [(BlockDraft(tuple(map(tuple, part)), category, planned.level), planned.category) for part in parts]
    return drafts


def _rows(run: list[int], depth: npt.NDArray[np.float64], words: Words) -> list[list[int]]:
    """Break the words of a run, in order, where the baseline changes."""
    rows: list[list[int]] = []
    for word in run:
        level = rows and abs(depth[word] - depth[rows[-1][-1]]) < SAME_LINE * max(
            words.sizes[word], words.sizes[rows[-1][-1]]
        )
        if level:
            rows[-1].append(word)
        else:
            rows.append([word])
    return rows


def _parts(lines: list[list[int]], depth: npt.NDArray[np.float64], words: Words) -> list[list[list[int]]]:
    """Part a block where it goes on in the next column: where a line stands higher than the one before it."""
    parts = [[lines[0]]]
    for before, line in pairwise(lines):
        if depth[line[0]] < depth[before[0]] - 0.5 * words.sizes[line[0]]:
            parts.append([line])
        else:
            parts[-1].append(line)
    return parts

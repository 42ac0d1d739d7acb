"""Synthetic pages with written-down truth: words set by a small typesetter, and what they form.

A `Sheet` is set block by block, in true reading order; it knows each block's lines, each line's words and each
block's category. `Sheet.structure` is what relating the words must give.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from loaders.document import BOLD, Page, Words
from loaders.geometry import Box, Frame, boxes_from_quads, quads_from_boxes
from loaders.relate import Structure, relate

VOCABULARY = re.findall(
    r"\w+",
    """
time year people way day man thing woman life child world school state family student group country problem hand
part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea body information
""",
)


def prose(seed: int, count: int) -> str:
    """Return sentences of common words, always the same for a seed, ending with a full stop."""
    rng = random.Random(seed)
    words: list[str] = []
    length = 0
    for k in range(count):
        word = rng.choice(VOCABULARY)
        words.append(word.capitalize() if length == 0 else word)
        length += 1
        if (length > 6 and rng.random() < 0.15) or k == count - 1:
            words[-1] += "."
            length = 0
    return " ".join(words)


def advance(text: str, size: float) -> float:
    """Return how wide a text is set: about what Helvetica takes."""
    widths = dict.fromkeys("ijl.,;:!'|tfr()", 0.28) | dict.fromkeys("mwMW", 0.8)
    return size * sum(widths.get(letter, 0.67 if letter.isupper() else 0.53) for letter in text)


@dataclass
class Set:
    """One block as it was set."""

    lines: list[list[int]]
    category: str = "text"


@dataclass
class Sheet:
    """A page being set. Coordinates are points from the top left; `y` is the top of the first line's box."""

    width: float = 595.0
    height: float = 842.0
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)
    blocks: list[Set] = field(default_factory=list)

    @property
    def frame(self) -> Frame:
        return Frame(self.width, self.height)

    def word(self, text: str, x: float, y: float, size: float = 10.0, *, bold: bool = False) -> int:
        """Put one word with its left end and the top of its line; return its index."""
        self.boxes.append((x, y, x + advance(text, size), y + 1.15 * size))
        self.texts.append(text)
        self.sizes.append(size)
        self.styles.append(BOLD if bold else 0)
        return len(self.texts) - 1

    def block(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        size: float = 10.0,
        *,
        leading: float = 1.25,
        indent: float = 0.0,
        hang: float = 0.0,
        align: str = "justify",
        bold: bool = False,
        category: str = "text",
    ) -> float:
        """Set a block; return the y of the next line. `indent` shifts the first line, `hang` the others."""
        lines: list[list[int]] = []
        for k, words in enumerate(self._broken(text.split(), width, size, indent, hang)):
            start = x + (indent if k == 0 else hang)
            lines.append(self._line(words, start, y, x + width - start, size, align, bold))
            y += leading * size
        if align == "justify" and len(lines) > 1:
            for line in lines[:-1]:
                self._stretch(line, x + width)
        self.blocks.append(Set(lines, category))
        return y

    def rows(
        self,
        rows: Sequence[Sequence[str]],
        xs: Sequence[float],
        y: float,
        size: float = 9.0,
        step: float = 16.0,
        category: str = "table",
    ) -> float:
        """Set a table: one block, one line per row, cells starting at `xs`; return the y below it."""
        lines = []
        for row in rows:
            line: list[int] = []
            for x, cell in zip(xs, row, strict=True):
                line += self._line(cell.split(), x, y, 1e9, size, "left", bold=False)
            lines.append(line)
            y += step
        self.blocks.append(Set(lines, category))
        return y

    def _broken(self, words: list[str], width: float, size: float, indent: float, hang: float) -> list[list[str]]:
        lines: list[list[str]] = [[]]
        used = indent
        for word in words:
            need = advance(word, size) + (0.28 * size if lines[-1] else 0)
            if lines[-1] and used + need > width:
                lines.append([])
                used, need = hang, advance(word, size)
            lines[-1].append(word)
            used += need
        return lines

    def _line(
        self, words: Sequence[str], x: float, y: float, width: float, size: float, align: str, bold: bool
    ) -> list[int]:
        total = sum(advance(word, size) for word in words) + 0.28 * size * (len(words) - 1)
        if align == "center":
            x += (width - total) / 2
        if align == "right":
            x += width - total
        line = []
        for word in words:
            line.append(self.word(word, x, y, size, bold=bold))
            x += advance(word, size) + 0.28 * size
        return line

    def _stretch(self, line: list[int], right: float) -> None:
        room = right - self.boxes[line[-1]][2]
        for k, word in enumerate(line):
            shift = room * k / max(len(line) - 1, 1)
            x0, y0, x1, y1 = self.boxes[word]
            self.boxes[word] = (x0 + shift, y0, x1 + shift, y1)

    # -- what comes out ------------------------------------------------------------------------------------------

    @property
    def structure(self) -> list[list[tuple[int, ...]]]:
        """Blocks in reading order, each a list of lines, each a tuple of words."""
        return [[tuple(line) for line in block.lines] for block in self.blocks]

    def words(
        self, *, skew: float = 0.0, jitter: float = 0.0, upright: bool = False, ocr: bool = False, seed: int = 0
    ) -> Words:
        """Return the words leaning by `skew` degrees, edges off by `jitter` em; `upright` boxes cannot lean."""
        boxes = np.array(self.boxes, np.float64).reshape(-1, 4)
        noise = np.random.default_rng(seed).normal(0, 1, boxes.shape) * jitter * np.array(self.sizes)[:, None]
        quads = quads_from_boxes(boxes + noise).astype(np.float64)
        angle, centre = math.radians(skew), np.array([self.width / 2, self.height / 2])
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        quads = (quads - centre) @ turn + centre
        if upright:
            quads = quads_from_boxes(boxes_from_quads(quads)).astype(np.float64)
        sizes, styles = (None, None) if ocr else (self.sizes, self.styles)
        return Words.of(quads, self.texts, sizes=sizes, styles=styles, ocr=ocr)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        return Box(x0, y0, x1, y1, self.frame)

    def page(self, number: int = 1) -> Page:
        """Return the sheet as a related page."""
        words = self.words()
        structure = relate(words, self.frame)
        return Page(number, str(number), self.frame, words, structure.lines, structure.blocks)


def found(structure: Structure) -> list[list[tuple[int, ...]]]:
    """Return what was found in the form of `Sheet.structure`."""
    return [[structure.lines[line].words for line in block.lines] for block in structure.blocks]


def two_columns(top: float = 80.0, paragraphs: int = 3, gutter: float = 20.0, seed: int = 1) -> Sheet:
    """Return a sheet with two justified columns of paragraphs."""
    sheet = Sheet()
    width = (495 - gutter) / 2
    for column in range(2):
        y = top
        for k in range(paragraphs):
            y = sheet.block(prose(seed + 10 * column + k, 60 + 7 * k), 50 + column * (width + gutter), y, width) + 8
    return sheet

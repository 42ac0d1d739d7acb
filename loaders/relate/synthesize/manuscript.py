"""What a page is to say, before it is set: blocks in reading order, and every word with a number its colour carries.

A family writes markup; each word of it is wrapped by `Manuscript.words`, which gives the word the next number and
hides it in the low five bits of its red, green and blue. Where the typesetter puts the word is read back from the
colours, and the truth with it.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from loaders.errors import UsageError
from loaders.relate.synthesize.prose import Pen

Place = Literal["header", "body", "footnote", "footer"]
PLACES: tuple[str, ...] = ("header", "body", "footnote", "footer")
MOST_WORDS = 1 << 15
DARK, LIGHT = (0, 0, 0), (7, 7, 7)
"""High three bits of red, green and blue of dark and of light text."""
UNSPACED = 0x2E80
"""From this character on, words are written without spaces between them."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A block to be: one of LINE_CATEGORIES, a title's level, the part of the page it belongs to."""

    category: str
    level: int
    place: Place


@dataclass(slots=True)
class Manuscript:
    """Collects blocks, runs and words while a family writes its markup.

    blocks  in reading order within their place
    runs    the block of each run; a run is what lines are formed within: a paragraph, a cell, a label
    tokens  the run and the text of each word
    paper   width and height in points, where the typesetter is not told in the markup
    """

    pen: Pen
    markup: Literal["typst", "html"]
    paper: tuple[float, float] = (595, 842)
    ink: tuple[int, int, int] = DARK
    blocks: list[Planned] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    tokens: list[tuple[int, str]] = field(default_factory=list)

    @property
    def rng(self) -> random.Random:
        return self.pen.rng

    def block(self, category: str = "text", level: int = 0, place: Place = "body") -> int:
        """Open the next block in reading order; return its number."""
        self.blocks.append(Planned(category, level, place))
        return len(self.blocks) - 1

    def run(self, text: str, block: int, styled: float = 0.0) -> str:
        """Return the markup of a new run of a block; `styled` is the chance that a few words are bold or italic."""
        self.runs.append(block)
        return self.more(text, styled)

    def more(self, text: str, styled: float = 0.0) -> str:
        """Return the markup of words that go on in the last run."""
        pieces: list[str] = []
        style, left = "", 0
        for word, spaced in _words_of(text):
            if left == 0:
                style = self.rng.choice(("b", "i")) if self.rng.random() < styled / 30 else ""
                left = self.rng.randint(1, 5) if style else 1
            left -= 1
            pieces.append((" " if spaced and pieces else "") + self._word(word, style))
        return "".join(pieces)

    def set(self, text: str, category: str = "text", level: int = 0, place: Place = "body", styled: float = 0.0) -> str:
        """Return the markup of a block of one run."""
        return self.run(text, self.block(category, level, place), styled)

    def cells(self, rows: Iterable[Iterable[str]], block: int) -> list[list[str]]:
        """Return the markup of a table's cells, a run each; "" stays empty."""
        return [[self.run(text, block) if text else "" for text in row] for row in rows]

    def raw(self, markup: str, block: int | None = None) -> str:
        """Return Typst markup of which all letters carry one number: a formula, leaders; in the last run, or a new one.

        What it says is not compared with what was written, and its words are ordered by where they stand.
        """
        if block is not None:
            self.runs.append(block)
        return f'#text(fill: rgb("{self._colour("")}"))[{markup}]'

    def _colour(self, text: str) -> str:
        number = len(self.tokens) + 1  # 0 is the typesetter's own black
        if number >= MOST_WORDS:
            raise UsageError(f"a page of more than {MOST_WORDS} words; set fewer")
        self.tokens.append((len(self.runs) - 1, text))
        low = (number & 31, number >> 5 & 31, number >> 10)
        return "#" + "".join(f"{high << 5 | bits:02x}" for high, bits in zip(self.ink, low, strict=True))

    def _word(self, text: str, style: str) -> str:
        colour = self._colour(text)
        if self.markup == "html":
            word = f'<a style="color:{colour}">{html.escape(text)}</a>'
            return f"<{style}>{word}</{style}>" if style else word
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'#w{style}("{colour}","{quoted}")'


def _words_of(text: str) -> list[tuple[str, bool]]:
    """Split a text into words, and say of each whether a space stands before it."""
    words = []
    for word in text.split():
        if ord(max(word)) < UNSPACED:
            words.append((word, True))
            continue
        pieces = re.findall(r"[\u2e80-\U0003ffff]{1,6}|[^\u2e80-\U0003ffff]+", word)
        words += [(piece, k == 0) for k, piece in enumerate(pieces)]
    return words

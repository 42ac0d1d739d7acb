"""Blocks become text, and every character knows its word.

Pages with blocks in reading order come in; one string, a TextMap and the span of every block come out. Furniture and
dropped words are left out, blocks are parted by blank lines, tables are Markdown pipe tables. A paragraph that a page
or column break cuts goes on as one. Boxes are in each page's own frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from loaders.document import FURNITURE, Block, Page, Table, TextMap
from loaders.text.hyphens import SOFT, Joint, Lexicon

LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
MARKER = re.compile(r"[•◦‣⁃∙·●○■□▪▫➢➤✓*–—-](?=\s|$|\w)|\(?(\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)](?=\s|$)")
"""What a list item begins with."""
_ODD = re.compile("[\ufb00-\ufb06\u00ad\\s\x00-\x1f\x7f\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_TERMINAL = ".!?:…。！？：؟।"
_CLOSING = "\"'”’»)]}」』"
_OPENING = "\"'“‘«([{「『"


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Where one table row stands in the text, bars included, and the contents of each of its columns."""

    start: int
    end: int
    cells: tuple[tuple[int, int], ...]
    header: bool = False


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """Where a block stands in the text: `page` is the 0-based page of the document, `block` the place among its blocks.

    `rows` are a table's rows. Words of a table block that are in no cell stand behind it in a span of their own.
    """

    page: int
    block: int
    start: int
    end: int
    rows: tuple[RowSpan, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ComposedText:
    """The text of some pages in reading order, which word each character came from, and the spans of the blocks."""

    text: str
    text_map: TextMap
    blocks: tuple[BlockSpan, ...]


def compose(pages: Sequence[Page]) -> ComposedText:
    """Write pages as one text: Page.blocks in order, page by page, without furniture and dropped words."""
    readings = [_Reading(page) for page in pages]
    writer = _Writer(Lexicon(lambda: (line for reading in readings for line in reading.tokens())))
    for reading in readings:
        for number, block in enumerate(reading.page.blocks):
            if block.category not in FURNITURE:
                writer.block(reading, number, block)
    return writer.composed()


def spelled(word: str) -> str:
    """Return a word as the text spells it: ligatures expanded, soft hyphens shown, never empty.

    A PDF draws a soft hyphen only where it shows, so one inside a word is a hyphen; at the word's end it is kept as it
    is, since it goes when the word ends its line.
    """
    if not _ODD.search(word):
        return word
    clean = _UNPRINTABLE.sub("\ufffd", " ".join(word.split()) or " ").translate(LIGATURES)
    return clean[:-1].replace(SOFT, "-") + clean[-1]


class _Reading:
    """A page made ready: its words spelled, its lines without what was dropped."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.texts = [spelled(text) for text in page.words.texts]
        self._joined = page.words.joined.tolist()
        self._dropped = {word for lot in page.dropped for word in lot.words}

    def line(self, words: Sequence[int]) -> list[tuple[int, bool]]:
        """Return the words of a line that are kept, each with whether it is closed up to the one before it."""
        joined, dropped = self._joined, self._dropped
        if not dropped:
            return [(word, joined[word]) for word in words]
        kept: list[tuple[int, bool]] = []
        before = True
        for word in words:
            if stays := word not in dropped:
                kept.append((word, joined[word] and before))
            before = stays
        return kept

    def lines(self, block: Block) -> list[list[tuple[int, bool]]]:
        return [kept for number in block.lines if (kept := self.line(self.page.lines[number].words))]

    def tokens(self) -> Iterator[list[str]]:
        """Yield the tokens of every line that is written."""
        for block in self.page.blocks:
            if block.category not in FURNITURE:
                for line in self.lines(block):
                    yield self.tokens_of(line)

    def tokens_of(self, line: Iterable[tuple[int, bool]]) -> list[str]:
        found: list[str] = []
        for word, joined in line:
            if joined and found:
                found[-1] += self.texts[word]
            else:
                found.append(self.texts[word])
        return found


class _Writer:
    """Text under construction; `_tail` is the token written last."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._parts: list[str] = []
        self._position = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._pages: list[int] = []
        self._words: list[int] = []
        self._tail = ""
        self._spans: list[BlockSpan] = []
        self._last: tuple[Page, Block] | None = None

    def composed(self) -> ComposedText:
        text_map = TextMap(
            np.array(self._starts, np.int64),
            np.array(self._ends, np.int64),
            np.array(self._pages, np.int32),
            np.array(self._words, np.int32),
        )
        return ComposedText("".join(self._parts), text_map, tuple(self._spans))

    def block(self, reading: _Reading, number: int, block: Block) -> None:
        page = reading.page
        lines = reading.lines(block)
        place = page.index, number
        before = len(self._spans)
        if block.table is not None:
            table = page.tables[block.table]
            if any(reading.line(cell.words) for cell in table.cells):
                self._table(reading, place, table)
            inside = {word for cell in table.cells for word in cell.words}
            lines = [rest for line in lines if (rest := [item for item in line if item[0] not in inside])]
        if lines:
            self._lines(reading, place, block, lines)
        if len(self._spans) > before:
            self._last = page, block

    # -- paragraphs -------------------------------------------------------------------------------------------------

    def _lines(
        self, reading: _Reading, place: tuple[int, int], block: Block, lines: list[list[tuple[int, bool]]]
    ) -> None:
        if self._goes_on(reading, block, lines[0]):
            self._cross(reading, lines[0])
            if self._spans[-1].end > self._position:
                self._spans[-1] = replace(self._spans[-1], end=self._position)
        else:
            self._part("\n\n")
        start = self._position
        kept_apart = block.category in ("figure", "table")
        for count, line in enumerate(lines):
            if count and (kept_apart or (block.category == "list" and _begins_item(reading, line))):
                self._put("\n")
            elif count:
                self._cross(reading, line)
            self._line(reading, line)
        self._spans.append(BlockSpan(*place, start, self._position))

    def _goes_on(self, reading: _Reading, block: Block, line: list[tuple[int, bool]]) -> bool:
        """Say whether the block goes on from the last one, which a page or column break cut in mid-sentence."""
        if self._last is None or block.category != "text" or self._last[1].category not in ("text", "list"):
            return False
        page, before = self._last
        if page.index == reading.page.index:
            apart = block.box.x0 >= before.box.x1 or block.box.x1 <= before.box.x0
            if not (apart and block.box.y0 < before.box.y1):
                return False
        elif page.index + 1 != reading.page.index:
            return False
        head = reading.tokens_of(line)[0].lstrip(_OPENING)
        return head[:1].islower() and self._tail.rstrip(_CLOSING)[-1:] not in _TERMINAL

    def _cross(self, reading: _Reading, line: list[tuple[int, bool]]) -> None:
        """Go from one line of a paragraph to the next."""
        _, joined = line[0]
        joint = Joint.CLOSED if joined else self._lexicon.joint(self._tail, reading.tokens_of(line)[0])
        if joint is Joint.HYPHEN_GOES and len(self._parts[-1]) > 1:
            self._parts[-1] = self._parts[-1][:-1]
            self._tail = self._tail[:-1]
            self._ends[-1] -= 1
            self._position -= 1
        elif joint is Joint.SPACE:
            self._put(" ")

    def _line(self, reading: _Reading, line: Iterable[tuple[int, bool]], *, escaped: bool = False) -> None:
        page, texts = reading.page.index, reading.texts
        for count, (word, joined) in enumerate(line):
            if count and not joined:
                self._put(" ")
            text = texts[word].replace("|", "\\|") if escaped else texts[word]
            self._tail += text
            shown = text[:-1] + "-" if text[-1] == SOFT else text
            self._starts.append(self._position)
            self._parts.append(shown)
            self._position += len(shown)
            self._ends.append(self._position)
            self._pages.append(page)
            self._words.append(word)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._position += len(text)
        self._tail = ""

    def _part(self, separator: str) -> None:
        if self._position:
            self._put(separator)

    # -- tables -----------------------------------------------------------------------------------------------------

    def _table(self, reading: _Reading, place: tuple[int, int], table: Table) -> None:
        """Write a pipe table as `Table.to_markdown` does, or only its rows where it goes on from the one just written.

        A cell that spans is written in every place it covers, and mapped to its words there too.
        """
        appended = self._extends_last(table, place[0])
        self._part("\n" if appended else "\n\n")
        start = self._position
        line_of = {word: number for number, line in enumerate(reading.page.lines) for word in line.words}
        rows: list[RowSpan] = []
        if not table.header_rows and not appended:
            self._put("|" + "  |" * table.n_cols + "\n" + _rule(table.n_cols) + "\n")
        for number, row in enumerate(table.grid()):
            if number:
                self._put("\n")
            begin = self._position
            cells: list[tuple[int, int]] = []
            self._put("|")
            for cell in row:
                self._put(" ")
                content = self._position
                self._cell(reading, reading.line(cell.words) if cell else [], line_of)
                cells.append((content, self._position))
                self._put(" |")
            rows.append(RowSpan(begin, self._position, tuple(cells), header=number < table.header_rows))
            if number == 0 and table.header_rows:
                self._put("\n" + _rule(table.n_cols))
        self._spans.append(BlockSpan(*place, start, self._position, tuple(rows)))

    def _cell(self, reading: _Reading, words: list[tuple[int, bool]], line_of: dict[int, int]) -> None:
        lines = [list(line) for _, line in groupby(words, key=lambda item: line_of.get(item[0], -1))]
        for count, line in enumerate(lines):
            if count:
                self._cross(reading, line)
            self._line(reading, line, escaped=True)

    def _extends_last(self, table: Table, page: int) -> bool:
        last = self._spans[-1] if self._spans else None
        return (
            table.continues
            and not table.header_rows
            and last is not None
            and bool(last.rows)
            and last.page + 1 == page
            and len(last.rows[0].cells) == table.n_cols
        )


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns


def _begins_item(reading: _Reading, line: list[tuple[int, bool]]) -> bool:
    return MARKER.match(reading.tokens_of(line[:2])[0]) is not None

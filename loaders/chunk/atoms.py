"""The ranges of text that go into chunks whole, and how each is split when it must be.

Items of the outline come in, atoms come out in text order: a whole item, a table's header, a table row. An atom that is
too long is split at blocks, sentences, words and, if it must be, characters; a row between its cells. Every atom shows
at least a part of one word of a page. Offsets are into the document's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from loaders.chunk.outline import Item
from loaders.document import TextMap
from loaders.text.composition import RowSpan
from loaders.text.sentences import Range, characters, sentences, words
from loaders.tokens import Cost, Meter

ITEM, BLOCK, SENTENCE, WORD, MAPPED, SLICE, CHARACTER = range(7)
"""How fine an atom is. MAPPED: one word of the page where several are written without space, as in Chinese."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A range of the text that goes into one piece.

    spans    the table rows it shows: one, or a header, or a header with the first row below it; () outside tables
    columns  the columns it shows, the last excluded
    split    it is a part of its row
    """

    item: Item
    start: int
    end: int
    cost: Cost
    fineness: int
    spans: tuple[RowSpan, ...] = ()
    columns: Range = (0, 0)
    split: bool = False

    @property
    def is_title(self) -> bool:
        return self.item.category == "title"

    @property
    def is_header(self) -> bool:
        return bool(self.spans) and self.spans[0].header

    @property
    def is_whole_row(self) -> bool:
        return bool(self.spans) and not self.split

    @property
    def row(self) -> int:
        """Where its table row starts, -1 outside tables."""
        return self.spans[0].start if self.spans else -1

    @property
    def company(self) -> tuple[int, int]:
        """What two atoms must have in common to share a piece: the parts of a split row keep to themselves."""
        return self.item.group, self.row if self.split else -1


class Cutter:
    """Cuts the items of one text into atoms, each with its cost."""

    def __init__(self, text: str, text_map: TextMap, meter: Meter) -> None:
        self._text, self._map, self._meter = text, text_map, meter

    def of(self, items: Sequence[Item]) -> Iterator[Atom]:
        for item in items:
            if not item.rows:
                yield Atom(item, item.start, item.end, self._cost(item.start, item.end), ITEM)
                continue
            depth = sum(span.header for span in item.rows)
            groups = [item.rows[: depth + 1], *((span,) for span in item.rows[depth + 1 :])]
            starts = [item.start, *(spans[0].start for spans in groups[1:])]
            ends = [*(start - 1 for start in starts[1:]), item.end]
            for spans, start, end in zip(groups, starts, ends, strict=True):
                yield from self._row(item, start, end, spans)

    def _row(self, item: Item, start: int, end: int, spans: Sequence[RowSpan]) -> Iterator[Atom]:
        """Yield the atom of some rows, unless they are empty."""
        if self._map.rows(start, end):
            yield Atom(item, start, end, self._cost(start, end), ITEM, tuple(spans), (0, len(spans[0].cells)))

    def _cost(self, start: int, end: int) -> Cost:
        """Count a range with the white space in front of it, as it stands within a piece."""
        while start and self._text[start - 1].isspace():
            start -= 1
        return self._meter.cost(self._text[start:end])

    def finer(self, atom: Atom) -> list[Atom]:
        """Split an atom at the next places where it can be; [] for a single character."""
        if atom.is_whole_row:
            return self._rows(atom) or self._cells(atom)
        for fineness in range(atom.fineness + 1, CHARACTER + 1):
            ranges = [found for found in self._ranges(atom, fineness) if self._map.rows(*found)]
            if len(ranges) > 1:
                return [
                    replace(atom, start=start, end=end, cost=self._cost(start, end), fineness=fineness)
                    for start, end in ranges
                ]
        return []

    def _rows(self, atom: Atom) -> list[Atom]:
        """Part a header from the first row below it; [] for one without the other."""
        header, body = ([span for span in atom.spans if span.header is head] for head in (True, False))
        if not (header and body):
            return []
        below = body[0].start
        return [
            *self._row(atom.item, atom.start, below - 1, header),
            *self._row(atom.item, below, atom.end, body),
        ]

    def _cells(self, atom: Atom) -> list[Atom]:
        """Split a row between its cells, each with the bar behind it; empty cells are left out."""
        cells: list[Atom] = []
        for span in atom.spans:
            start = span.start
            for column, (_, end) in enumerate(span.cells):
                if self._map.rows(start, end):
                    cell = replace(atom, start=start, end=end + 2, cost=self._cost(start, end + 2), fineness=BLOCK)
                    cells.append(replace(cell, columns=(column, column + 1), split=True))
                start = end + 3
        return cells

    def _ranges(self, atom: Atom, fineness: int) -> Sequence[Range]:
        text, start, end = self._text, atom.start, atom.end
        if fineness == BLOCK:
            return atom.item.parts if atom.item.category == "list" else ()
        if fineness == SENTENCE:
            return sentences(text, start, end)
        if fineness == WORD:
            return words(text, start, end)
        if fineness == MAPPED:
            rows = self._map.rows(start, end)
            inner = [int(cut) for cut in self._map.start[rows.start : rows.stop] if start < cut < end]
            return list(pairwise([start, *inner, end]))
        return characters(text, start, end, 16 if fineness == SLICE else 1)

"""Pages and documents built from written-down blocks, without a PDF, an engine or a layout step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from loaders.chunk import cut
from loaders.document import Block, Category, Cell, Chunk, Dropped, Line, Page, Table, Words
from loaders.geometry import Box, Frame, union
from loaders.settings import Settings
from loaders.text.composition import ComposedText, compose
from loaders.tokens import TokenBudget

FRAME = Frame(612.0, 792.0)
LETTER, LINE, MARGIN = 5.0, 14.0, 72.0
"""Widths and heights of the synthetic type, in points."""


@dataclass
class B:
    """A block to be: `lines` are strings of words parted by spaces; a word behind "~" is joined to the last."""

    category: Category
    lines: Sequence[str]
    level: int = 0
    x: float = MARGIN
    y: float | None = None


@dataclass
class T:
    """A table to be: rows of cell strings ("" for none), "\\n" for a line break in a cell.

    `spans` maps (row, col) to (row_span, col_span); `loose` are words inside the table's block but in no cell.
    """

    rows: Sequence[Sequence[str]]
    header_rows: int = 1
    continues: bool = False
    spans: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    loose: Sequence[str] = ()


class PageBuilder:
    """Sets words on a page from the top down and keeps the columns."""

    def __init__(self, number: int, frame: Frame = FRAME) -> None:
        self.number, self.frame = number, frame
        self.texts: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.joined: list[bool] = []
        self.lines: list[Line] = []
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.y = MARGIN

    def line(self, text: str, x: float) -> int:
        """Set one line and return its number."""
        words: list[int] = []
        for part in text.split(" "):
            joined = part.startswith("~") and len(part) > 1
            part = part[1:] if joined else part
            width = LETTER * len(part)
            words.append(len(self.texts))
            self.texts.append(part)
            self.joined.append(joined)
            self.boxes.append((x, self.y, x + width, self.y + LINE - 2))
            x += width + (0 if joined else LETTER)
        self.y += LINE
        box = union(Box(*self.boxes[word], self.frame) for word in words)
        self.lines.append(Line(tuple(words), box))
        return len(self.lines) - 1

    def block(self, spec: B) -> None:
        if spec.y is not None:
            self.y = spec.y
        lines = [self.line(text, spec.x) for text in spec.lines]
        box = union(self.lines[n].box for n in lines) if lines else Box(spec.x, self.y, spec.x + 1, self.y + 1, FRAME)
        self.blocks.append(Block(spec.category, tuple(lines), box, level=spec.level))
        self.y += LINE

    def table(self, spec: T) -> None:
        columns = max(len(row) for row in spec.rows)
        covered = {
            (r + i, c + j): (r, c)
            for (r, c), (high, wide) in spec.spans.items()
            for i in range(high)
            for j in range(wide)
        }
        cells: list[Cell] = []
        lines: list[int] = []
        top = self.y
        for r, row in enumerate(spec.rows):
            for c, text in enumerate(row):
                if not text or covered.get((r, c), (r, c)) != (r, c):
                    continue
                numbers = [self.line(part, MARGIN + c * 100.0) for part in text.split("\n")]
                words = tuple(word for number in numbers for word in self.lines[number].words)
                high, wide = spec.spans.get((r, c), (1, 1))
                box = union(self.lines[number].box for number in numbers)
                cells.append(Cell(r, c, words, text, box, high, wide, header=r < spec.header_rows))
                lines += numbers
        lines += [self.line(text, MARGIN) for text in spec.loose]
        box = Box(MARGIN, top, MARGIN + 100.0 * columns, max(self.y, top + 1), self.frame)
        self.tables.append(
            Table(box, len(spec.rows), columns, tuple(cells), spec.header_rows, continues=spec.continues)
        )
        self.blocks.append(Block("table", tuple(lines), box, table=len(self.tables) - 1))
        self.y += LINE

    def page(self, *, dropped: Sequence[tuple[Sequence[str], str]] = ()) -> Page:
        """Return the page; `dropped` names words by their text."""
        x0, y0, x1, y1 = np.array(self.boxes, np.float32).reshape(-1, 4).T
        corners = np.stack([np.stack(c, -1) for c in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)
        lots = [Dropped(tuple(i for i, t in enumerate(self.texts) if t in texts), reason) for texts, reason in dropped]
        return Page(
            number=self.number,
            label=str(self.number),
            frame=self.frame,
            words=Words.of(corners, self.texts, joined=self.joined, ocr=False),
            lines=tuple(self.lines),
            blocks=tuple(self.blocks),
            tables=tuple(self.tables),
            dropped=tuple(lots),
        )


def page_of(*specs: B | T, number: int = 1, dropped: Sequence[tuple[Sequence[str], str]] = ()) -> Page:
    """Build one page."""
    builder = PageBuilder(number)
    for spec in specs:
        if isinstance(spec, T):
            builder.table(spec)
        else:
            builder.block(spec)
    return builder.page(dropped=dropped)


def pages_of(*pages: Sequence[B | T]) -> list[Page]:
    """Build pages numbered from 1."""
    return [page_of(*specs, number=number) for number, specs in enumerate(pages, start=1)]


def text(*lines: str) -> B:
    return B("text", lines)


def title(line: str, level: int = 1) -> B:
    return B("title", [line], level=level)


def chunks_of(
    pages: Sequence[Page],
    *,
    max_tokens: int = 256,
    budgets: Sequence[TokenBudget] = (),
    composed: ComposedText | None = None,
    **settings: bool | str,
) -> tuple[Chunk, ...]:
    """Cut pages with the identity of a document that every test shares."""
    return cut(
        pages,
        composed or compose(pages),
        settings=replace(Settings(max_tokens=max_tokens), **settings),
        budgets=budgets,
        doc_id="d" * 32,
        config_id="c" * 32,
        source="/books/report.pdf",
        title="Report",
        total_pages=len(pages),
    )

"""One way of reading, at work on the items of a pack: pages, tables, documents, as the metrics want them.

Comes in: a Way and an item's file. Goes out: PagePrediction and PredictedTable in the item's own units, or a Document.
Page results go through a cache, so that the same page is read once, whatever is measured on it.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.evaluate.converters import Converter
from ingest.evaluate.foreign import rows_of
from ingest.evaluate.plan import Way
from ingest.evaluate.records import Item, PagePrediction, TableItem, TextBox
from ingest.evaluate.table_metrics import PredictedTable, pick_table
from ingest.evaluate.table_yardsticks import TableFinder
from ingest.evaluate.yardsticks import open_yardstick
from loaders.document import spaced
from loaders.errors import OcrIngestError, UsageError
from loaders.geometry import XYXY, Array, Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.cache import Cache
    from loaders.document import Document, Page
    from loaders.reading import Reader
    from loaders.tokens import TokenBudget


class Unreadable(OcrIngestError):
    """A page that could not be read; says at which stage and why."""


class Predictor:
    """Reads in one way; opened once per process. Raises EngineNotReady, MissingExtra or UsageError when it cannot."""

    def __init__(self, way: Way, cache: Cache | None = None) -> None:
        from loaders.reading import Reader

        self.way, self.cache = way, cache
        self.converter: Converter | None = None
        self.finder: TableFinder | None = None
        engine = None
        if way.is_yardstick:
            opened = open_yardstick(way.name, **way.options)
            opened.check()  # the pipeline would make a failure of it, page by page
            if isinstance(opened, Converter):
                self.converter = opened
                return
            if isinstance(opened, TableFinder):
                self.finder = opened
                return
            engine = opened
        self._reader = Reader(way.settings(), engine=engine)

    @property
    def reader(self) -> Reader:
        """What reads pages. Raises UsageError for a yardstick that converts whole files."""
        if self.converter is not None:
            raise UsageError(f"{self.way.name} gives Markdown only: it can be measured with `order` and `speed`")
        if self.finder is not None:
            raise UsageError(f"{self.way.name} gives tables only: it can be measured with `tables`")
        return self._reader

    def config_id(self, budgets: Sequence[TokenBudget] = ()) -> str:
        """Name all that decides what is read."""
        other = self.converter or self.finder
        return other.digest if other else self.reader.config_id(budgets)

    def document(
        self,
        file: Path,
        *,
        budgets: Sequence[TokenBudget] = (),
        pages: Iterable[int] | None = None,
        cached: bool = True,
    ) -> Document:
        """Read a file, or some pages of it (1-based)."""
        from loaders.pipeline import read_document
        from loaders.sources import open_source

        cache = self.cache if cached else None
        return read_document(open_source(file), self.reader, cache=cache, budgets=budgets, pages=pages)

    def page(self, file: Path, number: int = 1) -> tuple[Document, Page]:
        """Read one page. Raises Unreadable when it cannot be."""
        document = self.document(file, pages=[number])
        if not document.pages:
            failure = document.failures[0]
            raise Unreadable(f"{failure.stage}: {failure.error}")
        return document, document.pages[0]

    # -- what the metrics want --------------------------------------------------------------------------------------

    def transcript(self, item: Item) -> PagePrediction:
        """Return a page's text, words and lines in reading order, and its Markdown.

        A yardstick's text is its pieces line by line, exactly as it gave them.
        """
        file, number = _place(item)
        if self.converter is not None:
            markdown = self.converter.markdown(file, number)
            return PagePrediction(markdown, markdown=markdown)
        document, page = self.page(file, number)
        lines = _lines(page)
        texts = [spaced(page.words, line) for line in lines]
        boxes = page.words.boxes * np.tile(_scale(item, page.frame), 2)
        return PagePrediction(
            text="\n".join(texts) if self.way.is_yardstick else plain_text(document),
            words=tuple(TextBox(page.words.texts[w], _xyxy(boxes[w].tolist())) for line in lines for w in line),
            lines=tuple(TextBox(text, _around(boxes[line])) for text, line in zip(texts, lines, strict=True)),
            markdown=None if self.way.is_yardstick else document.to_markdown(),
        )

    def table_on_page(self, item: TableItem) -> str | None:
        """Return the HTML of the table that was found where the item's table is, None where none was."""
        if self.finder is not None:
            picked = pick_table(item, self.finder.tables(*_place(item)))
            return picked.html if picked else None
        if self.way.is_yardstick:
            return None
        _, page = self.page(*_place(item))
        scale = _scale(item, page.frame)
        found = [
            PredictedTable(table.to_html(), _xyxy((np.array(table.box.xyxy) * np.tile(scale, 2)).tolist()))
            for table in page.tables
        ]
        picked = pick_table(item, found)
        return picked.html if picked else None

    def table_in_crop(self, item: TableItem) -> str | None:
        """Return the HTML of a table whose region is given: from the picture of it, or from the page's own text.

        A yardstick that knows no tables gets what its boxes say: one row for each row of boxes, one cell for each box.
        """
        if self.finder is not None:
            return _found_in(self.finder, item)
        if self.way.text != "ocr" and item.table_box is not None and item.units == "pt":
            _, page = self.page(*_place(item))
            region = _xyxy((np.array(item.table_box) / np.tile(_scale(item, page.frame), 2)).tolist())
            if _has_text_layer(page, region):
                return _built(page, region)
        file = item.crop or item.file
        if file is None:
            raise UsageError(f"{item.id}: no picture of the table")
        _, page = self.page(file)
        return _rows(page) if self.way.is_yardstick else _built(page, page.frame.box.xyxy)


def _found_in(finder: TableFinder, item: TableItem) -> str | None:
    """Return the HTML of the largest table that another finder sees in a region that is given."""
    if finder.from_pixels and item.crop is not None:
        found = finder.tables(item.crop, 1)
    else:
        found = finder.tables(*_place(item), region=item.table_box if item.units == "pt" else None)
    return max((table.html for table in found), key=len, default=None)


def _lines(page: Page) -> list[list[int]]:
    """Return the words of each line, in reading order; in a table a line ends where its cell does."""
    cells = (cell.words for table in page.tables for cell in table.cells)
    cell_of = {word: number for number, words in enumerate(cells) for word in words}
    rows = (page.lines[row].words for block in page.blocks for row in block.lines)
    return [list(part) for words in rows for _, part in groupby(words, key=lambda word: cell_of.get(word, -1))]


def plain_text(document: Document) -> str:
    """Return a document's text without the bars and rules of its tables; what a spanning cell repeats, once."""
    text, rows = document.text, document.text_map
    parts: list[str] = []
    before, seen = 0, set[tuple[int, int]]()
    for start, end, *word in zip(
        *(column.tolist() for column in (rows.start, rows.end, rows.page, rows.word)), strict=True
    ):
        place = (word[0], word[1])
        if place not in seen:
            gap = text[before:start]
            parts += ["\n" if "\n" in gap else " " if gap else "", text[start:end].replace("\\|", "|")]
        seen.add(place)
        before = end
    return "".join(parts)


def _has_text_layer(page: Page, region: XYXY) -> bool:
    """Say whether what was read in a region was read from the text layer, most of it."""
    x0, y0, x1, y1 = region
    centres = page.words.quads.mean(axis=1)
    inside = (centres >= (x0, y0)).all(axis=1) & (centres <= (x1, y1)).all(axis=1)
    return bool(inside.any() and page.words.ocr[inside].mean() < 0.5)


def _built(page: Page, region: XYXY) -> str | None:
    """Cut the words of a region into a grid."""
    from loaders.tables import build_table

    dropped = [word for lot in page.dropped for word in lot.words]
    kept = np.setdiff1d(np.arange(len(page.words)), dropped)
    table = build_table(page.words.take(kept), page.frame.at(region), page.frame, page.rulings)
    return table.to_html() if table else None


def _rows(page: Page) -> str | None:
    from html import escape

    cells = [TextBox(page.line_text(line), line.box.xyxy) for line in page.lines]
    rows = ("".join(f"<td>{escape(cell.text, quote=False)}</td>" for cell in row) for row in rows_of(cells))
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>" if cells else None


def _place(item: Item) -> tuple[Path, int]:
    if item.file is None:
        raise UsageError(f"{item.id} has no file to read")
    return item.file, item.page or 1


def _scale(item: Item, frame: Frame) -> tuple[float, float]:
    """Return units of the record per unit of the frame, along x and y."""
    return (item.width or frame.width) / frame.width, (item.height or frame.height) / frame.height


def _around(boxes: Array) -> XYXY:
    return _xyxy([*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()])


def _xyxy(values: Sequence[float]) -> XYXY:
    x0, y0, x1, y1 = values
    return x0, y0, x1, y1

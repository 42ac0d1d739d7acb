"""The text of pages and documents: plain, as Markdown, and the boxes of any part of it.

Pages or a document come in; strings and boxes come out, in reading order. How text is written is in `composition`, what
happens at a line's end in `hyphens`. Boxes are in each page's own frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loaders.document import Block, Document, Page, PageBox, TextMap
from loaders.errors import UsageError
from loaders.geometry import Box, union
from loaders.text.composition import BlockSpan, ComposedText, RowSpan, compose, spelled

__all__ = [
    "BlockSpan",
    "ComposedText",
    "RowSpan",
    "WordPlace",
    "boxes_for",
    "boxes_in",
    "boxes_of_runs",
    "compose",
    "document_markdown",
    "lines_of_words",
    "page_text",
    "spelled",
]

_BULLET = re.compile(r"[•◦‣⁃∙·●○■□▪▫➢➤✓*–—-]\s*")
_NUMBER = re.compile(r"\d{1,3}[.)]\s")


def page_text(page: Page) -> str:
    """Return a page's text in reading order."""
    return compose([page]).text


# -- Markdown -------------------------------------------------------------------------------------------------------


def document_markdown(document: Document) -> str:
    """Return a document as Markdown: headings with # by level, lists, pipe tables, captions in italics."""
    composed = compose(document.pages)
    pages = {page.index: page for page in document.pages}
    parts: list[str] = []
    before: tuple[int, str] = (0, "")
    for span in composed.blocks:
        block = pages[span.page].blocks[span.block]
        text = composed.text[span.start : span.end]
        gap = composed.text[before[0] : span.start]
        if not span.rows:
            text = text if parts and gap != "\n\n" else _marked_up(block, text)
        if parts:
            parts.append("\n" if before[1] == block.category == "list" else gap)
        parts.append(text)
        before = span.end, block.category
    return "".join(parts)


def _marked_up(block: Block, text: str) -> str:
    match block.category:
        case "title":
            return "#" * min(max(block.level, 1), 6) + " " + text
        case "list":
            return "\n".join(_item(line) for line in text.split("\n"))
        case "caption":
            return text if "*" in text else f"*{text}*"
        case "figure" | "table":
            return text.replace("\n", "  \n")
        case _:
            return "\\" + text if text.startswith(("#", ">")) else text


def _item(line: str) -> str:
    if bullet := _BULLET.match(line):
        return "- " + line[bullet.end() :]
    return line if _NUMBER.match(line) else "- " + line


# -- boxes ----------------------------------------------------------------------------------------------------------


def boxes_for(document: Document, start: int, end: int) -> tuple[PageBox, ...]:
    """Return the boxes of characters start to end of a document's text, one per run of words on a line.

    Raises UsageError for a span outside the text.
    """
    if not 0 <= start <= end <= len(document.text):
        raise UsageError(f"characters {start} to {end} are not in a text of {len(document.text)} characters")
    return boxes_in(document.pages, document.text_map, start, end)


class WordPlace(NamedTuple):
    """A word of a document: 1-based page, line and number on that page, and its box."""

    page_number: int
    line: int
    word: int
    box: Box


def boxes_in(pages: Iterable[Page], text_map: TextMap, start: int, end: int) -> tuple[PageBox, ...]:
    """Return the boxes of characters start to end of the text of some pages, in reading order.

    A word that the span touches counts as a whole, and once, however often the text repeats it.
    """
    rows = text_map.rows(start, end)
    if start == end or not rows:
        return ()
    touched = slice(rows.start, rows.stop)
    by_index = {page.index: page for page in pages}
    numbers, words = text_map.page[touched].tolist(), text_map.word[touched].tolist()
    line_of = {number: lines_of_words(by_index[number]) for number in set(numbers)}
    return boxes_of_runs(
        WordPlace(number + 1, int(line_of[number][word]), word, by_index[number].word_box(word))
        for number, word in zip(numbers, words, strict=True)
    )


def boxes_of_runs(places: Iterable[WordPlace]) -> tuple[PageBox, ...]:
    """Return one box per run of words on a line, in the order given; a word given twice counts once."""
    once: dict[tuple[int, int], WordPlace] = {}
    for place in places:
        once.setdefault((place.page_number, place.word), place)
    found = []
    for (page_number, _), run in groupby(once.values(), key=lambda place: (place.page_number, place.line)):
        found.append(PageBox(page_number, union(place.box for place in run)))
    return tuple(found)


def lines_of_words(page: Page) -> npt.NDArray[np.int32]:
    """Return the line of every word of a page; a word in no line is one of its own, numbered below zero."""
    lines = -1 - np.arange(len(page.words), dtype=np.int32)
    for number, line in enumerate(page.lines):
        lines[list(line.words)] = number
    return lines

"""Running headers, footers and page numbers, by evidence from several pages; nothing is furniture on one page's word.

In: related pages of one document, in file order. Out: the same pages; blocks that repeat at the top or foot of the
page have category header, footer or page_number, and their words are in `dropped` with reason "furniture". The blocks
stay where they are, so that they can be shown. Positions are shares of each page's own height.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loaders.document import FURNITURE, Block, Category, Dropped, Page

BAND = 0.15
"""Share of the page's height at its top and at its foot where furniture stands."""
MIN_PAGES = 3
MIN_JUMPING = 5
"""So many page numbers that rise unevenly are evidence as well: an excerpt leaves pages out."""
MIN_INNER = 5
"""Text that stands below other furniture needs this many pages: the head of a table that goes on may stand there."""
MAX_GAP = 4
"""Pages of one run follow each other at most this far apart: left and right pages alternate, chapter openings skip."""
SHIFT = 0.015
"""Share of the page's height by which furniture may move from page to page."""
DISTANCE = 0.7
"""Share of its own line's height that furniture keeps from the text, on half of its pages at least."""
LARGE = 1.3
"""Type this many times the page's own is a heading, unless it stands on most pages."""

_ROMAN = re.compile(r"[ivxlc]+")
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_PAGE_NUMBER = re.compile(
    r"[-–—·.\[(|\s]*(?:page|p|seite|s|pagina|página|pag|第)?[.\s]*(?:[a-z]{1,2}[-.–]|\d+[-.–:])?#"
    r"(?:\s*(?:of|/|von|de|sur|di|\|)\s*#)?[-–—·.\])|\s页頁]*"
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A block that may be furniture.

    place, block  the place of its page among the pages given, and its own on the page
    page          the page's number in the file: some pages may not be there
    foot, edge    at which end of the page, and how far from it
    masked        its text without case, numbers as "#"; `value` the number that may count pages
    large, alone  set in large type; kept apart from the text
    """

    place: int
    block: int
    page: int
    foot: bool
    edge: float
    masked: str
    value: int | None
    large: bool
    alone: bool

    @property
    def counts(self) -> bool:
        """Whether the text is nothing but a page number."""
        return bool(_PAGE_NUMBER.fullmatch(self.masked)) and self.value is not None

    @property
    def offset(self) -> int:
        """How far the number is ahead of the page's own; the same on all pages where it counts."""
        return (self.value or 0) - self.page

    @property
    def core(self) -> str:
        """The text without a page number before or after it."""
        return re.sub(r"^[#\s|·•–-]+|[#\s|·•–-]+$", "", self.masked)

    @property
    def category(self) -> Category:
        if self.counts:
            return "page_number"
        return "footer" if self.foot else "header"


Run = list[_Mark]


def mark_furniture(pages: Sequence[Page]) -> list[Page]:
    """Return the pages with running headers, footers and page numbers marked and their words dropped.

    A text counts as running when it stands at the same height, digits aside, on at least three pages near each other
    (so left and right pages may differ); a number alone when it counts along with the pages. Time is linear in the
    blocks but for sorting.
    """
    if len(pages) < MIN_PAGES:
        return list(pages)
    marks = [mark for place, page in enumerate(pages) for mark in _marks(place, page)]
    running = _running(marks, len(pages))
    runs = running + _counting(marks, {mark for run in running for mark in run})
    found: dict[int, dict[int, Category]] = defaultdict(dict)
    for mark in _standing_outside(runs, pages):
        found[mark.place][mark.block] = mark.category
    return [_marked(page, found[place]) for place, page in enumerate(pages)]


# -- candidates -------------------------------------------------------------------------------------------------------


def _marks(place: int, page: Page) -> Run:
    """Return the short blocks at the top and foot of one page."""
    size = float(np.median(page.words.sizes)) if len(page.words) else 0.0
    marks = []
    for index, block in enumerate(page.blocks):
        top, foot = block.box.y1 / page.frame.height, 1 - block.box.y0 / page.frame.height
        if min(top, foot) > BAND or block.category in {"table", "figure", *FURNITURE} or len(block.lines) > 3:
            continue
        masked, value = _mask(" ".join(page.line_text(page.lines[line]) for line in block.lines))
        large = _size(page, block) > LARGE * size
        alone = _is_alone(block, page)
        edge = _edge(page, block, foot < top)
        marks.append(_Mark(place, index, page.number, foot < top, edge, masked, value, large, alone))
    return marks


def _edge(page: Page, block: Block, foot: bool) -> float:
    middle = (block.box.y0 + block.box.y1) / 2 / page.frame.height
    return 1 - middle if foot else middle


def _size(page: Page, block: Block) -> float:
    return float(np.median(page.words.sizes[[word for line in block.lines for word in page.lines[line].words]]))


def _is_alone(block: Block, page: Page) -> bool:
    """Say whether a block keeps its distance from the text towards the middle of the page, and is no heading's tail."""
    own = block.box
    foot = own.y0 + own.y1 > page.frame.height
    room = DISTANCE * own.height / len(block.lines)
    for other in page.blocks:
        if other is block:
            continue
        inwards = own.y0 - other.box.y1 if foot else other.box.y0 - own.y1
        beside = min(own.y1, other.box.y1) - max(own.y0, other.box.y0) > 0.5 * own.height
        if beside and _size(page, other) > 1.2 * _size(page, block):
            return False
        if not beside and -own.height < inwards < room and min(own.x1, other.box.x1) > max(own.x0, other.box.x0):
            return False
    return True


def _mask(text: str) -> tuple[str, int | None]:
    """Return a text without case, with every number as "#", and the last of the numbers that could count pages.

    Of "12 of 30" and "12/30" the first counts.
    """
    plain = " ".join(text.casefold().split())
    masked = re.sub(r"\d+", "#", plain)
    if _ROMAN.fullmatch(plain.strip(" -–—.|[]()")):
        masked = _ROMAN.sub("#", plain)
    numbers = _NUMBER.findall(plain)
    if not numbers:
        return masked, None
    total = re.search(r"#\s*(?:of|/|von|de|sur|di)\s*#", masked)
    counted = numbers[-2] if total and len(numbers) > 1 else numbers[-1]
    return masked, int(counted) if counted.isdecimal() else _roman(counted)


def _roman(text: str) -> int | None:
    """Return the value of a lower-case roman numeral, None where it is not spelled as one is."""
    values = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
    digits = [values[letter] for letter in text]
    value = sum(-d if d < max(digits[k + 1 :], default=0) else d for k, d in enumerate(digits))
    return value if value > 0 and _spelled(value) == text else None


def _spelled(value: int) -> str:
    parts = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
    text = ""
    for worth, letters in parts:
        text += letters * (value // worth)
        value %= worth
    return text


# -- evidence ---------------------------------------------------------------------------------------------------------


def _running(marks: Iterable[_Mark], page_count: int) -> list[Run]:
    """Return the runs of marks whose text repeats at one height on pages near each other."""
    groups: dict[tuple[bool, str], Run] = defaultdict(list)
    for mark in marks:
        if any(letter.isalpha() for letter in mark.core) and not mark.counts:
            groups[mark.foot, mark.core].append(mark)
    found = [run for group in groups.values() for level in _levels(group) for run in _runs(level)]
    return [run for run in found if _is_modest(run, page_count) and 2 * sum(mark.alone for mark in run) >= len(run)]


def _is_modest(run: Run, page_count: int) -> bool:
    """Say whether a run is set small, or stands on so many pages that it is no heading all the same."""
    return len(run) > max(page_count / 2, MIN_PAGES) or not any(mark.large for mark in run)


def _counting(marks: Iterable[_Mark], running: set[_Mark]) -> list[Run]:
    """Return the runs of page numbers that count: one apart on pages one apart, three times or more.

    Numbers in a running text bear witness too. In an excerpt they jump; then five that keep rising by no less than the
    pages do are as good.
    """
    groups: dict[bool, Run] = defaultdict(list)
    for mark in marks:
        if mark.counts or (mark in running and mark.value is not None):
            groups[mark.foot].append(mark)
    found: list[Run] = []
    for group in groups.values():
        for level in _levels(group):
            by_offset: dict[int, Run] = defaultdict(list)
            by_form: dict[str, Run] = defaultdict(list)
            for mark in level:
                by_offset[mark.offset].append(mark)
                by_form[mark.masked].append(mark)
            found += [run for even in by_offset.values() for run in _runs(even)]
            rising = [part for form in by_form.values() for run in _runs(form) for part in _rising(run)]
            found += [run for run in rising if len(run) >= MIN_JUMPING]
    return [[mark for mark in run if mark.counts] for run in found]


def _rising(marks: Run) -> list[Run]:
    """Part marks, in the order of their pages, wherever the number rises by less than the page."""
    runs: list[Run] = []
    for mark in marks:
        if not runs or mark.offset < runs[-1][-1].offset:
            runs.append([])
        runs[-1].append(mark)
    return runs


def _levels(group: Run) -> list[Run]:
    """Part marks by height on the page, wherever there is a step between neighbours."""
    levels: list[Run] = []
    for mark in sorted(group, key=lambda mark: mark.edge):
        if not levels or mark.edge - levels[-1][-1].edge > SHIFT:
            levels.append([])
        levels[-1].append(mark)
    return levels


def _runs(level: Run) -> list[Run]:
    """Return the runs of enough pages without a long gap, page by page.

    A page with the same text twice at one height has none of it: that is a row of a table.
    """
    on_page = Counter(mark.page for mark in level)
    runs: list[Run] = []
    for mark in sorted(level, key=lambda mark: mark.page):
        if on_page[mark.page] > 1:
            continue
        if not runs or mark.page - runs[-1][-1].page > MAX_GAP:
            runs.append([])
        runs[-1].append(mark)
    return [run for run in runs if len(run) >= MIN_PAGES]


# -- marking ----------------------------------------------------------------------------------------------------------


def _standing_outside(runs: Sequence[Run], pages: Sequence[Page]) -> Run:
    """Return the marks with nothing but furniture between them and the page's edge."""
    found: dict[int, set[int]] = defaultdict(set)
    for run in runs:
        for mark in run:
            found[mark.place].add(mark.block)
    outside = []
    for run in runs:
        outer = {mark: _outer(mark, pages[mark.place], found[mark.place]) for mark in run}
        free = [mark for mark in run if outer[mark] != "text"]
        inner = sum(outer[mark] == "furniture" for mark in free)
        if len(free) >= (MIN_INNER if 2 * inner >= len(free) else MIN_PAGES):
            outside += free
    return outside


def _outer(mark: _Mark, page: Page, found: set[int]) -> str:
    """Say what stands further out than a mark in its column: "text", only "furniture", or ""."""
    own = page.blocks[mark.block].box
    kind = ""
    for index, other in enumerate(page.blocks):
        beyond = other.box.y0 >= own.y1 - 0.3 * own.height if mark.foot else other.box.y1 <= own.y0 + 0.3 * own.height
        if beyond and index != mark.block and min(own.x1, other.box.x1) > max(own.x0, other.box.x0):
            if index not in found:
                return "text"
            kind = "furniture"
    return kind


def _marked(page: Page, found: dict[int, Category]) -> Page:
    if not found:
        return page
    blocks = tuple(
        replace(block, category=found[index], level=0) if index in found else block
        for index, block in enumerate(page.blocks)
    )
    words = sorted(word for index in found for line in page.blocks[index].lines for word in page.lines[line].words)
    return replace(page, blocks=blocks, dropped=(*page.dropped, Dropped(tuple(words), "furniture")))

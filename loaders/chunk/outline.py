"""The text of a document as items that chunks are packed from, each under its headings.

Pages and their composed text come in; items come out in text order: a heading, a paragraph (over page breaks), a run of
list items, a table, a figure, a caption, a footnote. Only items of one group may share a chunk. Offsets are into the
document's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loaders.document import Block, Category, Page
from loaders.text.composition import BlockSpan, ComposedText, RowSpan

FLOW: frozenset[str] = frozenset({"text", "list", "title"})


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, or the caption of a table or figure, and where it stands in the text."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of text that is kept whole where it fits.

    group    items of different groups never share a chunk, save that a heading goes with what follows it
    path     the headings it stands under, its own included, the highest first
    parts    the ranges of its blocks
    rows     a table's rows; `header` its header rows, or those of the table it continues
    names    how many of its first columns name a row
    caption  what a piece that stands apart from it still has to be known by
    """

    category: Category
    start: int
    end: int
    group: int
    path: tuple[Heading, ...]
    parts: tuple[tuple[int, int], ...]
    rows: tuple[RowSpan, ...] = ()
    header: tuple[RowSpan, ...] = ()
    names: int = 0
    caption: Heading | None = None


def outline(pages: Sequence[Page], composed: ComposedText) -> list[Item]:
    """Return the items of a text in order."""
    by_index = {page.index: page for page in pages}
    blocks = [by_index[span.page].blocks[span.block] for span in composed.blocks]
    paths = _paths(composed, blocks)
    groups = _groups(composed.blocks, blocks)
    captions = _captions(composed, blocks, groups)
    items: list[Item] = []
    header: tuple[RowSpan, ...] = ()
    for number, (span, block) in enumerate(zip(composed.blocks, blocks, strict=True)):
        item = Item(block.category, span.start, span.end, groups[number], paths[number], ((span.start, span.end),))
        if span.rows and block.table is not None:
            table = by_index[span.page].tables[block.table]
            header = _header(span, header, continues=table.continues)
            item = replace(item, rows=span.rows, header=header, names=table.header_cols)
        item = replace(item, caption=captions.get(groups[number]))
        if items and _belong_together(items[-1], item, composed.text):
            items[-1] = replace(items[-1], end=item.end, parts=items[-1].parts + item.parts)
        else:
            items.append(item)
    return items


def _paths(composed: ComposedText, blocks: Sequence[Block]) -> list[tuple[Heading, ...]]:
    """Return the heading path of every span."""
    stack: list[tuple[int, Heading]] = []
    paths: list[tuple[Heading, ...]] = []
    for span, block in zip(composed.blocks, blocks, strict=True):
        if block.category == "title":
            level = max(block.level, 1)
            while stack and stack[-1][0] >= level:
                stack.pop()
            stack.append((level, Heading(" ".join(composed.text[span.start : span.end].split()), span.start)))
        paths.append(tuple(heading for _, heading in stack))
    return paths


def _groups(spans: Sequence[BlockSpan], blocks: Sequence[Block]) -> list[int]:
    """Return the group of every span: running text, each table or figure with its captions, each run of footnotes."""
    anchors = _anchors(spans, blocks)
    groups: list[int] = []
    for number, block in enumerate(blocks):
        if not number:
            groups.append(0)
            continue
        before = blocks[number - 1].category
        if block.category == "title":
            same = False
        elif block.category in FLOW:
            same = before in FLOW
        elif block.category == "footnote":
            same = before == "footnote"
        else:
            same = anchors[number] == anchors[number - 1] != -1
        groups.append(groups[-1] if same else groups[-1] + 1)
    return groups


def _anchors(spans: Sequence[BlockSpan], blocks: Sequence[Block]) -> list[int]:
    """Return the table or figure every span belongs to: the number of its first span, -1 for none."""
    anchors = [-1] * len(blocks)
    for number, block in enumerate(blocks):
        if block.category in ("table", "figure"):
            rest = number and (spans[number - 1].page, spans[number - 1].block) == (
                spans[number].page,
                spans[number].block,
            )
            goes_on = number and spans[number].rows and spans[number - 1].end + 1 == spans[number].start
            anchors[number] = anchors[number - 1] if rest or goes_on else number
    for number, block in enumerate(blocks):
        if block.category == "caption":
            anchors[number] = _anchor_of_caption(number, spans, blocks, anchors)
    return anchors


def _anchor_of_caption(number: int, spans: Sequence[BlockSpan], blocks: Sequence[Block], anchors: Sequence[int]) -> int:
    """Return the nearer of the table or figure before a caption and the one after it, where they adjoin."""
    before, after = anchors[number - 1] if number else -1, -1
    following = number
    while following < len(blocks) and blocks[following].category == "caption":
        following += 1
    if following < len(blocks):
        after = anchors[following]
    if before == -1 or after == -1:
        return max(before, after)
    below, above = (_gap(number, other, spans, blocks) for other in (number - 1, number + 1))
    return before if below <= above else after


def _gap(one: int, other: int, spans: Sequence[BlockSpan], blocks: Sequence[Block]) -> float:
    """Return the vertical distance of two blocks, infinite between pages."""
    if spans[one].page != spans[other].page:
        return float("inf")
    a, b = blocks[one].box, blocks[other].box
    return max(a.y0 - b.y1, b.y0 - a.y1, 0.0)


def _captions(composed: ComposedText, blocks: Sequence[Block], groups: Sequence[int]) -> dict[int, Heading]:
    """Return the first caption of every group that has one."""
    found: dict[int, Heading] = {}
    for span, block, group in zip(composed.blocks, blocks, groups, strict=True):
        if block.category == "caption":
            found.setdefault(group, Heading(composed.text[span.start : span.end], span.start))
    return found


def _header(span: BlockSpan, before: tuple[RowSpan, ...], *, continues: bool) -> tuple[RowSpan, ...]:
    """Return a table's header rows; those of the table before it where it goes on from that without its own."""
    own = tuple(row for row in span.rows if row.header)
    if own or not continues:
        return own
    return before if before and len(before[0].cells) == len(span.rows[0].cells) else ()


def _belong_together(before: Item, item: Item, text: str) -> bool:
    """Say whether an item goes on in the same paragraph, or in the same list."""
    if before.group != item.group or before.rows or item.rows:
        return False
    in_one_paragraph = text[before.end : item.start] != "\n\n"
    return in_one_paragraph or before.category == item.category == "list"

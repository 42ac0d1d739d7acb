"""Words -> lines -> blocks -> reading order by geometry alone: the stages, in order.

In: the words of a page in its frame, and what else is known of it. Out: block drafts in reading order. Everything
between is in upright working coordinates (see upright.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loaders.document import Links, Words
from loaders.geometry import Array, Box, Frame
from loaders.relate.arrange import arrange
from loaders.relate.blocks import find_blocks
from loaders.relate.categories import Body, categorize
from loaders.relate.columns import Rows
from loaders.relate.drafts import Draft, gather_labels, inside, merge_touching
from loaders.relate.levels import Heading, rank_headings
from loaders.relate.lines import find_lines, find_rows
from loaders.relate.neighbours import Ints
from loaders.relate.structure import BlockDraft
from loaders.relate.upright import Upright, stand_upright

BACKGROUND = 0.6
"""A picture over more of the page, or under more of its words, is paper rather than a picture."""


def relate_by_geometry(
    words: Words, frame: Frame, tables: Sequence[Box], figures: Sequence[Box], rulings: Array, fragments: Links | None
) -> list[BlockDraft]:
    """Return the page's blocks in reading order. `fragments` are an engine's word links, or None."""
    upright = stand_upright(words)
    words = replace(words, sizes=upright.sizes)
    table = _region_of(words, tables)
    drawn = upright.place_rulings(rulings)
    drafts = _tables(words, upright, table)
    for turn in np.unique(upright.turns):
        rows = np.flatnonzero((upright.turns == turn) & (table < 0))
        drafts += _text(words, upright, rows, drawn if turn == upright.main else drawn[:0], fragments)
    body = Body.of(drafts, words)
    pictures = upright.place(_pictures(words, frame, figures, body.size))
    drafts, empty = gather_labels(drafts, pictures, words, upright.placed, body.size)
    categories = categorize(drafts, words, pictures, drawn)
    page = upright.place([frame.box.xyxy])[0]
    order = arrange(drafts, categories, empty, drawn, page, body.size)
    titles = [k for k in order if categories[k] == "title"]
    headings = [Heading(drafts[k].text, drafts[k].size, drafts[k].bold > 0.5, body.read) for k in titles]
    levels = dict(zip(titles, rank_headings(headings), strict=True))
    return [BlockDraft(drafts[k].lines, categories[k], levels.get(k, 0), drafts[k].table) for k in order]


def _xyxy(boxes: Sequence[Box]) -> Array:
    return np.array([box.xyxy for box in boxes], np.float32).reshape(-1, 4)


def _region_of(words: Words, regions: Sequence[Box]) -> Ints:
    """Return for each word the first region its centre lies in, -1 for none."""
    held = inside(words.boxes, _xyxy(regions))
    return np.where(held.any(axis=1), held.argmax(axis=1), -1) if len(regions) else np.full(len(words), -1)


def _pictures(words: Words, frame: Frame, figures: Sequence[Box], em: float) -> Array:
    """Return the pictures worth a place on the page, in its frame: neither background nor specks, strips joined."""
    boxes = merge_touching(_xyxy([f for f in figures if f.area < BACKGROUND * frame.box.area]), 0.1 * em)
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    held = inside(words.boxes, boxes).mean(axis=0) if len(words) else np.zeros(len(boxes))
    return boxes[(sides > 2 * em) & (held < BACKGROUND)]


def _tables(words: Words, upright: Upright, table: Ints) -> list[Draft]:
    drafts = []
    for region in np.unique(table[table >= 0]):
        rows = np.flatnonzero(table == region)
        chains = [tuple(int(rows[i]) for i in chain) for chain in find_rows(words.take(rows), upright.placed[rows])]
        drafts.append(Draft.of(chains, words, upright.placed, "table", int(region)))
    return drafts


def _text(words: Words, upright: Upright, rows: Ints, rulings: Array, fragments: Links | None) -> list[Draft]:
    """Return the blocks of the words of one turn."""
    own, boxes = words.take(rows), upright.boxes[rows]
    chains = find_lines(own, boxes, rulings, _within(fragments, rows, len(words)))
    lines = Rows.of(chains, own, boxes)
    drafts = []
    for block in find_blocks(lines, own, boxes, rulings):
        members = [tuple(int(rows[i]) for i in chains[line]) for line in block]
        size = float(np.median(lines.sizes[list(block)]))
        drafts.append(replace(Draft.of(members, words, upright.placed), size=size))
    return drafts


def _within(fragments: Links | None, rows: Ints, count: int) -> Links | None:
    """Return the links among the given words, renumbered to them."""
    if fragments is None:
        return None
    place = np.full(count + 1, -1, np.int32)
    place[rows] = np.arange(len(rows))
    return Links(place[fragments.target[rows]], fragments.probability[rows])

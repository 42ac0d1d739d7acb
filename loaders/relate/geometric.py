"""Words -> lines -> blocks -> reading order by geometry alone: the stages, in order.

In: the words of a page in its frame, and what else is known of it. Out: block drafts in reading order. Everything
between is in upright working coordinates (see upright.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loaders.document import Category, Links, Words
from loaders.geometry import Array, Box, Frame
from loaders.relate.arrange import arrange
from loaders.relate.blocks import find_blocks
from loaders.relate.categories import Body, categorize
from loaders.relate.cells import part_rows
from loaders.relate.columns import Rows
from loaders.relate.drafts import Draft, gather_labels, inside, merge_touching
from loaders.relate.levels import Heading, rank_headings
from loaders.relate.lines import Chains, find_lines, find_rows
from loaders.relate.medians import median, weighted_median
from loaders.relate.neighbours import Ints
from loaders.relate.structure import BlockDraft
from loaders.relate.upright import Upright, stand_upright

BACKGROUND = 0.6
"""A picture over more of the page, or under more of its words, is paper rather than a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A page made ready for relating: what both methods, the geometric and the learned one, look at.

    words      with their type sizes evened out
    upright    where each word stands; everything below is in coordinates of the main turn
    table      int (N,): the table each word is in, -1 for none
    drawn      float32 (M, 4): rulings
    pictures   float32 (P, 4): pictures worth a place on the page
    page       float32 (4,): the page's own box
    fragments  an engine's word links, or None
    backgrounds  float32 (N,): how dark the paper behind each word is, 0 to 1; 0 where nobody looked
    """

    words: Words
    upright: Upright
    table: Ints
    drawn: Array
    pictures: Array
    page: Array
    fragments: Links | None
    backgrounds: Array

    @classmethod
    def of(
        cls,
        words: Words,
        frame: Frame,
        tables: Sequence[Box],
        figures: Sequence[Box],
        rulings: Array,
        fragments: Links | None,
        backgrounds: Array | None = None,
    ) -> Sight:
        """Stand a page upright; arguments as `relate` takes them."""
        upright = stand_upright(words)
        words = replace(words, sizes=upright.sizes)
        letters = np.array([len(text) for text in words.texts], float)
        em = weighted_median(words.sizes, letters)
        return cls(
            words,
            upright,
            _region_of(words, tables),
            upright.place_rulings(rulings),
            upright.place(_pictures(words, frame, figures, em)),
            upright.place([frame.box.xyxy])[0],
            fragments,
            np.zeros(len(words), np.float32) if backgrounds is None else backgrounds,
        )

    def turns(self) -> Iterator[tuple[Ints, Array]]:
        """Yield the words outside tables by their turn, each lot with the rulings that may part it."""
        for turn in np.unique(self.upright.turns):
            rows = np.flatnonzero((self.upright.turns == turn) & (self.table < 0))
            if len(rows):
                yield rows, self.drawn if turn == self.upright.main else self.drawn[:0]

    def links_within(self, rows: Ints) -> Links | None:
        """Return the engine's links among the given words, renumbered to them."""
        if self.fragments is None:
            return None
        place = np.full(len(self.words) + 1, -1, np.int32)
        place[rows] = np.arange(len(rows))
        return Links(place[self.fragments.target[rows]], self.fragments.probability[rows])


def relate_by_geometry(sight: Sight) -> list[BlockDraft]:
    """Return the page's blocks in reading order."""
    drafts = draft_tables(sight)
    for rows, rulings in sight.turns():
        own, boxes = sight.words.take(rows), sight.upright.boxes[rows]
        drafts += draft_blocks(sight, rows, find_lines(own, boxes, rulings, sight.links_within(rows)), rulings)
    layout = lay_out(sight, drafts)
    drafts, categories = layout.drafts, layout.categories
    titles = [k for k in layout.order if categories[k] == "title"]
    headings = [Heading(drafts[k].text, drafts[k].size, drafts[k].bold > 0.5, layout.body.read) for k in titles]
    levels = dict(zip(titles, rank_headings(headings), strict=True))
    return [BlockDraft(drafts[k].lines, categories[k], levels.get(k, 0), drafts[k].table) for k in layout.order]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Blocks, what each is, and the order they are read in; `empty` (P, 4) are pictures that hold no words."""

    drafts: list[Draft]
    categories: list[Category]
    order: list[int]
    empty: Array
    body: Body


def lay_out(sight: Sight, drafts: list[Draft]) -> Layout:
    """Gather what is written in pictures, name the blocks, and order them."""
    em = Body.of(drafts, sight.words).size
    drafts, empty = gather_labels(drafts, sight.pictures, sight.words, sight.upright.placed, em)
    categories = categorize(drafts, sight.words, sight.pictures, sight.drawn)
    order = arrange(drafts, categories, empty, sight.drawn, sight.page, em)
    return Layout(drafts, categories, order, empty, Body.of(drafts, sight.words))


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


def draft_tables(sight: Sight) -> list[Draft]:
    """Return a draft for each table that holds words, row by row."""
    drafts = []
    for region in np.unique(sight.table[sight.table >= 0]):
        rows = np.flatnonzero(sight.table == region)
        found = find_rows(sight.words.take(rows), sight.upright.placed[rows])
        chains = [tuple(int(rows[i]) for i in chain) for chain in found]
        drafts.append(Draft.of(chains, sight.words, sight.upright.placed, "table", int(region)))
    return drafts


def draft_blocks(sight: Sight, rows: Ints, chains: Chains, rulings: Array) -> list[Draft]:
    """Group lines of one turn into blocks; `rows` are its words, `chains` its lines by their place among these."""
    own, boxes = sight.words.take(rows), sight.upright.boxes[rows]
    lines = Rows.of(chains, own, boxes)
    drafts = []
    for block, piece in zip(*part_rows(find_blocks(lines, own, boxes, rulings), lines), strict=True):
        members = [tuple(int(rows[i]) for i in chains[line]) for line in block]
        size = median(lines.sizes[list(block)])
        draft = Draft.of(members, sight.words, sight.upright.placed)
        drafts.append(replace(draft, size=size, cell=piece))
    return drafts

"""Heading levels: how deep a title stands, from its type and its number, over a page or a whole document.

In: titles. Out: levels 1 (highest) to 6. Larger type stands higher; within a size, capitals and bold stand higher than
plain; where headings are numbered, the number decides, and headings set like numbered ones follow them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loaders.document import BOLD, Block, Page
from loaders.relate.marks import numbering_depth
from loaders.relate.medians import weighted_median

DEEPEST = 6
TALL = 0.75
"""Share of a title's letters, by height of their word, at which a size read from pixels is taken: "on" is not tall."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title as it is set: its text, type size, whether it is bold, and whether its size was read from pixels."""

    text: str
    size: float
    bold: bool
    read: bool


def settle_levels(pages: Sequence[Page]) -> list[Page]:
    """Return the pages with the levels of all titles decided over the whole document."""
    places = [
        (p, b) for p, page in enumerate(pages) for b, block in enumerate(page.blocks) if block.category == "title"
    ]
    levels = dict(zip(places, rank_headings([_heading(pages[p], pages[p].blocks[b]) for p, b in places]), strict=True))
    settled = []
    for p, page in enumerate(pages):
        blocks = tuple(replace(block, level=levels.get((p, b), 0)) for b, block in enumerate(page.blocks))
        settled.append(page if blocks == page.blocks else replace(page, blocks=blocks))
    return settled


def _heading(page: Page, block: Block) -> Heading:
    rows = [word for line in block.lines for word in page.lines[line].words]
    letters = np.array([len(page.words.texts[i]) for i in rows], float)
    bold = letters[(page.words.styles[rows] & BOLD) > 0].sum() > 0.5 * letters.sum()
    text = " ".join(page.line_text(page.lines[line]) for line in block.lines)
    read = bool(page.words.ocr[rows].all())
    size = weighted_median(page.words.sizes[rows], letters, TALL if read else 0.5)
    return Heading(text, size, bool(bold), read)


def rank_headings(headings: Sequence[Heading]) -> list[int]:
    """Return a level for each heading; the headings are those of one document, in reading order."""
    if not headings:
        return []
    looks = _looks(headings)
    levels = _by_number(headings, looks)
    used = sorted(set(levels))
    return [min(used.index(level) + 1, DEEPEST) for level in levels]


def _looks(headings: Sequence[Heading]) -> list[int]:
    """Return for each heading the rank of how it is set, 0 for the most prominent."""
    tolerance = 1.15 if any(heading.read for heading in headings) else 1.05
    sizes = sorted({heading.size for heading in headings}, reverse=True)
    group, start, groups = 0, sizes[0], {}
    for size in sizes:
        if size * tolerance < start:
            group, start = group + 1, size
        groups[size] = group
    keys = [(groups[h.size], not h.text.isupper(), not h.bold) for h in headings]
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [ranks[key] for key in keys]


def _by_number(headings: Sequence[Heading], looks: Sequence[int]) -> list[int]:
    """Let numbers overrule looks: one depth has one level, a deeper one the next, and like looks follow them."""
    depths = [numbering_depth(heading.text) for heading in headings]
    numbered = sorted({depth for depth in depths if depth})
    if len([depth for depth in depths if depth]) < 2:
        return list(looks)
    top = Counter(look for look, depth in zip(looks, depths, strict=True) if depth == numbered[0]).most_common(1)[0][0]
    level_of = {depth: top + depth - numbered[0] for depth in numbered}
    follows = {}
    for look in set(looks):
        own = Counter(depth for other, depth in zip(looks, depths, strict=True) if other == look and depth)
        follows[look] = level_of[own.most_common(1)[0][0]] if own else None
    below = max(level_of.values())
    levels = []
    for look, depth in zip(looks, depths, strict=True):
        followed = follows[look]
        if depth:
            levels.append(level_of[depth])
        elif followed is not None:
            levels.append(followed)
        else:
            levels.append(look if look < top else below + 1 + look)
    return levels

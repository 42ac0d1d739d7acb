"""Words -> lines -> blocks -> one reading order: what belongs together on a page, and what comes next.

In: the words of a page in its frame, and what is known of its tables, pictures, rulings and the engine's own links.
Out: a Structure in the same frame. The order is decided here, once; nothing after it sorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loaders.document import Links, Relations, Words
from loaders.errors import UsageError
from loaders.geometry import Array, Box, Frame
from loaders.relate.engine_order import relate_as_given
from loaders.relate.geometric import relate_by_geometry
from loaders.relate.levels import settle_levels
from loaders.relate.structure import BlockDraft, Structure, assemble, canonical_order

__all__ = ["METHODS", "Structure", "relate", "settle_levels"]

METHODS = ("geometric", "engine")


def relate(
    words: Words,
    frame: Frame,
    *,
    method: str = "geometric",
    tables: Sequence[Box] = (),
    figures: Sequence[Box] = (),
    rulings: Array | None = None,
    relations: Relations | None = None,
) -> Structure:
    """Find the lines, blocks and reading order of one page.

    method     "geometric": by columns, whatever order the words come in; "engine": the engine's own order, as a
               yardstick
    tables     regions recognised as tables: the words whose centres lie in one become one block, and a unit of order
    figures    boxes of pictures: what is written inside one becomes one block, captions stay with them
    rulings    float32 (M, 4), drawn lines: they part what they run between
    relations  an engine's links; those between words are taken as evidence for lines

    Every word ends in exactly one line and every line in exactly one block, for any number of words. The geometric
    result does not depend on the order of the words, but for words in the very same place. Raises UsageError for
    another method.
    """
    if method not in METHODS:
        raise UsageError(f"method={method!r}; choose one of {', '.join(METHODS)}")
    if not len(words):
        return assemble(words, frame, [])
    if method == "engine":
        return assemble(words, frame, relate_as_given(words, relations))
    drawn = np.zeros((0, 4), np.float32) if rulings is None else np.asarray(rulings, np.float32).reshape(-1, 4)
    order = canonical_order(words)
    links = _renumbered(relations.word, order) if relations else None
    drafts = relate_by_geometry(words.take(order), frame, tables, figures, drawn, links)
    return assemble(words, frame, [_in_given_numbers(draft, order) for draft in drafts])


def _renumbered(links: Links, order: np.ndarray) -> Links:
    """Return the links of words taken in another order."""
    place = np.append(np.argsort(order), -1).astype(np.int32)
    return Links(place[links.target[order]], links.probability[order])


def _in_given_numbers(draft: BlockDraft, order: np.ndarray) -> BlockDraft:
    return replace(draft, lines=tuple(tuple(int(order[word]) for word in line) for line in draft.lines))

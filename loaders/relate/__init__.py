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
from loaders.relate.geometric import Sight, relate_by_geometry
from loaders.relate.levels import settle_levels
from loaders.relate.model import open_model
from loaders.relate.relational import relate_by_network
from loaders.relate.structure import BlockDraft, Chances, Structure, assemble, canonical_order

__all__ = ["METHODS", "Structure", "relate", "settle_levels"]

METHODS = ("relational", "geometric", "engine")


def relate(
    words: Words,
    frame: Frame,
    *,
    method: str = "geometric",
    tables: Sequence[Box] = (),
    figures: Sequence[Box] = (),
    rulings: Array | None = None,
    relations: Relations | None = None,
    backgrounds: Array | None = None,
    model: str = "",
) -> Structure:
    """Find the lines, blocks and reading order of one page.

    method     "relational": by the network; "geometric": by columns, with rules only; "engine": the engine's own
               order, as a yardstick
    tables     regions recognised as tables: the words whose centres lie in one become one block, and a unit of order
    figures    boxes of pictures: what is written inside one becomes one block, captions stay with them
    rulings    float32 (M, 4), drawn lines: they part what they run between
    relations  an engine's links; those between words are taken as evidence for lines
    backgrounds  float32 (N,), how dark the paper behind each word is, where that was looked at
    model      folder of a relational model of one's own; the packaged one where empty

    Every word ends in exactly one line and every line in exactly one block, for any number of words. But for
    "engine", the result does not depend on the order of the words, except for words in the very same place. Raises
    UsageError for another method, ModelFileError for a model that cannot be used.
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
    behind = None if backgrounds is None else np.asarray(backgrounds, np.float32)[order]
    sight = Sight.of(words.take(order), frame, tables, figures, drawn, links, behind)
    if method == "geometric":
        return assemble(words, frame, [_in_given_numbers(draft, order) for draft in relate_by_geometry(sight)])
    drafts, chances = relate_by_network(sight, open_model(model))
    word, line = (
        {(int(order[a]), int(order[b])): chance for (a, b), chance in known.items()}
        for known in (chances.word, chances.line)
    )
    renamed = Chances(word, line, chances.block)
    return assemble(words, frame, [_in_given_numbers(draft, order) for draft in drafts], renamed)


def _renumbered(links: Links, order: np.ndarray) -> Links:
    """Return the links of words taken in another order."""
    place = np.append(np.argsort(order), -1).astype(np.int32)
    return Links(place[links.target[order]], links.probability[order])


def _in_given_numbers(draft: BlockDraft, order: np.ndarray) -> BlockDraft:
    return replace(draft, lines=tuple(tuple(int(order[word]) for word in line) for line in draft.lines))

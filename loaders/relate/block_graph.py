"""The blocks of a page as a graph: which is read after which.

In: drafts of blocks (paragraphs, tables, pictures with their labels), what each is likely to be, and an order to start
from. Out: a Graph whose nodes are the drafts in that order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loaders.geometry import Array
from loaders.relate.drafts import Draft
from loaders.relate.geometric import Sight
from loaders.relate.graphs import Graph, log_ratio, nearest, stacked
from loaders.relate.medians import weighted_median
from loaders.relate.pair_columns import PAIR_COLUMNS, pair_columns, reach
from loaders.relate.roles import ROLES
from loaders.relate.stacks import ruled_apart
from loaders.relate.traits import LINE_TRAITS, line_traits

AROUND = 24
"""Neighbours of a block, the three before and the three after it in the given order among them."""
_ENDS = ("ends", "colon", "hyphen", "comma", "number", "length")

BLOCK_NODES = (
    "x0", "y0", "x1", "y1", "width", "height", "size", "letter", "lines", "style_bold", "turned", "back",
    "picture_above", "picture_below", "ruled_above", "ruled_below", "page_em", "page_blocks", "page_pictures",
    "geo_rank", "is_table", *(f"role_{role}" for role in ROLES), *LINE_TRAITS, *(f"last_{name}" for name in _ENDS),
)  # fmt: skip
BLOCK_EDGES = (
    *PAIR_COLUMNS, "size", "style_bold", "ruled", "geo_next", "geo_before", "geo_rank", "geo_after", "back", "runs_on",
    "same_role", "both_bullets", "both_numbered",
)  # fmt: skip


def block_graph(sight: Sight, drafts: Sequence[Draft], roles: Array) -> Graph:
    """Return the graph of drafts in the order given; `roles` (B, len(ROLES)) say how likely each is which."""
    count = len(drafts)
    if not count:
        return Graph(
            np.zeros((0, len(BLOCK_NODES)), np.float32),
            np.zeros((0, AROUND), np.int64),
            np.zeros((0, AROUND), bool),
            np.zeros((0, AROUND, len(BLOCK_EDGES)), np.float32),
        )
    boxes = np.array([draft.box for draft in drafts], np.float32).reshape(-1, 4)
    here = np.arange(count)
    chosen = np.stack([here + step for step in (1, -1, 2, -2, 3, -3)], axis=1)
    chosen = np.where((chosen >= 0) & (chosen < count), chosen, -1)
    neighbours, present = nearest(boxes, AROUND, chosen)
    sizes = np.array([draft.size for draft in drafts], np.float32)
    letters = np.array([len(draft.text) for draft in drafts], float)
    em = max(weighted_median(sizes, letters), 1e-3)
    first = line_traits([draft.texts[0] for draft in drafts])
    last = line_traits([draft.texts[-1] for draft in drafts])
    heads = [draft.lines[0][0] for draft in drafts]
    nodes = _nodes(sight, drafts, roles, boxes, sizes, letters, first, last, heads, em)
    edges = _edges(sight, drafts, roles, boxes, sizes, first, last, heads, neighbours, em)
    return Graph(nodes, neighbours, present, edges)


def _nodes(
    sight: Sight,
    drafts: Sequence[Draft],
    roles: Array,
    boxes: Array,
    sizes: Array,
    letters: Array,
    first: dict[str, Array],
    last: dict[str, Array],
    heads: Sequence[int],
    em: float,
) -> Array:
    count = len(drafts)
    page = np.maximum(sight.page[2:] - sight.page[:2], 1e-3)
    place = (boxes - np.tile(sight.page[:2], 2)) / np.tile(page, 2)
    flat = sight.drawn[(sight.drawn[:, 2] - sight.drawn[:, 0]) > 2 * (sight.drawn[:, 3] - sight.drawn[:, 1])]
    picture, ruled = reach(boxes, sight.pictures, em), reach(boxes, flat, em)
    letter = np.array([draft.letter for draft in drafts], np.float32)
    usual = max(weighted_median(letter, letters), 1e-3)
    return stacked(
        {
            "x0": place[:, 0],
            "y0": place[:, 1],
            "x1": place[:, 2],
            "y1": place[:, 3],
            "width": np.log1p((boxes[:, 2] - boxes[:, 0]) / em) / 2,
            "height": np.log1p((boxes[:, 3] - boxes[:, 1]) / em) / 2,
            "size": 4 * log_ratio(sizes, em),
            "letter": 3 * log_ratio(letter, usual),
            "lines": np.log1p([len(draft.lines) for draft in drafts]),
            "style_bold": [draft.bold for draft in drafts],
            "turned": sight.upright.turns[heads] != sight.upright.main,
            "back": sight.backgrounds[heads],
            "picture_above": picture[0],
            "picture_below": picture[1],
            "ruled_above": ruled[0],
            "ruled_below": ruled[1],
            "page_em": np.full(count, np.log(em / page[1]) + 4.5),
            "page_blocks": np.full(count, np.log1p(count) / 3),
            "page_pictures": np.full(count, np.log1p(len(sight.pictures))),
            "geo_rank": np.arange(count) / max(count - 1, 1),
            "is_table": [draft.table is not None for draft in drafts],
            **{f"role_{role}": roles[:, k] for k, role in enumerate(ROLES)},
            **first,
            **{f"last_{name}": last[name] for name in _ENDS},
        },
        BLOCK_NODES,
    )


def _edges(
    sight: Sight,
    drafts: Sequence[Draft],
    roles: Array,
    boxes: Array,
    sizes: Array,
    first: dict[str, Array],
    last: dict[str, Array],
    heads: Sequence[int],
    neighbours: np.ndarray,
    em: float,
) -> Array:
    page = np.maximum(sight.page[2:] - sight.page[:2], 1e-3)
    here, there = np.arange(len(drafts))[:, None], neighbours
    bold = np.array([draft.bold for draft in drafts], np.float32)
    a, b = np.repeat(boxes, there.shape[1], axis=0), boxes[there.reshape(-1)]
    higher = (a[:, 1] <= b[:, 1])[:, None]
    reach_in = np.float32(0.3 * em)
    upper, lower = np.where(higher, a, b), np.where(higher, b, a)
    ruled = np.concatenate(
        [
            ruled_apart(upper[part], lower[part], upper[part, 3] - reach_in, lower[part, 1] + reach_in, sight.drawn)
            for part in (slice(k, k + 4096) for k in range(0, len(a), 4096))
        ]
    ).reshape(there.shape)
    rank = there - here
    backs = sight.backgrounds[heads]
    return stacked(
        {
            **pair_columns(boxes, neighbours, em, page),
            "size": 4 * log_ratio(sizes[there], sizes[:, None]),
            "style_bold": bold[there] - bold[:, None],
            "ruled": ruled,
            "geo_next": rank == 1,
            "geo_before": rank == -1,
            "geo_rank": np.sign(rank) * np.log1p(np.abs(rank)),
            "geo_after": rank > 0,
            "back": backs[there] - backs[:, None],
            "runs_on": (1 - last["ends"][:, None]) * first["lower"][there],
            "same_role": (roles[:, None] * roles[there]).sum(axis=2),
            "both_bullets": first["bullet"][:, None] * first["bullet"][there],
            "both_numbered": first["enumerator"][:, None] * first["enumerator"][there],
        },
        BLOCK_EDGES,
    )

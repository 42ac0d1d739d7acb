"""The lines of a page as a graph: what each may be, and which may follow which in a paragraph.

In: a page made ready (Sight) and its lines as word indices. Out: a LineGraph, whose lines are numbered in the
geometric method's reading order, so that the network starts from what geometry knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.document import BOLD, CATEGORIES, ITALIC, MONO, spaced
from loaders.geometry import Array
from loaders.relate.beside import BESIDE_COLUMNS, Beside
from loaders.relate.drafts import Draft
from loaders.relate.geometric import Layout, Sight, draft_blocks, draft_tables, lay_out
from loaders.relate.graphs import Graph, log_ratio, nearest, stacked
from loaders.relate.lines import Chains
from loaders.relate.medians import weighted_median, weighted_quantiles
from loaders.relate.neighbours import Bools, Ints
from loaders.relate.pair_columns import PAIR_COLUMNS, held_by, pair_columns, reach
from loaders.relate.stacks import ruled_apart
from loaders.relate.traits import LINE_TRAITS, line_traits

AROUND = 12
"""Neighbours of a line; the two before and the two after it in geometric order are among them, and the next two that
are set like it: headings know each other."""


@dataclass(frozen=True, slots=True, eq=False)
class LineGraph:
    """Lines outside tables, in geometric reading order.

    chains   word indices of each line
    texts    their texts, spaced
    boxes    float32 (L, 4), main coordinates
    sizes    float32 (L,), type size of most of the line
    bold     float32 (L,), share of the letters that are bold
    block    int (L,), the block of the layout that geometry puts a line in
    picture  int (L,), the same where it is the text of a picture, -1 elsewhere
    """

    chains: Chains
    texts: tuple[str, ...]
    boxes: Array
    sizes: Array
    bold: Array
    block: Ints
    picture: Ints
    graph: Graph
    layout: Layout

    @property
    def pictured(self) -> Bools:
        """Which lines are written in a picture."""
        return self.picture >= 0


def line_graph(sight: Sight, lines: Chains) -> LineGraph:
    """Return the graph of lines; `lines` are all of the page's words outside tables, each once."""
    layout = lay_out(sight, [*draft_tables(sight), *_drafts(sight, lines)])
    blocks = [k for k in layout.order if layout.drafts[k].fixed != "table"]
    chains = [line for k in blocks for line in layout.drafts[k].lines]
    block = np.array([k for k in blocks for _ in layout.drafts[k].lines], np.int64)
    texts = tuple(spaced(sight.words, chain) for chain in chains)
    if not chains:
        none, nothing = np.zeros(0, np.float32), np.zeros(0, np.int64)
        empty = Graph(
            np.zeros((0, len(LINE_NODES)), np.float32),
            np.zeros((0, AROUND), np.int64),
            np.zeros((0, AROUND), bool),
            np.zeros((0, AROUND, len(LINE_EDGES)), np.float32),
        )
        return LineGraph([], (), np.zeros((0, 4), np.float32), none, none, nothing, nothing, empty, layout)
    boxes, middles, sizes, shares = _measured(sight, chains)
    letters = np.array([len(text) for text in texts], float)
    em = max(weighted_median(sizes, letters), 1e-3)
    count = len(chains)
    here = np.arange(count)
    chosen = np.stack([here + step for step in (1, -1, 2, -2)], axis=1)
    chosen = np.where((chosen >= 0) & (chosen < count), chosen, -1)
    traits = line_traits(texts)
    beside = Beside.of(boxes, sizes, shares[:, 0] > 0.5, traits["capitals"] > 0, letters, em)
    neighbours, present = nearest(boxes, AROUND, np.concatenate([chosen, beside.peers], axis=1))
    nodes = _nodes(sight, layout, block, boxes, sizes, shares, texts, traits | beside.columns, em)
    edges = _edges(sight, layout, block, boxes, middles, sizes, shares, traits, neighbours, em)
    fixed = np.array([layout.drafts[k].fixed == "figure" for k in block], bool)
    graph = Graph(nodes, neighbours, present, edges)
    picture = np.where(fixed, block, -1)
    return LineGraph(chains, texts, boxes, sizes, shares[:, 0], block, picture, graph, layout)


def _drafts(sight: Sight, lines: Chains) -> list[Draft]:
    """Group lines into blocks as geometry would, turn by turn."""
    drafts: list[Draft] = []
    turn_of = sight.upright.turns
    for rows, rulings in sight.turns():
        place = {int(row): k for k, row in enumerate(rows)}
        own = [tuple(place[word] for word in chain) for chain in lines if turn_of[chain[0]] == turn_of[rows[0]]]
        if own:
            drafts += draft_blocks(sight, rows, own, rulings)
    return drafts


def _measured(sight: Sight, chains: Chains) -> tuple[Array, Array, Array, Array]:
    """Return boxes (L, 4), middles (L,), sizes (L,), and shares (L, 3) of bold, italic and fixed-width letters."""
    words = sight.words
    rows = np.array([word for chain in chains for word in chain])
    counts = np.array([len(chain) for chain in chains])
    starts = np.cumsum(counts) - counts
    own = sight.upright.placed[rows]
    letters = np.array([len(words.texts[word]) for word in rows], float)
    boxes = np.concatenate([np.minimum.reduceat(own[:, :2], starts), np.maximum.reduceat(own[:, 2:], starts)], axis=1)
    sizes = weighted_quantiles(words.sizes[rows], letters, starts)
    middles = weighted_quantiles((own[:, 1] + own[:, 3]) / 2, letters, starts)
    total = np.add.reduceat(letters, starts)
    shares = [
        np.add.reduceat(letters * ((words.styles[rows] & bit) > 0), starts) / total for bit in (BOLD, ITALIC, MONO)
    ]
    return boxes.astype(np.float32), middles, sizes, np.stack(shares, axis=1).astype(np.float32)


LINE_NODES = (
    "x0", "y0", "x1", "y1", "width", "size", "letter", "tallest", "style_bold", "style_italic", "style_mono",
    "style_body", "ocr", "turned", "back", "pictured", "picture_above", "picture_below", "table_above", "table_below",
    "ruled_above", "ruled_below", "page_em", "page_lines", "page_pictures", "page_tables", "geo_first", "geo_last",
    "geo_lines", "geo_rank", "geo_indent", "geo_short", *(f"geo_{name}" for name in CATEGORIES), *BESIDE_COLUMNS,
    *LINE_TRAITS,
)  # fmt: skip
LINE_EDGES = (
    *PAIR_COLUMNS, "size", "style_bold", "style_italic", "leading", "ruled", "geo_block", "geo_next", "geo_before",
    "geo_rank", "geo_category", "back", "both_bullets", "both_numbered", "runs_on", "new_start", "both_numbers",
    "both_short",
)  # fmt: skip


def _nodes(
    sight: Sight,
    layout: Layout,
    block: npt.NDArray[np.int64],
    boxes: Array,
    sizes: Array,
    shares: Array,
    texts: Sequence[str],
    traits: dict[str, Array],
    em: float,
) -> Array:
    count = len(boxes)
    page = np.maximum(sight.page[2:] - sight.page[:2], 1e-3)
    place = (boxes - np.tile(sight.page[:2], 2)) / np.tile(page, 2)
    tables = np.array([d.box for d in layout.drafts if d.fixed == "table"], np.float32).reshape(-1, 4)
    flat = sight.drawn[(sight.drawn[:, 2] - sight.drawn[:, 0]) > 2 * (sight.drawn[:, 3] - sight.drawn[:, 1])]
    picture, table, ruled = (reach(boxes, things, em) for things in (sight.pictures, tables, flat))
    first = np.r_[True, block[1:] != block[:-1]]
    last = np.r_[first[1:], True]
    starts, of_block = np.flatnonzero(first), np.cumsum(first) - 1
    left, right = np.minimum.reduceat(boxes[:, 0], starts)[of_block], np.maximum.reduceat(boxes[:, 2], starts)[of_block]
    lengths = np.array([len(text) for text in texts], float)
    letter = (boxes[:, 2] - boxes[:, 0]) / np.maximum(lengths, 1)
    usual = max(weighted_median(letter, lengths), 1e-3)
    wide = boxes[:, 2] - boxes[:, 0]
    heads = _heads(layout, block)
    categories = np.array([CATEGORIES.index(layout.categories[k]) for k in block])
    return stacked(
        {
            "x0": place[:, 0],
            "y0": place[:, 1],
            "x1": place[:, 2],
            "y1": place[:, 3],
            "width": np.log1p(wide / em) / 2,
            "size": 4 * log_ratio(sizes, em),
            "letter": 3 * log_ratio(letter, usual),
            "tallest": 2 * sizes / max(float(sizes.max()), 1e-3),
            "style_bold": shares[:, 0],
            "style_italic": shares[:, 1],
            "style_mono": shares[:, 2],
            "style_body": np.full(count, np.average(shares[:, 0], weights=np.maximum(lengths, 1))),
            "ocr": sight.words.ocr[heads],
            "turned": sight.upright.turns[heads] != sight.upright.main,
            "back": sight.backgrounds[heads],
            "pictured": held_by(boxes, sight.pictures),
            "picture_above": picture[0],
            "picture_below": picture[1],
            "table_above": table[0],
            "table_below": table[1],
            "ruled_above": ruled[0],
            "ruled_below": ruled[1],
            "page_em": np.full(count, np.log(em / page[1]) + 4.5),
            "page_lines": np.full(count, np.log1p(count) / 4),
            "page_pictures": np.full(count, np.log1p(len(sight.pictures))),
            "page_tables": np.full(count, np.log1p(len(tables))),
            "geo_first": first,
            "geo_last": last,
            "geo_lines": np.log1p(np.bincount(block, minlength=int(block.max()) + 1)[block]),
            "geo_rank": np.arange(count) / max(count - 1, 1),
            "geo_indent": np.log1p((boxes[:, 0] - left) / em),
            "geo_short": np.log1p((right - boxes[:, 2]) / em),
            **{f"geo_{name}": categories == k for k, name in enumerate(CATEGORIES)},
            **traits,
        },
        LINE_NODES,
    )


def _edges(
    sight: Sight,
    layout: Layout,
    block: npt.NDArray[np.int64],
    boxes: Array,
    middles: Array,
    sizes: Array,
    shares: Array,
    traits: dict[str, Array],
    neighbours: npt.NDArray[np.int64],
    em: float,
) -> Array:
    count = len(boxes)
    page = np.maximum(sight.page[2:] - sight.page[:2], 1e-3)
    here, there = np.arange(count)[:, None], neighbours
    own = np.maximum(sizes[:, None], 0.3 * em)
    step = middles[there] - middles[:, None]
    below = (step > 0.5 * own) & (np.abs(log_ratio(sizes[there], own)) < 0.15)
    nearest_step = np.where(below, step / own, np.inf).min(axis=1)
    known = np.isfinite(nearest_step) & (nearest_step < 3)
    leading = float(np.median(nearest_step[known])) if known.any() else 1.3
    a, b = (np.repeat(boxes, there.shape[1], axis=0), boxes[there.reshape(-1)])
    upper = np.where((a[:, 1] <= b[:, 1])[:, None], a, b)
    lower = np.where((a[:, 1] <= b[:, 1])[:, None], b, a)
    ruled = np.concatenate(
        [
            ruled_apart(
                upper[part], lower[part], upper[part][:, [1, 3]].mean(1), lower[part][:, [1, 3]].mean(1), sight.drawn
            )
            for part in (slice(k, k + 4096) for k in range(0, len(a), 4096))
        ]
    ).reshape(there.shape)
    rank = there - here
    categories = np.array([CATEGORIES.index(layout.categories[k]) for k in block])
    backs = sight.backgrounds[_heads(layout, block)]

    short = traits["length"] < 1.0

    def both(name: str) -> Array:
        return traits[name][:, None] * traits[name][there]

    return stacked(
        {
            **pair_columns(boxes, neighbours, own, page),
            "size": 4 * log_ratio(sizes[there], own),
            "style_bold": shares[there, 0] - shares[:, None, 0],
            "style_italic": shares[there, 1] - shares[:, None, 1],
            "leading": np.clip(step / own / leading - 1, -3, 3),
            "ruled": ruled,
            "geo_block": block[there] == block[:, None],
            "geo_next": rank == 1,
            "geo_before": rank == -1,
            "geo_rank": np.sign(rank) * np.log1p(np.abs(rank)),
            "geo_category": categories[there] == categories[:, None],
            "back": backs[there] - backs[:, None],
            "both_bullets": both("bullet"),
            "both_numbered": both("enumerator"),
            "runs_on": (1 - traits["ends"][:, None]) * traits["lower"][there],
            "new_start": traits["ends"][:, None] * traits["capital"][there],
            "both_numbers": both("number"),
            "both_short": short[:, None] & short[there],
        },
        LINE_EDGES,
    )


def _heads(layout: Layout, block: npt.NDArray[np.int64]) -> list[int]:
    """Return the first word of each line, in the order of the lines."""
    return [chain[0] for k in dict.fromkeys(block.tolist()) for chain in layout.drafts[k].lines]

"""The words of a page as a graph: which could follow which on a line, and all that speaks for it or against.

In: a page made ready (Sight). Out: a Graph whose first RIGHT neighbours of each word are those that may follow it, the
nearest first, and whose others are those it may follow itself. Rows run from left to right here, whatever the script;
lines are turned around when they are put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.document import BOLD, ITALIC, MONO, RAISED, Words
from loaders.geometry import Array
from loaders.relate.fragments import Pieces
from loaders.relate.geometric import Sight
from loaders.relate.graphs import Graph, log_ratio, stacked
from loaders.relate.gutters import Verdict, weigh_gaps
from loaders.relate.lines import with_fragments
from loaders.relate.medians import weighted_median
from loaders.relate.neighbours import Bools, Gaps, Ints, mutual_neighbours, row_pairs
from loaders.relate.traits import word_traits

RIGHT = 3
"""So many words to the right are asked whether they follow, and as many to the left."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of words on a row, and what geometry says of them: E rows."""

    gaps: Gaps
    rank: Ints
    mutual: Array
    verdict: Verdict
    held: Bools
    parted: Bools


def word_graph(sight: Sight) -> Graph:
    """Return the graph of a page's words outside tables."""
    words = sight.words
    count = len(words)
    traits = word_traits(words.texts)
    em = max(weighted_median(words.sizes, np.array([len(text) for text in words.texts], float)), 1e-3)
    nodes = _nodes(sight, traits, em)
    neighbours = np.tile(np.arange(count)[:, None], (1, 2 * RIGHT))
    present = np.zeros((count, 2 * RIGHT), bool)
    edges = np.zeros((count, 2 * RIGHT, len(EDGE_COLUMNS)), np.float32)
    for rows, rulings in sight.turns():
        own, boxes = words.take(rows), sight.upright.boxes[rows]
        pairs, boxes = _pairs(sight, rows, own, boxes, rulings)
        columns = _edges(pairs, own, boxes, {name: column[rows] for name, column in traits.items()}, sight)
        for here, there, offset, sign in (
            (pairs.gaps.left, pairs.gaps.right, 0, 1.0),
            (pairs.gaps.right, pairs.gaps.left, RIGHT, -1.0),
        ):
            place = _places(here, pairs.rank)
            fits = place < RIGHT
            at = rows[here[fits]], offset + place[fits]
            neighbours[at], present[at] = rows[there[fits]], True
            edges[at] = columns[fits]
            edges[*at, 0] = sign
    return Graph(nodes, neighbours, present, edges)


def _places(here: Ints, rank: npt.NDArray[Any]) -> Ints:
    """Number the pairs of each word, those of lowest rank first, of one rank the first."""
    order = np.lexsort((rank, here))
    ranked = here[order]
    opens = np.r_[True, ranked[1:] != ranked[:-1]] if len(ranked) else np.zeros(0, bool)
    starts = np.maximum.accumulate(np.where(opens, np.arange(len(ranked)), 0))
    place = np.empty(len(here), np.int64)
    place[order] = np.arange(len(ranked)) - starts
    return place


def _pairs(sight: Sight, rows: Ints, own: Words, boxes: Array, rulings: Array) -> tuple[_Pairs, Array]:
    """Return the pairs to be judged among the words of one turn, and their boxes without the detector's margin."""
    links = sight.links_within(rows)
    pieces = Pieces.of(own, links)
    boxes = pieces.trim(boxes)
    count = len(own)
    left, right, cost = row_pairs(boxes, own.texts, own.sizes)
    beside = mutual_neighbours(left, right, cost, boxes, own.sizes)
    if links is not None:
        beside = with_fragments(beside, links, boxes, own.sizes)
    verdict = weigh_gaps(beside, boxes, own.texts, rulings, pieces)
    keep = _places(left, cost) < RIGHT
    left, right, cost = left[keep], right[keep], cost[keep]
    # Those that geometry takes for neighbours come first; the nearest others after them.
    known = beside.left * count + beside.right
    fresh = ~np.isin(left * count + right, known)
    order = np.argsort(cost[fresh], kind="stable")
    left, right = np.r_[beside.left, left[fresh][order]], np.r_[beside.right, right[fresh][order]]
    gaps = Gaps.between(left, right, boxes, own.sizes)
    mutual = (np.arange(len(left)) < len(known)).astype(np.float32)
    more = len(left) - len(known)

    def filled(column: np.ndarray) -> np.ndarray:
        return np.concatenate([column, np.zeros(more, column.dtype)])

    full = Verdict(*(filled(getattr(verdict, name)) for name in Verdict.__slots__))
    held, parted = pieces.hold(gaps), pieces.part(gaps)
    return _Pairs(gaps, np.arange(len(left)), mutual, full, held, parted), boxes


def _nodes(sight: Sight, traits: dict[str, Array], em: float) -> Array:
    words, placed = sight.words, sight.upright.placed
    page = np.maximum(sight.page[2:] - sight.page[:2], 1e-3)
    x, y = ((placed[:, :2] + placed[:, 2:]) / 2 - sight.page[:2]).T
    return stacked(
        {
            "x": x / page[0],
            "y": y / page[1],
            "width": np.log1p((placed[:, 2] - placed[:, 0]) / em),
            "size": log_ratio(words.sizes, em),
            "style_bold": (words.styles & BOLD) > 0,
            "style_italic": (words.styles & ITALIC) > 0,
            "style_mono": (words.styles & MONO) > 0,
            "style_raised": (words.styles & RAISED) > 0,
            "ocr": words.ocr,
            "pieces": np.full(len(words), sight.fragments is not None),
            "turned": sight.upright.turns != sight.upright.main,
            "in_table": sight.table >= 0,
            "back": sight.backgrounds,
            **traits,
        },
        NODE_COLUMNS,
    )


NODE_COLUMNS = (
    "x", "y", "width", "size", "style_bold", "style_italic", "style_mono", "style_raised", "ocr", "pieces", "turned",
    "in_table", "back", "bullet", "enumerator", "number", "trailing_number", "ends", "lower", "capital", "digits",
    "length",
)  # fmt: skip
EDGE_COLUMNS = (
    "way", "width", "near", "far", "overlap", "rise", "tops", "feet", "size", "geo_mutual", "geo_joined", "geo_wide",
    "geo_rows", "geo_walls", "geo_tabular", "ruled_crossed", "pieces_held", "pieces_parted", "before", "after",
    "like_before", "like_after", "style_same", "back_same", "number_left", "number_right", "lower_right",
    "capital_right", "ends_left", "run_left", "run_right", "joined",
)  # fmt: skip


def _edges(pairs: _Pairs, words: Words, boxes: Array, traits: dict[str, Array], sight: Sight) -> Array:
    gaps, verdict = pairs.gaps, pairs.verdict
    left, right, width = gaps.left, gaps.right, gaps.width
    a, b = boxes[left], boxes[right]
    lower = np.maximum(np.minimum(a[:, 3] - a[:, 1], b[:, 3] - b[:, 1]), 1e-3)
    before, after = np.full(len(words), 9.0, np.float32), np.full(len(words), 9.0, np.float32)
    own = pairs.mutual > 0
    before[right[own]], after[left[own]] = width[own], width[own]
    run = _extents(gaps, pairs, boxes, words)
    styles = words.styles & np.uint8(BOLD | ITALIC | MONO)
    backs = sight.backgrounds[: len(words)] if len(sight.backgrounds) == len(words) else np.zeros(len(words))
    return stacked(
        {
            "way": np.ones(len(left)),
            "width": np.clip(width, -2, 4),
            "near": np.exp(-np.maximum(width, 0) / 0.4),
            "far": np.log1p(np.maximum(width, 0)),
            "overlap": (np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])) / lower,
            "rise": (b[:, 1] + b[:, 3] - a[:, 1] - a[:, 3]) / 2 / gaps.em * 2,
            "tops": np.abs(b[:, 1] - a[:, 1]) / gaps.em * 2,
            "feet": np.abs(b[:, 3] - a[:, 3]) / gaps.em * 2,
            "size": 3 * log_ratio(words.sizes[right], words.sizes[left]),
            "geo_mutual": pairs.mutual,
            "geo_joined": verdict.joined,
            "geo_wide": verdict.wide,
            "geo_rows": np.log1p(verdict.rows),
            "geo_walls": np.log1p(verdict.walls),
            "geo_tabular": verdict.tabular,
            "ruled_crossed": verdict.crossed,
            "pieces_held": pairs.held,
            "pieces_parted": pairs.parted,
            "before": np.clip(before[left], -1, 9) / 3,
            "after": np.clip(after[right], -1, 9) / 3,
            "like_before": log_ratio(width + 1, before[left] + 1),
            "like_after": log_ratio(width + 1, after[right] + 1),
            "style_same": styles[left] == styles[right],
            "back_same": np.abs(backs[left] - backs[right]) * 2,
            "number_left": traits["number"][left],
            "number_right": traits["number"][right],
            "lower_right": traits["lower"][right],
            "capital_right": traits["capital"][right],
            "ends_left": traits["ends"][left],
            "run_left": np.log1p(run[left] / gaps.em),
            "run_right": np.log1p(run[right] / gaps.em),
            "joined": words.joined[right],
        },
        EDGE_COLUMNS,
    )


def _extents(gaps: Gaps, pairs: _Pairs, boxes: Array, words: Words) -> Array:
    """Return for each word the length of the run of closely set words it stands in."""
    close = (pairs.mutual > 0) & (gaps.width <= 0.9)
    first = np.arange(len(words))
    order = np.flatnonzero(close)[np.argsort(gaps.x1[close], kind="stable")]
    for k in order:
        first[gaps.right[k]] = first[gaps.left[k]]
    start, end = np.full(len(words), np.inf, np.float32), np.full(len(words), -np.inf, np.float32)
    np.minimum.at(start, first, boxes[:, 0])
    np.maximum.at(end, first, boxes[:, 2])
    return np.asarray((end - start)[first], np.float32)

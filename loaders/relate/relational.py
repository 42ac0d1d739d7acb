"""Words -> lines -> blocks -> reading order by the network: the stages, in order.

In: a page made ready (Sight) and the model. Out: block drafts in reading order, and how likely each link is. Geometry
proposes and tells what it would do; which words follow each other, which lines, what they are, and which block comes
next is the network's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from loaders.document import Category
from loaders.geometry import Array
from loaders.relate.block_graph import block_graph
from loaders.relate.categories import not_headings
from loaders.relate.decode import (
    LEAST,
    Ordering,
    chains_of,
    conviction,
    grouped,
    linked,
    next_probabilities,
    ordered,
    sigmoid,
    softmax,
)
from loaders.relate.drafts import Draft, around
from loaders.relate.geometric import Sight, draft_tables
from loaders.relate.graphs import Graph
from loaders.relate.line_graph import LineGraph, line_graph
from loaders.relate.lines import Chains, in_reading_order
from loaders.relate.medians import median
from loaders.relate.model import RelationalModel
from loaders.relate.prior import CONVINCED, with_blocks, with_lines, with_roles, with_words
from loaders.relate.roles import CATEGORY_OF, ROLES
from loaders.relate.structure import BlockDraft, Chances
from loaders.relate.word_graph import word_graph

_FIGURE, _TITLE = ROLES.index("figure"), ROLES.index("title")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the network says of a page's lines, before they are put into blocks.

    word_target, word_chance  (N,): the word to the right on the line, -1 for none, and how likely
    lines      the lines as a graph
    following  (L, K): how likely each neighbour is the next line of the paragraph
    table      (L,): how likely a line is of a table, by the network's word alone: geometry knows none
    roles      (L, len(ROLES)); levels (L, LEVELS): how likely a title is of each level
    """

    word_target: np.ndarray
    word_chance: Array
    lines: LineGraph
    following: Array
    table: Array
    roles: Array
    levels: Array


def read_lines(sight: Sight, model: RelationalModel) -> Reading:
    """Let the network find the lines of a page and say what they are."""
    words = word_graph(sight)
    per_edge, per_node = model.run("words", words)
    chances = next_probabilities(words, *with_words(words, per_edge, per_node[:, 0]))
    links = linked(words, chances, LEAST)
    texts = sight.words.texts
    chains = [in_reading_order(chain, texts) for chain in chains_of(links) if sight.table[chain[0]] < 0]
    lines = line_graph(sight, chains)
    if not len(lines.graph):
        none = np.zeros((0, 1), np.float32)
        return Reading(links.target, links.probability, lines, none, none[:, 0], none, none)
    per_edge, per_node = model.run("lines", lines.graph)
    roles = per_node[:, 1 : 1 + len(ROLES)]
    return Reading(
        links.target,
        links.probability,
        lines,
        next_probabilities(lines.graph, *with_lines(lines.graph, per_edge, per_node[:, 0])),
        softmax(roles)[:, ROLES.index("table")],
        softmax(with_roles(lines.graph, roles)),
        softmax(per_node[:, 1 + len(ROLES) :]),
    )


def table_likelihood(sight: Sight, model: RelationalModel) -> Array:
    """Return for each word (N,) how likely it stands in a table; tables that `sight` knows already count as 1."""
    reading = read_lines(sight, model)
    likely = (sight.table >= 0).astype(np.float32)
    for chain, chance in zip(reading.lines.chains, reading.table, strict=True):
        likely[list(chain)] = chance
    return likely


def relate_by_network(sight: Sight, model: RelationalModel) -> tuple[list[BlockDraft], Chances]:
    """Return the page's blocks in reading order, and how likely each link is."""
    reading = read_lines(sight, model)
    tables = draft_tables(sight)
    blocks = [*(_Block(table, _table_roles(), 0, -1) for table in tables), *_blocks(sight, reading)]
    drafts = [block.draft for block in blocks]
    roles = np.array([block.roles for block in blocks])
    roles[not_headings(drafts, sight.pictures, reading.lines.layout.body.size), _TITLE] = 0
    categories: list[Category] = [
        draft.fixed or CATEGORY_OF[ROLES[k]] for draft, k in zip(drafts, roles.argmax(axis=1), strict=True)
    ]
    given = _geometric_order(blocks, reading.lines)
    graph = block_graph(sight, [drafts[k] for k in given], roles[given])
    per_edge, per_node = model.run("blocks", graph)
    found = _ordering(graph, per_edge, per_node[:, 0])
    order = [given[k] for k in found.order]
    result = [
        BlockDraft(drafts[k].lines, categories[k], blocks[k].level if categories[k] == "title" else 0, drafts[k].table)
        for k in order
    ]
    by_block = found.probability[list(found.order)]
    return result, Chances(_word_chances(result, reading), _line_chances(result, reading), by_block)


def _ordering(graph: Graph, per_edge: Array, none: Array) -> Ordering:
    """Order blocks as the network has it where it is sure of all that it changes, else as weighed against geometry."""
    following = next_probabilities(graph, per_edge[..., 0], none)
    alone = ordered(graph, following, sigmoid(per_edge[..., 1]))
    if conviction(graph, alone, following) > CONVINCED:
        return alone
    links, last, before = with_blocks(graph, per_edge, none)
    return ordered(graph, next_probabilities(graph, links, last), sigmoid(before))


def _geometric_order(blocks: Sequence[_Block], lines: LineGraph) -> list[int]:
    """Return the order of the blocks by where geometry's order has their first line, or their table."""
    place = {k: number for number, k in enumerate(lines.layout.order)}
    table: dict[int | None, int] = {draft.table: place[k] for k, draft in enumerate(lines.layout.drafts) if k in place}
    keys = [
        (place[int(lines.block[block.first])] if block.first >= 0 else table[block.draft.table], block.first)
        for block in blocks
    ]
    return sorted(range(len(blocks)), key=keys.__getitem__)


def _table_roles() -> Array:
    return np.eye(len(ROLES), dtype=np.float32)[ROLES.index("table")]


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A block: its draft, how likely it is what, a title's level, and its first line's number; -1 for a table."""

    draft: Draft
    roles: Array
    level: int
    first: int


def _blocks(sight: Sight, reading: Reading) -> list[_Block]:
    """Group lines into blocks. What is written in a picture is one block, whatever it looks like by itself."""
    lines = reading.lines
    if not len(lines.graph):
        return []
    roles = reading.roles.copy()
    roles[lines.pictured] = np.eye(len(ROLES), dtype=np.float32)[_FIGURE]
    cells = [lines.layout.drafts[k].cell for k in lines.block]
    found = grouped(lines.graph, reading.following, np.where(cells, lines.block, lines.picture))
    blocks = []
    for group in found.groups:
        rows = list(group)
        level = int(reading.levels[rows].mean(axis=0).argmax()) + 1
        chains = [lines.chains[k] for k in rows]
        draft = Draft.of(
            _by_height(sight, chains) if lines.pictured[rows].all() else chains, sight.words, sight.upright.placed
        )
        draft = replace(draft, size=median(lines.sizes[rows]))
        blocks.append(_Block(draft, roles[rows].mean(axis=0), level, min(rows)))
    return blocks


def _by_height(sight: Sight, chains: Chains) -> Chains:
    """Put the labels of a picture in order, top to bottom and left to right."""
    boxes = {chain: around(sight.upright.placed[list(chain)]) for chain in chains}
    return sorted(chains, key=lambda chain: (float(boxes[chain][1] + boxes[chain][3]), float(boxes[chain][0])))


# -- how likely --------------------------------------------------------------------------------------------------------


def _word_chances(drafts: Sequence[BlockDraft], reading: Reading) -> dict[tuple[int, int], float]:
    """Return the probability of each word link the network was asked about, in either direction of reading."""
    chances = {}
    for draft in drafts:
        for line in draft.lines:
            for one, other in pairwise(line):
                for left, right in ((one, other), (other, one)):
                    if reading.word_target[left] == right:
                        chances[one, other] = float(reading.word_chance[left])
    return chances


def _line_chances(drafts: Sequence[BlockDraft], reading: Reading) -> dict[tuple[int, int], float]:
    """Return the probability of each line link, by the first words of the two lines."""
    graph, chains = reading.lines.graph, reading.lines.chains
    number = {chain[0]: k for k, chain in enumerate(chains)}
    chances = {}
    for draft in drafts:
        for one, other in pairwise(draft.lines):
            a, b = number.get(one[0]), number.get(other[0])
            if a is not None and b is not None:
                chances[one[0], other[0]] = _chance(graph, reading.following, a, b)
    return chances


def _chance(graph: Graph, following: Array, a: int, b: int) -> float:
    slots = np.flatnonzero(graph.present[a] & (graph.neighbours[a] == b))
    return float(following[a, slots[0]]) if len(slots) else 0.0

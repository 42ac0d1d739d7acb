"""What geometry would say, as a second witness beside the network.

In: a stage's graph and the network's logits. Out: logits. The network has learned from set pages, and real ones are
stranger than these: where it is in doubt, what the geometric method finds counts; where it is sure, it does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from loaders.document import CATEGORIES
from loaders.geometry import Array
from loaders.relate.block_graph import BLOCK_EDGES
from loaders.relate.graphs import Graph
from loaders.relate.line_graph import LINE_EDGES, LINE_NODES
from loaders.relate.roles import ROLES
from loaders.relate.word_graph import EDGE_COLUMNS, RIGHT


@dataclass(frozen=True, slots=True)
class Trust:
    """How far one kind of logits is believed: divided by `temperature`, with `weight` added for what geometry says."""

    temperature: float
    weight: float


LINE_ROLES = Trust(1.0, 3.0)
"""What makes families of pages likeliest that the network has not learned from (weights/README.md)."""
WORDS, LINES, ORDER = Trust(2.0, 2.0), Trust(1.0, 4.0), Trust(2.0, 12.0)
"""Those families would have 0.5 to 1 here. Real pages are set less against geometry's rules than they are, and the
network is as sure of what it has never seen: with less weight it reads pages with known blocks worse (README.md)."""

CONVINCED = 0.8
"""An order in which the network is so much surer of what it changes than of what geometry says is taken as it is."""


def with_words(graph: Graph, per_edge: Array, none: Array) -> tuple[Array, Array]:
    """Weigh in which words geometry joins: logits of links (N, RIGHT) and of none (N,)."""
    joined = graph.edges[:, :RIGHT, EDGE_COLUMNS.index("geo_joined")] * graph.present[:, :RIGHT]
    return _with(per_edge[:, :RIGHT, 0], none, joined, WORDS)


def with_lines(graph: Graph, per_edge: Array, none: Array) -> tuple[Array, Array]:
    """Weigh in which line geometry puts next in the same block: logits of links (L, K) and of none (L,)."""
    edges = graph.edges
    following = edges[..., LINE_EDGES.index("geo_block")] * edges[..., LINE_EDGES.index("geo_next")] * graph.present
    return _with(per_edge[..., 0], none, following, LINES)


def with_roles(graph: Graph, roles: Array) -> Array:
    """Weigh in what geometry takes each line for: logits of roles (L, len(ROLES))."""
    weighed = roles / LINE_ROLES.temperature
    for name in CATEGORIES:
        weighed[:, ROLES.index(name)] += LINE_ROLES.weight * graph.nodes[:, LINE_NODES.index(f"geo_{name}")]
    return weighed


def with_blocks(graph: Graph, per_edge: Array, none: Array) -> tuple[Array, Array, Array]:
    """Weigh in geometry's order: logits of the next block (B, K), of none (B,), and of coming before (B, K)."""
    following = graph.edges[..., BLOCK_EDGES.index("geo_next")] * graph.present
    after = graph.edges[..., BLOCK_EDGES.index("geo_after")]
    links, none = _with(per_edge[..., 0], none, following, ORDER)
    return links, none, per_edge[..., 1] / ORDER.temperature + ORDER.weight * (2 * after - 1)


def _with(links: Array, none: Array, following: Array, trust: Trust) -> tuple[Array, Array]:
    last = 1 - following.max(axis=1, initial=0)
    return links / trust.temperature + trust.weight * following, none / trust.temperature + trust.weight * last

"""What each stage of the network is shown: the names of its columns, and how many neighbours a node has."""

from __future__ import annotations

from loaders.relate import block_graph, line_graph, word_graph

NODES = {
    "words": word_graph.NODE_COLUMNS,
    "lines": line_graph.LINE_NODES,
    "blocks": block_graph.BLOCK_NODES,
}
EDGES = {
    "words": word_graph.EDGE_COLUMNS,
    "lines": line_graph.LINE_EDGES,
    "blocks": block_graph.BLOCK_EDGES,
}
AROUND = {"words": 2 * word_graph.RIGHT, "lines": line_graph.AROUND, "blocks": block_graph.AROUND}
"""How many neighbours a node of each stage has."""


def columns_of(stage: str) -> dict[str, list[str]]:
    """Return the columns of a stage's nodes and edges, in order."""
    return {"nodes": list(NODES[stage]), "edges": list(EDGES[stage])}

"""How well the network does on examples it has not learned from, after decoding.

In: the network and examples. Out: named figures: F1 of word and line links, the share of roles that are right, F1 of
titles, and block successor accuracy, each over all examples; of the network alone and, as "shipped_", of what the
package makes of it, which is weighed against geometry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from loaders.relate.decode import LEAST, linked, next_probabilities, ordered, sigmoid
from loaders.relate.examples import Arrays, Example
from loaders.relate.graphs import Graph
from loaders.relate.labels import IGNORED
from loaders.relate.prior import with_lines, with_roles, with_words
from loaders.relate.relational import weighed_order
from loaders.relate.roles import ROLES
from loaders.relate.word_graph import RIGHT


def validate(network: nn.ModuleDict, examples: Sequence[Example], device: str = "cpu") -> dict[str, float]:
    """Return the figures, 1 at best."""
    network.eval()
    counts: dict[str, np.ndarray] = {}

    def add(name: str, values: Sequence[float]) -> None:
        counts[name] = counts.get(name, np.zeros(len(values))) + values

    for made in examples:
        for stage, arrays in made.stages.items():
            graph = graph_of(arrays)
            per_edge, per_node = run_stage(network[stage], graph, device)
            none = per_node[:, 0]
            if stage == "words":
                weighed = with_words(graph, per_edge, none)
                for name, logits in (("words", (per_edge[:, :RIGHT, 0], none)), ("shipped_words", weighed)):
                    links = linked(graph, next_probabilities(graph, *logits), LEAST)
                    add(name, _link_counts(graph, links.target, arrays["following"], RIGHT))
            elif stage == "lines":
                around, role = graph.neighbours.shape[1], arrays["role"]
                weighed = with_lines(graph, per_edge, none)
                for name, logits in (("lines", (per_edge[..., 0], none)), ("shipped_lines", weighed)):
                    links = linked(graph, next_probabilities(graph, *logits), LEAST)
                    add(name, _link_counts(graph, links.target, arrays["following"], around))
                roles = per_node[:, 1 : 1 + len(ROLES)]
                for start, said in (("", roles), ("shipped_", with_roles(graph, roles))):
                    best = said.argmax(axis=1)
                    add(f"{start}roles", _right_of(best[role != IGNORED], role[role != IGNORED]))
                    add(f"{start}titles", _title_counts(best, role))
            else:
                chances = next_probabilities(graph, per_edge[..., 0], none)
                order = ordered(graph, chances, sigmoid(per_edge[..., 1])).order
                add("successor", _successors(graph, order, arrays["following"]))
                shipped = weighed_order(graph, per_edge, none).order
                add("shipped_successor", _successors(graph, shipped, arrays["following"]))
                add("successor_geometric", _successors(graph, range(len(graph)), arrays["following"]))
    figures = {}
    for name, found in counts.items():  # two numbers make a share, three an F1
        right, *rest = found.tolist()
        figures[f"{name}_f1" if len(rest) > 1 else name] = (2 * right if len(rest) > 1 else right) / max(sum(rest), 1)
    return {name: round(value, 4) for name, value in figures.items()}


def graph_of(arrays: Arrays) -> Graph:
    """Return an example's graph as the package builds it."""
    return Graph(
        arrays["nodes"].astype(np.float32),
        arrays["neighbours"].astype(np.int64),
        arrays["present"],
        arrays["edges"].astype(np.float32),
    )


def run_stage(stage: nn.Module, graph: Graph, device: str = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """Return a stage's logits per edge and per node."""
    with torch.no_grad():
        given = (graph.nodes, graph.neighbours, graph.present, graph.edges)
        per_edge, per_node = stage(*(torch.from_numpy(array).to(device) for array in given))
    return per_edge.cpu().numpy(), per_node.cpu().numpy()


def _link_counts(graph: Graph, target: np.ndarray, following: np.ndarray, around: int) -> tuple[int, int, int]:
    """Return links found right, links found, links there are; those the graph cannot hold count as missed."""
    label = following.astype(int)
    true = np.full(len(graph), -1)
    inside = (label >= 0) & (label < around)
    true[inside] = graph.neighbours[inside, label[inside]]
    judged = label != IGNORED
    right = judged & (true >= 0) & (target == true)
    return int(right.sum()), int((judged & (target >= 0)).sum()), int((true >= 0).sum())


def _right_of(found: np.ndarray, role: np.ndarray) -> tuple[int, int]:
    return int((found == role).sum()), len(role)


def _title_counts(found: np.ndarray, role: np.ndarray) -> tuple[int, int, int]:
    known, title = role != IGNORED, ROLES.index("title")
    says, there = known & (found == title), known & (role == title)
    return int((says & there).sum()), int(says.sum()), int(there.sum())


def _successors(graph: Graph, order: Sequence[int], following: np.ndarray) -> tuple[int, int]:
    """Return how many blocks are followed by the one that follows them, and of how many."""
    label, around = following.astype(int), graph.neighbours.shape[1]
    follower = dict(zip(order, [*list(order)[1:], -1], strict=True))
    judged = [k for k in range(len(graph)) if 0 <= label[k] < around]
    return sum(follower[k] == graph.neighbours[k, label[k]] for k in judged), len(judged)

"""How well the network does on examples it has not learned from, after decoding.

In: the network and examples. Out: named figures: F1 of word and line links, the share of roles that are right, F1 of
titles, and block successor accuracy, each over all examples.
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
            if stage == "words":
                chances = next_probabilities(graph, per_edge[:, :RIGHT, 0], per_node[:, 0])
                add("words", _link_counts(graph, linked(graph, chances, LEAST).target, arrays["following"], RIGHT))
            elif stage == "lines":
                chances = next_probabilities(graph, per_edge[..., 0], per_node[:, 0])
                around = graph.neighbours.shape[1]
                add("lines", _link_counts(graph, linked(graph, chances, LEAST).target, arrays["following"], around))
                found, role = per_node[:, 1 : 1 + len(ROLES)].argmax(axis=1), arrays["role"]
                add("roles", _right_of(found[role != IGNORED], role[role != IGNORED]))
                add("titles", _title_counts(found, role))
            else:
                chances = next_probabilities(graph, per_edge[..., 0], per_node[:, 0])
                order = ordered(graph, chances, sigmoid(per_edge[..., 1])).order
                add("successor", _successors(graph, order, arrays["following"]))
                add("successor_geometric", _successors(graph, range(len(graph)), arrays["following"]))
    figures = {f"{name}_f1": _f1(*counts[name]) for name in ("words", "lines", "titles") if name in counts}
    shares = ("roles", "successor", "successor_geometric")
    figures |= {name: float(counts[name][0] / max(counts[name][1], 1)) for name in shares if name in counts}
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


def _f1(right: float, found: float, there: float) -> float:
    return float(2 * right / max(found + there, 1))


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

"""The relational network: three small graph transformers, for words, lines and blocks.

Each takes a Graph (nodes, their neighbours, edges) and gives logits per edge and per node. Attention runs over a
node's neighbours only, with a bias and a value from the edge, so that its cost grows with the page and not with its
square; what the whole page is like reaches every node through its mean. Plain PyTorch, for training and export; the
package runs the exported graphs (model.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from loaders.relate.columns_of import EDGES, NODES
from loaders.relate.roles import LEVELS, ROLES

MASKED = -1e4
DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage: columns of nodes and edges, logits per edge and per node, and its size."""

    nodes: int
    edges: int
    per_edge: int
    per_node: int
    width: int
    depth: int
    heads: int = 4
    edge_width: int = 32


def _config(stage: str, per_edge: int, per_node: int, width: int, depth: int) -> StageConfig:
    return StageConfig(len(NODES[stage]), len(EDGES[stage]), per_edge, per_node, width, depth)


STAGES = {
    # link; none
    "words": _config("words", 1, 1, width=48, depth=2),
    # next line; none, roles, levels
    "lines": _config("lines", 1, 1 + len(ROLES) + LEVELS, width=96, depth=3),
    # next block, before; none
    "blocks": _config("blocks", 2, 1, width=96, depth=3),
}
"""Literal sizes: together under 2.5 M parameters."""


class Layer(nn.Module):
    """Attention over neighbours, the page's mean, and a feed-forward step, each added to what was there."""

    def __init__(self, width: int, edge_width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.norm, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.edge = nn.Linear(edge_width, heads + width)
        self.out, self.page = nn.Linear(width, width), nn.Linear(width, width)
        self.forward_in, self.forward_out = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, edges: Tensor, flat: Tensor, hidden: Tensor, mean: PageMean) -> Tensor:
        """Nodes x (N, width), edges (N, K, edge_width), neighbours flat (N * K), hidden (N, K, 1): MASKED or 0."""
        around = hidden.shape[1]
        here = self.norm(x)
        query = self.query(here).view(-1, 1, self.heads, self.width // self.heads)
        key, value = self.key_value(here)[flat].view(-1, around, 2 * self.width).chunk(2, dim=2)
        bias, told = self.edge(edges).split([self.heads, self.width], dim=2)
        key = key.reshape(-1, around, self.heads, self.width // self.heads)
        scores = (query * key).sum(dim=3) * (self.width // self.heads) ** -0.5 + bias + hidden
        weights = scores.softmax(dim=1)[..., None]
        value = (value + told).reshape(-1, around, self.heads, self.width // self.heads)
        mixed = (weights * value).sum(dim=1).reshape(-1, self.width)
        x = x + self.drop(self.out(mixed) + mean(self.page(here)))
        return x + self.drop(self.forward_out(functional.gelu(self.forward_in(self.norm_forward(x)))))


class PageMean(nn.Module):
    """The mean over the nodes of a page, given back to each of them. `pages` (N,) tells a batch's pages apart."""

    def __init__(self, pages: Tensor | None = None) -> None:
        super().__init__()
        self.pages = pages

    def forward(self, x: Tensor) -> Tensor:
        if self.pages is None:
            return x.mean(dim=0, keepdim=True)
        count = int(self.pages[-1]) + 1
        total = x.new_zeros(count, x.shape[1]).index_add(0, self.pages, x)
        size = torch.bincount(self.pages, minlength=count).clamp(min=1)[:, None]
        return (total / size)[self.pages]


class Stage(nn.Module):
    """A graph transformer with logits for each edge (N, K, per_edge) and each node (N, per_node)."""

    def __init__(self, config: StageConfig) -> None:
        super().__init__()
        width, edge_width = config.width, config.edge_width
        self.nodes = nn.Sequential(nn.Linear(config.nodes, width), nn.GELU(), nn.Linear(width, width))
        self.edges = nn.Sequential(nn.Linear(config.edges, edge_width), nn.GELU(), nn.Linear(edge_width, edge_width))
        self.layers = nn.ModuleList(Layer(width, edge_width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.from_here, self.from_there = nn.Linear(width, 64), nn.Linear(width, 64)
        self.from_edge = nn.Linear(edge_width, 64)
        self.per_edge, self.per_node = nn.Linear(64, config.per_edge), nn.Linear(width, config.per_node)

    def forward(
        self, nodes: Tensor, neighbours: Tensor, present: Tensor, edges: Tensor, pages: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A Graph's four arrays in; `pages` where it holds several pages. Logits of absent neighbours mean nothing."""
        mean, flat = PageMean(pages), neighbours.reshape(-1)
        hidden = (1.0 - present.to(nodes.dtype))[..., None] * MASKED
        x, e = self.nodes(nodes), functional.gelu(self.edges(edges))
        for layer in self.layers:
            x = layer(x, e, flat, hidden, mean)
        x = self.norm(x)
        there = self.from_there(x)[flat].view(e.shape[0], e.shape[1], 64)
        pair = functional.gelu(self.from_here(x)[:, None] + there + self.from_edge(e))
        return self.per_edge(pair), self.per_node(x)


def stages() -> nn.ModuleDict:
    """Return the three stages, with random weights."""
    return nn.ModuleDict({name: Stage(config) for name, config in STAGES.items()})


def parameter_count(module: nn.Module) -> int:
    """Return how many numbers are learned."""
    return sum(parameter.numel() for parameter in module.parameters())

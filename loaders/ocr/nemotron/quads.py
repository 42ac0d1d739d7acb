"""How far quads are from each other, and which way they point: the geometry that the relational network is given.

Frame: quads (n, 4, 2) run top-left, top-right, bottom-right, bottom-left of the text's own direction, x right, y down,
in any unit; distances come out in that unit.
"""

from __future__ import annotations

import torch
from torch import Tensor

PAIRS_AT_ONCE = 1 << 18  # vertex-edge pairs held at once: six blocks of 1 MB, which caches hold


def unit(vectors: Tensor) -> Tensor:
    """Scale vectors (..., 2) to length 1; a zero vector stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def baseline(quads: Tensor) -> Tensor:
    """Give the vectors (n, 2) from the middle of each left edge to the middle of the right edge."""
    return (quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3]) / 2


def distances(quads: Tensor) -> Tensor:
    """Measure the least distance between the outlines of all pairs of quads, (n, n); infinite on the diagonal.

    The least distance of any vertex of the one to any edge of the other: quads that cross or hold each other have no
    zero of their own. Memory is n * n floats and a bounded block.
    """
    count = len(quads)
    if not count:
        return quads.new_empty(0, 0)
    rows = max(1, PAIRS_AT_ONCE // (16 * count))
    one_way = torch.cat([_vertices_to_edges(block, quads) for block in quads.split(rows)])
    both_ways = torch.minimum(one_way, one_way.T)
    return both_ways.fill_diagonal_(torch.inf)


def _vertices_to_edges(quads: Tensor, others: Tensor) -> Tensor:
    """Measure the least distance from the vertices of quads (r, 4, 2) to the edges of others (n, 4, 2): (r, n)."""
    # x and y apart: sums over an axis of two are slow. All shapes broadcast to (r, vertex, edge, n).
    start_x, start_y = others.permute(2, 1, 0)[:, None, None].unbind()
    edge_x, edge_y = (others.roll(-1, dims=1) - others).permute(2, 1, 0)[:, None, None].unbind()
    vertex_x, vertex_y = quads.permute(2, 0, 1)[..., None, None].unbind()
    to_x, to_y = vertex_x - start_x, vertex_y - start_y
    length_squared = edge_x * edge_x + edge_y * edge_y
    along = (to_x * edge_x + to_y * edge_y) / torch.where(length_squared > 0, length_squared, 1.0)
    along.clamp_(0, 1)
    gap_x, gap_y = torch.addcmul(to_x, along, edge_x, value=-1), torch.addcmul(to_y, along, edge_y, value=-1)
    return (gap_x.square_() + gap_y.square_()).amin((1, 2)).sqrt()

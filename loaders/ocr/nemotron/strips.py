"""Cut regions out of feature maps: sampling grids along each quad, and the features sampled there.

Frame: quads (N, 4, 2) are in pixels of the detector's input; grids (N, h, w, 2) are x, y from -1 to 1 over that input,
outside it where a cell is past its region's end. Both equal the operations of NVIDIA's package, without a compiled
extension.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from loaders.ocr.nemotron.recognizer import STRIP_HEIGHT
from loaders.ocr.nemotron.relational import GRID

LEAST_SIDE = 2.0  # pixels of height and cells of width


def strip_grid(quads: Tensor, height: int, width: int, cells: int) -> Tensor:
    """Lay grids (N, 8, cells, 2) over quads of an input of height x width pixels, as the recognizer samples them.

    Cells are square as long as the text fits; text longer than 8 : cells is squeezed into them. What lies past the
    text's end samples nothing.
    """
    return _grid(quads, height, width, STRIP_HEIGHT, cells, strip_widths(quads, cells))


def rectified_grid(quads: Tensor, height: int, width: int) -> Tensor:
    """Lay grids (N, 2, 3, 2) over whole quads, as the relational network samples them."""
    rows, columns = GRID
    return _grid(quads, height, width, rows, columns, quads.new_full((len(quads),), float(columns)))


def strip_widths(quads: Tensor, cells: int) -> Tensor:
    """Count the cells (N,) that a strip 8 cells high takes: whole, at least 2, at most `cells`."""
    tall = ((quads[:, 3] - quads[:, 0]).norm(dim=1) + (quads[:, 2] - quads[:, 1]).norm(dim=1)) / 2
    long = (quads[:, 1] - quads[:, 0]).norm(dim=1)
    scale = STRIP_HEIGHT / tall.clamp(min=LEAST_SIDE)
    return (scale * long).ceil().clamp(1, cells).clamp(min=LEAST_SIDE)


def _grid(quads: Tensor, height: int, width: int, rows: int, columns: int, widths: Tensor) -> Tensor:
    down = ((torch.arange(rows, device=quads.device) + 0.5) / rows)[None, :, None, None]
    column = torch.arange(columns, device=quads.device)
    across = ((column + 0.5) / widths[:, None])[:, None, :, None]
    a, b, c, d = quads[:, :, None, None, :].unbind(1)
    points = (1 - down) * ((1 - across) * a + across * b) + down * ((1 - across) * d + across * c)
    past = (column >= widths[:, None])[:, None, :, None]
    points = points.masked_fill(past, -1.0)
    return 2 * points / points.new_tensor([width, height]) - 1


def sample(features: Tensor, grid: Tensor, images: Tensor) -> Tensor:
    """Sample features (B, C, H, W) of image images[n] on grid[n] (h, w, 2) bilinearly: (N, C, h, w) float32.

    -1 and 1 are the centres of the outermost cells; beyond them there is nothing, 0.
    """
    count, rows, columns, _ = grid.shape
    _, channels, height, width = features.shape
    last = grid.new_tensor([width - 1, height - 1])
    place = ((grid + 1) / 2 * last).clamp(torch.zeros_like(last), last)
    corner = place.floor()
    (x, y), (right, below) = corner.long().unbind(-1), (place - corner).unbind(-1)
    across, down = (x, (x + 1).clamp(max=width - 1)), (y, (y + 1).clamp(max=height - 1))
    within = (grid.abs() <= 1).all(-1)
    start = images.view(-1, 1, 1) * (height * width)
    cells = torch.stack([start + j * width + i for j in down for i in across], dim=-1)
    weights = torch.stack([j * i for j in (1 - below, below) for i in (1 - right, right)], dim=-1)
    sampled = F.embedding_bag(  # ten times as fast on a CPU as grid_sample, and it knows which image
        cells.view(-1, 4),
        features.permute(0, 2, 3, 1).reshape(-1, channels).float(),  # a view of channels-last float32 features
        mode="sum",
        per_sample_weights=(weights * within.unsqueeze(-1)).view(-1, 4),
    )
    return sampled.view(count, rows, columns, channels).permute(0, 3, 1, 2)

"""The network that judges a candidate grid: a few rounds in which places, lines and columns hear of each other.

Every place hears its eight neighbours by a convolution, and its line, its column and the whole table by their mean and
largest. Its cost grows with the places. Plain PyTorch, for training and export; the package runs the exported graph.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from loaders.tables.features import CELL, COLUMN, LINE

WIDTH = 32
ROUNDS = 3
DROPOUT = 0.1
LOW = -1e4


class Round(nn.Module):
    """One round: a convolution, what is pooled over lines, columns and all, and a feed-forward step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.near = nn.Conv2d(width, width, 3, padding=1)
        self.line, self.column = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        self.table = nn.Linear(width, width)
        self.forward_in, self.forward_out = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Places x (B, R, C, width), mask (B, R, C, 1): 1 for places there are."""
        here = self.norm(x) * mask
        told = self.near(here.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        told = told + self.line(_pooled(here, mask, 2)) + self.column(_pooled(here, mask, 1))
        told = told + self.table(here.sum(dim=(1, 2), keepdim=True) / mask.sum(dim=(1, 2), keepdim=True).clamp(min=1))
        x = x + self.drop(functional.gelu(told))
        return x + self.drop(self.forward_out(functional.gelu(self.forward_in(self.norm_forward(x)))))


def _pooled(x: Tensor, mask: Tensor, over: int) -> Tensor:
    """Return mean and largest over lines or columns."""
    mean = x.sum(dim=over, keepdim=True) / mask.sum(dim=over, keepdim=True).clamp(min=1)
    largest = (x + (1 - mask) * LOW).amax(dim=over, keepdim=True).clamp(min=LOW / 2)
    return torch.cat([mean, largest], dim=-1)


class GridNetwork(nn.Module):
    """Logits of all that a grid is decided by; see Verdict for their meaning and `forward` for their shapes."""

    def __init__(self, width: int = WIDTH, rounds: int = ROUNDS) -> None:
        super().__init__()
        self.cells, self.lines = nn.Linear(len(CELL), width), nn.Linear(len(LINE), width)
        self.columns = nn.Linear(len(COLUMN), width)
        self.enter = nn.Linear(width, width)
        self.rounds = nn.ModuleList(Round(width) for _ in range(rounds))
        self.norm = nn.LayerNorm(width)
        self.of_cut, self.of_join = _pair(2 * width, width), _pair(2 * width, width)
        self.of_head, self.of_label = nn.Linear(2 * width, 1), nn.Linear(2 * width, 1)
        self.of_beside, self.of_under = _pair(width, width), _pair(width, width)

    def forward(self, cells: Tensor, lines: Tensor, columns: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Features (B, R, C, CELL), (B, R, LINE), (B, C, COLUMN) and mask (B, R, C, 1) in.

        Logits out: cut (B, C - 1), join (B, R - 1), head (B, R), label (B, C), beside (B, R, C - 1), under
        (B, R - 1, C).
        """
        x = self.cells(cells) + self.lines(lines)[:, :, None] + self.columns(columns)[:, None]
        x = self.enter(functional.gelu(x)) * mask
        for step in self.rounds:
            x = step(x, mask)
        x = self.norm(x) * mask
        line, column = _pooled(x, mask, 2)[:, :, 0], _pooled(x, mask, 1)[:, 0]
        return (
            self.of_cut(torch.cat([column[:, :-1], column[:, 1:]], dim=-1))[..., 0],
            self.of_join(torch.cat([line[:, :-1], line[:, 1:]], dim=-1))[..., 0],
            self.of_head(line)[..., 0],
            self.of_label(column)[..., 0],
            self.of_beside(torch.cat([x[:, :, :-1], x[:, :, 1:]], dim=-1))[..., 0],
            self.of_under(torch.cat([x[:, :-1], x[:, 1:]], dim=-1))[..., 0],
        )


def _pair(width: int, hidden: int) -> nn.Sequential:
    """Return what judges two neighbours, each `width` wide."""
    return nn.Sequential(nn.Linear(2 * width, hidden), nn.GELU(), nn.Linear(hidden, 1))

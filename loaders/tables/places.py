"""A table's grid before its cells are known: columns, rows, what is filled, and the places that cells are merged from.

`Places` is what keeps the result valid: merging grows to a rectangle whatever it touches, so no two cells can overlap,
whatever the evidence said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.rulings import Floats
from loaders.tables.columns import Cut
from loaders.tables.rows import Rows
from loaders.tables.words import Bools, Ints, Upright


class Places:
    """A grid of places, each part of one rectangle: `spans` int32 (rows, cols, 4) holds top, left, bottom, right."""

    def __init__(self, rows: int, cols: int) -> None:
        top, left = np.mgrid[0:rows, 0:cols]
        self.spans: npt.NDArray[np.int32] = np.stack([top, left, top, left], axis=-1).astype(np.int32)

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Make one cell of the places from (top, left) to (bottom, right), both included, and of what they touch."""
        while True:
            part = self.spans[top : bottom + 1, left : right + 1].reshape(-1, 4)
            grown = (*part[:, :2].min(axis=0).tolist(), *part[:, 2:].max(axis=0).tolist())
            if grown == (top, left, bottom, right):
                break
            top, left, bottom, right = grown
        self.spans[top : bottom + 1, left : right + 1] = (top, left, bottom, right)

    def single(self, row: int, col: int) -> bool:
        """Say whether a place is a cell of its own."""
        top, left, bottom, right = self.spans[row, col]
        return bool(top == bottom and left == right)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Everything known of a table before its cells are merged."""

    up: Upright
    column: Ints
    edges: Floats
    cuts: list[Cut]
    rows: Rows
    pairs: Ints
    filled: Bools
    left: Floats
    right: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows.parts) + 1, len(self.edges) - 1


def grid_of(up: Upright, column: Ints, edges: Floats, cuts: list[Cut], rows: Rows, pairs: Ints) -> Grid:
    """Gather a table's columns and rows, what is filled, and the extent (rows, cols) of the text in each place."""
    shape = len(rows.parts) + 1, len(edges) - 1
    filled = np.zeros(shape, bool)
    filled[rows.row, column] = True
    left, right = np.full(shape, np.inf), np.full(shape, -np.inf)
    np.minimum.at(left, (rows.row, column), up.boxes[:, 0])
    np.maximum.at(right, (rows.row, column), up.boxes[:, 2])
    return Grid(up, column, edges, cuts, rows, pairs, filled, left, right)

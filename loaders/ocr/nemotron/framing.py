"""Pages <-> the detector's square input: cutting, padding with white, resizing, and the way back in float32.

Frames: a page is uint8 (H, W, 3) RGB and its frame is its own pixels. A tile is a square of it, in those pixels. The
detector's input is `length` pixels square, RGB from 0 to 1. The sheet is the whole page at the scale at which it would
fit one input; the relational network sees quads in it, whatever the tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from loaders.geometry import Array, boxes_from_quads

Pixels = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

WHITE = 255
MOST_SHRINK = 3.5  # A4 at 300 dpi is still read whole, as NVIDIA's package reads any page
ELONGATED = 2.0  # a page longer than so many times its short side is cut along it
OVERLAP = 1 / 8  # of a tile's side
CUT_MARGIN = 4.0  # pixels of the input: a box as near to a cut is taken as cut off
SAME = 0.5  # share of the smaller box that two tiles' boxes have in common when they are one text


@dataclass(frozen=True, slots=True)
class Tile:
    """A square cut of a page: its left, top and side in the page's pixels; what lies beyond the page is white."""

    page: int
    left: int
    top: int
    side: int
    page_side: int

    def to_page(self, quads: Array, length: int) -> Array:
        """Move quads (N, 4, 2) from the input, `length` pixels square, to the page."""
        return np.asarray(quads * np.float32(self.side / length) + self._corner, np.float32)

    def to_sheet(self, quads: Array, length: int) -> Array:
        """Move quads from the input to the sheet; the same where the tile is the whole page."""
        scale = self.side / self.page_side
        return np.asarray(quads * np.float32(scale) + self._corner * np.float32(length / self.page_side), np.float32)

    @property
    def _corner(self) -> Array:
        return np.array([self.left, self.top], np.float32)


def cut_tiles(page: int, height: int, width: int, length: int, *, tiling: bool = True) -> list[Tile]:
    """Cover a page with tiles: one, or overlapping ones where it is very large or elongated."""
    long, short = max(height, width), min(height, width)
    side = min(int(MOST_SHRINK * length), max(length, int(ELONGATED * short)))
    if not tiling or long <= side:
        return [Tile(page, 0, 0, long, long)]
    return [Tile(page, x, y, side, long) for y in _starts(height, side) for x in _starts(width, side)]


def _starts(extent: int, side: int) -> list[int]:
    """Space squares evenly along an extent so that neighbours overlap by at least an eighth."""
    if extent <= side:
        return [0]
    overlap = int(side * OVERLAP)
    count = -(-(extent - overlap) // (side - overlap))
    return [round(k * (extent - side) / (count - 1)) for k in range(count)]


def tile_input(pixels: Pixels, tile: Tile, length: int, device: torch.device, *, antialias: bool = True) -> Tensor:
    """Make the detector's input (1, 3, length, length) of a tile, float32, channels-last, on the device."""
    cut = pixels[tile.top : tile.top + tile.side, tile.left : tile.left + tile.side]
    square = np.full((tile.side, tile.side, 3), WHITE, np.uint8)
    square[: cut.shape[0], : cut.shape[1]] = cut
    page = torch.from_numpy(square)
    if device.type == "cuda":
        page = page.pin_memory().to(device, non_blocking=True)
    image = page.permute(2, 0, 1)[None].float() / WHITE
    if tile.side == length:
        return image
    if antialias:
        return F.interpolate(image, (length, length), mode="bilinear", antialias=True)
    return F.interpolate(image, (length, length), mode="bilinear", align_corners=True)


def keep_once(quads: Array, tile_of: Ints, tiles: Sequence[Tile], length: int) -> Ints:
    """Return which quads (N, 4, 2) of a page to keep, in reading position, where overlapping tiles saw a text twice.

    Of two boxes that share most of the smaller one, the one that no cut runs through is kept, else the larger.
    """
    boxes = boxes_from_quads(quads)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    cut = _cut_off(boxes, tile_of, tiles, length)
    kept: list[int] = []
    for row in np.lexsort((np.arange(len(boxes)), -area, cut)).tolist():
        rivals = np.array([k for k in kept if tile_of[k] != tile_of[row]], int)
        sides = np.minimum(boxes[row, 2:], boxes[rivals, 2:]) - np.maximum(boxes[row, :2], boxes[rivals, :2])
        shared = np.maximum(sides, 0).prod(axis=1)
        if not (shared > SAME * np.minimum(area[row], area[rivals])).any():
            kept.append(row)
    rows = np.array(kept, np.int64)
    centres = quads[rows].mean(axis=1)
    return rows[np.lexsort((centres[:, 0], centres[:, 1]))]


def _cut_off(boxes: Array, tile_of: Ints, tiles: Sequence[Tile], length: int) -> npt.NDArray[np.bool_]:
    """Say of each box whether it ends at an edge of its tile that is not the page's."""
    right, bottom = (max(edge) for edge in zip(*((t.left + t.side, t.top + t.side) for t in tiles), strict=True))
    limits = np.array(
        [
            (
                t.left or -np.inf,
                t.top or -np.inf,
                t.left + t.side if t.left + t.side < right else np.inf,
                t.top + t.side if t.top + t.side < bottom else np.inf,
            )
            for t in tiles
        ]
    )[tile_of]
    margin = CUT_MARGIN * np.array([tile.side for tile in tiles])[tile_of, None] / length
    before, beyond = boxes[:, :2] < limits[:, :2] + margin, boxes[:, 2:] > limits[:, 2:] - margin
    return np.asarray((before | beyond).any(axis=1))

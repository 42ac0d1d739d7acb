"""The relational network: for every region, which region follows it in its line, and which begins the next line.

Frame: quads are in pixels of the detector's input. Each region is shown its 15 nearest neighbours and a null link
("none follows"); a transformer over these 16 slots gives each a word logit, a line logit and a line log-variance.
State-dict names and shapes are those of relational.pth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from loaders.errors import UsageError
from loaders.ocr.nemotron.layers import conv_block, transformer
from loaders.ocr.nemotron.quads import baseline, distances, unit
from loaders.ocr.nemotron.variants import FEATURE_CHANNELS, ModelConfig, NullLink

SLOTS = 16  # the null link and up to 15 neighbours
GRID = (2, 3)  # cells of the features sampled in each region, rows and columns
QUAD_SCALE = 1024.0  # pixels per unit of the geometry
REGION_WIDTH = 127  # 113 learned, 14 of geometry
TOKEN_WIDTH = 2 * REGION_WIDTH + 2  # the region, its neighbour, distance, cosine
NULL_DISTANCE, NULL_COSINE = -1.0, -2.0
MASKED = -3e4  # instead of minus infinity: exp() of it is 0 just the same, and float16 can hold it


class Relations(NamedTuple):
    """Relations between the n regions of one image, each (n, n + 1) float32.

    Row i, column 0: nothing follows region i; column j + 1: region j follows it. Pairs that were not looked at are
    minus infinity in all three.
    """

    word_logits: Tensor
    line_logits: Tensor
    line_log_variances: Tensor


class Neighbours(NamedTuple):
    """The 16 slots of each of n regions: column in Relations (n, 16), distance (n, 16), and which slots hold one.

    Slot 0 is the null link, column 0. Empty slots have valid == False, column 0 and distance 0.
    """

    columns: Tensor
    distances: Tensor
    valid: Tensor


Encode = Callable[[Tensor, Tensor], Tensor]


class Relational(nn.Module):
    """The relational network; its geometry is float32 whatever the autocast.

    `null_link`: "first" takes the null link's outputs from its own slot. "original" does as NVIDIA's package does on
    images of fewer than 16 regions: an empty slot's outputs overwrite the null link's.
    """

    def __init__(self, config: ModelConfig, null_link: NullLink = "first") -> None:
        super().__init__()
        if null_link not in ("first", "original"):
            raise UsageError(f"null_link is 'first' or 'original', not {null_link!r}")
        self.null_link = null_link
        self.rect_proj = conv_block(FEATURE_CHANNELS, 128, bias=True)
        self.recog_tx = nn.Linear(2 * config.depth, 128)
        self.combined_proj = nn.Sequential(
            nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 113), nn.BatchNorm1d(113), nn.ReLU()
        )
        self.encoder = nn.Sequential(
            transformer(TOKEN_WIDTH, 4, 8, 2 * TOKEN_WIDTH, norm_first=True, final_norm=False, dropout=0.1),
            nn.Linear(TOKEN_WIDTH, 3),
        )

    def forward(
        self,
        rectified: Tensor,
        quads: Tensor,
        counts: Sequence[int] | Tensor,
        recognized: Tensor,
        *,
        encode: Encode | None = None,
    ) -> list[Relations]:
        """Relate the regions of a batch of images, concatenated in image order; one Relations per image.

        rectified: (N, 128, 2, 3) detector features sampled in each region. quads: (N, 4, 2) pixels of its input.
        counts: regions of each image, summing to N, else UsageError. recognized: (N, T, 2 * depth) of the recognizer.
        encode: another runtime's version of `self.encode`.
        """
        sizes = [int(n) for n in (counts.tolist() if isinstance(counts, Tensor) else counts)]
        if not sum(sizes) == len(quads) == len(rectified) == len(recognized):
            raise UsageError(
                f"counts sum to {sum(sizes)}, but there are {len(quads)} quads, {len(rectified)} rectified and "
                f"{len(recognized)} recognized regions"
            )
        if not sum(sizes):
            return [_scatter(quads.new_zeros(0, SLOTS, 3), _neighbours(quads)) for _ in sizes]
        scaled = quads.float() / QUAD_SCALE
        regions = self.describe(rectified, scaled, recognized)
        found = [_neighbours(part) for part in scaled.split(sizes)]
        tokens = [_tokens(*parts) for parts in zip(regions.split(sizes), scaled.split(sizes), found, strict=True)]
        scores = (encode or self.encode)(torch.cat(tokens), torch.cat([near.valid for near in found])).float()
        if self.null_link == "original":
            scores = torch.cat([_overwrite_null(*p) for p in zip(scores.split(sizes), found, strict=True)])
        return [_scatter(*parts) for parts in zip(scores.split(sizes), found, strict=True)]

    def describe(self, rectified: Tensor, scaled: Tensor, recognized: Tensor) -> Tensor:
        """Describe each region by a vector (N, 127): 113 of what it looks like and says, 14 of where it is."""
        dtype = self.recog_tx.weight.dtype
        looks = self.rect_proj(rectified.to(dtype)).mean((2, 3))
        says = self.recog_tx(recognized.to(dtype).mean(1))
        return torch.cat([self.combined_proj(torch.cat([looks, says], dim=1)).float(), _geometry(scaled)], dim=1)

    def encode(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Map tokens (N, 16, 256) and valid (N, 16) bool to (N, 16, 3): word logit, line logit, line log-variance."""
        mask = torch.where(valid, 0.0, MASKED).to(tokens.dtype)
        return self.encoder[1](self.encoder[0](tokens, src_key_padding_mask=mask))


def _geometry(scaled: Tensor) -> Tensor:
    """Give 14 numbers per quad: corners, direction, the direction's normal, width, height; (N, 14)."""
    across = baseline(scaled)
    direction = unit(across)
    normal = torch.stack([-direction[:, 1], direction[:, 0]], dim=1)
    width = across.norm(dim=1, keepdim=True)
    height = ((scaled[:, 3] - scaled[:, 0] + scaled[:, 2] - scaled[:, 1]) / 2).norm(dim=1, keepdim=True)
    return torch.cat([scaled.flatten(1), direction, normal, width, height], dim=1)


def _neighbours(scaled: Tensor) -> Neighbours:
    """Find the nearest 15 regions of each region of one image, (n, 4, 2); the order of the slots means nothing."""
    count = len(scaled)
    held = min(max(count - 1, 0), SLOTS - 1)
    nearest = distances(scaled).topk(held, largest=False, sorted=False)
    columns = torch.zeros(count, SLOTS, dtype=torch.int64, device=scaled.device)
    gaps = torch.zeros(count, SLOTS, device=scaled.device)
    columns[:, 1 : held + 1], gaps[:, 1 : held + 1] = nearest.indices + 1, nearest.values
    valid = torch.arange(SLOTS, device=scaled.device) <= held
    return Neighbours(columns, gaps, valid.expand(count, SLOTS))


def _tokens(regions: Tensor, scaled: Tensor, near: Neighbours) -> Tensor:
    """Lay out one image's slots (n, 16, 256): the region, its neighbour, their distance, and how far ahead it lies."""
    others = (near.columns - 1).clamp(min=0)
    centres = scaled.mean(1)
    towards = unit(centres[others] - centres[:, None])
    cosines = (unit(baseline(scaled))[:, None] * towards).sum(-1)
    own = regions[:, None].expand(-1, SLOTS, -1)
    pair = torch.stack([near.distances, cosines], dim=-1)
    tokens = torch.cat([own, regions[others], pair], dim=-1)
    tokens[:, 0, REGION_WIDTH : 2 * REGION_WIDTH] = 0
    tokens[:, 0, -2:] = tokens.new_tensor([NULL_DISTANCE, NULL_COSINE])
    return tokens * near.valid[..., None]  # empty slots are all zero


def _overwrite_null(scores: Tensor, near: Neighbours) -> Tensor:
    """Put the last slot's outputs in the null link's place where that slot is empty."""
    last = torch.where(near.valid[:, -1:, None], scores[:, :1], scores[:, -1:])
    return torch.cat([last, scores[:, 1:]], dim=1)


def _scatter(scores: Tensor, near: Neighbours) -> Relations:
    """Spread one image's slots (n, 16, 3) over the matrices of all pairs."""
    count = len(scores)
    dense = scores.new_full((3, count, count + 1), -torch.inf)
    rows = torch.arange(count, device=scores.device)[:, None].expand_as(near.columns)
    dense[:, rows[near.valid], near.columns[near.valid]] = scores[near.valid].T
    return Relations(*dense)

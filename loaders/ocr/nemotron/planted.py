"""Random weights and planted regions: what is needed to measure speed without a checkpoint.

Random weights find no text, so the detector runs in full and its maps are then replaced by ones that hold a known
number of words; everything after it does real work on them. `plant` gives the maps themselves, and `save_random` the
weights as NVIDIA's files, so that another implementation can be measured on the very same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from loaders.errors import UsageError
from loaders.ocr.nemotron.checkpoint import CHARSET, CONFIG, NETWORKS
from loaders.ocr.nemotron.detector import CELL, DetectorOutput
from loaders.ocr.nemotron.loading import random_checkpoint
from loaders.ocr.nemotron.runtime import Runtime

ROWS_PER_COLUMN = 4
LEAST_PITCH = 3  # rows of cells from one line of words to the next
TALLEST = 24.0  # pixels
LOGIT = 4.0


def plant(count: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Make detector maps of `count` upright words in rows and columns over an input of height x width pixels.

    Returns confidence logits (height / 4, width / 4) and boxes (height / 4, width / 4, 5), as in DetectorOutput.
    Raises UsageError for more words than fit.
    """
    columns = max(1, math.ceil(math.sqrt(count / ROWS_PER_COLUMN)))
    rows = max(1, math.ceil(count / columns))
    tall, wide = height // CELL, width // CELL
    pitch_y, pitch_x = tall / rows, wide / columns
    if pitch_y < LEAST_PITCH or pitch_x < LEAST_PITCH:
        raise UsageError(f"planted={count}: so many words do not fit an input of {height} x {width} pixels")
    logits, boxes = torch.full((tall, wide), -LOGIT), torch.zeros(tall, wide, 5)
    half_y, half_x = min(pitch_y * CELL * 0.3, TALLEST / 2), pitch_x * CELL * 0.4
    for word in range(count):
        row, column = divmod(word, columns)
        y, x = (row + 0.5) * pitch_y * CELL, (column + 0.5) * pitch_x * CELL
        _write(logits, boxes, (y - half_y, x - half_x, y + half_y, x + half_x))
    return logits, boxes


def _write(logits: Tensor, boxes: Tensor, box: tuple[float, float, float, float]) -> None:
    """Write a word's box (top, left, bottom, right, in pixels) into the cells around its centre line."""
    top, left, bottom, right = box
    row = int((top + bottom) / 2 / CELL)
    for column in range(math.ceil(left / CELL), int(right / CELL)):
        x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
        logits[row, column] = LOGIT
        boxes[row, column] = torch.tensor([y - top, right - x, bottom - y, x - left, 0.0]).clamp(min=0)


def with_planted(runtime: Runtime, count: int) -> Runtime:
    """Run the networks in full, but let every page have `count` planted words."""
    return replace(runtime, detect=_Planted(runtime.detect, count))


class _Planted:
    """A detector whose maps are replaced; they are made once per size and device."""

    def __init__(self, detect: Callable[[Tensor], DetectorOutput], count: int) -> None:
        self._detect, self._count = detect, count
        self._maps: dict[Any, tuple[Tensor, Tensor]] = {}

    def __call__(self, images: Tensor) -> DetectorOutput:
        found = self._detect(images)
        key = (tuple(images.shape[2:]), images.device)
        if key not in self._maps:
            logits, boxes = plant(self._count, *images.shape[2:])
            self._maps[key] = logits.to(images.device), boxes.to(images.device)
        logits, boxes = self._maps[key]
        batch = len(images)
        return DetectorOutput(logits.expand(batch, -1, -1), boxes.expand(batch, -1, -1, -1), found.features)


def save_random(folder: str | Path, variant: str, seed: int = 0) -> Path:
    """Write the random weights of `weights="random"` as NVIDIA's package reads them; returns the folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    checkpoint = random_checkpoint(variant, seed)
    for name in NETWORKS:
        torch.save(getattr(checkpoint.networks, name).state_dict(), target / f"{name}.pth")
    config = checkpoint.config
    (target / CHARSET).write_text(json.dumps("".join(checkpoint.charset)), encoding="utf-8")
    said = {
        "backbone": config.backbone,
        "scope": config.scope,
        "infer_length": config.infer_length,
        "num_tokens": config.num_tokens,
        "max_width": config.max_width,
        "depth": config.depth,
        "num_layers": config.num_layers,
        "nhead": config.nhead,
        "dim_feedforward": config.dim_feedforward,
        "has_pre_norm": config.pre_norm,
        "has_tx_norm": config.final_norm,
        "norm_first": config.norm_first,
    }
    (target / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return target

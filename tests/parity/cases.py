"""What the parity script and the golden test run: the networks, their inputs, and the numbers that are kept.

A case is a dict of arrays. Sizes are small; large outputs are thinned, with the arg max kept as a witness of the rest.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from parity import seeded
from torch import Tensor

from loaders.ocr.nemotron import VARIANTS, ModelConfig

Case = dict[str, NDArray[np.float32]]

DETECTORS = {"regnet_y_8gf": 512.0, "regnet_x_8gf": 2048.0}  # backbone -> scope
RECOGNIZERS: dict[str, ModelConfig] = {
    **VARIANTS,
    "final norm": replace(VARIANTS["v1"], final_norm=True),
    "stand-alone pre norm": replace(VARIANTS["v1"], pre_norm=True),
}
REGION_COUNTS = (20, 3, 0, 1, 16)


def images() -> Tensor:
    """Two pages of 64 x 96 pixels."""
    return seeded.page("page", 2, 64, 96)


def strips(config: ModelConfig) -> Tensor:
    """Two strips for a recognizer."""
    return torch.from_numpy(seeded.uniform("strips", 2, 128, 8, config.max_width))


def related(config: ModelConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Make rectified features, quads and recognizer features of REGION_COUNTS regions."""
    count = sum(REGION_COUNTS)
    rectified = torch.from_numpy(seeded.uniform("rectified", count, 128, 2, 3))
    quads = torch.cat([seeded.regions(f"image {i}", n) for i, n in enumerate(REGION_COUNTS)])
    recognized = torch.from_numpy(seeded.uniform("recognized", count, config.max_width, 2 * config.depth))
    return rectified, quads, recognized


def detector_case(confidence: Tensor, rboxes: Tensor, features: Tensor, scope: float) -> Case:
    """Keep all confidences, all boxes (sides as a share of scope) and every 16th feature channel."""
    sides = rboxes[..., :4] / scope
    return _arrays(confidence=confidence, sides=sides, rotation=rboxes[..., 4], features=features[:, ::16])


def recognizer_case(logits: Tensor, features: Tensor) -> Case:
    """Keep the best token and its log-probability, every 97th logit and every 16th feature."""
    best = logits.log_softmax(-1).max(-1)
    return _arrays(
        tokens=best.indices, log_probabilities=best.values, logits=logits[..., ::97], features=features[..., ::16]
    )


def relational_case(images: list[tuple[Tensor, Tensor, Tensor]]) -> Case:
    """Keep every finite relation of every image; infinite ones as -1e9."""
    flat = [torch.stack(list(image)).flatten() for image in images]
    return _arrays(relations=torch.cat(flat).clamp(min=-1e9))


def _arrays(**tensors: Tensor) -> Case:
    return {name: tensor.float().numpy() for name, tensor in tensors.items()}

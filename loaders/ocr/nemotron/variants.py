"""The published variants of nemotron-ocr as literal hyper-parameters; no torch here.

Comes in: a variant's name. Goes out: a ModelConfig, everything needed to build the three networks.
Source: the model cards of nvidia/nemotron-ocr-v1 and -v2 (parameter counts) and their checkpoints' shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loaders.errors import UsageError

Backbone = Literal["regnet_y_8gf", "regnet_x_8gf"]
NullLink = Literal["first", "original"]

FEATURE_CHANNELS = 128  # detector features, sampled by the two other networks
SPECIAL_TOKENS = 3  # 0 skip, 1 end, 2 rare ("^"); 3 + i is charset[i]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What the networks of one checkpoint look like; names follow model_config.json where it has one.

    `scope` and `infer_length` are in pixels of the network's input; `max_width` is in feature cells (= characters); the
    recognizer is `2 * depth` wide. `pre_norm` and `final_norm` are has_pre_norm and has_tx_norm.
    """

    backbone: Backbone = "regnet_y_8gf"
    scope: float = 512.0
    infer_length: int = 1024
    num_tokens: int = 858
    max_width: int = 32
    depth: int = 128
    num_layers: int = 3
    nhead: int = 8
    dim_feedforward: int = 256
    pre_norm: bool = False
    final_norm: bool = False
    norm_first: bool = False


VARIANTS: dict[str, ModelConfig] = {
    "v1": ModelConfig(),
    "v2-en": ModelConfig(backbone="regnet_x_8gf", scope=2048.0, dim_feedforward=1024, final_norm=True, norm_first=True),
    "v2-multi": ModelConfig(
        backbone="regnet_x_8gf",
        scope=2048.0,
        num_tokens=14247,
        max_width=128,
        depth=256,
        num_layers=6,
        dim_feedforward=2048,
        final_norm=True,
        norm_first=True,
    ),
}


def variant_config(variant: str) -> ModelConfig:
    """Look a variant's hyper-parameters up; raises UsageError for a name that is none."""
    if variant not in VARIANTS:
        raise UsageError(f"no nemotron-ocr variant {variant!r}; there are {', '.join(VARIANTS)}")
    return VARIANTS[variant]

"""The three networks of NVIDIA's nemotron-ocr in plain PyTorch, ours; no compiled extension, CPU and CUDA.

`build` makes them with fresh weights; `checkpoint.load_checkpoint` reads NVIDIA's published files into them.
torch is imported when they are built, not when this package is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loaders.ocr.nemotron.variants import VARIANTS, ModelConfig, NullLink, variant_config

if TYPE_CHECKING:
    from loaders.ocr.nemotron.detector import Detector
    from loaders.ocr.nemotron.recognizer import Recognizer
    from loaders.ocr.nemotron.relational import Relational

__all__ = ["VARIANTS", "ModelConfig", "Networks", "NullLink", "build", "build_networks", "variant_config"]


@dataclass(frozen=True, slots=True)
class Networks:
    """The three networks of one checkpoint, in eval mode."""

    detector: Detector
    recognizer: Recognizer
    relational: Relational


def build(variant: str, *, null_link: NullLink = "first") -> Networks:
    """Build a published variant ("v1", "v2-en", "v2-multi") with fresh random weights; raises UsageError for others."""
    return build_networks(variant_config(variant), null_link=null_link)


def build_networks(config: ModelConfig, *, null_link: NullLink = "first") -> Networks:
    """Build the three networks that a config describes, with fresh random weights, on the CPU."""
    from loaders.ocr.nemotron.detector import Detector
    from loaders.ocr.nemotron.recognizer import Recognizer
    from loaders.ocr.nemotron.relational import Relational

    return Networks(
        Detector(config.backbone, config.scope).eval(),
        Recognizer(config).eval(),
        Relational(config, null_link).eval(),
    )

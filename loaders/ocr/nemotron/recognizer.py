"""The recognizer: rectified feature strips in, one token per slot out, all slots at once.

Frame: a strip is 8 cells high and `max_width` cells wide, cut along a region's quad. Slot t of the output holds the
t-th character, left-aligned; slots are characters, not positions. State-dict names and shapes are recognizer.pth's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from loaders.errors import UsageError
from loaders.ocr.nemotron.layers import conv_block, transformer
from loaders.ocr.nemotron.variants import FEATURE_CHANNELS, ModelConfig

STRIP_HEIGHT = 8  # cells
LOGITS_AT_ONCE = 1 << 26  # floats; 4,096 slots of 14,247 tokens, 256 MB


class RecognizerOutput(NamedTuple):
    """logits (N, T, tokens) and features (N, T, 2 * depth), in the precision the network ran in."""

    logits: Tensor
    features: Tensor


class Reading(NamedTuple):
    """tokens (N, T) int64, their log-probabilities (N, T) float32, and features (N, T, 2 * depth)."""

    tokens: Tensor
    log_probabilities: Tensor
    features: Tensor


class Recognizer(nn.Module):
    """Convolutions that fold the height into one row, then a transformer over the slots; safe under autocast."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = 2 * config.depth
        self.max_width = config.max_width
        self.encoder = nn.Sequential(
            conv_block(FEATURE_CHANNELS, 128, 3, bias=True),
            conv_block(128, 256, 3, bias=True),
            nn.MaxPool2d((2, 1)),
            conv_block(256, 256, 3, bias=True),
            conv_block(256, width, 3, bias=True),
            nn.MaxPool2d((2, 1)),
            conv_block(width, width, 3, bias=True),
            conv_block(width, 2 * width, 3, bias=True),
            nn.MaxPool2d((2, 1)),
            conv_block(2 * width, width, bias=True),
        )
        self.position_encoding = nn.Parameter(nn.init.uniform_(torch.empty(1, width, config.max_width), -0.03, 0.03))
        self.pre_norm = nn.LayerNorm(width) if config.pre_norm else nn.Identity()
        self.tx = transformer(
            width,
            config.num_layers,
            config.nhead,
            config.dim_feedforward,
            norm_first=config.norm_first or config.pre_norm,
            final_norm=config.norm_first or config.final_norm,
        )
        self.classifier = nn.Linear(width, config.num_tokens)

    def forward(self, strips: Tensor) -> RecognizerOutput:
        """Read strips (N, 128, 8, max_width); raises UsageError for another shape."""
        features = self.encode(self._checked(strips))
        return RecognizerOutput(self.classifier(features), features)

    def read(self, strips: Tensor) -> Reading:
        """Read strips (N, 128, 8, max_width) to the best token of each slot.

        The same as the arg max of forward's logits, but never holds more than 256 MB of them.
        """
        features = self.encode(self._checked(strips))
        slots = max(1, LOGITS_AT_ONCE // self.classifier.out_features)
        best = [self.classify(part) for part in features.flatten(0, 1).split(slots)]
        tokens, log_probabilities = (torch.cat(values).view(features.shape[:2]) for values in zip(*best, strict=True))
        return Reading(tokens, log_probabilities, features)

    def encode(self, strips: Tensor) -> Tensor:
        """Map strips (N, 128, 8, max_width) to features (N, max_width, 2 * depth)."""
        x = self.encoder(strips).squeeze(2) + self.position_encoding
        # No mask: cells beyond a text's end are attended too, so max_width may not be shortened.
        return self.tx(self.pre_norm(x.transpose(1, 2)))

    def classify(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map features (..., 2 * depth) to the best token (...) and its log-probability (...) in float32."""
        logits = self.classifier(features).float()
        best, tokens = logits.max(-1)
        return tokens, best - logits.logsumexp(-1)

    def _checked(self, strips: Tensor) -> Tensor:
        expected = (FEATURE_CHANNELS, STRIP_HEIGHT, self.max_width)
        if strips.ndim != 4 or strips.shape[1:] != expected:
            raise UsageError(f"strips must be (N, {', '.join(map(str, expected))}); got {tuple(strips.shape)}")
        return strips

"""Two building blocks that the three networks share: a convolution block and a transformer encoder.

State-dict names are those of the published checkpoints, so both stay plain torch containers.
"""

from __future__ import annotations

from torch import nn


def conv_block(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> nn.Sequential:
    """Make convolution (0), batch norm (1), ReLU; the size is kept at stride 1."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def transformer(
    width: int, layers: int, heads: int, feedforward: int, *, norm_first: bool, final_norm: bool, dropout: float = 0.0
) -> nn.TransformerEncoder:
    """Make a batch-first ReLU transformer encoder over (N, T, width)."""
    layer = nn.TransformerEncoderLayer(width, heads, feedforward, dropout, batch_first=True, norm_first=norm_first)
    norm = nn.LayerNorm(width) if final_norm else None
    # Nested tensors would drop masked slots, whose outputs the relational network's compatibility setting needs.
    return nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)

"""Weights and inputs that are the same on every machine and in every version of torch and numpy.

Every number is made of raw PCG64 bits, seeded by the tensor's name: numpy promises to keep these, unlike its normals.
Batch-norm statistics are random too, else eval mode would hide a norm that was left out.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def uniform(name: str, *shape: int) -> NDArray[np.float32]:
    """Make numbers between -1 and 1, seeded by a name."""
    bits = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    return ((bits >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - 1).reshape(shape)


def fill(module: nn.Module) -> None:
    """Overwrite every parameter and running statistic; constants of the network (input_mean, input_std) stay."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not name.startswith("input_"):
            tensor.copy_(torch.from_numpy(_weights(name, tensor)))


def _weights(name: str, tensor: Tensor) -> NDArray[np.float32]:
    values = uniform(name, *tensor.shape)
    if tensor.ndim >= 2 and not name.endswith(("position_encoding",)):
        fan_in = math.prod(tensor.shape[1:])
        return values * np.float32(math.sqrt(3 / fan_in))  # variance 1 / fan_in keeps deep activations near 1
    if name.endswith(("running_var", "weight")):  # of a norm
        return 1 + values / 2
    return values / 4


def page(name: str, batch: int, height: int, width: int) -> Tensor:
    """Make images (batch, 3, height, width) between 0 and 1."""
    return torch.from_numpy((uniform(name, batch, 3, height, width) + 1) / 2)


def regions(name: str, count: int) -> Tensor:
    """Make quads (count, 4, 2) in pixels of a 1024-pixel square: turned boxes of words, strewn about."""
    centre, size, angle = (uniform(f"{name} {part}", count, 2) for part in ("centre", "size", "angle"))
    half = np.array([60.0, 14.0]) * (1 + size / 2)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half[:, None]
    cosine, sine = np.cos(angle[:, :1] / 2), np.sin(angle[:, :1] / 2)
    x, y = corners[..., 0], corners[..., 1]
    turned = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=-1)
    return torch.from_numpy((turned + (512 + 400 * centre)[:, None]).astype(np.float32))

"""The detector: page images in, text probability, rotated boxes and shared features out, at a quarter of the size.

Frame: everything is in pixels of the network's input image. A FOTS-like network (Liu et al. 2018, arXiv:1801.01671)
on a RegNet trunk (Radosavovic et al. 2020, arXiv:2003.13678) with a U-shaped merge and an ASPP head (Chen et al. 2017,
arXiv:1706.05587). State-dict names and shapes are those of NVIDIA's detector.pth.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from loaders.errors import UsageError
from loaders.ocr.nemotron.layers import conv_block
from loaders.ocr.nemotron.variants import FEATURE_CHANNELS, Backbone

CELL = 4  # pixels of the input per cell of the output
STRIDE = 32  # of the deepest stage; the input's sides are multiples of it
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A RegNet: blocks and width of each stage (strides 4, 8, 16, 32), width of a convolution group, squeeze ratio."""

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    group_width: int
    squeeze: float | None


TRUNKS: dict[Backbone, Trunk] = {
    "regnet_y_8gf": Trunk((2, 4, 10, 1), (224, 448, 896, 2016), 56, 0.25),
    "regnet_x_8gf": Trunk((2, 5, 15, 1), (80, 240, 720, 1920), 120, None),
}
STEM_WIDTH = 32
MERGE_WIDTH_CAP = 512
ASPP_DILATIONS = (1, 2, 4, 8, 16, 32, 64)


class DetectorOutput(NamedTuple):
    """What the detector says of B images of H x W pixels, one value per cell of 4 x 4 pixels.

    confidence: (B, H/4, W/4) float32 logits. rboxes: (B, H/4, W/4, 5) float32, distances in pixels from the cell's
    centre to the top, right, bottom and left edge of its box, then the rotation in radians, -pi to pi.
    features: (B, 128, H/4, W/4) in the precision the network ran in.
    """

    confidence: Tensor
    rboxes: Tensor
    features: Tensor


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate computed from the image's mean of all channels."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate x (B, width, h, w)."""
        gate = F.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(gate))


class RegNetBlock(nn.Module):
    """One residual block: 1x1, grouped 3x3, optional squeeze-excitation, 1x1."""

    def __init__(self, inputs: int, outputs: int, stride: int, trunk: Trunk) -> None:
        super().__init__()
        reshaped = inputs != outputs or stride != 1
        self.proj = conv_block(inputs, outputs, stride=stride)[:2] if reshaped else nn.Identity()
        groups = outputs // min(trunk.group_width, outputs)
        steps: OrderedDict[str, nn.Module] = OrderedDict()
        steps["a"] = conv_block(inputs, outputs)
        steps["b"] = conv_block(outputs, outputs, 3, stride=stride, groups=groups)
        if trunk.squeeze is not None:
            steps["se"] = SqueezeExcitation(outputs, round(trunk.squeeze * inputs))  # of the block's input width
        steps["c"] = conv_block(outputs, outputs)[:2]
        self.f = nn.Sequential(steps)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h / stride, w / stride)."""
        return F.relu(self.proj(x) + self.f(x))


class Extractor(nn.Module):
    """The RegNet trunk; gives the output of each of its four stages."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.base = conv_block(3, STEM_WIDTH, 3, stride=2)
        widths = (STEM_WIDTH, *trunk.widths)
        self.levels = nn.ModuleList(
            _stage(number, depth, widths[number - 1], widths[number], trunk)
            for number, depth in enumerate(trunk.depths, start=1)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to four feature maps at strides 4, 8, 16, 32."""
        x, outputs = self.base(images), []
        for level in self.levels:
            x = level(x)
            outputs.append(x)
        return outputs


def _stage(number: int, depth: int, inputs: int, outputs: int, trunk: Trunk) -> nn.Sequential:
    blocks = (RegNetBlock(outputs if j else inputs, outputs, 1 if j else 2, trunk) for j in range(depth))
    return nn.Sequential(OrderedDict((f"block{number}-{j}", block) for j, block in enumerate(blocks)))


class Merge(nn.Module):
    """Walk from the deepest stage to the shallowest: narrow, double the size, join the stage beside, mix."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.pre_upsamples, self.post_upsamples = nn.ModuleList(), nn.ModuleList()
        width = widths[-1]
        for side in reversed(widths[:-1]):
            narrow = min(width // 2, MERGE_WIDTH_CAP)
            self.pre_upsamples.append(nn.Sequential(conv_block(width, narrow), nn.Upsample(scale_factor=2)))
            self.post_upsamples.append(nn.Sequential(conv_block(narrow + side, narrow), conv_block(narrow, narrow, 3)))
            width = narrow
        self.final = nn.Sequential(conv_block(width, FEATURE_CHANNELS, 3))

    def forward(self, stages: list[Tensor]) -> Tensor:
        """Map four stage outputs to (B, 128, H/4, W/4)."""
        x = stages[-1]
        for up, mix, side in zip(self.pre_upsamples, self.post_upsamples, reversed(stages[:-1]), strict=True):
            x = mix(torch.cat([up(x), side], dim=1))
        return self.final(x)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling with a residual: seven dilations and the image's mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(conv_block(width, width, 3, dilation=rate) for rate in ASPP_DILATIONS)
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.ReLU(inplace=True))
        self.final = conv_block(width * (len(ASPP_DILATIONS) + 1), width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, h, w) to the same shape."""
        branches = [kernel(x) for kernel in self.kernels]
        branches.append(self.global_pool(x).expand_as(x))
        return x + self.final(torch.cat(branches, dim=1))


class BoxHead(nn.Module):
    """Features to text probability and rotated boxes."""

    def __init__(self, scope: float) -> None:
        super().__init__()
        self.scope = scope
        width = FEATURE_CHANNELS
        self.preds = nn.Sequential(
            ASPP(width), ASPP(width), conv_block(width, width, 3), nn.Conv2d(width, 6, 1, bias=False)
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 128, h, w) to confidence logits (B, h, w) and boxes (B, h, w, 5), both float32."""
        # Half precision has steps of 0.5 to 1 pixel above 512, so the multiplication by scope is in float32.
        raw = self.preds(features).float()
        sides, rotation = F.relu(raw[:, 1:5]) * self.scope, F.hardtanh(raw[:, 5:6]) * math.pi
        return raw[:, 0], torch.cat([sides, rotation], dim=1).permute(0, 2, 3, 1)


class Detector(nn.Module):
    """The whole detector; safe under autocast and with channels-last tensors."""

    input_mean: Tensor
    input_std: Tensor

    def __init__(self, backbone: Backbone, scope: float) -> None:
        super().__init__()
        trunk = TRUNKS[backbone]
        self.extractor, self.merge, self.output = Extractor(trunk), Merge(trunk.widths), BoxHead(scope)
        # Kept in float16 as in the checkpoint: the rounding is part of what the weights were trained with.
        self.register_buffer("input_mean", torch.tensor(IMAGENET_MEAN, dtype=torch.float16).view(1, 3, 1, 1))
        self.register_buffer("input_std", torch.tensor(IMAGENET_STD, dtype=torch.float16).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> DetectorOutput:
        """Detect text in images (B, 3, H, W), RGB, 0 to 1; H and W multiples of 32, else UsageError."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % STRIDE or images.shape[3] % STRIDE:
            raise UsageError(f"images must be (B, 3, H, W), H and W multiples of {STRIDE}; got {tuple(images.shape)}")
        return self.detect(images)

    def detect(self, images: Tensor) -> DetectorOutput:
        """Detect without the check of shapes, for tracing."""
        x = (images.float() - self.input_mean.float()) / self.input_std.float()
        features = self.merge(self.extractor(x))
        confidence, rboxes = self.output(features)
        return DetectorOutput(confidence, rboxes, features)

"""The recognizer's large convolutions in int8, for OpenVINO: its network comes in and is changed in place.

Most of the recognizer's time are 1 x 1 convolutions that run at the processor's peak already, so only smaller numbers
make them faster: with AVX-512 VNNI the whole network takes 0.7 of its time in bfloat16. Weights get a scale per output
channel, inputs one per tensor; depthwise convolutions, squeeze-and-excitation, attention and the output layer, which
are quick and sensitive, stay as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loaders.geometry import Array

LEVELS = 256
RANGES: dict[str, tuple[float, float]] = {
    "Conv.0": (-1.000, 1.000),
    "Conv.1": (0.000, 8.601),
    "Conv.2": (0.000, 16.827),
    "Conv.3": (0.000, 24.166),
    "Conv.8": (-0.697, 1.369),
    "Conv.9": (-0.170, 2.391),
    "Conv.11": (-1.684, 1.676),
    "Conv.12": (-0.170, 2.287),
    "Conv.14": (-1.339, 1.427),
    "Conv.15": (-0.170, 1.673),
    "Conv.17": (-2.510, 2.379),
    "Conv.18": (-0.170, 2.393),
    "Conv.22": (-0.673, 0.601),
    "Conv.23": (-0.170, 0.894),
    "Conv.25": (-1.138, 1.268),
    "Conv.26": (-0.170, 1.145),
    "Conv.30": (-0.614, 0.852),
    "Conv.31": (-0.170, 1.772),
    "Conv.33": (-1.165, 1.157),
    "Conv.34": (-0.170, 1.605),
    "Conv.38": (-0.501, 0.711),
    "Conv.39": (-0.170, 2.620),
    "Conv.41": (-1.393, 1.217),
    "Conv.42": (-0.170, 1.502),
    "Conv.44": (-2.256, 2.283),
    "Conv.45": (-0.170, 3.753),
    "Conv.49": (-0.752, 0.749),
    "Conv.50": (-0.170, 2.433),
    "Conv.52": (-6.372, 5.529),
    "Conv.53": (-0.170, 3.125),
    "Conv.55": (-4.828, 4.634),
    "Conv.54": (-4.828, 4.634),
}
"""What goes into each convolution, by the name of its node: medians over lines of the least and the largest value.

Measured by tests/calibrate_ppocr.py on 210 lines set in nine faces; clipping the rarest values costs less than coarser
steps for all.
"""


def quantize(network: Any) -> None:
    """Make the convolutions named in RANGES int8, in an openvino.Model of the recognizer."""
    for node in network.get_ordered_ops():
        if node.get_friendly_name() in RANGES:
            _quantize(node, *RANGES[node.get_friendly_name()])


def _quantize(node: Any, low: float, high: float) -> None:
    low, high = _with_exact_zero(low, high)
    node.input(0).replace_source_output(_stepped(node.input_value(0), low, high, LEVELS))
    weights = _constant(node.input_value(1).get_node())
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) + 1e-9
    node.input(1).replace_source_output(_stepped(weights, -largest, largest, LEVELS - 1))


def _stepped(values: Any, low: Array | float, high: Array | float, levels: int) -> Any:
    """Return values rounded to so many steps, which OpenVINO then computes with as int8."""
    from openvino import opset13

    ends = [opset13.constant(np.asarray(end, np.float32).reshape(-1, 1, 1, 1)) for end in (low, high)]
    given = opset13.constant(values) if isinstance(values, np.ndarray) else values
    return opset13.fake_quantize(given, *ends, *ends, levels).output(0)


def _with_exact_zero(low: float, high: float) -> tuple[float, float]:
    """Move a range so that zero, which padding is made of, is one of its steps."""
    if low > -1e-6:
        return 0.0, high
    step = (high - low) / (LEVELS - 1)
    zero = round(-low / step)
    return -zero * step, (LEVELS - 1 - zero) * step


def _constant(node: Any) -> Array:
    while node.get_type_name() != "Constant":  # stored as another type, or passed on
        node = node.input_value(0).get_node()
    return np.asarray(node.data, np.float32)

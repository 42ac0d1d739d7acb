"""What runs the networks: PyTorch itself, or sessions over their exported graphs; the engine sees three functions.

Frame and shapes are those of the networks' own forward, read and forward: see detector, recognizer and relational.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from loaders.errors import ModelFileError
from loaders.ocr.nemotron import Networks
from loaders.ocr.nemotron.detector import DetectorOutput
from loaders.ocr.nemotron.recognizer import Reading
from loaders.ocr.nemotron.relational import Relations


class Session(Protocol):
    """One graph, ready to run; tensors by the names in export.graphs."""

    def run(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Run on any batch of at least one; outputs are on the session's device."""
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """The three networks as functions.

    detect: images (B, 3, H, W) -> DetectorOutput. read: strips (N, 128, 8, T) -> Reading. relate: rectified
    (N, 128, 2, 3), quads (N, 4, 2), counts (B), recognized (N, T, 2 * depth) -> one Relations per image.
    """

    detect: Callable[[Tensor], DetectorOutput]
    read: Callable[[Tensor], Reading]
    relate: Callable[..., list[Relations]]


def torch_runtime(networks: Networks) -> Runtime:
    """Run the networks in PyTorch, wherever they are; the caller chooses no_grad, autocast and memory format."""
    return Runtime(networks.detector, networks.recognizer.read, networks.relational)


def session_runtime(networks: Networks, sessions: Mapping[str, Session]) -> Runtime:
    """Run the graphs named "detector", "recognizer", "relational" in sessions, and PyTorch for what is not in them.

    Outputs are on the inputs' device, wherever the session runs.
    """

    def detect(images: Tensor) -> DetectorOutput:
        return DetectorOutput(**_on(images.device, sessions["detector"].run(images=images)))

    def read(strips: Tensor) -> Reading:
        if not len(strips):
            return networks.recognizer.read(strips)  # no session takes an empty batch
        return Reading(**_on(strips.device, sessions["recognizer"].run(strips=strips)))

    def encode(tokens: Tensor, valid: Tensor) -> Tensor:
        return _on(tokens.device, sessions["relational"].run(tokens=tokens, valid=valid))["scores"]

    chosen = torch_runtime(networks)
    return Runtime(
        detect if "detector" in sessions else chosen.detect,
        read if "recognizer" in sessions else chosen.read,
        partial(networks.relational, encode=encode) if "relational" in sessions else chosen.relate,
    )


def onnx_runtime(networks: Networks, files: Mapping[str, Path], *, threads: int = 0) -> Runtime:
    """Run exported graphs in ONNX Runtime on the CPU; threads of each session, 0 for all cores.

    Raises ModelFileError for a file that is no such graph.
    """
    return session_runtime(networks, {name: OnnxSession(path, threads=threads) for name, path in files.items()})


class OnnxSession:
    """One graph in ONNX Runtime on the CPU.

    `optimize=False` runs it as it is written: the optimizer of ONNX Runtime 1.31 crashes on half-precision graphs.
    """

    def __init__(self, path: Path, *, threads: int = 0, optimize: bool = True) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if not optimize:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelFileError(f"{path} cannot be opened by ONNX Runtime: {error}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Run the graph on tensors of any device; outputs are on the CPU."""
        feed = {name: _array(value) for name, value in inputs.items()}
        found = self._session.run(self._outputs, feed)
        return {name: torch.from_numpy(value) for name, value in zip(self._outputs, found, strict=True)}


def _on(device: torch.device, values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in values.items()}


def _array(value: Tensor) -> Any:
    """Give a tensor's numbers to numpy, which knows no bfloat16."""
    return (value.float() if value.is_floating_point() else value).detach().cpu().numpy()

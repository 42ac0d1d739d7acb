"""The three networks as ONNX graphs with dynamic batch and page size, and the proof that each equals its network.

Comes in: Networks. Goes out: detector.onnx, recognizer.onnx and relational.onnx in a folder, float32, weights inside.

    detector    images (B, 3, H, W)                  -> confidence, rboxes, features; H and W multiples of 32
    recognizer  strips (N, 128, 8, T)                -> tokens, log_probabilities, features
    relational  tokens (N, 16, 256), valid (N, 16)   -> scores (N, 16, 3), the transformer alone

The recognizer's graph ends in the best token of each slot, since the logits of v2-multi are 14,247 times as large.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.errors import EngineError, MissingExtra
from loaders.ocr.nemotron import Networks
from loaders.ocr.nemotron.variants import FEATURE_CHANNELS

if TYPE_CHECKING:
    import torch

OPSET = 18
TOLERANCE = 1e-4
EXTRA = "export"
MOST_IMAGES, MOST_REGIONS = 1024, 1 << 20  # bounds that the tracer wants; no memory hangs on them
MOST_STRIDES = 1024  # a side of 32,768 pixels


@dataclass(frozen=True, slots=True)
class Graph:
    """One network as it is traced: a function of tensors, and the names and dynamic sizes of its inputs and outputs.

    `dynamic`: input name -> axis -> (name of the size, multiple of, at most). `unit` divides an output when compared.
    """

    function: Callable[..., tuple[torch.Tensor, ...]]
    inputs: dict[str, torch.Tensor]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, tuple[str, int, int]]]
    unit: dict[str, float]


def graphs(networks: Networks) -> dict[str, Graph]:
    """Describe the three graphs, with small random inputs to trace and compare them on."""
    import torch

    from loaders.ocr.nemotron.recognizer import STRIP_HEIGHT
    from loaders.ocr.nemotron.relational import SLOTS, TOKEN_WIDTH

    random = torch.Generator().manual_seed(0)
    detector, recognizer, relational = networks.detector, networks.recognizer, networks.relational
    images = torch.rand(2, 3, 64, 96, generator=random)
    strips = torch.randn(2, FEATURE_CHANNELS, STRIP_HEIGHT, recognizer.max_width, generator=random)
    tokens, valid = (
        torch.randn(2, SLOTS, TOKEN_WIDTH, generator=random),
        torch.arange(SLOTS) < torch.tensor([[16], [4]]),
    )
    regions = {0: ("regions", 1, MOST_REGIONS)}
    return {
        "detector": Graph(
            lambda images: tuple(detector.detect(images)),
            {"images": images},
            ("confidence", "rboxes", "features"),
            {"images": {0: ("batch", 1, MOST_IMAGES), 2: ("rows", 32, MOST_STRIDES), 3: ("columns", 32, MOST_STRIDES)}},
            {"rboxes": detector.output.scope},
        ),
        "recognizer": Graph(
            lambda strips: (*recognizer.classify(features := recognizer.encode(strips)), features),
            {"strips": strips},
            ("tokens", "log_probabilities", "features"),
            {"strips": regions},
            {},
        ),
        "relational": Graph(
            lambda tokens, valid: (relational.encode(tokens, valid),),
            {"tokens": tokens, "valid": valid},
            ("scores",),
            {"tokens": regions, "valid": regions},
            {},
        ),
    }


def export_onnx(networks: Networks, folder: str | Path, names: tuple[str, ...] | None = None) -> dict[str, Path]:
    """Write the graphs of these networks (or of the named ones) to a folder, in float32; returns name -> file.

    Networks must be on the CPU and in float32, as they are built and loaded. Raises MissingExtra without onnx and
    onnxscript.
    """
    for package in ("onnx", "onnxscript"):
        _require(package)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    wanted = {name: graph for name, graph in graphs(networks).items() if names is None or name in names}
    return {name: _write(graph, target / f"{name}.onnx") for name, graph in wanted.items()}


def check_onnx(networks: Networks, files: dict[str, Path], tolerance: float = TOLERANCE) -> dict[str, float]:
    """Run each graph in ONNX Runtime on the CPU beside its network, at other sizes than it was traced on.

    Returns "network output" -> largest absolute difference; of boxes, as a share of scope. Raises EngineError for one
    beyond the tolerance.
    """
    import torch

    from loaders.ocr.nemotron.runtime import OnnxSession

    gaps: dict[str, float] = {}
    known = graphs(networks)
    for name, path in files.items():
        graph = known[name]
        inputs = {key: _larger(value, graph.dynamic[key]) for key, value in graph.inputs.items()}
        found = OnnxSession(path).run(**inputs)
        with torch.no_grad():
            expected = graph.function(**inputs)
        for output, value in zip(graph.outputs, expected, strict=True):
            gap = (found[output].double() - value.double()).abs().max().item() / graph.unit.get(output, 1)
            gaps[f"{name} {output}"] = gap
            if not gap <= tolerance:
                raise EngineError(
                    f"{path}: {output} differs from the network's by {gap:.1e}, more than {tolerance:.0e}"
                )
    return gaps


def _larger(value: torch.Tensor, dynamic: dict[int, tuple[str, int, int]]) -> torch.Tensor:
    """Repeat a traced input along its dynamic axes: three times the batch, twice the sides."""
    repeats = [1] * value.ndim
    for axis in dynamic:
        repeats[axis] = 2 if axis else 3
    return value.repeat(*repeats)


def _write(graph: Graph, path: Path) -> Path:
    import torch

    sizes: dict[tuple[str, int, int], Any] = {}
    for axes in graph.dynamic.values():
        for size in axes.values():
            name, multiple, most = size
            dim = torch.export.Dim(name, min=1, max=most)
            sizes.setdefault(size, dim if multiple == 1 else multiple * dim)
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _traceable(graph).eval(),
            tuple(graph.inputs.values()),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes={
                name: {axis: sizes[size] for axis, size in axes.items()} for name, axes in graph.dynamic.items()
            },
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # None is the older exporter's answer
        partial = path.with_suffix(".partial")
        program.save(partial, external_data=False)
    partial.replace(path)
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporter says of torch's internals, torchvision's absence, and axes that share a name."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _traceable(graph: Graph) -> torch.nn.Module:
    """Wrap a graph's function in a module whose forward has its parameters' names."""
    import torch

    class Traced(torch.nn.Module):
        pass

    Traced.forward = staticmethod(graph.function)  # type: ignore[assignment]
    return Traced()


def _require(package: str) -> None:
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise MissingExtra(package, EXTRA)

"""all-MiniLM-L6-v2 as an ONNX graph that is written here, over the weights where they lie.

In comes model.safetensors, out goes the ONNX file as bytes: 21 kB, since its weights are named by their place in that
file, which ONNX Runtime maps into memory. Nothing is exported, so nothing needs torch, and nothing is kept twice.
The network: BERT (Devlin et al. 2019) with 6 layers of 384, mean pooling over the tokens, length 1.

    input_ids, attention_mask  int64 (B, S)  >  vectors  float32 (B, 384)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.protobuf import float32, message, number

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
IR_VERSION, OPSET = 8, 17
FLOAT, INT8, INT32, INT64 = 1, 3, 6, 7
"""TensorProto.DataType."""
CONTRIB = "com.microsoft"
"""ONNX Runtime's own operators: fused attention, normalisation and quantised products."""
_TYPES = {"float32": FLOAT, "int8": INT8, "int64": INT64}


def write_graph(weights: Path, *, int8: bool = False) -> bytes:
    """Return the ONNX file of the network over `weights`, a safetensors file of BERT's names.

    `int8` keeps the matrices in 8 bits, a scale per output channel, symmetric; activations are quantised as they come.
    """
    graph = _Graph(weights, int8)
    graph.add("Shape", ["input_ids"], "shape")
    graph.add("Gather", ["shape", graph.constant("one", np.array(1))], "length")
    graph.add("Unsqueeze", ["length", graph.constant("from_first", np.array([0]))], "to_last")
    graph.add("Slice", [graph.stored("embeddings.position_embeddings.weight"), "from_first", "to_last"], "places")
    graph.add("Gather", [graph.stored("embeddings.word_embeddings.weight"), "input_ids"], "words")
    kind = graph.stored("embeddings.token_type_embeddings.weight")
    graph.add("Gather", [kind, graph.constant("zero", np.array(0))], "kind")
    graph.add("Add", ["places", "kind"], "placed")
    graph.add("Add", ["words", "placed"], "embedded")
    normal = [graph.stored(f"embeddings.LayerNorm.{name}") for name in ("weight", "bias")]
    graph.add("LayerNormalization", ["embedded", *normal], "normal", epsilon=EPSILON)
    graph.add("Reshape", ["normal", graph.constant("rows", np.array([-1, WIDTH]))], "x")  # products are of matrices
    graph.add("Concat", ["shape", graph.constant("width", np.array([WIDTH]))], "batched", axis=0)
    graph.add("Cast", ["attention_mask"], "mask", to=INT32)
    x = "x"
    for layer in range(LAYERS):
        x = _layer(graph, f"encoder.layer.{layer}", x)
    graph.add("Reshape", [x, "batched"], "tokens")
    graph.add("Cast", ["attention_mask"], "share", to=FLOAT)
    graph.add("Unsqueeze", ["share", graph.constant("middle", np.array([1]))], "shares")
    graph.add("MatMul", ["shares", "tokens"], "sums")  # the mean's direction is the sum's
    graph.add("Squeeze", ["sums", "middle"], "sum")
    graph.add("LpNormalization", ["sum"], "vectors")
    inputs = [_port(name, INT64, ("batch", "length")) for name in ("input_ids", "attention_mask")]
    return graph.file(inputs, [_port("vectors", FLOAT, ("batch", WIDTH))])


def _layer(graph: _Graph, layer: str, x: str) -> str:
    """Add a transformer layer over x (B * S, 384); return the name of what comes out, of the same shape."""
    heads = []
    for name in ("query", "key", "value"):
        product = graph.linear(f"{layer}.attention.self.{name}", x)
        heads.append(graph.add("Reshape", [product, "batched"], f"{product}.batched"))
    attended = graph.add("MultiHeadAttention", [*heads, "", "mask"], f"{layer}.attended", CONTRIB, num_heads=HEADS)
    attended = graph.linear(
        f"{layer}.attention.output.dense", graph.add("Reshape", [attended, "rows"], f"{layer}.rows")
    )
    x = graph.add_and_norm(f"{layer}.attention.output.LayerNorm", attended, x)
    hidden = graph.linear(f"{layer}.intermediate.dense", x)
    hidden = graph.linear(f"{layer}.output.dense", graph.add("Gelu", [hidden], f"{layer}.gelu", CONTRIB))
    return graph.add_and_norm(f"{layer}.output.LayerNorm", hidden, x)


class _Graph:
    """A graph under construction: nodes, and the tensors they read."""

    def __init__(self, weights: Path, int8: bool) -> None:
        self._file, self._int8 = weights, int8
        with weights.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            self._about = json.loads(file.read(size))
        self._data = 8 + size
        self._nodes: list[bytes] = []
        self._tensors: dict[str, bytes] = {}

    def add(self, kind: str, inputs: Iterable[str], output: str, domain: str = "", **attributes: int | float) -> str:
        """Add a node; returns the name of its output."""
        node = b"".join(message(1, name) for name in inputs) + message(2, output) + message(4, kind)
        node += b"".join(message(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(node + message(7, domain))
        return output

    def linear(self, name: str, x: str) -> str:
        """Add x W^T + b over x (N, inputs), with W (outputs, inputs) as the file has it."""
        weight, bias = f"{name}.weight", self.stored(f"{name}.bias")
        if not self._int8:
            return self.add("Gemm", [x, self.stored(weight), bias], f"{name}.product", transB=1)
        matrix = self._read(weight).T
        scale = np.abs(matrix).max(axis=0) / 127
        rounded = self.constant(weight, np.round(matrix / scale).astype(np.int8))
        scales = self.constant(f"{name}.scale", scale.astype(np.float32))
        return self.add("DynamicQuantizeMatMul", [x, rounded, scales, "", bias], f"{name}.product", CONTRIB)

    def add_and_norm(self, name: str, x: str, y: str) -> str:
        """Add x + y and its layer normalisation."""
        weights = [self.stored(f"{name}.{part}") for part in ("weight", "bias")]
        return self.add("SkipLayerNormalization", [x, y, *weights], f"{name}.sum", CONTRIB, epsilon=EPSILON)

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Keep a tensor in the graph itself."""
        raw = message(9, np.ascontiguousarray(values).tobytes())
        self._tensors[name] = _tensor(name, _TYPES[values.dtype.name], values.shape) + raw
        return name

    def stored(self, name: str) -> str:
        """Name a float32 tensor by its place in the file of weights."""
        begin, end = self._about[name]["data_offsets"]
        place = {"location": self._file.name, "offset": self._data + begin, "length": end - begin}
        entries = (message(13, message(1, key) + message(2, str(value))) for key, value in place.items())
        shape = self._about[name]["shape"]
        self._tensors[name] = _tensor(name, FLOAT, shape) + b"".join(entries) + number(14, 1)
        return name

    def _read(self, name: str) -> npt.NDArray[np.float32]:
        begin, _ = self._about[name]["data_offsets"]
        shape = self._about[name]["shape"]
        values = np.fromfile(self._file, "<f4", math.prod(shape), offset=self._data + begin)
        return values.reshape(shape)

    def file(self, inputs: Iterable[bytes], outputs: Iterable[bytes]) -> bytes:
        """Return the ONNX file."""
        parts = [(1, node) for node in self._nodes] + [(5, tensor) for tensor in self._tensors.values()]
        parts += [(11, port) for port in inputs] + [(12, port) for port in outputs]
        graph = message(2, "all-MiniLM-L6-v2") + b"".join(message(field, part) for field, part in parts)
        sets = ((message(1, domain) + number(2, version)) for domain, version in (("", OPSET), (CONTRIB, 1)))
        return number(1, IR_VERSION) + message(7, graph) + b"".join(message(8, one) for one in sets)


def _attribute(name: str, value: int | float) -> bytes:
    kind, written = (2, number(3, value)) if isinstance(value, int) else (1, float32(2, value))
    return message(1, name) + written + number(20, kind)


def _tensor(name: str, kind: int, shape: Iterable[int]) -> bytes:
    return b"".join(number(1, size) for size in shape) + number(2, kind) + message(8, name)


def _port(name: str, kind: int, shape: Iterable[int | str]) -> bytes:
    sizes = (number(1, size) if isinstance(size, int) else message(2, size) for size in shape)
    shapes = b"".join(message(1, size) for size in sizes)
    return message(1, name) + message(2, message(1, number(1, kind) + message(2, shapes)))

"""Cut a part out of an ONNX file, or give it other weights, without the onnx package.

Bytes of a model in, bytes of a smaller model out. An ONNX file is a protocol buffer, and all we need of it is to keep
some nodes, swap two tensors and name other inputs and outputs; the messages we do not touch are copied as they are.
Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loaders.errors import ModelFileError
from loaders.geometry import Array
from loaders.protobuf import BYTES, FIXED32, FIXED64, VARINT
from loaders.protobuf import message as _message
from loaders.protobuf import number as _number
from loaders.protobuf import varint as _encoded

MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_NODE, GRAPH_WEIGHT, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_SHAPES = 1, 5, 11, 12, 13
NODE_INPUT, NODE_OUTPUT, NODE_ATTRIBUTE = 1, 2, 5
ATTRIBUTE_NAME, ATTRIBUTE_INTS, ATTRIBUTE_TYPE, INTS = 1, 8, 20, 7
ENTRY_KEY, ENTRY_VALUE = 1, 2
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
FLOAT = 1


@dataclass(frozen=True, slots=True)
class Port:
    """A float input or output of a graph; None is a size known at run time only."""

    name: str
    shape: tuple[int | None, ...]


def extract(
    model: bytes,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    weights: Mapping[str, Array] | None = None,
    windows: Mapping[str, tuple[int, int]] | None = None,
) -> bytes:
    """Return the part of a model between the inputs and the outputs, with some weights replaced.

    `windows` gives pooling nodes, named by what they make, another window, which is also their stride. Raises
    ModelFileError when the bytes are not an ONNX model or an output cannot be reached from the inputs.
    """
    return b"".join(
        _message(number, _extract_graph(bytes(value), inputs, outputs, weights or {}, windows or {}))
        if number == MODEL_GRAPH and isinstance(value, bytes)
        else _copied(number, value, kind)
        for number, kind, value in _fields(model)
    )


def read_weight(model: bytes, name: str) -> Array:
    """Return a float32 weight by name; raises ModelFileError when there is none."""
    for graph in _all(model, MODEL_GRAPH):
        for tensor in _all(graph, GRAPH_WEIGHT):
            if _text(tensor, TENSOR_NAME) == name:
                shape = [int(value) for number, _, value in _fields(tensor) if number == TENSOR_DIMS]
                return np.frombuffer(_all(tensor, TENSOR_RAW)[0], "<f4").reshape(shape)
    raise ModelFileError(f"the model holds no weight {name!r}")


def read_metadata(model: bytes, key: str) -> str:
    """Return what a model says of itself under a key, "" where it says nothing."""
    entries = {_text(entry, ENTRY_KEY): _text(entry, ENTRY_VALUE) for entry in _all(model, MODEL_METADATA)}
    return entries.get(key, "")


def _extract_graph(
    graph: bytes,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    weights: Mapping[str, Array],
    windows: Mapping[str, tuple[int, int]],
) -> bytes:
    nodes, needed = _nodes_between(graph, {port.name for port in inputs}, {port.name for port in outputs})
    kept = [_message(GRAPH_NODE, _with_window(node, windows)) for node in nodes]
    known = set(weights)
    for number, kind, value in _fields(graph):
        if number in (GRAPH_NODE, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_SHAPES):
            continue
        name = _text(bytes(value), TENSOR_NAME) if number == GRAPH_WEIGHT and isinstance(value, bytes) else ""
        if number != GRAPH_WEIGHT or (name in needed and name not in known):
            kept.append(_copied(number, value, kind))
    kept += [_message(GRAPH_WEIGHT, _tensor(name, array)) for name, array in weights.items()]
    kept += [_message(GRAPH_INPUT, _value(port)) for port in inputs]
    kept += [_message(GRAPH_OUTPUT, _value(port)) for port in outputs]
    return b"".join(kept)


def _nodes_between(graph: bytes, given: set[str], wanted: set[str]) -> tuple[list[bytes], set[str]]:
    """Return the nodes that make `wanted` from `given`, in order, and every tensor they read."""
    needed, kept = set(wanted), []
    made: set[str] = set()
    for node in reversed(_all(graph, GRAPH_NODE)):  # ONNX nodes are sorted: a node's inputs come before it
        out = {value.decode() for value in _all(node, NODE_OUTPUT)}
        if out & needed - given:
            kept.append(node)
            made |= out
            needed |= {value.decode() for value in _all(node, NODE_INPUT)}
    if missing := wanted - made:
        raise ModelFileError(f"the model makes no {', '.join(sorted(missing))}")
    return kept[::-1], needed


def _with_window(node: bytes, windows: Mapping[str, tuple[int, int]]) -> bytes:
    window = windows.get(_text(node, NODE_OUTPUT))
    if window is None:
        return node
    sizes = b"".join(_number(ATTRIBUTE_INTS, size) for size in window) + _number(ATTRIBUTE_TYPE, INTS)
    parts = []
    for number, kind, value in _fields(node):
        name = _text(bytes(value), ATTRIBUTE_NAME) if number == NODE_ATTRIBUTE and isinstance(value, bytes) else ""
        changed = name in ("kernel_shape", "strides")
        parts.append(
            _message(number, _message(ATTRIBUTE_NAME, name) + sizes) if changed else _copied(number, value, kind)
        )
    return b"".join(parts)


def _tensor(name: str, array: Array) -> bytes:
    dims = b"".join(_number(TENSOR_DIMS, size) for size in array.shape)
    raw = np.ascontiguousarray(array, "<f4").tobytes()
    return dims + _number(TENSOR_TYPE, FLOAT) + _message(TENSOR_NAME, name.encode()) + _message(TENSOR_RAW, raw)


def _value(port: Port) -> bytes:
    dims = b"".join(
        _message(1, _message(2, f"{port.name}.{i}".encode()) if size is None else _number(1, size))
        for i, size in enumerate(port.shape)
    )
    tensor_type = _number(1, FLOAT) + _message(2, dims)
    return _message(1, port.name.encode()) + _message(2, _message(1, tensor_type))


# -- protocol buffers -------------------------------------------------------------------------------------------


def _fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield (field number, wire type, value); a value is an int for varints and bytes for all else."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise ModelFileError(f"not an ONNX file: wire type {kind} at byte {at}")
        if at + size > end:
            raise ModelFileError("the ONNX file is cut off")
        yield number, kind, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ModelFileError("the ONNX file is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _all(message: bytes, number: int) -> list[bytes]:
    return [value for n, _, value in _fields(message) if n == number and isinstance(value, bytes)]


def _text(message: bytes, number: int) -> str:
    values = _all(message, number)
    return values[0].decode() if values else ""


def _copied(number: int, value: int | bytes, kind: int) -> bytes:
    if isinstance(value, int):
        return _number(number, value)
    return _message(number, value) if kind == BYTES else _encoded(number << 3 | kind) + value

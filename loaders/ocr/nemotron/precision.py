"""An exported graph in half precision, with what half precision would spoil left in float32.

Comes in and goes out: an onnx.ModelProto whose inputs and outputs stay float32. TensorRT 11 has no precision flags: the
graph's own types are the precision, so the conversion happens here. (The converter inside onnxruntime rounds weights of
float32 operators to half as well, repeats casts that two operators share, and leaves the graph out of order.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from loaders.errors import MissingExtra

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

PRODUCTS = {"Conv", "MatMul", "Gemm"}
# What PyTorch's autocast keeps in float32 too (norms, softmaxes, means over whole pages), and what makes float32.
FLOAT32_OPERATORS = {
    "LayerNormalization",
    "Softmax",
    "ReduceMean",
    "GlobalAveragePool",
    "ReduceLogSumExp",
    "ReduceMax",
    "ArgMax",
    "Cast",
    "Constant",
    "ConstantOfShape",
}
FLOAT16_INSIDE = {"features"}  # outputs that are feature maps: rounded to half, and harmless
LARGEST_HALF = 65504.0


def to_float16(model: ModelProto) -> ModelProto:
    """Convert a graph of export.export_onnx to half precision; the model given is left as it is.

    Float32 stay: inputs and outputs, FLOAT32_OPERATORS, what precedes the first convolution (the page's normalization)
    and what follows the last product before an output: the multiplication of the boxes by scope, whose steps would be
    0.5 to 1 pixel in half precision, and the sum over 14,247 tokens. Raises MissingExtra without onnx.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "export") from error
    half = onnx.ModelProto()
    half.CopyFrom(model)
    _Conversion(onnx.shape_inference.infer_shapes(model).graph).write(half.graph)
    return half


class _Conversion:
    """One pass over a graph in its order: each node gets its inputs in the precision it runs in."""

    def __init__(self, graph: GraphProto) -> None:
        from onnx import TensorProto

        self.full, self.half = TensorProto.FLOAT, TensorProto.FLOAT16
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        typed = (*graph.input, *graph.value_info, *graph.output)
        # Name -> precision; tensors of integers and truths are not in it.
        self.precision = {value.name: self.full for value in typed if value.type.tensor_type.elem_type == self.full}
        self.precision |= {name: self.full for name, tensor in self.constants.items() if tensor.data_type == self.full}
        self.nodes: list[NodeProto] = []
        self.written: dict[str, TensorProto] = {}
        self.made: set[str] = set()

    def write(self, target: GraphProto) -> None:
        """Convert, and put the converted nodes and constants in a copy of the graph."""
        kept = {node.output[0] for node in (*_before_products(self.graph), *_after_products(self.graph))}
        for node in self.graph.node:
            whole = node.output[0] in kept or node.op_type in FLOAT32_OPERATORS
            self._convert(node, self.full if whole else self.half)
        self._restore_outputs()
        for field, values in ((target.node, self.nodes), (target.initializer, self.written.values())):
            del field[:]
            field.extend(values)
        del target.value_info[:]

    def _convert(self, node: NodeProto, precision: int) -> None:
        from onnx import NodeProto

        copy = NodeProto()
        copy.CopyFrom(node)
        for i, name in enumerate(node.input):
            scales = node.op_type == "Resize" and i  # float32 by the standard, whatever is resized
            free = name not in self.precision or node.op_type == "Shape"
            copy.input[i] = self._plain(name) if free else self._in(name, self.full if scales else precision)
        self.precision |= {name: precision for name in node.output if name in self.precision}
        self.nodes.append(copy)

    def _plain(self, name: str) -> str:
        if name in self.constants:
            self.written[name] = self.constants[name]
        return name

    def _in(self, name: str, precision: int) -> str:
        """Name a tensor's version in a precision; make it if there is none yet."""
        if self.precision[name] == precision:
            return self._plain(name)
        other = f"{name}_float16" if precision == self.half else f"{name}_float32"
        if name in self.constants:
            self.written.setdefault(other, _rounded(self.constants[name], other))
        elif other not in self.made:
            self._cast(name, other, precision)
        return other

    def _cast(self, name: str, other: str, precision: int) -> None:
        from onnx import helper

        self.made.add(other)
        self.nodes.append(helper.make_node("Cast", [name], [other], name=f"{other}_cast", to=precision))

    def _restore_outputs(self) -> None:
        """Give outputs that came out in half their float32 name back."""
        for output in [value.name for value in self.graph.output if self.precision.get(value.name) == self.half]:
            inner = f"{output}_half"
            for node in self.nodes:
                node.input[:] = [inner if name == output else name for name in node.input]
                node.output[:] = [inner if name == output else name for name in node.output]
            self._cast(inner, output, self.full)


def _rounded(tensor: TensorProto, name: str) -> TensorProto:
    import numpy as np
    from onnx import numpy_helper

    values = np.clip(numpy_helper.to_array(tensor), -LARGEST_HALF, LARGEST_HALF)
    return numpy_helper.from_array(values.astype(np.float16), name)


def _after_products(graph: GraphProto) -> Iterator[NodeProto]:
    """Walk back from the outputs, feature maps apart, to the last products."""
    producer = {name: node for node in graph.node for name in node.output}
    waiting = [output.name for output in graph.output if output.name not in FLOAT16_INSIDE]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        node = producer.get(name)
        if node is None or node.op_type in PRODUCTS or name in seen:
            continue
        seen.add(name)
        yield node
        waiting.extend(node.input)


def _before_products(graph: GraphProto) -> Iterator[NodeProto]:
    """Walk on from the inputs through subtraction and division by constants."""
    constants = {tensor.name for tensor in graph.initializer}
    reached = {value.name for value in graph.input}
    for node in graph.node:  # in topological order
        operands = [name for name in node.input if name not in constants]
        if node.op_type in ("Sub", "Div") and all(name in reached for name in operands):
            reached.update(node.output)
            yield node

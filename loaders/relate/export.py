"""The trained network -> three ONNX graphs and a note of what they are: what the package carries; and back again.

In: the network. Out: words.onnx, lines.onnx, blocks.onnx and model.json (digests, columns, figures of validation) in a
folder. Every graph takes a Graph's four arrays, of any number of nodes from one up. `read_back` makes the network of
such a folder, to be trained further.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from loaders.errors import MissingExtra
from loaders.relate.columns_of import AROUND, columns_of
from loaders.relate.model import checked_graphs
from loaders.relate.network import STAGES, parameter_count, stages

OPSET = 18
INPUTS = ("nodes", "neighbours", "present", "edges")
OUTPUTS = ("per_edge", "per_node")


def export(network: nn.ModuleDict, folder: Path, figures: Mapping[str, float]) -> Path:
    """Write the graphs and model.json; return the folder. Raises MissingExtra without the extra [export]."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, stage in network.items():
        axes = [{0: torch.export.Dim("count", min=1)}] * len(INPUTS)
        digests[f"{name}.onnx"] = write_graph(stage, folder / f"{name}.onnx", _inputs(name), OUTPUTS, axes)
    about = {
        "digests": digests,
        "parameters": parameter_count(network),
        "columns": {name: columns_of(name) for name in STAGES},
        "validation": dict(figures),
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def read_back(folder: str = "") -> nn.ModuleDict:
    """Return the network of the packaged model, or of the one in a folder.

    Raises MissingExtra without the extra [export], ModelFileError for files that are absent or not right.
    """
    _require_onnx()
    network = stages()
    for name, blob in checked_graphs(folder).items():
        norms = [part for part, module in network[name].named_modules() if isinstance(module, nn.LayerNorm)]
        network[name].load_state_dict(_state_of(blob, norms))
    return network


def _state_of(blob: bytes, norms: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the weights in a graph, `norms` being its normalizations in the order they come in.

    Where a layer works on edges the exporter turned its matrix and took its name, and equal arrays, as those of
    normalizations are at first, it wrote once.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(blob).graph
    arrays = {array.name: torch.from_numpy(numpy_helper.to_array(array).copy()) for array in graph.initializer}
    added = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "Add"}
    for node in graph.node:
        bias = added.get(node.output[0], "") if node.op_type == "MatMul" else ""
        if bias in arrays and node.input[1] in arrays:
            arrays[f"{bias.removesuffix('.bias')}.weight"] = arrays[node.input[1]].T.contiguous()
    nodes = (node for node in graph.node if node.op_type == "LayerNormalization")
    for name, node in zip(norms, nodes, strict=True):
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = (arrays[given] for given in node.input[1:])
    return {name: array for name, array in arrays.items() if name.endswith((".weight", ".bias"))}


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtra("onnxscript", "export") from error


def _inputs(name: str) -> dict[str, torch.Tensor]:
    config, count, around = STAGES[name], 7, AROUND[name]
    given = (
        torch.zeros(count, config.nodes),
        torch.zeros(count, around, dtype=torch.int64),
        torch.ones(count, around, dtype=torch.bool),
        torch.zeros(count, around, config.edges),
    )
    return dict(zip(INPUTS, given, strict=True))


def write_graph(
    network: nn.Module,
    path: Path,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    axes: Sequence[Mapping[int, Any]],
) -> str:
    """Write a network as one ONNX file and return its sha256; `axes` name those of each input that vary.

    Raises MissingExtra without the extra [export].
    """
    _require_onnx()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple(axes),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # None is the older exporter's answer
    program.save(path, external_data=False)
    return hashlib.sha256(path.read_bytes()).hexdigest()

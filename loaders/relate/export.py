"""The trained network -> three ONNX graphs and a note of what they are: what the package carries.

In: the network. Out: words.onnx, lines.onnx, blocks.onnx and model.json (digests, columns, figures of validation) in a
folder. Every graph takes a Graph's four arrays, of any number of nodes from one up.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from loaders.errors import MissingExtra
from loaders.relate.columns_of import AROUND, columns_of
from loaders.relate.network import STAGES, parameter_count

OPSET = 18
INPUTS = ("nodes", "neighbours", "present", "edges")
OUTPUTS = ("per_edge", "per_node")


def export(network: nn.ModuleDict, folder: Path, figures: Mapping[str, float]) -> Path:
    """Write the graphs and model.json; return the folder. Raises MissingExtra without the extra [export]."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtra("onnxscript", "export") from error
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, stage in network.items():
        path = folder / f"{name}.onnx"
        _write(stage.eval(), name, path)
        digests[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    about = {
        "digests": digests,
        "parameters": parameter_count(network),
        "columns": {name: columns_of(name) for name in STAGES},
        "validation": dict(figures),
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def _write(stage: nn.Module, name: str, path: Path) -> None:
    config, count, around = STAGES[name], 7, AROUND[name]
    given = (
        torch.zeros(count, config.nodes),
        torch.zeros(count, around, dtype=torch.int64),
        torch.ones(count, around, dtype=torch.bool),
        torch.zeros(count, around, config.edges),
    )
    nodes = torch.export.Dim("count", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            stage,
            given,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: nodes},) * 4,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # None is the older exporter's answer
    program.save(path, external_data=False)

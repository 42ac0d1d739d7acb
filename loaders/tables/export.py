"""The trained network -> an ONNX graph and a note of what it is: what the package carries.

In: the network. Out: grid.onnx and model.json (digest, columns, parameters) in a folder. The graph takes one table of
any number of lines and columns from two up.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import fields
from pathlib import Path

import torch

from loaders.errors import MissingExtra
from loaders.relate.export import OPSET
from loaders.relate.network import parameter_count
from loaders.tables.edits import Verdict
from loaders.tables.features import CELL, COLUMN, LINE
from loaders.tables.model import COLUMNS
from loaders.tables.network import GridNetwork


def export(network: GridNetwork, folder: Path) -> Path:
    """Write the graph and model.json; return the folder. Raises MissingExtra without the extra [export]."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtra("onnxscript", "export") from error
    folder.mkdir(parents=True, exist_ok=True)
    rows, cols = 7, 5
    given = (
        torch.zeros(1, rows, cols, len(CELL)),
        torch.zeros(1, rows, len(LINE)),
        torch.zeros(1, cols, len(COLUMN)),
        torch.ones(1, rows, cols, 1),
    )
    r, c = torch.export.Dim("lines", min=2), torch.export.Dim("columns", min=2)
    path = folder / "grid.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            given,
            input_names=["cells", "lines", "columns", "mask"],
            output_names=[one.name for one in fields(Verdict)],
            dynamic_shapes=({1: r, 2: c}, {1: r}, {1: c}, {1: r, 2: c}),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # None is the older exporter's answer
    program.save(path, external_data=False)
    about = {
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": parameter_count(network),
        "columns": COLUMNS,
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder

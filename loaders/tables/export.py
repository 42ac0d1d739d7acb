"""The trained network -> an ONNX graph and a note of what it is: what the package carries.

In: the network. Out: grid.onnx and model.json (digest, columns, parameters) in a folder. The graph takes one table of
any number of lines and columns from two up.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import torch

from loaders.relate.export import write_graph
from loaders.relate.network import parameter_count
from loaders.tables.edits import Verdict
from loaders.tables.features import CELL, COLUMN, LINE
from loaders.tables.model import COLUMNS
from loaders.tables.network import GridNetwork


def export(network: GridNetwork, folder: Path) -> Path:
    """Write the graph and model.json; return the folder. Raises MissingExtra without the extra [export]."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, cols = 7, 5
    inputs = {
        "cells": torch.zeros(1, rows, cols, len(CELL)),
        "lines": torch.zeros(1, rows, len(LINE)),
        "columns": torch.zeros(1, cols, len(COLUMN)),
        "mask": torch.ones(1, rows, cols, 1),
    }
    r, c = torch.export.Dim("lines", min=2), torch.export.Dim("columns", min=2)
    axes = ({1: r, 2: c}, {1: r}, {1: c}, {1: r, 2: c})
    about = {
        "digest": write_graph(network, folder / "grid.onnx", inputs, [one.name for one in fields(Verdict)], axes),
        "parameters": parameter_count(network),
        "columns": COLUMNS,
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder

"""The trained judge of table grids in ONNX Runtime: found in the package, verified, opened once per process.

In: candidates. Out: a Verdict. The files lie in loaders/tables/weights with their digest, how they were trained and how
good they are (README.md there). A model of one's own is a folder as train.py writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loaders.errors import ModelFileError
from loaders.relate.model import checked_graph, digest_of, session_of
from loaders.tables.candidates import Candidates
from loaders.tables.edits import Verdict
from loaders.tables.features import CELL, COLUMN, LINE, features_of

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).parent / "weights"
DIGEST = "f1d92a05831dde8b64b7cc2149e0d974a38f02a87664e8c30b8d59d3d7d30af5"
"""sha256 of the packaged model.json, which holds that of the graph."""
MOST = 4000
"""Places of the largest table that the model is asked about; geometry alone decides larger ones, in linear time."""
COLUMNS = {"cells": list(CELL), "lines": list(LINE), "columns": list(COLUMN)}


@dataclass(frozen=True, slots=True, eq=False)
class GridModel:
    """The graph, and the digest of its model.json."""

    session: onnxruntime.InferenceSession = field(repr=False)
    digest: str

    def judge(self, found: Candidates) -> Verdict | None:
        """Judge candidates; None where there is nothing to judge, or too much."""
        shape = len(found.judged.lines), len(found.cuts) + 1
        if min(shape) < 2 or shape[0] * shape[1] > MOST:
            return None
        made = features_of(found)
        given = {
            "cells": made.cells[None],
            "lines": made.lines[None],
            "columns": made.columns[None],
            "mask": np.ones((1, *shape, 1), np.float32),
        }
        logits = self.session.run([one.name for one in fields(Verdict)], given)
        return Verdict(*((1 / (1 + np.exp(-np.asarray(logit[0])))).astype(np.float32) for logit in logits))


def grid_digest(folder: str = "") -> str:
    """Return the digest of the packaged model, or of the one in a folder, without opening it."""
    return digest_of(Path(folder)) if folder else digest_of(WEIGHTS, DIGEST)


@lru_cache(maxsize=4)
def open_grid_model(folder: str = "") -> GridModel:
    """Open the packaged model, or the one in a folder. Raises ModelFileError for files that are absent or not right."""
    digest = grid_digest(folder)
    place = Path(folder) if folder else WEIGHTS
    about = json.loads((place / "model.json").read_text(encoding="utf-8"))
    if about["columns"] != COLUMNS:
        raise ModelFileError(f"{place}: trained on other columns than this version makes; train it anew")
    return GridModel(session_of(checked_graph(place / "grid.onnx", about["digest"])), digest)

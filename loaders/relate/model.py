"""The trained graphs in ONNX Runtime: found in the package, verified, opened once per process.

In: a Graph. Out: logits per edge and per node. The files lie in loaders/relate/weights with their digests, how they
were trained and how good they are (README.md there). A model of one's own is a folder as train.py writes it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loaders.errors import ModelFileError
from loaders.geometry import Array
from loaders.relate.columns_of import NODES, columns_of
from loaders.relate.graphs import Graph

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).parent / "weights"
DIGEST = "0775064566dfe456f4a730c72892de4b7547db6b19ab34725cb6686f5e05cba3"
"""sha256 of the packaged model.json, which holds those of the graphs."""
STAGES = tuple(NODES)


@dataclass(frozen=True, slots=True, eq=False)
class RelationalModel:
    """The three graphs, and the digest of model.json, which names them all."""

    sessions: dict[str, onnxruntime.InferenceSession] = field(repr=False)
    digest: str

    def run(self, stage: str, graph: Graph) -> tuple[Array, Array]:
        """Return logits per edge (N, K, P) and per node (N, Q) of a graph with at least one node."""
        per_edge, per_node = self.sessions[stage].run(
            None,
            {
                "nodes": graph.nodes,
                "neighbours": graph.neighbours,
                "present": graph.present,
                "edges": graph.edges,
            },
        )
        return np.asarray(per_edge, np.float32), np.asarray(per_node, np.float32)


def model_digest(folder: str = "") -> str:
    """Return the digest of the packaged model, or of the one in a folder, without opening it."""
    return digest_of(Path(folder)) if folder else digest_of(WEIGHTS, DIGEST)


def digest_of(folder: Path, pinned: str = "") -> str:
    """Return the sha256 of a folder's model.json. Raises ModelFileError where there is none, or not the pinned one."""
    path = folder / "model.json"
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelFileError(f"no model in {folder}: {error}; reinstall ocr-ingest, or train one") from None
    if pinned and found != pinned:
        raise ModelFileError(f"{path} is not the model this package was measured with; reinstall ocr-ingest")
    return found


@lru_cache(maxsize=4)
def open_model(folder: str = "") -> RelationalModel:
    """Open the packaged model, or the one in a folder. Raises ModelFileError for files that are absent or not right."""
    sessions = {stage: session_of(blob) for stage, blob in checked_graphs(folder).items()}
    return RelationalModel(sessions, model_digest(folder))


def checked_graphs(folder: str = "") -> dict[str, bytes]:
    """Return the graph of each stage, as model.json names it. Raises ModelFileError as `open_model` does."""
    model_digest(folder)
    place = Path(folder) if folder else WEIGHTS
    about = json.loads((place / "model.json").read_text(encoding="utf-8"))
    if about["columns"] != {stage: columns_of(stage) for stage in STAGES}:
        raise ModelFileError(f"{place}: trained on other columns than this version makes; train it anew")
    return {stage: checked_graph(place / f"{stage}.onnx", about["digests"][f"{stage}.onnx"]) for stage in STAGES}


def checked_graph(path: Path, digest: str) -> bytes:
    """Return an exported graph. Raises ModelFileError where it is absent or has another sha256."""
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error}") from None
    if hashlib.sha256(blob).hexdigest() != digest:
        raise ModelFileError(f"{path} is not the file that model.json names; export it again")
    return blob


def session_of(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # pages run in parallel, not a page's graphs
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

"""Built TensorRT engines ("plans") on disk, each with what it was built for; a stale or foreign one is never loaded.

A plan runs only on the GPU, driver and TensorRT version it was built with. All of that, the model, the profile and the
precision are its identity: they name its file, and stand beside it in full together with the plan's own digest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

# Raised whenever the exported graphs change without the model's files changing.
GRAPH_REVISION = 1

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The least, usual and largest shape of each input of one graph."""

    shapes: dict[str, tuple[Shape, Shape, Shape]]

    @property
    def most(self) -> int:
        """The largest batch."""
        return next(iter(self.shapes.values()))[2][0]

    def admits(self, name: str, shape: Shape) -> bool:
        """Whether one item of that shape is inside the profile, its batch apart."""
        least, _, largest = self.shapes[name]
        return len(shape) == len(least) and all(
            low <= side <= high for low, side, high in zip(least[1:], shape[1:], largest[1:], strict=True)
        )


@dataclass(frozen=True, slots=True)
class PlanIdentity:
    """Everything that a plan depends on."""

    graph: str
    model_digest: str
    gpu: str
    driver: str
    tensorrt: str
    precision: str
    profile: Profile
    graph_revision: int = GRAPH_REVISION

    @property
    def key(self) -> str:
        """The sha256 of all fields, hex."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class PlanCache:
    """A folder of plans; safe to share between processes, as files appear whole."""

    folder: Path

    def get(self, identity: PlanIdentity) -> bytes | None:
        """Give the plan of exactly this identity, undamaged; else None."""
        plan, record = self._paths(identity)
        try:
            content, stated = plan.read_bytes(), json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        expected = {"identity": json.loads(identity.as_json()), "sha256": hashlib.sha256(content).hexdigest()}
        return content if stated == expected else None

    def put(self, identity: PlanIdentity, content: bytes) -> Path:
        """Keep a plan; returns its file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        plan, record = self._paths(identity)
        stated = {"identity": json.loads(identity.as_json()), "sha256": hashlib.sha256(content).hexdigest()}
        write_whole(plan, content)
        write_whole(record, (json.dumps(stated, indent=2) + "\n").encode())
        return plan

    def _paths(self, identity: PlanIdentity) -> tuple[Path, Path]:
        stem = self.folder / f"{identity.graph}-{identity.key}"
        return stem.with_suffix(".plan"), stem.with_suffix(".json")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that no reader ever sees a part of it."""
    import os

    partial = path.with_suffix(f"{path.suffix}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)

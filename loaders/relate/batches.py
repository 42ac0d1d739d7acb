"""Examples become batches, a batch becomes losses.

In: examples of pages; a stage of the network. Out: the arrays of several pages as one graph, disturbed so that layouts
are not learned by heart; and the named losses of the stage on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from loaders.relate.columns_of import EDGES, NODES
from loaders.relate.examples import Example
from loaders.relate.labels import IGNORED
from loaders.relate.roles import ROLES
from loaders.relate.word_graph import RIGHT

DROPPED = {
    "geo_": 0.1,
    "style_": 0.25,
    "back": 0.4,
    "ruled": 0.12,
    "pieces": 0.05,
    "picture": 0.12,
    "page_": 0.1,
    "letter": 0.1,
    "alike": 0.1,
}
"""How often the columns whose names start so are withheld from a page, so that the network can do without them."""
NOISE = 0.1
"""Every figure is made larger or smaller by about this share of it, and so many neighbours that do not follow are
hidden: layouts are learned by heart otherwise, since there are fewer of them than pages."""
SMOOTHED = 0.05
"""Roles are never quite sure: real pages have headings that no family has."""


def batch_of(examples: Sequence[Example], stage: str, rng: np.random.Generator | None) -> dict[str, Tensor] | None:
    """Put one stage of several pages into one graph; columns are withheld where a generator is given."""
    parts = [made.stages[stage] for made in examples if stage in made.stages]
    if not parts:
        return None
    sizes = [len(part["nodes"]) for part in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    batch: dict[str, np.ndarray] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in ("neighbours",)
    }
    batch["neighbours"] = np.concatenate(
        [part["neighbours"].astype(np.int64) + start for part, start in zip(parts, starts, strict=True)]
    )
    batch["pages"] = np.repeat(np.arange(len(parts)), sizes)
    batch["nodes"], batch["edges"] = batch["nodes"].astype(np.float32), batch["edges"].astype(np.float32)
    if rng is not None:
        _withhold(batch, stage, len(parts), rng)
        _disturb(batch, rng)
    return {
        name: torch.from_numpy(value.astype(np.int64) if value.dtype == np.int16 else value)
        for name, value in batch.items()
    }


def _withhold(batch: dict[str, np.ndarray], stage: str, pages: int, rng: np.random.Generator) -> None:
    for names, columns in ((NODES[stage], batch["nodes"]), (EDGES[stage], batch["edges"])):
        keep = np.ones((pages, len(names)), np.float32)
        for start, share in DROPPED.items():
            group = [k for k, name in enumerate(names) if name.startswith(start)]
            keep[np.ix_(np.flatnonzero(rng.random(pages) < share), np.array(group, int))] = 0
        rows = keep[batch["pages"]]
        columns *= rows if columns.ndim == 2 else rows[:, None]


def _disturb(batch: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    for name in ("nodes", "edges"):
        batch[name] *= 1 + NOISE * rng.standard_normal(batch[name].shape, np.float32)
    present = batch["present"]
    followed = np.arange(present.shape[1]) == batch["following"][:, None]
    batch["present"] = present & (followed | (rng.random(present.shape) > NOISE))


def losses(stage: str, network: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the named losses of one stage on a batch."""
    per_edge, per_node = network(batch["nodes"], batch["neighbours"], batch["present"], batch["edges"], batch["pages"])
    around = RIGHT if stage == "words" else per_edge.shape[1]
    logits = per_edge[:, :around, 0].masked_fill(~batch["present"][:, :around], -1e4)
    found = {f"{stage}.following": _cross_entropy(torch.cat([logits, per_node[:, :1]], dim=1), batch["following"])}
    if stage == "lines":
        found["lines.role"] = _cross_entropy(per_node[:, 1 : 1 + len(ROLES)], batch["role"], SMOOTHED)
        found["lines.level"] = 0.3 * _cross_entropy(per_node[:, 1 + len(ROLES) :], batch["level"])
    if stage == "blocks":
        found["blocks.before"] = _binary(per_edge[..., 1], batch["before"])
    return found


def _cross_entropy(logits: Tensor, labels: Tensor, smoothed: float = 0.0) -> Tensor:
    known = labels != IGNORED
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits[known], labels[known], label_smoothing=smoothed)


def _binary(logits: Tensor, labels: Tensor) -> Tensor:
    known = labels != IGNORED
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[known], labels[known].to(logits.dtype))

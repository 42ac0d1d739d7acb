"""Tables of known structure as examples to learn from: features and labels, kept in one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from loaders.tables.candidates import candidates_of
from loaders.tables.edits import Verdict
from loaders.tables.features import GridFeatures, features_of
from loaders.tables.synthesize import TrueTable
from loaders.tables.truths import labels_of
from loaders.tables.words import upright

MOST = 2500
"""Places of a table to learn from; larger ones are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class GridExample:
    """A table to learn from, of one style."""

    features: GridFeatures
    labels: Verdict
    style: str


def example_of(truth: TrueTable) -> GridExample | None:
    """Return a table as an example; None where it is too large, or too small to judge."""
    up = upright(truth.page.words, truth.page.rulings)
    if len(up) < 4:
        return None
    found = candidates_of(up)
    if len(found.judged.lines) < 2 or not found.cuts or len(found.judged.lines) * (len(found.cuts) + 1) > MOST:
        return None
    return GridExample(features_of(found), labels_of(found, truth), truth.style)


def examples_of(tables: Iterable[TrueTable]) -> Iterator[GridExample]:
    """Yield the examples of tables."""
    for table in tables:
        made = example_of(table)
        if made is not None:
            yield made


def write_examples(examples: Iterable[GridExample], path: Path) -> int:
    """Write examples to one file; return how many. Half precision is enough."""
    arrays, styles = {}, []
    for number, made in enumerate(examples):
        styles.append(made.style)
        for part in (made.features, made.labels):
            for one in fields(part):
                array = getattr(part, one.name)
                arrays[f"{number}.{one.name}"] = array.astype(np.float16) if array.dtype == np.float32 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, styles=np.array(styles), **arrays)
    return len(styles)


def read_examples(path: Path) -> list[GridExample]:
    """Read examples."""
    found = []
    with np.load(path) as held:
        for number, style in enumerate(held["styles"].tolist()):
            parts = [
                {one.name: held[f"{number}.{one.name}"] for one in fields(kind)} for kind in (GridFeatures, Verdict)
            ]
            features = GridFeatures(**{name: array.astype(np.float32) for name, array in parts[0].items()})
            found.append(GridExample(features, Verdict(**parts[1]), style))
    return found

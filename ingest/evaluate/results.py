"""Results: what was measured on every item, and the means with their intervals, as dataclasses and as results.json.

Comes in: one ItemResult per item and engine (and per way of running it). Goes out: Results, results.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ingest.evaluate.intervals import RESAMPLES, Comparison, compare, interval
from ingest.evaluate.records import Item
from loaders.errors import UsageError


@dataclass(frozen=True, slots=True)
class Variant:
    """How a number came about: engine, `--text`, `--order`, scope, region (crop, page), form (text, markdown), stage.

    What does not apply is None.
    """

    engine: str
    text: str | None = None
    order: str | None = None
    scope: str | None = None
    region: str | None = None
    form: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The scores of one item in one variant. A failed item has its worst scores and says in `failure` why.

    `details` are scalars or lists for the report: a question and its cause, a rank, a failed rule.
    """

    pack: str
    source: str
    id: str
    group: str
    variant: Variant
    scores: Mapping[str, float]
    failure: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        item: Item,
        variant: Variant,
        scores: Mapping[str, float],
        *,
        failure: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> ItemResult:
        """Take pack, source, id and group from the item."""
        return cls(item.pack, item.source, item.id, item.group, variant, scores, failure, details or {})


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One mean with its 95 % interval over n items."""

    pack: str
    source: str
    engine: str
    metric: str
    mean: float
    low: float
    high: float
    n: int
    text: str | None = None
    order: str | None = None
    scope: str | None = None
    region: str | None = None
    form: str | None = None
    stage: str | None = None

    @property
    def variant(self) -> Variant:
        return Variant(self.engine, self.text, self.order, self.scope, self.region, self.form, self.stage)


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """Two variants on the same items of a source, in one metric."""

    pack: str
    source: str
    metric: str
    first: Variant
    second: Variant
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one evaluation found: versions of the software, its settings, the means, and every item."""

    versions: Mapping[str, str]
    settings: Mapping[str, Any]
    summary: tuple[SummaryRow, ...]
    items: tuple[ItemResult, ...]

    @classmethod
    def of(cls, items: Sequence[ItemResult], *, versions: Mapping[str, str], settings: Mapping[str, Any]) -> Results:
        """Summarise the items; the seed of the intervals is the settings' own, else 0."""
        return cls(versions, settings, summarise(items, seed=int(settings.get("seed") or 0)), tuple(items))

    @property
    def failures(self) -> tuple[ItemResult, ...]:
        """Items that failed; they are in the means with their worst scores."""
        return tuple(item for item in self.items if item.failure is not None)


def _by_cell(items: Iterable[ItemResult]) -> dict[tuple[str, str, Variant, str], list[ItemResult]]:
    cells: dict[tuple[str, str, Variant, str], list[ItemResult]] = {}
    for item in items:
        for name in item.scores:
            cells.setdefault((item.pack, item.source, item.variant, name), []).append(item)
    return cells


def summarise(items: Iterable[ItemResult], *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[SummaryRow, ...]:
    """Return the mean of every metric for each pack, source and variant, with an interval that draws whole groups."""
    rows: list[SummaryRow] = []
    for (pack, source, variant, name), cell in _by_cell(items).items():
        values, groups = [item.scores[name] for item in cell], [item.group for item in cell]
        found = interval(values, groups=groups, seed=seed, resamples=resamples)
        how = asdict(variant)
        engine = how.pop("engine")
        rows.append(SummaryRow(pack, source, engine, name, found.mean, found.low, found.high, found.n, **how))
    return tuple(rows)


def _is_alike(a: Variant, b: Variant) -> bool:
    return (a.scope, a.region, a.form, a.stage) == (b.scope, b.region, b.form, b.stage)


def compare_engines(
    items: Sequence[ItemResult], first: Variant, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[EngineComparison, ...]:
    """Compare one variant with every other that was measured on the same items, source by source, metric by metric.

    Only what is alike in scope, region, form and stage is compared.
    """
    cells = _by_cell(items)
    found: list[EngineComparison] = []
    for (pack, source, variant, name), cell in cells.items():
        mine = cells.get((pack, source, first, name))
        if variant == first or mine is None or not _is_alike(variant, first):
            continue
        ours, theirs = ({item.id: item.scores[name] for item in side} for side in (mine, cell))
        if not ours.keys() & theirs.keys():
            continue
        groups = {item.id: item.group for item in mine}
        comparison = compare(ours, theirs, groups=groups, seed=seed, resamples=resamples)
        found.append(EngineComparison(pack, source, name, first, variant, comparison))
    return tuple(found)


def to_json(results: Results) -> dict[str, Any]:
    """Return results.json as a dict: versions, settings, summary rows, items (variant spread out, scores by name)."""
    items = []
    for item in results.items:
        data = {f.name: getattr(item, f.name) for f in fields(item) if f.name != "variant"}
        items.append({**data, "scores": dict(item.scores), "details": dict(item.details), **asdict(item.variant)})
    return {
        "versions": dict(results.versions),
        "settings": dict(results.settings),
        "summary": [asdict(row) for row in results.summary],
        "items": items,
    }


def write_results(results: Results, path: Path) -> None:
    """Write results.json (UTF-8, keys in the order of the dataclasses, nothing that depends on the clock)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_json(results), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read results.json back; raises UsageError where it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        names = [f.name for f in fields(Variant)]
        items = tuple(
            ItemResult(
                **{key: value for key, value in item.items() if key not in names},
                variant=Variant(**{name: item[name] for name in names}),
            )
            for item in data["items"]
        )
        summary = tuple(SummaryRow(**row) for row in data["summary"])
        return Results(data["versions"], data["settings"], summary, items)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: not a results.json of this package ({type(error).__name__}: {error})") from error

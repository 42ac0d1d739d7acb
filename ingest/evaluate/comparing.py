"""`ingest evaluate compare`: what several evaluations found, beside each other and pair by pair.

Comes in: output folders (or results.json files) of runs over the same packs: other engines, another machine, the code
before a change and after. Goes out: Results with the items of all, in which a way of reading that two runs share is
called `ENGINE @ RUN`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.evaluate.baselines import PUBLISHED
from ingest.evaluate.report import write_report
from ingest.evaluate.results import ItemResult, Results, Variant, read_results
from loaders.errors import UsageError

Place = tuple[str, str, Variant]
"""Pack, source and way of reading: what a run says once."""


def compare(runs: Sequence[str | Path], *, out: str | Path | None = None, seed: int = 0) -> Results:
    """Put runs side by side, on the items that every way of reading was measured on.

    runs  folders that hold results.json, or such files; a name in common is a name of the folder
    out   folder for results.json, report.md and report.html; none where None

    Published scores are kept for those items, and do not narrow them. Raises UsageError for fewer than two runs, for
    what is no results.json, and where the runs have no item in common.
    """
    if len(runs) < 2:
        raise UsageError("give two runs or more: folders with a results.json")
    read = {name: read_results(path) for name, path in _named(runs).items()}
    common = _common(_told_apart(read))
    if not common:
        raise UsageError(f"{', '.join(read)} have no item in common: they are of other packs, sources or limits")
    settings = {"command": "compare", "runs": list(read), "seed": seed}
    results = Results.of(common, versions=_versions(read), settings=settings)
    if out is not None:
        write_report(results, out, title=f"compare: {', '.join(read)}")
    return results


def _named(runs: Sequence[str | Path]) -> dict[str, Path]:
    """Name each results.json by its folder, with as much of the path as tells the runs apart."""
    files = [path if path.is_file() else path / "results.json" for path in (Path(run).resolve() for run in runs)]
    parts = [file.parent.parts for file in files]
    depth = next((n for n in range(1, max(map(len, parts)) + 1) if len({p[-n:] for p in parts}) == len(files)), 0)
    if not depth:
        raise UsageError("one run is given twice; give each once")
    return {"/".join(part[-depth:]): file for part, file in zip(parts, files, strict=True)}


def _told_apart(read: Mapping[str, Results]) -> list[ItemResult]:
    """Return the items of all runs; where two runs read in the same way, the engine's name says which run it is."""
    counts = Counter(place for results in read.values() for place in {_place(item) for item in results.items})
    items: dict[tuple[Place, str], ItemResult] = {}
    for name, results in read.items():
        for item in results.items:
            shared = counts[_place(item)] > 1 and not _is_published(item)
            engine = f"{item.variant.engine} @ {name}" if shared else item.variant.engine
            told = replace(item, variant=replace(item.variant, engine=engine))
            items.setdefault((_place(told), told.id), told)
    return list(items.values())


def _common(items: Sequence[ItemResult]) -> list[ItemResult]:
    """Keep the items of each source that all of its ways of reading were measured on."""
    ways: dict[tuple[str, ...], set[Variant]] = {}
    held: dict[tuple[str, ...], set[Variant]] = {}
    for item in items:
        if not _is_published(item):
            ways.setdefault(_kind(item), set()).add(item.variant)
            held.setdefault((*_kind(item), item.id), set()).add(item.variant)
    return [item for item in items if held.get((*_kind(item), item.id), set()) == ways.get(_kind(item))]


def _kind(item: ItemResult) -> tuple[str, ...]:
    """Name what is alike in two results that can be compared."""
    how = item.variant
    return (item.pack, item.source, *(value or "" for value in (how.scope, how.region, how.form, how.stage)))


def _place(item: ItemResult) -> Place:
    return item.pack, item.source, item.variant


def _is_published(item: ItemResult) -> bool:
    return item.variant.engine.endswith(PUBLISHED)


def _versions(read: Mapping[str, Results]) -> dict[str, str]:
    """Return each version once where the runs agree, else with the run it is of."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for results in read.values() for name in results.versions):
        values = {run: results.versions[name] for run, results in read.items() if name in results.versions}
        if len(set(values.values())) == 1:
            found[name] = next(iter(values.values()))
        else:
            found |= {f"{name} @ {run}": value for run, value in values.items()}
    return found

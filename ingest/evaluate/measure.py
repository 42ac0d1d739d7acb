"""Run one measurement over the items of a pack, in every way of reading: what all of them share.

Comes in: a Plan, a pack, and a Measure: how an item is read, and how that is scored. Goes out: Results, and the files
of the output folder. Items are read and scored in worker processes; one that fails, hangs or crashes is scored as
nothing read. Finished items are kept in the folder's items.jsonl, page results in its cache/.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.evaluate.bar import item_progress
from ingest.evaluate.crew import Unfinished, open_pool, run_tasks
from ingest.evaluate.journal import Journal, journal_key
from ingest.evaluate.plan import Plan, Way
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import Item
from ingest.evaluate.report import Picture, write_report
from ingest.evaluate.results import ItemResult, Results
from ingest.evaluate.versions import versions
from loaders.errors import UsageError


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement, made of functions of modules, so that worker processes find them.

    parts    what is measured on an item apart from each other (a table's crop, its page)
    predict  reads an item's part in one way
    score    scores what was read; None stands for an item that failed, and gets its worst scores
    """

    name: str
    parts: tuple[str | None, ...]
    predict: Callable[[Predictor, Any, str | None], Any]
    score: Callable[[Any, Way, str | None, Any], list[ItemResult]]


@dataclass(frozen=True, slots=True)
class Task:
    """One item, one way, one part; and the key under which its results are kept."""

    item: Item
    way: Way
    part: str | None
    key: str


def measured(
    plan: Plan, measure: Measure, items: Sequence[Item], ways: Sequence[Way], folder: Path
) -> list[ItemResult]:
    """Measure the items in every way; results in the order of the ways, then of the items."""
    tasks = [
        Task(item, way, part, journal_key(item, measure.name, repr(way), part or "", config))
        for way in ways
        for config in (Predictor(way).config_id(),)  # fails here, once, when the engine is not ready
        for item in items
        for part in measure.parts
    ]
    journal = Journal(folder / "items.jsonl" if plan.out else None)
    found = {task.key: known for task in tasks if (known := journal.get(task.key)) is not None}
    missing = [task for task in tasks if task.key not in found]
    with item_progress(len(tasks), measure.name, quiet=not plan.progress) as advance, contextlib.ExitStack() as stack:
        advance(len(found))
        if missing:
            pool = stack.enter_context(open_pool(plan.workers, _start, measure, str(folder / "cache")))
            for task, result in run_tasks(pool, missing, _do, workers=plan.workers, deadline=plan.deadline):
                found[task.key] = _failed(measure, task, result) if isinstance(result, Unfinished) else result
                journal.put(task.key, found[task.key])
                advance(1)
    return [result for task in tasks for result in found[task.key]]


def _failed(measure: Measure, task: Task, unfinished: Unfinished) -> list[ItemResult]:
    results = measure.score(task.item, task.way, task.part, None)
    return [replace(result, failure=unfinished.reason) for result in results]


@contextlib.contextmanager
def output_folder(plan: Plan) -> Iterator[Path]:
    """Yield the folder of the evaluation, a temporary one where none is to be kept."""
    if plan.out is not None:
        plan.out.mkdir(parents=True, exist_ok=True)
        yield plan.out
    else:
        with tempfile.TemporaryDirectory(prefix="ocr-ingest-evaluate-") as folder:
            yield Path(folder)


def concluded(
    plan: Plan,
    title: str,
    pack: str,
    items: Sequence[ItemResult],
    ways: Sequence[Way],
    draw: Callable[[Results], Sequence[Picture]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Results:
    """Summarise; write results.json and the reports where a folder was given. Raises UsageError for no items."""
    if not items:
        raise UsageError(f"nothing to measure in {pack} with these options: no item of that kind")
    settings = {"command": title, "pack": pack, **plan.described(), **(more or {})}
    results = Results.of(items, versions=versions(ways), settings=settings)
    if plan.out is not None:
        pictures = draw(results) if draw and plan.pictures else ()
        write_report(results, plan.out, pictures, title=f"{title}: {pack}")
    return results


# -- in a worker process ----------------------------------------------------------------------------------------------

_WORKER: _Worker | None = None


class _Worker:
    """What a worker process keeps between items: the measure, the cache, a reader for each way."""

    def __init__(self, measure: Measure, cache_dir: str) -> None:
        from loaders.cache import Cache

        self.measure, self.cache = measure, Cache(cache_dir)
        self.predictors: dict[Way, Predictor] = {}

    def do(self, task: Task) -> list[ItemResult]:
        if task.way not in self.predictors:
            self.predictors[task.way] = Predictor(task.way, self.cache)
        read = self.measure.predict(self.predictors[task.way], task.item, task.part)
        return self.measure.score(task.item, task.way, task.part, read)


def _start(measure: Measure, cache_dir: str) -> None:
    global _WORKER
    _WORKER = _Worker(measure, cache_dir)


def _do(task: Task) -> list[ItemResult] | Unfinished:
    assert _WORKER is not None
    try:
        return _WORKER.do(task)
    except Exception as error:
        return Unfinished.of(error)

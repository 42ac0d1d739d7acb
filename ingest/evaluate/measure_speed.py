"""`ingest evaluate speed`: seconds per page, by stage and in all, pages per second, peak memory; engines in turns.

Comes in: files, folders or a pack. Goes out: Results. Every way of reading has a process of its own, so that neither
its models nor its memory are another's; the ways take turns on each page and each file, so that a busy machine slows
all of them alike. What is reported of a page is the median of its repeats.

stage null      from the image in memory to words, models loaded before; cpu_seconds_per_page counts all threads
stage "total"   from the file to chunks, divided by its pages
other stages    what of "total" each stage took, exclusively; "embed" and "index" come on top of "total"
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any, Unpack

from ingest.evaluate import stopwatches
from ingest.evaluate.bar import item_progress
from ingest.evaluate.batches import batched, check_sizes
from ingest.evaluate.crew import Unfinished, open_pool, outcome, run_tasks
from ingest.evaluate.growth import grown, sizes_of
from ingest.evaluate.measure import concluded, output_folder
from ingest.evaluate.memory import MemoryWatch
from ingest.evaluate.plan import Options, Plan, Way, plan_of
from ingest.evaluate.predict import Predictor
from ingest.evaluate.results import ItemResult, Results
from ingest.evaluate.stopwatches import TOTAL, Reply
from ingest.evaluate.targets import Target, targets_of
from loaders.errors import UsageError
from loaders.timing import Spent

ALL = "all"
"""Id of what is said of a whole run: pages_per_second, peak_rss_mb."""


def speed(
    paths: Any,
    *,
    repeats: int = 1,
    embed: bool = True,
    grow: Sequence[str] = (),
    batch: Sequence[int] = (),
    **options: Unpack[Options],
) -> Results:
    """Measure speed on files, folders, URLs, or the pages of a pack.

    `repeats` is how often everything is measured; `embed` times embedding and indexing, too; `grow` names what is made
    larger and larger, "pages", "chunks", or with the largest size "pages:100" (see growth.py); `batch` are the numbers
    of pages that the engine is given at a time (see batches.py); `workers` is how many processes read at once for
    pages_per_second. `options` as in Options (`source` and `split` choose from a pack; `limit` counts files). Raises
    UsageError for paths that hold nothing to read, EngineNotReady when an engine is not.
    """
    if repeats < 1:
        raise UsageError(f"repeats={repeats}; everything has to be measured at least once")
    sizes_of(grow)
    check_sizes(batch)
    plan = plan_of(options)
    name, targets = targets_of(paths, plan)
    ways = plan.ways()
    for way in ways:
        Predictor(way)  # fails here, once, when the engine is not ready
    items: list[ItemResult] = []
    with output_folder(plan), item_progress(len(targets) * repeats, "speed", quiet=not plan.progress) as advance:
        for source in dict.fromkeys(target.source for target in targets):
            mine = [target for target in targets if target.source == source]
            items += _Session(mine, ways, plan).run(repeats, embed, advance)
        for way in ways:
            if grow and not way.is_yardstick:
                items += grown(targets, way, grow, plan.deadline)
            if batch:
                items += batched(targets, way, batch, plan.deadline)
        more = {"repeats": repeats, "workers": plan.workers, "grow": list(grow), "batch": list(batch)}
        return concluded(plan, "speed", name, items, ways, more=more)


class _Session:
    """The targets of one source, measured in every way."""

    def __init__(self, targets: Sequence[Target], ways: Sequence[Way], plan: Plan) -> None:
        self.targets, self.ways, self.plan = list(targets), ways, plan
        self.spent: dict[tuple[Way, Target, str, str], list[Spent]] = {}
        self.failures: dict[tuple[Way, Target, str], str] = {}
        self.peaks = dict.fromkeys(ways, 0.0)
        self.final: dict[Way, float] = {}
        self.processes: dict[Way, set[int]] = {way: set() for way in ways}
        self.rates: dict[Way, float] = {}

    def run(self, repeats: int, embed: bool, advance: Callable[[int], None]) -> list[ItemResult]:
        with contextlib.ExitStack() as stack:
            self.watch = stack.enter_context(MemoryWatch())
            self.pools = {
                way: stack.enter_context(open_pool(1, stopwatches.start, way, recycle=0)) for way in self.ways
            }
            self.targets = [self._counted(target) for target in self.targets]
            for way in self.ways:
                self._ask(way, stopwatches.warm_up, self.targets[0])
            for turn in range(repeats):
                for place, target in enumerate(self.targets):
                    self._measure(target, turn + place)
                    advance(1)
            self._note_peaks()
            for target in self.targets if embed else ():
                for way in self.ways:
                    self._time(way, target, target.id, stopwatches.time_index, target)
        for way in self.ways:
            self.rates[way] = self._rate(way)
        return self._results()

    def _counted(self, target: Target) -> Target:
        """Name the pages of a whole file."""
        if target.pages:
            return target
        reply = self._ask(self.ways[0], stopwatches.count_pages, target)
        return replace(target, pages=tuple(range(1, reply.pages + 1)) if isinstance(reply, Reply) else (1,))

    def _measure(self, target: Target, turn: int) -> None:
        """Let the ways take turns, another one first each time."""
        ways = [self.ways[(turn + place) % len(self.ways)] for place in range(len(self.ways))]
        for number in target.pages:
            for way in ways:
                self._time(way, target, _page_id(target, number), stopwatches.time_page, target, number)
        for way in ways:
            self._time(way, target, target.id, stopwatches.time_file, target)

    def _ask(self, way: Way, work: Callable[..., Reply | Unfinished], *args: Any) -> Reply | Unfinished:
        future = self.pools[way].schedule(work, args=list(args), timeout=self.plan.deadline)
        reply: Reply | Unfinished = outcome(future, self.plan.deadline)
        if isinstance(reply, Reply):
            self.processes[way].add(reply.process)
            self.watch.add(reply.process)
            self.peaks[way] = max(self.peaks[way], reply.peak)
        return reply

    def _time(
        self, way: Way, target: Target, identity: str, work: Callable[..., Reply | Unfinished], *args: Any
    ) -> None:
        reply = self._ask(way, work, *args)
        if isinstance(reply, Unfinished):
            self.failures.setdefault((way, target, identity), reply.reason)
            return
        for stage, spent in reply.times.items():
            share = Spent(spent.wall / reply.pages, spent.cpu / reply.pages)
            self.spent.setdefault((way, target, identity, stage), []).append(share)

    def _note_peaks(self) -> None:
        """Close the account of memory before the embedding model is loaded, which is not the engine's."""
        self.final = {
            way: max([self.peaks[way], *(self.watch.peaks.get(process, 0.0) for process in self.processes[way])])
            for way in self.ways
        }

    def _rate(self, way: Way) -> float:
        """Return pages per second from file to chunks: one process's own, or that of several with their start."""
        pages = sum(len(target.pages) for target in self.targets)
        if self.plan.workers == 1:
            walls = [
                median(one.wall for one in found) * len(target.pages)
                for (whose, target, _, stage), found in self.spent.items()
                if whose == way and stage == TOTAL
            ]
            return pages / sum(walls) if walls and len(walls) == len(self.targets) else 0.0
        single = [replace(target, pages=(number,)) for target in self.targets for number in target.pages]
        begun = perf_counter()
        with open_pool(self.plan.workers, stopwatches.start, way) as pool:
            tasks = run_tasks(
                pool, single, stopwatches.read_only, workers=self.plan.workers, deadline=self.plan.deadline
            )
            done = sum(isinstance(reply, Reply) for _, reply in tasks)
            return done / (perf_counter() - begun)

    def _results(self) -> list[ItemResult]:
        found: list[ItemResult] = []
        for (way, target, identity, stage), spent in self.spent.items():
            scores = {
                "seconds_per_page": median(one.wall for one in spent),
                "cpu_seconds_per_page": median(one.cpu for one in spent),
            }
            found.append(self._result(target, identity, way, stage or None, scores))
        for (way, target, identity), reason in self.failures.items():
            found.append(replace(self._result(target, identity, way, None, {}), failure=reason))
        whole = replace(self.targets[0], group=ALL)
        for way in self.ways:
            found.append(self._result(whole, ALL, way, None, {"peak_rss_mb": self.final[way]}))
            if self.rates[way]:
                found.append(self._result(whole, ALL, way, TOTAL, {"pages_per_second": self.rates[way]}))
        return found

    @staticmethod
    def _result(target: Target, identity: str, way: Way, stage: str | None, scores: dict[str, float]) -> ItemResult:
        variant = way.variant(stage=stage)
        return ItemResult(target.pack, target.source, identity, target.group, variant, scores)


def _page_id(target: Target, number: int) -> str:
    return target.id if len(target.pages) == 1 else f"{target.id}#p{number}"

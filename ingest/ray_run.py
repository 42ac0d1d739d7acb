"""The plan on Ray: actors open files, actors read page ranges into the cache, actors gather, this process writes.

    files > open > page ranges > read (rasterize and OCR in one actor) > this process > gather and embed > the writer

The first half is a Ray Data pipeline whose rows are small: names of page ranges go in, cache keys come out, pixels and
words never travel. An actor (`ingest.ray_actors`) that dies is replaced by Ray and its range is done again, mostly from
the cache. CPUs are left for opening and gathering, or readers would starve them for ever; GPUs are asked of the cluster
(`ingest.ray_cluster`), not of this machine.
"""

from __future__ import annotations

import itertools
import logging
import math
import pickle
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ingest.plan import PAGES_PER_RANGE, DocumentPages, Gather, Held, Identity, PageEvent, Plan
from ingest.ray_actors import Gatherer, OpenFiles, PageRange, ReadPages
from ingest.ray_cluster import Staff, connected, staffed
from ingest.workers import Opened, Setup
from loaders.document import Failure
from loaders.errors import OcrIngestError, UsageError
from loaders.ocr import wants_gpu
from loaders.sources import FoundFile, Source

T = TypeVar("T")

FILES_PER_TASK = 8
QUEUE_BYTES = 16 << 20
"""Rows of a kilobyte that may wait between the stages: opening runs ahead of reading by so much and no more."""
GATHERING_PER_ACTOR = 2
"""Documents with an actor that gathers: one in hand, one waiting."""
RETRIES = 3
"""How often what an actor was doing is done again when the actor dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ray:
    """Carries out a plan on Ray. What it reads and caches must be reachable, under the same names, from every node.

    address           of a cluster ("auto", "host:6379"); None: the one in use, else a local one
    workers           actors that read; None: one per CPU, or as many as the GPUs have room for
    gpus_per_worker   share of a GPU each takes, where the engine wants one and the cluster has any
    gatherers         actors that assemble and embed; None: one per four that read
    gpus_per_gatherer share of a GPU each takes to embed
    pages_per_task    pages of a range: larger where pages are fast, since every task costs this process some time
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 0.5
    gatherers: int | None = None
    gpus_per_gatherer: float = 0.0
    pages_per_task: int = PAGES_PER_RANGE

    def __post_init__(self) -> None:
        for name in ("workers", "gatherers", "pages_per_task"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name}={value}; at least one is needed")
        if self.gpus_per_worker <= 0 or self.gpus_per_gatherer < 0:
            raise UsageError("gpus_per_worker is more than 0, gpus_per_gatherer not negative")

    def run(
        self,
        plan: Plan,
        files: Iterable[FoundFile | Source | Failure],
        gather: Gather[T],
        *,
        held: Callable[[Identity], Collection[str]],
        on_page: Callable[[PageEvent], None] | None = None,
    ) -> Iterator[T | Held | Failure]:
        """Yield what `gather` makes of each document, and failures, as they come."""
        with connected(self.address) as ray:
            settings = plan.settings
            gpu = settings.text != "layer" and wants_gpu(settings.engine, **dict(settings.engine_options))
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            staff = staffed(nodes, gpu=gpu, wanted=self)
            identity = _identity(ray, plan, staff)
            run = _Run(ray, plan, identity, staff, self.pages_per_task, on_page)
            yield from run.results(files, gather, held(identity))


def _identity(ray: Any, plan: Plan, staff: Staff) -> Identity:
    """Ask the cluster, on the hardware that will read, how it would read."""
    identify = ray.remote(num_cpus=staff.reader_cpus, num_gpus=staff.reader_gpus)(Plan.identity)
    try:
        identity: Identity = ray.get(identify.remote(plan))
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, OcrIngestError) else error from None
    return identity


class _Run:
    """Feeds the pipeline, collects the pages of each document, has it gathered when they are complete."""

    def __init__(
        self,
        ray: Any,
        plan: Plan,
        identity: Identity,
        staff: Staff,
        pages_per_task: int,
        on_page: Callable[[PageEvent], None] | None,
    ) -> None:
        self.ray, self.plan, self.identity, self.staff = ray, plan, identity, staff
        self.pages_per_task, self.on_page = pages_per_task, on_page
        self.documents: dict[int, DocumentPages] = {}
        self.gathering: dict[Any, str] = {}

    def results(
        self, files: Iterable[FoundFile | Source | Failure], gather: Gather[T], held: Collection[str]
    ) -> Iterator[T | Held | Failure]:
        rows: list[dict[str, Any]] = []
        for file in files:
            if isinstance(file, FoundFile):
                rows.append({"file": len(rows), "item": pickle.dumps(file)})
            elif isinstance(file, Failure):
                yield file
            else:
                raise UsageError(f"{file.uri}: bytes and streams stay in this process; give Ray paths or URLs")
        if not rows:
            return
        self._start_gatherers(gather)
        for row in self._pipeline(rows, held):
            yield from self._take(row["file"], pickle.loads(row["item"]))
            yield from self._gathered(at_most=GATHERING_PER_ACTOR * self.staff.gatherers)
        yield from self._gathered(at_most=0)

    def _pipeline(self, rows: list[dict[str, Any]], held: Collection[str]) -> Iterator[dict[str, Any]]:
        data, staff = self.ray.data, self.staff
        context = data.DataContext.get_current().copy()
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # every row is a block, and so a task, of its own: a range waits for no other
        context.execution_options.resource_limits = context.execution_options.resource_limits.copy(
            object_store_memory=QUEUE_BYTES
        )
        opening = {
            "setup": Setup(self.plan.settings),
            "plan": self.plan,
            "held": frozenset(held),
            "pages_per_task": self.pages_per_task,
        }
        reading = {
            "setup": Setup(self.plan.settings, self.plan.cache, self.identity.reading_id),
            "deadline": self.plan.deadline,
        }
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of every run
        with data.DataContext.current(context):
            found = data.from_items(rows, override_num_blocks=math.ceil(len(rows) / FILES_PER_TASK))
            ranges = found.map_batches(
                OpenFiles,
                fn_constructor_kwargs=opening,
                batch_size=None,
                batch_format="numpy",
                compute=data.ActorPoolStrategy(size=staff.openers, max_tasks_in_flight_per_actor=2),
                num_cpus=staff.helper_cpus,
            )
            read = ranges.map_batches(
                ReadPages,
                fn_constructor_kwargs=reading,
                batch_size=None,
                batch_format="numpy",
                compute=data.ActorPoolStrategy(size=staff.readers, max_tasks_in_flight_per_actor=2),
                num_cpus=staff.reader_cpus,
                num_gpus=staff.reader_gpus,
            )
            yield from read.iter_rows()

    def _take(self, file: int, item: Held | Failure | PageRange) -> Iterator[Held | Failure]:
        if not isinstance(item, PageRange):
            yield item
            return
        opened = item.opened
        if file not in self.documents:
            self.documents[file] = DocumentPages(opened.source, opened, set(self.plan.numbers(opened.source, opened)))
        pages = self.documents[file]
        for number, answer in zip(item.numbers, item.answers, strict=True):
            assert not isinstance(answer, Opened)
            event = pages.note(number, answer)
            if self.on_page:
                self.on_page(event)
        if pages.complete:
            del self.documents[file]
            gatherer = next(self.gatherers)
            self.gathering[gatherer.gather.remote(pages)] = opened.source.uri

    def _start_gatherers(self, gather: Gather[Any]) -> None:
        actor = self.ray.remote(
            num_cpus=self.staff.helper_cpus,
            num_gpus=self.staff.gatherer_gpus,
            max_restarts=-1,
            max_task_retries=RETRIES,
        )(Gatherer)
        actors = [actor.remote(gather, self.identity) for _ in range(self.staff.gatherers)]
        self.gatherers = itertools.cycle(actors)

    def _gathered(self, at_most: int) -> Iterator[Any]:
        """Yield documents that are gathered; wait while more than `at_most` are not."""
        while self.gathering:
            waiting = None if len(self.gathering) > at_most else 0
            done, _ = self.ray.wait(list(self.gathering), timeout=waiting)
            if not done:
                return
            for reference in done:
                source = self.gathering.pop(reference)
                try:
                    yield self.ray.get(reference)
                except self.ray.exceptions.RayError as error:
                    yield Failure.of(error, source, None, "chunk")

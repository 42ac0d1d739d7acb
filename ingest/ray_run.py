"""The plan on Ray: actors open files, actors read page ranges into the cache, actors gather, this process writes.

    files > open > page ranges > read (rasterize and OCR in one actor) > this process > gather and embed > the writer

The first half is a Ray Data pipeline whose rows are small: names of page ranges go in, cache keys come out, pixels and
words never travel. Every actor supervises a process that can be killed (`ingest.workers`), so that a page that hangs or
crashes is a Failure in its row; no row raises, since Ray drops the block of a row that does. An actor that dies is
replaced by Ray and its range is done again, mostly from the cache. CPUs are left for opening and gathering, or readers
would starve them for ever; GPUs are asked of the cluster, not of this machine.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import pickle
import socket
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.plan import PAGES_PER_RANGE, DocumentPages, Gather, Held, Identity, PageEvent, Plan
from ingest.workers import Answer, Call, Opened, Setup, WorkerPool
from loaders.document import Failure
from loaders.errors import MissingExtra, OcrIngestError, UsageError
from loaders.ocr import wants_gpu
from loaders.sources import FoundFile, Source

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

READER_CPUS = 0.75
"""CPUs an actor that reads reserves; what is left of each goes to the helpers, which wait most of the time."""
HELPER_CPUS = 0.25
"""CPUs an actor that opens or gathers reserves at most."""
READERS_PER_OPENER, READERS_PER_GATHERER = 16, 4
FILES_PER_TASK = 8
QUEUE_BYTES = 16 << 20
"""Rows of a kilobyte that may wait between the stages: opening runs ahead of reading by so much and no more."""
GATHERING_PER_ACTOR = 2
"""Documents with an actor that gathers: one in hand, one waiting."""
RETRIES = 3
"""How often what an actor was doing is done again when the actor dies."""
REACHABLE_WITHIN = 10.0
"""Seconds in which a cluster has to take a connection."""
LOCAL_STORE_BYTES = 256 << 20
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves this machine that was not asked for
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default to come; Ray warns where it is not chosen
    "RAY_worker_niceness": "0",  # as worker processes of this machine have; Ray would take 15
}
"""How Ray is started here; what the environment says already is left as it is."""


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


@dataclass(frozen=True, slots=True)
class Staff:
    """How many actors of each kind, and what each reserves."""

    readers: int
    openers: int
    gatherers: int
    reader_cpus: float
    helper_cpus: float
    reader_gpus: float = 0.0
    gatherer_gpus: float = 0.0


def staffed(nodes: Sequence[Mapping[str, float]], *, gpu: bool, wanted: Ray) -> Staff:
    """Divide a cluster among the actors so that all of them fit, node by node. Raises UsageError when they cannot.

    `nodes` are the resources of each node as Ray names them; `gpu` says that the engine wants one.
    """
    cpus = [int(node.get("CPU", 0)) for node in nodes]
    if not sum(cpus):
        raise UsageError("the Ray cluster has no CPU; start a node with some")
    share = wanted.gpus_per_worker
    slots = [math.floor(node.get("GPU", 0) / share + 1e-9) for node in nodes] if gpu else []
    if gpu and not any(slots):
        warnings.warn("the engine would use a GPU and the Ray cluster has none; it computes on CPUs", stacklevel=2)
    on_gpu = any(slots)
    room = sum(slots) if on_gpu else sum(cpus)
    readers = wanted.workers or room
    if on_gpu and readers > room:
        raise UsageError(f"workers={readers} of {share:g} GPU each: the cluster has room for {room}")
    if on_gpu:
        reader_cpus = min(1.0, min(READER_CPUS * c / s for c, s in zip(cpus, slots, strict=True) if s and c))
    else:
        reader_cpus = READER_CPUS * min(1.0, sum(cpus) / readers)
    gatherers = wanted.gatherers or math.ceil(readers / READERS_PER_GATHERER)
    openers = math.ceil(readers / READERS_PER_OPENER)
    helper_cpus = min(HELPER_CPUS, (sum(cpus) - readers * reader_cpus) / (gatherers + openers))
    gpus = readers * share * on_gpu + gatherers * wanted.gpus_per_gatherer
    if gpus > sum(node.get("GPU", 0) for node in nodes):
        raise UsageError(f"{readers} workers and {gatherers} gatherers want {gpus:g} GPUs, more than the cluster has")
    return Staff(
        readers,
        openers,
        gatherers,
        _floor(reader_cpus),
        _floor(helper_cpus),
        share if on_gpu else 0.0,
        wanted.gpus_per_gatherer,
    )


def _floor(cpus: float) -> float:
    """Round down to what Ray counts in, ten-thousandths; a sum rounded up would not fit."""
    return max(math.floor(cpus * 10_000), 1) / 10_000


# -- the connection ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to Ray, or start a local one that ends with the block; what was running before goes on running.

    Raises MissingExtra without Ray and UsageError when no cluster answers.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("ray", "ray") from error
    if ray.is_initialized():
        yield ray
        return
    if address:
        _check_reachable(address)
    local: dict[str, Any] = {} if address else {"object_store_memory": LOCAL_STORE_BYTES, "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            f"the Ray cluster at {address} does not let us in: {error}; where its nodes have RAY_AUTH_MODE=token, "
            "set that and the same RAY_AUTH_TOKEN here"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise UsageError at once where nothing listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):  # "auto", "local": names that Ray resolves
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACHABLE_WITHIN).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}: {error.strerror or error}") from error


def _identity(ray: Any, plan: Plan, staff: Staff) -> Identity:
    """Ask the cluster, on the hardware that will read, how it would read."""
    identify = ray.remote(num_cpus=staff.reader_cpus, num_gpus=staff.reader_gpus)(Plan.identity)
    try:
        identity: Identity = ray.get(identify.remote(plan))
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, OcrIngestError) else error from None
    return identity


# -- the driver -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Range:
    """Pages of an open file, to be read by one actor; or read, when it has their answers."""

    opened: Opened
    numbers: tuple[int, ...]
    answers: tuple[Answer, ...] = ()


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
                _OpenFiles,
                fn_constructor_kwargs=opening,
                batch_size=None,
                batch_format="numpy",
                compute=data.ActorPoolStrategy(size=staff.openers, max_tasks_in_flight_per_actor=2),
                num_cpus=staff.helper_cpus,
            )
            read = ranges.map_batches(
                _ReadPages,
                fn_constructor_kwargs=reading,
                batch_size=None,
                batch_format="numpy",
                compute=data.ActorPoolStrategy(size=staff.readers, max_tasks_in_flight_per_actor=2),
                num_cpus=staff.reader_cpus,
                num_gpus=staff.reader_gpus,
            )
            yield from read.iter_rows()

    def _take(self, file: int, item: Held | Failure | _Range) -> Iterator[Held | Failure]:
        if not isinstance(item, _Range):
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
        )(_Gatherer)
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


# -- in actors --------------------------------------------------------------------------------------------------------


class _Supervisor:
    """An actor's hold on its one process that can be killed."""

    def __init__(self, setup: Setup, deadline: float | None) -> None:
        # a process started with `spawn` imports the program it came from; Ray's would cost it a second and 100 MB
        vars(sys.modules["__main__"]).pop("__file__", None)
        self.pool = WorkerPool(setup, deadline=deadline)
        self.pool.__enter__()  # until the actor ends; the process ends with it

    def ask(self, calls: Iterable[Call]) -> list[Answer]:
        """Make calls; return their answers in the same order."""
        count = 0
        for count, call in enumerate(calls, start=1):
            self.pool.submit(call, count)
        answers: dict[int, Answer] = {}
        while len(answers) < count:
            answers |= {tag: answer for tag, _, answer in self.pool.wait()}
        return [answers[tag] for tag in sorted(answers)]


class _OpenFiles(_Supervisor):
    """Opens files and cuts them into page ranges; passes on what is held and what cannot be opened."""

    def __init__(self, setup: Setup, plan: Plan, held: frozenset[str], pages_per_task: int) -> None:
        super().__init__(setup, plan.deadline)
        self.plan, self.held, self.pages_per_task = plan, held, pages_per_task

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> Iterator[dict[str, list[Any]]]:
        for number, packed in zip(batch["file"].tolist(), batch["item"].tolist(), strict=True):
            for item in self.opened(pickle.loads(packed)):
                yield {"file": [number], "item": [pickle.dumps(item)]}

    def opened(self, file: FoundFile) -> Iterator[Held | Failure | _Range]:
        (answer,) = self.ask([Call(file)])
        if not isinstance(answer, Opened):
            assert isinstance(answer, Failure)
            yield answer
        elif answer.source.doc_id in self.held:
            yield Held(answer.source)
        else:
            numbers = tuple(self.plan.numbers(answer.source, answer))
            for at in range(0, max(len(numbers), 1), self.pages_per_task):
                yield _Range(answer, numbers[at : at + self.pages_per_task])


class _ReadPages(_Supervisor):
    """Reads page ranges into the cache: rasterizer and engine in one process, models loaded once."""

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[Any]]:
        items = [self.read(pickle.loads(packed)) for packed in batch["item"].tolist()]
        return {"file": batch["file"].tolist(), "item": [pickle.dumps(item) for item in items]}

    def read(self, item: Held | Failure | _Range) -> Held | Failure | _Range:
        if not isinstance(item, _Range):
            return item
        answers = self.ask(Call(item.opened.source, number) for number in item.numbers)
        return _Range(item.opened, item.numbers, tuple(answers))


class _Gatherer:
    """Makes what is to be made of each document; its models are loaded once."""

    def __init__(self, gather: Gather[Any], identity: Identity) -> None:
        self._gather, self.identity = gather, identity

    def gather(self, pages: DocumentPages) -> Any:
        try:
            return self._gather(pages, self.identity)
        except Exception as error:
            return Failure.of(error, pages.source.uri, None, "chunk")

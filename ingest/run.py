"""Reading on this machine: worker processes, deadlines per page, failures as values.

A page is the unit of work. Workers put page results into the content-addressed cache and send back only how it went,
so neither pixels nor words pass between processes; this process gathers pages from the cache and assembles documents
in the order of the sources. A page that outlives its deadline is ended with its worker, which is replaced.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loaders.cache import Cache
from loaders.document import Document, Failure
from loaders.errors import OcrIngestError, PageTimeout, UsageError
from loaders.pipeline import assemble, read_numbered, with_raster
from loaders.reading import Reader
from loaders.settings import Settings

if TYPE_CHECKING:
    from pebble import ProcessFuture, ProcessPool

    from loaders.sources import Source
    from loaders.tokens import TokenBudget

RECYCLE_AFTER = 500
"""Pages a worker reads before it is replaced, so that what native libraries leak is given back."""


@dataclass(frozen=True, slots=True)
class PageEvent:
    """One page came back: read now, or found in the cache."""

    source: str
    number: int
    total: int
    cached: bool
    seconds: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """One document came back, with how many of its pages were read now and how many were in the cache."""

    origin: Source
    document: Document
    pages_read: int
    pages_cached: int


@dataclass(frozen=True, slots=True)
class _Opened:
    pages: int
    title: str


@dataclass(frozen=True, slots=True)
class _PageDone:
    key: str
    label: str
    cached: bool
    seconds: float


def read_documents(
    sources: Iterable[Source | Failure],
    settings: Settings,
    cache: Cache | None = None,
    *,
    workers: int = 1,
    deadline: float | None = None,
    budgets: Sequence[TokenBudget] = (),
    pages: Sequence[int] | None = None,
    on_page: Callable[[PageEvent], None] | None = None,
) -> Iterator[DocumentRead | Failure]:
    """Read sources in worker processes; yield documents and whole-file failures in the order of the sources.

    `deadline` is in seconds per page, from the moment a worker takes it up. `pages` are 1-based numbers to read of
    each document. Raises UsageError for a senseless number of workers and EngineNotReady when the engine is.
    """
    if workers < 1:
        raise UsageError(f"workers={workers}; at least one process has to read")
    if deadline is not None and deadline <= 0:
        raise UsageError(f"deadline={deadline}; give seconds per page, more than 0")
    reader = Reader(settings)  # fails here, once, when the engine is not ready
    with contextlib.ExitStack() as stack:
        if cache is None:
            cache = Cache(stack.enter_context(tempfile.TemporaryDirectory(prefix="ocr-ingest-")))
        pool = stack.enter_context(_pool(workers, settings, cache.directory))
        stack.callback(pool.stop)
        run = _Run(pool, reader, cache, workers, deadline, pages, on_page)
        for job in run.finished(sources):
            yield job if isinstance(job, Failure) else _assembled(job, reader, cache, budgets, whole=pages is None)


def _pool(workers: int, settings: Settings, cache_dir: str) -> ProcessPool:
    from pebble import ProcessPool

    return ProcessPool(
        max_workers=workers,
        max_tasks=RECYCLE_AFTER,
        initializer=_start_worker,
        initargs=(settings, cache_dir),
        context=multiprocessing.get_context("spawn"),  # forking a process that holds MuPDF or CUDA is not safe
    )


@dataclass(slots=True)
class _Job:
    """A document on its way: what was asked for, what has come back."""

    source: Source
    opening: ProcessFuture | None = None
    opened: _Opened | None = None
    waiting: deque[int] = field(default_factory=deque)
    running: int = 0
    pages: dict[int, _PageDone] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def done(self) -> bool:
        return self.failure is not None or (self.opened is not None and not self.waiting and not self.running)


class _Run:
    """Keeps the workers busy over several documents at once and hands finished ones on in order."""

    def __init__(
        self,
        pool: ProcessPool,
        reader: Reader,
        cache: Cache,
        workers: int,
        deadline: float | None,
        pages: Sequence[int] | None,
        on_page: Callable[[PageEvent], None] | None,
    ) -> None:
        self.pool, self.reader, self.cache, self.deadline, self.wanted = pool, reader, cache, deadline, pages
        self.on_page = on_page
        self.capacity = 2 * workers  # one page in hand and one waiting per worker: enough to keep it busy
        self.futures: dict[ProcessFuture, tuple[_Job, int | None]] = {}

    def finished(self, sources: Iterable[Source | Failure]) -> Iterator[_Job | Failure]:
        upcoming = iter(sources)
        jobs: deque[_Job | Failure] = deque()
        more = True
        while more or jobs:
            while more and len(self.futures) < self.capacity and len(jobs) < self.capacity:
                item = next(upcoming, None)
                if item is None:
                    more = False
                else:
                    jobs.append(item if isinstance(item, Failure) else self._open(item))
                self._fill(jobs)
            self._fill(jobs)
            while jobs and (isinstance(jobs[0], Failure) or jobs[0].done):
                job = jobs.popleft()
                yield job.failure if isinstance(job, _Job) and job.failure else job
            if self.futures:
                wait(self.futures, return_when=FIRST_COMPLETED)
                for future in [future for future in self.futures if future.done()]:
                    self._collect(future)

    def _open(self, source: Source) -> _Job:
        job = _Job(source)
        self._submit(job, None, _open_in_worker, source)
        return job

    def _fill(self, jobs: Iterable[_Job | Failure]) -> None:
        for job in jobs:
            while isinstance(job, _Job) and job.waiting and len(self.futures) < self.capacity:
                number = job.waiting.popleft()
                job.running += 1
                self._submit(job, number, _read_in_worker, job.source, number)

    def _submit(self, job: _Job, number: int | None, task: Callable[..., Any], *args: Any) -> None:
        future = self.pool.schedule(task, args=list(args), timeout=self.deadline)
        self.futures[future] = (job, number)

    def _collect(self, future: ProcessFuture) -> None:
        job, number = self.futures.pop(future)
        result = self._outcome(future, job.source.uri, number)
        if number is None:
            self._start(job, result)
            return
        job.running -= 1
        failed = isinstance(result, Failure)
        (job.failures if failed else job.pages)[number] = result
        if self.on_page and job.opened:
            cached, seconds = (False, 0.0) if failed else (result.cached, result.seconds)
            self.on_page(PageEvent(job.source.uri, number, job.opened.pages, cached, seconds, failed))

    def _start(self, job: _Job, result: Any) -> None:
        if isinstance(result, Failure):
            job.failure = result
            return
        job.opened = result
        numbers = range(1, result.pages + 1) if self.wanted is None else self.wanted
        if beyond := [n for n in numbers if not 1 <= n <= result.pages]:
            raise UsageError(f"no page {beyond[0]} in {job.source.uri}: it has pages 1 to {result.pages}")
        job.waiting.extend(numbers)

    def _outcome(self, future: ProcessFuture, source: str, number: int | None) -> Any:
        from pebble import ProcessExpired

        what = "the file" if number is None else f"page {number}"
        try:
            return future.result()
        except TimeoutError:
            late = PageTimeout(f"{what} was not done within {self.deadline:g} s and was ended")
            return Failure.of(late, source, number, "deadline")
        except ProcessExpired as error:
            died = OcrIngestError(f"the worker process died on {what} (exit code {error.exitcode})")
            return Failure.of(died, source, number, "worker")
        except CancelledError as error:
            return Failure.of(error, source, number, "worker")


def _assembled(
    job: _Job, reader: Reader, cache: Cache, budgets: Sequence[TokenBudget], *, whole: bool
) -> DocumentRead | Failure:
    pages, failures, source = [], dict(job.failures), job.source
    for number, done in sorted(job.pages.items()):
        page = cache.get(done.key, number=number, label=done.label, source=source.uri)
        if page is None:
            failures[number] = Failure(source.uri, number, "worker", "the page's result vanished from the cache")
        else:
            pages.append(with_raster(page, source, reader.settings))
    assert job.opened is not None
    try:
        document = assemble(
            pages,
            [failures[n] for n in sorted(failures)],
            source=source,
            title=job.opened.title,
            total_pages=job.opened.pages,
            settings=reader.settings,
            config_id=reader.config_id(budgets),
            budgets=budgets,
        )
        if whole:
            cache.put_document(document)
    except Exception as error:
        return Failure.of(error, source.uri, None, "chunk")
    cached = sum(done.cached for done in job.pages.values())
    return DocumentRead(source, document, len(pages) - cached, cached)


# -- in a worker process ----------------------------------------------------------------------------------------------

_WORKER: _Worker | None = None


class _Worker:
    """What a worker process keeps between pages: the engine, the cache, the document last opened."""

    def __init__(self, settings: Settings, cache_dir: str) -> None:
        self.reader = Reader(settings)
        if settings.text != "layer":
            with contextlib.suppress(OcrIngestError):  # each page that needs the engine will say what is wrong
                self.reader.warm_up()
        self.cache = Cache(cache_dir)
        self.stack = contextlib.ExitStack()
        self.source: Source | None = None
        self.document: Any = None

    def open(self, source: Source) -> Any:
        from loaders.rasterize import open_document

        if source != self.source:
            self.stack.close()
            self.source = None
            self.document = self.stack.enter_context(open_document(source, self.reader.settings))
            self.source = source
        return self.document


def _start_worker(settings: Settings, cache_dir: str) -> None:
    global _WORKER
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _WORKER = _Worker(settings, cache_dir)


def _worker() -> _Worker:
    assert _WORKER is not None
    return _WORKER


def _open_in_worker(source: Source) -> _Opened | Failure:
    try:
        document = _worker().open(source)
        return _Opened(document.page_count, document.title)
    except Exception as error:
        return Failure.of(error, source.uri, None, "open")


def _read_in_worker(source: Source, number: int) -> _PageDone | Failure:
    started = time.perf_counter()
    worker = _worker()
    try:
        document = worker.open(source)
    except Exception as error:
        return Failure.of(error, source.uri, number, "open")
    read = read_numbered(document, number, source, worker.reader, worker.cache)
    if isinstance(read, Failure):
        return read
    return _PageDone(read.page.key, read.page.label, read.cached, time.perf_counter() - started)

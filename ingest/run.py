"""The plan on this machine: worker processes read pages, this process gathers documents in the order of the files."""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ingest.plan import (
    DocumentPages,
    DocumentRead,
    Gather,
    Held,
    Identity,
    PageEvent,
    Plan,
    gathered,
    nothing_held,
)
from ingest.workers import Answer, Call, Opened, Setup, WorkerPool
from loaders.cache import Cache
from loaders.document import Failure
from loaders.errors import SourceError, UsageError
from loaders.settings import Settings
from loaders.sources import FoundFile, Source

T = TypeVar("T")


def read_documents(
    sources: Iterable[FoundFile | Source | Failure],
    settings: Settings,
    cache: Cache | None = None,
    *,
    workers: int = 1,
    deadline: float | None = None,
    pages: Sequence[int] | None = None,
    on_page: Callable[[PageEvent], None] | None = None,
) -> Iterator[DocumentRead | Failure]:
    """Read sources in worker processes; yield documents and whole-file failures in the order of the sources.

    `deadline` is in seconds per page, from the moment a worker takes it up. `pages` are 1-based numbers to read of
    each document. Raises UsageError for a senseless number of workers and EngineNotReady when the engine is.
    """
    local = Local(workers)
    with contextlib.ExitStack() as stack:
        folder = cache.directory if cache else stack.enter_context(tempfile.TemporaryDirectory(prefix="ocr-ingest-"))
        plan = Plan(settings, folder, deadline=deadline, pages=None if pages is None else tuple(pages))
        for result in local.run(plan, sources, partial(gathered, plan=plan), held=nothing_held, on_page=on_page):
            assert not isinstance(result, Held)
            yield result


@dataclass(frozen=True, slots=True)
class Local:
    """Carries out a plan with worker processes of this machine."""

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers={self.workers}; at least one process has to read")

    def run(
        self,
        plan: Plan,
        files: Iterable[FoundFile | Source | Failure],
        gather: Gather[T],
        *,
        held: Callable[[Identity], Collection[str]],
        on_page: Callable[[PageEvent], None] | None = None,
    ) -> Iterator[T | Held | Failure]:
        """Yield what `gather` makes of each document, and failures, in the order of the files."""
        identity = plan.identity()
        setup = Setup(plan.settings, plan.cache, identity.reading_id)
        with WorkerPool(setup, workers=self.workers, deadline=plan.deadline) as pool:
            run = _Run(pool, plan, held(identity), on_page)
            for item in run.finished(files):
                yield gather(item, identity) if isinstance(item, DocumentPages) else item


@dataclass(slots=True)
class _Job:
    """A document on its way: what was asked for, what has come back."""

    source: Source
    waiting: deque[int] = field(default_factory=deque)
    pages: DocumentPages | None = None
    result: DocumentPages | Failure | None = None


class _Run:
    """Keeps the workers busy over several documents at once and hands finished ones on in order."""

    def __init__(
        self, pool: WorkerPool, plan: Plan, held: Collection[str], on_page: Callable[[PageEvent], None] | None
    ) -> None:
        self.pool, self.plan, self.held, self.on_page = pool, plan, held, on_page
        self.capacity = 2 * pool.workers  # one page in hand and one waiting per worker: enough to keep it busy

    def finished(self, files: Iterable[FoundFile | Source | Failure]) -> Iterator[DocumentPages | Held | Failure]:
        upcoming = iter(files)
        jobs: deque[_Job | Held | Failure] = deque()
        more = True
        while more or jobs:
            while more and len(self.pool) < self.capacity and len(jobs) < self.capacity:
                item = next(upcoming, None)
                if item is None:
                    more = False
                else:
                    jobs.append(self._open(item))
                self._fill(jobs)
            self._fill(jobs)
            while jobs and (not isinstance(jobs[0], _Job) or jobs[0].result):
                job = jobs.popleft()
                result = job.result if isinstance(job, _Job) else job
                assert result is not None
                yield result
            if len(self.pool):
                for job, call, answer in self.pool.wait():
                    self._take(job, call, answer)

    def _open(self, item: FoundFile | Source | Failure) -> _Job | Held | Failure:
        if isinstance(item, Failure):
            return item
        try:
            source = item.open() if isinstance(item, FoundFile) else item
        except SourceError as error:
            return Failure.of(error, item.uri, None, "open")
        if source.doc_id in self.held:
            return Held(source)
        job = _Job(source)
        self.pool.submit(Call(source), job)
        return job

    def _fill(self, jobs: Iterable[_Job | Held | Failure]) -> None:
        for job in jobs:
            while isinstance(job, _Job) and job.waiting and len(self.pool) < self.capacity:
                self.pool.submit(Call(job.source, job.waiting.popleft()), job)

    def _take(self, job: _Job, call: Call, answer: Answer) -> None:
        if isinstance(answer, Opened):
            numbers = self.plan.numbers(job.source, answer)
            job.pages = DocumentPages(job.source, answer, set(numbers))
            job.waiting.extend(numbers)
        elif job.pages is None:
            assert isinstance(answer, Failure)
            job.result = answer
            return
        else:
            assert call.number is not None
            event = job.pages.note(call.number, answer)
            if self.on_page:
                self.on_page(event)
        if job.pages.complete:
            job.result = job.pages

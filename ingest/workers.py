"""Processes that open files and read pages, and can be ended: what every executor reads with.

A call goes in (open this file, read this page), an answer comes out: what was found, or a Failure. Page results go
into the cache, so that neither pixels nor words pass between processes. A page that outlives its deadline is ended
with its process; a process that dies is replaced and what it was doing is tried once more, in case it died of
something else.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from loaders.cache import Cache
from loaders.document import Failure
from loaders.errors import EngineError, OcrIngestError, PageTimeout
from loaders.pipeline import read_numbered
from loaders.reading import Reader
from loaders.settings import Settings
from loaders.sources import FoundFile, Source

if TYPE_CHECKING:
    from pebble import ProcessFuture, ProcessPool

RECYCLE_AFTER = 500
"""Pages a process reads before it is replaced, so that what native libraries leak is given back."""
ATTEMPTS = 2
"""How often a call is made whose process dies: the first death may be another's fault, a second one is its own."""
BREAKS = 3
"""How often in a row the processes may die before they take up any call."""
PATROL = 1.0
"""Seconds between looks at whether the processes are still there."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process has to know to read: how, into which cache, and as which reading; `cache` "" only opens files."""

    settings: Settings
    cache: str = ""
    reading_id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What a process is asked: read page `number` (1-based) of a file, or open it where that is None."""

    file: FoundFile | Source
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that could be opened. The source is without its bytes."""

    source: Source
    pages: int
    title: str


@dataclass(frozen=True, slots=True)
class PageDone:
    """A page whose result lies in the cache under `key`, and whether it did before."""

    key: str
    label: str
    cached: bool
    seconds: float


Answer = Opened | PageDone | Failure


@dataclass(slots=True)
class _Errand:
    call: Call
    tag: Any
    attempts: int = 0


class WorkerPool:
    """Processes that answer calls in any order; a context manager, and their end when it closes."""

    def __init__(self, setup: Setup, *, workers: int = 1, deadline: float | None = None) -> None:
        """`deadline` is in seconds per call, from the moment a process takes it up."""
        self.setup, self.workers, self.deadline = setup, workers, deadline
        self._errands: dict[ProcessFuture, _Errand] = {}
        self._breaks = 0

    def __enter__(self) -> WorkerPool:
        self._stack = contextlib.ExitStack()
        # what processes fetch goes with the pool, however they end
        self._spool = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ocr-ingest-"))
        self._pool = self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._keeper.join()
        self._stack.close()

    def __len__(self) -> int:
        """Count the calls without an answer."""
        return len(self._errands)

    def submit(self, call: Call, tag: Any = None) -> None:
        """Make a call; `wait` gives the answer with the tag."""
        self._send(_Errand(call, tag))

    def wait(self) -> list[tuple[Any, Call, Answer]]:
        """Wait until something has happened; return the answers there are, which may be none."""
        wait(self._errands, timeout=PATROL, return_when=FIRST_COMPLETED)
        done = [future for future in self._errands if future.done()]
        answers = []
        for future in done:
            errand = self._errands.pop(future)
            answer = self._answer(future, errand)
            if answer is not None:
                self._breaks = 0
                answers.append((errand.tag, errand.call, answer))
        if not done and not self._pool.active:
            answers += self._restart()
        return answers

    def _send(self, errand: _Errand) -> None:
        try:
            future = self._pool.schedule(answer_call, args=[errand.call], timeout=self.deadline)
        except RuntimeError:  # a process died without a call in hand, which ends the whole pool
            self._replace()
            future = self._pool.schedule(answer_call, args=[errand.call], timeout=self.deadline)
        self._errands[future] = errand

    def _answer(self, future: ProcessFuture, errand: _Errand) -> Answer | None:
        """Return what came of a call; None when it is made again."""
        from pebble import ProcessExpired

        call = errand.call
        what = "the file" if call.number is None else f"page {call.number}"
        try:
            answer: Answer = future.result()
            return answer
        except TimeoutError:
            late = PageTimeout(f"{what} was not done within {self.deadline:g} s and was ended")
            return Failure.of(late, call.file.uri, call.number, "deadline")
        except BrokenProcessPool:
            return self._again(errand, f"the worker processes died before they took up {what}", BREAKS)
        except ProcessExpired as error:
            return self._again(errand, f"the worker process died on {what} (exit code {error.exitcode})", ATTEMPTS)
        except (CancelledError, Exception) as error:
            return Failure.of(error, call.file.uri, call.number, "worker")

    def _again(self, errand: _Errand, reason: str, attempts: int) -> Failure | None:
        errand.attempts += 1
        if errand.attempts < attempts:
            self._send(errand)
            return None
        died = OcrIngestError(f"{reason}, {errand.attempts} times")
        return Failure.of(died, errand.call.file.uri, errand.call.number, "worker")

    def _restart(self) -> list[tuple[Any, Call, Answer]]:
        """Start anew after the pool broke; make its calls again, or give them up when that has been no use."""
        errands = list(self._errands.values())
        self._errands.clear()
        self._breaks += 1
        self._replace()
        if self._breaks < BREAKS:
            for errand in errands:
                self._send(errand)
            return []
        died = OcrIngestError("the worker processes die before they take up any work; is there enough memory?")
        return [(e.tag, e.call, Failure.of(died, e.call.file.uri, e.call.number, "worker")) for e in errands]

    def _replace(self) -> None:
        self._stopping.set()
        self._keeper.join()
        self._pool = self._started()

    def _started(self) -> ProcessPool:
        """Start the processes from a thread that lives as long as they should: they die with the thread (see below)."""
        from pebble import ProcessPool

        pool = ProcessPool(
            max_workers=self.workers,
            max_tasks=RECYCLE_AFTER,
            initializer=_start_worker,
            initargs=(self.setup, self._spool),
            context=multiprocessing.get_context("spawn"),  # forking a process that holds MuPDF or CUDA is not safe
        )
        running, self._stopping = threading.Event(), threading.Event()
        self._keeper = threading.Thread(target=_keep, args=(pool, running, self._stopping), daemon=True)
        self._keeper.start()
        running.wait()
        return pool


def _keep(pool: ProcessPool, running: threading.Event, stopping: threading.Event) -> None:
    pool.active  # noqa: B018  (asking starts it)
    running.set()
    stopping.wait()
    pool.stop()
    pool.join()


# -- in a worker process ----------------------------------------------------------------------------------------------

_WORKER: _Worker | None = None


class _Worker:
    """What a process keeps between calls: the engine, the cache, the file last opened."""

    def __init__(self, setup: Setup) -> None:
        self.settings = setup.settings
        self.stack = contextlib.ExitStack()
        self.file: FoundFile | Source | None = None
        if not setup.cache:
            return
        self.reader = Reader(setup.settings)
        self.foreign = self.reader.reading_id != setup.reading_id
        if setup.settings.text != "layer":
            with contextlib.suppress(OcrIngestError):  # each page that needs the engine will say what is wrong
                self.reader.warm_up()
        self.cache = Cache(setup.cache)

    def open(self, file: FoundFile | Source) -> tuple[Source, Any]:
        from loaders.rasterize import open_document

        if file != self.file:
            self.stack.close()
            self.file = None
            self.source = file.open() if isinstance(file, FoundFile) else file.attached()
            if self.source is not file:
                self.stack.callback(self.source.discard)
            self.document: Any = self.stack.enter_context(open_document(self.source, self.settings))
            self.file = file
        return self.source, self.document


def _start_worker(setup: Setup, spool: str) -> None:
    global _WORKER
    _die_with_parent()
    tempfile.tempdir = spool
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _WORKER = _Worker(setup)


def _die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends, however it ends: a page may hang."""
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def answer_call(call: Call) -> Answer:
    """Open a file or read a page into the cache; trouble is a Failure."""
    worker = _WORKER
    assert worker is not None
    started = time.perf_counter()
    try:
        source, document = worker.open(call.file)
        if call.number is None:
            return Opened(source.detached(), document.page_count, document.title)
    except Exception as error:
        return Failure.of(error, call.file.uri, call.number, "open")
    if worker.foreign:
        other = EngineError("this worker reads in another way than was planned: another version, models or hardware")
        return Failure.of(other, source.uri, call.number, "worker")
    read = read_numbered(document, call.number, source, worker.reader, worker.cache)
    if isinstance(read, Failure):
        return read
    return PageDone(read.page.key, read.page.label, read.cached, time.perf_counter() - started)

"""Worker processes that measure items: a crash or a hang of one item ends that item, not the evaluation.

Comes in: tasks, and a function that does one. Goes out: (task, result) or (task, Unfinished) as they come back.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from loaders.errors import EngineNotReady, UsageError

if TYPE_CHECKING:
    from pebble import ProcessFuture, ProcessPool

Task = TypeVar("Task")
RECYCLE_AFTER = 500
"""Tasks a worker does before it is replaced, so that what native libraries leak is given back."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Why a task did not come to an end: "KindOfError: what happened".

    `fatal` says that it would be the same for every item: wrong use, or an engine that is not ready.
    """

    reason: str
    fatal: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Unfinished:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return cls(reason, isinstance(error, (UsageError, EngineNotReady)))


def open_pool(workers: int, start: Callable[..., None], *args: Any, recycle: int = RECYCLE_AFTER) -> ProcessPool:
    """Open a pool of fresh processes, each of which runs `start(*args)` first; `recycle=0` never replaces them."""
    from pebble import ProcessPool

    return ProcessPool(
        max_workers=workers,
        max_tasks=recycle,
        initializer=_start,
        initargs=(start, args),
        context=multiprocessing.get_context("spawn"),  # forking a process that holds MuPDF or CUDA is not safe
    )


def _start(start: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")  # it would leave a semaphore behind in every worker
    start(*args)


def outcome(future: ProcessFuture, deadline: float) -> Any:
    """Return a task's result, or Unfinished. Raises EngineNotReady where no task could be done."""
    from pebble import ProcessExpired

    try:
        result = future.result()
    except TimeoutError:
        return Unfinished(f"PageTimeout: not done within {deadline:g} s and ended")
    except ProcessExpired as error:
        return Unfinished(f"OcrIngestError: the worker process died (exit code {error.exitcode})")
    except CancelledError as error:
        return Unfinished.of(error)
    except BaseException:  # Ctrl-C: nobody will ask for this task again
        future.cancel()
        raise
    if isinstance(result, Unfinished) and result.fatal:
        raise EngineNotReady(result.reason)
    return result


def run_tasks(
    pool: ProcessPool, tasks: Iterable[Task], work: Callable[[Task], Any], *, workers: int, deadline: float
) -> Iterator[tuple[Task, Any]]:
    """Do tasks in a pool, twice as many at a time as there are workers; yield each with its result as it comes."""
    upcoming = iter(tasks)
    running: dict[ProcessFuture, Task] = {}
    try:
        while True:
            while len(running) < 2 * workers and (task := next(upcoming, None)) is not None:
                running[pool.schedule(work, args=[task], timeout=deadline)] = task
            if not running:
                return
            wait(running, return_when=FIRST_COMPLETED)
            for future in [future for future in running if future.done()]:
                yield running.pop(future), outcome(future, deadline)
    finally:
        for future in running:
            future.cancel()

"""How long each stage takes, for whoever asks: stages report to a stopwatch, if one is running in their thread.

`with stopwatch() as watch:` listens to what runs inside it; `with timed("detect"):` is how a stage reports. Where
nobody listens that costs one look-up. Times are exclusive: while an inner stage runs, the outer one stands still.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock on the wall, and processor seconds of all threads and of child processes that have ended."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def now() -> Spent:
    """Return both clocks; only differences mean something."""
    try:
        import resource
    except ImportError:  # Windows: child processes are not counted there
        return Spent(time.perf_counter(), time.process_time())
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Spent(time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages))


class Stopwatch:
    """What each stage has spent so far, by name."""

    def __init__(self) -> None:
        self.stages: dict[str, Spent] = {}
        self._running: list[str] = []
        self._since = Spent()

    def _turn(self) -> None:
        """Book the time since the last turn to the innermost stage."""
        moment = now()
        if self._running:
            name = self._running[-1]
            self.stages[name] = self.stages.get(name, Spent()) + (moment - self._since)
        self._since = moment

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside as a stage."""
        self._turn()
        self._running.append(name)
        try:
            yield
        finally:
            self._turn()
            self._running.pop()


_watch: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextlib.contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Listen to the stages that run inside, in this thread."""
    watch = Stopwatch()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def timed(name: str) -> contextlib.AbstractContextManager[None]:
    """Report what runs inside as a stage, if anybody listens."""
    watch = _watch.get()
    return watch.stage(name) if watch is not None else contextlib.nullcontext()

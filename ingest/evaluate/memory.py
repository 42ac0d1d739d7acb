"""How much memory a process and its children take at most, seen from outside."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from ingest.evaluate.extra import needed

EVERY = 0.05
"""Seconds between looks."""
MEGABYTE = 1e6


class MemoryWatch:
    """Looks at processes, children included, while it is open; `peaks` holds the most seen of each, in MB."""

    def __init__(self) -> None:
        self.peaks: dict[int, float] = {}
        self._psutil = needed("psutil")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def add(self, process: int) -> None:
        """Look at one more process."""
        self.peaks.setdefault(process, 0.0)

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            for process in list(self.peaks):
                self.peaks[process] = max(self.peaks[process], self._size(process))

    def _size(self, process: int) -> float:
        try:
            parent = self._psutil.Process(process)
            return sum(one.memory_info().rss for one in (parent, *parent.children(recursive=True))) / MEGABYTE
        except self._psutil.Error:  # it has just ended
            return 0.0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()


def own_peak() -> float:
    """Return the most resident memory this process ever had, in MB; 0 where the system does not say.

    `ru_maxrss` would not do: a fresh process inherits that of the process that started it.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 / MEGABYTE if sizes else 0.0

"""How fast an engine is on batches of pages: pages per second by batch size, by stage, and how busy the GPU was.

Comes in: the pages of the targets, rasterized before the clock starts. Goes out: items with stages "batch 8" and, of
the engine's own stages, "batch 8: detect". Where there is no NVIDIA GPU, gpu_busy is left out.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from itertools import cycle, islice

from ingest.evaluate import stopwatches
from ingest.evaluate.crew import Unfinished, open_pool, outcome
from ingest.evaluate.plan import Way
from ingest.evaluate.results import ItemResult
from ingest.evaluate.targets import Target
from loaders.errors import UsageError
from loaders.timing import now, stopwatch

REPEATS = 5
"""Times a batch is read once it has been read untimed."""
LOOK_MS = 50
"""Milliseconds between two looks at the GPU."""
ALL = "all"


def batched(targets: Sequence[Target], way: Way, sizes: Sequence[int], deadline: float) -> list[ItemResult]:
    """Measure one engine at every batch size, in a process of its own."""
    items = []
    with open_pool(1, stopwatches.start, way, recycle=0) as pool:
        for size in sizes:
            limit = deadline * size * (REPEATS + 1)
            found = outcome(pool.schedule(_read_batches, args=[list(targets), size], timeout=limit), limit)
            scores = {f"batch {size}": {}} if isinstance(found, Unfinished) else found
            failure = found.reason if isinstance(found, Unfinished) else None
            for stage, values in scores.items():
                variant = way.variant(stage=stage)
                items.append(ItemResult(targets[0].pack, "batches", stage, ALL, variant, values, failure))
    return items


def check_sizes(sizes: Sequence[int]) -> None:
    """Raise UsageError for a batch of no page."""
    if wrong := [size for size in sizes if size < 1]:
        raise UsageError(f"batch={wrong[0]}; a batch has at least one page")


def _read_batches(targets: Sequence[Target], size: int) -> dict[str, dict[str, float]] | Unfinished:
    """In the way's process: read one batch again and again."""
    try:
        engine, places = stopwatches.engine(), cycle([(t, n) for t in targets for n in t.pages or (1,)])
        images = [stopwatches.image(target, number) for target, number in islice(places, size)]
        engine.read(images)
        with GpuWatch() as gpu, stopwatch() as watch:
            begun = now()
            for _ in range(REPEATS):
                engine.read(images)
            spent = now() - begun
    except Exception as error:
        return Unfinished.of(error)
    pages = REPEATS * size
    found = {
        f"batch {size}: {stage}": {"seconds_per_page": one.wall / pages, "cpu_seconds_per_page": one.cpu / pages}
        for stage, one in watch.stages.items()
    }
    whole = {"seconds_per_page": spent.wall / pages, "cpu_seconds_per_page": spent.cpu / pages}
    busy = {"gpu_busy": gpu.busy} if gpu.busy is not None else {}
    return {f"batch {size}": whole | {"pages_per_second": pages / spent.wall} | busy, **found}


class GpuWatch:
    """Looks at the first NVIDIA GPU while it is open; `busy` is the share of the time it ran something, then."""

    def __init__(self) -> None:
        self.busy: float | None = None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> GpuWatch:
        if program := shutil.which("nvidia-smi"):
            asked = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0", f"-lms={LOOK_MS}"]
            self._process = subprocess.Popen(
                [program, *asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        lines = self._process.communicate()[0]
        looks = [int(line) for line in lines.split() if line.isdigit()]
        self.busy = sum(looks) / len(looks) / 100 if looks else None

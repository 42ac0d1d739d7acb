"""In the process of one way of reading: how long its stages take. Every function here runs there.

A Target or a page of it comes in; a Reply with times goes out, never pixels or words.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.evaluate.crew import Unfinished
from ingest.evaluate.memory import own_peak
from ingest.evaluate.plan import Way
from ingest.evaluate.predict import Predictor, Unreadable
from ingest.evaluate.targets import Target
from loaders.errors import UsageError
from loaders.timing import Spent, now, stopwatch

if TYPE_CHECKING:
    from ingest.index import Index
    from loaders.document import Document, PageImage
    from loaders.ocr import OcrEngine

TOTAL = "total"
WORDS = ""
"""Name of the stage from the image in memory to words, models loaded before."""
Times = dict[str, Spent]
"""Times by stage."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a process says: who it is, the most memory it has had (MB), and times by stage."""

    process: int
    peak: float
    times: Times
    pages: int = 1


class _Bench:
    """What the process keeps: the way's reader, the documents read, an index of its own."""

    def __init__(self, way: Way) -> None:
        self.way, self.predictor = way, Predictor(way)
        self.documents: dict[str, Document] = {}
        self.stack = contextlib.ExitStack()

    @cached_property
    def index(self) -> Index:
        from ingest.index import Index

        return Index(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="ocr-ingest-speed-")))

    def image(self, target: Target, number: int) -> PageImage:
        from loaders.rasterize import open_document
        from loaders.sources import open_source

        source, settings = open_source(target.file), self.predictor.reader.settings
        with open_document(source, settings) as document, contextlib.closing(document.page(number - 1)) as page:
            return page.image()

    def page(self, target: Target, number: int) -> Times:
        """Time the engine on a page that is in memory already."""
        if self.predictor.converter is not None or self.way.text == "layer":  # neither reads an image
            return {}
        image, engine = self.image(target, number), self.predictor.reader.engine
        begun = now()
        engine.read([image])
        return {WORDS: now() - begun}

    def file(self, target: Target) -> tuple[Times, int]:
        """Time the whole path from the file to chunks, and each stage of it."""
        numbers = target.pages or None
        if self.predictor.converter is not None:
            found = self.predictor.converter.convert(Path(target.file), numbers or (1,))
            return {TOTAL: found.spent}, len(numbers or (1,))
        from ingest.embed import open_embedder

        budgets = open_embedder().budgets()
        begun = now()
        with stopwatch() as watch:
            document = self.predictor.document(Path(target.file), budgets=budgets, pages=numbers)
            total = now() - begun
        if document.failures:
            raise Unreadable("; ".join(f"{failure.stage}: {failure.error}" for failure in document.failures))
        self.documents[target.id] = document
        return {**watch.stages, TOTAL: total}, len(document.pages)

    def indexed(self, target: Target) -> tuple[Times, int]:
        """Time embedding and writing the chunks of a file that was read."""
        document = self.documents.get(target.id)
        if document is None or not document.chunks:
            return {}, 1
        self.index.embedder.embed(["warm"])
        self.index.sources()
        len(self.index)  # its tables are there now
        with stopwatch() as watch, watch.stage("index"):
            self.index.add(document, target.file)
        return dict(watch.stages), len(document.pages)


_BENCH: _Bench | None = None


def start(way: Way) -> None:
    """Open the way's reader in this process."""
    global _BENCH
    _BENCH = _Bench(way)


def read_document(target: Target) -> Document:
    """Read a file in this process, in its way. Raises UsageError for a yardstick, which gives no chunks."""
    assert _BENCH is not None
    if _BENCH.predictor.converter is not None:
        raise UsageError(f"{_BENCH.way.name} gives no chunks")
    return _BENCH.predictor.document(Path(target.file), pages=target.pages or None)


def engine() -> OcrEngine:
    """Return the engine of this process's way. Raises UsageError for a way that reads no images."""
    assert _BENCH is not None
    return _BENCH.predictor.reader.engine


def image(target: Target, number: int) -> PageImage:
    """Rasterize a page of a file as this process's way does."""
    assert _BENCH is not None
    return _BENCH.image(target, number)


def _replied(work: Callable[[_Bench], Any]) -> Reply | Unfinished:
    assert _BENCH is not None
    try:
        times, pages = work(_BENCH)
    except Exception as error:
        return Unfinished.of(error)
    return Reply(os.getpid(), own_peak(), times, pages)


def warm_up(target: Target) -> Reply | Unfinished:
    """Load models, vocabularies and modules by reading one page both ways, untimed."""

    def work(bench: _Bench) -> tuple[Times, int]:
        first = (target.pages or (1,))[0]
        bench.page(target, first)
        bench.file(replace(target, pages=(first,)))
        return {}, 1

    return _replied(work)


def count_pages(target: Target) -> Reply | Unfinished:
    """Count the pages of a whole file."""

    def work(_: _Bench) -> tuple[Times, int]:
        from loaders.rasterize import open_document
        from loaders.settings import Settings
        from loaders.sources import open_source

        with open_document(open_source(target.file), Settings()) as document:
            return {}, document.page_count

    return _replied(work)


def time_page(target: Target, number: int) -> Reply | Unfinished:
    """Time one page, from the image in memory to words."""
    return _replied(lambda bench: (bench.page(target, number), 1))


def time_file(target: Target) -> Reply | Unfinished:
    """Time a file, from disk to chunks."""
    return _replied(lambda bench: bench.file(target))


def time_index(target: Target) -> Reply | Unfinished:
    """Time embedding and indexing what `time_file` read last of a file."""
    return _replied(lambda bench: bench.indexed(target))


def read_only(target: Target) -> Reply | Unfinished:
    """Read a file to chunks; who asks keeps the time."""
    return _replied(lambda bench: bench.file(target))

"""The main job: paths become an index. What is in the index already is not read again.

A source whose bytes are in the index, read and cut in the same way, costs one hash. A source that changed is read anew,
but only its changed pages are: the others come from the page cache.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from ingest.index import prepare
from ingest.plan import DocumentPages, Executor, Held, Identity, PageEvent, Plan, Shard, gathered, nothing_held
from ingest.run import Local
from loaders.cache import Cache
from loaders.document import Failure, Ledger
from loaders.errors import UsageError
from loaders.settings import Settings
from loaders.sources import FoundFile, find_files

if TYPE_CHECKING:
    from ingest.embed import Embedder
    from ingest.index import Index, Prepared
    from loaders.sources import Source

DEADLINE = 120.0
"""Seconds a page may take by default: far beyond any honest page, so that only a hanging one is ended."""
WRITTEN_TOGETHER = 512
"""Chunks from which the documents that are ready are written: what a run that is killed has to embed once more."""
WAITING = 10.0
"""Seconds for which a document that is ready waits for others before it is written."""


@dataclass(slots=True)
class Count:
    """How many were added, were there unchanged, or failed."""

    added: int = 0
    unchanged: int = 0
    failed: int = 0


@dataclass(slots=True)
class AddReport:
    """What `add` did. `words` sums the ledgers of the documents added: recognised = owned + dropped."""

    documents: Count = field(default_factory=Count)
    pages: Count = field(default_factory=Count)
    failures: list[Failure] = field(default_factory=list)
    chunks: int = 0
    words: int = 0
    owned: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def add(
    paths: Any,
    index: Index,
    settings: Settings | None = None,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    deadline: float | None = DEADLINE,
    on_page: Callable[[PageEvent], None] | None = None,
    on_document: Callable[[str], None] | None = None,
) -> AddReport:
    """Read paths (files, directories, globs, URLs) into an index; returns what was done.

    Pages are read by `workers` processes of this machine, or by an `executor` (`ingest.ray_run.Ray`); this process
    alone writes the index. `deadline` is in seconds per page; `on_page` and `on_document` are told of progress.
    Raises UsageError when no path names anything, EngineNotReady when the engine is not.
    """
    embedder = index.embedder
    plan = Plan(settings or Settings(), index.cache.directory, embedder.budgets(), deadline)
    held: set[str] = set()

    def look_up(identity: Identity) -> Collection[str]:
        held.update(index.held(identity.config_id))
        return held

    report = AddReport()
    files = _Counted(paths)
    carried_out = executor or Local(workers)
    store = _Store(index, report, held, on_document)
    try:
        for result in carried_out.run(plan, files, Preparation(plan, embedder), held=look_up, on_page=on_page):
            store.take(result)
    finally:
        store.write()
    files.check()
    if report.chunks:
        index.tidy()
    return report


def fill(
    paths: Any,
    cache: str | os.PathLike[str],
    shard: Shard,
    settings: Settings | None = None,
    *,
    workers: int = 1,
    deadline: float | None = DEADLINE,
    on_page: Callable[[PageEvent], None] | None = None,
) -> AddReport:
    """Read one shard's share of the pages into a cache and index nothing; returns what was done.

    Files up to 8 MB belong to one shard by their name, larger ones are dealt out in ranges of 32 pages. When all n
    shards have run on the same paths, `add` with the same cache gathers the documents and reads what is missing.
    """
    plan = Plan(settings or Settings(), Cache(cache).directory, deadline=deadline, shard=shard)
    report = AddReport()
    files = _Counted(paths)
    concerned = (item for item in files if isinstance(item, Failure) or shard.concerns(item))
    for result in Local(workers).run(plan, concerned, _as_they_are, held=nothing_held, on_page=on_page):
        if isinstance(result, Failure):
            _note_failure(report, result)
        elif isinstance(result, DocumentPages):
            _count_pages(report, result)
    files.check()
    return report


class _Counted:
    """The files behind paths, counted as they go by."""

    def __init__(self, paths: Any) -> None:
        self.paths, self.seen = paths, 0

    def __iter__(self) -> Iterator[FoundFile | Source | Failure]:
        for item in find_files(self.paths):
            self.seen += 1
            yield item

    def check(self) -> None:
        if not self.seen:
            raise UsageError("nothing to add: no PDF, PNG, JPEG, TIFF, WebP, BMP or GIF there")


@dataclass(frozen=True, slots=True)
class PreparedRead:
    """A document read and ready to be written, and what the report says of it; nothing to write where no page came."""

    source: Source
    prepared: Prepared | None
    ledger: Ledger
    failures: tuple[Failure, ...]
    pages_read: int
    pages_cached: int


@dataclass(frozen=True, slots=True)
class Preparation:
    """Gathers a document from the cache and embeds its chunks."""

    plan: Plan
    embedder: Embedder

    def __call__(self, pages: DocumentPages, identity: Identity) -> PreparedRead | Failure:
        read = gathered(pages, identity, self.plan)
        if isinstance(read, Failure):
            return read
        document = read.document
        prepared = prepare(document, location(read.origin), self.embedder) if document.pages else None
        return PreparedRead(
            pages.source.detached(),
            prepared,
            document.ledger,
            document.failures,
            read.pages_read,
            read.pages_cached,
        )


class _Store:
    """Writes what was read into the index, small documents together, and keeps the account of it.

    `held` are the documents that need not be read again; those read without a failed page join them.
    """

    def __init__(
        self, index: Index, report: AddReport, held: set[str], told: Callable[[str], None] | None = None
    ) -> None:
        self.index, self.report, self.held, self.told = index, report, held, told or (lambda _: None)
        self._ready: dict[str, PreparedRead] = {}
        self._since = 0.0

    def take(self, result: PreparedRead | Held | Failure) -> None:
        """Take what came of a file; it is in the index after the next `write`, at the latest."""
        if isinstance(result, Failure):
            _note_failure(self.report, result)
            self.told(result.source)
            return
        if result.source.doc_id in self._ready:  # under another path, a moment ago
            self.write()
        if isinstance(result, Held):
            self.report.documents.unchanged += 1
            self.report.pages.unchanged += self.index.attach(result.source.doc_id, location(result.source))
            self.told(result.source.uri)
            return
        self.report.failures += result.failures
        self.report.pages.added += result.pages_read
        self.report.pages.unchanged += result.pages_cached
        self.report.pages.failed += len(result.failures)
        self._put(result)

    def _put(self, result: PreparedRead) -> None:
        source, documents = result.source, self.report.documents
        if result.prepared is None:
            documents.failed += 1
            self.told(source.uri)
        elif source.doc_id in self.held:  # read under another path at the same time
            self.index.attach(source.doc_id, location(source))
            documents.unchanged += 1
            self.told(source.uri)
        else:
            if not result.failures:
                self.held.add(source.doc_id)
            self._since = self._since if self._ready else monotonic()
            self._ready[source.doc_id] = result
            chunks = sum(one.prepared.entry.chunks for one in self._ready.values() if one.prepared)
            if chunks >= WRITTEN_TOGETHER or monotonic() - self._since > WAITING:
                self.write()

    def write(self) -> None:
        """Write the documents that are ready."""
        ready, self._ready = list(self._ready.values()), {}
        if not ready:
            return
        self.report.chunks += self.index.put(*(one.prepared for one in ready if one.prepared))
        for one in ready:
            self.report.documents.added += 1
            self.report.words += one.ledger.words
            self.report.owned += one.ledger.owned
            self.report.dropped.update(dict(one.ledger.dropped))
            self.told(one.source.uri)


def _as_they_are(pages: DocumentPages, identity: Identity) -> DocumentPages:  # noqa: ARG001
    return pages


def _count_pages(report: AddReport, pages: DocumentPages) -> None:
    cached = sum(done.cached for done in pages.done.values())
    report.pages.unchanged += cached
    report.pages.added += len(pages.done) - cached
    report.pages.failed += len(pages.failures)
    report.failures += [pages.failures[number] for number in sorted(pages.failures)]


def _note_failure(report: AddReport, failure: Failure) -> None:
    report.failures.append(failure)
    report.documents.failed += 1


def location(source: Source) -> str:
    """Return what an index knows a source by: its absolute path, or its URL.

    The path was made absolute where the source was found; the directory of the process that asks may be another.
    """
    given = source.uri if source.path is None or source.spooled else source.path
    return source.uri if "://" in source.uri else os.path.abspath(given)  # noqa: PTH100  (a link is a path of its own)


def remove(path: str, index: Index) -> list[str]:
    """Forget a path, or every path under a directory; returns the paths forgotten."""
    place = path if "://" in path else os.path.abspath(path)  # noqa: PTH100
    inside = [e.path for e in index.sources() if e.path == place or e.path.startswith(place.rstrip("/") + "/")]
    return [name for name in sorted(inside) if index.remove(name)]

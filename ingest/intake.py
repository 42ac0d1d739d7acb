"""The main job: paths become an index. What is in the index already is not read again.

A source whose bytes are in the index, read and cut in the same way, costs one hash. A source that changed is read anew,
but only its changed pages are: the others come from the page cache.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.run import DocumentRead, PageEvent, read_documents
from loaders.document import Failure
from loaders.errors import UsageError
from loaders.reading import Reader
from loaders.settings import Settings
from loaders.sources import find_sources

if TYPE_CHECKING:
    from ingest.index import Index
    from loaders.sources import Source

DEADLINE = 120.0
"""Seconds a page may take by default: far beyond any honest page, so that only a hanging one is ended."""


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
    deadline: float | None = DEADLINE,
    on_page: Callable[[PageEvent], None] | None = None,
    on_document: Callable[[str], None] | None = None,
) -> AddReport:
    """Read paths (files, directories, globs, URLs) into an index; returns what was done.

    Raises UsageError when no path names anything, EngineNotReady when the engine is not. `deadline` is in seconds per
    page; `on_page` and `on_document` are told of progress.
    """
    settings = settings or Settings()
    budgets = index.embedder.budgets()
    config_id = Reader(settings).config_id(budgets)
    report = AddReport()
    fresh = _Fresh(index, config_id, report)
    results = read_documents(
        fresh.sources(find_sources(paths)),
        settings,
        index.cache,
        workers=workers,
        deadline=deadline,
        budgets=budgets,
        on_page=on_page,
    )
    for result in results:
        if isinstance(result, Failure):
            _note_failure(report, result)
        else:
            _store(index, result, report)
        if on_document:
            on_document(result.source if isinstance(result, Failure) else result.document.source)
    if not fresh.seen:
        raise UsageError("nothing to add: no PDF, PNG, JPEG, TIFF, WebP, BMP or GIF there")
    if report.chunks:
        index.tidy()
    return report


class _Fresh:
    """Lets through the sources that have to be read; notes those that the index holds already."""

    def __init__(self, index: Index, config_id: str, report: AddReport) -> None:
        self.index, self.config_id, self.report = index, config_id, report
        self.seen = 0

    def sources(self, found: Iterator[Source | Failure]) -> Iterator[Source | Failure]:
        for item in found:
            self.seen += 1
            if isinstance(item, Failure) or not self._held(item):
                yield item

    def _held(self, source: Source) -> bool:
        if not self.index.holds(source.doc_id, self.config_id):
            return False
        pages = self.index.attach(source.doc_id, location(source))
        self.report.documents.unchanged += 1
        self.report.pages.unchanged += pages
        return True


def _store(index: Index, result: DocumentRead, report: AddReport) -> None:
    document = result.document
    report.failures += document.failures
    report.pages.added += result.pages_read
    report.pages.unchanged += result.pages_cached
    report.pages.failed += len(document.failures)
    if not document.pages:
        report.documents.failed += 1
        return
    if index.holds(document.doc_id, document.config_id):  # the same file under another path, a moment ago
        index.attach(document.doc_id, location(result.origin))
        report.documents.unchanged += 1
        return
    report.chunks += index.add(document, location(result.origin))
    report.documents.added += 1
    report.words += document.ledger.words
    report.owned += document.ledger.owned
    report.dropped.update(dict(document.ledger.dropped))


def _note_failure(report: AddReport, failure: Failure) -> None:
    report.failures.append(failure)
    report.documents.failed += 1


def location(source: Source) -> str:
    """Return what an index knows a source by: its absolute path, or its URL."""
    return source.uri if "://" in source.uri else os.path.abspath(source.uri)  # noqa: PTH100  (a link is a path of its own)


def remove(path: str, index: Index) -> list[str]:
    """Forget a path, or every path under a directory; returns the paths forgotten."""
    place = path if "://" in path else os.path.abspath(path)  # noqa: PTH100
    inside = [e.path for e in index.sources() if e.path == place or e.path.startswith(place.rstrip("/") + "/")]
    return [name for name in sorted(inside) if index.remove(name)]

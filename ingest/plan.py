"""The plan: open files, read their pages by ranges into the cache, gather each document from it, hand it to one writer.

Page results go through the content-addressed cache, which is all that executors share: pages may be read in any order,
any number of times, on any machine, and a run that was ended goes on where it was. An executor decides who does the
work (`ingest.run`: processes of this machine; `ingest.ray_run`: a Ray cluster); what is done stands here, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ingest.workers import Opened, PageDone
from loaders.cache import Cache
from loaders.document import Document, Failure
from loaders.errors import UsageError
from loaders.pipeline import assemble, with_raster
from loaders.reading import Reader
from loaders.settings import Settings
from loaders.sources import FoundFile, Source
from loaders.tokens import TokenBudget

PAGES_PER_RANGE = 32
"""Pages dealt out together: few enough that a long document is no straggler, many enough to spread a task's costs."""
DEALT_WHOLE = 8 << 20
"""Files up to this many bytes go to one shard by their name, so that the other shards need not open them."""

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


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
class Identity:
    """The fingerprints of how pages are read and documents cut, where they are: engines differ between machines."""

    reading_id: str
    config_id: str


@dataclass(frozen=True, slots=True)
class Shard:
    """The share of one of `count` jobs that fill a cache between them; `number` is 1-based."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(f"shard {self.number}/{self.count}: write i/n with i from 1 to n")

    @classmethod
    def of(cls, text: str) -> Shard:
        """Read "3/16". Raises UsageError."""
        number, slash, count = text.partition("/")
        if not (slash and number.isdigit() and count.isdigit()):
            raise UsageError(f"shard {text!r}: write i/n, for instance 3/16")
        return cls(int(number), int(count))

    def concerns(self, file: FoundFile | Source) -> bool:
        """Say whether any page of a file can be this shard's, as far as its name and size tell."""
        return not _dealt_whole(file) or self._takes(file.uri)

    def pages(self, file: FoundFile | Source, opened: Opened) -> list[int]:
        """Return this shard's pages of a file: all of a small one, ranges of a large one."""
        numbers = range(1, opened.pages + 1)
        if _dealt_whole(file):
            return list(numbers) if self._takes(file.uri) else []
        return [n for n in numbers if self._takes(opened.source.doc_id, (n - 1) // PAGES_PER_RANGE)]

    def _takes(self, name: str, turn: int = 0) -> bool:
        """Deal from a shard that the name decides, in turns."""
        first = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
        return (first + turn) % self.count == self.number - 1


def _dealt_whole(file: FoundFile | Source) -> bool:
    return file.size is not None and file.size <= DEALT_WHOLE


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with every file, whoever does it.

    `cache` is a directory or fsspec URL that all who read can reach; `deadline` is in seconds per page; `pages` are
    1-based numbers to read of each document, all where None; `shard` leaves the pages of other shards to them.
    """

    settings: Settings
    cache: str
    budgets: Sequence[TokenBudget] = ()
    deadline: float | None = None
    pages: tuple[int, ...] | None = None
    shard: Shard | None = None

    def __post_init__(self) -> None:
        if self.deadline is not None and self.deadline <= 0:
            raise UsageError(f"deadline={self.deadline}; give seconds per page, more than 0")
        if Cache(self.cache).of_this_process:
            raise UsageError(f"cache {self.cache}: other processes cannot see it; give a directory or a store's URL")

    def identity(self) -> Identity:
        """Say how this machine would read and cut. Raises EngineNotReady when the engine is not."""
        reader = Reader(self.settings)
        return Identity(reader.reading_id, reader.config_id(self.budgets))

    def numbers(self, file: FoundFile | Source, opened: Opened) -> list[int]:
        """Return the pages to read of an open file, 1-based. Raises UsageError for a page that it lacks."""
        if self.shard is not None:
            return self.shard.pages(file, opened)
        if self.pages is None:
            return list(range(1, opened.pages + 1))
        if beyond := [n for n in self.pages if not 1 <= n <= opened.pages]:
            raise UsageError(f"no page {beyond[0]} in {file.uri}: it has pages 1 to {opened.pages}")
        return list(self.pages)


@dataclass(slots=True)
class DocumentPages:
    """A document whose pages are coming back: which are in the cache, under which key, and which failed."""

    source: Source
    opened: Opened
    missing: set[int]
    done: dict[int, PageDone] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not self.missing

    def note(self, number: int, answer: PageDone | Failure) -> PageEvent:
        """Take down what came of a page."""
        self.missing.discard(number)
        if isinstance(answer, Failure):
            self.failures[number] = answer
            return PageEvent(self.source.uri, number, self.opened.pages, False, 0.0, failed=True)
        self.done[number] = answer
        return PageEvent(self.source.uri, number, self.opened.pages, answer.cached, answer.seconds)


@dataclass(frozen=True, slots=True)
class Held:
    """A file that need not be read: the index holds its document."""

    source: Source


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """One document came back, with how many of its pages were read now and how many were in the cache."""

    origin: Source
    document: Document
    pages_read: int
    pages_cached: int


class Gather(Protocol[T_co]):
    """Makes something of a document whose pages are in the cache; may run far from where its result is used."""

    def __call__(self, pages: DocumentPages, identity: Identity) -> T_co | Failure: ...


class Executor(Protocol):
    """Carries out the plan: reads the files and yields what `gather` makes of each, as it comes or in their order.

    `held` returns the documents that need not be read. Everything that goes wrong with a file is a Failure among the
    results. Raises UsageError, and EngineNotReady where the engine is not ready where it would run.
    """

    def run(
        self,
        plan: Plan,
        files: Iterable[FoundFile | Source | Failure],
        gather: Gather[T],
        *,
        held: Callable[[Identity], Collection[str]],
        on_page: Callable[[PageEvent], None] | None = None,
    ) -> Iterator[T | Held | Failure]: ...


def nothing_held(identity: Identity) -> Collection[str]:  # noqa: ARG001
    """Say that every file has to be read."""
    return ()


def gathered(pages: DocumentPages, identity: Identity, plan: Plan) -> DocumentRead | Failure:
    """Assemble a document from the cache and store its sidecar there; what cannot be assembled is a Failure."""
    cache, source = Cache(plan.cache), pages.source
    read, failures = [], dict(pages.failures)
    for number, done in sorted(pages.done.items()):
        try:
            page = cache.get(done.key, number=number, label=done.label, source=source.uri)
        except Exception as error:
            failures[number] = Failure.of(error, source.uri, number, "cache")
            continue
        if page is None:
            failures[number] = Failure(source.uri, number, "cache", "the page's result vanished from the cache")
        else:
            read.append(with_raster(page, source, plan.settings))
    try:
        document = assemble(
            read,
            [failures[n] for n in sorted(failures)],
            source=source,
            title=pages.opened.title,
            total_pages=pages.opened.pages,
            settings=plan.settings,
            config_id=identity.config_id,
            budgets=plan.budgets,
        )
        if plan.pages is None:
            cache.put_document(document)
    except Exception as error:
        return Failure.of(error, source.uri, None, "chunk")
    cached = sum(done.cached for done in pages.done.values())
    return DocumentRead(source, document, len(read) - cached, cached)

"""Chunks on disk in LanceDB, embedded in this process: upsert, deletion, full-text, vector and hybrid search.

Two tables. `chunks` holds text, vector and the flat metadata, keyed by chunk_id, which is declared as primary key:
without that concurrent upserts duplicate rows silently (lance#4585). `sources` says which paths hold which document
and is written after the chunks are, so that a killed run is seen as unfinished, never as done. A document under two
paths is stored once and goes when its last path goes.

    DIR/index.json   schema version and embedder      DIR/lance/   the tables      DIR/cache/   page results, sidecars
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ingest.embed import Embedder, embedder_named, open_embedder
from ingest.filters import sql_of
from ingest.question import understood
from ingest.ranking import parted
from ingest.schema import chunk_schema, rows_of, source_schema, table_of
from ingest.search import Hit, Mode, PageRows, Searcher, hit_of, question_vector
from loaders.cache import Cache
from loaders.document import Document
from loaders.errors import StoreError, UsageError
from loaders.files import FileStore
from loaders.naming import document_name
from loaders.timing import timed

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 2
EMBED_BATCH = 256
"""Chunks embedded and written at a time."""
INDEX_VECTORS_FROM = 50_000
"""Below this many rows a flat scan is exact and fast enough; above, IVF_RQ refined to exact distances."""
TIDY_EVERY = 50
"""Commits between compactions: every small upsert leaves a fragment and a version behind."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A path and the document it holds."""

    path: str
    doc_id: str
    config_id: str
    total_pages: int
    failed_pages: int
    chunks: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be written: what its path will hold, and its chunks, embedded, as tables of the schema."""

    entry: SourceEntry
    tables: tuple[pa.Table, ...]


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What an index holds."""

    documents: int
    paths: int
    pages: int
    failed_pages: int
    chunks: int
    embedder: str
    dimension: int


class Index:
    """An index on disk, or at any URL that LanceDB and fsspec both reach."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        embedder: Any = None,
        *,
        create: bool = True,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        """Open an index, or make one. Raises StoreError for no index there, or one made with another embedder.

        `embedder` as in `open_embedder`; where None, the one that the index was made with, as far as its name says how
        to open it, and the packaged one for a new index. `cache` is where page results lie: several indices of the same
        files, cut in different ways, can share one.
        """
        self.directory = os.fspath(directory).rstrip("/")
        self._cache_directory = os.fspath(cache) if cache is not None else cache_of(self.directory)
        self._commits = 0
        self._words_indexed = False
        self.embedder: Embedder = self._settle(embedder, create)

    def _settle(self, asked: Any, create: bool) -> Embedder:
        """Return the embedder; where there is no index yet, note down what makes one."""
        files = FileStore(self.directory)
        if files.exists("index.json"):
            return self._fitting(asked, json.loads(files.read("index.json")))
        if not create:
            raise StoreError(f"no index at {self.directory}; make one: ingest add PATHS --index {self.directory}")
        embedder = open_embedder(asked)
        about = {"schema": SCHEMA, "embedder": embedder.name, "dimension": embedder.dimension}
        files.write("index.json", json.dumps(about).encode())
        return embedder

    def _fitting(self, asked: Any, about: Mapping[str, Any]) -> Embedder:
        """Return the embedder asked for, or else the one this index was made with; the two must be the same."""
        if about["schema"] != SCHEMA:
            raise StoreError(f"{self.directory} has schema {about['schema']}, this version reads {SCHEMA}; add anew")
        embedder = embedder_named(about["embedder"]) if asked is None else open_embedder(asked)
        if embedder is None:
            raise StoreError(
                f"{self.directory} was made with the embedder {about['embedder']!r}: open it with that, "
                f"as Index({self.directory!r}, embedder)"
            )
        if about["embedder"] != embedder.name:
            raise StoreError(
                f"{self.directory} was made with the embedder {about['embedder']!r}, not {embedder.name!r}; "
                "vectors of two models cannot be compared: open it with the first or make another index"
            )
        return embedder

    @cached_property
    def cache(self) -> Cache:
        """The page results and sidecars of this index's documents."""
        return Cache(self._cache_directory)

    @cached_property
    def _db(self) -> Any:
        import lancedb

        return lancedb.connect(f"{self.directory}/lance")

    @cached_property
    def _chunks(self) -> Any:
        return self._db.create_table("chunks", schema=chunk_schema(self.embedder.dimension), exist_ok=True)

    @cached_property
    def _sources(self) -> Any:
        return self._db.create_table("sources", schema=source_schema(), exist_ok=True)

    # -- documents and the paths that hold them -----------------------------------------------------------------------

    def sources(self) -> list[SourceEntry]:
        """List the paths in the index and the document each holds."""
        return [_entry(row) for row in self._sources.search().limit(None).to_list()]

    def holds(self, doc_id: str, config_id: str) -> bool:
        """Say whether a document is in the index, read and cut in this way, with no page missing."""
        where = f"{sql_of({'doc_id': doc_id, 'config_id': config_id})} AND failed_pages = 0"
        return bool(self._sources.count_rows(where))

    def at(self, path: str) -> SourceEntry | None:
        """Return what a path holds, or None."""
        rows = self._sources.search().where(sql_of({"path": path})).limit(1).to_list()
        return _entry(rows[0]) if rows else None

    def held(self, config_id: str) -> set[str]:
        """Return the documents that `holds` says yes to, to be asked many times or far away."""
        where = f"{sql_of({'config_id': config_id})} AND failed_pages = 0"
        rows = self._sources.search().where(where).select(["doc_id"]).limit(None).to_arrow()
        return set(rows.column("doc_id").to_pylist())

    def add(self, document: Document, path: str) -> int:
        """Put a document under a path; returns the number of chunks written. A second time it writes the same rows."""
        return self.put(prepare(document, path, self.embedder))

    def put(self, *prepared: Prepared) -> int:
        """Write prepared documents together; returns the number of chunks written. A second time it writes the same.

        Together, since a commit costs as much as the rows of several small documents. None of them may be there twice.
        """
        import pyarrow as pa

        entries = {one.entry.doc_id: one.entry for one in prepared}
        if tables := [table for one in prepared for table in one.tables]:
            with timed("index"):
                self.write(pa.concat_tables(tables))
        for config_id in {entry.config_id for entry in entries.values()}:
            read = [entry.doc_id for entry in entries.values() if entry.config_id == config_id]
            self._delete(f"{sql_of({'doc_id': read})} AND config_id != '{config_id}'")
        # the same file under other paths has been read anew as well
        others = [replace(entries[known.doc_id], path=known.path) for known in self._entries({"doc_id": [*entries]})]
        self._place([*others, *entries.values()])
        return sum(entry.chunks for entry in entries.values())

    def attach(self, doc_id: str, path: str) -> int:
        """Say that a path, too, holds a document that is in the index; returns the document's pages."""
        known = self._entries({"doc_id": doc_id})
        if not known:
            raise StoreError(f"no document {doc_id} in {self.directory}")
        if all(entry.path != path for entry in known):
            self._place([replace(known[0], path=path)])
        return known[0].total_pages

    def remove(self, path: str) -> bool:
        """Forget a path; its document goes when no other path holds it. Says whether the path was known."""
        entry = self.at(path)
        if entry is None:
            return False
        self._sources.delete(sql_of({"path": path}))
        self._release(entry.doc_id)
        return True

    def _place(self, entries: Sequence[SourceEntry]) -> None:
        """Let paths hold documents, the last one named for a path, and let go of what they held before."""
        by_path = {entry.path: entry for entry in entries}
        before = self._entries({"path": [*by_path]})
        self._write_sources(by_path.values())
        for doc_id in dict.fromkeys(old.doc_id for old in before if old.doc_id != by_path[old.path].doc_id):
            self._release(doc_id)

    def _release(self, doc_id: str) -> None:
        """Delete a document that no path holds; give one that is still held the name of a path that is left."""
        left = self._entries({"doc_id": doc_id})
        if not left:
            self._delete(sql_of({"doc_id": doc_id}))
            return
        name = left[0].path.rstrip("/").rpartition("/")[2]
        self._chunks.update(where=sql_of({"doc_id": doc_id}), values={"source": left[0].path, "file_name": name})

    def _entries(self, where: Mapping[str, str | list[str]]) -> list[SourceEntry]:
        rows = self._sources.search().where(sql_of(where)).limit(None).to_list()
        return sorted(map(_entry, rows), key=lambda entry: entry.path)

    def _write_sources(self, entries: Iterable[SourceEntry]) -> None:
        import pyarrow as pa

        rows = [asdict(entry) | {"name": parted(document_name(entry.path, entry.title))} for entry in entries]
        _upsert(self._sources, "path", pa.Table.from_pylist(rows, source_schema()))

    # -- chunks -----------------------------------------------------------------------------------------------------

    def write(self, rows: pa.Table | Sequence[Mapping[str, Any]]) -> None:
        """Upsert rows of the chunk schema (see schema.py)."""
        table = table_of(rows, self.embedder.dimension) if isinstance(rows, Sequence) else rows
        _upsert(self._chunks, "chunk_id", table)
        self._commits += 1
        if self._commits % TIDY_EVERY == 0:
            self.tidy()

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Delete chunks by id."""
        if chunk_ids:
            self._delete(sql_of({"chunk_id": list(chunk_ids)}))

    def get(self, chunk_ids: Sequence[str]) -> list[Hit]:
        """Return chunks by id, in the order asked for; unknown ids are left out. Their score is 1."""
        if not chunk_ids:
            return []
        rows = self._chunks.search().where(sql_of({"chunk_id": list(chunk_ids)})).limit(None).to_list()
        found = {row["chunk_id"]: hit_of(row, 1.0) for row in rows}
        return [found[chunk_id] for chunk_id in chunk_ids if chunk_id in found]

    def _delete(self, where: str | None) -> None:
        if where and self._chunks.count_rows(where):  # a deletion of nothing would still write a version
            self._chunks.delete(where)

    def tidy(self) -> None:
        """Merge small files and bring the search indices up to date. Call it once after a run of additions."""
        from lancedb.index import FTS, BTree, IvfRq

        if not len(self):
            return
        known = {index.columns[0] for index in self._chunks.list_indices()}
        if "embed_text" not in known:
            self._chunks.create_index("embed_text", config=FTS(stem=True, remove_stop_words=True))
        if not self._sources.list_indices():
            self._sources.create_index("name", config=FTS(stem=True, remove_stop_words=True))
        if "doc_id" not in known:
            self._chunks.create_index("doc_id", config=BTree())
        if "vector" not in known and len(self) >= INDEX_VECTORS_FROM:
            self._chunks.create_index("vector", config=IvfRq(distance_type="cosine"))
        self._chunks.optimize()
        self._sources.optimize()

    def __len__(self) -> int:
        return int(self._chunks.count_rows())

    def stats(self) -> IndexStats:
        """Count what the index holds."""
        entries = self.sources()
        documents = {entry.doc_id: entry for entry in entries}.values()
        return IndexStats(
            documents=len(documents),
            paths=len(entries),
            pages=sum(entry.total_pages for entry in documents),
            failed_pages=sum(entry.failed_pages for entry in documents),
            chunks=len(self),
            embedder=self.embedder.name,
            dimension=self.embedder.dimension,
        )

    # -- search -----------------------------------------------------------------------------------------------------

    def search(self, query: str, k: int = 5, *, mode: Mode = "hybrid", where: Any = None) -> list[Hit]:
        """Return the k best chunks for a question, best first.

        A hybrid search reads the question first (see question.py): how it wants to be answered is left out, periods are
        spelled out, pages it names come first. "vector" and "text" take it as it comes.
        `where` is a dict of metadata (`{"page_number": {">=": 2}, "category": ["table", "text"]}`) or a Lance SQL
        condition; it is applied before ranking. Raises UsageError for an empty query or an unknown mode or key.
        """
        if not query.strip():
            raise UsageError("the query is empty; say what to look for")
        if mode not in get_args(Mode):
            raise UsageError(f"mode={mode!r}; choose one of {', '.join(get_args(Mode))}")
        if k < 1:
            raise UsageError(f"k={k}; ask for at least one hit")
        where = sql_of(where)
        if mode == "text":
            return self._searcher.by_text(query, k, where)
        if mode == "vector":
            return self.search_vector(self.embedder.embed_query(query), k, where=where)
        question = understood(query)
        return self._searcher.by_both(question, question_vector(question, self.embedder), k, where)

    def search_vector(self, vector: Any, k: int = 5, *, where: Any = None) -> list[Hit]:
        """Return the k chunks nearest to a vector; the score is the true cosine."""
        return self._searcher.by_vector(np.asarray(vector, np.float32), k, sql_of(where))

    @property
    def _searcher(self) -> Searcher:
        """What searches; the full-text indices are made where there are chunks and none. Asked until there are."""
        if not self._words_indexed and len(self):
            if not all(table.list_indices() for table in (self._chunks, self._sources)):
                self.tidy()
            self._words_indexed = True
        return Searcher(self._chunks, self._sources, self._page_rows, self._words_indexed)

    @cached_property
    def _page_rows(self) -> PageRows:
        return PageRows(self._chunks)


def cache_of(directory: str) -> str:
    """Return where the page results of an index lie, unless it was told otherwise."""
    return f"{directory.rstrip('/')}/cache"


def prepare(document: Document, path: str, embedder: Embedder) -> Prepared:
    """Embed a document's chunks and make rows of them, for the path that an index will know it by."""
    tables = []
    for start in range(0, len(document.chunks), EMBED_BATCH):
        batch = document.chunks[start : start + EMBED_BATCH]
        with timed("embed"):
            vectors = embedder.embed([chunk.embed_text for chunk in batch])
        tables.append(table_of(rows_of(batch, vectors, path), embedder.dimension))
    entry = SourceEntry(
        path,
        document.doc_id,
        document.config_id,
        document.total_pages,
        failed_pages=sum(failure.page is not None for failure in document.failures),
        chunks=len(document.chunks),
        title=document.title,
    )
    return Prepared(entry, tuple(tables))


def _upsert(table: Any, key: str, rows: pa.Table) -> None:
    table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all().execute(rows)


def _entry(row: Mapping[str, Any]) -> SourceEntry:
    return SourceEntry(**{field.name: row[field.name] for field in fields(SourceEntry)})

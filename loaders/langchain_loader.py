"""LangChain: a blob parser that turns bytes into documents, a loader that brings the bytes, boxes after any splitter.

Each LangChain Document is a chunk (its id the chunk_id), a page, or a whole file; its metadata is flat JSON scalars
without clocks or temporary paths, so that LangChain's indexing finds a second run unchanged.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from langchain_core.document_loaders import BaseBlobParser, BaseLoader
from langchain_core.documents import Document as LangChainDocument
from langchain_core.documents.base import Blob

from loaders.cache import Cache
from loaders.document import Chunk, Document, Failure
from loaders.errors import FailureWarning, OcrIngestError, UsageError
from loaders.metadata import box_metadata, document_metadata, page_metadata
from loaders.ocr import OcrEngine
from loaders.pipeline import open_reader, read_document
from loaders.settings import Settings
from loaders.sources import Source, find_sources, open_source
from loaders.tokens import TokenBudget

By = Literal["chunk", "page", "document"]
OnFailure = Literal["warn", "raise"]


class OcrBlobParser(BaseBlobParser):
    """Parse blobs of PDFs and images into LangChain documents."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        by: By = "chunk",
        engine: OcrEngine | str | None = None,
        cache: Cache | str | None = None,
        budgets: Sequence[TokenBudget] = (),
        on_failure: OnFailure = "warn",
        **options: Any,
    ) -> None:
        """Configure the parser; `options` are fields of Settings.

        `by` says what a LangChain document is. `on_failure`: "warn" issues a FailureWarning for each page or file that
        cannot be read and goes on, "raise" raises OcrIngestError; either way `failures` lists them.
        """
        if by not in ("chunk", "page", "document"):
            raise UsageError(f"by={by!r}; choose chunk, page or document")
        if on_failure not in ("warn", "raise"):
            raise UsageError(f"on_failure={on_failure!r}; choose warn or raise")
        self.reader = open_reader(settings, engine, options)
        self.by, self.on_failure, self.budgets = by, on_failure, tuple(budgets)
        self.cache = Cache(cache) if isinstance(cache, str) else cache
        self.failures: list[Failure] = []

    def lazy_parse(self, blob: Blob) -> Iterator[LangChainDocument]:
        """Yield the documents of one blob. A blob with a path is read from it, not into memory."""
        try:
            given: Any = blob.path if blob.data is None and blob.path is not None else blob.as_bytes()
            source = open_source(given, name=blob.source)
        except (OcrIngestError, OSError) as error:
            self._fail(Failure.of(error, str(blob.source or "blob"), None, "open"))
            return
        yield from self.parse_source(source)

    def parse_source(self, source: Source) -> Iterator[LangChainDocument]:
        """Yield the documents of one source."""
        try:
            document = read_document(source, self.reader, cache=self.cache, budgets=self.budgets)
        except OcrIngestError as error:
            self._fail(Failure.of(error, source.uri, None, "open"))
            return
        for failure in document.failures:
            self._fail(failure)
        yield from documents_of(document, self.by)

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        where = failure.source if failure.page is None else f"{failure.source} page {failure.page}"
        message = f"{where} ({failure.stage}): {failure.error}"
        if self.on_failure == "raise":
            raise OcrIngestError(message)
        warnings.warn(message, FailureWarning, stacklevel=3)


class OcrLoader(BaseLoader):
    """Load PDFs and images as LangChain documents: paths, directories, globs, bytes, file objects, fsspec URLs."""

    def __init__(self, file_path: Any, settings: Settings | None = None, **options: Any) -> None:
        """Name what to load; everything else is as for OcrBlobParser."""
        self.file_path = file_path
        self.parser = OcrBlobParser(settings, **options)

    @property
    def failures(self) -> list[Failure]:
        """What could not be read so far."""
        return self.parser.failures

    def lazy_load(self) -> Iterator[LangChainDocument]:
        """Yield documents file by file; a file is opened when its first document is asked for."""
        for source in find_sources(self.file_path):
            if isinstance(source, Failure):
                self.parser._fail(source)
            else:
                yield from self.parser.parse_source(source)


def documents_of(document: Document, by: By = "chunk") -> Iterator[LangChainDocument]:
    """Yield a document as LangChain documents: its chunks, its pages, or itself."""
    if by == "chunk":
        yield from map(document_of, document.chunks)
    elif by == "page":
        for page in document.pages:
            about = page_metadata(document, page)
            yield LangChainDocument(id=f"{document.doc_id}:{page.number}", page_content=page.text, metadata=about)
    else:
        yield LangChainDocument(id=document.doc_id, page_content=document.text, metadata=document_metadata(document))


def document_of(chunk: Chunk) -> LangChainDocument:
    """Return a chunk as a LangChain document."""
    return LangChainDocument(id=chunk.chunk_id, page_content=chunk.text, metadata=dict(chunk.metadata))


def attach_boxes(documents: Iterable[LangChainDocument], cache: Cache | str) -> list[LangChainDocument]:
    """Give boxes to what a splitter made of `by="document"` documents.

    The splitter must keep `start_index` (`add_start_index=True`), and the loader must have written to the same cache.
    Raises UsageError where `start_index` or `doc_id` is missing, StoreError for a document the cache does not know.
    """
    store = Cache(cache) if isinstance(cache, str) else cache
    return [_boxed(document, store) for document in documents]


def _boxed(document: LangChainDocument, cache: Cache) -> LangChainDocument:
    about = document.metadata
    if "start_index" not in about or "doc_id" not in about:
        raise UsageError("no start_index or doc_id: split by='document' documents with add_start_index=True")
    start = int(about["start_index"])
    end = start + len(document.page_content)
    boxes = cache.boxes_for(str(about["doc_id"]), start, end, config_id=str(about["config_id"]))
    found = {**about, **box_metadata(boxes), "start_char": start, "end_char": end}
    return document.model_copy(update={"metadata": found})

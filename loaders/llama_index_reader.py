"""LlamaIndex: a reader that gives one Document per file, its chunks as nodes, and boxes after any splitter.

The Document's text is exactly the text our character spans index into, so that `AttachBoxes` can give exact boxes to
the nodes of any splitter that keeps start and end positions. Ids and metadata are stable, so that a second run through
an IngestionPipeline with a docstore changes nothing.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import (
    BaseNode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
    TransformComponent,
)
from llama_index.core.schema import Document as LlamaDocument

from loaders.cache import Cache
from loaders.document import Chunk, Document, Failure
from loaders.errors import FailureWarning, OcrIngestError, StoreError
from loaders.metadata import EXCLUDED_FROM_EMBEDDING, EXCLUDED_FROM_LLM, box_metadata, document_metadata
from loaders.pipeline import open_reader, read_document
from loaders.reading import Reader
from loaders.sources import open_source

Node = TypeVar("Node", bound=BaseNode)


class OcrReader(BasePydanticReader):
    """Read PDFs and images; also serves as `SimpleDirectoryReader(file_extractor={".pdf": OcrReader()})`."""

    is_remote: bool = False
    settings: dict[str, Any] = Field(default_factory=dict, description="fields of loaders.Settings")
    cache: str | None = Field(default=None, description="directory of page results and of the words behind AttachBoxes")
    _reader: Reader | None = PrivateAttr(default=None)
    _failures: list[Failure] = PrivateAttr(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that serialised pipelines know this reader by."""
        return "OcrReader"

    @property
    def failures(self) -> list[Failure]:
        """Pages and files that could not be read so far; each was also a FailureWarning."""
        return self._failures

    def lazy_load_data(
        self, file_path: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[LlamaDocument]:
        """Yield one Document for a file, or nothing (and a FailureWarning) where it cannot be read.

        `extra_info` is added to the metadata; `fs` is the fsspec filesystem the path is on.
        """
        document = self._read(file_path, fs)
        if document is not None:
            yield _llama_document(document, extra_info or {})

    def load_data(self, *args: Any, **kwargs: Any) -> list[LlamaDocument]:
        """Return the file's one Document in a list."""
        return list(self.lazy_load_data(*args, **kwargs))

    async def alazy_load_data(self, *args: Any, **kwargs: Any) -> AsyncIterator[LlamaDocument]:  # type: ignore[override]
        """Read in a thread; the base class would read on the event loop."""
        for document in await asyncio.to_thread(self.load_data, *args, **kwargs):
            yield document

    async def aload_data(self, *args: Any, **kwargs: Any) -> list[LlamaDocument]:
        """Return what `load_data` returns, read in a thread."""
        return await asyncio.to_thread(self.load_data, *args, **kwargs)

    def load_nodes(self, file_path: Any, fs: Any = None) -> list[TextNode]:
        """Return the file's chunks as nodes, linked to the document and to each other."""
        document = self._read(file_path, fs)
        return [] if document is None else nodes_of(document.chunks)

    def _read(self, file_path: Any, fs: Any) -> Document | None:
        try:
            source = open_source(_opened(file_path, fs), name=str(file_path))
            cache = None if self.cache is None else Cache(self.cache)
            document = read_document(source, self._open_reader(), cache=cache)
        except OcrIngestError as error:
            self._fail(Failure.of(error, str(file_path), None, "open"))
            return None
        for failure in document.failures:
            self._fail(failure)
        return document

    def _open_reader(self) -> Reader:
        if self._reader is None:
            self._reader = open_reader(None, None, self.settings)
        return self._reader

    def _fail(self, failure: Failure) -> None:
        self._failures.append(failure)
        where = failure.source if failure.page is None else f"{failure.source} page {failure.page}"
        warnings.warn(f"{where} ({failure.stage}): {failure.error}", FailureWarning, stacklevel=4)


class AttachBoxes(TransformComponent):
    """Give page and boxes to nodes of any splitter, by their start and end in an OcrReader's Document.

    The reader must have written to the same cache. Nodes of other documents pass through unchanged.
    """

    cache: str = Field(description="the cache directory that the OcrReader was given")

    @classmethod
    def class_name(cls) -> str:
        """Return the name that serialised pipelines know this component by."""
        return "AttachBoxes"

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """Add boxes, bbox and page keys to each node's metadata. Raises StoreError where the cache is another's."""
        store = Cache(self.cache)
        for node in nodes:
            self._attach(node, store)
        return nodes

    def _attach(self, node: BaseNode, store: Cache) -> None:
        doc_id, start, end = (
            node.metadata.get("doc_id"),
            *(getattr(node, f"{n}_char_idx", None) for n in ("start", "end")),
        )
        if doc_id is None:
            return
        if start is None or end is None:
            raise StoreError("a node without start_char_idx and end_char_idx: use a splitter that keeps them")
        boxes = store.boxes_for(str(doc_id), start, end, config_id=str(node.metadata["config_id"]))
        node.metadata |= {**box_metadata(boxes), "start_char": start, "end_char": end}
        _exclude(node)


def nodes_of(chunks: Sequence[Chunk]) -> list[TextNode]:
    """Return chunks as nodes, each linked to its document and its neighbours."""
    nodes = [node_of(chunk) for chunk in chunks]
    for before, after in pairwise(nodes):
        before.relationships[NodeRelationship.NEXT] = RelatedNodeInfo(node_id=after.node_id)
        after.relationships[NodeRelationship.PREVIOUS] = RelatedNodeInfo(node_id=before.node_id)
    return nodes


def node_of(chunk: Chunk) -> TextNode:
    """Return a chunk as a node of its document."""
    node = TextNode(
        id_=chunk.chunk_id,
        text=chunk.text,
        metadata=dict(chunk.metadata),
        start_char_idx=chunk.start,
        end_char_idx=chunk.end,
    )
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=chunk.doc_id)
    return _exclude(node)


def _llama_document(document: Document, extra: dict[str, Any]) -> LlamaDocument:
    about = {**document_metadata(document), **extra}
    return _exclude(LlamaDocument(id_=document.doc_id, text=document.text, metadata=about))


def _exclude(node: Node) -> Node:
    """Keep boxes, ids and hashes out of what is embedded and what a model is shown."""
    node.excluded_embed_metadata_keys = sorted({*node.excluded_embed_metadata_keys, *EXCLUDED_FROM_EMBEDDING})
    node.excluded_llm_metadata_keys = sorted({*node.excluded_llm_metadata_keys, *EXCLUDED_FROM_LLM})
    return node


def _opened(file_path: Any, fs: Any) -> Any:
    """Return what open_source reads: the path itself, or the bytes where the path is on another filesystem."""
    from fsspec.implementations.local import LocalFileSystem

    if fs is None or isinstance(fs, LocalFileSystem):
        return str(file_path) if isinstance(file_path, Path) else file_path
    with fs.open(str(file_path), "rb") as file:
        return file.read()

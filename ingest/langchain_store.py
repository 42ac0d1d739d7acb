"""An index as a LangChain VectorStore: upsert by id, metadata filters, vector, text and hybrid search.

Documents of this package keep their metadata as typed columns; other documents' metadata travels along as JSON and can
be read back but not filtered on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from ingest.embed import open_embedder
from ingest.index import Index
from ingest.schema import packed
from ingest.search import Hit, Mode
from loaders.errors import UsageError


class IndexVectorStore(VectorStore):
    """A LangChain vector store over an `Index`."""

    def __init__(self, index: Index | str | Path, embedding: Any = None, *, mode: Mode = "vector") -> None:
        """Open a store over an index, or over the directory of one, which is made where there is none."""
        self.index = index if isinstance(index, Index) else Index(index, embedding)
        self.mode = mode

    @property
    def embeddings(self) -> Embeddings | None:
        return getattr(self.index.embedder, "embeddings", None)

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        passages = list(texts)
        metadata = metadatas or [{} for _ in passages]
        if len(metadata) != len(passages) or (ids is not None and len(ids) != len(passages)):
            raise UsageError(f"{len(passages)} texts, {len(metadata)} metadatas, {len(ids or passages)} ids: one each")
        names = [name or str(uuid.uuid4()) for name in ids or [""] * len(passages)]
        if not passages:
            return []
        vectors = self.index.embedder.embed(passages)
        rows = zip(names, passages, metadata, vectors, strict=True)
        unique = {
            name: packed({k: v for k, v in about.items() if k != "chunk_id"})
            | {"chunk_id": name, "text": text, "embed_text": text, "vector": vector}
            for name, text, about, vector in rows
        }
        self.index.write(list(unique.values()))
        return names

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool | None:
        if ids is None:
            raise UsageError("delete() needs ids; to empty an index delete its directory")
        self.index.delete(ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return [_document(hit) for hit in self.index.get(ids)]

    def similarity_search(self, query: str, k: int = 4, *, filter: Any = None, **_: Any) -> list[Document]:
        return [_document(hit) for hit in self.index.search(query, k, mode=self.mode, where=filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Any = None, **_: Any
    ) -> list[tuple[Document, float]]:
        return [(_document(hit), hit.score) for hit in self.index.search(query, k, mode=self.mode, where=filter)]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Any = None, **_: Any
    ) -> list[Document]:
        return [_document(hit) for hit in self.index.search_vector(embedding, k, where=filter)]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: (1.0 + cosine) / 2.0

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        directory: str = "index",
        **_: Any,
    ) -> IndexVectorStore:
        store = cls(Index(directory, open_embedder(embedding)))
        store.add_texts(texts, metadatas, ids=ids)
        return store


def _document(hit: Hit) -> Document:
    metadata = dict(hit.metadata)
    name = str(metadata["chunk_id"])
    if "doc_id" not in metadata:  # not a chunk of ours: the id is the store's, not the document's metadata
        del metadata["chunk_id"]
    return Document(id=name, page_content=hit.text, metadata=metadata)

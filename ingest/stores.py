"""The same chunks into any LangChain VectorStore and any LlamaIndex vector store.

Both keep our ids, so that putting a document a second time replaces rather than duplicates wherever the store upserts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ingest.embed import open_embedder
from loaders.document import Chunk

if TYPE_CHECKING:
    from langchain_core.vectorstores import VectorStore
    from llama_index.core.vector_stores.types import BasePydanticVectorStore

BATCH = 256


def to_langchain(chunks: Iterable[Chunk], store: VectorStore) -> list[str]:
    """Put chunks into a LangChain vector store, which embeds them itself; returns their ids."""
    from loaders.langchain_loader import document_of

    ids: list[str] = []
    for batch in _batches(chunks):
        ids += store.add_documents([document_of(chunk) for chunk in batch], ids=[chunk.chunk_id for chunk in batch])
    return ids


def to_llama_index(chunks: Iterable[Chunk], store: BasePydanticVectorStore, embedder: Any = None) -> list[str]:
    """Put chunks into a LlamaIndex vector store with vectors of `embedder` (the packaged MiniLM where None)."""
    from loaders.llama_index_reader import node_of

    model = open_embedder(embedder)
    ids: list[str] = []
    for batch in _batches(chunks):
        nodes = [node_of(chunk) for chunk in batch]
        for node, vector in zip(nodes, model.embed([chunk.embed_text for chunk in batch]), strict=True):
            node.embedding = vector.tolist()
        ids += store.add(nodes)
    return ids


def _batches(chunks: Iterable[Chunk]) -> Iterable[list[Chunk]]:
    batch: list[Chunk] = []
    for chunk in chunks:
        batch.append(chunk)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

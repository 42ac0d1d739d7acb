"""The same chunks into other people's vector stores, with our ids, text and metadata."""

from __future__ import annotations

from pathlib import Path

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import VectorStoreQuery

from ingest import to_langchain, to_llama_index
from ingest.embed import open_embedder
from loaders import load


def test_langchain_stores_take_them_once(documents: Path) -> None:
    chunks = load(documents / "invoice.pdf", text="layer").chunks
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
    assert to_langchain(chunks, store) == [chunk.chunk_id for chunk in chunks]
    to_langchain(chunks, store)
    assert len(store.store) == len(chunks)
    (found,) = store.get_by_ids([chunks[0].chunk_id])
    assert (found.page_content, found.metadata) == (chunks[0].text, chunks[0].metadata)


def test_llama_index_stores_answer(documents: Path) -> None:
    chunks = load(documents / "invoice.pdf", text="layer").chunks
    embedder, store = open_embedder(), SimpleVectorStore()
    ids = to_llama_index(chunks, store, embedder)
    assert ids == [chunk.chunk_id for chunk in chunks]
    query = embedder.embed_query("bank account and IBAN for payment").tolist()
    result = store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=2))
    best = {chunk.chunk_id: chunk for chunk in chunks}[result.ids[0]]  # type: ignore[index]
    assert "IBAN" in best.text

"""The index as a LangChain vector store, by LangChain's own suite, and what the suite does not ask."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from ingest.langchain_store import IndexVectorStore
from loaders.errors import UsageError


class TestIndexVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Generator[VectorStore, None, None]:  # type: ignore[override]
        yield IndexVectorStore(tmp_path / "index", self.get_embeddings())


@pytest.fixture
def store(tmp_path: Path) -> IndexVectorStore:
    return IndexVectorStore(tmp_path / "index", DeterministicFakeEmbedding(size=24))


def test_filters_are_applied_before_ranking(store: IndexVectorStore) -> None:
    store.add_texts([f"text {i}" for i in range(20)], [{"page": i} for i in range(20)])
    found = store.similarity_search("text 3", 5, filter={"page": {">=": 18}})
    assert sorted(document.metadata["page"] for document in found) == [18, 19]


def test_hybrid_search_finds_the_words(tmp_path: Path) -> None:
    store = IndexVectorStore(tmp_path / "index", DeterministicFakeEmbedding(size=24), mode="hybrid")
    store.add_texts([f"nothing of note, number {i}" for i in range(60)] + ["the kittiwake left at dawn"])
    assert (
        "kittiwake"
        in store.similarity_search("kittiwake", 2)[0].page_content
        + store.similarity_search("kittiwake", 2)[1].page_content
    )


def test_foreign_metadata_travels_along(store: IndexVectorStore) -> None:
    (name,) = store.add_documents([Document("a", metadata={"mine": {"deep": [1, 2]}, "page": 4})])
    (found,) = store.get_by_ids([name])
    assert found.metadata == {"mine": {"deep": [1, 2]}, "page": 4}


def test_scores_are_true_cosines(store: IndexVectorStore) -> None:
    store.add_texts(["one", "two"])
    best, score = store.similarity_search_with_score("one", 1)[0]
    assert (best.page_content, score) == ("one", pytest.approx(1.0, abs=1e-5))


def test_wrong_use(store: IndexVectorStore) -> None:
    with pytest.raises(UsageError, match="one each"):
        store.add_texts(["a", "b"], ids=["1"])
    with pytest.raises(UsageError, match="needs ids"):
        store.delete()


def test_from_texts_makes_an_index(tmp_path: Path) -> None:
    made = IndexVectorStore.from_texts(
        ["a", "b"], DeterministicFakeEmbedding(size=8), ids=["1", "2"], directory=str(tmp_path / "new")
    )
    assert len(made.index) == 2

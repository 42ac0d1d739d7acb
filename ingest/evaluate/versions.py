"""With which software was it measured: the versions that results.json records."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
from collections.abc import Sequence

from ingest.evaluate.plan import Way
from loaders.errors import OcrIngestError
from loaders.ocr import ENGINES

PACKAGES = (
    "ocr-ingest",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pymupdf",
    "pypdfium2",
    "rapidocr",
    "lancedb",
    "sentence-transformers",
    "torch",
    "rapidfuzz",
    "apted",
)
OF_YARDSTICKS = {
    "nvidia": "nemotron-ocr",
    "pymupdf4llm": "pymupdf4llm",
    "opendataloader": "opendataloader-pdf",
    "img2table": "img2table",
}


def versions(ways: Sequence[Way]) -> dict[str, str]:
    """Return the versions of this package, of Python, of what it stands on, and of each engine that was used."""
    names = [*PACKAGES, *(OF_YARDSTICKS[way.name] for way in ways if way.name in OF_YARDSTICKS)]
    found = {name: version for name in dict.fromkeys(names) if (version := _version(name))}
    found.setdefault("ocr-ingest", "not installed, run from its source")
    engines = {way.name: _engine(way.name) for way in ways if not way.is_yardstick}
    about = {f"engine {name}": version for name, version in engines.items()}
    return {**found, "python": platform.python_version(), **about}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _engine(name: str) -> str:
    try:
        return str(importlib.import_module(ENGINES[name].module).check())
    except OcrIngestError as error:
        return str(error)

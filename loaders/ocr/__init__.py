"""OCR engines behind one protocol, batch first, and the table of those there are.

An engine takes page images and returns words with quads in image pixels, texts and confidences, and relations where
it has them. It raises EngineError when it fails: an empty result means that there is nothing to read.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from loaders.document import PageImage, PageText, Words
from loaders.errors import OcrIngestError, UnknownEngine
from loaders.geometry import Array


@runtime_checkable
class OcrEngine(Protocol):
    """Reads page images."""

    name: str

    @property
    def digest(self) -> str:
        """Identify models, versions and options that change the output; part of the config_id."""
        ...

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read each image; one result per image, in order. Raises EngineError when it cannot."""
        ...


@runtime_checkable
class QuadReader(Protocol):
    """An engine that also reads where it is told to, without looking for text itself."""

    def read_quads(self, image: PageImage, quads: Array) -> list[Words]:
        """Read quads (N, 4, 2) of an image, in its pixels, first corner the text's top left: the words of each."""
        ...


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """How to find an engine: its module holds `open_engine(**options) -> OcrEngine` and `check() -> str`.

    `check` returns a version line when the engine is ready and raises EngineNotReady or MissingExtra otherwise.
    `gpu` says that the engine computes on a GPU where it is given one.
    """

    name: str
    module: str
    summary: str
    needs: str
    gpu: bool = False


ENGINES: dict[str, EngineEntry] = {
    entry.name: entry
    for entry in (
        EngineEntry(
            "ppocr",
            "loaders.ocr.ppocr",
            "PP-OCRv6 small on ONNX Runtime, or OpenVINO where it is installed, CPU; the default",
            "nothing: the models come inside the rapidocr wheel; the extra [fast] makes it quicker",
        ),
        EngineEntry(
            "tesseract",
            "loaders.ocr.tesseract",
            "Tesseract 5, the classic open engine",
            "the tesseract program and the extra [tesseract]",
        ),
        EngineEntry(
            "doctr",
            "loaders.ocr.doctr",
            "docTR, the engine of Roboflow's OCR block",
            "the extra [doctr] and its weights, from a path or docTR's own cache",
            gpu=True,
        ),
        EngineEntry(
            "nemotron",
            "loaders.ocr.nemotron.engine",
            "NVIDIA's nemotron-ocr v1 and v2 in plain PyTorch, CPU and CUDA, with relations",
            "its weights: `ingest engines --fetch nemotron-ocr-v1`, or --model-dir",
            gpu=True,
        ),
        EngineEntry(
            "nim",
            "loaders.ocr.nim",
            "nemotron-ocr behind HTTP: NVIDIA's container or hosted endpoint, with relations",
            "the extra [nim], and a container or a key in NVIDIA_API_KEY",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One row of `ingest engines`."""

    name: str
    ready: bool
    summary: str
    needs: str
    detail: str


def open_engine(name: str, **options: Any) -> OcrEngine:
    """Open an engine by name; options are the engine's own. Raises UnknownEngine, EngineNotReady, MissingExtra."""
    return cast(OcrEngine, _module(name).open_engine(**options))


def wants_gpu(name: str, **options: Any) -> bool:
    """Say whether an engine with these options would use a GPU; asks no machine whether it has one."""
    return name in ENGINES and ENGINES[name].gpu and options.get("device") != "cpu"


def engine_status() -> list[EngineStatus]:
    """Say of every engine whether it is ready here, and if not, what is missing."""
    return [_status(entry) for entry in ENGINES.values()]


def _status(entry: EngineEntry) -> EngineStatus:
    try:
        detail, ready = _module(entry.name).check(), True
    except OcrIngestError as error:
        detail, ready = str(error), False
    return EngineStatus(entry.name, ready, entry.summary, entry.needs, detail)


def _module(name: str) -> Any:
    if name not in ENGINES:
        raise UnknownEngine(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    return importlib.import_module(ENGINES[name].module)

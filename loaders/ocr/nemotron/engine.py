"""The OCR engine `nemotron`: NVIDIA's nemotron-ocr, v1 or v2, on any processor that torch runs on.

Comes in: page images. Goes out: words with quads in image pixels, and the model's own links between words, lines and
paragraphs. Options of `open_engine`:

    variant      "v1" | "v2-en" | "v2-multi" (whose regions are lines: positions of their words are estimates)
    model_dir    folder of NVIDIA's files; "" is where `ingest engines --fetch` puts them
    weights      "files" | "random", to measure speed without any, with `seed`, and with `planted` words on every page
                 (which are then not read again, turned)
    runtime      "torch" | "onnx" (CPU) | "tensorrt" (CUDA); the latter two after `ingest export nemotron`
    device       "auto" | "cpu" | "cuda" | "cuda:1"
    precision    "auto" | "float32" | "bfloat16" | "float16"; see loading.pick_precision
    batch        tiles per detector call; 0: 1 on a CPU, 8 on CUDA
    length       side of the detector's input, a multiple of 32; 0: the checkpoint's own, 1024
    threads      of the CPU, for the whole process; 0 leaves them as they are
    parity       "v1" | "v2": turn every correction back, as NVIDIA's NemotronOCR or NemotronOCRV2 read
    and each field of corrections.Corrections by its name, on top of `parity`
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loaders.document import PageImage, PageText
from loaders.errors import EngineError, EngineNotReady, UsageError
from loaders.ocr.nemotron.corrections import Corrections, as_published
from loaders.ocr.nemotron.variants import VARIANTS, variant_config

if TYPE_CHECKING:
    from pathlib import Path

    from loaders.ocr.nemotron.loading import Weights
    from loaders.ocr.nemotron.predictions import Prediction
    from loaders.ocr.nemotron.reader import PageReader, PageReading

REVISION = 1
"""Raised when the same weights and options would read otherwise."""
STRIDE = 32
CORRECTIONS = tuple(field.name for field in fields(Corrections))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `open_engine`, checked; see the module."""

    variant: str = "v1"
    model_dir: str = ""
    weights: str = "files"
    seed: int = 0
    planted: int = 0
    runtime: str = "torch"
    device: str = "auto"
    precision: str = "auto"
    batch: int = 0
    length: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        from loaders.ocr.nemotron.loading import RUNTIMES

        variant_config(self.variant)
        if self.weights not in ("files", "random"):
            raise UsageError(f"weights={self.weights!r}; choose files or random")
        if self.runtime not in RUNTIMES:
            raise UsageError(f"runtime={self.runtime!r}; choose one of {', '.join(RUNTIMES)}")
        if self.planted and self.weights != "random":
            raise UsageError("planted words are for measuring speed; they need weights='random'")
        if self.length % STRIDE or self.length < 0:
            raise UsageError(f"length={self.length}; choose a multiple of {STRIDE} pixels, 1024 suits")
        if min(self.batch, self.threads, self.planted) < 0:
            raise UsageError("batch, threads and planted are counts; 0 leaves the choice to the engine")


def open_engine(*, parity: str = "", **options: Any) -> NemotronEngine:
    """Open the engine; options as in the module.

    Raises UsageError for an option that is none, EngineNotReady without weights. They are loaded with the first page.
    """
    named = {name: options.pop(name) for name in CORRECTIONS if name in options}
    if unknown := [name for name in options if name not in {field.name for field in fields(Options)}]:
        raise UsageError(f"nemotron has no option {unknown[0]!r}; see the module loaders.ocr.nemotron.engine")
    kind: Any = parity
    corrections = as_published(kind) if parity else Corrections()
    if options.get("planted"):
        named = {"rotation": False} | named  # what random weights read is always poor
    return NemotronEngine(Options(**options), replace(corrections, **named))


def check() -> str:
    """Say which variants are there; raises EngineNotReady where none is."""
    from loaders.ocr.nemotron.checkpoint import locate
    from loaders.ocr.nemotron.loading import default_folder

    found = [variant for variant in VARIANTS if default_folder(variant).is_dir()]
    if not found:
        raise EngineNotReady(
            "no weights; fetch them with `ingest engines --fetch nemotron-ocr-v1`, or give a folder with --model-dir"
        )
    for variant in found:
        locate(default_folder(variant))
    return f"{', '.join(found)}; torch {importlib.metadata.version('torch')}"


class NemotronEngine:
    """Reads page images with nemotron-ocr. The networks are loaded with the first, or come with an open reader."""

    name = "nemotron"

    def __init__(self, options: Options, corrections: Corrections, reader: PageReader | None = None) -> None:
        from loaders.ocr.nemotron.loading import options_digest, pick_device, pick_precision

        self.options, self.corrections = options, corrections
        self._weights = _weights(options)
        model_digest = self._weights.digest  # before anything is loaded: absent weights are said at once
        self._device = pick_device(options.device)
        self._precision = pick_precision(options.precision, self._device, options.runtime)
        shaping = (options.runtime, self._precision, options.length, options.planted, asdict(corrections))
        self._digest = options_digest(self.name, REVISION, model_digest, shaping)
        self._reader = reader

    @property
    def digest(self) -> str:
        """Identify weights and options; the precision is part of it, batches and threads are not."""
        return self._digest

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read each image. Raises EngineNotReady when weights or graphs are absent, EngineError when it cannot."""
        from loaders.ocr.nemotron.wording import page_text

        keep_unsure = self.corrections.keep_unsure
        return [page_text(reading, keep_unsure=keep_unsure, turn=turn) for reading, turn in self._readings(images)]

    def predict(self, images: Sequence[PageImage], merge_level: str = "paragraph") -> list[list[Prediction]]:
        """Read each image into dicts as NVIDIA's package returns them: text, confidence, left, upper, right, lower.

        `merge_level` is "word", "sentence" (a line) or "paragraph". With `parity` they are as the package's are, in its
        order; else with the corrections, and with "quad".
        """
        from loaders.ocr.nemotron.predictions import predictions

        sizes = [image.pixels.shape[:2] for image in images]
        readings = self._readings(images)
        return [
            predictions(reading, size, merge_level, self.corrections)
            for (reading, _), size in zip(readings, sizes, strict=True)
        ]

    def _readings(self, images: Sequence[PageImage]) -> list[tuple[PageReading, int]]:
        """Read each image, turned where that is better; quads in the image as given, and the turn in degrees."""
        from loaders.ocr.nemotron.turning import read_upright

        if not images:
            return []
        pages = [np.ascontiguousarray(image.pixels) for image in images]
        reader = self._opened()
        try:
            if self.corrections.rotation:
                return read_upright(reader, pages)
            return [(reading, 0) for reading in reader.read(pages)]
        except RuntimeError as error:  # torch's, out of memory among them
            raise EngineError(f"nemotron failed: {error}; a smaller batch or length needs less memory") from error

    def _opened(self) -> PageReader:
        if self._reader is None:
            self._reader = self._open_reader()
        return self._reader

    def _open_reader(self) -> PageReader:
        import torch

        from loaders.ocr.nemotron.loading import ready_model
        from loaders.ocr.nemotron.reader import PageReader

        options = self.options
        if options.threads:
            torch.set_num_threads(options.threads)
        model = ready_model(
            self._weights,
            options.runtime,
            self._device,
            self._precision,
            null_link=self.corrections.null_link,
            threads=options.threads,
        )
        if options.length:
            model = replace(model, length=options.length)
        if options.planted:
            from loaders.ocr.nemotron.planted import with_planted

            model = replace(model, runtime=with_planted(model.runtime, options.planted))
        batch = options.batch or (8 if self._device.type == "cuda" else 1)
        return PageReader(model, self.corrections, batch=batch)


def _weights(options: Options) -> Weights:
    from pathlib import Path

    from loaders.ocr.nemotron.loading import Weights, default_folder

    if options.weights == "random":
        return Weights(variant=options.variant, folder=None, seed=options.seed)
    folder = Path(options.model_dir).expanduser() if options.model_dir else default_folder(options.variant)
    return Weights(variant=options.variant, folder=folder)


def export(to: str, *, variant: str = "v1", model_dir: str = "") -> Path:
    """Export a variant's networks for another runtime: to "onnx" or "tensorrt"; returns the folder they are in."""
    from loaders.ocr.nemotron.loading import export as export_weights

    return export_weights(_weights(Options(variant=variant, model_dir=model_dir)), to)

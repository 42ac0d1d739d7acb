"""The default engine: PP-OCRv6 small. Page images go in; words with quads in image pixels come out.

detect (ppocr_detect) -> which way up (orientation) -> recognize (ppocr_recognize), lines in doubt once more with the
careful recognizer (ppocr_models) -> words (ppocr_words). Each page is read by itself, so what is read of a page never
depends on the pages around it. The words of a detected line are linked; order is PaddleOCR's own: top to bottom, then
left to right, across columns.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from loaders.document import Links, PageImage, PageText, Relations, Words
from loaders.errors import EngineError, OcrIngestError, UsageError
from loaders.geometry import Array, turn_quads
from loaders.ocr import ppocr_models, ppocr_runtime
from loaders.ocr.orientation import choose_turn, rolled, standing
from loaders.ocr.ppocr_detect import DetectorSettings, detect
from loaders.ocr.ppocr_models import MEASURED, Cut
from loaders.ocr.ppocr_recognize import (
    Languages,
    Levels,
    Reading,
    recognize,
    sides,
    strip,
    strip_width,
)
from loaders.ocr.ppocr_runtime import Backend, Device, Network, Precision, Runtime
from loaders.ocr.ppocr_words import LineWords, words_of_line
from loaders.timing import timed

REVISION = 6
"""Raised whenever the same models and options would give other words."""
PAGES_ON_GPU = 4
"""Pages of a batch that are read side by side there, so that it has work while the processor cuts and decodes lines."""
ONE_CHARACTER = 3.0
"""A quad not this many times higher than wide may be one upright character ("1", "I"), not a line on its side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOcrOptions:
    """How to read.

    threads        cores one page may use; pages in parallel processes with one thread each are quicker by far
    runtime        "auto": OpenVINO where it is installed (extra [fast]), ONNX Runtime elsewhere; or one of them by name
    device         "cpu", or "cuda": an NVIDIA GPU, with ONNX Runtime's CUDA provider (extra [gpu])
    precision      "auto": what the processor is quick at, with OpenVINO; "float32": always that
    det_side       longest side, in pixels, at which a page is first looked at; more where its print is small
    languages      "auto": Chinese, Japanese and Korean where there are any; "latin": never; "all": always looked for
    threshold      probability from which a pixel is text
    box_threshold  mean probability from which a blob is a line
    unclip         how far a blob is grown into a line
    turn           "auto": pages on their side or upside down are turned; "off": never
    """

    threads: int = 1
    runtime: Runtime = "auto"
    device: Device = "cpu"
    precision: Precision = "auto"
    det_side: int = 960
    languages: Languages = "auto"
    threshold: float = 0.3
    box_threshold: float = 0.3
    unclip: float = 1.6
    turn: str = "auto"

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UsageError(f"threads={self.threads}; choose 1 or more")
        if not 320 <= self.det_side <= 8000:
            raise UsageError(f"det_side={self.det_side}; choose between 320 and 8000 pixels (960 suits pages)")
        if self.languages not in get_args(Languages):
            raise UsageError(f"languages={self.languages!r}; choose one of {', '.join(get_args(Languages))}")
        if self.turn not in ("auto", "off"):
            raise UsageError(f'turn={self.turn!r}; choose "auto" or "off"')
        for name in ("threshold", "box_threshold"):
            if not 0 < getattr(self, name) < 1:
                raise UsageError(f"{name}={getattr(self, name)}; choose between 0 and 1")
        if not 1 <= self.unclip <= 4:
            raise UsageError(f"unclip={self.unclip}; choose between 1 and 4")


def open_engine(**options: Any) -> PPOcr:
    """Open the engine; options as in PPOcrOptions. Raises UsageError, MissingExtra, EngineNotReady, ModelFileError."""
    known = {option.name for option in fields(PPOcrOptions)}
    if unknown := set(options) - known:
        raise UsageError(f"ppocr has no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    chosen = PPOcrOptions(**options)
    backend = ppocr_runtime.backend(chosen.runtime, chosen.precision, chosen.threads, chosen.device)
    return PPOcr(chosen, backend, ppocr_models.open_detector(backend), ppocr_models.open_recognizer(backend))


def check() -> str:
    """Return a version line; raises EngineNotReady or ModelFileError when the models are not there or not right."""
    for name in ppocr_models.DIGESTS:
        ppocr_models.read_verified(name)
    return f"PP-OCRv6 small, {ppocr_runtime.label('auto')}, CPU"


@dataclass(frozen=True, slots=True, eq=False)
class PPOcr:
    """PP-OCRv6 small: see the module."""

    options: PPOcrOptions
    backend: Backend
    detector: Network = field(repr=False)
    recognizer: ppocr_models.RecognizerModel = field(repr=False)
    name: str = "ppocr"

    @property
    def digest(self) -> str:
        """Identify models, versions, numbers computed in, and every option that changes words, which threads do not."""
        decided = ("threads", "runtime", "precision", "device")  # the last three are in the backend
        identity = {
            "revision": REVISION,
            "models": ppocr_models.DIGESTS,
            "backend": self.backend.identity,
            "packages": [importlib.metadata.version(name) for name in ("opencv-python-headless", "numpy")],
            "options": {name: value for name, value in asdict(self.options).items() if name not in decided},
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read each image; one result per image, in order. Raises EngineError when one cannot be read."""
        numbered = [(image.pixels, number) for number, image in enumerate(images)]
        if self.options.device == "cpu":
            return [self._read(*one) for one in numbered]
        with ThreadPoolExecutor(PAGES_ON_GPU) as threads:
            return list(threads.map(lambda one: self._read(*one), numbered))

    def read_quads(self, image: PageImage, quads: Array) -> list[Words]:
        """Read quads (N, 4, 2) of an image, in its pixels, first corner the text's top left: the words of each."""
        lines = self._lines(np.ascontiguousarray(image.pixels))
        return [page_text([line], 0, image.pixels.shape).words for line in lines.words_as_given(quads)]

    def _read(self, pixels: npt.NDArray[np.uint8], number: int) -> PageText:
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise UsageError(f"image {number} is {pixels.dtype} {pixels.shape}; give RGB uint8 (H, W, 3)")
        try:
            return self._read_any_way_up(np.ascontiguousarray(pixels))
        except OcrIngestError:
            raise
        except Exception as error:
            raise EngineError(
                f"ppocr failed on image {number} {pixels.shape}: {type(error).__name__}: {error}"
            ) from error

    def _read_any_way_up(self, pixels: npt.NDArray[np.uint8]) -> PageText:
        quads = self._detect(pixels)
        lines = self._lines(pixels)
        turn = choose_turn(quads, lines.confidences) if self.options.turn == "auto" else 0
        if not turn:
            return page_text(lines.words(quads), 0, pixels.shape)
        turned = np.ascontiguousarray(np.rot90(pixels, -turn // 90))
        lines = self._lines(turned)
        return page_text(lines.words(self._detect(turned)), turn, turned.shape)

    def _lines(self, pixels: npt.NDArray[np.uint8]) -> LineReader:
        return LineReader(pixels, self.recognizer, self.options.languages)

    def _detect(self, pixels: npt.NDArray[np.uint8]) -> Array:
        chosen = self.options
        settings = DetectorSettings(chosen.det_side, chosen.threshold, chosen.box_threshold, chosen.unclip)
        with timed("detect"):
            return detect(self.detector, pixels, settings)


class LineReader:
    """Reads quads of one image, each at most once by each of the two recognizers."""

    def __init__(
        self, pixels: npt.NDArray[np.uint8], model: ppocr_models.RecognizerModel, languages: Languages
    ) -> None:
        self._levels, self._quick, self._languages = Levels(pixels), model, languages
        self._read: dict[tuple[Cut, bytes], Reading] = {}

    def readings(self, quads: Array, model: ppocr_models.RecognizerModel | None = None) -> list[Reading]:
        """Read quads (N, 4, 2), first corner the text's top left, with a model, the quick one where none is given."""
        model = model or self._quick
        new = [quad for quad in quads if (model.cut, quad.tobytes()) not in self._read]
        with timed("recognize"):
            strips = [strip(self._levels, quad, model.cut) for quad in new]
            read = recognize(model, strips, self._languages)
            self._read |= {(model.cut, quad.tobytes()): reading for quad, reading in zip(new, read, strict=True)}
        return [self._read[model.cut, quad.tobytes()] for quad in quads]

    def confidences(self, quads: Array) -> list[tuple[int, float]]:
        """Return how many characters each quad holds, and how sure they are."""
        return [(len(reading.text), reading.confidence) for reading in self.readings(quads)]

    def words(self, quads: Array) -> list[LineWords]:
        """Read all lines of an upright page; a line on its side is read the way that makes more sense."""
        best = quads.copy()
        self.readings(quads[~standing(quads)])
        for row in np.flatnonzero(standing(quads)):
            best[row] = self._best_way(quads[row])
        doubtful = np.array([reading.doubtful for reading in self.readings(best)], bool)
        careful = self._quick.careful() if self._quick.careful and doubtful.any() else self._quick
        self.readings(best[doubtful], careful)
        return [
            self._words_of(quad, careful.cut if d else self._quick.cut) for quad, d in zip(best, doubtful, strict=True)
        ]

    def words_as_given(self, quads: Array) -> list[LineWords]:
        """Read quads that are few and hard with the careful model; text runs from the first corner to the second."""
        model = self._quick.careful() if self._quick.careful else self._quick
        self.readings(quads, model)
        return [self._words_of(quad, model.cut) for quad in quads]

    def _best_way(self, quad: Array) -> Array:
        width, height = sides(quad)
        turns = (1, 3) if height >= ONE_CHARACTER * width else (0, 1, 3)
        ways = np.stack([rolled(quad, turn) for turn in turns])
        return np.asarray(ways[int(np.argmax([reading.confidence for reading in self.readings(ways)]))], np.float32)

    def _words_of(self, quad: Array, cut: Cut) -> LineWords:
        reading = self._read[cut, quad.tobytes()]
        return words_of_line(strip(self._grey, quad, MEASURED), strip_width(*sides(quad)), reading, quad)

    @cached_property
    def _grey(self) -> Levels:
        import cv2

        return Levels(np.asarray(cv2.cvtColor(self._levels.at(0), cv2.COLOR_RGB2GRAY), np.uint8))


def page_text(lines: Sequence[LineWords], turn: int, shape: tuple[int, ...]) -> PageText:
    """Put lines, in the engine's order, into a page; `shape` is that of the image as turned by `turn`."""
    lines = [line for line in lines if line.texts]
    if not lines:
        return PageText(Words.none(), Relations(word=Links.chained([], 0)), turn)
    height, width = shape[:2]
    quads = np.clip(np.concatenate([line.quads for line in lines]), 0, np.array([width, height], np.float32))
    words = Words.of(
        turn_quads(quads, -turn // 90, width, height),
        [text for line in lines for text in line.texts],
        np.concatenate([line.confidences for line in lines]),
        sizes=np.concatenate([np.full(len(line.texts), line.size) for line in lines]),
        joined=np.concatenate([line.joined for line in lines]),
    )
    ends = np.cumsum([len(line.texts) for line in lines])
    chains = [range(end - len(line.texts), end) for line, end in zip(lines, ends, strict=True)]
    return PageText(words, Relations(word=Links.chained(chains, len(words))), turn)

"""What a Workflows step reads: images as the engine of Workflows holds them come in, text and regions go out.

Every OCR engine is opened once in a process for each configuration, however many steps, levels and thresholds name it.
What a step may choose is in `Choice`; anything else about an engine (folders of weights, addresses, files of keys) is
for whoever runs the process and not for whoever writes a workflow, and comes as `options`, by the engine's name.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from loaders.document import Page, PageImage
from loaders.errors import UsageError
from loaders.ocr import OcrEngine, open_engine
from loaders.ocr.levels import Level, Region, page_regions
from loaders.ocr.ppocr_recognize import Languages
from loaders.reading import Reader
from loaders.settings import Settings

EngineOptions = Mapping[str, Mapping[str, Any]]

NEMOTRON_VARIANTS = {"en": "v2-en", "multi": "v2-multi"}
CANNOT = {
    "ppocr": f"it reads all its characters at once; choose {', '.join(get_args(Languages))}, or leave language out",
    "nemotron": f"its weights decide; choose {', '.join(NEMOTRON_VARIANTS)}, or leave language out for v1, English",
    "nim": "the model behind its address decides; leave language out",
    "doctr": "its recognizer's weights decide; leave language out",
}
"""Why an engine cannot be told another language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one step chooses.

    engine                name in loaders.ocr.ENGINES
    aggregation_level     what a detection is: "word", "sentence" (a line) or "paragraph"
    language              in the engine's own terms, see `language_options`; "" leaves it to the engine
    confidence_threshold  words below it are left out, whatever the level
    """

    engine: str = "ppocr"
    aggregation_level: Level = "word"
    language: str = ""
    confidence_threshold: float = Settings().min_confidence

    def __post_init__(self) -> None:
        if not 0 <= self.confidence_threshold <= 1:
            raise UsageError(f"confidence_threshold={self.confidence_threshold}; choose between 0 and 1")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an image says: its text, and its regions at the chosen level, both in reading order.

    Lines of the text are parted by line breaks, paragraphs by blank lines, as docTR renders a page. Quads are in the
    image's pixels.
    """

    text: str
    regions: list[Region]


def read_images(
    images: Sequence[npt.NDArray[np.uint8]], choice: Choice, options: EngineOptions | None = None
) -> list[Reading]:
    """Read images (H, W, 3) BGR, (H, W, 4) BGRA or (H, W) grey, uint8; one reading per image, in order.

    Raises UsageError, UnknownEngine, MissingExtra, EngineNotReady, and EngineError when one cannot be read.
    """
    opened = _opened(choice.engine, choice.language, options or {})
    with opened.lock:
        return read_with(opened.engine, images, choice)


def read_with(engine: OcrEngine, images: Sequence[npt.NDArray[np.uint8]], choice: Choice) -> list[Reading]:
    """Read images, as `read_images`, with an engine at hand."""
    threshold = choice.confidence_threshold
    settings = Settings(engine=engine.name, min_confidence=min(threshold, Settings().min_confidence))
    pages = Reader(settings, engine=engine).read_images([PageImage.of(_rgb(image)) for image in images])
    pages = [_without_unsure(page, threshold) for page in pages]
    return [Reading(_text(page), page_regions(page, choice.aggregation_level)) for page in pages]


def language_options(engine: str, language: str) -> dict[str, str]:
    """Return the engine's own options for a language.

    tesseract  Tesseract's names, joined by "+": "eng", "deu+fra"
    ppocr      the characters that are looked for: "auto", "latin" (no Chinese, Japanese, Korean) or "all"
    nemotron   the weights: "en" (v2) or "multi" (v2, English, Chinese, Japanese, Korean, Russian)

    Raises UsageError where an engine cannot be told the language: it is never silently ignored.
    """
    if not language:
        return {}
    if engine == "tesseract" or (engine == "ppocr" and language in get_args(Languages)):
        return {"languages": language}
    if engine == "nemotron" and language in NEMOTRON_VARIANTS:
        return {"variant": NEMOTRON_VARIANTS[language]}
    why = CANNOT.get(engine, "it has no choice of languages; leave language out")
    raise UsageError(f"{engine} cannot be told to read language={language!r}: {why}")


def opened_engine(engine: str, language: str = "", options: EngineOptions | None = None) -> OcrEngine:
    """Return this process's engine of that configuration, opened when it is first asked for."""
    return _opened(engine, language, options or {}).engine


@dataclass(frozen=True, slots=True)
class _Opened:
    """An engine, and what keeps it to one reading at a time: Workflows runs steps side by side in threads."""

    engine: OcrEngine
    lock: threading.Lock = field(default_factory=threading.Lock)


_engines: dict[tuple[str, tuple[tuple[str, Any], ...]], _Opened] = {}
_opening = threading.Lock()


def _opened(engine: str, language: str, options: EngineOptions) -> _Opened:
    chosen = {**options.get(engine, {}), **language_options(engine, language)}
    key = engine, tuple(sorted(chosen.items()))
    with _opening:
        if key not in _engines:
            _engines[key] = _Opened(open_engine(engine, **chosen))
        return _engines[key]


def _rgb(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if image.ndim == 2:
        return np.stack([image] * 3, axis=2)
    return np.ascontiguousarray(image[:, :, 2::-1])


def _without_unsure(page: Page, threshold: float) -> Page:
    """Return the page with lines that lack the words below a threshold.

    Words are related first: a page full of holes has no columns any more. Only what is too poor for any page is gone
    by then.
    """
    sure = page.words.confidences >= threshold
    lines = (replace(line, words=tuple(word for word in line.words if sure[word])) for line in page.lines)
    return replace(page, lines=tuple(lines))


def _text(page: Page) -> str:
    paragraphs = ([page.lines[line] for line in block.lines if page.lines[line].words] for block in page.blocks)
    return "\n\n".join("\n".join(map(page.line_text, lines)) for lines in paragraphs if lines)

"""The engine `tesseract`: Tesseract 5 through pytesseract. Page images in, words with quads in image pixels out.

Relations are Tesseract's own: words in lines, lines in paragraphs, paragraphs in its order of the page. Which way up a
page is, is judged by how it reads: Tesseract itself reads text that runs downward, and pages that make little sense are
read once more upside down. (Its own orientation detection, half the cost of reading, is wrong on noisy forms.)
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.document import Links, PageImage, PageText, Relations, Words
from loaders.errors import EngineError, EngineNotReady, MissingExtra, UsageError
from loaders.geometry import Array, quads_from_boxes, turn_quads
from loaders.ocr.orientation import TALL, rolled
from loaders.ocr.type_size import ems_high

REVISION = 1
INSTALL = "apt-get install tesseract-ocr (Debian, Ubuntu), brew install tesseract (macOS)"
DOWNWARD = 3
"""Quarter turns, clockwise, that make text that runs downward upright."""
DOUBTFUL, MARGIN = 0.6, 0.15
"""Mean confidence below which a page is read once more upside down, and how much better that must be."""

_environment = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class TesseractOptions:
    """How to read.

    languages  Tesseract's names, joined by "+": "eng", "deu+fra"
    psm        page segmentation mode (3: automatic, 6: one block, 11: sparse text)
    threads    of the program; more than one costs several times the CPU for little
    timeout    seconds per reading of a page; 0: none
    turn       "auto": pages on their side or upside down are turned; "off": never
    """

    languages: str = "eng"
    psm: int = 3
    threads: int = 1
    timeout: float = 0.0
    turn: str = "auto"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w/-]+(\+[\w/-]+)*", self.languages):
            raise UsageError(f'languages={self.languages!r}; write Tesseract\'s names joined by "+", as in "eng+deu"')
        if self.psm not in (3, 4, 5, 6, 7, 8, 11, 13):
            raise UsageError(f"psm={self.psm}; choose 3 to 8, 11 or 13 (3 suits pages)")
        if self.threads < 1 or self.timeout < 0:
            raise UsageError("threads is 1 or more, timeout 0 or more")
        if self.turn not in ("auto", "off"):
            raise UsageError(f'turn={self.turn!r}; choose "auto" or "off"')


def open_engine(**options: Any) -> Tesseract:
    """Open the engine; options as in TesseractOptions. Raises UsageError, MissingExtra, EngineNotReady."""
    known = {option.name for option in fields(TesseractOptions)}
    if unknown := set(options) - known:
        raise UsageError(f"tesseract has no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    chosen = TesseractOptions(**options)
    version, folder, installed = _installation()
    if missing := [name for name in chosen.languages.split("+") if name not in installed]:
        raise EngineNotReady(
            f"tesseract has no data for {', '.join(missing)}, only for {', '.join(installed)}: "
            f"apt-get install {' '.join(f'tesseract-ocr-{name}' for name in missing)}, "
            f"or put {missing[0]}.traineddata into {folder}"
        )
    data = [hashlib.sha256((folder / f"{name}.traineddata").read_bytes()).hexdigest() for name in _names(chosen)]
    return Tesseract(chosen, version, tuple(data))


def check() -> str:
    """Return a version line; raises MissingExtra or EngineNotReady."""
    version, _, languages = _installation()
    return f"Tesseract {version}, pytesseract {importlib.metadata.version('pytesseract')}: {', '.join(languages)}"


@dataclass(frozen=True, slots=True)
class Tesseract:
    """Tesseract 5: see the module."""

    options: TesseractOptions
    version: str
    data: tuple[str, ...]
    name: str = "tesseract"

    @property
    def digest(self) -> str:
        """Identify the program, its data, and every option but threads and timeout, which change no word."""
        options = {k: v for k, v in asdict(self.options).items() if k not in ("threads", "timeout")}
        identity = [REVISION, self.version, self.data, options]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read each image; one result per image, in order. Raises EngineError when one cannot be read."""
        return [self._read(image, number) for number, image in enumerate(images)]

    def _read(self, image: PageImage, number: int) -> PageText:
        pixels = image.pixels
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise UsageError(f"image {number} is {pixels.dtype} {pixels.shape}; give RGB uint8 (H, W, 3)")
        dpi = round(72 * image.scale) if image.frame.unit == "pt" else 0
        text = self._text(pixels, dpi, number)
        if self.options.turn == "off" or not len(text.words) or _sureness(text) >= DOUBTFUL:
            return text
        over = self._text(np.ascontiguousarray(pixels[::-1, ::-1]), dpi, number)
        if _sureness(over) < _sureness(text) + MARGIN:
            return text
        height, width = pixels.shape[:2]
        words = _with_quads(over.words, turn_quads(over.words.quads, 2, width, height))
        return PageText(words, over.relations, (over.turn + 180) % 360)

    def _text(self, pixels: npt.NDArray[np.uint8], dpi: int, number: int) -> PageText:
        from PIL import Image

        pytesseract = _pytesseract()
        config = f"--psm {self.options.psm}" + (f" --dpi {dpi}" if dpi else "")
        try:
            with _threads(self.options.threads):
                rows = pytesseract.image_to_data(
                    Image.fromarray(pixels),
                    lang=self.options.languages,
                    config=config,
                    output_type=pytesseract.Output.DICT,
                    timeout=self.options.timeout,
                )
        except pytesseract.TesseractNotFoundError as error:
            raise EngineNotReady(f"the tesseract program is gone: {INSTALL}") from error
        except Exception as error:
            raise EngineError(f"tesseract failed on image {number} {pixels.shape}: {error}") from error
        return page_text(rows, self.options.turn == "auto")


def page_text(rows: Mapping[str, Sequence[Any]], turned: bool = True) -> PageText:
    """Turn Tesseract's table of levels (image_to_data) into words and relations; `turned`: find text on its side."""
    kept = [i for i, text in enumerate(rows["text"]) if rows["level"][i] == 5 and str(text).strip()]
    texts = [str(rows["text"][i]).strip() for i in kept]
    boxes = np.array(
        [
            (x, y, x + w, y + h)
            for x, y, w, h in ([rows[k][i] for k in ("left", "top", "width", "height")] for i in kept)
        ],
        np.float32,
    ).reshape(-1, 4)
    confidences = np.array([max(float(rows["conf"][i]), 0.0) / 100 for i in kept], np.float32)
    lines = _grouped([tuple(rows[k][i] for k in ("block_num", "par_num", "line_num")) for i in kept])
    paragraphs = _grouped([tuple(rows[k][kept[line[0]]] for k in ("block_num", "par_num")) for line in lines])
    quads, sizes, aside = quads_from_boxes(boxes), np.zeros(len(kept), np.float32), 0
    for line in lines if len(kept) else ():
        turns = _turns(boxes[line], texts[line[0]]) if turned else 0
        quads[line] = rolled(quads[line], turns)
        heights = np.linalg.norm(quads[line][:, 3] - quads[line][:, 0], axis=1)
        sizes[line] = np.median([h / ems_high(texts[row]) for row, h in zip(line, heights, strict=True)])
        aside += len(line) if turns else 0
    relations = Relations(
        Links.chained(lines, len(kept)),
        Links.chained(paragraphs, len(lines)),
        Links.chained([range(len(paragraphs))], len(paragraphs)),
    )
    turn = 90 * DOWNWARD if aside > len(kept) / 2 else 0
    return PageText(Words.of(quads, texts, confidences, sizes=sizes), relations, turn)


def _turns(boxes: Array, first: str) -> int:
    """Return the quarter turns that make a line upright; Tesseract reads text on its side where it runs downward."""
    way = boxes[-1, :2] + boxes[-1, 2:] - boxes[0, :2] - boxes[0, 2:]
    if len(boxes) > 1:
        return DOWNWARD if way[1] > abs(way[0]) else 0
    width, height = boxes[0, 2:] - boxes[0, :2]
    return DOWNWARD if len(first) > 2 and height > TALL * width else 0


def _grouped(keys: Sequence[tuple[Any, ...]]) -> list[list[int]]:
    """Return the positions of each key, keys in the order they come up."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _sureness(text: PageText) -> float:
    """Return the mean confidence over all characters."""
    lengths = np.array([len(word) for word in text.words.texts], np.float32)
    return float((lengths * text.words.confidences).sum() / lengths.sum()) if len(lengths) else 0.0


def _with_quads(words: Words, quads: Array) -> Words:
    return Words.of(quads, words.texts, words.confidences, sizes=words.sizes)


# -- the program ------------------------------------------------------------------------------------------------


def _names(options: TesseractOptions) -> list[str]:
    return options.languages.split("+")


def _installation() -> tuple[str, Path, list[str]]:
    """Return the program's version, its data folder, and the languages in it."""
    command = _pytesseract().pytesseract.tesseract_cmd
    try:
        version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        listed = subprocess.run([command, "--list-langs"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise EngineNotReady(f"the tesseract program is not installed: {INSTALL}") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineNotReady(f"the tesseract program does not start: {error}") from error
    head, *languages = (listed.stdout or listed.stderr).splitlines()
    folder = re.search(r'"(.+)"', head)
    return (version.stdout or version.stderr).split()[1], Path(folder[1] if folder else "."), languages


def _pytesseract() -> ModuleType:
    try:
        import pytesseract
    except ImportError:
        raise MissingExtra("pytesseract", "tesseract") from None
    return pytesseract  # type: ignore[no-any-return]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Limit the program's threads, which it only takes from the environment; one reading at a time."""
    with _environment:
        before = os.environ.get("OMP_THREAD_LIMIT")
        os.environ["OMP_THREAD_LIMIT"] = str(count)
        try:
            yield
        finally:
            if before is None:
                del os.environ["OMP_THREAD_LIMIT"]
            else:
                os.environ["OMP_THREAD_LIMIT"] = before

"""Other people's engines, called the way their own documentation shows, to stand beside ours. For comparison only.

Comes in: page images. Goes out: words in image pixels in the engine's own order. Those that convert whole files are in
`converters`. None of these is an engine of the product, and each is imported only when it is asked for.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ingest.evaluate.converters import Converter, OpenDataLoader, PyMuPdf4Llm
from ingest.evaluate.table_yardsticks import Img2Table, PyMuPdfTables, TableFinder
from loaders.document import Links, PageImage, PageText, Relations, Words
from loaders.errors import EngineNotReady, UnknownEngine, UsageError
from loaders.geometry import Array

TALL = 1.5
"""A piece this much taller than wide is read downwards, as RapidOCR itself has it."""
NVIDIA_FILES = ("detector.pth", "recognizer.pth", "relational.pth", "charset.txt", "model_config.json")


class RapidOcr:
    """RapidOCR with its defaults: PP-OCRv6 on ONNX Runtime, lines from the top down. `use_cls=False` is its own switch.

    It gives lines; each is parted at its blanks, so that words can be scored, and stays one line.
    """

    name = "rapidocr"

    def __init__(self, use_cls: bool = True) -> None:
        self.use_cls = use_cls
        self.digest = f"rapidocr {_version('rapidocr')} use_cls={use_cls}"

    def check(self) -> None:
        """Do nothing: its models come inside its wheel, which this package needs anyway."""

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        return RapidOCR(params={"Global.log_level": "error", "Global.use_cls": self.use_cls})

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        return [self._read(image) for image in images]

    def _read(self, image: PageImage) -> PageText:
        found = self._engine(np.ascontiguousarray(image.pixels[:, :, ::-1]))  # it takes what OpenCV reads: BGR
        if found.txts is None or found.boxes is None:
            return PageText(Words.none())
        return text_of_pieces(zip(found.boxes, found.txts, found.scores, strict=True))


class NvidiaOcr:
    """NVIDIA's own package, nemotron-ocr, with its defaults: v2 multilingual, paragraphs, its own sort.

    model_dir    folder with its five files; else they must be in the Hugging Face cache: nothing is downloaded here
    lang         "multi", "en" or "v1", as its own class names them
    merge_level  "paragraph", "sentence" (a line) or "word"
    """

    name = "nvidia"

    def __init__(self, model_dir: str = "", lang: str = "multi", merge_level: str = "paragraph") -> None:
        self.model_dir, self.lang, self.merge_level = model_dir, lang, merge_level
        self.digest = f"nemotron-ocr {_version('nemotron-ocr')} {lang} {merge_level} {model_dir}"

    def check(self) -> None:
        """Raise EngineNotReady or UsageError where it cannot run, without loading its models."""
        self._found()

    @cached_property
    def _pipeline(self) -> Any:
        from nemotron_ocr.inference.pipeline import NemotronOCR
        from nemotron_ocr.inference.pipeline_v2 import NemotronOCRV2

        kind = NemotronOCR if self.lang in ("v1", "legacy") else NemotronOCRV2
        return kind(model_dir=str(self._found()), lang=self.lang)

    def _found(self) -> Path:
        """Return the folder of its files, everything else being there as well."""
        try:
            import torch
            from nemotron_ocr.inference.pipeline import LANG_HUB_PATH
        except ImportError as error:
            raise EngineNotReady(
                f"NVIDIA's package cannot be imported here ({error}); it runs on Linux with CUDA 13 and the one torch "
                "it was built for: pip install nemotron-ocr in an environment of its own"
            ) from error
        if not torch.cuda.is_available():
            raise EngineNotReady("NVIDIA's package runs on CUDA only, and there is no CUDA device here")
        if self.lang not in LANG_HUB_PATH:
            raise UsageError(f"lang={self.lang!r}; choose one of {', '.join(LANG_HUB_PATH)}")
        return self._files(*LANG_HUB_PATH[self.lang])

    def _files(self, repository: str, folder: str) -> Path:
        """Return the folder of the five files. Raises EngineNotReady: the package would download silently."""
        if self.model_dir:
            missing = [name for name in NVIDIA_FILES if not (Path(self.model_dir) / name).is_file()]
            if missing:
                raise EngineNotReady(f"{self.model_dir} lacks {', '.join(missing)}")
            return Path(self.model_dir)
        from huggingface_hub import try_to_load_from_cache

        found = [try_to_load_from_cache(repository, f"{folder}/{name}") for name in NVIDIA_FILES]
        if not all(isinstance(path, str) for path in found):
            raise EngineNotReady(
                f"the files of {repository}/{folder} are not in the Hugging Face cache; download them, or give their "
                "folder: --engine nvidia:model_dir=DIR"
            )
        return Path(str(found[0])).parent

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        return [self._read(image) for image in images]

    def _read(self, image: PageImage) -> PageText:
        height, width = image.pixels.shape[:2]
        found = self._pipeline(np.ascontiguousarray(image.pixels), merge_level=self.merge_level)
        pieces = []
        for piece in found:  # its "upper" is the larger y, its "lower" the smaller
            x0, x1, y0, y1 = (float(piece[side]) for side in ("left", "right", "lower", "upper"))
            quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32) * (width, height)
            pieces.append((quad, piece["text"], float(piece["confidence"])))
        return text_of_pieces(pieces)


Yardstick = RapidOcr | NvidiaOcr | Converter | TableFinder


def open_yardstick(name: str, **options: Any) -> Yardstick:
    """Open a yardstick by name. Raises UnknownEngine, or UsageError for options that it has not.

    Its `check()` raises EngineNotReady where it cannot run here.
    """
    kinds: tuple[type[Yardstick], ...] = (
        RapidOcr,
        NvidiaOcr,
        PyMuPdf4Llm,
        OpenDataLoader,
        PyMuPdfTables,
        Img2Table,
    )
    known = {kind.name: kind for kind in kinds}
    if name not in known:
        raise UnknownEngine(f"no yardstick {name!r}; there are {', '.join(known)}")
    try:
        return known[name](**options)
    except TypeError as error:
        raise UsageError(f"{name}: {error}") from error


def text_of_pieces(pieces: Iterable[tuple[Any, str, float]]) -> PageText:
    """Part pieces of text (quad, text, confidence) into words, each piece a chain of its own, in the order given."""
    quads: list[Array] = []
    texts: list[str] = []
    confidences: list[float] = []
    chains: list[range] = []
    for quad, text, confidence in pieces:
        parts, first = text.split(), len(texts)
        quads += parted(np.asarray(quad, np.float32), text, parts)
        texts += parts
        confidences += [confidence] * len(parts)
        chains.append(range(first, len(texts)))
    words = Words.of(np.array(quads, np.float32).reshape(-1, 4, 2), texts, confidences=confidences, ocr=True)
    return PageText(words, Relations(Links.chained([chain for chain in chains if len(chain)], len(texts))))


def parted(quad: Array, text: str, words: Sequence[str]) -> list[Array]:
    """Part a piece's quad (4, 2) between its words, in proportion to their characters."""
    top_left, top_right, bottom_right, bottom_left = quad
    tall = np.linalg.norm(bottom_left - top_left) > TALL * np.linalg.norm(top_right - top_left)
    found, place = [], 0
    for word in words:
        place = text.index(word, place)
        a, b = place / len(text), (place + len(word)) / len(text)
        place += len(word)
        if tall:
            left, right = bottom_left - top_left, bottom_right - top_right
            corners = [top_left + a * left, top_right + a * right, top_right + b * right, top_left + b * left]
        else:
            top, bottom = top_right - top_left, bottom_right - bottom_left
            corners = [top_left + a * top, top_left + b * top, bottom_left + b * bottom, bottom_left + a * bottom]
        found.append(np.stack(corners))
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"

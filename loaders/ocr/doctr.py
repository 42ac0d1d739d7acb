"""The engine `doctr`: docTR's detector and recognizer. Page images go in, words with quads in image pixels come out.

docTR downloads weights when it is asked for pretrained models; this engine never asks. It builds the bare models and
loads files that are there: in docTR's own cache, or wherever the options say. Relations are docTR's: words in lines,
lines in blocks, blocks in its order. Pages are taken to be upright, since docTR's way of turning them needs two more
models, which it would fetch by itself.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from loaders.document import Links, PageImage, PageText, Relations, Words
from loaders.errors import EngineError, EngineNotReady, MissingExtra, ModelFileError, UsageError
from loaders.geometry import Array, quads_from_boxes
from loaders.ocr.type_size import ems_high

REVISION = 1
DETECTORS = (
    *("fast_tiny", "fast_small", "fast_base", "db_resnet34", "db_resnet50", "db_mobilenet_v3_large"),
    *("linknet_resnet18", "linknet_resnet34", "linknet_resnet50"),
)
RECOGNIZERS = (
    *("crnn_vgg16_bn", "crnn_mobilenet_v3_small", "crnn_mobilenet_v3_large", "sar_resnet31", "master"),
    *("vitstr_small", "vitstr_base", "parseq"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctrOptions:
    """How to read.

    detector, recognizer                  names of docTR's architectures
    detector_weights, recognizer_weights  files of weights; "" looks for them in `weights`
    weights                               folder of weights; "" is docTR's cache (DOCTR_CACHE_DIR or ~/.cache/doctr)
    batch                                 crops read in one run
    threads                               of torch, for the whole process; 0 leaves them as they are
    """

    detector: str = "fast_base"
    recognizer: str = "crnn_vgg16_bn"
    detector_weights: str = ""
    recognizer_weights: str = ""
    weights: str = ""
    batch: int = 32
    threads: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("detector", DETECTORS), ("recognizer", RECOGNIZERS)):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if self.batch < 1 or self.threads < 0:
            raise UsageError("batch is 1 or more, threads 0 or more")


def open_engine(**options: Any) -> Doctr:
    """Open the engine; options as in DoctrOptions. Raises UsageError, MissingExtra, EngineNotReady, ModelFileError."""
    known = {option.name for option in fields(DoctrOptions)}
    if unknown := set(options) - known:
        raise UsageError(f"doctr has no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    chosen = DoctrOptions(**options)
    version = _version()
    paths = weight_files(chosen)
    digests = tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    return Doctr(chosen, version, digests, _predictor(chosen, *paths))


def check() -> str:
    """Return a version line; raises MissingExtra, EngineNotReady or ModelFileError, saying what is missing."""
    version, files = _version(), weight_files(DoctrOptions())
    return f"docTR {version}: {', '.join(path.name for path in files)}"


def weight_files(options: DoctrOptions) -> tuple[Path, Path]:
    """Return the files of the detector's and the recognizer's weights.

    Raises EngineNotReady when one is not there, ModelFileError when one is not what its name says.
    """
    folder = Path(options.weights) if options.weights else _cache() / "models"
    pairs = ((options.detector, options.detector_weights), (options.recognizer, options.recognizer_weights))
    detector, recognizer = (_weight_file(name, given, folder) for name, given in pairs)
    return detector, recognizer


def _weight_file(architecture: str, given: str, folder: Path) -> Path:
    if given:
        if not Path(given).is_file():
            raise EngineNotReady(f"no weights at {given}")
        return Path(given)
    found = sorted(path for path in folder.glob(f"{architecture}-*.pt") if path.is_file())
    if not found:
        raise EngineNotReady(
            f"no weights of {architecture} in {folder}: docTR downloads them when asked, as by "
            "python -c 'from doctr.models import ocr_predictor; ocr_predictor(pretrained=True)'"
        )
    path = found[-1]
    beginning = path.stem.rpartition("-")[2]  # docTR names files after the beginning of their sha256
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(beginning):
        raise ModelFileError(
            f"{path} is damaged: its sha256 does not begin with {beginning}; delete it, fetch it again"
        )
    return path


@dataclass(frozen=True, slots=True, eq=False)
class Doctr:
    """docTR: see the module."""

    options: DoctrOptions
    version: str
    weights: tuple[str, str] | tuple[str, ...]
    predictor: Any
    name: str = "doctr"

    @property
    def digest(self) -> str:
        """Identify the models by their content, the package, and the architectures."""
        options = {k: v for k, v in asdict(self.options).items() if k in ("detector", "recognizer")}
        identity = [REVISION, self.version, self.weights, options, importlib.metadata.version("torch")]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read the images; one result per image, in order. Raises EngineError when docTR fails."""
        for number, image in enumerate(images):
            if image.pixels.ndim != 3 or image.pixels.dtype != np.uint8 or not image.pixels.size:
                raise UsageError(
                    f"image {number} is {image.pixels.dtype} {image.pixels.shape}; give RGB uint8 (H, W, 3)"
                )
        if not images:
            return []
        try:
            document = self.predictor([np.ascontiguousarray(image.pixels) for image in images])
        except Exception as error:
            raise EngineError(f"docTR failed on {len(images)} images: {type(error).__name__}: {error}") from error
        return document_texts(document, [image.pixels.shape[:2] for image in images])


def document_texts(document: Any, shapes: Sequence[tuple[int, ...]]) -> list[PageText]:
    """Turn a docTR Document, or what its `export()` returns, into one PageText per page.

    `shapes` are the (height, width) of the images, in whose pixels the quads come out. Raises EngineError when there
    are not as many pages.
    """
    exported = document if isinstance(document, Mapping) else document.export()
    pages = exported["pages"]
    if len(pages) != len(shapes):
        raise EngineError(f"docTR returned {len(pages)} pages for {len(shapes)} images")
    return [_page_text(page, shape[0], shape[1]) for page, shape in zip(pages, shapes, strict=True)]


def _page_text(page: Mapping[str, Any], height: int, width: int) -> PageText:
    blocks = [[_worded(line) for line in block["lines"]] for block in page["blocks"]]
    blocks = [lines for block in blocks if (lines := [line for line in block if line])]
    lines = [line for block in blocks for line in block]
    words = [word for line in lines for word in line]
    relations = Relations(
        Links.chained(_runs(lines), len(words)),
        Links.chained(_runs(blocks), len(lines)),
        Links.chained([range(len(blocks))], len(blocks)),
    )
    quads = np.array([_quad(word["geometry"]) for word in words], np.float32).reshape(-1, 4, 2)
    quads = quads * np.array([width, height], np.float32)
    texts = [str(word["value"]).strip() for word in words]
    heights = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    sizes = np.array([high / ems_high(text) for high, text in zip(heights, texts, strict=True)], np.float32)
    for run in _runs(lines):
        sizes[list(run)] = np.median(sizes[list(run)])
    return PageText(Words.of(quads, texts, [float(word["confidence"]) for word in words], sizes=sizes), relations)


def _worded(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [word for word in line["words"] if str(word["value"]).strip()]


def _runs(groups: Sequence[Sequence[Any]]) -> list[range]:
    """Return the positions of each group's members, counted through all groups."""
    ends = np.cumsum([len(group) for group in groups], dtype=int)
    return [range(end - len(group), end) for group, end in zip(groups, ends.tolist(), strict=True)]


def _quad(geometry: Any) -> Array:
    """Return a quad in shares of the page from ((x0, y0), (x1, y1)) or four corners."""
    points = np.asarray(geometry, np.float32).reshape(-1, 2)
    return points if len(points) == 4 else quads_from_boxes(points.reshape(1, 4))[0]


# -- the package ------------------------------------------------------------------------------------------------


def _version() -> str:
    if importlib.util.find_spec("doctr") is None:
        raise MissingExtra("python-doctr", "doctr")
    return importlib.metadata.version("python-doctr")


def _cache() -> Path:
    """Return the folder docTR keeps downloads in; the variable is docTR's, not ours."""
    return Path(os.environ.get("DOCTR_CACHE_DIR") or Path.home() / ".cache" / "doctr")


def _predictor(options: DoctrOptions, detector_file: Path, recognizer_file: Path) -> Any:
    """Build docTR's predictor from files of weights; nothing in it reaches for the network."""
    from doctr.models import detection, ocr_predictor, recognition
    from doctr.models.detection.fast import reparameterize

    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    try:
        detector = getattr(detection, options.detector)(pretrained=False, pretrained_backbone=False)
        detector.from_pretrained(str(detector_file))
        recognizer = getattr(recognition, options.recognizer)(pretrained=False, pretrained_backbone=False)
        recognizer.from_pretrained(str(recognizer_file))
    except Exception as error:
        raise ModelFileError(f"{detector_file.name} and {recognizer_file.name} do not load: {error}") from error
    if options.detector.startswith("fast"):
        detector = reparameterize(detector)
    return ocr_predictor(detector, recognizer, pretrained=False, reco_bs=options.batch, assume_straight_pages=True)

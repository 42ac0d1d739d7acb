"""Text recognition: quads of an image go in, what each says comes out, with the place of every character.

Each quad is warped to a strip of as many rows as the recognizer wants, about as wide as its shape asks: the nearest of
some thirty widths, so that nothing is padded (padding is a quarter of RapidOCR's time) and few shapes are ever seen (a
new one costs OpenVINO as much as reading a line or two). A character's place is the middle of the steps in which CTC
(Graves et al., "Connectionist Temporal Classification", ICML 2006) names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.ocr.ppocr_models import CAREFUL, Cut, RecognizerModel
from loaders.ocr.ppocr_runtime import network_input

Pixels = npt.NDArray[np.uint8]
Languages = Literal["auto", "latin", "all"]

LINE = 40
"""Columns of a strip for what of its quad's height the careful recognizer sees: nothing is stretched for that one."""
STEP = 8
"""Pixels of a strip per step of the network."""
MIN_WIDTH, MAX_WIDTH, NEXT_WIDTH = 32, 8192, 1.21
"""The narrowest and the widest strip, and how much wider each width is than the one before. With 1.1 six pages read no
better, and a process took an eighth more memory."""
GREY = 127
"""What a strip narrower than MIN_WIDTH is filled up with: zero, once scaled to -1..1."""
FULL_STEPS = 32
"""The full layer is asked for so many steps at once, filled up with zeros."""
SURE, SURE_CHARACTER = 0.97, 0.4
"""A line whose mean, or one of whose characters, is less likely is read again by the careful recognizer."""
SHORT, SURE_IN_SHORT = 16, 0.95
"""Lines of so few characters cost little to read again, so each of theirs has to be likelier."""
REACH = float(np.exp(-16.0))
"""A stand-in this likely, beside the best character, says that the full layer must look (see ppocr_models)."""


def _widths() -> npt.NDArray[np.int64]:
    widths = [*range(STEP, MIN_WIDTH, STEP), MIN_WIDTH]
    while widths[-1] < MAX_WIDTH:
        widths.append(min(max(widths[-1] + STEP, round(widths[-1] * NEXT_WIDTH / STEP) * STEP), MAX_WIDTH))
    return np.array(widths)


WIDTHS = _widths()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a strip says: characters (spaces among them), the middle of each in strip pixels, how sure each is.

    `foreign`: there is something that the narrow layer cannot spell.
    """

    text: str
    places: Array
    chances: Array
    foreign: bool = False

    @property
    def confidence(self) -> float:
        """Mean over the characters; 0 where nothing was read."""
        return float(self.chances.mean()) if len(self.chances) else 0.0

    @property
    def doubtful(self) -> bool:
        """Say whether the careful recognizer should have a look."""
        if self.foreign or not len(self.chances):
            return True
        least = SURE_IN_SHORT if len(self.chances) <= SHORT else SURE_CHARACTER
        return self.confidence < SURE or float(self.chances.min()) < least


class Levels:
    """An image and its halves, quarters, …, made when asked for, so that shrinking a tall line skips no pixels."""

    def __init__(self, pixels: Pixels) -> None:
        self._levels = [pixels]

    def at(self, level: int) -> Pixels:
        """Return the image shrunk by 2 ** level."""
        import cv2

        while len(self._levels) <= level:
            last = self._levels[-1]
            size = (max(last.shape[1] // 2, 1), max(last.shape[0] // 2, 1))
            self._levels.append(np.asarray(cv2.resize(last, size, interpolation=cv2.INTER_AREA), np.uint8))
        return self._levels[level]


def strip(levels: Levels, quad: Array, cut: Cut) -> Pixels:
    """Return the text in a quad, upright, as pixels (cut.height, W) or (..., 3); its first corner is its top left."""
    import cv2

    seen = without_ground(quad, cut)
    level = max(int(np.log2(max(sides(seen)[1] / cut.height, 1.0))), 0)
    image = levels.at(level)
    full = levels.at(0)
    shrink = np.array([image.shape[1] / full.shape[1], image.shape[0] / full.shape[0]], np.float32)
    columns = strip_width(*sides(quad))
    target = np.array([[0, 0], [columns, 0], [0, cut.height]], np.float32)
    transform = cv2.getAffineTransform((seen[[0, 1, 3]] * shrink).astype(np.float32), target)
    out = np.full((cut.height, max(columns, MIN_WIDTH), *image.shape[2:]), GREY, np.uint8)
    out[:, :columns] = cv2.warpAffine(
        image, transform, (columns, cut.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def without_ground(quad: Array, cut: Cut) -> Array:
    """Return a quad less the ground above and below its text; its first corner is the text's top left."""
    inward = (quad[[3, 2, 1, 0]] - quad) * np.float32(cut.ground / 2)
    return np.asarray(quad + inward, np.float32)


def sides(quad: Array) -> tuple[float, float]:
    """Return the width and height of a quad along its text."""
    return (
        max(float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[2] - quad[3])), 1.0),
        max(float(np.linalg.norm(quad[3] - quad[0])), float(np.linalg.norm(quad[2] - quad[1])), 1.0),
    )


def strip_width(width: float, height: float) -> int:
    """Return how many columns of a strip a quad of that size takes; those up to MIN_WIDTH are grey."""
    return int(WIDTHS[np.abs(np.log(WIDTHS * height * (1 - CAREFUL.ground) / (LINE * width))).argmin()])


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The best character of every step of a strip (T,), its probability, which steps are in doubt, features (T, 120).

    Without any doubt there are no features.
    """

    best: npt.NDArray[np.intp]
    chance: Array
    doubted: npt.NDArray[np.bool_]
    features: Array | None


def recognize(model: RecognizerModel, strips: Sequence[Pixels], languages: Languages) -> list[Reading]:
    """Read strips (cut.height, W, 3), those that are the same once; one reading per strip, in order."""
    first: dict[bytes, int] = {}
    same = [first.setdefault(pixels.tobytes(), i) for i, pixels in enumerate(strips)]
    by_width: dict[int, list[int]] = defaultdict(list)
    for i in first.values():
        by_width[strips[i].shape[1]].append(i)
    steps: dict[int, _Steps] = {}
    for width in sorted(by_width):
        rows = by_width[width]
        while rows:
            size = next(size for size, widest in model.batches if size <= len(rows) and width <= widest)
            batch, rows = rows[:size], rows[size:]
            steps.update(zip(batch, _look(model, [strips[i] for i in batch], languages), strict=True))
    _look_again(model, [steps[i] for i in first.values()])
    found = {
        i: replace(decode(one.best, one.chance, model.characters), foreign=_has_foreign(model, one))
        for i, one in steps.items()
    }
    return [found[i] for i in same]


def _look(model: RecognizerModel, strips: Sequence[Pixels], languages: Languages) -> list[_Steps]:
    """Look at strips of one width with the narrow layer."""
    scores, features = model.narrow(network_input(strips))
    known = scores[..., : len(model.kept)]
    best, chance = model.kept[known.argmax(-1)], known.max(-1)
    doubted = np.full(best.shape, languages == "all")
    if languages == "auto":
        doubted = scores[..., len(model.kept) :].max(-1) > REACH * chance
    return [
        _Steps(*row, feature.copy() if row[2].any() else None)
        for row, feature in zip(zip(best, chance, doubted, strict=True), features, strict=True)
    ]


def _look_again(model: RecognizerModel, steps: Sequence[_Steps]) -> None:
    """Ask the full layer about the steps in doubt, and about the whole strip where it finds what the narrow one lacks.

    It judges each step by itself, so those of all strips go together. A character can be lost between doubted ones: in
    a Chinese line the narrow layer is sure of some blanks that are none.
    """
    in_doubt = [one for one in steps if one.features is not None]
    _ask(model, in_doubt, [one.doubted for one in in_doubt])
    foreign = [one for one in in_doubt if _has_foreign(model, one)]
    _ask(model, foreign, [np.ones_like(one.doubted) for one in foreign])


def _has_foreign(model: RecognizerModel, one: _Steps) -> bool:
    return one.features is not None and not np.isin(one.best, model.kept).all()


def _ask(model: RecognizerModel, steps: Sequence[_Steps], asked: Sequence[npt.NDArray[np.bool_]]) -> None:
    """Put what the full layer says of the steps that are asked for in their place."""
    if not steps:
        return
    features = [one.features[mine] for one, mine in zip(steps, asked, strict=True) if one.features is not None]
    best, chance = in_full(model, np.concatenate(features))
    ends = np.cumsum([mine.sum() for mine in asked])
    for one, mine, end in zip(steps, asked, ends, strict=True):
        one.best[mine], one.chance[mine] = best[end - mine.sum() : end], chance[end - mine.sum() : end]


def in_full(model: RecognizerModel, features: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """Return the best character of all, and its probability, for the features (N, 120) of some steps."""
    best, chance = np.zeros(len(features), np.intp), np.zeros(len(features), np.float32)
    for start in range(0, len(features), FULL_STEPS):
        part = features[start : start + FULL_STEPS]
        filled = np.pad(part, ((0, FULL_STEPS - len(part)), (0, 0)))
        scores = model.full(filled[None])[0][0, : len(part)]
        best[start : start + FULL_STEPS], chance[start : start + FULL_STEPS] = scores.argmax(-1), scores.max(-1)
    return best, chance


def decode(best: npt.NDArray[np.int64], chance: Array, characters: Sequence[str]) -> Reading:
    """Turn the best character of every step into text: runs of one character are one, blanks (0) part them.

    best, chance: (T,) index and probability of the best character; places come out at STEP pixels per step.
    """
    starts = np.flatnonzero(np.concatenate([[True], best[1:] != best[:-1]]))
    ends = np.append(starts[1:], len(best))
    kept = best[starts] != 0
    starts, ends = starts[kept], ends[kept]
    peaks = np.array([chance[a:b].max() for a, b in zip(starts, ends, strict=True)], np.float32)
    places = ((starts + ends) / 2 * STEP).astype(np.float32)
    return Reading("".join(characters[best[i]] for i in starts), places, peaks)

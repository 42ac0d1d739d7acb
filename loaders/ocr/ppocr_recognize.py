"""Text recognition: quads of an image go in, what each says comes out, with the place of every character.

Each quad is warped once, to a strip 48 pixels high and as wide as its shape asks, rounded to 8 pixels; strips of one
width are read together, so that nothing is padded (padding is a quarter of RapidOCR's time). A character's place is
the middle of the steps in which CTC (Graves et al., "Connectionist Temporal Classification", ICML 2006) names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.ocr.ppocr_models import FEATURES, IMAGE, SCORES, RecognizerModel

Pixels = npt.NDArray[np.uint8]
Languages = Literal["auto", "latin", "all"]

HEIGHT = 48
STEP = 8
"""Pixels of a strip per step of the network."""
MIN_WIDTH, MAX_WIDTH = 32, 8192
GREY = 127
"""What a strip narrower than MIN_WIDTH is filled up with: zero, once scaled to -1..1."""
BATCH_WIDTH = 1280
"""Pixels of width read in one run; more is no faster on a CPU and takes memory."""
REACH = float(np.exp(-16.0))
"""A stand-in this likely, beside the best character, says that the full layer must look (see ppocr_models)."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a strip says: characters (spaces among them), the middle of each in strip pixels, how sure each is."""

    text: str
    places: Array
    chances: Array

    @property
    def confidence(self) -> float:
        """Mean over the characters; 0 where nothing was read."""
        return float(self.chances.mean()) if len(self.chances) else 0.0


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


def strip(levels: Levels, quad: Array) -> Pixels:
    """Return the text in a quad as RGB pixels (48, W, 3), upright; the quad's first corner is the text's top left."""
    import cv2

    width, height = sides(quad)
    level = max(int(np.log2(max(height / HEIGHT, 1.0))), 0)
    image = levels.at(level)
    full = levels.at(0)
    shrink = np.array([image.shape[1] / full.shape[1], image.shape[0] / full.shape[0]], np.float32)
    columns = strip_width(width, height)
    target = np.array([[0, 0], [columns, 0], [0, HEIGHT]], np.float32)
    transform = cv2.getAffineTransform((quad[[0, 1, 3]] * shrink).astype(np.float32), target)
    out = np.full((HEIGHT, max(columns, MIN_WIDTH), 3), GREY, np.uint8)
    out[:, :columns] = cv2.warpAffine(
        image, transform, (columns, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def sides(quad: Array) -> tuple[float, float]:
    """Return the width and height of a quad along its text."""
    return (
        max(float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[2] - quad[3])), 1.0),
        max(float(np.linalg.norm(quad[3] - quad[0])), float(np.linalg.norm(quad[2] - quad[1])), 1.0),
    )


def strip_width(width: float, height: float) -> int:
    """Return how many columns of a strip the text takes; those up to MIN_WIDTH are grey."""
    return int(min(max(round(HEIGHT * width / height / STEP) * STEP, STEP), MAX_WIDTH))


def recognize(model: RecognizerModel, strips: Sequence[Pixels], languages: Languages) -> list[Reading]:
    """Read strips (48, W, 3); one reading per strip, in order."""
    by_width: dict[int, list[int]] = defaultdict(list)
    for i, pixels in enumerate(strips):
        by_width[pixels.shape[1]].append(i)
    readings: dict[int, Reading] = {}
    for width in sorted(by_width):
        rows, size = by_width[width], max(BATCH_WIDTH // width, 1)
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            readings.update(zip(batch, _read(model, [strips[i] for i in batch], languages), strict=True))
    return [readings[i] for i in range(len(strips))]


def _read(model: RecognizerModel, strips: Sequence[Pixels], languages: Languages) -> list[Reading]:
    """Read strips of one width."""
    bgr = np.stack(strips)[..., ::-1].astype(np.float32)
    image = np.ascontiguousarray((bgr / 127.5 - 1.0).transpose(0, 3, 1, 2))
    scores, features = model.narrow.run([SCORES, FEATURES], {IMAGE: image})
    known = len(model.alphabet)
    best = scores[..., :known].argmax(-1)
    chance = scores[..., :known].max(-1)
    if languages == "all":
        doubted = np.ones(len(strips), bool)
    elif languages == "latin":
        doubted = np.zeros(len(strips), bool)
    else:
        doubted = (scores[..., known:].max(-1) > REACH * chance).any(-1)
    readings = [decode(best[i], chance[i], model.alphabet) for i in range(len(strips))]
    if doubted.any():
        full = model.full.run([SCORES], {FEATURES: features[doubted]})[0]
        for i, row in zip(np.flatnonzero(doubted), full, strict=True):
            readings[i] = decode(row.argmax(-1), row.max(-1), model.characters)
    return readings


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

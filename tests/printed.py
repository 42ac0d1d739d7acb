"""Pages as pixels, printed with Pillow's own face, with the words that are on them and the boxes of their ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from loaders.document import PageImage, PageText
from loaders.geometry import boxes_from_quads

PARAGRAPH = (
    "Quarterly revenue grew by 12.5% to $48,310.",
    "The committee met on 14 March and agreed",
    "that all seven proposals should be judged",
    "by the same five rules, without exception.",
    "Prices (net of tax) are shown in column B;",
    "see page 23 for notes on how they were found.",
)


@dataclass(frozen=True)
class Printed:
    """A page: RGB pixels, its words line by line, and a box (x0, y0, x1, y1) per word.

    A box is as wide as its word's ink and as high as the ink of its whole line.
    """

    pixels: npt.NDArray[np.uint8]
    texts: tuple[str, ...]
    boxes: npt.NDArray[np.float32]

    @property
    def image(self) -> PageImage:
        return PageImage.of(self.pixels)

    def turned(self, counterclockwise: int) -> PageImage:
        """Return the page laid on its side, by quarter turns."""
        return PageImage.of(np.ascontiguousarray(np.rot90(self.pixels, counterclockwise)))


def printed(
    lines: Sequence[tuple[float, float, str]], size: float = 24, width: int = 640, height: int = 320
) -> Printed:
    """Print lines (x, y of the top, text) in black on white."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    texts: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for x, y, line in lines:
        top, bottom = draw.textbbox((x, y), line, font=font)[1::2]
        draw.text((x, y), line, font=font, fill="black")
        for word, start in _words(line):
            left, right = (draw.textlength(line[:end], font=font) for end in (start, start + len(word)))
            texts.append(word)
            boxes.append((x + left, top, x + right, bottom))
    return Printed(np.array(image), tuple(texts), np.array(boxes, np.float32))


def paragraph(size: float = 24, lines: Sequence[str] = PARAGRAPH, width: int = 640) -> Printed:
    """Print lines below each other."""
    step = size * 1.6
    return printed(
        [(40, 30 + step * i, line) for i, line in enumerate(lines)], size, width, int(60 + step * len(lines))
    )


def overlaps(found: PageText, texts: Sequence[str], boxes: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return for each true word its best IoU with a word found that says the same; 0 where there is none."""
    best = []
    for text, box in zip(texts, np.asarray(boxes, np.float32), strict=True):
        same = [i for i, other in enumerate(found.words.texts) if other == text]
        best.append(max((iou(box, other) for other in boxes_from_quads(found.words.quads[same])), default=0.0))
    return np.array(best, np.float32)


def iou(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return intersection over union of two boxes."""
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


def _words(line: str) -> list[tuple[str, int]]:
    """Return the words of a line and where each starts."""
    starts, at = [], 0
    for word in line.split():
        at = line.index(word, at)
        starts.append((word, at))
        at += len(word)
    return starts

"""Networks whose outputs are written by hand: each word of a page has a place, a text, confidences and links.

The planted detector writes each word's number into its feature map, where the strips are cut; the planted recognizer
reads the number from the strip and answers with that word's text. So texts come out right only if boxes, sampling,
batches and frames are right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from loaders.ocr.nemotron.corrections import Corrections
from loaders.ocr.nemotron.detector import DetectorOutput
from loaders.ocr.nemotron.reader import Model, PageReader
from loaders.ocr.nemotron.recognizer import Reading
from loaders.ocr.nemotron.relational import Relations
from loaders.ocr.nemotron.runtime import Runtime

CHARSET = "".join(chr(code) for code in range(33, 127))
SLOTS = 32
CELL = 4
WORD, LINE = 6.0, 6.0  # logits of planted links


@dataclass(frozen=True, slots=True)
class Word:
    """A word: x0, y0, x1, y1 in pixels of the detector's input, its text, and the confidence of box and text both."""

    box: tuple[float, float, float, float]
    text: str
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class World:
    """Words, and what follows what: pairs of words on a line, pairs of words of lines that follow each other."""

    words: Sequence[Word]
    next_word: dict[int, int] = field(default_factory=dict)
    next_line: dict[int, int] = field(default_factory=dict)


def maps(words: Sequence[tuple[int, Word]], side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Write words, each with its number, into confidence logits, boxes and features of one input."""
    cells = side // CELL
    logits, boxes = torch.full((cells, cells), -9.0), torch.zeros(cells, cells, 5)
    features = torch.zeros(128, cells, cells)
    for number, word in words:
        x0, y0, x1, y1 = word.box
        features[0, _cells(y0, y1, cells, 1), _cells(x0, x1, cells, 1)] = number + 1
        row = min(int((y0 + y1) / 2 / CELL), cells - 1)
        for column in range(cells)[_cells(x0, x1, cells)]:
            x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
            logits[row, column] = torch.logit(torch.tensor(word.confidence))
            boxes[row, column] = torch.tensor([y - y0, x1 - x, y1 - y, x - x0, 0.0])
    return logits, boxes, features


def _cells(start: float, end: float, cells: int, margin: int = 0) -> slice:
    first, last = round(start / CELL), round(end / CELL)
    return slice(max(first - margin, 0), min(max(last, first + 1) + margin, cells))


def read_numbers(strips: Tensor) -> list[int]:
    """Return the number of the word that each strip was cut from."""
    numbers = []
    for strip in strips:
        values = strip[0][strip[0] > 0].round().long()
        numbers.append(int(values.mode().values) - 1)
    return numbers


def spell(numbers: Sequence[int], words: Sequence[Word]) -> Reading:
    """Answer with the words' texts; features carry the number on to the relational network."""
    tokens = torch.ones(len(numbers), SLOTS, dtype=torch.int64)
    logs, features = torch.zeros(len(numbers), SLOTS), torch.zeros(len(numbers), SLOTS, 256)
    for row, number in enumerate(numbers):
        for slot, character in enumerate(words[number].text):
            tokens[row, slot] = 3 + CHARSET.index(character)
            logs[row, slot] = float(np.log(words[number].confidence))
        features[row] = number
    return Reading(tokens, logs, features)


def link(numbers: Sequence[int], world: World) -> Relations:
    """Answer with the planted links between the words of one page."""
    count = len(numbers)
    place = {number: k for k, number in enumerate(numbers)}
    made = [torch.full((count, count + 1), -torch.inf) for _ in range(3)]
    for relation in made:
        relation[:, 0] = 0
    for dense, links, strength in ((made[0], world.next_word, WORD), (made[1], world.next_line, LINE)):
        for number, after in links.items():
            if number in place and after in place:
                dense[place[number], place[after] + 1] = strength
                made[2][place[number], place[after] + 1] = 0
    return Relations(*made)


def reader(
    detect: Callable[[Tensor], DetectorOutput],
    read: Callable[[Tensor], Reading],
    world: World,
    corrections: Corrections | None = None,
    *,
    side: int = 1024,
    batch: int = 1,
) -> PageReader:
    """Open a reader over planted networks."""

    def relate(rectified: Tensor, quads: Tensor, counts: Sequence[int], recognized: Tensor) -> list[Relations]:
        numbers = [int(value) for value in recognized[:, 0, 0]]
        assert read_numbers(rectified) == numbers
        assert quads.shape == (sum(counts), 4, 2)
        parts = torch.tensor(numbers, dtype=torch.int64).split(list(counts))
        return [link(part.tolist(), world) for part in parts]

    model = Model(Runtime(detect, read, relate), tuple(CHARSET), side, SLOTS, torch.device("cpu"))
    return PageReader(model, corrections or Corrections(), batch=batch)


def planted_reader(world: World, corrections: Corrections | None = None, *, batch: int = 1) -> PageReader:
    """Open a reader that finds the world's words on every page that is not blank white."""
    planted = maps(list(enumerate(world.words)), 1024)

    def detect(images: Tensor) -> DetectorOutput:
        empty = maps([], 1024)
        each = [empty if image.amin() == 1 else planted for image in images]
        return DetectorOutput(*(torch.stack(parts) for parts in zip(*each, strict=True)))

    return reader(detect, lambda strips: spell(read_numbers(strips), world.words), world, corrections, batch=batch)

"""Pages that do not stand upright: whether to read a page again, turned, and which reading to believe.

Turns are clockwise quarter turns of the page, 0 to 3. The model is weakest on text turned by 270 degrees (its card's
NED there is 0.332, upright 0.062), and finds such text better than it reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from loaders.geometry import turn_quads
from loaders.ocr.nemotron.framing import Pixels
from loaders.ocr.nemotron.reader import PageReader, PageReading

POOR = 0.6  # mean confidence, by characters; below it every turn is tried
MAJORITY = 0.6  # of the characters that must run the same way
SURE = 0.5


def read_upright(reader: PageReader, pages: Sequence[Pixels]) -> list[tuple[PageReading, int]]:
    """Read pages, some of them again turned; of each the best reading, quads in the page as given.

    The number is by how many degrees, clockwise, the page has to be turned so that its text stands upright.
    """
    readings = [[(reading, 0)] for reading in reader.read(pages)]
    again = [(page, turn) for page, [(reading, _)] in enumerate(readings) for turn in turns_to_try(reading)]
    for (page, turn), reading in zip(again, reader.read([turned(pages[p], t) for p, t in again]), strict=True):
        readings[page].append((reading, turn))
    return [_best(found, page.shape[:2]) for found, page in zip(readings, pages, strict=True)]


def _best(found: Sequence[tuple[PageReading, int]], size: Sequence[int]) -> tuple[PageReading, int]:
    """Choose the reading with the most evidence, the least turned of equals."""
    reading, turn = max(found, key=lambda one: evidence(one[0]))
    return turned_back(reading, turn, *size), (turn + upright_turn(reading)) % 4 * 90


def turned(pixels: Pixels, turn: int) -> Pixels:
    """Turn a page clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, -turn))


def turned_back(reading: PageReading, turn: int, height: int, width: int) -> PageReading:
    """Move what was read on a page turned by `turn` to the page as it was, of height x width pixels."""
    sides = (height, width) if turn % 2 else (width, height)
    return replace(reading, quads=turn_quads(reading.quads, -turn, *sides))


def turns_to_try(reading: PageReading) -> tuple[int, ...]:
    """Say by which turns a page is worth reading again: none, the one that sets its text upright, or all."""
    if not len(reading.texts):
        return ()
    lengths = _lengths(reading)
    if (reading.confidences * lengths).sum() < POOR * lengths.sum() or not lengths.sum():
        return (1, 2, 3)
    lean = upright_turn(reading)
    return (lean,) if lean else ()


def evidence(reading: PageReading) -> float:
    """Weigh a reading: its characters by their confidence, those of unsure regions left out."""
    sure = reading.confidences > SURE
    return float((reading.confidences * _lengths(reading))[sure].sum())


def upright_turn(reading: PageReading) -> int:
    """Return the turn that sets most of the text upright; 0 where it runs many ways."""
    quads, lengths = reading.quads, _lengths(reading)
    along = quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3]
    down = quads[:, 3] + quads[:, 2] - quads[:, 0] - quads[:, 1]
    telling = np.hypot(*along.T) > np.hypot(*down.T)  # the direction of a lone character says little
    quarter = np.round(np.arctan2(along[:, 1], along[:, 0]) / (np.pi / 2)).astype(int) % 4
    votes = np.bincount(quarter, lengths * telling, 4)
    way = int(votes.argmax())
    return -way % 4 if votes[way] > MAJORITY * votes.sum() else 0


def _lengths(reading: PageReading) -> np.ndarray:
    return np.array([len(text) for text in reading.texts], np.float32)

"""From a read line to its words: a strip, its reading and its quad go in; words with their own quads come out.

CTC says about where each character is; the ink says exactly where a word begins and ends. Between the last character
of a word and the first of the next, the widest stretch without ink is the gap, and the words reach up to it. Up and
down every word takes the ink of the whole line, so that words of a line share their height.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array
from loaders.ocr.ppocr_models import CJK
from loaders.ocr.ppocr_recognize import LINE, Reading
from loaders.ocr.type_size import ems_high

INK = 0.35
"""Share of the strip's contrast from which a pixel is ink."""
FLAT = 90
"""Percentile of the contrast in a line's outermost row: that of the letters which end there, whichever there are."""
FAINTEST = 23.0
"""Grey levels that the strongest ink of a line differs from its ground by, at least."""
FULL = 0.9
"""A column this full of ink is a rule: the longest strokes of letters take four fifths of the lowest strip's height."""
RULE = 0.8
"""A row this full of ink, over the words of a line, is a rule: an underline or a table's border."""
THICK = 6
"""... unless more rows than this together are half full: letters of 7 pixels, enlarged, run into each other."""
BEYOND = 0.7
"""A rule fills this share of the whole strip as well: the foot of a lone "2" does not."""
DOT_GAP = 3
"""Empty rows there may be between a letter and its dot or accent."""
WIDE_GAP = 1.2
"""An empty stretch between two characters this many line heights wide parts words although no space was read."""
END_REACH = 0.6
"""How far, in line heights, a first or last character may reach from its middle to its outer edge."""
BELIEVED = 0.5
"""Below this mean the line was not read, and no word of it is surer than the line."""
OPENING = frozenset({"Ps", "Pi"})
"""Unicode categories of marks that belong to what follows."""


@dataclass(frozen=True, slots=True, eq=False)
class LineWords:
    """Words of one line: quads (N, 4, 2) in image pixels, texts, confidences, type size in pixels, joined flags."""

    quads: Array
    texts: tuple[str, ...]
    confidences: Array
    size: float
    joined: npt.NDArray[np.bool_]


def words_of_line(strip: npt.NDArray[np.uint8], columns: int, reading: Reading, quad: Array) -> LineWords:
    """Split a reading into words and find each word's quad.

    strip: grey (H, W), the text in its first `columns` columns; quad: what it shows of the image, in its
    pixels, first corner the text's top left.
    """
    contrast = Contrast.of(strip[:, :columns])
    ink = contrast.ink()
    groups = word_groups(reading, ink)
    if not groups:
        return LineWords(np.zeros((0, 4, 2), np.float32), (), np.zeros(0, np.float32), 0.0, np.zeros(0, bool))
    spans = word_spans(reading, groups, ink)
    top, bottom = ink_rows(contrast, ink, spans)
    texts = tuple("".join(reading.text[i] for i in group) for group in groups)
    confidences = np.array([reading.chances[list(group)].mean() for group in groups], np.float32)
    if reading.confidence < BELIEVED:
        confidences = np.minimum(confidences, np.float32(reading.confidence))
    joined = [False] + [
        later[0] == earlier[-1] + 1 and not _wide(reading, earlier[-1], ink) for earlier, later in pairwise(groups)
    ]
    boxes = np.array([[left, top, right, bottom] for left, right in spans], np.float32)
    pixel = float(np.linalg.norm(quad[3] - quad[0])) / len(strip)
    return LineWords(
        place(boxes, (len(strip), columns), quad),
        texts,
        confidences,
        (bottom - top) * pixel / ems_high("".join(texts)),
        np.array(joined),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """How many grey levels each pixel of a strip (H, W) is from its ground, darker or lighter; most for its ink."""

    levels: npt.NDArray[np.uint8]
    most: float

    @classmethod
    def of(cls, strip: npt.NDArray[np.uint8]) -> Contrast:
        """Measure a grey strip (H, W)."""
        import cv2

        levels = np.asarray(cv2.absdiff(strip, np.full_like(strip, np.median(strip[:, ::3]))), np.uint8)
        return cls(levels, max(_percentile(levels[:, ::3], 99), FAINTEST))

    def ink(self) -> npt.NDArray[np.bool_]:
        """Return where ink is, upright rules left out."""
        ink = self.levels > INK * self.most
        ink[:, ink.mean(axis=0) > FULL] = False
        return ink

    def of_row(self, row: int, columns: npt.NDArray[np.bool_]) -> float:
        """Return the contrast that flat ends of letters have in some columns of a row, up to 1; 0 beyond the strip."""
        if not 0 <= row < len(self.levels):
            return 0.0
        return min(_percentile(self.levels[row, columns], FLAT) / self.most, 1.0)


def _percentile(levels: npt.NDArray[np.uint8], percent: float) -> float:
    """Return the grey level that so many per cent do not exceed; numpy's takes ten times as long."""
    count = np.cumsum(np.bincount(levels.reshape(-1), minlength=256))
    return float(np.searchsorted(count, percent / 100 * count[-1]))


def word_groups(reading: Reading, ink: npt.NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Return the character indices of each word: cut at spaces, at wide gaps, and where the script changes."""
    groups: list[list[int]] = []
    open_word = False
    for i, character in enumerate(reading.text):
        if character.isspace():
            open_word = False
            continue
        if open_word and not _parted(reading, i, ink):
            groups[-1].append(i)
        else:
            groups.append([i])
        open_word = True
    return [tuple(group) for group in groups]


def _parted(reading: Reading, i: int, ink: npt.NDArray[np.bool_]) -> bool:
    """Say whether a word begins at character i although no space stands before it."""
    before, here = reading.text[i - 1], reading.text[i]
    if _is_cjk(before) or _is_cjk(here):
        if unicodedata.category(here) in OPENING:
            return True
        if not _is_mark(here) and unicodedata.category(before) not in OPENING:
            return _is_cjk(before) != _is_cjk(here) or _is_mark(before)
    return _wide(reading, i - 1, ink)


def _wide(reading: Reading, i: int, ink: npt.NDArray[np.bool_]) -> bool:
    """Say whether a wide stretch without ink lies between characters i and i + 1."""
    if reading.places[i + 1] - reading.places[i] < WIDE_GAP * LINE:
        return False
    left, right = _widest_gap(ink, reading.places[i], reading.places[i + 1])
    return right - left >= WIDE_GAP * LINE


def _is_cjk(character: str) -> bool:
    return ord(character) >= CJK


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "P"


def word_spans(
    reading: Reading, groups: Sequence[tuple[int, ...]], ink: npt.NDArray[np.bool_]
) -> list[tuple[float, float]]:
    """Return the columns (left, right) each word's ink takes."""
    lefts = [_outer_edge(ink, reading.places[groups[0][0]], -1)]
    rights = []
    for earlier, later in pairwise(groups):
        left, right = _widest_gap(ink, reading.places[earlier[-1]], reading.places[later[0]])
        rights.append(left)
        lefts.append(right)
    rights.append(_outer_edge(ink, reading.places[groups[-1][-1]], 1))
    return [(left, max(right, left + 1.0)) for left, right in zip(lefts, rights, strict=True)]


def _widest_gap(ink: npt.NDArray[np.bool_], start: float, end: float) -> tuple[float, float]:
    """Return the widest stretch of columns without ink between two places; without any, the emptiest column."""
    first = min(max(int(start), 0), ink.shape[1] - 1)
    amount = ink[:, first : max(int(end), first + 1)].sum(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], amount <= _faint(ink), [False]]).astype(np.int8)))
    if not len(edges):
        thinnest = first + float(np.argmin(amount))
        return thinnest, thinnest + 1.0
    starts, ends = edges[::2], edges[1::2]
    widest = int(np.argmax(ends - starts))
    return first + float(starts[widest]), first + float(ends[widest])


def _faint(ink: npt.NDArray[np.bool_]) -> int:
    """Return the rows of ink that a column of empty ground may have: those of rules running along the line."""
    return int((ink.mean(axis=1) > RULE).sum())


def _outer_edge(ink: npt.NDArray[np.bool_], place: float, direction: int) -> float:
    """Return where the ink of a line's first (direction -1) or last (1) character ends, looking out from its middle."""
    reach = int(END_REACH * LINE)
    middle = min(max(int(place), 0), ink.shape[1] - 1)
    columns = np.arange(middle, middle + direction * (reach + 1), direction)
    columns = columns[(columns >= 0) & (columns < ink.shape[1])]
    dark = np.flatnonzero(ink[:, columns].sum(axis=0) > _faint(ink))
    edge = float(columns[dark[-1]] if len(dark) else middle)
    return edge + 1.0 if direction > 0 else edge


def ink_rows(
    contrast: Contrast, ink: npt.NDArray[np.bool_], spans: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the rows (top, bottom) the ink of a line takes, without rules and what belongs to its neighbours.

    The outermost rows count as far as their ink is strong: type sizes are told apart that differ by less than a row.
    """
    inside = np.zeros(ink.shape[1], bool)
    for left, right in spans:
        inside[int(left) : int(np.ceil(right))] = True
    share = ink[:, inside].mean(axis=1)
    share[_rules(share) & (ink.mean(axis=1) > BEYOND)] = np.inf
    open_rows = (share > 0) & np.isfinite(share)
    middle = slice(len(ink) // 4, len(ink) * 3 // 4)
    core = middle.start + int(np.argmax(np.where(open_rows, share, 0)[middle]))
    if not open_rows[core]:
        return 0.0, float(len(ink))
    top, bottom = core - _reach(share[core::-1]), core + _reach(share[core:])
    upper, lower = (_covered(contrast, ink[row] & inside, row, step) for row, step in ((top, -1), (bottom, 1)))
    return top + 1 - upper, bottom + lower


def _covered(contrast: Contrast, columns: npt.NDArray[np.bool_], row: int, step: int) -> float:
    """Return how much of a line's outermost row of ink, and of the one beyond it, the flat ends of its letters take."""
    if not columns.any():
        return 1.0
    beyond = contrast.of_row(row + step, columns)
    return contrast.of_row(row, columns) + (beyond if beyond < INK else 0.0)


def _rules(share: Array) -> npt.NDArray[np.bool_]:
    """Say which rows are a rule's, by the share (H,) of ink in each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], share > 0.5, [False]]).astype(np.int8)))
    found = share > RULE
    for start, end in edges.reshape(-1, 2):
        if end - start > THICK:
            found[start:end] = share[start:end] == 1.0
    return found


def _reach(share: Array) -> int:
    """Return how many rows a line's ink goes on from its core, up to a rule or more than DOT_GAP empty rows."""
    last = 0
    for row, amount in enumerate(share):
        if np.isinf(amount) or row - last > DOT_GAP:
            break
        if amount > 0:
            last = row
    return last


def place(boxes: Array, size: tuple[int, int], quad: Array) -> Array:
    """Return quads in image pixels of boxes (N, 4) in the pixels of a strip of so many rows and columns."""
    across, down = (quad[1] - quad[0]) / size[1], (quad[3] - quad[0]) / size[0]
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    return np.asarray(quad[0] + corners[..., :1] * across + corners[..., 1:] * down, np.float32)

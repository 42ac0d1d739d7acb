"""Glyphs of a PDF page become words.

In come glyphs as columns, in the order the page draws them; out come Words with the font of each. Both in the frame of
the page before its /Rotate is applied (points, origin top left, y down); the rasterizers turn the result.

A word is a run of glyphs on one line without white space between them, of one style. CJK characters, which are written
without spaces, are words of their own, joined to their neighbours: so every span of text has its exact box.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loaders.document import BOLD, ITALIC, MONO, RAISED, Words
from loaders.geometry import Array

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


SAME_PLACE = 0.2
"""Two prints of one word lie at most this share of its size apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """What is drawn as text on one page, a row per glyph.

    texts       the Unicode of each, white space included
    boxes       float (N, 4) upright box from ascender to descender along the font's own line
    origins     float (N, 2) where the pen stood
    directions  float (N, 2) unit vector of the baseline
    extents     float (N, 2) ascender and descender in units of the page (the descender is negative)
    sizes       float (N,) type size in units of the page
    styles      uint8 (N,) bits BOLD | ITALIC | MONO
    lines       int (N,) number of the line, rising
    fonts       int (N,) index into `names`
    unseen      bool (N,) drawn in no colour (text render mode 3, opacity 0)
    """

    texts: Sequence[str]
    boxes: Floats
    origins: Floats
    directions: Floats
    extents: Floats
    sizes: Floats
    styles: npt.NDArray[np.uint8]
    lines: npt.NDArray[np.int64]
    fonts: npt.NDArray[np.int64]
    unseen: Mask
    names: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class LayerWords:
    """The words of a text layer.

    fonts    the name of each word's font
    unseen   bool (N,) its glyphs have no colour
    first    int (N,) the row of its first glyph
    """

    words: Words
    fonts: tuple[str, ...]
    unseen: Mask
    first: npt.NDArray[np.int64]


def words_from(glyphs: Glyphs) -> LayerWords:
    """Join glyphs to words (see the module for the rule). A word drawn twice at one place is one word."""
    texts = _readable(glyphs)
    space, ink, alone = _kinds(texts)
    rows = np.flatnonzero(ink)
    if not len(rows):
        return LayerWords(Words.none(), (), np.zeros(0, bool), np.zeros(0, np.int64))
    styles = glyphs.styles | _raised(glyphs)
    touching = _same(np.cumsum(space), rows)
    same_line = _same(glyphs.lines, rows) & _same(glyphs.directions.round(3), rows)
    same_style = _same(styles, rows) & (np.abs(np.diff(glyphs.sizes[rows])) <= 0.1 * glyphs.sizes[rows][1:])
    inside = touching & same_line & same_style & ~alone[rows[1:]] & ~alone[rows[:-1]]
    starts = np.flatnonzero(np.concatenate([[True], ~inside]))
    first = rows[starts]
    shown = [texts[row] for row in rows.tolist()]
    words = Words.of(
        _quads(glyphs, rows, starts),
        ["".join(shown[a:b]) for a, b in pairwise([*starts.tolist(), len(shown)])],
        sizes=glyphs.sizes[first],
        styles=styles[first],
        ocr=False,
        joined=np.concatenate([[False], touching & same_line])[starts],
    )
    counts = np.diff(np.append(starts, len(rows)))
    unseen = np.add.reduceat(glyphs.unseen[rows].astype(int), starts) * 2 > counts
    once = _once(words, unseen)
    fonts = tuple(glyphs.names[glyphs.fonts[row]] for row in first[once])
    return LayerWords(words.take(once), fonts, unseen[once], first[once])


_BOLD = re.compile(r"bold|black|heavy|semibd|demi|(?:cm|ec|sf|la)(?:ss)?bx", re.IGNORECASE)
"""TeX calls its bold faces bx: CMBX12, SFBX1000."""


@functools.lru_cache(1024)
def style_of(name: str, *, bold: bool = False, italic: bool = False, mono: bool = False) -> int:
    """Return the style bits of a font by what it says of itself and by its name."""
    bold = bold or bool(_BOLD.search(name))
    italic = italic or bool(re.search(r"italic|oblique|slanted", name, re.IGNORECASE))
    mono = mono or bool(re.search(r"mono|courier|consol|typewriter|cmtt", name, re.IGNORECASE))
    return BOLD * bold | ITALIC * italic | MONO * mono


# -- characters -----------------------------------------------------------------------------------------------------

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}

_BULLETS = {
    0xF0B7: "•", 0xF0A7: "▪", 0xF0A8: "◻", 0xF0D8: "➢", 0xF0FC: "✓", 0xF0FE: "☑", 0xF06C: "●", 0xF06E: "■",
    0xF06F: "□", 0xF071: "❑", 0xF075: "◆", 0xF076: "❖", 0xF0E0: "→", 0xF0E8: "➔", 0xF09F: "•", 0xF0A1: "○",
}  # fmt: skip
"""Where Symbol and Wingdings put what lists begin with (Microsoft's symbol encoding is U+F000 + code)."""

_BROKEN = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_EMPTY = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, 0])
_CHARACTERS = str.maketrans({**_LIGATURES, **_BULLETS, **_BROKEN, **_EMPTY})

_CJK = ((0x2E80, 0x303F), (0x3040, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFF60),
        (0x20000, 0x3FFFF))  # fmt: skip


def _readable(glyphs: Glyphs) -> Sequence[str]:
    """Return texts with ligatures spelled out, bullets as bullets, and marks without width taken away."""
    odd = {text: text.translate(_CHARACTERS) for text in set(glyphs.texts) if not text.isascii() or text == "\0"}
    return [odd.get(text, text) for text in glyphs.texts] if odd else glyphs.texts


def _kinds(texts: Sequence[str]) -> tuple[Mask, Mask, Mask]:
    """Say of each text whether it is white space, whether it is to be seen, and whether it is a word of its own."""
    known = {text: place for place, text in enumerate(set(texts))}  # a page has thousands of glyphs, of some 80 kinds
    kinds = [(text.isspace(), bool(text) and not text.isspace(), bool(text) and _stands_alone(text)) for text in known]
    places = np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))
    space, ink, alone = np.array(kinds, bool).reshape(-1, 3)[places].T
    return space, ink, alone


def _stands_alone(text: str) -> bool:
    code = ord(text[0])
    return code >= 0x2E80 and any(low <= code <= high for low, high in _CJK)


def _raised(glyphs: Glyphs) -> npt.NDArray[np.uint8]:
    """Return RAISED for small glyphs above the baseline of the larger ones on their line."""
    direction = glyphs.directions
    below = glyphs.origins[:, 1] * direction[:, 0] - glyphs.origins[:, 0] * direction[:, 1]
    raised = np.zeros(len(below), np.uint8)
    starts = np.flatnonzero(np.r_[True, np.diff(glyphs.lines) != 0][: len(below)])
    ends = np.append(starts[1:], len(below))
    uneven = np.flatnonzero(_differing(glyphs.sizes, starts))  # most lines are of one size, and need no closer look
    for begin, end in zip(starts[uneven].tolist(), ends[uneven].tolist(), strict=True):
        rows = slice(begin, end)
        size = float(np.sort(glyphs.sizes[rows])[(end - begin) // 2])
        main = np.abs(glyphs.sizes[rows] - size) <= 0.05 * size
        if size > 0 and not main.all():
            above = np.median(below[rows][main]) - below[rows] > 0.15 * size
            raised[rows] = RAISED * (above & (glyphs.sizes[rows] < 0.9 * size))
    return raised


# -- geometry -------------------------------------------------------------------------------------------------------


def _differing(values: Floats, starts: npt.NDArray[np.int64]) -> Mask:
    """Say of each run of values whether they differ; `starts` are the first indices of the runs."""
    if not len(starts):
        return np.zeros(0, bool)
    differing: Mask = np.maximum.reduceat(values, starts) > np.minimum.reduceat(values, starts)
    return differing


def _same(column: npt.NDArray[np.generic], rows: npt.NDArray[np.int64]) -> Mask:
    """Say of each row but the first whether the column says the same as in the row before."""
    values = column[rows]
    equal = values[1:] == values[:-1]
    return equal.all(axis=1) if equal.ndim == 2 else equal


def _quads(glyphs: Glyphs, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Array:
    """Return the quads (W, 4, 2) of runs of glyphs: their extent along and across the direction of their baseline."""
    along, across = _extents(glyphs, rows)
    u0, u1 = np.minimum.reduceat(along[:, 0], starts), np.maximum.reduceat(along[:, 1], starts)
    v0, v1 = np.minimum.reduceat(across[:, 0], starts), np.maximum.reduceat(across[:, 1], starts)
    dx, dy = glyphs.directions[rows[starts]].T
    corners = [(u, v) for v, u in ((v0, u0), (v0, u1), (v1, u1), (v1, u0))]
    quads = [np.stack([u * dx - v * dy, u * dy + v * dx], axis=-1) for u, v in corners]
    return np.stack(quads, axis=1).astype(np.float32)


def _extents(glyphs: Glyphs, rows: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return where each glyph begins and ends along its baseline (N, 2) and across it, downwards (N, 2)."""
    box, (dx, dy) = glyphs.boxes[rows], glyphs.directions[rows].T
    x0, y0, x1, y1 = box.T
    along = np.stack([x0 * dx + y0 * dy, x1 * dx + y1 * dy], axis=1)
    across = np.stack([y0 * dx - x0 * dy, y1 * dx - x1 * dy], axis=1)
    along.sort(axis=1)
    across.sort(axis=1)
    skewed = np.abs(dx * dy) > 1e-3
    if skewed.any():
        _turn_back(glyphs, rows, skewed, along, across)
    return along, across


def _turn_back(glyphs: Glyphs, rows: npt.NDArray[np.int64], skewed: Mask, along: Floats, across: Floats) -> None:
    """Replace the extents of glyphs on slanting baselines, whose upright boxes are larger than they are.

    A glyph of width w and height h has an upright box of w|cos| + h|sin| by w|sin| + h|cos|; h is known.
    """
    chosen = rows[skewed]
    (dx, dy), (x, y) = glyphs.directions[chosen].T, glyphs.origins[chosen].T
    up, down = glyphs.extents[chosen].T
    box = glyphs.boxes[chosen]
    flat = np.abs(dx) >= np.abs(dy)
    wide = (box[:, 2] - box[:, 0] - (up - down) * np.abs(dy)) / np.where(flat, np.abs(dx), 1)
    tall = (box[:, 3] - box[:, 1] - (up - down) * np.abs(dx)) / np.where(flat, 1, np.abs(dy))
    width = np.maximum(np.where(flat, wide, tall), 0)
    begin, base = x * dx + y * dy, y * dx - x * dy
    along[skewed] = np.stack([begin, begin + width], axis=1)
    across[skewed] = np.stack([base - up, base - down], axis=1)


def _once(words: Words, unseen: Mask) -> npt.NDArray[np.int64]:
    """Return the rows that are no second print of a word at one place (shadows, imitated bold)."""
    seen: dict[tuple[str, bool, int, int], tuple[float, float, float]] = {}
    kept = np.ones(len(words), bool)
    centres = words.quads.mean(axis=1, dtype=np.float64)
    near = _near_their_like(words, centres)
    rows = zip(near.tolist(), centres[near].tolist(), words.sizes[near].tolist(), unseen[near].tolist(), strict=True)
    for row, (x, y), size, ghost in rows:
        text, cell = words.texts[row], max(SAME_PLACE * size, 0.1)
        column, line = int(x // cell), int(y // cell)
        others = (seen.get((text, ghost, column + i, line + j)) for i in (-1, 0, 1) for j in (-1, 0, 1))
        if any(n and math.hypot(n[0] - x, n[1] - y) <= cell and abs(n[2] - size) <= 0.1 * size for n in others):
            kept[row] = False
            continue
        seen[text, ghost, column, line] = (x, y, size)
    return np.flatnonzero(kept)


def _near_their_like(words: Words, centres: Floats) -> npt.NDArray[np.int64]:
    """Return the rows of words that may lie at one place with another of the same text, rising.

    Words at one place are neighbours along any direction; along a slanting one, few others are.
    """
    known: dict[str, int] = {}
    kind = np.array([known.setdefault(text, len(known)) for text in words.texts], np.int64)
    along = centres @ (0.8, 0.6)
    order = np.lexsort((along, kind))
    reach = max(SAME_PLACE * float(words.sizes.max(initial=0)), 0.1) + 1e-6
    close = (np.diff(kind[order]) == 0) & (np.diff(along[order]) <= reach)
    return np.unique(np.concatenate([order[1:][close], order[:-1][close]]))

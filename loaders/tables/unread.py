"""What a text detector missed in a table, to be read again: single characters, and columns of them taken for one line.

A detector shown a whole page overlooks what is small and alone ("1", "-") and takes short texts that stand close under
each other for one. A table says where to look: in line with its words. A page image, words and tables go in; quads to
read come out, and once they are read, which words they bring and which they replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from loaders.document import Words
from loaders.geometry import Array, Box, quads_from_boxes
from loaders.rulings import Floats
from loaders.tables.grid import rulings_in, words_in
from loaders.tables.ink import AROUND, marks, touching
from loaders.tables.words import Bools, Ints, Upright, is_number, turned_boxes, upright

if TYPE_CHECKING:
    from loaders.document import PageImage

TALL = 1.5
"""A word this high (em) may be several lines read as one."""
CROWDED = 0.3
"""So may one with less room (em) for each of its characters."""
UNSURE = 0.7
"""A word read with less confidence is read again."""
SURE = 0.8
"""What is read anew counts from this confidence."""
GAP = 0.45
"""Marks this near (em) on a line are one text."""
COVERED = 0.6
"""Texts take the place of a doubted word where they cover this share of its width."""
BESIDE = 0.3
"""A mark this near (em) to a word of its line was before the recognizer when it read that word."""
MARGIN = (0.3, 0.2)
"""White (em) around a text to be read, along and across its line."""
FIGURE = {"O": "0", "o": "0", "D": "0", "l": "1", "I": "1", "|": "1", "丨": "1"}
"""What a character by itself is among figures, which no recognizer can know."""
DASHES, STROKE = frozenset("-–—−_一ー"), 0.25
"""What a recognizer takes a lone dash for, if it sees it; ink lower than this (em), in the middle of a line, is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Unread:
    """Texts to be read, in the page's frame.

    quads     float32 (k, 4, 2), first corner the text's top left
    boxes     float32 (k, 4, 2), the quad that a word there gets: as high as its line, no wider than its ink
    sizes     float32 (k,), type size
    figures   bool (k,), the other texts of its column are figures
    flat      bool (k,), its ink has the place and shape of a dash
    replaces  int (k,), the word that is doubted and in whose place or beside which the text stands, or -1
    covers    float32 (k,), the share of that word's width that the text takes
    """

    quads: Array
    boxes: Array
    sizes: Array
    figures: Bools
    flat: Bools
    replaces: Ints
    covers: Array


def find_unread(image: PageImage, words: Words, tables: Sequence[Box], rulings: Array) -> Unread:
    """Find the texts in tables that no word accounts for, or only one that is to be doubted."""
    parts = [part for table in tables if (part := _in_table(image, words, table, rulings)) is not None]
    if not parts:
        none = np.zeros((0, 4, 2), np.float32)
        no = np.zeros(0, bool)
        return Unread(none, none, np.zeros(0, np.float32), no, no, np.zeros(0, int), np.zeros(0, np.float32))
    names = [field.name for field in fields(Unread)]
    return Unread(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def settle(words: Words, unread: Unread, read: Sequence[Words]) -> tuple[Words, Bools]:
    """Return the words that reading again brings, and which of the page's words (n,) they replace.

    `read` holds what was read in each quad. A doubted word is replaced where what stands in its place is read surely,
    and more surely than the word was; else it stays, and nothing is added in its place.
    """
    sure = np.array([_is_sure(found, bool(flat)) for found, flat in zip(read, unread.flat, strict=True)], bool)
    wrong = np.zeros(len(words), bool)
    for word in np.unique(unread.replaces[unread.replaces >= 0]):
        mine = np.flatnonzero((unread.replaces == word) & sure).tolist()
        if unread.covers[mine].sum() < COVERED:
            continue
        chance = float(np.mean([read[i].confidences.mean() if len(read[i]) else 0.0 for i in mine]))
        same = len(mine) == 1 and read[mine[0]].texts == (words.texts[word],)
        wrong[word] = not same and chance > float(words.confidences[word])
    kept = sure & ((unread.replaces < 0) | np.append(wrong, False)[unread.replaces])
    more = [_placed(unread, i, read[i]) for i in np.flatnonzero(kept).tolist()]
    return Words.concatenated(more), wrong


def _is_sure(found: Words, flat: bool) -> bool:
    return _is_dash(found, flat) or (len(found) > 0 and float(found.confidences.min()) >= SURE)


def _is_dash(found: Words, flat: bool) -> bool:
    """Say whether ink of a dash's shape and place is one: unless something else is read there, and surely."""
    text = "".join(found.texts)
    return flat and (not text or text in DASHES or (len(text) == 1 and float(found.confidences[0]) < SURE))


def _placed(unread: Unread, i: int, found: Words) -> Words:
    """Return what was read in a quad as words of the page; the box of one word is as high as its line."""
    if len(found) > 1:
        return found
    if _is_dash(found, bool(unread.flat[i])):
        text, chance = "-", np.full(1, SURE, np.float32)  # its shape says more than the recognizer does
    else:
        text, chance = found.texts[0], found.confidences
        text = FIGURE.get(text, text) if unread.figures[i] else text
    return Words.of(unread.boxes[i][None], [text], chance, sizes=unread.sizes[i : i + 1])


def _in_table(image: PageImage, words: Words, table: Box, rulings: Array) -> Unread | None:
    rows = words_in(words, table)
    if len(rows) < 4:
        return None
    up = upright(words, rulings_in(rulings, table), rows)
    doubted = _doubted(up, words)
    if doubted.all():
        return None
    texts, band = _on_lines(_new_marks(image, words, up, doubted), up.part(~doubted))
    if not len(texts):
        return None
    figures = _among_figures(texts, up.part(~doubted))
    ink = np.stack([texts[:, 0], band[:, 0], texts[:, 2], band[:, 1]], axis=1)
    along, across = MARGIN
    room = ink + np.array([-along, -across, along, across]) * up.em
    return Unread(
        _page_quads(room, up.angle),
        _page_quads(ink, up.angle),
        np.full(len(ink), up.em, np.float32),
        figures,
        _dashes(texts, band, up.em),
        *_replaced(ink, up, doubted),
    )


def _new_marks(image: PageImage, words: Words, up: Upright, doubted: Bools) -> Floats:
    """Return the marks (k, 4) that no word accounts for; the ink beyond a table's edge is that of words beside it."""
    others = turned_boxes(np.delete(words.quads, up.rows, axis=0).astype(np.float64), up.angle)
    found = marks(image, up, ~doubted)
    return found[~touching(found, others, AROUND * up.em)]


def _doubted(up: Upright, words: Words) -> Bools:
    """Say which words may be something else: several lines read as one, or hardly read at all."""
    size = up.boxes[:, 2:] - up.boxes[:, :2]
    edge = words.quads[up.rows, 1] - words.quads[up.rows, 0]
    lean = np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) - up.angle
    across = np.abs((lean + 180) % 360 - 180) > 45
    count = np.array([len(text) for text in up.texts])
    crowded = (count > 1) & (size[:, 0] < CROWDED * count * up.em)
    return np.asarray(across | (size[:, 1] > TALL * up.em) | crowded | (words.confidences[up.rows] < UNSURE), bool)


def _on_lines(found: Floats, known: Upright) -> tuple[Floats, Floats]:
    """Join the marks in line with known words to texts: boxes (k, 4), and their lines' tops and bottoms (k, 2)."""
    em = known.em
    middle = found[:, [1, 3]].mean(axis=1)
    boxes = known.boxes
    gap = np.maximum(boxes[None, :, 0] - found[:, None, 2], found[:, None, 0] - boxes[None, :, 2])
    level = (middle[:, None] > boxes[None, :, 1] - 0.15 * em) & (middle[:, None] < boxes[None, :, 3] + 0.15 * em)
    gap = np.where(level, gap, np.inf)
    host = gap.argmin(axis=1)
    nearest = gap[np.arange(len(found)), host]
    height = boxes[host, 3] - boxes[host, 1]
    fits = np.isfinite(nearest) & (nearest > BESIDE * em) & (found[:, 3] - found[:, 1] < 1.4 * height)
    found, band = found[fits], boxes[host[fits]][:, [1, 3]]
    if not len(found):
        return found, band
    order = np.argsort(band.mean(axis=1), kind="stable")
    line = np.empty(len(found), int)
    line[order] = np.cumsum(np.r_[False, np.diff(band.mean(axis=1)[order]) > 0.3 * em])
    order = np.lexsort((found[:, 0], line))
    found, band, line = found[order], band[order], line[order]
    starts = np.r_[True, (np.diff(line) > 0) | (found[1:, 0] - found[:-1, 2] > GAP * em)]
    first = np.flatnonzero(starts)
    x0, y0 = (np.minimum.reduceat(found[:, k], first) for k in (0, 1))
    x1, y1 = (np.maximum.reduceat(found[:, k], first) for k in (2, 3))
    edges = np.stack([np.minimum.reduceat(band[:, 0], first), np.maximum.reduceat(band[:, 1], first)], axis=1)
    return np.stack([x0, y0, x1, y1], axis=1), edges


def _dashes(texts: Floats, band: Floats, em: float) -> Bools:
    """Say which texts are a low stroke in the middle of their line, `band` (k, 2) its top and bottom."""
    place = (texts[:, [1, 3]].mean(axis=1) - band[:, 0]) / np.maximum(band[:, 1] - band[:, 0], 1e-6)
    return np.asarray((texts[:, 3] - texts[:, 1] < STROKE * em) & (place > 0.3) & (place < 0.8))


def _among_figures(texts: Floats, known: Upright) -> Bools:
    """Say which texts stand over or under words that are figures more often than not."""
    number = np.array([is_number(text) for text in known.texts], bool)
    over = (known.boxes[None, :, 0] < texts[:, None, 2]) & (known.boxes[None, :, 2] > texts[:, None, 0])
    return np.asarray((over & number).sum(axis=1) > (over & ~number).sum(axis=1))


def _replaced(texts: Floats, up: Upright, doubted: Bools) -> tuple[Ints, Array]:
    """Return the row of the doubted word that each text stands in or beside, or -1, and how much of it the text covers.

    Both in rows of the page's words, and as a share of the word's width.
    """
    if not doubted.any():
        return np.full(len(texts), -1), np.zeros(len(texts), np.float32)
    box = up.boxes[doubted]
    shared = np.minimum(texts[:, None, 2:], box[:, 2:]) - np.maximum(texts[:, None, :2], box[:, :2])
    near = (shared[..., 0] > -BESIDE * up.em) & (shared[..., 1] > 0)
    best = np.where(near, shared[..., 0], -np.inf).argmax(axis=1)
    rows = np.arange(len(texts))
    width = np.maximum(box[best, 2] - box[best, 0], 1e-6)
    covers = np.clip(shared[rows, best, 0], 0, None) / width
    return np.where(near.any(axis=1), up.rows[doubted][best], -1), covers.astype(np.float32)


def _page_quads(boxes: Floats, angle: float) -> Array:
    """Turn upright boxes back to where they lie on the page."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.asarray(quads_from_boxes(boxes) @ np.array([[cos, sin], [-sin, cos]]), np.float32)

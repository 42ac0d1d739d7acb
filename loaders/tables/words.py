"""The words and rulings of a region, turned upright: the ground on which tables are found and cut.

Words of a page go in, in the page's frame; out comes `Upright`: boxes in a space of its own where text runs along x
and lines are level, whatever way the table lies on the page. Nothing here knows of columns or rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from loaders.document import BOLD, ITALIC, Words
from loaders.geometry import Array
from loaders.rulings import Floats, whole_rulings

Ints = npt.NDArray[np.int_]
Bools = npt.NDArray[np.bool_]

BLANKS = frozenset("- – — − . .. ... … : * ** † ‡ § n.a. na n/a N/A NA nd ND x X — Ref. ✓ ✔ ✗ ✕ • ○ ●".split())
"""What stands in a cell of numbers where there is no number."""
UNITS = frozenset(
    "million billion trillion thousand hundred bn mio mrd days years months weeks hours min sec pts bps".split()
)
"""Words of more than two letters that may follow a figure without making it prose."""
LEADING = re.compile(r"^[($£€¥₩₹•●▪■◦‣·➢❖]+$|^(US|CA|AU|NT|HK)\$$|^(USD|EUR|GBP|JPY|CHF|Rs\.?)$")
LEADERS = re.compile(r"(?<=[^.…_·])[.…_·]{4,}$")
TRAILING = re.compile(r"^[)%\]*†‡§]+$|^(pp|bps)$")

THROUGH = 0.4
"""A vertical line that runs through words for this share of its length is none."""
DISAGREED = 0.4
"""Degrees by which the directions of words differ, in the middle, from which they are not believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """Words and rulings in upright coordinates (unit of the page, own origin).

    rows      int (n,), indices into the page's words
    boxes     float64 (n, 4), level boxes; `middles` (n, 2) their centres
    core      float64 (n, 2), top and bottom of the middle half of each word, clear of descenders
    texts     n strings
    em        the usual type size
    small     bool (n,), markedly smaller than that: sub- and superscripts
    styles    uint8 (n,), bold and italic bits only
    across    float64 (H, 3), horizontal rulings as y, x0, x1
    down      float64 (V, 3), vertical rulings as x, y0, y1
    angle     clockwise degrees of the text's direction on the page
    """

    rows: Ints
    boxes: Floats
    middles: Floats
    core: Floats
    texts: tuple[str, ...]
    em: float
    small: Bools
    styles: npt.NDArray[np.uint8]
    joined: Bools
    across: Floats
    down: Floats
    angle: float

    def __len__(self) -> int:
        return len(self.rows)

    def within(self, x0: float, y0: float, x1: float, y1: float) -> Upright:
        """Return the words whose centre lies in a box, and the rulings cut off a little beyond it."""
        middle = self.middles
        mask = np.asarray(np.all((middle >= (x0, y0)) & (middle <= (x1, y1)), axis=1), bool)
        part, margin = self.part(mask), 0.3 * self.em
        lines = []
        for rulings, at, along in ((self.across, (y0, y1), (x0, x1)), (self.down, (x0, x1), (y0, y1))):
            near = (rulings[:, 0] >= at[0] - margin) & (rulings[:, 0] <= at[1] + margin)
            near &= (rulings[:, 2] >= along[0]) & (rulings[:, 1] <= along[1])
            cut = rulings[near].copy()
            cut[:, 1:] = np.clip(cut[:, 1:], along[0] - margin, along[1] + margin)
            lines.append(cut)
        return replace(part, across=lines[0], down=lines[1])

    def part(self, mask: Bools) -> Upright:
        """Return the same with some of the words only; rulings stay."""
        keep = np.flatnonzero(mask)
        return Upright(
            self.rows[keep],
            self.boxes[keep],
            self.middles[keep],
            self.core[keep],
            tuple(self.texts[i] for i in keep),
            self.em,
            self.small[keep],
            self.styles[keep],
            self.joined[keep],
            self.across,
            self.down,
            self.angle,
        )


def upright(words: Words, rulings: Array, rows: Ints | None = None) -> Upright:
    """Turn words (all, or the given rows) and rulings upright, and join the rulings."""
    rows = np.arange(len(words)) if rows is None else rows
    quads = words.quads[rows].astype(np.float64)
    sizes = words.sizes[rows].astype(np.float64)
    em = float(np.median(sizes)) if len(sizes) else 1.0
    angle = text_angle(quads, [words.texts[i] for i in rows])
    level = abs((angle + 45) % 90 - 45) < 0.15
    turn = np.round(angle / 90) * 90 if level else angle
    boxes = turned_boxes(quads, turn)
    texts = tuple(words.texts[i] for i in rows)
    for i, text in enumerate(texts):
        if led := LEADERS.search(text):  # dots that lead to the next column are not the label's width
            boxes[i, 2] -= (boxes[i, 2] - boxes[i, 0]) * (led.end() - led.start()) / len(text)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.minimum(boxes[:, 3] - boxes[:, 1], em) / 4
    across, down = whole_rulings(_turned_lines(rulings, turn), near=0.15 * em, reach=0.2 * em)
    return Upright(
        rows=rows,
        boxes=boxes,
        middles=middles,
        core=np.stack([middles[:, 1] - half, middles[:, 1] + half], axis=1),
        texts=texts,
        em=em,
        small=sizes < 0.78 * em,
        styles=words.styles[rows] & np.uint8(BOLD | ITALIC),
        joined=words.joined[rows],
        across=across[across[:, 2] - across[:, 1] >= 0.8 * em],
        down=_clear_of_words(down[down[:, 2] - down[:, 1] >= 0.8 * em], boxes, em),
        angle=float(turn),
    )


def _clear_of_words(down: Floats, boxes: Floats, em: float) -> Floats:
    """Leave out vertical rulings (V, 3) that are the strokes of letters which stand under each other, as of ones."""
    kept = np.ones(len(down), bool)
    for i, (x, top, bottom) in enumerate(down):
        through = boxes[(boxes[:, 0] <= x + 0.05 * em) & (boxes[:, 2] >= x - 0.05 * em)]
        shared = np.clip(np.minimum(through[:, 3], bottom) - np.maximum(through[:, 1], top), 0, None)
        kept[i] = (shared > 0).sum() < 2 or shared.sum() < THROUGH * (bottom - top)
    return down[kept]


def text_angle(quads: Floats, texts: list[str]) -> float:
    """Return the clockwise angle in degrees at which most of the text runs; 0 for no words."""
    if not len(quads):
        return 0.0
    edge = quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]
    angles = np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) % 360
    weight = np.array([len(text) if len(text) > 1 else 0.1 for text in texts])
    quarter = np.round(angles / 90).astype(int) % 4
    main = int(np.argmax(np.bincount(quarter, weight, minlength=4)))
    lean = (angles[quarter == main] - main * 90 + 180) % 360 - 180
    skew = float(np.median(lean))
    # The quad of a short word leans with its letters; quads that do not agree tell less than where the words stand.
    if np.abs(lean).max(initial=0.0) < 0.05 or float(np.median(np.abs(lean - skew))) > DISAGREED:
        skew = _skew_of_lines(turned_boxes(quads[quarter == main], main * 90.0))
    return main * 90.0 + skew


def _skew_of_lines(boxes: Floats) -> float:
    """Measure the skew of level boxes (an engine that knows none) from the words that follow each other on a line."""
    right = right_neighbours(boxes)
    left = np.flatnonzero(right >= 0)
    if len(left) < 24:
        return 0.0
    # Words of one height only, so that a descender is not taken for a slope.
    a, b = boxes[left], boxes[right[left]]
    height = a[:, 3] - a[:, 1]
    alike = np.abs((b[:, 3] - b[:, 1]) - height) < 0.08 * height
    if alike.sum() < 24:
        return 0.0
    middle = ((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:]))[alike] / 2
    slopes = np.degrees(np.arctan2(middle[:, 1], middle[:, 0]))
    skew = float(np.median(slopes))
    return skew if 0.25 < abs(skew) < 4 else 0.0


def turned_boxes(quads: Floats, angle: float) -> Floats:
    """Return level boxes of quads after the page was turned by -angle about the origin."""
    cos, sin = np.cos(np.radians(-angle)), np.sin(np.radians(-angle))
    turned = quads @ np.array([[cos, sin], [-sin, cos]])
    middle = turned.mean(axis=1)
    if abs((angle + 45) % 90 - 45) > 1e-6 and np.ptp(quads[:, :2, 1], axis=1).max(initial=0) < 1e-3:
        # Level boxes of a skewed page: turning their corners would blow them up.
        half = (quads.max(axis=1) - quads.min(axis=1)) / 2
    else:
        half = (turned.max(axis=1) - turned.min(axis=1)) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def _turned_lines(rulings: Array, angle: float) -> Floats:
    """Turn rulings (M, 4) by -angle. A skewed line is kept as the box around it, so its slope's sign is the text's."""
    ends = np.asarray(rulings, np.float64).reshape(-1, 2, 2)
    lines = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
    skew = (angle + 45) % 90 - 45
    wide = np.abs(lines[:, 2] - lines[:, 0]) >= np.abs(lines[:, 3] - lines[:, 1])
    falling = wide == (skew < 0)  # a level line falls to the right at positive skew; an upright one leans to the left
    lines[falling, 1], lines[falling, 3] = lines[falling, 3], lines[falling, 1].copy()
    cos, sin = np.cos(np.radians(-angle)), np.sin(np.radians(-angle))
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([lines[:, :2] @ turn, lines[:, 2:] @ turn], axis=1)


def right_neighbours(boxes: Floats) -> Ints:
    """Return for each box the one next to it on its line, to the right: int (n,), -1 for none.

    On a line means: the two share half the height of the lower one.
    """
    count = len(boxes)
    right = np.full(count, -1, int)
    if not count:
        return right
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    height = boxes[:, 3] - boxes[:, 1]
    order = np.argsort(middle, kind="stable")
    reach = min(float(np.quantile(height, 0.95)), 0.501 * float(height.max()))  # no two further apart share so much
    first = np.searchsorted(middle[order], middle - reach, side="left")
    last = np.searchsorted(middle[order], middle + reach, side="right")
    widest = int((last - first).max())
    x0, y0, x1, y1 = boxes.T.copy()
    for start in range(0, count, max(1, 1_000_000 // widest)):  # so many at a time that the table below stays small
        i = np.arange(start, min(start + max(1, 1_000_000 // widest), count))[:, None]
        at = first[i] + np.arange(widest)
        near = order[np.minimum(at, count - 1)]
        shared = np.minimum(y1[near], y1[i]) - np.maximum(y0[near], y0[i])
        fits = (at < last[i]) & (near != i) & (shared >= 0.5 * np.minimum(height[near], height[i]))
        fits &= x0[near] + x1[near] > x0[i] + x1[i]
        begins = np.where(fits, x0[near], np.inf)
        best = begins.argmin(axis=1)
        found = fits.any(axis=1)
        right[i[found, 0]] = near[found, best[found]]
    return right


@lru_cache(maxsize=1 << 16)
def is_number(text: str) -> bool:
    """Say whether a cell's text is a figure: digits with signs, units, brackets, or a mark for a missing one."""
    tokens = text.split()
    if not tokens:
        return False
    if all(token in BLANKS for token in tokens):
        return True
    if "=" in text:
        return False
    words = [token for token in tokens if not any(c.isdigit() for c in token)]
    words = [w for token in words if (w := "".join(c for c in token if c.isalpha()))]
    if len(words) > 1 or any(len(word) > 2 and word.lower() not in UNITS for word in words):
        return False
    letters, digits = sum(c.isalpha() for c in text) - sum(map(len, words)), sum(c.isdigit() for c in text)
    return digits > 0 and digits >= letters

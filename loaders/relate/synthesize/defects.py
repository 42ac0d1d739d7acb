"""What an OCR engine makes of a page whose truth is known: pieces, wrong letters, lost and invented words, bent paper.

Comes in: a clean LabelledPage. Goes out: one in pixels whose words are those an engine would bring, with its pieces as
`fragments`, and the truth carried along: words lost leave their line, halves of a word are both in it, words joined are
one, and a speck taken for a word is a block of category "figure".
"""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from loaders.document import BOLD, Links, Page, Words
from loaders.geometry import Array, Box, Frame, boxes_from_quads, quads_from_boxes
from loaders.ocr.ppocr_words import OPENING
from loaders.ocr.type_size import CJK, DEEP, DESCENT, ems_high
from loaders.relate.structure import BlockDraft, assemble
from loaders.relate.synthesize.labelled import LabelledPage

JOINS = (0.6, 1.4)
"""White, in ems, up to which a detector takes two words of one row for one piece: drawn per page."""
BEARING = (0.04, 0.05)
"""White, in ems, between the ends of a word as it is set and its ink, at its start and its end."""
BASELINE = 0.78
"""Where the baseline is in the box of a font, as a share of its height; most text faces are near it."""
MOST_SKEW = 5.0
DPIS = (72, 96, 110, 150, 150, 200, 200, 300)
PAGES_SKEWED, PAGES_CURLED = 0.55, 0.15
UNSEEN_BOLD = 0.25
"""Share of the pages on which nobody looked for bold words."""
LOOKALIKES = {
    "l": "1I|", "I": "l1|", "1": "lI", "O": "0", "0": "O", "o": "0c", "e": "c", "c": "e", "m": "n", "n": "ru",
    "S": "5", "5": "S", "B": "8", "8": "B", "a": "o", "u": "v", "t": "f", "f": "t", ",": ".", ".": ",", "g": "q",
    "h": "b", "é": "e",
}  # fmt: skip
"""Letters an engine takes for each other."""


@dataclass(slots=True)
class Reading:
    """A page on its way: columns of words in reading order, the line of each, and what the lines are.

    boxes      float (N, 4), in points of the page before it is scanned; `turned` words are those not level
    pieces     int (N,), which run of the detector each word is in
    """

    quads: Array
    texts: list[str]
    confidences: npt.NDArray[np.float64]
    sizes: Array
    styles: npt.NDArray[np.uint8]
    joined: npt.NDArray[np.bool_]
    paper: Array
    lines: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: npt.ArrayLike) -> Reading:
        index = np.asarray(rows, np.int64)
        columns = ("quads", "confidences", "sizes", "styles", "joined", "paper", "lines", "pieces")
        return replace(
            self,
            texts=[self.texts[i] for i in index.tolist()],
            **{name: getattr(self, name)[index] for name in columns},
        )


def degrade(page: LabelledPage, seed: int) -> LabelledPage:
    """Return the page as an OCR engine gives it; the same for a page and a seed."""
    rng = random.Random(f"{page.family} {seed} degraded")
    severity = rng.choice((0.2, 0.5, 1.0, 2.0))
    reading = _lose(_laid_out(page), rng, 0.004 * severity)
    reading = _cut_to_ink(_find_pieces(reading, rng))
    reading = _split_words(reading, rng, 0.006 * severity)
    reading = _join_words(reading, rng, 0.012 * severity)
    _misread(reading, rng, rng.choice((0.0, 0.01, 0.03, 0.08)) * severity / 2)
    reading.quads = _piece_heights(reading)
    scale = rng.choice(DPIS) / 72 if page.page.frame.unit == "pt" else 1.0
    jitter = rng.uniform(0.01, 0.05) * severity
    reading.quads = _jittered(reading, rng, jitter, scale)
    specks = _specks(page.page.frame, rng, severity)
    bend = _bend(page.page.frame, rng)
    return _rebuilt(page, reading, specks, bend, scale, rng)


def _laid_out(page: LabelledPage) -> Reading:
    """Lay the page's words out in reading order."""
    words = page.page.words
    order = np.array([word for line in page.page.lines for word in line.words], np.int64)
    nothing = np.zeros(len(words), np.int64)
    reading = Reading(
        words.quads.astype(np.float64), list(words.texts), words.confidences.astype(np.float64), words.sizes,
        words.styles, words.joined, page.backgrounds, nothing, nothing,
    ).take(order)  # fmt: skip
    reading.lines = np.repeat(np.arange(len(page.page.lines)), [len(line.words) for line in page.page.lines])
    return reading


def _cut_to_ink(reading: Reading) -> Reading:
    """Cut the words' boxes from the font's height and the letters' advance to about their ink."""
    quads, sizes = reading.quads, reading.sizes
    tall = np.maximum(np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1), 1e-6)
    high = np.array([ems_high(text) for text in reading.texts]) * sizes
    sinks = np.array([not DEEP.isdisjoint(text) for text in reading.texts])
    below = np.where(sinks, DESCENT * sizes, 0.0)
    foot = np.clip(BASELINE * tall + below, 0, tall)  # from the top of the font's box
    top = np.clip((foot - high) / tall, 0, 0.7)[:, None]
    bottom = (foot / tall)[:, None]
    run = quads[:, 1] - quads[:, 0]
    wide = np.maximum(np.linalg.norm(run, axis=1, keepdims=True), 1e-6)
    white = np.minimum(sizes[:, None] * BEARING / wide, 0.15)
    left, right = white[:, :1] * run, white[:, 1:] * run
    down_left, down_right = quads[:, 3] - quads[:, 0], quads[:, 2] - quads[:, 1]
    reading.quads = np.stack(
        [quads[:, 0] + top * down_left + left, quads[:, 1] + top * down_right - right,
         quads[:, 1] + bottom * down_right - right, quads[:, 0] + bottom * down_left + left], axis=1,
    )  # fmt: skip
    return reading


def _lose(reading: Reading, rng: random.Random, chance: float) -> Reading:
    """Miss words, alone or with the rest of their line; small and short ones more often."""
    kept: list[int] = []
    lost_line = -1
    for i in range(len(reading)):
        if i == 0 or reading.lines[i] != reading.lines[i - 1]:
            lost_line = int(reading.lines[i]) if rng.random() < chance else -1
        short = 4.0 if len(reading.texts[i]) <= 2 else 1.0
        if reading.lines[i] != lost_line and rng.random() >= chance * short:
            kept.append(i)
    return reading.take(kept or [0])


def _find_pieces(reading: Reading, rng: random.Random) -> Reading:
    """Group words into pieces as a detector would: by white in a row, whatever column they are in.

    Words of one row whose white is under the page's reach are one piece, even over a narrow gutter; now and then a
    piece breaks within a line, or two that are a little further apart are joined.
    """
    reach, breaks = rng.uniform(*JOINS), rng.choice((0.0, 0.0, 0.003, 0.015))
    along, middle, start, end = _axes(reading)
    height = reading.sizes
    followed = np.full(len(reading), -1, np.int64)
    for level in np.unique(along):
        rows = np.flatnonzero(along == level)
        rows = rows[np.argsort(start[rows], kind="stable")]
        for place, i in enumerate(rows.tolist()):
            others = rows[place + 1 :]
            near = others[
                (start[others] - end[i] < reach * height[i])
                & (start[others] > (start[i] + end[i]) / 2)
                & (np.abs(middle[others] - middle[i]) < 0.45 * np.maximum(height[others], height[i]))
            ]
            if not len(near):
                continue
            nearest = int(near[np.argmin(start[near])])
            larger = max(height[i], height[nearest]) > 1.7 * min(height[i], height[nearest])
            same = reading.lines[i] == reading.lines[nearest]
            if not larger and rng.random() >= breaks and (same or rng.random() < 0.85):
                followed[i] = nearest
    return _in_pieces(reading, followed)


def _axes(reading: Reading) -> tuple[npt.NDArray[np.int64], Array, Array, Array]:
    """Return each word's direction (quarter turns), middle across it, and start and end along it."""
    quads = reading.quads
    run = quads[:, 1] - quads[:, 0]
    turns = np.round(np.arctan2(run[:, 1], run[:, 0]) / (math.pi / 2)).astype(int) % 4
    angle = turns * math.pi / 2
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    off = np.stack([-way[:, 1], way[:, 0]], axis=1)
    forward, sideways = (quads * way[:, None]).sum(axis=2), (quads * off[:, None]).sum(axis=2)
    return turns, sideways.mean(axis=1), forward.min(axis=1), forward.max(axis=1)


def _in_pieces(reading: Reading, followed: npt.NDArray[np.int64]) -> Reading:
    """Number the chains of `followed`, each word taken by the nearest before it only."""
    taken: dict[int, int] = {}
    for i, other in enumerate(followed.tolist()):
        if other >= 0 and other not in taken:
            taken[other] = i
    after = {i: other for other, i in taken.items()}
    piece = np.full(len(reading), -1, np.int64)
    count = 0
    for first in range(len(reading)):
        if first in taken:
            continue
        at: int | None = first
        while at is not None:
            piece[at] = count
            at = after.get(at)
        count += 1
    reading.pieces = piece
    return reading


def _split_words(reading: Reading, rng: random.Random, chance: float) -> Reading:
    """Read some words as two."""
    rows, halves = [], []
    for i, text in enumerate(reading.texts):
        cut = rng.randint(2, len(text) - 2) if len(text) >= 5 and rng.random() < chance else 0
        rows += [i, i] if cut else [i]
        halves += (
            [(0.0, cut / len(text), text[:cut]), (cut / len(text), 1.0, text[cut:])] if cut else [(0.0, 1.0, text)]
        )
    split = reading.take(rows)
    split.texts = [text for _, _, text in halves]
    split.joined = split.joined & np.array([low == 0 for low, _, _ in halves])
    low, high = (np.array([half[side] for half in halves])[:, None] for side in (0, 1))
    a, b, c, d = (split.quads[:, corner] for corner in range(4))
    split.quads = np.stack([a + low * (b - a), a + high * (b - a), d + high * (c - d), d + low * (c - d)], axis=1)
    return split


def _join_words(reading: Reading, rng: random.Random, chance: float) -> Reading:
    """Read neighbours of one line and piece as one word: by mistake, or because no space parts them in print."""
    kept: list[int] = []
    texts, quads = list(reading.texts), reading.quads.copy()
    for i in range(len(reading)):
        before = kept[-1] if kept else -1
        mates = (
            before >= 0 and reading.lines[before] == reading.lines[i] and reading.pieces[before] == reading.pieces[i]
        )
        printed = mates and reading.joined[i] and not _parted(texts[before][-1], texts[i][0])
        if printed or (mates and rng.random() < chance):
            texts[before] += texts[i]
            along = quads[before, 1] - quads[before, 0]
            if float(((quads[i, 1] - quads[before, 1]) * along).sum()) > 0:
                quads[before, 1], quads[before, 2] = quads[i, 1], quads[i, 2]
            else:
                quads[before, 0], quads[before, 3] = quads[i, 0], quads[i, 3]
        else:
            reading.joined[i] = reading.joined[i] and mates
            kept.append(i)
    reading.texts, reading.quads = texts, quads
    return reading.take(kept)


def _parted(before: str, here: str) -> bool:
    """Say whether an engine begins a word between two characters without a space: where CJK begins, ends or pauses."""
    if not (_is_cjk(before) or _is_cjk(here)):
        return False
    kinds = [unicodedata.category(character) for character in (before, here)]
    if kinds[1] in OPENING:
        return True
    paused = kinds[0][0] == "P"
    return kinds[1][0] != "P" and kinds[0] not in OPENING and (paused or _is_cjk(before) != _is_cjk(here))


def _is_cjk(character: str) -> bool:
    return ord(character) >= CJK


def _misread(reading: Reading, rng: random.Random, chance: float) -> None:
    """Mistake letters for others like them, drop some, and doubt what was misread, and now and then what was not."""
    unsure = rng.choice((0.001, 0.003, 0.01, 0.04))
    for i, text in enumerate(reading.texts):
        letters = []
        for letter in text:
            draw = rng.random()
            other = rng.choice(LOOKALIKES.get(letter, letter)) if letter in LOOKALIKES else letter
            letters.append(other if draw < chance * 0.8 else "" if draw < chance else letter)
        read = "".join(letters) or text
        doubt = abs(rng.gauss(0, unsure)) + (rng.uniform(0.05, 0.5) if read != text else 0.0)
        reading.texts[i] = read
        reading.confidences[i] = min(max(1.0 - doubt, 0.2), 1.0)


def _piece_heights(reading: Reading) -> Array:
    """Give the words of a piece one height, from the highest to the lowest ink of them all."""
    quads = reading.quads.copy()
    run = quads[:, 1] - quads[:, 0]
    run /= np.maximum(np.linalg.norm(run, axis=1, keepdims=True), 1e-9)
    off = np.stack([-run[:, 1], run[:, 0]], axis=1)
    depth = (quads * off[:, None]).sum(axis=2)
    count = int(reading.pieces.max(initial=-1)) + 1
    top, bottom = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(top, reading.pieces, depth.min(axis=1))
    np.maximum.at(bottom, reading.pieces, depth.max(axis=1))
    quads[:, :2] += ((top[reading.pieces, None] - depth[:, :2])[..., None]) * off[:, None]
    quads[:, 2:] += ((bottom[reading.pieces, None] - depth[:, 2:])[..., None]) * off[:, None]
    return quads


def _jittered(reading: Reading, rng: random.Random, jitter: float, scale: float) -> Array:
    """Move edges: a piece's up and down as a whole, with its detector's margin; each word's along the line."""
    noise = np.random.default_rng(rng.getrandbits(32))
    quads = reading.quads
    run, down = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    tall = np.linalg.norm(down, axis=1)
    run = run / np.maximum(np.linalg.norm(run, axis=1, keepdims=True), 1e-9)
    down = down / np.maximum(tall[:, None], 1e-9)
    count = int(reading.pieces.max(initial=-1)) + 1
    pads = rng.uniform(0.0, 0.12), rng.uniform(-0.04, 0.08)
    lift, sink = (noise.normal(pad, jitter, count)[reading.pieces] * tall for pad in pads)
    left, right = (noise.normal(0.0, jitter, len(reading)) * tall for _ in range(2))
    width = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    left, right = np.maximum(left, -0.3 * width), np.maximum(right, -0.3 * width)
    lift, sink = np.maximum(lift, -0.2 * tall), np.maximum(sink, -0.2 * tall)
    moved = np.stack(
        [
            quads[:, 0] - left[:, None] * run - lift[:, None] * down,
            quads[:, 1] + right[:, None] * run - lift[:, None] * down,
            quads[:, 2] + right[:, None] * run + sink[:, None] * down,
            quads[:, 3] - left[:, None] * run + sink[:, None] * down,
        ],
        axis=1,
    )
    return np.asarray(moved + noise.normal(0, 0.15 / scale, (len(reading), 1, 2)))


def _specks(frame: Frame, rng: random.Random, severity: float) -> list[tuple[tuple[float, float, float, float], str]]:
    """Invent words: dirt at the edges, a picture's corners."""
    count = rng.choice((0, 0, 0, 1, 2, 4)) if severity >= 0.5 else 0
    specks = []
    for _ in range(count):
        high = rng.uniform(4, 14)
        x, y = rng.uniform(0, 0.97 * frame.width), rng.uniform(0, 0.97 * frame.height)
        if rng.random() < 0.6:
            x = rng.choice((rng.uniform(0, 0.03), rng.uniform(0.95, 0.97))) * frame.width
        specks.append(
            (
                (x, y, x + high * rng.uniform(0.3, 2.5), y + high),
                rng.choice((".", "-", "|", "i", "1", "~", "ll", "=", "oo", "'")),
            )
        )
    return specks


Bend = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def _bend(frame: Frame, rng: random.Random) -> Bend:
    """Return how points (..., 2) of the page move when it lies askew or bent under the scanner."""
    angle = math.radians(rng.gauss(0, MOST_SKEW / 3)) if rng.random() < PAGES_SKEWED else 0.0
    angle = max(min(angle, math.radians(MOST_SKEW)), -math.radians(MOST_SKEW))
    curl = rng.uniform(-0.02, 0.02) * frame.height if rng.random() < PAGES_CURLED else 0.0
    cos, sin = math.cos(angle), math.sin(angle)
    centre = np.array([frame.width / 2, frame.height / 2])

    def moved(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, y = points[..., 0] - centre[0], points[..., 1] - centre[1]
        y = y + curl * (2 * x / frame.width) ** 2
        return np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1) + centre

    return moved


def _rebuilt(
    page: LabelledPage,
    reading: Reading,
    specks: list[tuple[tuple[float, float, float, float], str]],
    bend: Bend,
    scale: float,
    rng: random.Random,
) -> LabelledPage:
    """Put the page together again, in pixels, with its words in the order an engine finds them."""
    frame = page.page.frame
    boxes = np.array([box for box, _ in specks], np.float64).reshape(-1, 4)
    quads = bend(np.concatenate([reading.quads, quads_from_boxes(boxes)]).astype(np.float64)) * scale
    whole = Frame(math.ceil(frame.width * scale), math.ceil(frame.height * scale), "px")
    quads = np.clip(quads, 0, [whole.width, whole.height])
    if rng.random() < 0.3:  # an engine that knows upright boxes only
        quads = quads_from_boxes(boxes_from_quads(quads)).astype(np.float64)
    pieces = np.concatenate([reading.pieces, reading.pieces.max(initial=-1) + 1 + np.arange(len(specks))])
    order = _engine_order(quads, pieces)
    place = np.argsort(order)
    texts = reading.texts + [text for _, text in specks]
    chances = np.concatenate([reading.confidences, [rng.uniform(0.2, 0.8) for _ in specks]])
    joined = np.concatenate([reading.joined, np.zeros(len(specks), bool)])
    words = Words.of(
        quads[order],
        [texts[i] for i in order],
        chances[order],
        sizes=_sizes(quads, pieces, texts)[order],
        styles=_seen_bold(reading, len(specks), rng)[order],
        joined=joined[order],
    )
    drafts, categories = _drafts(page, reading, place)
    for k in range(len(specks)):
        drafts.append(BlockDraft(((int(place[len(reading) + k]),),), "figure"))
        categories.append("figure")
    structure = assemble(words, whole, drafts)
    rulings, figures = _drawn(page.page, bend, scale, whole, rng)
    read = Page(
        1, "1", whole, words, structure.lines, structure.blocks, relations=structure.relations, rulings=rulings,
        figures=figures, ocr=True, engine="synthetic", source=page.family,
    )  # fmt: skip
    paper = np.concatenate([reading.paper, np.zeros(len(specks), np.float32)])[order]
    paper = np.clip(
        paper + np.random.default_rng(rng.getrandbits(32)).normal(rng.choice((0, 0.02, 0.08)), 0.01, len(paper)), 0, 1
    )
    fragments = _fragments(pieces[order]) if rng.random() < 0.8 else None
    return LabelledPage(read, fragments, tuple(categories), paper.astype(np.float32), page.family)


def _seen_bold(reading: Reading, specks: int, rng: random.Random) -> npt.NDArray[np.uint8]:
    """Return the styles as pixels show them (strokes.py): nothing but bold, some of it missed and some of it wrong."""
    known = 0.0 if rng.random() < UNSEEN_BOLD else rng.uniform(0.4, 1.0)
    wrong = rng.choice((0.0, 0.005, 0.02, 0.05)) if known else 0.0
    draw = np.random.default_rng(rng.getrandbits(32)).random(len(reading) + specks)
    bold = np.append((reading.styles & BOLD) > 0, np.zeros(specks, bool))
    return np.where(draw < np.where(bold, known, wrong), BOLD, 0).astype(np.uint8)


def _engine_order(quads: npt.NDArray[np.float64], pieces: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the words as engines bring them: pieces from top to bottom, words along each."""
    boxes = boxes_from_quads(quads)
    tops = np.full(int(pieces.max(initial=-1)) + 1, np.inf)
    np.minimum.at(tops, pieces, boxes[:, 1])
    run = quads[:, 1] - quads[:, 0]
    along = np.where(np.abs(run[:, 0]) >= np.abs(run[:, 1]), boxes[:, 0], boxes[:, 1] * np.sign(run[:, 1]))
    return np.lexsort((along, pieces, tops[pieces].round(1)))


def _fragments(pieces: npt.NDArray[np.int64]) -> Links:
    """Link the words of each piece, which stand next to each other and in order."""
    target = np.full(len(pieces), -1, np.int32)
    same = np.flatnonzero(pieces[1:] == pieces[:-1])
    target[same] = same + 1
    return Links(target, np.ones(len(pieces), np.float32))


def _sizes(quads: npt.NDArray[np.float64], pieces: npt.NDArray[np.int64], texts: list[str]) -> Array:
    """Return type sizes as read from pixels: a piece's height over how high its letters are, in ems."""
    tall = (np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1) + np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1)) / 2
    said: dict[int, str] = {}
    for piece, text in zip(pieces.tolist(), texts, strict=True):
        said[piece] = said.get(piece, "") + text
    high = {piece: ems_high(text) for piece, text in said.items()}
    return (tall / np.array([high[piece] for piece in pieces.tolist()])).astype(np.float32)


def _drafts(page: LabelledPage, reading: Reading, place: npt.NDArray[np.int64]) -> tuple[list[BlockDraft], list[str]]:
    """Return the true blocks of what is left of the words, and the category of each line."""
    of_line: dict[int, list[int]] = {}
    for i, line in enumerate(reading.lines.tolist()):
        of_line.setdefault(line, []).append(int(place[i]))
    drafts, categories = [], []
    for block in page.page.blocks:
        left = [line for line in block.lines if line in of_line]
        if left:
            drafts.append(BlockDraft(tuple(tuple(of_line[line]) for line in left), block.category, block.level))
            categories += [page.categories[line] for line in left]
    return drafts, categories


def _drawn(page: Page, bend: Bend, scale: float, frame: Frame, rng: random.Random) -> tuple[Array, tuple[Box, ...]]:
    """Return the rulings and pictures an engine's page has: all, some, or none."""
    rulings = (
        page.rulings[[rng.random() < 0.9 for _ in range(len(page.rulings))]] if rng.random() < 0.6 else page.rulings[:0]
    )
    ends = bend(rulings.reshape(-1, 2, 2).astype(np.float64)) * scale
    level = np.abs(ends[:, 0, 0] - ends[:, 1, 0]) >= np.abs(ends[:, 0, 1] - ends[:, 1, 1])
    middle = ends.mean(axis=1)
    lines = np.array(
        [
            [*sorted((a[0], b[0])), m[1]] if flat else [*sorted((a[1], b[1])), m[0]]
            for (a, b), m, flat in zip(ends, middle, level, strict=True)
        ]
    ).reshape(-1, 3)
    flat = level[:, None] if len(level) else np.zeros((0, 1), bool)
    found = np.where(flat, lines[:, [0, 2, 1, 2]], lines[:, [2, 0, 2, 1]]).astype(np.float32)
    figures = []
    if page.figures and rng.random() < 0.5:
        moved = bend(quads_from_boxes([box.xyxy for box in page.figures]).astype(np.float64)) * scale
        figures = [frame.at(box) for box in np.clip(boxes_from_quads(moved), 0, [frame.width, frame.height] * 2)]
    return found.reshape(-1, 4), tuple(figures)

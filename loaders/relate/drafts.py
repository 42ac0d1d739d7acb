"""Blocks before they are named and ordered: words of each line, text, box and type, in main coordinates.

In: lines and blocks found in upright coordinates, tables and pictures in the page's frame. Out: drafts, one per block;
those of tables and pictures already know what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loaders.document import BOLD, Category, Words, spaced
from loaders.geometry import Array
from loaders.relate.lines import Chains
from loaders.relate.medians import weighted_median
from loaders.relate.neighbours import Bools

LABEL_LETTERS = 20
"""Lines in a picture shorter than this are labels; three longer ones under each other are prose printed over it."""


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A block to be: its lines as word indices, their texts, box (4,), type size and share of bold letters.

    `sure` is how sure its least sure word was read. `letter` is the mean width of a letter, spaces counted: of
    several lines read from pixels it tells more of their size than their heights do. `fixed` is the category where
    it is known beforehand, `table` the index of the region. `cell` says that it is a piece of a row, as a label or
    its value is.
    """

    lines: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    box: Array
    size: float
    bold: float
    letter: float
    sure: float
    fixed: Category | None = None
    table: int | None = None
    cell: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @classmethod
    def of(
        cls,
        lines: Chains,
        words: Words,
        placed: Array,
        fixed: Category | None = None,
        table: int | None = None,
    ) -> Draft:
        """Measure a block; `placed` (N, 4) are the words' boxes in main coordinates."""
        rows = [word for line in lines for word in line]
        counts = np.array([len(line) for line in lines])
        starts = np.cumsum(counts) - counts
        letters = np.array([len(words.texts[i]) for i in rows], float)
        bold = float(letters[(words.styles[rows] & BOLD) > 0].sum() / letters.sum())
        texts = tuple(spaced(words, line) for line in lines)
        size = weighted_median(words.sizes[rows], letters)
        own = placed[rows]
        widths = np.maximum.reduceat(own[:, 2], starts) - np.minimum.reduceat(own[:, 0], starts)
        letter = sum(widths.tolist()) / sum(map(len, texts))
        sure = float(words.confidences[rows].min())
        return cls(tuple(lines), texts, around(own), size, bold, letter, sure, fixed, table)


def around(boxes: Array) -> Array:
    """Return the box (4,) around boxes (M, 4)."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def first_row(start: Array, end: Array) -> tuple[list[int], float]:
    """Return the first boxes along an axis up to the first white gap, and how wide that is; infinite where none is."""
    rows = np.argsort(start, kind="stable").tolist()
    row, reach = rows[:1], float(end[rows[0]])
    for k in rows[1:]:
        if start[k] > reach:
            return row, float(start[k]) - reach
        row.append(k)
        reach = max(reach, float(end[k]))
    return row, np.inf


def distance(one: Array, other: Array) -> float:
    """Return the white between two boxes, along the axis where it is larger; 0 where they touch or overlap."""
    gap = np.maximum(np.maximum(one[:2] - other[2:], other[:2] - one[2:]), 0.0)
    return float(gap.max())


def inside(boxes: Array, regions: Array) -> Bools:
    """Say (M, R) which boxes have their centre in which regions (R, 4)."""
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    return np.asarray(((centres >= regions[:, :2]) & (centres <= regions[:, 2:])).all(axis=2))


def merge_touching(boxes: Array, reach: float) -> Array:
    """Return boxes (M, 4) with those that touch put together: a picture may be stored as strips."""
    merged = list(boxes)
    k = 0
    while k < len(merged):
        hit = next((n for n in range(k + 1, len(merged)) if distance(merged[k], merged[n]) <= reach), None)
        if hit is None:
            k += 1
        else:
            merged[k] = around(np.stack([merged[k], merged.pop(hit)]))
            k = 0
    return np.array(merged, np.float32).reshape(-1, 4)


def gather_labels(
    drafts: Sequence[Draft], pictures: Array, words: Words, placed: Array, body_size: float
) -> tuple[list[Draft], Array]:
    """Put what is written inside a picture into one draft each; return the drafts and the pictures that hold no words.

    Pictures (P, 4) are in main coordinates. Prose printed over a picture, and type larger than the body's, stay as
    they are, and that picture is then no unit of its own.
    """
    if not len(pictures) or not drafts:
        return list(drafts), pictures
    held = np.array([_share_inside(draft, placed, pictures) for draft in drafts]) > 0.8
    owner = np.where(held.any(axis=1), held.argmax(axis=1), -1)
    kept = [draft for draft, own in zip(drafts, owner, strict=True) if own < 0]
    empty = []
    for p, picture in enumerate(pictures):
        members = [draft for draft, own in zip(drafts, owner, strict=True) if own == p]
        if not members:
            empty.append(picture)
        elif any(_is_prose(draft, body_size) for draft in members):
            kept += members
        else:
            kept.append(_joined(members, words, placed))
    return kept, np.array(empty, np.float32).reshape(-1, 4)


def _share_inside(draft: Draft, placed: Array, pictures: Array) -> Array:
    rows = [word for line in draft.lines for word in line]
    return np.asarray(inside(placed[rows], pictures).mean(axis=0) if draft.fixed is None else np.zeros(len(pictures)))


def _is_prose(draft: Draft, body_size: float) -> bool:
    if draft.size > 1.3 * body_size and sum(map(str.isalpha, draft.text)) > 3:
        return True
    long = sum(len(text) >= LABEL_LETTERS for text in draft.texts)
    return long >= 3


def _joined(members: Sequence[Draft], words: Words, placed: Array) -> Draft:
    """Put the lines of several drafts into one, top to bottom and left to right."""
    lines = [line for draft in members for line in draft.lines]
    boxes = {line: around(placed[list(line)]) for line in lines}
    lines.sort(key=lambda line: (float(boxes[line][1] + boxes[line][3]), float(boxes[line][0])))
    return Draft.of(lines, words, placed, "figure")

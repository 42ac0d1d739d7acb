"""What a page says at one of the model card's levels: words, lines or paragraphs go out, with text, sureness and quad.

In come a page's words and who belongs to whom; quads are in the words' frame. A line's or paragraph's quad is the
smallest rectangle around its words that lies along their text, so that it leans as they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from loaders.document import Block, Line, Page, Words, spaced
from loaders.errors import UsageError
from loaders.geometry import XYXY, Array, boxes_from_quads

Level = Literal["word", "sentence", "paragraph"]
Members = Sequence[int]
CJK = 0x2E80


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A piece of a page: text, confidence 0-1, and its quad, float32 (4, 2), clockwise from the text's top left."""

    text: str
    confidence: float
    quad: Array

    @property
    def box(self) -> XYXY:
        """The axis-aligned box around the quad."""
        x0, y0, x1, y1 = (float(v) for v in boxes_from_quads(self.quad)[0])
        return x0, y0, x1, y1


def aggregate(
    words: Words,
    lines: Sequence[Line | Members],
    blocks: Sequence[Block | Members],
    level: Level = "paragraph",
) -> list[Region]:
    """Return a page's regions at a level, in reading order.

    "word" gives the words of the lines, "sentence" each line, "paragraph" each block; `lines` are indices into the
    words and `blocks` indices into the lines. A line in no block follows as a paragraph of its own; without any lines
    every word is a line. Words left out of all lines were dropped, and are left out here. A line's confidence is the
    mean of its words', a paragraph's the mean of its lines', as on nemotron-ocr's card. Raises UsageError for another
    level.
    """
    if level not in get_args(Level):
        raise UsageError(f"level {level!r}; choose one of {', '.join(get_args(Level))}")
    members = [_members(line) for line in lines] or [(row,) for row in range(len(words))]
    groups = [tuple(block.lines) if isinstance(block, Block) else tuple(block) for block in blocks]
    placed = {line for group in groups for line in group}
    groups += [(line,) for line in range(len(members)) if line not in placed]
    ordered = [[members[line] for line in group if members[line]] for group in groups]
    if level == "word":
        return [_region(words, [(row,)]) for group in ordered for line in group for row in line]
    if level == "sentence":
        return [_region(words, [line]) for group in ordered for line in group]
    return [_region(words, group) for group in ordered if group]


def page_regions(page: Page, level: Level = "paragraph") -> list[Region]:
    """Return a page's regions at a level, as `aggregate`; a page whose words were all dropped has none."""
    words = page.words if page.lines else Words.none()
    return aggregate(words, page.lines, page.blocks, level)


def _members(line: Line | Members) -> tuple[int, ...]:
    return tuple(line.words) if isinstance(line, Line) else tuple(line)


def _region(words: Words, lines: Sequence[tuple[int, ...]]) -> Region:
    rows = [row for line in lines for row in line]
    confidence = float(np.mean([words.confidences[list(line)].mean() for line in lines]))
    return Region(_joined([spaced(words, line) for line in lines]), confidence, around(words.quads[rows]))


def _joined(texts: Sequence[str]) -> str:
    """Join lines by spaces, except where Chinese or Japanese runs on."""
    parts = list(texts[:1])
    for before, after in pairwise(texts):
        runs_on = before and after and ord(before[-1]) >= CJK and ord(after[0]) >= CJK
        parts.append(after if runs_on else f" {after}")
    return "".join(parts)


def around(quads: npt.ArrayLike) -> Array:
    """Return the smallest rectangle (4, 2) around quads (N, 4, 2) that lies along their text."""
    q = np.asarray(quads, np.float32).reshape(-1, 4, 2)
    if len(q) == 1:
        return q[0]
    across = ((q[:, 1] - q[:, 0]) + (q[:, 2] - q[:, 3])).sum(axis=0)  # long words weigh more: they know it better
    length = float(np.hypot(*across))
    along = across / length if length > 0 else np.array([1.0, 0.0], np.float32)
    down = np.array([-along[1], along[0]])
    points = q.reshape(-1, 2)
    u, v = points @ along, points @ down
    corners = [(u.min(), v.min()), (u.max(), v.min()), (u.max(), v.max()), (u.min(), v.max())]
    return np.array([a * along + b * down for a, b in corners], np.float32)

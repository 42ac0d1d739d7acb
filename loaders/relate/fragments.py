"""Which words an engine read as one piece, and what the ends of such pieces say.

In: words of one turn and the engine's links between them, if any. Out: where pieces start and end, and boxes without
the margin that detectors leave around a piece. Between two pieces an engine saw white, however little is left of it
between their padded quads; within one it saw none, however wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.document import Links, Words
from loaders.geometry import Array
from loaders.relate.marks import is_cjk
from loaders.relate.neighbours import Bools, Gaps

PADDING = 0.15
"""Share of a piece's height that text detectors leave as margin at either end (DB's unclip ratio; a little less)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Which words start and which end a piece (bool (N,) each), and the engine's links or None."""

    starts: Bools
    ends: Bools
    links: Links | None

    @classmethod
    def of(cls, words: Words, links: Links | None) -> Pieces:
        """Read the pieces off the links; without any, tell from the texts whether each word is a whole line."""
        if links is None:
            whole = words.ocr & _are_lines(words.texts)
            return cls(whole, whole, None)
        followed = np.zeros(len(words), bool)
        followed[links.target[links.target >= 0]] = True
        return cls(words.ocr & ~followed, words.ocr & (links.target < 0), links)

    def trim(self, boxes: Array) -> Array:
        """Return boxes without the detector's margin at the ends of pieces."""
        margin = PADDING * (boxes[:, 3] - boxes[:, 1])
        margin = np.minimum(margin, 0.2 * (boxes[:, 2] - boxes[:, 0]))
        trimmed = boxes.copy()
        trimmed[:, 0] += np.where(self.starts, margin, 0)
        trimmed[:, 2] -= np.where(self.ends, margin, 0)
        return trimmed

    def part(self, gaps: Gaps) -> Bools:
        """Say which gaps lie between two pieces."""
        return self.ends[gaps.left] & self.starts[gaps.right]

    def hold(self, gaps: Gaps) -> Bools:
        """Say which gaps lie within a piece."""
        if self.links is None:
            return np.zeros(len(gaps.left), bool)
        return (self.links.target[gaps.left] == gaps.right) | (self.links.target[gaps.right] == gaps.left)


def _are_lines(texts: tuple[str, ...]) -> bool:
    """Say whether texts are lines rather than words: many hold spaces, or are Chinese or Japanese of some length."""
    long = [" " in text.strip() or (len(text) >= 8 and is_cjk(text)) for text in texts]
    return bool(long) and float(np.mean(long)) > 0.3

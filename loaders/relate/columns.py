"""Lines as columns of figures: what blocks, order and categories ask about a line, one row each.

In: chains of word indices. Out: `Rows`, whose boxes are upright in working coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.document import BOLD, Words, spaced
from loaders.geometry import Array
from loaders.relate.lines import Chains
from loaders.relate.medians import weighted_quantiles


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The lines of one turn.

    chains   words of each line, in reading order
    texts    their texts, spaced
    boxes    float32 (M, 4), upright
    middles  float32 (M,): y of the middle of the line's main type, not moved by marks above or below it
    sizes    float32 (M,): type size of most of the line
    bold     float32 (M,): share of the letters that are bold
    """

    chains: Chains
    texts: tuple[str, ...]
    boxes: Array
    middles: Array
    sizes: Array
    bold: Array

    def __len__(self) -> int:
        return len(self.chains)

    @classmethod
    def of(cls, chains: Chains, words: Words, boxes: Array) -> Rows:
        """Measure lines; `boxes` (N, 4) are the words', upright."""
        if not chains:
            none = np.zeros(0, np.float32)
            return cls(chains, (), np.zeros((0, 4), np.float32), none, none, none)
        rows = np.array([word for chain in chains for word in chain])
        counts = np.array([len(chain) for chain in chains])
        starts = np.cumsum(counts) - counts
        own, sizes = boxes[rows], words.sizes[rows]
        letters = np.array([len(words.texts[word]) for word in rows], float)
        around = np.concatenate(
            [np.minimum.reduceat(own[:, :2], starts), np.maximum.reduceat(own[:, 2:], starts)], axis=1
        )
        size = weighted_quantiles(sizes, letters, starts)
        usual = np.abs(sizes - np.repeat(size, counts)) <= 0.15 * np.repeat(size, counts)
        middles = weighted_quantiles((own[:, 1] + own[:, 3]) / 2, np.where(usual, letters, 1e-3), starts)
        bold = np.add.reduceat(letters * ((words.styles[rows] & BOLD) > 0), starts) / np.add.reduceat(letters, starts)
        texts = tuple(spaced(words, chain) for chain in chains)
        return cls(chains, texts, around, middles, size, bold.astype(np.float32))

    def first_word(self, row: int, words: Words) -> str:
        """Return the text of a line's first word."""
        return words.texts[self.chains[row][0]]

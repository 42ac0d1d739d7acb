"""Recognizer slots -> texts and confidences, and lines of text -> words where a region holds several.

A slot holds a character, not a position: token 0 is skipped, 1 ends the text, 2 is a character beyond the charset,
3 + i is charset[i].
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array

SKIP, END, RARE = 0, 1, 2
RARE_TEXT = "^"
LEAST = 1e-8

Ints = npt.NDArray[np.int64]


def decode_texts(tokens: Ints, charset: Sequence[str]) -> list[str]:
    """Read the texts of tokens (N, T)."""
    texts = (*([""] * RARE), RARE_TEXT, *charset)
    held = _before_end(tokens)
    return ["".join(texts[token] for token in row[:length]) for row, length in zip(tokens.tolist(), held, strict=True)]


def text_confidences(tokens: Ints, log_probabilities: Array) -> Array:
    """Give each text's confidence (N,): the geometric mean of its tokens' probabilities, skipped ones left out."""
    held = np.arange(tokens.shape[1]) < np.array(_before_end(tokens), int).reshape(-1, 1)
    real = held & (tokens != SKIP)
    logs = np.maximum(log_probabilities, np.log(np.float32(LEAST)))
    means = np.where(real, logs, 0).sum(axis=1) / np.maximum(real.sum(axis=1), 1)
    return np.exp(means).astype(np.float32)


def joint_confidences(*confidences: Array) -> Array:
    """Join confidences of the same regions: their harmonic mean (N,)."""
    inverse = sum(1 / np.maximum(one.astype(np.float64), LEAST) for one in confidences)
    return np.asarray(len(confidences) / inverse, np.float32)


def _before_end(tokens: Ints) -> list[int]:
    """Count the slots before each text's end."""
    ended = tokens == END
    return np.where(ended.any(axis=1), ended.argmax(axis=1), tokens.shape[1]).tolist()


# -- words of a line -------------------------------------------------------------------------------------------------


def split_words(text: str, quad: Array) -> tuple[list[str], Array]:
    """Cut a region at its white space: words and their quads (W, 4, 2); positions are estimates by character widths.

    A region of one word keeps its quad as it is.
    """
    words = text.split()
    if len(words) == 1 and len(words[0]) == len(text):
        return words, quad[None]
    ends = np.cumsum([_width(character) for character in text])
    share = np.append(0, ends) / max(float(ends[-1]), 1.0) if len(ends) else np.zeros(1)
    cuts, start = [], 0
    for word in words:
        start = text.index(word, start)
        cuts.append((share[start], share[start + len(word)]))
        start += len(word)
    a, b, c, d = quad
    quads = [[a + left * (b - a), a + right * (b - a), d + right * (c - d), d + left * (c - d)] for left, right in cuts]
    return words, np.array(quads, np.float32).reshape(-1, 4, 2)


def _width(character: str) -> float:
    """Estimate a character's width: 2 for East Asian full width, 0 for marks set over others, else 1."""
    if unicodedata.combining(character):
        return 0.0
    return 2.0 if unicodedata.east_asian_width(character) in "WF" else 1.0

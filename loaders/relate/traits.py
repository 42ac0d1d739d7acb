"""What a text says of its role, as figures: the columns of characters that words, lines and blocks share.

In: texts. Out: named columns, one value per text. Scripts and marks are those of marks.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from loaders.geometry import Array
from loaders.relate import marks

_MATHS = frozenset("=+−<>≤≥±×÷∑∏∫√∞≈≠∈∂∇→∀∃αβγδεζηθλμπρσφψωΓΔΘΛΣΦΨΩ^_{}\\|")

LINE_TRAITS = (
    "bullet", "enumerator", "numbered", "depth", "caption", "note_mark", "number", "ends", "colon", "hyphen", "comma",
    "lower", "capital", "capitals", "digits", "letters", "uppercase", "length", "words", "table_note", "titled", "rtl",
    "cjk", "leaders", "maths", "dated", "trailing_number", "bracketed",
)  # fmt: skip
WORD_TRAITS = ("bullet", "enumerator", "number", "trailing_number", "ends", "lower", "capital", "digits", "length")


def line_traits(texts: Sequence[str]) -> dict[str, Array]:
    """Return the traits of lines or blocks by name, each float32 (N,)."""
    table = np.array([_of_line(text) for text in texts], np.float32).reshape(-1, len(LINE_TRAITS))
    return dict(zip(LINE_TRAITS, table.T, strict=True))


def word_traits(texts: Sequence[str]) -> dict[str, Array]:
    """Return the traits of words by name, each float32 (N,)."""
    table = np.array([_of_word(text) for text in texts], np.float32).reshape(-1, len(WORD_TRAITS))
    return dict(zip(WORD_TRAITS, table.T, strict=True))


@lru_cache(maxsize=1 << 12)  # three networks ask of the same lines
def _of_line(text: str) -> tuple[float, ...]:
    first, _, rest = text.partition(" ")
    size = max(len(text.replace(" ", "")), 1)
    letters = sum(map(str.isalpha, text))
    upper = sum(map(str.isupper, text))
    digits = sum(map(str.isdigit, text))
    words = text.split()
    depth = marks.numbering_depth(text)
    tail = text.rstrip()[-1:]
    return (
        marks.starts_with_bullet(first),
        marks.is_enumerator(first) and bool(rest),
        depth > 0,
        depth / 2,
        marks.is_caption(text),
        marks.is_footnote_mark(first),
        marks.is_number(text),
        marks.ends_sentence(text),
        tail in (":", "："),
        tail in ("-", "\u00ad", "‐"),
        tail in (",", ";"),
        text[:1].islower(),
        text[:1].isupper(),
        upper > 0.7 * letters and letters > 3,
        digits / size,
        letters / size,
        upper / max(letters, 1),
        np.log1p(len(text)) / 3,
        np.log1p(len(words)) / 2,
        marks.is_table_note(text),
        sum(word[:1].isupper() for word in words) / max(len(words), 1),
        marks.runs_right_to_left(text),
        marks.is_cjk(text),
        "...." in text or ". . ." in text or "…" in text or "·····" in text,
        sum(map(_MATHS.__contains__, text)) / size,
        marks.is_aside(text),
        bool(words) and marks.is_number(words[-1]),
        text[:1] in "([" and tail in (")", "]"),
    )


@lru_cache(maxsize=1 << 14)
def _of_word(text: str) -> tuple[float, ...]:
    return (
        marks.starts_with_bullet(text),
        marks.is_enumerator(text),
        marks.is_number(text),
        marks.is_trailing_number(text),
        marks.ends_sentence(text),
        text[:1].islower(),
        text[:1].isupper(),
        sum(map(str.isdigit, text)) / len(text),
        np.log1p(len(text)) / 2,
    )

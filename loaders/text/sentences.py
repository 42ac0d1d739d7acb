"""Where a text may be cut: after sentences, else between words, else between characters.

A text and a range of it come in; ranges come out, in order, without the white space between them. Offsets are into the
whole text, so that what is cut keeps its place in the document.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

Range = tuple[int, int]

_END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s)|[。！？｡]+[」』”’）)]*|\n""")
_WORD = re.compile(r"\S+")
_OPENING = "\"'“‘«([{"
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")

_NEVER_LAST = """
dr mr mrs ms mme mlle prof st vs cf ca approx resp fig figs eq eqs sec secs chap vol vols pp eds ref refs tab dept
govt gen col lt sgt rev hon jan feb apr aug sep sept oct nov dec bzw vgl abb abs bd hrsg str bijv blz
"""
_SOMETIMES_LAST = "al etc inc ltd co corp jr sr usw bros"
_BEFORE_NUMBERS = "no nos nr p ch art ed"

ABBREVIATIONS = frozenset(_NEVER_LAST.split())
"""Words whose full stop ends no sentence."""
CLOSERS = frozenset(_SOMETIMES_LAST.split())
"""Abbreviations that may end a sentence: they do when a capital follows."""
NUMBERED = frozenset(_BEFORE_NUMBERS.split())
"""Abbreviations before a number, ordinary words elsewhere."""


def sentences(text: str, start: int, end: int) -> list[Range]:
    """Return the sentences of text[start:end]; a line break ends a sentence too."""
    found: list[Range] = []
    begin = start
    for match in _END.finditer(text, start, end):
        if text[match.start()] in ".!?…" and _goes_on(text, begin, match.start(), match.end(), end):
            continue
        _add_stripped(found, text, begin, match.end())
        begin = match.end()
    _add_stripped(found, text, begin, end)
    return found


def words(text: str, start: int, end: int) -> list[Range]:
    """Return what stands between white space in text[start:end]."""
    return [match.span() for match in _WORD.finditer(text, start, end)]


def characters(text: str, start: int, end: int, size: int) -> list[Range]:
    """Return slices of `size` characters, marks kept with what they modify."""
    cuts = [start]
    while cuts[-1] < end:
        cut = cuts[-1] + size
        while cut < end and unicodedata.combining(text[cut]):
            cut += 1
        cuts.append(min(cut, end))
    return list(pairwise(cuts))


def _goes_on(text: str, begin: int, stop: int, after: int, end: int) -> bool:
    """Say whether the mark at `stop` belongs to an abbreviation, an initial or a list number."""
    follows = next(_first(text, after, end), "")
    if follows.islower():
        return True
    if text[stop:after] != ".":
        return False
    start = _word_start(text, begin, stop)
    word = text[start:stop].lstrip(_OPENING)
    low = word.casefold()
    if low in CLOSERS:
        return not follows.isupper()
    if low in NUMBERED:
        return follows.isdigit()
    if word.isdigit():
        return not text[begin:start].strip()
    return low in ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or bool(_DOTTED.fullmatch(word))


def _first(text: str, start: int, end: int) -> Iterator[str]:
    """Yield the first letter or digit behind white space and opening marks, if it comes soon."""
    for place in range(start, min(end, start + 8)):
        if not (text[place].isspace() or text[place] in _OPENING):
            yield text[place]
            return


def _word_start(text: str, begin: int, stop: int) -> int:
    """Return where the word that ends at `stop` starts. No abbreviation is longer than the window looked at."""
    window = max(begin, stop - 24)
    for place in range(stop - 1, window - 1, -1):
        if text[place].isspace():
            return place + 1
    return window


def _add_stripped(found: list[Range], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        found.append((start, end))

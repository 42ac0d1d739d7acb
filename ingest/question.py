"""What a question asks for: its words without how it wants to be answered, periods as reports spell them, its pages.

A string in, a Question out. Nothing is guessed: an instruction is left out only beside a sentence that asks, and what
is not English passes through as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from loaders.text.sentences import sentences

LAST = -1
"""Stands for the last page of any document."""
LONGEST_RANGE = 50
"""Pages from the first to the last of a range; what is longer is no place to look at."""

_INSTRUCTION = re.compile(
    r"""\W*(?:(?:please|kindly|directly|also)\s+)*
    (?: (?:answer|round|format|express|return|respond)\b
      | (?:write|give|state|put|save|represent|provide|report)\s+(?:down\s+)?(?:me\s+|us\s+)?(?:(?:the|your|an?|it)\s+)?
        (?:final\s+)?(?:answers?|results?|integer|float|number|percentage|list|title)\b
      | (?:the|your)\s+answer\s+(?:should|must)\b
      | if\b.*\b(?:return|answer|state|say|explain|reply|write)\b )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""How a sentence starts that says what an answer should look like: "Round to two decimal places." """

_YEAR = re.compile(r"\b(?:FY\s?'?\d\d|(?:19|20)\d\d)|\b(?:Q[1-4]|[1-4]Q)\s?'?\d\d", re.IGNORECASE)
"""Only beside a year is "Q4" a quarter, and not a car or the fourth question."""
_FISCAL = re.compile(r"\bFY\s?'?(\d{4}|\d\d)\b", re.IGNORECASE)
_QUARTER = re.compile(r"\b(?:Q([1-4])|([1-4])Q)(?:\s?'?(\d{4}|\d\d))?\b", re.IGNORECASE)
_ORDINALS = ("first", "second", "third", "fourth")
_CENTURY_FROM = 69
"""Two digits from here on are of the last century, as in POSIX."""

_PAGES = re.compile(
    r"\b(?:pages?|pp?\.)\s*\(?(\d{1,4}\b(?:\)?\s*(?:,|&|and|or|to|-|–)\s*(?:page\s*)?\(?\d{1,4}\b)*)", re.IGNORECASE
)
_RANGE = re.compile(r"(\d+)\s*(?:to|-|–)\s*(\d+)|(\d+)")
_NAMED_PAGES = {
    re.compile(r"\b(?:first|front|cover|title)\s+page\b|\bon\s+the\s+cover\b", re.IGNORECASE): 1,
    re.compile(r"\bsecond\s+page\b", re.IGNORECASE): 2,
    re.compile(r"\blast\s+page\b", re.IGNORECASE): LAST,
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is searched for.

    asked   its own words, without instructions on how to answer
    text    the same, its periods spelled out: "FY22" is "fiscal 2022", "Q2 2023" "second quarter 2023"
    words   what full-text search looks for: both
    parts   the sentences of `text`, at least one
    pages   the 1-based numbers of the pages it names, LAST among them for the last one
    """

    asked: str
    text: str
    words: str
    parts: tuple[str, ...]
    pages: frozenset[int]


def understood(query: str) -> Question:
    """Read a question."""
    asked = without_instructions(query)
    text = spelled_out(asked)
    spelled = set(text.split())
    words = " ".join([text, *(word for word in asked.split() if word not in spelled)])
    return Question(asked, text, words, tuple(_sentences(text)) or (text,), frozenset(_pages(asked)))


def without_instructions(query: str) -> str:
    """Leave out the sentences that say what an answer should look like, where another one asks something."""
    parts = _sentences(query)
    kept = [part for part in parts if part.endswith("?") or not _INSTRUCTION.match(part)]
    return " ".join(kept) if any(part.endswith("?") for part in kept) and len(kept) < len(parts) else query


def spelled_out(query: str) -> str:
    """Spell years and quarters as reports do: "FY22" is "fiscal 2022", "Q2'23" "second quarter 2023"."""
    if not _YEAR.search(query):
        return query
    query = _FISCAL.sub(lambda match: f"fiscal {_year(match[1])}", query)
    return _QUARTER.sub(lambda match: _quarter(match[1] or match[2], match[3]), query)


def _year(digits: str) -> str:
    if len(digits) == 4:
        return digits
    return f"{'19' if int(digits) >= _CENTURY_FROM else '20'}{digits}"


def _quarter(number: str, digits: str | None) -> str:
    return " ".join(filter(None, (_ORDINALS[int(number) - 1], "quarter", digits and _year(digits))))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


def _pages(query: str) -> Iterator[int]:
    """Yield the pages a question names, by number or in words."""
    for numbers in _RANGE.findall(" , ".join(_PAGES.findall(query))):
        first, last, single = (int(digits or 0) for digits in numbers)
        if single:
            yield single
        else:
            yield from chain(range(first, last + 1) if 0 <= last - first < LONGEST_RANGE else (first, last))
    yield from (number for pattern, number in _NAMED_PAGES.items() if pattern.search(query))

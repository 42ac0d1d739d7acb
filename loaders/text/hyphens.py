"""What stands between two lines of a paragraph: a space, nothing, or a hyphen that goes.

The last token of a line and the first of the next come in, with every other token of the document as evidence; a Joint
comes out. A hyphen goes only where the document supports it: `n-octanal`, `well-known` and `vracht- en` keep theirs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cached_property

SOFT = "\u00ad"
NON_BREAKING = "\u2011"
HYPHENS = "-\u2010"
MARKS = HYPHENS + SOFT + NON_BREAKING
"""What may end a line in the middle of a word."""

_CONJUNCTIONS = "and or to nor but und oder bzw bis sowie en of tot et ou y o e och eller og ja tai sekä a i lub oraz"
SUSPENDING = frozenset(_CONJUNCTIONS.split())
"""Words behind a hyphen that stands for a part said later: "two- and threefold", "vracht- en personenvervoer"."""

HYPHENATING = frozenset({"self", "half", "well", "non", "quasi"})
"""English first parts that keep their hyphen and begin few words without one."""

WORD_LENGTH = 4
"""Halves this long that are words of their own speak for a compound; shorter ones ("in-form", "the-sis") do not."""

_EDGES = "\"'“”‘’«»()[]{}<>.,;:!?…*†‡§¶|/\\–—-\u2010\u2011\u00ad"
_LEFT = re.compile(r"[^\W\d_]+$")
_RIGHT = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"[/@\\]|\.\w")
_UNSPACED = re.compile(
    "[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)


class Joint(Enum):
    """How two lines meet."""

    SPACE = " "
    CLOSED = ""
    HYPHEN_GOES = "joined"


class Lexicon:
    """Every token of a document that is whole on its line: the evidence for or against a hyphen.

    `lines` returns the tokens of each line, in reading order; it is called when the first hyphen asks.
    """

    def __init__(self, lines: Callable[[], Iterable[Sequence[str]]]) -> None:
        self._lines = lines

    def joint(self, tail: str, head: str) -> Joint:
        """Decide how a line that ends in the token `tail` meets one that begins with `head`."""
        mark = tail[-1:]
        if not mark or mark not in MARKS:
            unspaced = bool(tail) and _UNSPACED.match(tail[-1]) and _UNSPACED.match(head)
            return Joint.CLOSED if unspaced else Joint.SPACE
        if mark == SOFT:
            return Joint.HYPHEN_GOES if len(tail) > 1 else Joint.CLOSED
        if mark == NON_BREAKING:
            return Joint.CLOSED
        return self._at_hyphen(tail[:-1], head)

    def _at_hyphen(self, stem: str, head: str) -> Joint:
        if not stem or not stem[-1].isalnum() or not head[0].isalnum():
            return Joint.SPACE  # a dash
        joined, hyphenated = self._known(stem, head, ""), self._known(stem, head, "-")
        if joined and not hyphenated:
            return Joint.HYPHEN_GOES
        if head.casefold() in SUSPENDING:
            return Joint.SPACE
        if joined or hyphenated or not head[0].islower() or not self._are_word_parts(stem, head):
            return Joint.CLOSED
        return Joint.HYPHEN_GOES

    def _known(self, stem: str, head: str, between: str) -> bool:
        left = _core(stem)
        rights = {_core(head), _letters(_RIGHT.match(head))} - {""}
        return any(left + between + right in self._tokens for right in rights)

    def _are_word_parts(self, stem: str, head: str) -> bool:
        """Say whether both sides look like parts of one word, and no other token speaks for a compound."""
        left, right = _letters(_LEFT.search(stem)), _letters(_RIGHT.match(head))
        if len(left) < 2 or len(right) < 2 or "-" in stem or _ADDRESS.search(stem) or _ADDRESS.search(head):
            return False
        return not self._is_compound(left, right)

    def _is_compound(self, left: str, right: str) -> bool:
        """Say whether other tokens speak for a hyphen that belongs: self-*, but no selfish; both halves are words."""
        if left in HYPHENATING or (left in self._compound_heads and not self._begins_longer(left)):
            return True
        return min(len(left), len(right)) >= WORD_LENGTH and left in self._tokens and right in self._tokens

    def _begins_longer(self, left: str) -> bool:
        """Say whether a token without hyphen starts with these letters and goes on."""
        place = bisect_right(self._sorted, left)
        return any(token.startswith(left) and "-" not in token for token in self._sorted[place : place + 50])

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._tokens)

    @cached_property
    def _tokens(self) -> frozenset[str]:
        found: set[str] = set()
        broken = False
        for line in self._lines():
            first, broken = (1 if broken else 0), bool(line) and line[-1][-1:] in MARKS
            found.update(map(_core, line[first : -1 if broken else None]))
        return frozenset(found)

    @cached_property
    def _compound_heads(self) -> frozenset[str]:
        return frozenset(part for token in self._tokens if "-" in token for part in token.split("-")[:-1])


def _core(token: str) -> str:
    return token.strip(_EDGES).replace("\u2010", "-").casefold()


def _letters(match: re.Match[str] | None) -> str:
    return match.group().casefold() if match else ""

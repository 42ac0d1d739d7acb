"""Type sizes from how high the ink of a text is: "axe" is half an em high, "Apg" nearly a whole one.

Comes in: a text. Goes out: the height of its ink in ems, so that ink height divided by it is the type size.
"""

from __future__ import annotations

import unicodedata

ASCENDING = frozenset("bdfhklß")
TALL = frozenset("ijt0123456789!?\"'()[]{}|/\\&%$#@§θδλξβζφψ“”‘’*^~") | ASCENDING
DEEP = frozenset("gjpqyçÇ§µρφχψηγβζξ")
HANGING = frozenset("QJ,;()[]{}|@$_/\\¶")
ASCENT, CAP_HEIGHT, X_HEIGHT, DESCENT, HANG = 0.72, 0.68, 0.49, 0.21, 0.13
"""Of common Latin text faces, in ems above and below the baseline; marks hang less far below it than letters do."""
CJK, CJK_HEIGHT = 0x2E80, 0.92


def ems_high(text: str) -> float:
    """Return how high the ink of a text is, in ems."""
    if any(ord(character) >= CJK for character in text):
        return CJK_HEIGHT
    tall = any(c in TALL or c.isupper() or unicodedata.decomposition(c) for c in text)
    above = ASCENT if not ASCENDING.isdisjoint(text) else CAP_HEIGHT if tall else X_HEIGHT
    below = DESCENT if not DEEP.isdisjoint(text) else HANG if not HANGING.isdisjoint(text) else 0.0
    return above + below

"""Type sizes from how high the ink of a text is: "axe" is half an em high, "Apg" nearly a whole one.

Comes in: a text. Goes out: the height of its ink in ems, so that ink height divided by it is the type size.
"""

from __future__ import annotations

import unicodedata

DESCENDING = frozenset("gjpqyQJ,;()[]{}|@$_/\\ßçÇ§¶µρφχψηγβζξ")
RISING = frozenset("bdfhijklt0123456789!?\"'()[]{}|/\\&%$#@§ßδθλξβζφψ“”‘’*^~")
ASCENT, X_HEIGHT, DESCENT = 0.72, 0.49, 0.21
"""Of common Latin text faces, in ems above and below the baseline."""
CJK, CJK_HEIGHT = 0x2E80, 0.92


def ems_high(text: str) -> float:
    """Return how high the ink of a text is, in ems."""
    if any(ord(character) >= CJK for character in text):
        return CJK_HEIGHT
    rising = any(c in RISING or c.isupper() or unicodedata.decomposition(c) for c in text)
    return (ASCENT if rising else X_HEIGHT) + (DESCENT if any(c in DESCENDING for c in text) else 0.0)

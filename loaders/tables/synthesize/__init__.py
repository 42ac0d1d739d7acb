"""Tables with exactly known structure, typeset by Typst: what the judge of a table's grid learns from.

A style writes a Draft, a Look sets it, and what is read back from the page is a TrueTable: as its text layer gives it,
or degraded as an OCR engine gives it.
"""

from __future__ import annotations

from loaders.tables.synthesize.styles import HELD_OUT, STYLES, Style
from loaders.tables.synthesize.tables import synthesize, synthesize_all
from loaders.tables.synthesize.truth import TrueCell, TrueTable

__all__ = ["HELD_OUT", "STYLES", "Style", "TrueCell", "TrueTable", "synthesize", "synthesize_all"]

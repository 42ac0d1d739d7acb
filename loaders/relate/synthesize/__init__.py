"""Pages with exactly known relations, from real typesetters: what the relational model learns from.

A family of layouts and a seed come in; a LabelledPage goes out, as a text layer gives it, or degraded as an OCR engine
gives it. Folders of such pages are written and read as shards.
"""

from __future__ import annotations

from loaders.relate.synthesize.defects import degrade
from loaders.relate.synthesize.families import FAMILIES, HELD_OUT, Family
from loaders.relate.synthesize.labelled import LINE_CATEGORIES, LabelledPage
from loaders.relate.synthesize.pages import synthesize, synthesize_all
from loaders.relate.synthesize.shards import fill, read_pages, write_pages

__all__ = [
    "FAMILIES",
    "HELD_OUT",
    "LINE_CATEGORIES",
    "Family",
    "LabelledPage",
    "degrade",
    "fill",
    "read_pages",
    "synthesize",
    "synthesize_all",
    "write_pages",
]

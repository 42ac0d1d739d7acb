"""A layout family: how pages of one kind are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen

WESTERN = (*("en",) * 10, "de", "fr", "es", "it", "nl", "pl", "ru", "pt", "sv")
"""Languages of a page, by weight."""
ENGLISH = ("en",)
ARABIC = ("ar", "fa", "fa")
EASTERN = ("zh", "ja", "zh", "ja", "ko")

Write = Callable[[Pen], tuple[Manuscript, str]]
"""Draws a design and returns the manuscript and its markup: Typst's, or one HTML element."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of layouts.

    kind      what its pages are: articles, books, business, tables, slides, technical, scripts
    write     sets one page with the given pen
    markup    "typst" or "html"
    held_out  never trained on: for measuring only
    later     chance that the second page of what was written is taken, where there is one
    """

    name: str
    kind: str
    write: Write
    languages: tuple[str, ...] = WESTERN
    markup: str = "typst"
    held_out: bool = False
    later: float = 0.0

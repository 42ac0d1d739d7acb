"""Typst sets a manuscript: markup goes in, a PDF comes out."""

from __future__ import annotations

import functools
from typing import Any

from loaders.errors import MissingExtra

PREAMBLE = """
#let w(c, s) = text(fill: rgb(c), s)
#let wb(c, s) = text(fill: rgb(c), weight: "bold", s)
#let wi(c, s) = text(fill: rgb(c), style: "italic", s)
#set smartquote(enabled: false)
"""


def typeset(markup: str) -> bytes:
    """Return the PDF of Typst markup whose words are wrapped by a Manuscript. Raises MissingExtra, TypstError."""
    typst = _typst()
    pdf = typst.Compiler((PREAMBLE + markup).encode(), font_paths=_fonts()).compile()
    assert isinstance(pdf, bytes)
    return pdf


@functools.cache
def _typst() -> Any:
    try:
        import typst
    except ImportError as error:
        raise MissingExtra("typst", "synthesize") from error
    return typst


@functools.cache
def _fonts() -> Any:
    """Look for the machine's fonts once, not once per page."""
    return _typst().Fonts(include_system_fonts=True)

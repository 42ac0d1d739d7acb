"""Texts are compared after the differences that no reader would call an error are taken out of both.

NFKC; straight quotes and hyphens; invisible characters out; white space collapsed; lower case where the truth has none
of its own (SROIE is transcribed in capitals); on index pages runs of three or more leader dots out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial

from ingest.evaluate.records import PageItem

_SINGLE_QUOTES = "‘’‚‛′´`"
_DOUBLE_QUOTES = "“”„‟″"
_HYPHENS = "‐‑‒–—―−﹘﹣－"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
# Before NFKC, which would turn an acute accent standing alone into a space and a combining mark.
_STRAIGHT = str.maketrans(
    {**dict.fromkeys(_SINGLE_QUOTES, "'"), **dict.fromkeys(_DOUBLE_QUOTES, '"'), **dict.fromkeys(_HYPHENS, "-")}
    | dict.fromkeys(_INVISIBLE, "")
)
_LEADERS = re.compile(r"(?:[.·•‧∙]\s?){3,}")
_BLANKS = re.compile(r"\s+")


def normalise(text: str, *, case_sensitive: bool = True, leaders: bool = True) -> str:
    """Return the text as it is compared; `leaders=False` drops runs of three or more dots, spaced or not."""
    text = unicodedata.normalize("NFKC", text.translate(_STRAIGHT))
    if not leaders:
        text = _LEADERS.sub(" ", text)
    text = _BLANKS.sub(" ", text).strip()
    return text if case_sensitive else text.lower()


def is_index_page(page: PageItem) -> bool:
    """Say whether a page is an index or a table of contents, by its document type, tags or blocks."""
    labels = (page.doc_type, *page.tags)
    return any("index" in label or "contents" in label for label in labels) or any(
        block.type == "index" for block in page.blocks
    )


def normaliser(page: PageItem) -> Callable[[str], str]:
    """Return the normalisation that fits a page."""
    return partial(normalise, case_sensitive=page.case_sensitive, leaders=not is_index_page(page))

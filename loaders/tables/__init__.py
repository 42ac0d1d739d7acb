"""Tables: found on a page, cut into cells, joined across pages, and written as HTML, Markdown, data frame, sentences.

This is the public face: `detect` finds regions, `grid` cuts them (columns, rows, spans and row headers each in its own
file; `model` and `edits` are the trained judge that overrules some of it), `rulings` finds drawn lines in pixels,
`unread` what an engine missed by its ink, `continued` joins parts, `output` writes. Boxes are in the page's frame.
"""

from __future__ import annotations

from loaders.rulings import find_rulings
from loaders.tables.continued import join_continued
from loaders.tables.detect import detect_tables
from loaders.tables.grid import build_table
from loaders.tables.output import dataframe_of, html_of, markdown_of
from loaders.tables.sentences import row_sentences

__all__ = [
    "build_table",
    "dataframe_of",
    "detect_tables",
    "find_rulings",
    "html_of",
    "join_continued",
    "markdown_of",
    "row_sentences",
]

"""Tables: found on a page, cut into cells, joined across pages, and written as HTML, Markdown, data frame, sentences.

This is the public face: `table_detect` finds regions, `table_grid` cuts them (columns, rows and spans each in its own
file), `rulings` finds drawn lines in pixels, `table_continued` joins parts, `table_text` writes. Boxes are in the
page's frame.
"""

from __future__ import annotations

from loaders.rulings import find_rulings
from loaders.table_continued import join_continued
from loaders.table_detect import detect_tables
from loaders.table_grid import build_table
from loaders.table_text import dataframe_of, html_of, markdown_of, row_sentences

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

"""What a line can be to the network, and what of it reaches a block's category.

The network tells more apart than a page may claim on its own: a running header is furniture only where other pages
have it too (furniture.py), a table is one only where its grid is found (tables/). So headers, footers, page numbers and
loose cells stay text here, and so do equations and index entries. What they are still tells where they stand in the
order, and that they are no headings.
"""

from __future__ import annotations

from loaders.document import Category

ROLES = (
    "text", "title", "list", "caption", "table", "figure", "header", "footer", "page_number", "footnote", "equation",
    "index",
)  # fmt: skip
LEVELS = 4
"""Heading levels told apart on one page: 1 the highest; deeper ones count as the last."""

CATEGORY_OF: dict[str, Category] = {
    "text": "text",
    "title": "title",
    "list": "list",
    "caption": "caption",
    "table": "text",
    "figure": "figure",
    "footnote": "footnote",
    "header": "text",
    "footer": "text",
    "page_number": "text",
    "equation": "text",
    "index": "text",
}

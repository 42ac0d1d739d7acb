"""What a line can be to the network, and what of it reaches a block's category.

The network tells more apart than a page may claim on its own: a running header is furniture only where other pages
have it too (furniture.py), so headers, footers and page numbers stay text here, and so do equations and index entries.
What they are still decides where they stand in the order.
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
    "table": "table",
    "figure": "figure",
    "footnote": "footnote",
    "header": "text",
    "footer": "text",
    "page_number": "text",
    "equation": "text",
    "index": "text",
}

"""A page whose relations are known, as it is trained on."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.document import Links, Page
from loaders.errors import UsageError
from loaders.geometry import Array

LINE_CATEGORIES = (
    "text",
    "title",
    "list",
    "caption",
    "table",
    "figure",
    "header",
    "footer",
    "page_number",
    "footnote",
    "equation",
    "index",
)
BLOCK_CATEGORY = {"equation": "text", "index": "list"}
"""What a block of a category that only lines have is called."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPage:
    """A page and what is true of it.

    page         words in the order they were read or drawn; true lines and blocks, these in reading order; rulings,
                 pictures and frame as the product's own reading gives them
    fragments    word links as an OCR engine brings them (its pieces), which may be wrong; None as for a text layer
    categories   one of LINE_CATEGORIES per line of the page
    backgrounds  float32 (N,), darkness of the paper behind each word, 0 white to 1 black
    family       the layout family it was set in

    Every word is in exactly one line and every line in exactly one block. A line is a run of words on one visual row
    of one block; a paragraph that goes on in the next column is one block per column; a table is one block whose lines
    are the text lines of its cells, in row-major order; words that nobody wrote (specks an engine took for text) are
    blocks of their own of category "figure".

    The order of blocks: what stands in the head of the page; then the columns, each from top to bottom, a figure or
    table with its caption at its place in its column, what spans columns between what is above and below it, a sidebar
    or pull quote after the column or band it stands in or beside; then footnotes; then what stands in the foot.
    """

    page: Page
    fragments: Links | None
    categories: tuple[str, ...]
    backgrounds: Array
    family: str

    def __post_init__(self) -> None:
        page = self.page
        words = sorted(word for line in page.lines for word in line.words)
        lines = sorted(line for block in page.blocks for line in block.lines)
        if words != list(range(len(page.words))) or lines != list(range(len(page.lines))):
            raise UsageError(f"{self.family}: not every word is in one line, or not every line in one block")
        if len(self.categories) != len(page.lines) or self.backgrounds.shape != (len(page.words),):
            raise UsageError(f"{self.family}: {len(self.categories)} categories of {len(page.lines)} lines")

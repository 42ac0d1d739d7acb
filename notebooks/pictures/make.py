"""Make the README's picture: a page with its blocks in reading order, and beside it the hit that answers a question.

python notebooks/pictures/make.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from ingest import Index, add
from loaders import load
from loaders.overlay import draw_boxes, draw_page

HERE = Path(__file__).parent
QUESTION = "What cut the seal of Petrel's bearing?"
HEIGHT = 1300


def make(target: Path) -> None:
    """Read the report, ask the question, and put both pictures of the page side by side."""
    report = HERE.parent / "documents" / "report.pdf"
    with tempfile.TemporaryDirectory() as folder:
        index = Index(folder)
        add(report, index)
        best = index.search(QUESTION, 1)[0]
    page = load(report).pages[int(best.metadata["page_number"]) - 1]
    cited = [page.frame.at(box) for number, *box in best.boxes if number == page.number]
    left = draw_page(page, words=False, longest_side=HEIGHT)
    right = draw_boxes(page, cited, longest_side=HEIGHT)
    both = Image.new("RGB", (left.width + right.width + 24, HEIGHT), "#e2e8f0")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 24, 0))
    both.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    make(HERE / "cited.png")

"""Labelled pages from files: shards of synthetic pages, and one's own pages, read, corrected and saved as JSON.

In: `*.parquet` as synthesize writes them, `*.json` as `ingest read --format json` prints a document. In the JSON,
correct what is wrong of `lines` (word indices), `blocks` (line indices in order, category, level) and their order;
boxes need no care, they are taken from the words. Out: LabelledPages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from loaders.document import Page, Words
from loaders.errors import UsageError
from loaders.geometry import Frame
from loaders.relate.structure import BlockDraft, assemble
from loaders.relate.synthesize import LabelledPage, read_pages

FAMILY = "own"


def page_files(folder: Path) -> list[Path]:
    """Return the files of labelled pages in a folder. Raises UsageError where there are none."""
    found = sorted([*folder.glob("*.parquet"), *folder.glob("*.json")])
    if not found:
        raise UsageError(f"no labelled pages (*.parquet, *.json) in {folder}")
    return found


def read_file(path: Path) -> Iterator[LabelledPage]:
    """Yield the pages of one file."""
    if path.suffix == ".parquet":
        yield from read_pages(path)
        return
    document = json.loads(path.read_text(encoding="utf-8"))
    for saved in document["pages"]:
        yield _page(saved)


def _page(saved: dict[str, Any]) -> LabelledPage:
    """Return a page of a document's JSON; words in no line, as dropped ones are, are left out."""
    lines = [tuple(line["words"]) for line in saved["lines"]]
    blocks = [block for block in saved["blocks"] if any(lines[k] for k in block["lines"])]
    kept = sorted(word for block in blocks for k in block["lines"] for word in lines[k])
    if len(kept) != len(set(kept)):
        raise UsageError(f"page {saved['number']}: a word is in two lines, or a line in two blocks")
    place = {word: k for k, word in enumerate(kept)}
    rows = [saved["words"][word] for word in kept]
    words = Words.of(
        np.array([row["quad"] for row in rows], np.float32).reshape(-1, 4, 2),
        [row["text"] for row in rows],
        [row["confidence"] for row in rows],
        sizes=[row["size"] for row in rows],
        styles=[row["style"] for row in rows],
        ocr=[row["ocr"] for row in rows],
        joined=[row["joined"] for row in rows],
    )
    frame = Frame(saved["width"], saved["height"], saved["unit"])
    drafts = [
        BlockDraft(
            tuple(tuple(place[word] for word in lines[k]) for k in block["lines"] if lines[k]),
            block["category"],
            block["level"],
        )
        for block in blocks
    ]
    structure = assemble(words, frame, drafts)
    page = Page(
        saved["number"],
        saved["label"],
        frame,
        words,
        structure.lines,
        structure.blocks,
        rulings=np.array(saved["rulings"], np.float32).reshape(-1, 4),
        figures=tuple(frame.at(box) for box in saved["figures"]),
        ocr=saved["ocr"],
    )
    categories = tuple(block.category for block in structure.blocks for _ in block.lines)
    return LabelledPage(page, None, categories, np.zeros(len(words), np.float32), FAMILY)

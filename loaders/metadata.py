"""The flat metadata of a chunk: the one place where its keys are spelled.

A chunk and the pages it stands on come in; strings, numbers and truth values come out, always under the same keys.
There is nothing here that differs between two runs: no clock, no temporary path, no unrounded number. Boxes are in each
page's own frame, points or pixels as `unit` says, rounded to 0.01.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from loaders.document import Chunk, Document, Page, PageBox
from loaders.geometry import Box, union

Scalar = str | int | float | bool

KEYS: dict[str, type[Scalar]] = {
    "source": str,
    "file_name": str,
    "title": str,
    "total_pages": int,
    "page": int,
    "page_number": int,
    "page_label": str,
    "page_end": int,
    "headings": str,
    "category": str,
    "row_part": str,
    "bbox": str,
    "boxes": str,
    "page_width": float,
    "page_height": float,
    "unit": str,
    "ocr": bool,
    "engine": str,
    "confidence": float,
    "doc_id": str,
    "chunk_id": str,
    "chunk_index": int,
    "chunk_hash": str,
    "config_id": str,
    "start_char": int,
    "end_char": int,
}
"""Every key of a chunk's metadata and its type. `page` counts from 0, `page_number` and `page_end` from 1."""

EMBEDDED = ("headings",)
SHOWN_TO_MODELS = ("source", "title", "page_number", "headings")

EXCLUDED_FROM_EMBEDDING: list[str] = [key for key in KEYS if key not in EMBEDDED]
"""LlamaIndex's `excluded_embed_metadata_keys`: what would only eat the budget of what is embedded."""
EXCLUDED_FROM_LLM: list[str] = [key for key in KEYS if key not in SHOWN_TO_MODELS]
"""LlamaIndex's `excluded_llm_metadata_keys`."""


def metadata_of(
    chunk: Chunk, pages: Sequence[Page], *, source: str, file_name: str, title: str, total_pages: int
) -> dict[str, Scalar]:
    """Return a chunk's metadata; `pages` are those its boxes are on, the first one first."""
    engines = [page.engine for page in pages if page.engine and chunk.ocr]
    places = box_metadata(chunk.boxes)
    return {
        "source": source,
        "file_name": file_name,
        "title": title,
        "total_pages": total_pages,
        "page": places["page"],
        "page_number": places["page_number"],
        "page_label": pages[0].label,
        "page_end": places["page_end"],
        "headings": " > ".join(chunk.headings),
        "category": chunk.category,
        "row_part": chunk.row_part,
        "bbox": places["bbox"],
        "boxes": places["boxes"],
        "page_width": places["page_width"],
        "page_height": places["page_height"],
        "unit": places["unit"],
        "ocr": chunk.ocr,
        "engine": engines[0] if engines else "",
        "confidence": round(chunk.confidence, 2),
        "doc_id": chunk.doc_id,
        "chunk_id": chunk.chunk_id,
        "chunk_index": chunk.index,
        "chunk_hash": text_hash(chunk.text),
        "config_id": chunk.config_id,
        "start_char": chunk.start,
        "end_char": chunk.end,
    }


def box_metadata(boxes: Sequence[PageBox]) -> dict[str, Scalar]:
    """Return what boxes decide: pages, page size, bbox around those of the first page, all boxes; {} for none."""
    if not boxes:
        return {}
    first = boxes[0].page_number
    frame = boxes[0].box.frame
    return {
        "page": first - 1,
        "page_number": first,
        "page_end": max(part.page_number for part in boxes),
        "bbox": ",".join(map(str, written(union(part.box for part in boxes if part.page_number == first)))),
        "boxes": boxes_json(boxes),
        "page_width": round(float(frame.width), 2),
        "page_height": round(float(frame.height), 2),
        "unit": frame.unit,
    }


def document_metadata(document: Document) -> dict[str, Scalar]:
    """Return the metadata of a whole document."""
    return {
        "source": document.source,
        "file_name": str(document.chunks[0].metadata["file_name"]) if document.chunks else name_of(document.source),
        "title": document.title,
        "total_pages": document.total_pages,
        "doc_id": document.doc_id,
        "config_id": document.config_id,
    }


def page_metadata(document: Document, page: Page) -> dict[str, Scalar]:
    """Return the metadata of one page of a document."""
    return {
        **document_metadata(document),
        "page": page.index,
        "page_number": page.number,
        "page_label": page.label,
        "page_width": round(float(page.frame.width), 2),
        "page_height": round(float(page.frame.height), 2),
        "unit": page.frame.unit,
        "ocr": page.ocr,
        "engine": page.engine if page.ocr else "",
    }


def boxes_json(boxes: Iterable[PageBox]) -> str:
    """Write boxes as the value of "boxes": `[[page_number, x0, y0, x1, y1], ...]`."""
    return json.dumps([[part.page_number, *written(part.box)] for part in boxes], separators=(",", ":"))


def written(box: Box) -> list[float]:
    """Return x0, y0, x1, y1 as written into metadata: rounded to 0.01, and no negative zero."""
    return [round(float(value), 2) + 0.0 for value in box.xyxy]


def text_hash(text: str) -> str:
    """Return the value of "chunk_hash": 32 hex digits of the text's sha256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def name_of(source: str) -> str:
    """Return the file name in a path or URL."""
    path = urlsplit(source).path if "://" in source else source
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]

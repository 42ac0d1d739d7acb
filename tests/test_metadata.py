"""Metadata: flat scalars under fixed keys, the same in every run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from documents import FRAME, T, chunks_of, page_of, pages_of, text, title

from loaders.document import Chunk, Document, Page, PageBox
from loaders.geometry import Box
from loaders.ledger import check
from loaders.metadata import (
    EXCLUDED_FROM_EMBEDDING,
    EXCLUDED_FROM_LLM,
    KEYS,
    box_metadata,
    boxes_json,
    document_metadata,
    name_of,
    page_metadata,
    text_hash,
    written,
)
from loaders.text.composition import compose


@pytest.fixture
def pages() -> list[Page]:
    return pages_of([title("Report"), title("Costs", level=2), text("They grew and")], [text("then they fell.")])


def test_every_key_in_order_and_of_its_type(pages: list[Page]) -> None:
    (chunk,) = chunks_of(pages)
    assert list(chunk.metadata) == list(KEYS)
    assert {key: type(value) for key, value in chunk.metadata.items()} == KEYS


def test_values(pages: list[Page]) -> None:
    words = pages[0].words
    faint = replace(words, confidences=np.full(len(words), 0.876, np.float32), ocr=np.ones(len(words), bool))
    scanned = [replace(pages[0], words=faint, ocr=True, engine="ppocr", label="iv"), pages[1]]
    (chunk,) = chunks_of(scanned)
    assert chunk.metadata == {
        "source": "/books/report.pdf",
        "file_name": "report.pdf",
        "title": "Report",
        "total_pages": 2,
        "page": 0,
        "page_number": 1,
        "page_label": "iv",
        "page_end": 2,
        "headings": "Report > Costs",
        "category": "text",
        "row_part": "",
        "bbox": "72.0,72.0,137.0,140.0",
        "boxes": "[[1,72.0,72.0,102.0,84.0],[1,72.0,100.0,97.0,112.0],[1,72.0,128.0,137.0,140.0],"
        "[2,72.0,72.0,147.0,84.0]]",
        "page_width": 612.0,
        "page_height": 792.0,
        "unit": "pt",
        "ocr": True,
        "engine": "ppocr",
        "confidence": 0.92,
        "doc_id": "d" * 32,
        "chunk_id": chunk.chunk_id,
        "chunk_index": 0,
        "chunk_hash": text_hash(chunk.text),
        "config_id": "c" * 32,
        "start_char": 0,
        "end_char": len(chunk.text),
    }


def test_ids_are_golden(pages: list[Page]) -> None:
    (chunk,) = chunks_of(pages)
    assert chunk.chunk_id == "2be0a914-4fe4-5adf-aef0-65edee27105b"
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223"


def test_json_and_back(pages: list[Page]) -> None:
    for chunk in chunks_of(pages, max_tokens=16):
        assert json.loads(json.dumps(chunk.metadata)) == chunk.metadata
        boxes = json.loads(str(chunk.metadata["boxes"]))
        assert [number for number, *_ in boxes] == [box.page_number for box in chunk.boxes]
        assert all(value == round(value, 2) for box in boxes for value in box)


def test_a_part_of_a_row_says_so() -> None:
    chunks = chunks_of([page_of(T([["head", "row"], ["one " * 30 + "end", "two"]]))], max_tokens=24)
    parts = [chunk.metadata["row_part"] for chunk in chunks if chunk.metadata["row_part"]]
    assert len(parts) > 2
    assert parts == [f"{i}/{len(parts)}" for i in range(1, len(parts) + 1)]


def test_what_frameworks_leave_out() -> None:
    assert set(KEYS) - set(EXCLUDED_FROM_EMBEDDING) == {"headings"}
    assert set(KEYS) - set(EXCLUDED_FROM_LLM) == {"source", "title", "page_number", "headings"}


def test_boxes_are_rounded_and_never_minus_zero() -> None:
    box = Box(-0.001, float(np.float32(72.1)), 10.005001, 3.0, FRAME)
    assert written(box) == [0.0, 72.1, 10.01, 3.0]
    assert boxes_json([PageBox(4, box)]) == "[[4,0.0,72.1,10.01,3.0]]"
    assert boxes_json([]) == "[]"


def test_what_boxes_decide() -> None:
    boxes = [PageBox(2, Box(1, 2, 3, 4, FRAME)), PageBox(2, Box(0, 3, 2, 9, FRAME)), PageBox(4, Box(7, 7, 8, 8, FRAME))]
    assert box_metadata(boxes) == {
        "page": 1,
        "page_number": 2,
        "page_end": 4,
        "bbox": "0.0,2.0,3.0,9.0",
        "boxes": "[[2,1.0,2.0,3.0,4.0],[2,0.0,3.0,2.0,9.0],[4,7.0,7.0,8.0,8.0]]",
        "page_width": 612.0,
        "page_height": 792.0,
        "unit": "pt",
    }
    assert box_metadata([]) == {}


def test_pages_and_documents_use_the_same_keys(pages: list[Page]) -> None:
    chunks = chunks_of(pages)
    (chunk,) = chunks
    composed = compose(pages)
    document = Document(
        source="/books/report.pdf",
        doc_id="d" * 32,
        config_id="c" * 32,
        title="Report",
        pages=tuple(pages),
        failures=(),
        text=composed.text,
        text_map=composed.text_map,
        chunks=chunks,
        ledger=check(pages, chunks),
        total_pages=2,
    )
    whole, page = document_metadata(document), page_metadata(document, pages[0])
    assert whole.items() <= page.items() <= chunk.metadata.items()
    assert document_metadata(replace(document, chunks=())) == whole


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/a/b.pdf", "b.pdf"),
        ("b.pdf", "b.pdf"),
        ("C:\\a\\b.pdf", "b.pdf"),
        ("s3://bucket/a/b.pdf?versionId=3", "b.pdf"),
        ("", ""),
    ],
)
def test_file_names(source: str, name: str) -> None:
    assert name_of(source) == name


def test_chunks_of_one_document_have_ids_of_their_own(pages: list[Page]) -> None:
    longer = [*pages, page_of(text(*["They rose again and again."] * 9), number=3)]
    chunks: tuple[Chunk, ...] = chunks_of(longer, max_tokens=16)
    again = chunks_of(longer, max_tokens=16)
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks) > 1
    assert [chunk.metadata for chunk in chunks] == [chunk.metadata for chunk in again]

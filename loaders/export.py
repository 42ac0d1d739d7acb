"""A document as Markdown, plain text, HTML or JSON: what `ingest read` prints."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from loaders.document import FURNITURE, Block, Document, Page


def to_json(document: Document) -> dict[str, Any]:
    """Return the whole document as JSON values: pages with words, lines, blocks, tables and relations, then chunks.

    Boxes are [x0, y0, x1, y1] and quads four corners clockwise from the top left, in each page's own frame and unit.
    """
    return {
        "source": document.source,
        "doc_id": document.doc_id,
        "config_id": document.config_id,
        "title": document.title,
        "total_pages": document.total_pages,
        "text": document.text,
        "pages": [_page_json(page) for page in document.pages],
        "chunks": [
            {"text": c.text, "start": c.start, "end": c.end, "metadata": c.metadata, "row_part": c.row_part}
            for c in document.chunks
        ],
        "words": {
            "recognised": document.ledger.words,
            "owned": document.ledger.owned,
            "dropped": dict(document.ledger.dropped),
        },
        "failures": [asdict(failure) for failure in document.failures],
    }


def to_html(document: Document) -> str:
    """Return the document as one HTML page: headings, paragraphs, lists, tables with their spans."""
    pages = "\n".join(f'<section data-page="{page.number}">\n{_page_html(page)}\n</section>' for page in document.pages)
    head = f'<head><meta charset="utf-8"><title>{html.escape(document.title)}</title></head>'
    return f"<!doctype html>\n<html>{head}<body>\n{pages}\n</body></html>"


FORMATS: dict[str, Callable[[Document], str]] = {
    "markdown": Document.to_markdown,
    "json": lambda document: json.dumps(to_json(document), ensure_ascii=False, indent=1),
    "html": to_html,
    "text": lambda document: document.text,
}


def _page_json(page: Page) -> dict[str, Any]:
    words = page.words
    return {
        "number": page.number,
        "label": page.label,
        "width": page.frame.width,
        "height": page.frame.height,
        "unit": page.frame.unit,
        "ocr": page.ocr,
        "engine": page.engine,
        "turn": page.turn,
        "words": [
            {
                "text": words.texts[i],
                "quad": words.quads[i].round(2).tolist(),
                "confidence": round(float(words.confidences[i]), 3),
                "ocr": bool(words.ocr[i]),
                "size": round(float(words.sizes[i]), 2),
                "style": int(words.styles[i]),
                "joined": bool(words.joined[i]),
            }
            for i in range(len(words))
        ],
        "lines": [{"words": list(line.words), "box": line.box.rounded()} for line in page.lines],
        "blocks": [
            {"category": b.category, "level": b.level, "lines": list(b.lines), "box": b.box.rounded(), "table": b.table}
            for b in page.blocks
        ],
        "tables": [
            {
                "box": t.box.rounded(),
                "n_rows": t.n_rows,
                "n_cols": t.n_cols,
                "header_rows": t.header_rows,
                "header_cols": t.header_cols,
                "continues": t.continues,
                "cells": [asdict(cell) | {"box": cell.box.rounded()} for cell in t.cells],
            }
            for t in page.tables
        ],
        "links": {
            level: {"target": links.target.tolist(), "probability": links.probability.round(3).tolist()}
            for level in ("word", "line", "block")
            if page.relations is not None and (links := getattr(page.relations, level)) is not None
        },
        "dropped": [{"words": list(lot.words), "reason": lot.reason} for lot in page.dropped],
        "rulings": page.rulings.round(2).tolist(),
        "figures": [box.rounded() for box in page.figures],
    }


def _page_html(page: Page) -> str:
    return "\n".join(_block_html(page, block) for block in page.blocks if block.category not in FURNITURE)


def _block_html(page: Page, block: Block) -> str:
    if block.category == "table" and block.table is not None:
        return page.tables[block.table].to_html()
    lines = [html.escape(page.line_text(page.lines[i])) for i in block.lines]
    if block.category == "title":
        level = min(max(block.level, 1), 6)
        return f"<h{level}>{' '.join(lines)}</h{level}>"
    if block.category == "list":
        return f"<ul><li>{' '.join(lines)}</li></ul>"
    if block.category == "caption":
        return f"<p><em>{' '.join(lines)}</em></p>"
    if block.category == "footnote":
        return f"<p><small>{' '.join(lines)}</small></p>"
    return f"<p>{' '.join(lines)}</p>"

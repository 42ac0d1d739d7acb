"""Search hits as one self-contained HTML file: each hit's text beside its page, with its exact boxes highlighted."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template

from ingest.search import Hit
from loaders.document import Failure, Page, Words
from loaders.errors import StoreError
from loaders.geometry import Box
from loaders.overlay import cited_html
from loaders.pipeline import with_raster
from loaders.settings import Settings

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #0f172a; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
article { display: grid; grid-template-columns: minmax(16rem, 2fr) 3fr; gap: 1.5rem; margin: 2.5rem 0; }
@media (max-width: 50rem) { article { grid-template-columns: 1fr; } }
.about { color: #475569; font-size: .9rem; } pre { white-space: pre-wrap; font: inherit; }
.page { position: relative; box-shadow: 0 1px 6px #0004; margin-bottom: 1rem; }
.page img { width: 100%; display: block; }
.hit { position: absolute; background: #fde04766; outline: 2px solid #ca8a04; border-radius: 2px; }
.failed { color: #b91c1c; }
</style></head><body><h1>$title</h1>$hits</body></html>
""")


def write_citations(query: str, hits: Sequence[Hit], path: Path, *, password: str | None = None) -> list[Failure]:
    """Write the HTML file. A page that cannot be drawn any more is named in it, and returned as a Failure."""
    failures: list[Failure] = []
    articles = [_article(number, hit, password, failures) for number, hit in enumerate(hits, start=1)]
    body = "".join(articles) or "<p>Nothing found.</p>"
    path.write_text(PAGE.substitute(title=html.escape(query), hits=body), encoding="utf-8")
    return failures


def _article(number: int, hit: Hit, password: str | None, failures: list[Failure]) -> str:
    about = hit.metadata
    pages = "".join(_pages(hit, password, failures))
    where = f"{about['file_name']}, page {about['page_number']} of {about['total_pages']}"
    details = " · ".join(
        html.escape(text) for text in (str(about.get("headings") or ""), f"score {hit.score:.4f}") if text
    )
    return (
        f"<article><section><h2>{number}. {html.escape(where)}</h2><p class='about'>{details}</p>"
        f"<pre>{html.escape(hit.text)}</pre></section><section>{pages}</section></article>"
    )


def _pages(hit: Hit, password: str | None, failures: list[Failure]) -> list[str]:
    by_page: dict[int, list[tuple[float, float, float, float]]] = {}
    for page_number, *xyxy in json.loads(str(hit.metadata["boxes"])):
        by_page.setdefault(page_number, []).append(tuple(xyxy))
    figures = []
    for page_number, boxes in by_page.items():
        try:
            page = _bare_page(hit, page_number, password)
            figures.append(cited_html(page, [Box(*xyxy, page.frame) for xyxy in boxes]))
        except Exception as error:  # the file may have moved, changed or lost its rights since it was indexed
            failure = Failure.of(error, str(hit.metadata["source"]), page_number, "rasterize")
            failures.append(failure)
            figures.append(f"<p class='failed'>page {page_number}: {html.escape(failure.error)}</p>")
    return figures


def _bare_page(hit: Hit, number: int, password: str | None) -> Page:
    """Return a page without words, only to be drawn. Raises StoreError when its file is not the one indexed."""
    from loaders.rasterize import open_document
    from loaders.sources import open_source

    source, settings = open_source(str(hit.metadata["source"])), Settings(password=password)
    if source.doc_id != hit.metadata["doc_id"]:
        raise StoreError("the file has changed since it was indexed; add it again")
    with open_document(source, settings) as document:
        page = document.page(number - 1)
        bare = Page(number=number, label=page.label, frame=page.frame, words=Words.none())
    return with_raster(bare, source, settings)

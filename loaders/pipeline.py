"""The ordered stages: a source goes in, a Document with chunks comes out. The only file that knows them all.

    open > rasterize > text layer | OCR > tables > relate          page by page, cached by the page's own content
    levels > furniture > continued tables > text > chunks > ledger document by document, from the pages

Trouble with a page is a Failure in the document; trouble with a file is raised by `load` (one file was asked for) and
a Failure in the stream of `load_all`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from loaders.cache import Cache
from loaders.document import Chunk, Document, Failure, Page, PageImage
from loaders.errors import UsageError
from loaders.ocr import OcrEngine
from loaders.reading import PageRead, Reader
from loaders.settings import Settings
from loaders.timing import timed

if TYPE_CHECKING:
    from loaders.ocr.levels import Level, Region
    from loaders.rasterize import OpenDocument
    from loaders.sources import Source
    from loaders.tokens import TokenBudget


# -- documents ------------------------------------------------------------------------------------------------------


def assemble(
    pages: Sequence[Page],
    failures: Sequence[Failure],
    *,
    source: Source,
    title: str,
    total_pages: int,
    settings: Settings,
    config_id: str,
    budgets: Sequence[TokenBudget] = (),
) -> Document:
    """Turn read pages into a document: levels, furniture, continued tables, text, chunks, ledger.

    Raises LedgerError when a word went nowhere, which is a bug in this package.
    """
    from loaders.chunk import cut
    from loaders.furniture import mark_furniture
    from loaders.ledger import check
    from loaders.naming import given_title
    from loaders.relate.levels import settle_levels
    from loaders.tables import join_continued
    from loaders.text import compose

    settled = join_continued(settle_levels(mark_furniture(pages)))
    title = given_title(title) or _first_title(settled) or PurePath(source.name).stem
    composed = compose(settled)
    chunks = cut(
        settled,
        composed,
        settings=settings,
        budgets=budgets,
        doc_id=source.doc_id,
        config_id=config_id,
        source=source.uri,
        file_name=source.name,
        title=title,
        total_pages=total_pages,
    )
    return Document(
        source=source.uri,
        doc_id=source.doc_id,
        config_id=config_id,
        title=title,
        pages=tuple(settled),
        failures=tuple(failures),
        text=composed.text,
        text_map=composed.text_map,
        chunks=chunks,
        ledger=check(settled, chunks),
        total_pages=total_pages,
    )


def _first_title(pages: Sequence[Page]) -> str:
    titles = (b for p in pages[:1] for b in p.blocks if b.category == "title" and b.level == 1)
    first = next(titles, None)
    return " ".join(pages[0].line_text(pages[0].lines[i]) for i in first.lines) if first else ""


def read_document(
    source: Source,
    reader: Reader,
    *,
    cache: Cache | None = None,
    budgets: Sequence[TokenBudget] = (),
    pages: Iterable[int] | None = None,
) -> Document:
    """Read one source in this process; `pages` are 1-based numbers, all where None.

    Raises SourceError when the file cannot be opened.
    """
    from loaders.rasterize import open_document

    settings = reader.settings
    read: list[Page] = []
    failures: list[Failure] = []
    with open_document(source, settings) as opened:
        total = opened.page_count
        for number in _numbers(pages, total):
            result = read_numbered(opened, number, source, reader, cache)
            if isinstance(result, Failure):
                failures.append(result)
            else:
                read.append(result.page)
        title = opened.title
    with timed("chunk"):
        document = assemble(
            read,
            failures,
            source=source,
            title=title,
            total_pages=total,
            settings=settings,
            config_id=reader.config_id(budgets),
            budgets=budgets,
        )
    if cache is not None and pages is None:
        cache.put_document(document)
    return document


def read_numbered(
    opened: OpenDocument, number: int, source: Source, reader: Reader, cache: Cache | None
) -> PageRead | Failure:
    """Read page `number` (1-based) of an open document; a page that cannot be read is a Failure."""
    try:
        page = opened.page(number - 1)
    except Exception as error:
        return Failure.of(error, source.uri, number, "open")
    with contextlib.closing(page):
        result = reader.read(page, number, source.uri, cache)
    if isinstance(result, Failure):
        return result
    return replace(result, page=with_raster(result.page, source, reader.settings))


def with_raster(page: Page, source: Source, settings: Settings) -> Page:
    """Return the page with a way to render its pixels again."""
    return replace(page, raster=partial(render, source, settings, page.number))


def render(source: Source, settings: Settings, number: int) -> PageImage:
    """Rasterize page `number` (1-based) of a source."""
    from loaders.rasterize import open_document

    with open_document(source, settings) as opened:
        return opened.page(number - 1).image()


def _numbers(pages: Iterable[int] | None, total: int) -> list[int]:
    if pages is None:
        return list(range(1, total + 1))
    wanted = list(pages)
    if beyond := [n for n in wanted if not 1 <= n <= total]:
        raise UsageError(f"no page {beyond[0]}: the document has pages 1 to {total}")
    return wanted


# -- the public doors -----------------------------------------------------------------------------------------------


def load(
    source: Any,
    *,
    engine: OcrEngine | str | None = None,
    cache: Cache | str | None = None,
    budgets: Sequence[TokenBudget] = (),
    pages: Iterable[int] | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Document:
    """Read one file: a path, bytes, a file object or an fsspec URL.

    Options are fields of Settings (`text="ocr"`, `dpi=300`, `password=...`). Raises SourceError when the file cannot
    be read at all; a page that cannot is in `document.failures`.
    """
    from loaders.sources import open_source

    reader = open_reader(settings, engine, options)
    return read_document(open_source(source), reader, cache=_cache(cache), budgets=budgets, pages=pages)


def load_all(
    sources: Any,
    *,
    engine: OcrEngine | str | None = None,
    cache: Cache | str | None = None,
    budgets: Sequence[TokenBudget] = (),
    settings: Settings | None = None,
    **options: Any,
) -> Iterator[Document | Failure]:
    """Read many files, lazily and in order: paths, directories, globs, bytes, file objects, fsspec URLs."""
    from loaders.sources import find_sources

    reader = open_reader(settings, engine, options)
    store = _cache(cache)
    for source in find_sources(sources):
        if isinstance(source, Failure):
            yield source
            continue
        try:
            yield read_document(source, reader, cache=store, budgets=budgets)
        except Exception as error:
            yield Failure.of(error, source.uri, None, "open")


def load_chunks(sources: Any, **options: Any) -> Iterator[Chunk | Failure]:
    """Read many files into chunks, lazily and in order; options as for `load_all`."""
    for document in load_all(sources, **options):
        if isinstance(document, Failure):
            yield document
        else:
            yield from document.failures
            yield from document.chunks


def read(
    images: Any, level: Level = "paragraph", *, engine: OcrEngine | str | None = None, **options: Any
) -> list[list[Region]]:
    """Read images as nemotron-ocr does: boxes, texts and confidences at an aggregation level.

    `images` is one or a batch: 3 x H x W or B x 3 x H x W arrays or tensors (RGB, uint8 0-255 or float32 0-1),
    PIL images, or files. `level` is "word", "sentence" (a line) or "paragraph". Returns one list per image, in reading
    order, quads in pixels. Raises EngineError when the engine fails and UsageError for input of another shape.
    """
    from loaders.ocr.images import as_page_images
    from loaders.ocr.levels import page_regions

    reader = open_reader(None, engine, {"tables": False, **options})
    return [page_regions(reader.read_image(image), level) for image in as_page_images(images)]


def open_reader(settings: Settings | None, engine: OcrEngine | str | None, options: dict[str, Any]) -> Reader:
    """Open a Reader from settings, single fields of them that override, and an engine by name or at hand."""
    chosen = replace(settings or Settings(), **options)
    if isinstance(engine, str):
        chosen, engine = replace(chosen, engine=engine), None
    elif engine is not None:
        chosen = replace(chosen, engine=engine.name)
    return Reader(chosen, engine=engine)


def _cache(cache: Cache | str | None) -> Cache | None:
    return Cache(cache) if isinstance(cache, str) else cache

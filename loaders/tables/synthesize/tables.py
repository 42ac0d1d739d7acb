"""Tables of known structure: a style and a seed go in, a TrueTable comes out, always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator

from loaders.errors import UsageError
from loaders.rasterize.mupdf import MupdfDocument
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.truth import UntrueError, label
from loaders.relate.synthesize.typst_pages import typeset
from loaders.settings import Settings
from loaders.sources import open_source
from loaders.tables.synthesize.looks import Look, markup_of
from loaders.tables.synthesize.styles import STYLES
from loaders.tables.synthesize.truth import TrueTable, as_read, table_of
from loaders.tables.synthesize.writer import Writer

ATTEMPTS = 8


def synthesize(style: str, seed: int, degraded: int = 1) -> list[TrueTable]:
    """Return one table as its PDF's text layer gives it, then `degraded` times as an engine would.

    Raises UsageError for another style, MissingExtra without Typst.
    """
    if style not in STYLES:
        raise UsageError(f"no style {style!r}; choose from {', '.join(sorted(STYLES))}")
    trouble: UntrueError | None = None
    for attempt in range(ATTEMPTS):
        writer = Writer(random.Random(f"{style} {seed} {attempt}"))
        draft = STYLES[style].write(writer)
        manuscript = Manuscript(writer.pen, "typst")
        markup = markup_of(draft, Look.drawn(writer.rng, draft), manuscript)
        try:
            with MupdfDocument(open_source(typeset(markup)), Settings()) as document:
                labelled = label(manuscript, document.page(0), style)
            table = table_of(draft, labelled, style)
        except UntrueError as error:
            trouble = error
            continue
        return [table, *(as_read(draft, labelled, style, seed * 10 + k) for k in range(degraded))]
    raise trouble or UntrueError(style)


def synthesize_all(count: int, seed: int, styles: tuple[str, ...] = (), degraded: int = 1) -> Iterator[TrueTable]:
    """Yield the tables of `count` drafts, style by style in turn."""
    names = styles or tuple(STYLES)
    for k in range(count):
        yield from synthesize(names[k % len(names)], seed + k // len(names), degraded)

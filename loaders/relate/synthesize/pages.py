"""Pages with known relations: a family and a seed go in, a LabelledPage comes out, always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from loaders.errors import UsageError
from loaders.rasterize.mupdf import MupdfDocument
from loaders.relate.synthesize.families import FAMILIES
from loaders.relate.synthesize.html_pages import print_pages
from loaders.relate.synthesize.labelled import LabelledPage
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import FOLDER, Pen, prose_of
from loaders.relate.synthesize.truth import UntrueError, label
from loaders.relate.synthesize.typst_pages import typeset
from loaders.settings import Settings
from loaders.sources import open_source

ATTEMPTS = 8
FEWEST_WORDS = 4


def synthesize(family: str, seed: int, prose: Path = FOLDER) -> LabelledPage:
    """Return one page as its PDF's text layer gives it; the same for a family, a seed and a folder of prose.

    Raises UsageError for another family, a folder without prose or a machine without Chromium where one is needed,
    MissingExtra without Typst.
    """
    return next(synthesize_all([(family, seed)], prose))


def synthesize_all(wanted: Sequence[tuple[str, int]], prose: Path = FOLDER) -> Iterator[LabelledPage]:
    """Yield a page per (family, seed); many at once are faster, since a browser is started once for all."""
    for name, _ in wanted:
        if name not in FAMILIES:
            raise UsageError(f"no family {name!r}; choose from {', '.join(sorted(FAMILIES))}")
    by_browser = [(name, seed) for name, seed in wanted if FAMILIES[name].markup == "html"]
    printed = dict(zip(by_browser, _printed(by_browser, prose), strict=True))
    for name, seed in wanted:
        yield printed[name, seed] if (name, seed) in printed else _typeset(name, seed, prose)


def _typeset(name: str, seed: int, prose: Path) -> LabelledPage:
    """Set a page; one whose truth cannot be told is set again, otherwise."""
    trouble: UntrueError | None = None
    for attempt in range(ATTEMPTS):
        manuscript, markup, drawn = written(name, seed, attempt, prose)
        try:
            with _opened(typeset(markup)) as document:
                index = 1 if drawn < FAMILIES[name].later and document.page_count > 1 else 0
                return read_back(document, manuscript, index, name)
        except UntrueError as error:
            trouble = error
    raise trouble or UntrueError(name)


def _printed(wanted: Sequence[tuple[str, int]], prose: Path) -> list[LabelledPage]:
    """Print all pages at once; those whose truth cannot be told are printed again, otherwise."""
    done: dict[tuple[str, int], LabelledPage] = {}
    for attempt in range(ATTEMPTS):
        left = [page for page in dict.fromkeys(wanted) if page not in done]
        if not left:
            break
        sheets = [written(name, seed, attempt, prose)[:2] for name, seed in left]
        with _opened(print_pages(sheets)) as document:
            for index, ((name, seed), (manuscript, _)) in enumerate(zip(left, sheets, strict=True)):
                try:
                    done[name, seed] = read_back(document, manuscript, index, name)
                except UntrueError:
                    if attempt == ATTEMPTS - 1:
                        raise
    return [done[page] for page in wanted]


def written(name: str, seed: int, attempt: int, prose: Path) -> tuple[Manuscript, str, float]:
    """Return a page's manuscript and markup, and the share that decides which page of the result is taken."""
    family = FAMILIES[name]
    rng = random.Random(f"{name} {seed} {attempt}")
    manuscript, markup = family.write(Pen(rng, prose_of(rng.choice(family.languages), prose)))
    return manuscript, markup, rng.random()


def _opened(pdf: bytes) -> MupdfDocument:
    return MupdfDocument(open_source(pdf), Settings())


def read_back(document: MupdfDocument, manuscript: Manuscript, index: int, name: str) -> LabelledPage:
    """Return the labelled page of a PDF. Raises UntrueError."""
    page = label(manuscript, document.page(index), name)
    if len(page.page.words) < FEWEST_WORDS:
        raise UntrueError(f"{name}: only {len(page.page.words)} words on the page")
    return page

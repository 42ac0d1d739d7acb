"""Pages with known relations: a family and a seed go in, a LabelledPage comes out, always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from loaders.errors import UsageError
from loaders.rasterize.mupdf import MupdfDocument
from loaders.relate.synthesize.families import FAMILIES
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

    Raises UsageError for another family or a folder without prose, MissingExtra without the typesetter.
    """
    return next(synthesize_all([(family, seed)], prose))


def synthesize_all(wanted: Sequence[tuple[str, int]], prose: Path = FOLDER) -> Iterator[LabelledPage]:
    """Yield a page per (family, seed); many at once are faster, since a browser is started once for all."""
    for name, seed in wanted:
        if name not in FAMILIES:
            raise UsageError(f"no family {name!r}; choose from {', '.join(sorted(FAMILIES))}")
        yield _page(name, seed, prose)


def _page(name: str, seed: int, prose: Path) -> LabelledPage:
    """Set a page; one whose truth cannot be told is set again, otherwise."""
    trouble: UntrueError | None = None
    for attempt in range(ATTEMPTS):
        pdf, manuscript, index = written(name, seed, attempt, prose)
        try:
            return read_back(pdf, manuscript, index, name)
        except UntrueError as error:
            trouble = error
    raise trouble or UntrueError(name)


def written(name: str, seed: int, attempt: int, prose: Path) -> tuple[bytes, Manuscript, float]:
    """Return the PDF, its manuscript, and the share that decides which page is taken."""
    family = FAMILIES[name]
    rng = random.Random(f"{name} {seed} {attempt}")
    manuscript, markup = family.write(Pen(rng, prose_of(rng.choice(family.languages), prose)))
    return typeset(markup), manuscript, rng.random()


def read_back(pdf: bytes, manuscript: Manuscript, drawn: float, name: str) -> LabelledPage:
    """Return the labelled page of a PDF. Raises UntrueError."""
    with MupdfDocument(open_source(pdf), Settings()) as document:
        index = 1 if drawn < FAMILIES[name].later and document.page_count > 1 else 0
        page = label(manuscript, document.page(index), name)
    if len(page.page.words) < FEWEST_WORDS:
        raise UntrueError(f"{name}: only {len(page.page.words)} words on the page")
    return page

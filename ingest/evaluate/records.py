"""One frozen record per kind of truth in a pack, and what an engine's output must look like to be scored against it.

Boxes are (x0, y0, x1, y1), origin top left, in the record's `units` (px for images, pt for PDFs), of the page as
displayed. Pages are 1-based. Paths are absolute. `None` means that the pack does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from loaders.geometry import XYXY

Scope = Literal["corpus", "document"]
SPLITS = ("dev", "heldout")


@dataclass(frozen=True, slots=True)
class TextBox:
    """A word or a line: its text, its box, and its quad (8 numbers, clockwise from the top left) where known."""

    text: str
    box: XYXY
    quad: tuple[float, ...] | None = None
    category: str = ""


@dataclass(frozen=True, slots=True)
class TruthBlock:
    """One block of a page; `order` is its place in the reading order, None where it is not part of it."""

    order: int | None
    type: str
    category: str
    box: XYXY
    text: str | None
    html: str | None = None
    ignore: bool = False
    id: int | None = None
    links: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One machine-checkable statement about a page, with the fields of olmOCR-bench.

    `kind` is present, absent (text), order (before, after), table (cell and its neighbours) or math.
    """

    id: str
    kind: str
    text: str = ""
    before: str = ""
    after: str = ""
    cell: str = ""
    neighbours: tuple[tuple[str, str], ...] = ()
    max_diffs: int = 0
    case_sensitive: bool = True
    first_n: int | None = None
    last_n: int | None = None


@dataclass(frozen=True, slots=True)
class TruthCell:
    """One cell of a table, 0-based."""

    row: int
    col: int
    rowspan: int
    colspan: int
    text: str
    box: XYXY | None = None
    header: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer stands: document id, 1-based page in the pack's file, and the words themselves where known.

    `grade` is the relevance of BEIR-style judgements, 1 elsewhere.
    """

    doc: str
    page: int
    text: str | None = None
    file: Path | None = None
    orig_page: int | None = None
    grade: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What every record says of itself."""

    id: str
    pack: str
    source: str
    split: str
    group: str
    license: str = ""
    lang: tuple[str, ...] = ()
    doc_type: str = ""
    tags: tuple[str, ...] = ()
    file: Path | None = None
    mime: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    page: int | None = None
    n_pages: int | None = None
    width: float | None = None
    height: float | None = None
    units: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageItem(Item):
    """A page with a transcript, boxes, blocks, Markdown or rules; `text` is None where only rules exist.

    `text_order` is "annotated" where a person fixed the order, "derived" where rows were rebuilt from boxes.
    """

    text: str | None = None
    text_body: str | None = None
    text_alt: tuple[str, ...] = ()
    text_order: str = "annotated"
    case_sensitive: bool = True
    words: tuple[TextBox, ...] = ()
    lines: tuple[TextBox, ...] = ()
    blocks: tuple[TruthBlock, ...] = ()
    markdown: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableItem(Item):
    """A table: canonical HTML and its accepted alternatives, its cells, its box on the page, and a ready-made crop."""

    html: str
    html_raw: str | None = None
    html_alt: tuple[str, ...] = ()
    cells: tuple[TruthCell, ...] = ()
    n_rows: int | None = None
    n_cols: int | None = None
    spans: bool = False
    table_box: XYXY | None = None
    table_box_units: str | None = None
    crop: Path | None = None
    crop_px: tuple[int, int] | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentItem(Item):
    """A document to search in: a file, or (BEIR) a title and a text."""

    orig_pages: tuple[int, ...] = ()
    title: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionItem(Item):
    """A question, where its answer stands, and where to search: all documents or the evidence's own."""

    question: str
    answer: str = ""
    scope: Scope = "corpus"
    evidence: tuple[Evidence, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem(Item):
    """A file that may be broken, and what must come of it: ok, needs_password, error or any."""

    outcome: str = "any"
    password: str | None = None
    contains: tuple[str, ...] = ()
    note: str = ""
    reference: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PagePrediction:
    """What an engine made of one page: text and words in its reading order, boxes in the record's units.

    `words` are words (or the smallest pieces the engine gives), `lines` its lines, `markdown` None where it makes none.
    """

    text: str
    words: tuple[TextBox, ...] = ()
    lines: tuple[TextBox, ...] = ()
    markdown: str | None = None

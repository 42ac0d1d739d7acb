"""The data that passes between stages: words, lines, blocks, tables, pages, documents, chunks, failures.

Everything is frozen. Words of a page are columnar, because a page has thousands and a corpus has billions; everything
above them refers to words by index. All coordinates are in the page's frame (see geometry.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from loaders.geometry import Array, Box, Frame, boxes_from_quads

if TYPE_CHECKING:
    import pandas
    import supervision

    from loaders.ocr.levels import Level

Category = Literal["text", "title", "list", "table", "figure", "caption", "footnote", "header", "footer", "page_number"]
CATEGORIES: tuple[str, ...] = Category.__args__  # type: ignore[attr-defined]
FURNITURE: frozenset[str] = frozenset({"header", "footer", "page_number"})

BOLD, ITALIC, MONO, RAISED = 1, 2, 4, 8
"""Bits of `Words.styles`."""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one page, one row each, in the order they were read.

    quads        float32 (N, 4, 2), corners clockwise from the top left of the text
    texts        N strings, never empty
    confidences  float32 (N,), 0-1; 1 for words of a trusted text layer
    sizes        float32 (N,), type size in the frame's unit (the quad's height where nothing better is known)
    styles       uint8 (N,), bits BOLD | ITALIC | MONO | RAISED
    ocr          bool (N,), read from pixels rather than from a text layer
    joined       bool (N,), no space between this word and the one before it on its line (CJK, split styles)
    """

    quads: Array
    texts: tuple[str, ...]
    confidences: Array
    sizes: Array
    styles: npt.NDArray[np.uint8]
    ocr: npt.NDArray[np.bool_]
    joined: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.texts)
        shapes = [a.shape for a in (self.confidences, self.sizes, self.styles, self.ocr, self.joined)]
        if self.quads.shape != (n, 4, 2) or any(shape != (n,) for shape in shapes):
            raise ValueError(f"{n} words with quads {self.quads.shape} and columns {shapes}")

    @classmethod
    def of(
        cls,
        quads: npt.ArrayLike,
        texts: Sequence[str],
        confidences: npt.ArrayLike | None = None,
        *,
        sizes: npt.ArrayLike | None = None,
        styles: npt.ArrayLike | None = None,
        ocr: bool | npt.ArrayLike = True,
        joined: npt.ArrayLike | None = None,
    ) -> Words:
        """Build columns from anything array-like, with defaults for what is not known."""
        n = len(texts)
        q = np.asarray(quads, np.float32).reshape(n, 4, 2)
        if sizes is None:
            sizes = (np.linalg.norm(q[:, 3] - q[:, 0], axis=1) + np.linalg.norm(q[:, 2] - q[:, 1], axis=1)) / 2
        return cls(
            quads=q,
            texts=tuple(texts),
            confidences=np.ones(n, np.float32) if confidences is None else np.asarray(confidences, np.float32),
            sizes=np.asarray(sizes, np.float32),
            styles=np.zeros(n, np.uint8) if styles is None else np.asarray(styles, np.uint8),
            ocr=np.full(n, ocr, bool) if isinstance(ocr, bool) else np.asarray(ocr, bool),
            joined=np.zeros(n, bool) if joined is None else np.asarray(joined, bool),
        )

    @classmethod
    def none(cls) -> Words:
        """Return no words."""
        return cls.of(np.zeros((0, 4, 2)), ())

    @classmethod
    def concatenated(cls, parts: Sequence[Words]) -> Words:
        """Return all words of the parts, one part after the other."""
        if not parts:
            return cls.none()
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("quads", "confidences", "sizes", "styles", "ocr", "joined")
        }
        return cls(texts=tuple(text for part in parts for text in part.texts), **columns)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def boxes(self) -> Array:
        """Axis-aligned boxes (N, 4) around the quads."""
        return boxes_from_quads(self.quads)

    def take(self, rows: npt.ArrayLike) -> Words:
        """Return the given rows (indices or a boolean mask), in that order."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(int)
        return Words(
            self.quads[index],
            tuple(self.texts[i] for i in index.tolist()),
            self.confidences[index],
            self.sizes[index],
            self.styles[index],
            self.ocr[index],
            self.joined[index],
        )

    def scaled(self, factor: float) -> Words:
        """Return the words with quads and sizes multiplied, as for another resolution."""
        return replace(
            self, quads=(self.quads * factor).astype(np.float32), sizes=(self.sizes * factor).astype(np.float32)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """One directed link per node to the node that follows it: target int32 (N,), -1 for none; probability float32."""

    target: npt.NDArray[np.int32]
    probability: Array

    @classmethod
    def chained(cls, chains: Sequence[Sequence[int]], count: int) -> Links:
        """Link every node to the next of its chain, with probability 1."""
        target = np.full(count, -1, np.int32)
        for chain in chains:
            target[list(chain[:-1])] = chain[1:]
        return cls(target, np.ones(count, np.float32))

    def without(self, mask: npt.NDArray[np.bool_]) -> Links:
        """Return the links among the nodes that the mask leaves, renumbered; a link to a masked node ends."""
        place = np.where(mask, -1, np.cumsum(~mask) - 1).astype(np.int32)
        kept = self.target[~mask]
        return Links(np.where(kept >= 0, place[kept], -1).astype(np.int32), self.probability[~mask])

    def extended(self, count: int) -> Links:
        """Return the links with `count` more nodes that have none."""
        more = np.full(count, -1, np.int32), np.ones(count, np.float32)
        return Links(np.concatenate([self.target, more[0]]), np.concatenate([self.probability, more[1]]))


@dataclass(frozen=True, slots=True, eq=False)
class Relations:
    """The graph of a page: next word in the line, next line in the paragraph, next block on the page.

    `line` indexes the lines that `word` links form, `block` the blocks that `line` links form; either is None when an
    engine brings words (or lines) only.
    """

    word: Links
    line: Links | None = None
    block: Links | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Words that follow each other on one line; `words` are indices into the page's words, in order."""

    words: tuple[int, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: 0-based row and column, spans, and the indices of its words in reading order."""

    row: int
    col: int
    words: tuple[int, ...]
    text: str
    box: Box
    row_span: int = 1
    col_span: int = 1
    header: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A grid of cells on one page. Cells are sorted by (row, col), do not overlap and cover what is not empty.

    The first `header_rows` rows head the columns, the first `header_cols` columns the rows. `Cell.header` says the
    former; a table that names its rows by group and kind has two columns of row headers.
    """

    box: Box
    n_rows: int
    n_cols: int
    cells: tuple[Cell, ...]
    header_rows: int = 0
    header_cols: int = 1
    continues: bool = False
    """The table goes on from the last table of the page before: same columns, one header."""

    def grid(self) -> list[list[Cell | None]]:
        """Return rows of cells; a spanning cell stands at each place it covers, None is an empty place."""
        rows: list[list[Cell | None]] = [[None] * self.n_cols for _ in range(self.n_rows)]
        for cell in self.cells:
            for row in range(cell.row, cell.row + cell.row_span):
                for col in range(cell.col, cell.col + cell.col_span):
                    rows[row][col] = cell
        return rows

    def to_html(self) -> str:
        """Return `<table>` with rowspan and colspan; header cells are `<th>`."""
        from loaders.tables import html_of

        return html_of(self)

    def to_markdown(self) -> str:
        """Return a pipe table; spanning cells are repeated in the places they cover."""
        from loaders.tables import markdown_of

        return markdown_of(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a pandas DataFrame with the header rows as columns (needs pandas)."""
        from loaders.tables import dataframe_of

        return dataframe_of(self)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item, table, figure or piece of furniture, as one unit of reading order.

    `lines` are indices into the page's lines, in reading order. `level` is a title's heading level (1 the highest),
    0 elsewhere. `table` is the index into the page's tables for category "table", else None.
    """

    category: Category
    lines: tuple[int, ...]
    box: Box
    level: int = 0
    table: int | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Words that reach no chunk, and why: "furniture", "low_confidence", "duplicate", "hidden" or "empty"."""

    words: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page, read. `blocks` are in reading order, which is decided once; nothing after it sorts.

    number    1-based; `label` as the document calls it ("iv")
    key       the page's cache key: a hash of its own inputs and of how it was read; empty where there was no cache
    ocr       whether any word was read from pixels
    engine    the OCR engine, or "" where the text layer served
    turn      clockwise degrees the raster had to be turned by to be upright, beyond the file's own rotation
    rulings   float32 (M, 4): x0, y0, x1, y1 of drawn horizontal and vertical lines
    figures   boxes of pictures
    raster    renders the page's pixels again, where the source is still at hand; pixels are never kept
    """

    number: int
    label: str
    frame: Frame
    words: Words
    lines: tuple[Line, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    relations: Relations | None = None
    dropped: tuple[Dropped, ...] = ()
    rulings: Array = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    figures: tuple[Box, ...] = ()
    ocr: bool = False
    engine: str = ""
    turn: int = 0
    key: str = ""
    source: str = ""
    raster: Callable[[], PageImage] | None = None

    @property
    def index(self) -> int:
        """0-based position in the document."""
        return self.number - 1

    @property
    def text(self) -> str:
        """The page's text in reading order, furniture left out, blocks parted by blank lines."""
        from loaders.text import page_text

        return page_text(self)

    def line_text(self, line: Line) -> str:
        """Return a line's words, spaced."""
        return spaced(self.words, line.words)

    def word_box(self, word: int) -> Box:
        """Return the upright box around a word."""
        return self.frame.at(boxes_from_quads(self.words.quads[word])[0])

    def show(self, **options: Any) -> Any:
        """Draw words, blocks, order and tables over the page; returns a PIL image."""
        from loaders.overlay import draw_page

        return draw_page(self, **options)

    def detections(self, level: Level = "word", *, dpi: float | None = None) -> supervision.Detections:
        """Return words, lines ("sentence") or paragraphs as supervision Detections (needs supervision).

        In the page's frame, or in pixels at `dpi`; their class names are the texts: see loaders.detections.
        """
        from loaders.detections import to_detections

        return to_detections(self, level, dpi=dpi)

    def _repr_png_(self) -> bytes:
        from loaders.overlay import page_png

        return page_png(self)


def spaced(words: Words, rows: Sequence[int]) -> str:
    """Return the texts of some words as one line, with a space before each that is not `joined` to its neighbour."""
    parts: list[str] = []
    for row, joined in zip(rows, words.joined[list(rows)].tolist(), strict=True):
        if parts and not joined:
            parts.append(" ")
        parts.append(words.texts[row])
    return "".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class TextMap:
    """Which word every character of a document's text came from.

    Row i says: characters `start[i]` to `end[i]` were read from word `word[i]` of page index `page[i]`. Rows are sorted
    by start and do not overlap; characters in no row (spaces, table bars, line breaks) come from no word. A hyphenated
    word joined at a line break has a row for each half.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    page: npt.NDArray[np.int32]
    word: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, start: int, end: int) -> range:
        """Return the rows that touch characters start to end."""
        first = int(np.searchsorted(self.end, start, side="right"))
        last = int(np.searchsorted(self.start, end, side="left"))
        return range(first, max(first, last))


@dataclass(frozen=True, slots=True)
class PageBox:
    """A box and the 1-based page it is on."""

    page_number: int
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A token-bounded piece of a document, with everything a citation needs.

    text          what a reader sees
    embed_text    what is embedded: heading path and text, within the token budget
    words         (page index, word indices) owned by this chunk: each word of the document is owned exactly once
    boxes         one box per line group and page, in reading order
    start, end    character span in the document's text
    row_part      piece i of n of one table row too long for the budget, as "i/n"; "" elsewhere
    """

    index: int
    text: str
    embed_text: str
    category: Category
    headings: tuple[str, ...]
    start: int
    end: int
    words: tuple[tuple[int, tuple[int, ...]], ...]
    boxes: tuple[PageBox, ...]
    confidence: float
    ocr: bool
    doc_id: str
    config_id: str
    chunk_id: str
    metadata: dict[str, str | int | float | bool]
    row_part: str = ""

    @property
    def page_number(self) -> int:
        return self.boxes[0].page_number

    @property
    def page_end(self) -> int:
        return max(box.page_number for box in self.boxes)


@dataclass(frozen=True, slots=True)
class Failure:
    """Trouble with one file or page, as a value. `page` is 1-based, None for the whole file.

    `stage` is one of open, cache, rasterize, text, ocr, relate, tables, chunk, embed, index, deadline, worker.
    `error` reads "KindOfError: what happened and what to do".
    """

    source: str
    page: int | None
    stage: str
    error: str

    @classmethod
    def of(cls, error: BaseException, source: str, page: int | None, stage: str) -> Failure:
        return cls(source, page, stage, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every word went: `words` recognised = `owned` by one chunk + the sum of `dropped` by reason."""

    words: int
    owned: int
    dropped: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A file, read: pages in file order, its text in reading order, chunks, and what went wrong."""

    source: str
    doc_id: str
    config_id: str
    title: str
    pages: tuple[Page, ...]
    failures: tuple[Failure, ...]
    text: str
    text_map: TextMap
    chunks: tuple[Chunk, ...]
    ledger: Ledger
    total_pages: int

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, page by page."""
        return tuple(table for page in self.pages for table in page.tables)

    @property
    def blocks(self) -> Iterator[tuple[Page, Block]]:
        """All blocks in reading order, each with its page."""
        return ((page, block) for page in self.pages for block in page.blocks)

    def boxes_for(self, start: int, end: int) -> tuple[PageBox, ...]:
        """Return the exact boxes of characters start to end of the text, one per run of words on a line."""
        from loaders.text import boxes_for

        return boxes_for(self, start, end)

    def to_markdown(self) -> str:
        """Return the document as Markdown: headings, lists, pipe tables."""
        from loaders.text import document_markdown

        return document_markdown(self)


# -- what the rasterizer hands on ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """A page as pixels: uint8 (H, W, 3) RGB, and how many pixels one unit of the frame takes."""

    pixels: npt.NDArray[np.uint8]
    scale: float
    frame: Frame

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> PageImage:
        """Wrap an image that is its own page, in pixels."""
        height, width = pixels.shape[:2]
        return cls(pixels, 1.0, Frame(float(width), float(height), "px"))


@dataclass(frozen=True, slots=True, eq=False)
class TextLayer:
    """What a PDF page says of itself: words, the font of each, which cannot be seen, drawn lines, pictures.

    fonts    N font names, one per word
    hidden   bool (N,): invisible render mode, covered by a picture, outside the crop, or white on white
    """

    words: Words
    fonts: tuple[str, ...]
    hidden: npt.NDArray[np.bool_]
    rulings: Array
    figures: tuple[Box, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PageText:
    """What an OCR engine returns for one image: words in *image pixels*, in its own order, and its relations if any.

    `turn` is the clockwise angle (0, 90, 180, 270) by which the engine had to turn the image to read it; the quads are
    in the image as given, not as turned.
    """

    words: Words
    relations: Relations | None = None
    turn: int = 0

"""Page results on disk, addressed by content: resume, incremental runs and scale-out in one mechanism.

A page's file is named by the hash of the page's own inputs and of how it was read, so any process may write it, any
number of times, and a second run finds it. It is a Parquet file of words, with everything above the words as JSON in
its schema metadata. Beside the pages lie the documents' sidecars: which characters of a document's text came from
which word, with its exact quad, so that `boxes_for` answers for any span without the document at hand.

The directory is a path or any fsspec URL. Every file appears whole or not at all: on a local disk it is written beside
its place and renamed into it, in an object store it is one put. All coordinates are in the page's frame.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from loaders.document import Block, Cell, Document, Line, Links, Page, PageBox, Relations, Table, Words
from loaders.errors import StoreError
from loaders.files import FileStore
from loaders.geometry import Frame, boxes_from_quads
from loaders.text import WordPlace, boxes_of_runs, lines_of_words

if TYPE_CHECKING:
    import pyarrow as pa


class Cache:
    """A directory of page results and document sidecars, shared by any number of processes."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        given = os.fspath(directory)
        self.directory = given if "://" in given else os.path.abspath(given)  # noqa: PTH100  (processes elsewhere use it)
        self._files = FileStore(self.directory)

    @property
    def of_this_process(self) -> bool:
        """Say that other processes do not see it (memory://), so that only reading in this process can use it."""
        return self._files.of_this_process

    @staticmethod
    def key(page_key: str, reading_id: str) -> str:
        """Name a page result: sha256 of the page's own inputs and of how it is read."""
        return hashlib.sha256(f"{page_key}:{reading_id}".encode()).hexdigest()

    def __contains__(self, key: str) -> bool:
        return self._files.exists(self._page_path(key))

    def get(self, key: str, *, number: int, label: str, source: str) -> Page | None:
        """Return the page stored under a key, placed in a document, or None."""
        table = self._read(self._page_path(key))
        return None if table is None else _page_from(table, key, number, label, source)

    def put(self, page: Page) -> None:
        """Store a page under its key. Atomic: readers see the whole file or none."""
        self._write(self._page_path(page.key), _table_from(page))

    def put_document(self, document: Document) -> None:
        """Store the sidecar of a document: the words behind every character of its text."""
        self._write(self._document_path(document.doc_id, document.config_id), _sidecar(document))

    def boxes_for(self, doc_id: str, start: int, end: int, *, config_id: str = "") -> tuple[PageBox, ...]:
        """Return the boxes of characters start to end of a document's text, one per run of words on a line.

        Without a config_id the document must have been read in one way only. Raises StoreError when it is unknown.
        """
        path = self._document_path(doc_id, config_id) if config_id else self._only_path(doc_id)
        table = self._read(path)
        if table is None:
            raise StoreError(f"no words of document {doc_id} in {self.directory}; add the document first")
        return _boxes_in(table, start, end)

    # -- files ------------------------------------------------------------------------------------------------------

    def _page_path(self, key: str) -> str:
        return f"pages/{key[:2]}/{key}.parquet"

    def _document_path(self, doc_id: str, config_id: str) -> str:
        return f"documents/{doc_id}/{config_id}.words.parquet"

    def _only_path(self, doc_id: str) -> str:
        folder = f"documents/{doc_id}"
        found = self._files.names(folder)
        if len(found) != 1:
            raise StoreError(f"document {doc_id} was read in {len(found)} ways here; pass config_id=")
        return f"{folder}/{found[0]}"

    def _read(self, path: str) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            content = self._files.read(path)
        except FileNotFoundError:
            return None
        try:
            file = pq.ParquetFile(pa.py_buffer(content))
            about = {key: _unpacked(value) for key, value in (file.metadata.metadata or {}).items()}
            return file.read().replace_schema_metadata(about)
        except (pa.ArrowInvalid, OSError, ValueError, zlib.error):
            return None  # a damaged file is a miss: the page is read again and the file replaced

    def _write(self, path: str, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        content = io.BytesIO()
        # Arrow's own copy of the schema would hold the metadata a second time, and neither is compressed
        with pq.ParquetWriter(content, table.schema.remove_metadata(), compression="zstd", store_schema=False) as file:
            file.write_table(table.replace_schema_metadata())
            file.add_key_value_metadata({key: _packed(value) for key, value in table.schema.metadata.items()})
        self._files.write(path, content.getvalue())


def _packed(text: bytes) -> bytes:
    return base64.b64encode(zlib.compress(text))


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompress(base64.b64decode(packed, validate=True))


# -- pages as tables ----------------------------------------------------------------------------------------------


def _table_from(page: Page) -> pa.Table:
    import pyarrow as pa

    words = page.words
    columns: dict[str, Any] = {"text": pa.array(words.texts, pa.string())}
    for corner, name in enumerate(("tl", "tr", "br", "bl")):
        for axis, letter in enumerate("xy"):
            columns[f"{letter}_{name}"] = np.ascontiguousarray(words.quads[:, corner, axis])
    columns |= {n: getattr(words, n) for n in ("confidences", "sizes", "styles", "ocr", "joined")}
    return pa.table(columns).replace_schema_metadata({"page": json.dumps(_structure(page))})


def _structure(page: Page) -> dict[str, Any]:
    return {
        "frame": asdict(page.frame),
        "ocr": page.ocr,
        "engine": page.engine,
        "turn": page.turn,
        "lines": [[line.words, line.box.xyxy] for line in page.lines],
        "blocks": [[b.category, b.lines, b.box.xyxy, b.level, b.table] for b in page.blocks],
        "tables": [
            [
                [t.box.xyxy, t.n_rows, t.n_cols, t.header_rows, t.header_cols],
                [[c.row, c.col, c.words, c.text, c.box.xyxy, c.row_span, c.col_span, c.header] for c in t.cells],
            ]
            for t in page.tables
        ],
        "links": {
            level: [links.target.tolist(), links.probability.round(4).tolist()]
            for level, links in _levels(page.relations)
        },
        "dropped": [[d.words, d.reason] for d in page.dropped],
        "rulings": page.rulings.round(2).tolist(),
        "figures": [box.xyxy for box in page.figures],
    }


def _levels(relations: Relations | None) -> Iterable[tuple[str, Links]]:
    if relations is None:
        return []
    return [(n, links) for n in ("word", "line", "block") if (links := getattr(relations, n)) is not None]


def _page_from(table: pa.Table, key: str, number: int, label: str, source: str) -> Page:
    from loaders.document import Dropped

    saved = json.loads(table.schema.metadata[b"page"])
    frame = _frame(saved["frame"])

    box = frame.at

    def column(name: str) -> np.ndarray[Any, Any]:
        return np.array(table.column(name).to_numpy(zero_copy_only=False))

    corners = [[column(f"{letter}_{name}") for letter in "xy"] for name in ("tl", "tr", "br", "bl")]
    words = Words(
        quads=np.array(corners, np.float32).transpose(2, 0, 1).reshape(-1, 4, 2),
        texts=tuple(table.column("text").to_pylist()),
        **{n: column(n) for n in ("confidences", "sizes", "styles", "ocr", "joined")},
    )
    links = {n: Links(np.array(t, np.int32), np.array(p, np.float32)) for n, (t, p) in saved["links"].items()}
    return Page(
        number=number,
        label=label,
        frame=frame,
        words=words,
        lines=tuple(Line(tuple(w), box(b)) for w, b in saved["lines"]),
        blocks=tuple(Block(c, tuple(ls), box(b), level, t) for c, ls, b, level, t in saved["blocks"]),
        tables=tuple(
            Table(
                box(b),
                rows,
                cols,
                tuple(Cell(r, c, tuple(w), x, box(cb), *rest) for r, c, w, x, cb, *rest in cells),
                *h,
            )
            for (b, rows, cols, *h), cells in saved["tables"]
        ),
        relations=Relations(**links) if "word" in links else None,
        dropped=tuple(Dropped(tuple(w), reason) for w, reason in saved["dropped"]),
        rulings=np.array(saved["rulings"], np.float32).reshape(-1, 4),
        figures=tuple(box(b) for b in saved["figures"]),
        ocr=saved["ocr"],
        engine=saved["engine"],
        turn=saved["turn"],
        key=key,
        source=source,
    )


# -- documents' sidecars ------------------------------------------------------------------------------------------


def _sidecar(document: Document) -> pa.Table:
    import pyarrow as pa

    spans = document.text_map
    line_of = [lines_of_words(page) for page in document.pages]
    pages = {page.index: place for place, page in enumerate(document.pages)}
    places = [pages[int(p)] for p in spans.page]
    quads = np.array(
        [document.pages[p].words.quads[w] for p, w in zip(places, spans.word, strict=True)], np.float32
    ).reshape(-1, 4, 2)
    columns: dict[str, Any] = {
        "start": spans.start,
        "end": spans.end,
        "page_number": spans.page + 1,
        "word": spans.word,
        "line": np.array([line_of[p][w] for p, w in zip(places, spans.word, strict=True)], np.int32),
    }
    columns |= {n: quads[:, corner, axis] for n, corner, axis in _CORNERS}
    frames = {str(page.number): asdict(page.frame) for page in document.pages}
    about = {"source": document.source, "doc_id": document.doc_id, "frames": frames}
    return pa.table(columns).replace_schema_metadata({"document": json.dumps(about)})


_CORNERS = [(f"{'xy'[axis]}{corner}", corner, axis) for corner in range(4) for axis in range(2)]


def _boxes_in(table: pa.Table, start: int, end: int) -> tuple[PageBox, ...]:
    about = json.loads(table.schema.metadata[b"document"])
    frames = {int(number): _frame(saved) for number, saved in about["frames"].items()}
    starts, ends = table.column("start").to_numpy(), table.column("end").to_numpy()
    first, last = int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(starts, end, side="left"))
    rows = table.slice(first, max(last - first, 0)).to_pylist() if start < end else []
    return boxes_of_runs(
        WordPlace(
            row["page_number"],
            row["line"],
            row["word"],
            frames[row["page_number"]].at(boxes_from_quads([[row[f"x{c}"], row[f"y{c}"]] for c in range(4)])[0]),
        )
        for row in rows
    )


def _frame(saved: dict[str, Any]) -> Frame:
    return Frame(**saved | {"crop": tuple(saved["crop"]) if saved["crop"] else None})

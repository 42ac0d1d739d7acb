"""Blocks become chunks: token-bounded pieces of the text with their headings, words and boxes.

Pages and their composed text come in, chunks come out in text order. `outline` says what belongs together, `packing`
what goes into one piece; here each piece gets its words, boxes and identity. Every word the text has is owned by the
chunk in which it first starts; a word split between chunks, or repeated by a spanning table cell, is context in the
later ones. Boxes are in each page's own frame.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from loaders.chunk.outline import outline
from loaders.chunk.packing import Piece, pack
from loaders.document import Chunk, Page, PageBox
from loaders.geometry import Box
from loaders.metadata import metadata_of, name_of
from loaders.naming import document_name
from loaders.settings import Settings
from loaders.text.composition import ComposedText
from loaders.tokens import TokenBudget, cl100k

NAME_SHARE, NAMED_FROM = 8, 128
"""One part in 8 of a budget of 128 tokens or more is kept for the document's name, used or not: where a text is cut
must not depend on what its file is called."""
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/ocr-ingest/")


def cut(
    pages: Sequence[Page],
    composed: ComposedText,
    *,
    settings: Settings,
    budgets: Sequence[TokenBudget] = (),
    doc_id: str,
    config_id: str,
    source: str,
    title: str,
    total_pages: int,
    file_name: str = "",
) -> tuple[Chunk, ...]:
    """Cut composed pages into chunks within `settings.max_tokens` of cl100k_base and within every further budget.

    Budgets hold for the exact string that is embedded. Raises UsageError when one leaves no room for text.
    """
    if not composed.blocks:
        return ()
    file_name = file_name or name_of(source)
    limits = (cl100k(settings.max_tokens), *budgets)
    pieces = pack(
        outline(pages, composed),
        composed.text,
        composed.text_map,
        [_without_name(budget) for budget in limits] if settings.context else limits,
        context=settings.context,
        table_text=settings.table_text,
    )
    name = document_name(file_name, title) if settings.context else ""
    provenance = _Provenance(pages, composed)
    namespace = uuid.uuid5(NAMESPACE, doc_id)
    chunks: list[Chunk] = []
    for index, (piece, row_part) in enumerate(zip(pieces, _row_parts(pieces), strict=True)):
        rows = provenance.shown(piece)
        chunk = Chunk(
            index=index,
            text=piece.text,
            embed_text=_under_name(name, piece.embed_text, limits),
            category=piece.category,
            headings=piece.headings,
            start=piece.start,
            end=piece.end,
            words=provenance.owned(piece),
            boxes=provenance.boxes(rows),
            confidence=round(float(provenance.confidences[rows].mean()), 4),
            ocr=bool(provenance.ocr[rows].any()),
            doc_id=doc_id,
            config_id=config_id,
            chunk_id=str(uuid.uuid5(namespace, f"{config_id}:{index}")),
            metadata={},
            row_part=row_part,
        )
        metadata = metadata_of(
            chunk,
            provenance.pages_of(chunk),
            source=source,
            file_name=file_name,
            title=title,
            total_pages=total_pages,
        )
        chunks.append(replace(chunk, metadata=metadata))
    return tuple(chunks)


def _without_name(budget: TokenBudget) -> TokenBudget:
    """Return what is left of a budget for headings and text."""
    kept = budget.limit // NAME_SHARE if budget.limit >= NAMED_FROM else 0
    return replace(budget, limit=budget.limit - kept)


def _under_name(name: str, text: str, limits: Sequence[TokenBudget]) -> str:
    """Put the document's name in front of what is embedded, or as many of its words as all budgets hold."""
    words = name.split() if all(budget.limit >= NAMED_FROM for budget in limits) else []
    while words:
        whole = f"{' '.join(words)}\n{text}"
        if all(budget.count(whole) <= budget.limit for budget in limits):
            return whole
        words.pop()
    return text


def _row_parts(pieces: Sequence[Piece]) -> list[str]:
    """Return "i/n" for the i-th of n pieces of one table row, "" for the rest."""
    totals, seen = Counter(piece.split_row for piece in pieces), Counter[int]()
    parts = []
    for piece in pieces:
        seen[piece.split_row] += 1
        parted = piece.split_row >= 0 and totals[piece.split_row] > 1
        parts.append(f"{seen[piece.split_row]}/{totals[piece.split_row]}" if parted else "")
    return parts


class _Provenance:
    """What is behind each row of the text map: box, confidence, block; and whether its word was written before."""

    def __init__(self, pages: Sequence[Page], composed: ComposedText) -> None:
        text_map = self._map = composed.text_map
        self._pages = {page.index: page for page in pages}
        cuts = [0, *(np.flatnonzero(np.diff(text_map.page)) + 1).tolist(), len(text_map)]
        parts = [(self._pages[int(text_map.page[a])].words, text_map.word[a:b]) for a, b in pairwise(cuts)]
        self._boxes = np.concatenate([words.boxes[rows] for words, rows in parts])
        self.confidences = np.concatenate([words.confidences[rows] for words, rows in parts])
        self.ocr = np.concatenate([words.ocr[rows] for words, rows in parts])
        self._block = np.searchsorted([span.start for span in composed.blocks], text_map.start, side="right")
        # A table repeats a spanning cell and its words stay one; a word in two blocks is two, and the ledger objects.
        places = self._block.astype(np.int64) << 32 | text_map.word
        self._first = np.zeros(len(text_map), bool)
        self._first[np.unique(places, return_index=True)[1]] = True

    def owned(self, piece: Piece) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Return the words that start in a piece for the first time, by page."""
        rows = self._starting(piece)
        pairs = zip(self._map.page[rows].tolist(), self._map.word[rows].tolist(), strict=True)
        return tuple((page, tuple(word for _, word in words)) for page, words in groupby(pairs, key=lambda p: p[0]))

    def shown(self, piece: Piece) -> npt.NDArray[np.int64]:
        """Return the rows a piece is cited by: its own, and the one it starts in the middle of."""
        rows = self._starting(piece)
        touched = np.asarray(self._map.rows(piece.start, piece.end), np.int64)
        if self._map.start[touched[0]] < piece.start:
            rows = np.concatenate([touched[:1], rows])
        return rows if len(rows) else touched

    def boxes(self, rows: npt.NDArray[np.int64]) -> tuple[PageBox, ...]:
        """Return one box around the rows of each block, in text order."""
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self._block[rows])) + 1])
        low = np.minimum.reduceat(self._boxes[rows, :2], starts)
        high = np.maximum.reduceat(self._boxes[rows, 2:], starts)
        pages = [self._pages[int(index)] for index in self._map.page[rows[starts]]]
        corners = np.concatenate([low, high], axis=1).tolist()
        return tuple(
            PageBox(page.number, Box(x0, y0, x1, y1, page.frame))
            for page, (x0, y0, x1, y1) in zip(pages, corners, strict=True)
        )

    def pages_of(self, chunk: Chunk) -> list[Page]:
        """Return the pages a chunk stands on, the first one first."""
        return [self._pages[number - 1] for number in dict.fromkeys(box.page_number for box in chunk.boxes)]

    def _starting(self, piece: Piece) -> npt.NDArray[np.int64]:
        low, high = np.searchsorted(self._map.start, [piece.start, piece.end])
        return np.arange(low, high)[self._first[low:high]]

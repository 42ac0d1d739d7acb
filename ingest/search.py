"""Questions are answered from the tables of an index: by vector, by words, or by both with what pages and names say.

Comes in: a question and a Lance SQL condition. Goes out: Hits, best first. What is compared how is in `ranking`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ingest.filters import sql_of
from ingest.question import LAST, Question
from ingest.ranking import Scores, blended, group_means, parted
from ingest.schema import CHUNK_KEYS, unpacked

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.embed import Embedder, Vectors

Mode = Literal["hybrid", "vector", "text"]
CANDIDATES = 100
"""Rows each side of a hybrid search brings."""
WEIGHED = 50
"""Candidates whose pages are looked at; more than that would rarely come up so far."""
NAMED = 50
"""Documents whose names are looked up."""
ON_PAGE = 50
"""Chunks of pages that the question names: they are looked at, however little they look like it."""
MOST_PARTS = 8
"""Sentences of a question that are embedded one by one; a longer text is no question."""
PROBES, REFINED, REFINE = 60, 300, 3
"""Of an index of vectors so many parts are searched; of so many candidates, and of at least so many times what is asked
for, the exact distance is computed. On 100,000 chunks recall@10 is .993; with LanceDB's own 20 parts and 100, .95.
Reading the vectors of candidates is what costs: 300 take 5 of a search's 9 ms, the parts hardly anything."""
SHOWN = (*CHUNK_KEYS, "extra", "text")
"""Columns a hit is made of."""
WEIGHED_BY = ("doc_id", "page_number", "vector")
"""Columns a candidate is weighed by: of a hundred candidates few are shown, and each column is read for itself."""
PLACES = ("page_label", "total_pages")
"""Columns more where a question names pages."""
REMEMBERED = 2_000
"""Documents whose rows are remembered at most."""

Row = Mapping[str, Any]
Page = tuple[str, int]
"""A document and the number of a page in it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: higher scores are better. `score` is the cosine (vector), BM25 (text) or a blend of both (hybrid)."""

    score: float
    text: str
    metadata: dict[str, str | int | float | bool]

    @property
    def boxes(self) -> list[tuple[int, float, float, float, float]]:
        """Page number (1-based) and box of each line group, in the frame of that page."""
        return [tuple(box) for box in json.loads(str(self.metadata["boxes"]))]


def hit_of(row: Row, score: float) -> Hit:
    """Return a row of `chunks` as a hit."""
    return Hit(float(score), row["text"], unpacked(row, CHUNK_KEYS))


class Searcher:
    """Searches the tables `chunks` and `sources`; `words` says whether their full-text indices are there."""

    def __init__(self, chunks: Any, sources: Any, pages: PageRows, words: bool) -> None:
        self.chunks, self.sources, self.pages, self.words = chunks, sources, pages, words

    def by_vector(self, vector: Vectors, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks nearest to a vector."""
        return [hit_of(row, 1.0 - row["_distance"]) for row in self._nearest(vector, k, where, SHOWN).to_pylist()]

    def by_text(self, query: str, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks whose words match best."""
        found = self._full_text(self.chunks, "embed_text", query, k, where, SHOWN)
        return [hit_of(row, row["_score"]) for row in (found.to_pylist() if found else ())]

    def by_both(self, question: Question, vector: Vectors, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks that are best by meaning, words, page and the document's name together."""
        version = self.chunks.version
        try:
            return self._by_both(question, vector, k, where)
        except Exception:
            if self.chunks.version == version:
                raise
            return self._by_both(question, vector, k, where)  # another thread has written: row ids are of one version

    def _by_both(self, question: Question, vector: Vectors, k: int, where: str | None) -> list[Hit]:
        wide, columns = max(k, CANDIDATES), (*WEIGHED_BY, *(PLACES if question.pages else ()))
        with ThreadPoolExecutor(1) as beside:
            coming = beside.submit(self._nearest, vector, wide, where, columns)
            matching = self._full_text(self.chunks, "embed_text", question.words, wide, where, columns)
            named = self._named(question.asked)
            nearest = coming.result()
        asked = _on_pages(question.pages)
        there = self._nearest(vector, ON_PAGE, f"({where}) AND {asked}" if where else asked, columns) if asked else None
        sides = [side for side in (nearest, matching, there) if side]
        found = _Candidates.of(sides, vector)
        if not found.ids:
            return []
        words = dict(zip(*_columns(matching, "_rowid", "_score"), strict=True)) if matching else {}
        text = np.array([words.get(row, 0.0) for row in found.ids], np.float32)
        names = np.array([named.get(document, 0.0) for document, _ in found.pages], np.float32)
        standing = _standing_on(sides, question.pages) if question.pages else set()
        on_page = np.array([row in standing for row in found.ids], np.float32)
        guess = blended(found.cosines, found.cosines, text, names, on_page)  # as if each page said what its chunk says
        best = np.argsort(-guess, kind="stable")[: max(k, WEIGHED)]
        pages = found.cosines.copy()
        pages[best] = self._page_cosines(found, best, vector)
        scores = blended(found.cosines, pages, text, names, on_page)[best]
        order = np.argsort(-scores, kind="stable")[:k]
        rows = self._rows([found.ids[best[place]] for place in order], SHOWN).to_pylist()
        return [hit_of(row, scores[place]) for row, place in zip(rows, order, strict=True)]

    # -- the sides ----------------------------------------------------------------------------------------------------

    def _nearest(self, vector: Vectors, k: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        search = self.chunks.search(vector, vector_column_name="vector").distance_type("cosine")
        if where:
            search = search.where(where, prefilter=True)
        # without refinement an index returns the distances of its codes, not of the vectors
        search = search.nprobes(PROBES).refine_factor(max(REFINE, -(-REFINED // k)))
        return search.select([*columns, "_distance"]).with_row_id(True).limit(k).to_arrow()

    def _full_text(
        self, table: Any, column: str, query: str, k: int, where: str | None, columns: Sequence[str]
    ) -> pa.Table | None:
        """Return the rows that match best, with `_score`; None where there are no words to search yet."""
        from lancedb.query import MatchQuery

        if not self.words:
            return None
        words = MatchQuery(query, column)  # type: ignore[call-arg]  # pydantic fills in the rest
        search = table.search(words, query_type="fts")
        if where:
            search = search.where(where, prefilter=True)
        return search.select([*columns, "_score"]).with_row_id(True).limit(k).to_arrow()

    def _named(self, query: str) -> dict[str, float]:
        """Return the documents whose names the words of a question match best, with their BM25 scores."""
        found = self._full_text(self.sources, "name", parted(query), NAMED, None, ("doc_id",))
        best: dict[str, float] = {}
        for row in found.to_pylist() if found else ():
            best.setdefault(row["doc_id"], row["_score"])
        return best

    def _page_cosines(self, found: _Candidates, best: npt.NDArray[np.intp], vector: Vectors) -> Scores:
        """Return, for some of the candidates, the mean cosine over each one's page; of a chunk of none, its own."""
        pages = [found.pages[row] for row in best]
        rows = self.pages.rows({page for page in pages if _is_page(page)})
        known = dict(zip(found.ids, found.cosines.tolist(), strict=True))
        if new := [row for page in rows.values() for row in page if row not in known]:
            known |= zip(new, _cosines(self._rows(new, ("vector",)), vector).tolist(), strict=True)
        cosines = np.array([known[row] for page in rows.values() for row in page], np.float32)
        means = group_means(cosines, [page for page, on_it in rows.items() for _ in on_it])
        own = zip(pages, found.cosines[best].tolist(), strict=True)
        return np.array([means.get(page, cosine) for page, cosine in own], np.float32)

    def _rows(self, ids: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Return rows of `chunks` in the order of their ids."""
        import pyarrow as pa

        found = self.chunks.take_row_ids(list(ids)).select([*columns]).with_row_id().to_arrow()
        places = {row: place for place, row in enumerate(found["_rowid"].to_pylist())}
        return found.take(pa.array([places[row] for row in ids]))


def question_vector(question: Question, embedder: Embedder) -> Vectors:
    """Embed a question: half is the whole, half the mean of its sentences, so that a long preamble drowns nothing."""
    whole = embedder.embed_query(question.text)
    if not 1 < len(question.parts) <= MOST_PARTS:
        return whole
    vector = whole + np.mean([embedder.embed_query(part) for part in question.parts], axis=0)
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def _on_pages(pages: frozenset[int]) -> str:
    """Return the condition for a chunk that starts on one of these pages, by count or by label; "" for none."""
    numbers = sorted(pages - {LAST})
    either = [sql_of({"page_number": numbers}), sql_of({"page_label": [*map(str, numbers)]})] if numbers else []
    either += ["page_number = total_pages"] if LAST in pages else []
    return f"({' OR '.join(filter(None, either))})" if either else ""


def _standing_on(sides: Iterable[pa.Table], pages: frozenset[int]) -> set[int]:
    """Return the row ids of the candidates for which that condition holds."""
    labels = {*map(str, pages)}
    columns = ("_rowid", "page_number", *PLACES)
    return {
        row
        for side in sides
        for row, number, label, total in zip(*_columns(side, *columns), strict=True)
        if number in pages or label in labels or (LAST in pages and number is not None and number == total)
    }


class PageRows:
    """Which rows of `chunks` stand on which page: asked for by document, and remembered until the table is written."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks
        self._version, self._known = -1, dict[str, dict[int, list[int]]]()

    def rows(self, pages: Collection[Page]) -> dict[Page, list[int]]:
        """Return the row ids of each page that has any."""
        version = self._chunks.version
        if version != self._version or len(self._known) > REMEMBERED:
            self._version, self._known = version, {}
        known = self._known  # which another thread may replace by an empty one
        if new := {document for document, _ in pages} - known.keys():
            known.update(self._of_documents(new))
        found = {(document, number): known[document].get(number, []) for document, number in pages}
        return {page: rows for page, rows in found.items() if rows}

    def _of_documents(self, documents: Collection[str]) -> dict[str, dict[int, list[int]]]:
        where = sql_of({"doc_id": sorted(documents)})
        search = self._chunks.search().where(where).select(["doc_id", "page_number"]).with_row_id(True).limit(None)
        found: dict[str, dict[int, list[int]]] = {document: {} for document in documents}
        for document, number, row in zip(*_columns(search.to_arrow(), "doc_id", "page_number", "_rowid"), strict=True):
            found[document].setdefault(number, []).append(row)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """What the sides of a hybrid search brought, each chunk once: row ids, cosines, document and page."""

    ids: tuple[int, ...]
    cosines: Scores
    pages: tuple[Page, ...]

    @classmethod
    def of(cls, sides: Iterable[pa.Table], vector: Vectors) -> _Candidates:
        """Put the rows of all sides together, in the order they come in."""
        found: dict[int, tuple[float, Page]] = {}
        for side in sides:
            ids, *pages = _columns(side, "_rowid", "doc_id", "page_number")
            found |= zip(ids, zip(_cosines(side, vector).tolist(), zip(*pages, strict=True), strict=True), strict=True)
        return cls(
            tuple(found),
            np.array([cosine for cosine, _ in found.values()], np.float32),
            tuple(page for _, page in found.values()),
        )


def _is_page(page: Page) -> bool:
    """Say whether a chunk stands on a page; a foreign document's does not."""
    return None not in page


def _columns(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]


def _cosines(table: pa.Table, vector: Vectors) -> Scores:
    """Return the cosine of each row's vector; those of foreign embedders need not have length 1."""
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    return np.asarray(vectors @ vector / np.maximum(lengths, 1e-12), np.float32)

"""Questions are answered from the tables of an index: by vector, by words, or by both with what pages and names say.

Comes in: a question and a Lance SQL condition. Goes out: Hits, best first. What is compared how is in `ranking`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

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
PROBES, REFINED, REFINE = 60, 300, 5
"""Of an index of vectors so many parts are searched; of so many candidates, and of at least so many times what is asked
for, the exact distance is computed. On 100,000 chunks recall@10 is .993; with LanceDB's own 20 parts and 100, .95."""
SHOWN = (*CHUNK_KEYS, "extra", "text")
"""Columns a hit is made of: vectors are long, and slow to turn into Python's numbers."""

Row = Mapping[str, Any]


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

    def __init__(self, chunks: Any, sources: Any, words: bool) -> None:
        self.chunks, self.sources, self.words = chunks, sources, words

    def by_vector(self, vector: Vectors, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks nearest to a vector."""
        return [hit_of(row, 1.0 - row["_distance"]) for row in self._nearest(vector, k, where, SHOWN).to_pylist()]

    def by_text(self, query: str, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks whose words match best."""
        found = self._full_text(self.chunks, "embed_text", query, k, where, SHOWN)
        return [hit_of(row, row["_score"]) for row in (found.to_pylist() if found else ())]

    def by_both(self, question: Question, vector: Vectors, k: int, where: str | None) -> list[Hit]:
        """Return the k chunks that are best by meaning, words, page and the document's name together."""
        wide, columns = max(k, CANDIDATES), (*SHOWN, "vector")
        matching = self._full_text(self.chunks, "embed_text", question.words, wide, where, columns)
        words = (
            dict(zip(matching["chunk_id"].to_pylist(), matching["_score"].to_pylist(), strict=True)) if matching else {}
        )
        asked = _on_pages(question.pages)
        there = self._nearest(vector, ON_PAGE, f"({where}) AND {asked}" if where else asked, columns) if asked else None
        sides = [side for side in (self._nearest(vector, wide, where, columns), matching, there) if side]
        known = {row["chunk_id"]: (row, cosine) for side in sides for row, cosine in _with_cosines(side, vector)}
        if not known:
            return []
        rows = [row for row, _ in known.values()]
        cosines = np.array([cosine for _, cosine in known.values()], np.float32)
        text = np.array([words.get(row["chunk_id"], 0.0) for row in rows], np.float32)
        named = self._named(question.asked)
        names = np.array([named.get(row["doc_id"], 0.0) for row in rows], np.float32)
        on_page = np.array([_stands_on(row, question.pages) for row in rows], np.float32)
        guess = blended(cosines, cosines, text, names, on_page)  # as if each page said what its chunk says
        best = np.argsort(-guess, kind="stable")[: max(k, WEIGHED)]
        pages = cosines.copy()
        pages[best] = self._page_cosines([rows[row] for row in best], cosines[best], vector)
        scores = blended(cosines, pages, text, names, on_page)[best]
        order = np.argsort(-scores, kind="stable")[:k]
        return [hit_of(rows[best[place]], scores[place]) for place in order]

    # -- the sides ----------------------------------------------------------------------------------------------------

    def _nearest(self, vector: Vectors, k: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        search = self.chunks.search(vector, vector_column_name="vector").distance_type("cosine")
        if where:
            search = search.where(where, prefilter=True)
        # without refinement an index returns the distances of its codes, not of the vectors
        search = search.nprobes(PROBES).refine_factor(max(REFINE, -(-REFINED // k)))
        return search.select([*columns, "_distance"]).limit(k).to_arrow()

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
        return search.select([*columns, "_score"]).limit(k).to_arrow()

    def _named(self, query: str) -> dict[str, float]:
        """Return the documents whose names the words of a question match best, with their BM25 scores."""
        found = self._full_text(self.sources, "name", parted(query), NAMED, None, ("doc_id",))
        best: dict[str, float] = {}
        for row in found.to_pylist() if found else ():
            best.setdefault(row["doc_id"], row["_score"])
        return best

    def _page_cosines(self, rows: Sequence[Row], cosines: Scores, vector: Vectors) -> Scores:
        """Return the mean cosine of the page each row stands on; of rows without a page, their own."""
        pages: dict[str, set[int]] = {}
        for row in rows:
            if (page := _page_of(row)) is not None:
                pages.setdefault(page[0], set()).add(page[1])
        if not pages:
            return cosines
        where = " OR ".join(f"({sql_of({'doc_id': d, 'page_number': sorted(p)})})" for d, p in pages.items())
        table = self.chunks.search().where(where).select(["doc_id", "page_number", "vector"]).limit(None).to_arrow()
        places = list(zip(table["doc_id"].to_pylist(), table["page_number"].to_pylist(), strict=True))
        means = group_means(_cosines(table, vector), places)
        own = zip(map(_page_of, rows), cosines.tolist(), strict=True)
        return np.array([means.get(page, cosine) if page else cosine for page, cosine in own], np.float32)


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


def _stands_on(row: Row, pages: frozenset[int]) -> bool:
    """Say the same of a row."""
    number, label = row.get("page_number"), row.get("page_label")
    last = LAST in pages and number is not None and number == row.get("total_pages")
    return last or number in pages or (label is not None and label in {*map(str, pages)})


def _page_of(row: Row) -> tuple[str, int] | None:
    """Return document and page of a row, None for a foreign document that has none."""
    doc_id, page = row.get("doc_id"), row.get("page_number")
    return (doc_id, page) if doc_id is not None and page is not None else None


def _with_cosines(table: pa.Table, vector: Vectors) -> Iterable[tuple[Row, float]]:
    """Pair each row, without its vector, with that vector's cosine."""
    return zip(table.drop_columns("vector").to_pylist(), _cosines(table, vector).tolist(), strict=True)


def _cosines(table: pa.Table, vector: Vectors) -> Scores:
    """Return the cosine of each row's vector; those of foreign embedders need not have length 1."""
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    return np.asarray(vectors @ vector / np.maximum(lengths, 1e-12), np.float32)

"""Was the answer found: by page, by document, by the words of the evidence, and how high up.

Comes in: a question with its evidence, and the chunks a search returned, best first. Goes out: named scores, 1 at best.
A page is (document id, 1-based page number). Pages and documents are counted once, at the rank of their first chunk;
a chunk over two pages brings both, in page order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import log2

from ingest.evaluate.extra import needed
from ingest.evaluate.normalise import normalise
from ingest.evaluate.records import Evidence, QuestionItem

PageKey = tuple[str, int]
CUTOFFS = (1, 5, 10)
COVERED = 0.6
"""Share of the evidence's words that a chunk must hold to count as covering it: more than a clean half."""
CLOSE_WORDS = 80.0
SHORTEST_GLUED = 6
"""Characters of the shortest word that may be several without their blanks; shorter ones stand everywhere by chance."""
_WORDS = re.compile(r"\w+(?:[.,]\w+)*")


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved chunk: the pack's id of its document, its 1-based pages, its text."""

    doc: str
    pages: tuple[int, ...]
    text: str = ""


def page_ranking(hits: Sequence[Hit]) -> list[PageKey]:
    """Return the distinct pages of a ranking, in the order in which they first appear."""
    return list(dict.fromkeys((hit.doc, page) for hit in hits for page in hit.pages))


def document_ranking(hits: Sequence[Hit]) -> list[str]:
    """Return the distinct documents of a ranking, in the order in which they first appear."""
    return list(dict.fromkeys(hit.doc for hit in hits))


def evidence_grades(evidence: Iterable[Evidence]) -> dict[PageKey, int]:
    """Return the pages that hold evidence, each with its highest grade."""
    grades: dict[PageKey, int] = {}
    for piece in evidence:
        grades[piece.doc, piece.page] = max(piece.grade, grades.get((piece.doc, piece.page), 0))
    return grades


def reciprocal_rank(pages: Sequence[PageKey], relevant: Iterable[PageKey]) -> float:
    """Return 1 / rank of the first relevant page, 0 where there is none."""
    wanted = set(relevant)
    return next((1.0 / rank for rank, page in enumerate(pages, 1) if page in wanted), 0.0)


def ndcg(pages: Sequence[PageKey], grades: dict[PageKey, int], cutoff: int = 10) -> float:
    """Return the normalised discounted cumulative gain: grade / log2(rank + 1), over that of the ideal ranking.

    Source: Järvelin and Kekäläinen 2002, with linear gains as in trec_eval.
    """
    gained = sum(grades.get(page, 0) / log2(rank + 1) for rank, page in enumerate(pages[:cutoff], 1))
    ideal = sum(grade / log2(rank + 1) for rank, grade in enumerate(sorted(grades.values())[::-1][:cutoff], 1))
    return gained / ideal if ideal else 0.0


def words_of(text: str) -> list[str]:
    """Return the words and numbers of a text as they are compared: normalised, lower case, marks and rules left out."""
    return _WORDS.findall(normalise(text, case_sensitive=False))


@lru_cache(maxsize=1 << 17)
def _closest(word: str, among: frozenset[str]) -> str | None:
    if word in among:
        return word
    if len(word) < 4 or any(c.isdigit() for c in word):
        return None
    found = needed("rapidfuzz.process").extractOne(
        word, [one for one in among if one.isalpha()], scorer=needed("rapidfuzz.fuzz").ratio, score_cutoff=CLOSE_WORDS
    )
    return found[0] if found else None


def as_evidence_words(words: Iterable[str], evidence: Sequence[str]) -> list[str | None]:
    """Map each word to the evidence word it is, or is close to (similarity 80 %, four letters or more, no digits)."""
    vocabulary = frozenset(evidence)
    return [_closest(word, vocabulary) for word in words]


def coverage(evidence: Sequence[str], words: Iterable[str]) -> float:
    """Return the share of the evidence's words (a multiset) found among some words, in whatever order."""
    if not evidence:
        return 0.0
    found = Counter(word for word in as_evidence_words(words, evidence) if word is not None)
    return (Counter(evidence) & found).total() / len(evidence)


def parted_as(evidence: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the evidence's words, those the page writes as several parted: some truths lost their blanks.

    A word that the page has is left whole, and so is one that does not begin and end where words of the page do.
    """
    joined, vocabulary = "".join(words), set(words)
    edges = {edge: index for index, edge in enumerate(accumulate(map(len, words), initial=0))}
    parted: list[str] = []
    for word in evidence:
        at = -1 if word in vocabulary or len(word) < SHORTEST_GLUED else joined.find(word)
        while at >= 0 and not (at in edges and at + len(word) in edges):
            at = joined.find(word, at + 1)
        parted += words[edges[at] : edges[at + len(word)]] if at >= 0 else [word]
    return parted


def covers(hit: Hit, evidence: Evidence) -> bool:
    """Say whether a chunk from the evidence's page holds at least 60 % of the evidence's words."""
    if evidence.text is None or hit.doc != evidence.doc or evidence.page not in hit.pages:
        return False
    return coverage(words_of(evidence.text), words_of(hit.text)) >= COVERED


def retrieval_scores(question: QuestionItem, hits: Sequence[Hit] | None) -> dict[str, float]:
    """Score one question's ranking; None stands for a search that failed, and finds nothing.

    recall@k               one of the evidence pages is among the first k distinct pages
    all_evidence_recall@k  all of them are
    doc_recall@k           a document with evidence is among the first k distinct documents (scope corpus only: within
                           one document there is nothing to find)
    box_recall@k           one of the first k chunks covers a piece of evidence, where the truth gives its words
    mrr, ndcg@10           over distinct pages
    """
    hits = hits or ()
    pages, documents = page_ranking(hits), document_ranking(hits)
    grades = evidence_grades(question.evidence)
    holders = {piece.doc for piece in question.evidence}
    worded = [piece for piece in question.evidence if piece.text]
    scores: dict[str, float] = {}
    for k in CUTOFFS:
        scores[f"recall@{k}"] = float(any(page in grades for page in pages[:k]))
        scores[f"all_evidence_recall@{k}"] = float(set(grades) <= set(pages[:k]))
        if question.scope == "corpus":
            scores[f"doc_recall@{k}"] = float(any(document in holders for document in documents[:k]))
        if worded:
            scores[f"box_recall@{k}"] = float(any(covers(hit, piece) for hit in hits[:k] for piece in worded))
    return scores | {"mrr": reciprocal_rank(pages, grades), "ndcg@10": ndcg(pages, grades)}

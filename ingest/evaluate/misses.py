"""Which stage lost the answer: follow the words of the evidence from the page to the ranking.

Comes in: what the pipeline made of the evidence's page (PageTrail) and the ranking. Goes out: one cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from ingest.evaluate.records import Evidence, QuestionItem
from ingest.evaluate.retrieval_metrics import (
    COVERED,
    Hit,
    PageKey,
    as_evidence_words,
    coverage,
    evidence_grades,
    page_ranking,
    parted_as,
    words_of,
)

Cause = Literal["unknown", "ocr", "dropped", "order", "split", "ranked"]
CAUSES: tuple[Cause, ...] = ("unknown", "ocr", "dropped", "order", "split", "ranked")
"""In the order of the pipeline: a later cause means that the words came further."""
RECOGNISED = 0.8
"""Share of the evidence's words that must have been read for recognition not to be the cause."""
WINDOW = 1.1
"""Length, in evidence lengths, of the stretch of the page's text in which the evidence must stand together."""


@dataclass(frozen=True, slots=True)
class PageTrail:
    """What became of one page: every word read, in any order; those thrown away; its text; its chunks' texts.

    `text` is the text that chunks are made from: what was kept, in reading order.
    """

    recognised: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    text: str = ""
    chunks: tuple[str, ...] = ()


def densest_share(evidence: Sequence[str], words: Sequence[str]) -> float:
    """Return the largest share of the evidence's words found in one stretch of `words` of 1.1 times its length."""
    if not evidence:
        return 0.0
    wanted, held = Counter(evidence), Counter[str]()
    mapped = as_evidence_words(words, evidence)
    length = ceil(len(evidence) * WINDOW)
    inside = best = 0
    for at, word in enumerate(mapped):
        if word is not None:
            held[word] += 1
            inside += held[word] <= wanted[word]
        gone = mapped[at - length] if at >= length else None
        if gone is not None:
            inside -= held[gone] <= wanted[gone]
            held[gone] -= 1
        best = max(best, inside)
    return best / len(evidence)


def attribute_evidence(evidence: Evidence, trail: PageTrail) -> Cause:
    """Say at which stage one piece of evidence was lost, the first of these that holds.

    unknown  the truth does not give the evidence's words
    ocr      under 80 % of its words are among the words read from its page (in any order, misread letters forgiven)
    dropped  enough were read, but under 80 % are in the page's text: the rest was thrown away on purpose
    order    no stretch of the page's text 1.1 times as long as the evidence holds 60 % of its words: the reading order
             scattered them
    split    no single chunk of the page holds 60 % of them: the evidence was cut across chunks
    ranked   a chunk holds it, and the search ranked others above
    """
    if not evidence.text or not (words := words_of(evidence.text)):
        return "unknown"
    read = words_of(" ".join((*trail.recognised, *trail.dropped)))
    kept = words_of(trail.text)
    words = parted_as(words, [*kept, *read])
    if max(coverage(words, read), coverage(words, kept)) < RECOGNISED:
        return "ocr"
    if coverage(words, kept) < RECOGNISED:
        return "dropped"
    if densest_share(words, kept) < COVERED:
        return "order"
    if max((coverage(words, words_of(chunk)) for chunk in trail.chunks), default=0.0) < COVERED:
        return "split"
    return "ranked"


def attribute_miss(
    question: QuestionItem, hits: Sequence[Hit], trails: Mapping[PageKey, PageTrail], k: int = 5
) -> Cause | None:
    """Say why no evidence page is among the first k distinct pages; None where one is (no miss).

    Of several pieces of evidence one would have been enough: the piece that came furthest names the cause. A page
    without a trail (its file could not be read) was not recognised. Evidence without words is `unknown` only where no
    piece has words.
    """
    found = set(page_ranking(hits)[:k])
    if found & set(evidence_grades(question.evidence)):
        return None
    causes = [
        attribute_evidence(piece, trails.get((piece.doc, piece.page), PageTrail())) for piece in question.evidence
    ]
    return max(causes, key=CAUSES.index, default="unknown")


def page_name(page: PageKey) -> str:
    """Return the name of a page as results and pictures carry it: DOCUMENT#pN."""
    return f"{page[0]}#p{page[1]}"


def miss_details(question: QuestionItem, cause: Cause | None) -> dict[str, object]:
    """Return what the report lists of a question: its words, the cause of the miss if any, its evidence pages."""
    pages = [page_name(page) for page in evidence_grades(question.evidence)]
    return {"question": question.question, "cause": cause, "pages": pages}

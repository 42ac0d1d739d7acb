"""`ingest evaluate retrieval`: is the page with the answer among the first, and if not, which stage lost it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack, get_args

from ingest.evaluate.bar import item_progress
from ingest.evaluate.corpus import Corpus
from ingest.evaluate.journal import Journal, journal_key
from ingest.evaluate.measure import concluded, output_folder
from ingest.evaluate.measure_pages import drawn
from ingest.evaluate.misses import attribute_miss, miss_details
from ingest.evaluate.packs import Pack, read_pack
from ingest.evaluate.plan import DEFAULTS, Options, Plan, plan_of
from ingest.evaluate.records import DocumentItem, Evidence, Item, QuestionItem, Scope
from ingest.evaluate.results import ItemResult, Results
from ingest.evaluate.retrieval_metrics import Hit, retrieval_scores
from loaders.errors import UsageError

MISSED_AT = 5
"""A question without an evidence page among the first this many is a miss, and its cause is looked for."""
CHUNKS = 50
"""Chunks asked for: enough for ten distinct pages."""


def retrieval(
    pack: str | Path | Pack,
    *,
    mode: str = "hybrid",
    k: int = CHUNKS,
    max_tokens: int = DEFAULTS.max_tokens,
    context: bool = DEFAULTS.context,
    table_text: str = DEFAULTS.table_text,
    embedder: Any = None,
    **options: Unpack[Options],
) -> Results:
    """Measure retrieval: put the pack's documents into an index, ask every question, see where misses come from.

    mode        "hybrid", "vector" or "text"
    k           chunks asked for; pages and documents are counted once, at their first chunk
    max_tokens  chunk budget; `context` puts the heading path in front of what is embedded,
                `table_text` is how table rows are: "markdown" or "sentences"
    embedder    as for an Index; the packaged MiniLM where None

    Every question is asked in its own scope; those that search the corpus are asked inside their own document as well,
    as rows of scope "document". `scope` keeps one of the two. Raises UsageError for a pack without questions.
    """
    from ingest.search import Mode

    if mode not in get_args(Mode):
        raise UsageError(f"mode={mode!r}; choose one of {', '.join(get_args(Mode))}")
    plan, read = plan_of(options), pack if isinstance(pack, Pack) else read_pack(pack)
    chosen = plan.select(read)
    questions = [item for item in chosen if isinstance(item, QuestionItem) and item.evidence]
    asked = [one for scope in get_args(Scope) if plan.scope in (None, scope) for one in in_scope(questions, scope)]
    documents = _needed(chosen, asked)
    cutting = {"max_tokens": max_tokens, "context": context, "table_text": table_text}
    ways = plan.ways(**cutting)
    with output_folder(plan) as folder:
        items: list[ItemResult] = []
        for way in ways if asked else ():
            corpus = Corpus(documents, way, plan, folder, embedder)
            corpus.fill()
            items += _answers(corpus, asked, k, mode, plan, folder)
        draw = partial(drawn, plan, documents, ways, folder)
        return concluded(plan, "retrieval", read.name, items, ways, draw, {"mode": mode, "k": k, **cutting})


def in_scope(questions: Sequence[QuestionItem], scope: Scope) -> list[QuestionItem]:
    """Return the questions that can be asked in a scope; one that searches the corpus can be asked in its document."""
    if scope == "corpus":
        return [question for question in questions if question.scope == "corpus"]
    return [replace(question, scope="document") for question in questions]


def _needed(chosen: Sequence[Item], asked: Sequence[QuestionItem]) -> list[DocumentItem]:
    documents = [item for item in chosen if isinstance(item, DocumentItem)]
    if any(question.scope == "corpus" for question in asked):
        return documents
    holders = {piece.doc for question in asked for piece in question.evidence}
    return [item for item in documents if item.id in holders]


def _answers(
    corpus: Corpus, asked: Sequence[QuestionItem], k: int, mode: str, plan: Plan, folder: Path
) -> list[ItemResult]:
    journal = Journal(folder / "items.jsonl" if plan.out else None)
    digest = corpus.digest
    keys = [journal_key(question, "retrieval", repr(corpus.way), digest, mode, str(k)) for question in asked]
    found = {key: known[0] for key in keys if (known := journal.get(key)) is not None}
    missing = [(key, question) for key, question in zip(keys, asked, strict=True) if key not in found]
    hits: dict[str, list[Hit]] = {}
    with item_progress(len(keys), "questions", quiet=not plan.progress) as advance:
        advance(len(found))
        for key, question in missing:
            hits[key] = corpus.ask(question, k, mode)
            advance(1)
    canonical = {key: _renamed(question, corpus) for key, question in missing}
    lost = [one for key, one in canonical.items() if attribute_miss(one, hits[key], {}, MISSED_AT) is not None]
    trails = corpus.trails(lost)
    for key, question in missing:
        cause = attribute_miss(canonical[key], hits[key], trails, MISSED_AT)
        found[key] = ItemResult.of(
            question,
            corpus.way.variant(scope=question.scope),
            retrieval_scores(canonical[key], hits[key]),
            failure=corpus.failure_of(question),
            details=miss_details(question, cause),
        )
        journal.put(key, [found[key]])
    return [found[key] for key in keys]


def _renamed(question: QuestionItem, corpus: Corpus) -> QuestionItem:
    """Name the documents of a question's evidence as the corpus does: of files with the same bytes, the first."""

    def renamed(piece: Evidence) -> Evidence:
        return replace(piece, doc=corpus.canonical(piece.doc))

    return replace(question, evidence=tuple(renamed(piece) for piece in question.evidence))

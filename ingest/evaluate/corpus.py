"""The documents of a pack in an index: filled once, asked often.

Comes in: DocumentItems and a Way. Goes out: a Corpus, which says which pages hold what, and whose documents failed. An
index lies under the output folder by how it was read and cut; page results lie beside all of them, so that cutting
anew reads nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.evaluate.misses import PageTrail
from ingest.evaluate.plan import Plan, Way
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import DocumentItem, QuestionItem
from ingest.evaluate.retrieval_metrics import Hit, PageKey
from loaders.errors import UsageError

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.search import Hit as IndexHit
    from loaders.document import Document, Failure, Page

PASSAGE_SHARE = 0.7
"""Of the chunk budget, what a passage of a plain text may take: its title and the model's own count need the rest."""


class Corpus:
    """The documents of a pack, read in one way, in one index."""

    def __init__(self, documents: Sequence[DocumentItem], way: Way, plan: Plan, folder: Path, embedder: Any = None):
        from ingest.embed import open_embedder
        from ingest.index import Index
        from loaders.cache import Cache

        self.documents, self.way, self.plan = documents, way, plan
        opened = open_embedder(embedder)
        self.predictor = Predictor(way, Cache(folder / "cache"))
        self.config_id = self.predictor.reader.config_id(opened.budgets())
        name = hashlib.sha256(f"{self.config_id}\0{opened.name}".encode()).hexdigest()[:16]
        self.index: Index = Index(str(folder / "index" / name), opened, cache=str(folder / "cache"))
        self.failures: dict[PageKey, str] = {}
        self._doc_ids: dict[str, str] = {}

    # -- filling ------------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Read the documents that the index does not hold yet. A document or page that fails is kept in `failures`."""
        texts = [item for item in self.documents if item.file is None]
        files = [item for item in self.documents if item.file is not None]
        if texts:
            self._fill_texts(texts)
        if files:
            failures = self._fill_plainly(files) if self.way.is_yardstick else self._fill_files(files)
            by_path = {str(item.file): item.id for item in files}
            for failure in failures:
                name = by_path.get(failure.source, failure.source)
                self.failures[name, failure.page or 0] = f"{failure.stage}: {failure.error}"
            held = {entry.path: entry.doc_id for entry in self.index.sources()}
            self._doc_ids |= {item.id: held[str(item.file)] for item in files if str(item.file) in held}

    def _fill_files(self, files: Sequence[DocumentItem]) -> Sequence[Failure]:
        from ingest.intake import add
        from ingest.progress import page_progress

        with page_progress(quiet=not self.plan.progress) as on_page:
            report = add(
                [str(item.file) for item in files],
                self.index,
                self.way.settings(),
                workers=self.plan.workers,
                deadline=self.plan.deadline,
                on_page=on_page,
            )
        return report.failures

    def _fill_plainly(self, files: Sequence[DocumentItem]) -> Sequence[Failure]:
        """Fill the index with what a yardstick reads, which `add` does not know."""
        from ingest.evaluate.bar import item_progress
        from loaders.document import Failure
        from loaders.sources import open_source

        failures: list[Failure] = []
        budgets = self.index.embedder.budgets()
        with item_progress(len(files), self.way.engine, quiet=not self.plan.progress) as advance:
            for item in files:
                assert item.file is not None
                try:
                    doc_id = open_source(item.file).doc_id
                    if self.index.holds(doc_id, self.config_id):
                        self.index.attach(doc_id, str(item.file))
                    else:
                        document = self.predictor.document(item.file, budgets=budgets)
                        failures += document.failures
                        self.index.add(document, str(item.file))
                except Exception as error:
                    failures.append(Failure.of(error, str(item.file), None, "open"))
                advance(1)
        self.index.tidy()
        return failures

    def _fill_texts(self, texts: Sequence[DocumentItem]) -> None:
        """Cut plain texts (BEIR) into passages; each document is one page."""
        from llama_index.core.node_parser import SentenceSplitter

        from ingest.langchain_store import IndexVectorStore

        size = round(self.way.max_tokens * PASSAGE_SHARE)
        splitter, store = SentenceSplitter(chunk_size=size, chunk_overlap=0), IndexVectorStore(self.index)
        for item in texts:
            body = f"{item.title}\n{item.text}".strip()
            doc_id = self._doc_ids[item.id] = hashlib.sha256(f"{item.id}\0{body}".encode()).hexdigest()
            passages = splitter.split_text(body) if body else []
            ids = [f"{doc_id}#{number}" for number in range(len(passages))]
            if len(self.index.get(ids)) < len(ids):
                about = {"source": item.id, "doc_id": doc_id, "page_number": 1}
                store.add_texts(passages, [about] * len(passages), ids=ids)
        self.index.tidy()

    # -- asking -------------------------------------------------------------------------------------------------------

    @cached_property
    def _names(self) -> dict[str, str]:
        """The pack's name of each document in the index; of files with the same bytes, the first one's."""
        return {doc_id: name for name, doc_id in reversed(self._doc_ids.items())}

    def canonical(self, name: str) -> str:
        """Return the name under which a document is found: the first of those that hold the same bytes."""
        return self._names.get(self._doc_ids.get(name, ""), name)

    @cached_property
    def _everything(self) -> dict[str, Any] | None:
        """The condition that keeps a search to these documents; None where the index holds no others."""
        mine = set(self._doc_ids.values())
        others = {entry.doc_id for entry in self.index.sources()} - mine
        return {"doc_id": sorted(mine)} if others else None

    @property
    def digest(self) -> str:
        """Name all that an answer depends on besides the question and the kind of search."""
        held = sorted((e.doc_id, e.config_id, e.failed_pages) for e in self.index.sources())
        parts = repr((held, sorted(self._doc_ids.values()), self.index.embedder.name, self.config_id))
        return hashlib.sha256(parts.encode()).hexdigest()

    def ask(self, question: QuestionItem, k: int, mode: str) -> list[Hit]:
        """Return the k best chunks for a question, in its scope."""
        where = self._everything
        if question.scope == "document":
            inside = {self._doc_ids[piece.doc] for piece in question.evidence if piece.doc in self._doc_ids}
            if not inside:
                return []
            where = {"doc_id": sorted(inside)}
        hits = self.index.search(question.question, k, mode=mode, where=where)  # type: ignore[arg-type]
        return [self._hit(hit) for hit in hits]

    def _hit(self, hit: IndexHit) -> Hit:
        about = hit.metadata
        boxes = hit.boxes if about.get("boxes") else []
        pages = tuple(dict.fromkeys(box[0] for box in boxes)) or (int(about.get("page_number", 1)),)
        return Hit(self._names.get(str(about["doc_id"]), str(about["source"])), pages, hit.text)

    # -- explaining ---------------------------------------------------------------------------------------------------

    def failure_of(self, question: QuestionItem) -> str | None:
        """Say why a question could not be answered, where every page that holds its evidence failed; else None."""
        reasons = [
            self.failures.get((piece.doc, piece.page)) or self.failures.get((piece.doc, 0))
            for piece in question.evidence
        ]
        return reasons[0] if reasons and all(reasons) else None

    def trails(self, questions: Iterable[QuestionItem]) -> dict[PageKey, PageTrail]:
        """Say of every page with evidence for these questions what became of it; pages come from the cache."""
        wanted = {(self.canonical(piece.doc), piece.page) for one in questions for piece in one.evidence}
        by_id = {item.id: item for item in self.documents}
        trails: dict[PageKey, PageTrail] = {}
        for name in sorted({name for name, _ in wanted}):
            item = by_id.get(name)
            numbers = {number for document, number in wanted if document == name}
            if item is None or (name, 0) in self.failures:
                continue
            if item.file is None:
                words = tuple(f"{item.title} {item.text}".split())
                trails[name, 1] = PageTrail(words, (), " ".join(words), self._passages(item))
            else:
                document = self._again(item)
                for page in document.pages:
                    if page.number in numbers:
                        trails[name, page.number] = _trail(document, page)
        return trails

    def _again(self, item: DocumentItem) -> Document:
        """Read a document from the cache; pages that failed are left out rather than tried without a deadline."""
        assert item.file is not None
        failed = {number for name, number in self.failures if name == item.id}
        entry = self.index.at(str(item.file))
        if entry is None:
            raise UsageError(f"{item.id} is not in the index; fill it first")
        pages = [number for number in range(1, entry.total_pages + 1) if number not in failed]
        return self.predictor.document(item.file, budgets=self.index.embedder.budgets(), pages=pages)

    def _passages(self, item: DocumentItem) -> tuple[str, ...]:
        doc_id = self._doc_ids[item.id]
        found: list[str] = []
        while hit := self.index.get([f"{doc_id}#{len(found)}"]):
            found.append(hit[0].text)
        return tuple(found)


def _trail(document: Document, page: Page) -> PageTrail:
    dropped = {word for lot in page.dropped for word in lot.words}
    words = page.words.texts
    return PageTrail(
        recognised=tuple(text for row, text in enumerate(words) if row not in dropped),
        dropped=tuple(words[row] for row in sorted(dropped)),
        text=page.text,
        chunks=tuple(
            chunk.text for chunk in document.chunks if any(box.page_number == page.number for box in chunk.boxes)
        ),
    )

"""Searching an index: what a question's words, its page and a document's name do to the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from ingest.embed import Vectors
from ingest.index import Index
from ingest.intake import add
from ingest.question import understood
from ingest.search import question_vector
from loaders.settings import Settings
from loaders.tokens import TokenBudget

SUBJECTS = ("turbine", "seal", "harbour", "pay")


class Subjects:
    """Embeds a text by how often it names each of four subjects; the fifth dimension is everything else."""

    name = "subjects"
    dimension = len(SUBJECTS) + 1

    def embed(self, texts: Sequence[str]) -> Vectors:
        counts = [[text.lower().count(subject) for subject in SUBJECTS] + [0.5] for text in texts]
        vectors = np.array(counts, np.float32).reshape(-1, self.dimension)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def embed_query(self, text: str) -> Vectors:
        return np.asarray(self.embed([text])[0], np.float32)

    def budgets(self) -> tuple[TokenBudget, ...]:
        return ()


def write_pdf(path: Path, pages: list[list[str]]) -> None:
    """Write paragraphs far apart, so that each becomes a block of its own."""
    with pymupdf.open() as document:
        for paragraphs in pages:
            page = document.new_page()
            for number, text in enumerate(paragraphs):
                page.insert_textbox((72, 72 + 120 * number, 500, 180 + 120 * number), text, fontsize=12)
        document.save(path)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("search")
    report = [
        ["The turbine ran all year, and the turbine was sound."],
        ["The seal held; the harbour was closed twice."],
    ]
    for name in ("Kittiwake_2018_10K", "Kittiwake_2019_10K", "Petrel_2019_10K"):
        write_pdf(folder / f"{name}.pdf", report)
    serials = ["The pay office lists what was bought.", "Serial number QX-4471 went to the workshop."]
    write_pdf(folder / "0279901b645e.pdf", [serials])
    made = Index(folder / "index", Subjects())
    done = add([str(folder)], made, Settings(text="layer", max_tokens=16))
    assert not done.failures and done.documents.added == 4
    return made


def first_name(index: Index, query: str) -> str:
    return str(index.search(query, 1)[0].metadata["file_name"])


def test_a_document_named_in_the_question_comes_first(index: Index) -> None:
    assert first_name(index, "How did Petrel's turbine run?") == "Petrel_2019_10K.pdf"
    assert first_name(index, "How did the turbine of Kittiwake run in FY2019?") == "Kittiwake_2019_10K.pdf"
    assert first_name(index, "How did the turbine of Kittiwake run in FY2018?") == "Kittiwake_2018_10K.pdf"


def test_a_word_that_no_vector_knows_is_found(index: Index) -> None:
    assert "QX-4471" in index.search("QX-4471", 1)[0].text


def test_a_page_named_in_the_question_comes_first(index: Index) -> None:
    only = {"file_name": "Petrel_2019_10K.pdf"}
    for query, page in (("What is on page 2?", 2), ("On the first page?", 1)):
        assert index.search(query, 1, where=only)[0].metadata["page_number"] == page
    assert index.search("What is on the last page?", 1, where=only)[0].metadata["page_number"] == 2
    assert index.search("page 99 of the turbine", 1, where=only)[0].metadata["page_number"] == 1


def test_a_preamble_drowns_no_question() -> None:
    query = "Suppose that we sail past the harbour, and past the harbour again, to the harbour office. What is the pay?"
    whole = Subjects().embed_query(query)
    asked = question_vector(understood(query), Subjects())
    pay = Subjects().embed_query("pay")
    assert asked @ pay > whole @ pay
    assert np.linalg.norm(asked) == pytest.approx(1)
    short = understood("What is the pay? Answer in millions.")
    assert np.array_equal(question_vector(short, Subjects()), Subjects().embed_query("What is the pay?"))


def test_each_mode_has_its_score(index: Index) -> None:
    for mode in ("hybrid", "vector", "text"):
        hits = index.search("the seal and the harbour", 3, mode=mode)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert "seal" in hits[0].text
    vector = index.search("the seal and the harbour", 1, mode="vector")[0]
    assert vector.score == pytest.approx(
        float(Subjects().embed([vector.text])[0] @ Subjects().embed_query("seal harbour"))
    )


def test_a_filter_holds_for_every_side(index: Index) -> None:
    hits = index.search("turbine of Kittiwake 2018", 10, where={"file_name": "Petrel_2019_10K.pdf"})
    assert hits and {hit.metadata["file_name"] for hit in hits} == {"Petrel_2019_10K.pdf"}
    assert index.search("turbine", 5, where={"page_number": {">": 99}}) == []


def test_asking_for_more_than_there_is(index: Index) -> None:
    hits = index.search("turbine", 500)
    assert len(hits) == len({hit.metadata["chunk_id"] for hit in hits}) == len(index)

"""Retrieval metrics against hand-computed tables, and the causes of misses as truth tables."""

from __future__ import annotations

from math import log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.misses import (
    CAUSES,
    Cause,
    PageTrail,
    attribute_evidence,
    attribute_miss,
    densest_share,
    miss_details,
)
from ingest.evaluate.records import Evidence, QuestionItem
from ingest.evaluate.retrieval_metrics import (
    Hit,
    coverage,
    covers,
    document_ranking,
    evidence_grades,
    ndcg,
    page_ranking,
    parted_as,
    reciprocal_rank,
    retrieval_scores,
    words_of,
)


def question(*evidence: Evidence, scope: str = "corpus") -> QuestionItem:
    return QuestionItem(
        id="s/q", pack="p", source="s", split="dev", group="g", question="?", evidence=evidence, scope=scope
    )  # type: ignore[arg-type]


def hits(*pages: str) -> list[Hit]:
    """Make hits of "document page page" strings."""
    parts = [page.split() for page in pages]
    return [Hit(doc, tuple(int(number) for number in numbers)) for doc, *numbers in parts]


def test_pages_and_documents_count_once_at_their_first_chunk() -> None:
    ranking = hits("a 1", "a 1", "b 3 4", "a 2", "b 3")
    assert page_ranking(ranking) == [("a", 1), ("b", 3), ("b", 4), ("a", 2)]
    assert document_ranking(ranking) == ["a", "b"]


A2, B3, A9 = Evidence("a", 2), Evidence("b", 3), Evidence("a", 9)


@pytest.mark.parametrize(
    ("ranking", "evidence", "expected"),
    [
        ([], [A2], {"recall@1": 0, "recall@10": 0, "doc_recall@5": 0, "mrr": 0, "ndcg@10": 0}),
        (["a 2"], [A2], {"recall@1": 1, "all_evidence_recall@1": 1, "doc_recall@1": 1, "mrr": 1, "ndcg@10": 1}),
        (
            ["a 1", "a 2"],
            [A2],
            {"recall@1": 0, "recall@5": 1, "doc_recall@1": 1, "mrr": 0.5, "ndcg@10": 1 / log2(3)},
        ),
        (
            ["a 2", "c 1", "b 3"],
            [A2, B3],
            {
                "recall@1": 1, "all_evidence_recall@1": 0, "all_evidence_recall@5": 1, "mrr": 1,
                "ndcg@10": (1 + 1 / 2) / (1 + 1 / log2(3)),
            },
        ),
        (["a 1", "a 1", "a 1", "a 1", "a 1", "a 2"], [A2], {"recall@5": 1, "mrr": 0.5}),  # distinct pages
        ([f"a {i}" for i in (1, 3, 4, 5, 6, 2)], [A2], {"recall@5": 0, "recall@10": 1, "mrr": 1 / 6}),
        (["a 1 2"], [A2], {"recall@1": 0, "recall@5": 1, "mrr": 0.5}),  # the second page of a chunk
        (["c 2", "b 3"], [A2, A2, B3], {"recall@5": 1, "all_evidence_recall@5": 0, "doc_recall@1": 0}),
        (["c 1"], [], {"recall@5": 0, "mrr": 0, "ndcg@10": 0}),
    ],
)  # fmt: skip
def test_scores(ranking: list[str], evidence: list[Evidence], expected: dict[str, float]) -> None:
    found = retrieval_scores(question(*evidence), hits(*ranking))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_graded_ndcg_by_hand() -> None:
    grades = evidence_grades([Evidence("d", 1, grade=3), Evidence("d", 2, grade=1), Evidence("d", 2)])
    assert grades == {("d", 1): 3, ("d", 2): 1}
    ranked = [("d", 2), ("d", 7), ("d", 1)]
    assert ndcg(ranked, grades) == pytest.approx((1 + 3 / 2) / (3 + 1 / log2(3)))
    assert ndcg(ranked, grades, cutoff=1) == pytest.approx(1 / 3)
    assert reciprocal_rank(ranked, {("d", 1)}) == pytest.approx(1 / 3)


def test_what_does_not_apply_is_left_out() -> None:
    within = retrieval_scores(question(A2, scope="document"), hits("a 2"))
    assert not [name for name in within if name.startswith(("doc_recall", "box_recall"))]
    failed = retrieval_scores(question(Evidence("a", 2, "words")), None)
    assert set(failed.values()) == {0.0} and "box_recall@5" in failed and "doc_recall@5" in failed


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6)), max_size=15), st.integers(1, 6))
def test_more_may_be_looked_at_but_not_lost(ranking: list[tuple[str, int]], page: int) -> None:
    scores = retrieval_scores(question(Evidence("a", page)), [Hit(doc, (number,)) for doc, number in ranking])
    for name in ("recall", "all_evidence_recall", "doc_recall"):
        assert scores[f"{name}@1"] <= scores[f"{name}@5"] <= scores[f"{name}@10"]
    assert scores["all_evidence_recall@5"] <= scores["recall@5"] <= scores["doc_recall@5"]
    assert (scores["mrr"] >= 1 / 5) == bool(scores["recall@5"])


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Net Sales, 2022: $ 1,234.5 (12%)", ["net", "sales", "2022", "1,234.5", "12"]),
        ("| a | b |\n|---|---|", ["a", "b"]),
        ("year-end “Café”", ["year", "end", "café"]),
        ("", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("evidence", "text", "share"),
    [
        ("a b c d", "d c b a", 1.0),
        ("a b c d", "a b", 0.5),
        ("a a b b", "a b", 0.5),  # as often as the evidence has it
        ("revenue 1,234", "revenve 1,234", 1.0),  # a misread letter
        ("revenue 1,234", "revenue 1,284", 0.5),  # a misread digit is another number
        ("cat", "car", 0.0),  # too short to forgive
        ("", "a", 0.0),
        ("a", "", 0.0),
    ],
)
def test_coverage(evidence: str, text: str, share: float) -> None:
    assert coverage(words_of(evidence), words_of(text)) == share


@pytest.mark.parametrize(
    ("evidence", "page", "parted"),
    [
        ("cashandcashequivalents 1,980", "the cash and cash equivalents 1,980", "cash and cash equivalents 1,980"),
        ("currentassets", "current assets of currentassets", "currentassets"),
        ("rentassets", "current assets", "rentassets"),
        ("incash", "in cash", "in cash"),
        ("in cash", "incash", "in cash"),
        ("today", "to day", "today"),
        ("otherassets", "mother assets other assets", "other assets"),
        ("", "words", ""),
        ("words", "", "words"),
    ],
)
def test_words_that_the_truth_glued_are_parted_as_on_the_page(evidence: str, page: str, parted: str) -> None:
    assert parted_as(evidence.split(), page.split()) == parted.split()


def test_a_truth_without_blanks_is_no_fault_of_recognition() -> None:
    page = "Cash and cash equivalents 1,980 Other current assets 466 Accounts payable 5,257"
    glued = Evidence("a", 1, "Cashandcashequivalents 1,980 Othercurrentassets 466 Accountspayable 5,257")
    assert attribute_evidence(glued, PageTrail(tuple(page.split()), (), page, (page,))) == "ranked"
    read_glued = page.replace("Cash and cash", "Cashandcash").replace("Other current", "Othercurrent")
    spaced = Evidence("a", 1, page)
    assert attribute_evidence(spaced, PageTrail(tuple(read_glued.split()), (), read_glued, (read_glued,))) == "ocr"


@pytest.mark.parametrize(
    ("hit", "covered"),
    [
        (Hit("a", (2,), "one two three four five"), True),
        (Hit("a", (1, 2), "noise one two noise three"), True),
        (Hit("a", (2,), "one two"), False),
        (Hit("a", (3,), "one two three four five"), False),
        (Hit("b", (2,), "one two three four five"), False),
    ],
)
def test_a_chunk_covers_evidence_on_its_page(hit: Hit, covered: bool) -> None:
    evidence = Evidence("a", 2, "one two three four five")
    assert covers(hit, evidence) is covered
    scores = retrieval_scores(question(evidence), [Hit("z", (1,), "x"), hit])
    assert (scores["box_recall@1"], scores["box_recall@5"]) == (0.0, float(covered))


@pytest.mark.parametrize(
    ("evidence", "text", "share"),
    [
        ("a b c d", "x a b c d x", 1.0),
        ("a b c d", "d c b a", 1.0),  # a table read by columns stays in its place
        ("a b c d e f g h i j", "a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j", 0.6),  # across two columns
        ("a b c d", "a b x x x x x x c d", 0.5),
        ("a a", "a x x x a", 0.5),
        ("a", "", 0.0),
    ],
)
def test_densest_share(evidence: str, text: str, share: float) -> None:
    assert densest_share(evidence.split(), text.split()) == pytest.approx(share)


# -- causes --------------------------------------------------------------------------------------------------------

WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]
NOISE = [f"noise{i}" for i in range(40)]
EVIDENCE = Evidence("a", 2, " ".join(WORDS))
TEXT = " ".join([*NOISE, *WORDS, *NOISE])
SCATTERED = " ".join(word for pair in zip(WORDS, NOISE, NOISE[10:], strict=False) for word in pair)
HALVES = (" ".join([*NOISE, *WORDS[:5]]), " ".join([*WORDS[5:], *NOISE]))


@pytest.mark.parametrize(
    ("trail", "cause"),
    [
        (PageTrail(), "ocr"),
        (PageTrail((*NOISE, *WORDS[:7]), (), " ".join([*NOISE, *WORDS[:7]]), ("x",)), "ocr"),
        (PageTrail((*NOISE, *WORDS), tuple(WORDS[5:]), " ".join([*NOISE, *WORDS[:5]]), HALVES[:1]), "dropped"),
        (PageTrail(tuple(NOISE), tuple(WORDS), " ".join(NOISE), ("x",)), "dropped"),  # dropped words listed apart
        (PageTrail((*NOISE, *WORDS), (), SCATTERED, (SCATTERED,)), "order"),
        (PageTrail((*NOISE, *WORDS), (), TEXT, HALVES), "split"),
        (PageTrail((*NOISE, *WORDS), (), TEXT, ()), "split"),
        (PageTrail((*NOISE, *WORDS), (), TEXT, (TEXT,)), "ranked"),
        (PageTrail((*NOISE, *WORDS), (), TEXT, (" ".join(WORDS[:6]), " ".join(WORDS[6:]))), "ranked"),
        (PageTrail((*NOISE, *WORDS), ("noise1",), TEXT, (TEXT,)), "ranked"),
        (PageTrail((), (), TEXT.replace("alpha", "a1pha").replace("hotel", "hote1"), (TEXT,)), "ranked"),
    ],
)
def test_cause_of_a_lost_piece_of_evidence(trail: PageTrail, cause: Cause) -> None:
    assert attribute_evidence(EVIDENCE, trail) == cause


@pytest.mark.parametrize("text", [None, "", " - | "])
def test_evidence_without_words_has_an_unknown_cause(text: str | None) -> None:
    assert attribute_evidence(Evidence("a", 2, text), PageTrail(tuple(WORDS), (), TEXT, (TEXT,))) == "unknown"


RANKED = PageTrail((*NOISE, *WORDS), (), TEXT, (TEXT,))
SPLIT = PageTrail((*NOISE, *WORDS), (), TEXT, HALVES)
OTHER = Evidence("b", 7, EVIDENCE.text)


@pytest.mark.parametrize(
    ("evidence", "ranking", "trails", "cause"),
    [
        ([EVIDENCE], ["a 2"], {}, None),  # found
        ([EVIDENCE], ["z 1", "z 2", "z 3", "z 4", "z 5", "a 2"], {("a", 2): RANKED}, "ranked"),
        ([EVIDENCE], ["z 1", "z 1", "z 2", "z 3", "z 4", "a 2"], {("a", 2): RANKED}, None),  # fifth distinct page
        ([EVIDENCE], [], {("a", 2): SPLIT}, "split"),
        ([EVIDENCE], [], {}, "ocr"),  # the page was never read
        ([EVIDENCE, OTHER], [], {("a", 2): SPLIT, ("b", 7): RANKED}, "ranked"),  # the piece that came furthest
        ([EVIDENCE, OTHER], [], {("a", 2): SPLIT}, "split"),
        ([EVIDENCE, OTHER], ["b 7"], {("a", 2): SPLIT}, None),  # one piece is enough
        ([Evidence("a", 2)], [], {("a", 2): RANKED}, "unknown"),
        ([Evidence("a", 2), OTHER], [], {("b", 7): SPLIT}, "split"),
        ([], [], {}, "unknown"),
    ],
)
def test_cause_of_a_miss(
    evidence: list[Evidence], ranking: list[str], trails: dict[Any, PageTrail], cause: Cause | None
) -> None:
    assert attribute_miss(question(*evidence), hits(*ranking), trails) == cause


def test_causes_follow_the_pipeline() -> None:
    assert CAUSES == ("unknown", "ocr", "dropped", "order", "split", "ranked")


def test_details_for_the_report() -> None:
    assert miss_details(question(A2, B3), "ocr") == {"question": "?", "cause": "ocr", "pages": ["a#p2", "b#p3"]}


def test_evidence_of_the_packs_is_found_on_its_pages(packs: Any) -> None:
    """The words of the evidence come from the PDFs' own text: read from there they must not be blamed on OCR."""
    import pymupdf

    from ingest.evaluate.packs import draw, read_pack

    asked = [item for item in read_pack(packs / "retrieval_finance").items if isinstance(item, QuestionItem)]
    worded = [piece for item in draw(asked, 15) for piece in item.evidence if piece.text and piece.file]
    causes = []
    for piece in worded:
        with pymupdf.open(piece.file) as document:
            text = document[piece.page - 1].get_text()
        causes.append(attribute_evidence(piece, PageTrail(tuple(text.split()), (), text, (text,))))
    assert len(causes) > 10 and causes.count("ranked") / len(causes) > 0.9, causes

"""OCR metrics against hand-made tables and independent implementations."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.boxes import match_boxes, overlaps
from ingest.evaluate.extra import needed
from ingest.evaluate.normalise import is_index_page, normalise, normaliser
from ingest.evaluate.ocr_metrics import (
    bag_error,
    bag_of_chars_error,
    bag_of_words_error,
    character_error_rate,
    missing_spaces,
    ocr_details,
    ocr_scores,
)
from ingest.evaluate.records import PageItem, PagePrediction, TextBox, TruthBlock
from loaders.errors import MissingExtra

TEXTS = st.text(alphabet="ab cé漢", max_size=30)


def page(**truth: object) -> PageItem:
    return PageItem(id="s/1", pack="p", source="s", split="dev", group="g", **truth)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("truth", "predicted", "rate"),
    [
        ("", "", 0.0),
        ("", "x", 1.0),
        ("abcd", "", 1.0),
        ("abcd", "abcd", 0.0),
        ("abcd", "abed", 0.25),
        ("abcd", "abcde", 0.25),
        ("abcd", "acd", 0.25),
        ("ab", "xyzxyz", 1.0),
        ("漢字", "漢学", 0.5),
    ],
)
def test_character_error_rate(truth: str, predicted: str, rate: float) -> None:
    assert character_error_rate(truth, predicted) == rate


@settings(deadline=None)
@given(TEXTS.filter(bool), TEXTS)
def test_character_error_rate_agrees_with_jiwer(truth: str, predicted: str) -> None:
    jiwer = pytest.importorskip("jiwer")
    keep = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
    theirs = jiwer.cer(truth, predicted, reference_transform=keep, hypothesis_transform=keep)
    assert character_error_rate(truth, predicted) == pytest.approx(min(1.0, theirs))


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_error_rates_are_rates(truth: str, predicted: str) -> None:
    for error in (character_error_rate, bag_of_chars_error, bag_of_words_error):
        assert 0.0 <= error(truth, predicted) <= 1.0
        assert error(truth, truth) == 0.0
    assert bag_of_chars_error(truth, predicted) == bag_of_chars_error(predicted, truth), "symmetric"


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcd")), st.randoms())
def test_bags_have_no_order(words: list[str], random: object) -> None:
    shuffled = list(words)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert bag_error(words, shuffled) == 0.0


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=1), st.lists(st.sampled_from("abcd"), min_size=1))
def test_bag_error_is_one_minus_f1(truth: list[str], predicted: list[str]) -> None:
    shared = sum(min(truth.count(x), predicted.count(x)) for x in set(truth))
    precision, recall = shared / len(predicted), shared / len(truth)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert bag_error(truth, predicted) == pytest.approx(1 - f1)


@pytest.mark.parametrize(
    ("truth", "predicted", "error"),
    [("", "", 0.0), ("", "a", 1.0), ("a b", "", 1.0), ("a b", "b a", 0.0), ("a a", "a", 1 / 3), ("a b", "ab", 1.0)],
)
def test_bag_of_words_error(truth: str, predicted: str, error: float) -> None:
    assert bag_of_words_error(truth, predicted) == pytest.approx(error)


@pytest.mark.parametrize(
    ("truth", "predicted", "count"),
    [
        ("the cat sat", "the cat sat", 0),
        ("the cat sat", "thecat sat", 1),
        ("the cat sat", "thecatsat", 1),
        ("the cat sat", "thecat catsat", 2),
        ("the cat sat", "thesat", 0),  # not neighbours
        ("the cat sat", "hecat", 0),  # begins inside a word
        ("in to into", "into", 0),  # a word of the truth
        ("Date : 5", "Date: 5", 0),  # a mark moved closer is no missing space
        ("Date : 5", "Date:5", 1),
        ("a b a c", "ac", 1),  # found at its second place
        ("", "ab", 0),
        ("a b", "", 0),
    ],
)
def test_missing_spaces(truth: str, predicted: str, count: int) -> None:
    assert missing_spaces(truth.split(), predicted.split()) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“x” ‘y’ a´b", "\"x\" 'y' a'b"),
        ("a–b—c‑d−e", "a-b-c-d-e"),
        ("ﬁne ½ ①", "fine 1⁄2 1"),
        ("a\u00a0\n\t b ", "a b"),
        ("so\u00adft\u200b", "soft"),
        ("Hi...", "Hi..."),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected, "once is enough"


def test_normalise_by_page() -> None:
    assert normalise("ABC", case_sensitive=False) == "abc"
    for dots in (".....", ". . . .", "…", "·····"):
        assert normalise(f"Hymn {dots} 12", leaders=False) == "Hymn 12"
    assert normalise("v. 1.2 etc..", leaders=False) == "v. 1.2 etc..", "fewer than three stay"
    index_block = TruthBlock(0, "index", "Index", (0, 0, 1, 1), "x")
    assert [is_index_page(p) for p in (page(), page(doc_type="book_index"), page(blocks=(index_block,)))] == [
        False,
        True,
        True,
    ]
    assert normaliser(page(tags=("index1",), case_sensitive=False))("A....1") == "a 1"


# -- boxes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1.0),
        ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3),
        ((0, 0, 2, 2), (2, 0, 4, 2), 0.0),
        ((0, 0, 4, 4), (1, 1, 3, 3), 0.25),
        ((1, 1, 1, 1), (1, 1, 1, 1), 0.0),
    ],
)
def test_overlap(a: tuple[float, ...], b: tuple[float, ...], iou: float) -> None:
    assert overlaps([a], [b])[0, 0] == pytest.approx(iou)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("truth", "predicted", "precision", "recall"),
    [
        ([], [], 1.0, 1.0),
        ([], [(0, 0, 1, 1)], 0.0, 1.0),
        ([(0, 0, 1, 1)], [], 0.0, 0.0),
        ([(0, 0, 1, 1)], [(0, 0, 1, 1), (0, 0, 1, 1)], 0.5, 1.0),  # one to one: a double is wrong
        ([(0, 0, 4, 1), (5, 0, 9, 1)], [(0, 0, 9, 1)], 0.0, 0.0),  # two words as one
        ([(0, 0, 4, 1), (5, 0, 9, 1)], [(0, 0, 4, 1)], 1.0, 0.5),
        ([(0, 0, 4, 1)], [(0, 0, 2, 1)], 1.0, 1.0),  # at the threshold
    ],
)
def test_box_precision_and_recall(truth: list, predicted: list, precision: float, recall: float) -> None:
    match = match_boxes(truth, predicted)
    assert (match.precision, match.recall) == (precision, recall)


def test_matching_agrees_with_the_largest_one_on_words_that_do_not_overlap() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    for _ in range(20):
        corner = np.stack(np.meshgrid(np.arange(12) * 10, np.arange(12) * 6), -1).reshape(-1, 2)
        truth = np.hstack([corner, corner + np.array([8, 5])])
        predicted = truth[rng.random(len(truth)) < 0.8]
        predicted = rng.permutation(predicted + rng.normal(0, 1.0, predicted.shape))
        good = overlaps(truth.tolist(), predicted.tolist()) >= 0.5
        largest = int(good[optimize.linear_sum_assignment(good, maximize=True)].sum())
        assert len(match_boxes(truth.tolist(), predicted.tolist()).pairs) == largest
        assert 0 < largest < len(predicted)


# -- pages ---------------------------------------------------------------------------------------------------------


def words(text: str) -> tuple[TextBox, ...]:
    return tuple(TextBox(word, (10.0 * i, 0, 10.0 * i + 8, 5)) for i, word in enumerate(text.split()))


def test_identical_pages_are_perfect_and_failed_ones_are_worst() -> None:
    item = page(text="The “cat”\nsat", words=words("The cat sat"), lines=words("x"))
    perfect = ocr_scores(item, PagePrediction('The "cat" sat', words("The cat sat"), words("x")))
    assert perfect == {
        "cer": 0.0, "bag_of_chars_error": 0.0, "bag_of_words_error": 0.0, "missing_spaces": 0.0,
        "word_precision": 1.0, "word_recall": 1.0, "line_precision": 1.0, "line_recall": 1.0,
    }  # fmt: skip
    failed = ocr_scores(item, None)
    assert failed == {
        "cer": 1.0, "bag_of_chars_error": 1.0, "bag_of_words_error": 1.0, "missing_spaces": 1.0,
        "word_precision": 0.0, "word_recall": 0.0, "line_precision": 0.0, "line_recall": 0.0,
    }  # fmt: skip


@given(st.lists(st.sampled_from(["ab", "cd", "7", "-", "e."]), max_size=6), st.randoms(use_true_random=False))
def test_no_reading_misses_more_spaces_than_a_failed_page(truth: list[str], random: Random) -> None:
    item = page(text=" ".join(truth))
    read = "".join(word + random.choice(["", " "]) for word in truth)
    failed = ocr_scores(item, None)
    assert ocr_scores(item, PagePrediction(read))["missing_spaces"] <= failed["missing_spaces"]
    assert ocr_scores(item, PagePrediction(""))["missing_spaces"] == 0.0, "a blank reading glues nothing"


def test_what_the_truth_says_of_itself_is_respected() -> None:
    assert ocr_scores(page(text=None), PagePrediction("x")) == {}
    derived = ocr_scores(page(text="ab", text_order="derived"), PagePrediction("ba"))
    assert derived["cer"] == 1.0 and derived["bag_of_chars_error"] == 0.0
    assert ocr_details(page(text="ab", text_order="derived")) == {"text_order": "derived"}
    assert ocr_scores(page(text="TOTAL", case_sensitive=False), PagePrediction("Total"))["cer"] == 0.0
    assert ocr_scores(page(text="TOTAL"), PagePrediction("Total"))["cer"] == 0.8
    assert ocr_scores(page(text="one", text_alt=("uno",)), PagePrediction("uno"))["cer"] == 0.0
    assert ocr_scores(page(text="a ... 1", doc_type="book_index"), PagePrediction("a ..... 1"))["cer"] == 0.0
    assert ocr_scores(page(text="a ... 1"), PagePrediction("a ..... 1"))["cer"] > 0.0
    assert ocr_scores(page(text=""), PagePrediction(""))["cer"] == 0.0


def test_an_absent_package_names_its_extra() -> None:
    with pytest.raises(MissingExtra, match=r"no_such_package.*ocr-ingest\[evaluate\]"):
        needed("no_such_package.part")

"""How well a page was recognised: characters, words, boxes, and blanks that got lost.

Comes in: a PageItem (the truth) and a PagePrediction in the same frame. Goes out: named scores. Error rates are 0 at
best and 1 at worst, precision and recall the other way round; `missing_spaces` is a count per page, half the page's
words at worst.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ingest.evaluate.boxes import match_boxes
from ingest.evaluate.extra import needed
from ingest.evaluate.normalise import normaliser
from ingest.evaluate.records import PageItem, PagePrediction


def character_error_rate(truth: str, predicted: str) -> float:
    """Return edit distance / length of the truth, capped at 1; an empty truth gives 0 for nothing, else 1."""
    if not truth:
        return float(bool(predicted))
    distance = needed("rapidfuzz.distance").Levenshtein.distance(truth, predicted)
    return min(1.0, distance / len(truth))


def bag_error(truth: Iterable[str], predicted: Iterable[str]) -> float:
    """Return 1 - F1 of two multisets: 0 for the same things in any order, 1 for nothing in common; both empty is 0."""
    a, b = Counter(truth), Counter(predicted)
    total = a.total() + b.total()
    return 1.0 - 2.0 * (a & b).total() / total if total else 0.0


def bag_of_chars_error(truth: str, predicted: str) -> float:
    """Return the bag error over characters, blanks among them."""
    return bag_error(truth, predicted)


def bag_of_words_error(truth: str, predicted: str) -> float:
    """Return the bag error over words, parted by white space."""
    return bag_error(truth.split(), predicted.split())


def missing_spaces(truth: Sequence[str], predicted: Sequence[str]) -> int:
    """Count predicted words that are two or more neighbouring words of the truth written as one.

    Neighbours are neighbours in the sequence `truth`. A predicted word that the truth has too is none of these, nor is
    one whose parts hold letters or digits only once ("Date:" for "Date :" is a matter of taste).
    """
    joined = "".join(truth)
    starts: dict[int, int] = {}
    position = 0
    for index, word in enumerate(truth):
        starts[position] = index
        position += len(word)
    starts[position] = len(truth)
    vocabulary = set(truth)

    def is_glued(word: str) -> bool:
        at = joined.find(word)
        while at >= 0:
            first, last = starts.get(at), starts.get(at + len(word))
            if first is not None and last is not None:
                return sum(any(c.isalnum() for c in part) for part in truth[first:last]) > 1
            at = joined.find(word, at + 1)
        return False

    return sum(word not in vocabulary and is_glued(word) for word in predicted)


def worst_missing_spaces(truth: Sequence[str]) -> int:
    """Return the most that `missing_spaces` can count: every two words that hold letters or digits written as one."""
    return sum(any(c.isalnum() for c in word) for word in truth) // 2


def text_scores(page: PageItem, text: str) -> dict[str, float]:
    """Score a transcript, the best over the accepted ones: {} where the truth has none.

    `cer` needs an order that a person fixed; where the truth's rows were derived from boxes it is an upper bound of the
    error; `ocr_details` says which it is.
    """
    if page.text is None:
        return {}
    clean = normaliser(page)
    predicted = clean(text)
    accepted = [clean(one) for one in (page.text, *page.text_alt)]
    return {
        "cer": min(character_error_rate(one, predicted) for one in accepted),
        "bag_of_chars_error": min(bag_of_chars_error(one, predicted) for one in accepted),
        "bag_of_words_error": min(bag_of_words_error(one, predicted) for one in accepted),
        "missing_spaces": float(min(missing_spaces(one.split(), predicted.split()) for one in accepted)),
    }


def ocr_details(page: PageItem) -> dict[str, str]:
    """Return what the report says of a page's truth: the `text_order` of its transcript, {} where it has none."""
    return {} if page.text is None else {"text_order": page.text_order}


def box_scores(page: PageItem, prediction: PagePrediction) -> dict[str, float]:
    """Score word and line boxes at IoU 0.5, where the truth has them; what was read in them is not asked."""
    scores: dict[str, float] = {}
    for level, truth, found in (("word", page.words, prediction.words), ("line", page.lines, prediction.lines)):
        if truth:
            match = match_boxes([one.box for one in truth], [one.box for one in found])
            scores[f"{level}_precision"], scores[f"{level}_recall"] = match.precision, match.recall
    return scores


def ocr_scores(page: PageItem, prediction: PagePrediction | None) -> dict[str, float]:
    """Score a page's text and boxes; None stands for a page that failed, and gets the worst scores there are."""
    if prediction is not None:
        return text_scores(page, prediction.text) | box_scores(page, prediction)
    scores = text_scores(page, "") | box_scores(page, PagePrediction(""))
    if page.text is not None:
        clean = normaliser(page)
        accepted = [clean(one).split() for one in (page.text, *page.text_alt)]
        scores["missing_spaces"] = float(min(map(worst_missing_spaces, accepted)))
    return scores

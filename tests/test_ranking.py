"""The blend of a hybrid search: what counts, how much, and that it does not depend on how a model spreads cosines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.ranking import blended, group_means, parted


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


NONE = array(0, 0, 0)


def best(*sides: np.ndarray) -> int:
    return int(np.argmax(blended(*sides)))


def test_each_side_counts() -> None:
    cosines = array(0.50, 0.49, 0.20)
    assert best(cosines, cosines, NONE, NONE, NONE) == 0
    assert best(cosines, cosines, array(0, 9, 0), NONE, NONE) == 1, "its words"
    assert best(cosines, cosines, NONE, array(0, 4, 0), NONE) == 1, "the name of its document"
    assert best(cosines, array(0.2, 0.5, 0.2), NONE, NONE, NONE) == 1, "its page"
    assert best(cosines, cosines, NONE, NONE, array(0, 1, 0)) == 1, "the page asked for"


def test_a_word_that_one_chunk_alone_holds_wins() -> None:
    cosines = np.linspace(0.9, 0.1, 50, dtype=np.float32)
    none, one = np.zeros(50, np.float32), np.zeros(50, np.float32)
    one[49] = 5.0
    assert best(cosines, cosines, one, none, none) == 49
    many = np.full(50, 4.0, np.float32)
    many[49] = 5.0
    assert best(cosines, cosines, many, none, none) == 0


def test_a_name_of_many_documents_says_little() -> None:
    cosines = array(0.50, 0.46, 0.20)
    assert best(cosines, cosines, NONE, array(0, 0.3, 0.3), NONE) == 0
    assert best(cosines, cosines, NONE, array(0, 6.0, 0), NONE) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3, unique=True), st.floats(0.05, 1), st.floats(0, 0.5))
def test_the_order_does_not_depend_on_the_spread_of_cosines(values: list[float], scale: float, base: float) -> None:
    cosines, text, names, asked = array(*values), array(1, 0, 2), array(0, 3, 0), array(1, 0, 0)
    scaled = (cosines * scale + base).astype(np.float32)
    before, after = (blended(c, c, text, names, asked) for c in (cosines, scaled))
    assert np.allclose(before * scale + base, after, atol=1e-4)


def test_nothing_and_one() -> None:
    nothing = array()
    assert blended(nothing, nothing, nothing, nothing, nothing).shape == (0,)
    assert blended(array(0.3), array(0.3), array(2), array(1), array(0)).shape == (1,)


def test_group_means() -> None:
    assert group_means(array(1, 2, 6), ["a", "b", "b"]) == {"a": 1.0, "b": 4.0}


@pytest.mark.parametrize(
    ("text", "apart"),
    [("FY2022 results", "FY 2022 results"), ("3M_2018_10K", "3 M 2018 10 K"), ("Größe 5", "Größe 5"), ("", "")],
)
def test_letters_are_parted_from_digits(text: str, apart: str) -> None:
    assert parted(text) == apart

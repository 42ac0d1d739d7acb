"""Where a text may be cut: truth tables, and ranges that lose no character but white space."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.text.sentences import characters, sentences, words

TABLE = [
    ["One ends here.", "Two begins!", "Three?"],
    ["See Fig. 3 and Dr. Smith vs. Jones."],
    ["It was e.g. red, i.e. not blue.", "The U.S. Army left."],
    ["By J. R. Smith et al. (2020) and others.", "We agree with Jones et al.", "This holds."],
    ["Sold by Acme Inc. in May.", "Bought by Acme Inc.", "Then sold."],
    ["See No. 5 there.", "He said no.", "Then he left."],
    ["1. First point is long.", "2. Second point."],
    ["It grew by 3.5 percent in 2020.", "That is much."],
    ['He said "stop."', "(She went on.)", "They did."],
    ["Wait… what?", "Yes."],
    ["これは文です。", "次の文です！", "「はい。」", "終わり"],
    ["a line", "another line"],
    ["z. B. das hier.", "Und dies vgl. Abb. 3 dort."],
]


@pytest.mark.parametrize("expected", TABLE)
def test_sentences(expected: list[str]) -> None:
    between = "\n" if expected[0] == "a line" else "" if "。" in expected[0] else " "
    text = between.join(expected)
    assert [text[a:b] for a, b in sentences(text, 0, len(text))] == expected


@given(st.text(alphabet='aB1.!? \n"(。é\u0301', max_size=60), st.integers(0, 5), st.integers(1, 20))
def test_no_cut_loses_more_than_white_space(text: str, start: int, size: int) -> None:
    start = min(start, len(text))
    for ranges in (
        sentences(text, start, len(text)),
        words(text, start, len(text)),
        characters(text, start, len(text), size),
    ):
        edges = [start, *(edge for span in ranges for edge in span), len(text)]
        assert edges == sorted(edges)
        assert all(a < b for a, b in ranges)
        kept = "".join(text[a:b] for a, b in ranges)
        assert "".join(kept.split()) == "".join(text[start:].split())


def test_characters_keep_marks_with_their_letter() -> None:
    text = "e\u0301" * 3
    assert [text[a:b] for a, b in characters(text, 0, len(text), 1)] == ["e\u0301"] * 3

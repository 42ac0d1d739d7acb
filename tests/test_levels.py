"""Words, lines and paragraphs as regions: texts, mean confidences, and quads that lean with their text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.document import Block, Line, Words
from loaders.errors import UsageError
from loaders.geometry import Array, Frame, quads_from_boxes
from loaders.ocr.levels import aggregate, around

BOXES = [(10, 10, 50, 20), (60, 10, 90, 20), (10, 30, 40, 40), (10, 80, 70, 90), (200, 10, 240, 20)]
WORDS = Words.of(quads_from_boxes(BOXES), ("A", "line", "more", "heading", "stray"), [0.9, 0.7, 0.4, 1.0, 0.2])
LINES = [(0, 1), (2,), (3,)]
BLOCKS = [(2,), (0, 1)]


def leaning(quads: Array, degrees: float) -> Array:
    turn = np.array([[math.cos(a := math.radians(degrees)), math.sin(a)], [-math.sin(a), math.cos(a)]], np.float32)
    return quads @ turn


def test_words_come_in_reading_order():
    regions = aggregate(WORDS, LINES, BLOCKS, "word")
    assert [region.text for region in regions] == ["heading", "A", "line", "more"]
    assert [region.confidence for region in regions] == pytest.approx([1.0, 0.9, 0.7, 0.4])
    assert np.array_equal(regions[1].quad, WORDS.quads[0])


def test_a_sentence_is_a_line():
    regions = aggregate(WORDS, LINES, BLOCKS, "sentence")
    assert [region.text for region in regions] == ["heading", "A line", "more"]
    assert [region.confidence for region in regions] == pytest.approx([1.0, 0.8, 0.4])
    assert regions[1].box == (10, 10, 90, 20)


def test_a_paragraph_is_a_block_and_as_sure_as_its_lines_are_on_average():
    regions = aggregate(WORDS, LINES, BLOCKS)
    assert [region.text for region in regions] == ["heading", "A line more"]
    assert [region.confidence for region in regions] == pytest.approx([1.0, 0.6])
    assert regions[1].box == (10, 10, 90, 40)


def test_lines_and_blocks_of_a_page_do_as_well_as_indices():
    frame = Frame(300, 300, "px")
    lines = [Line(words, frame.box) for words in LINES]
    blocks = [Block("text", members, frame.box) for members in BLOCKS]
    for level in ("word", "sentence", "paragraph"):
        a, b = aggregate(WORDS, lines, blocks, level), aggregate(WORDS, LINES, BLOCKS, level)
        assert [(x.text, x.confidence) for x in a] == [(x.text, x.confidence) for x in b]


def test_a_line_in_no_block_is_a_paragraph_of_its_own():
    assert [region.text for region in aggregate(WORDS, LINES, [(1,)])] == ["more", "A line", "heading"]


def test_without_lines_every_word_stands_alone():
    for level in ("word", "sentence", "paragraph"):
        assert [region.text for region in aggregate(WORDS, [], [], level)] == list(WORDS.texts)
        assert aggregate(Words.none(), [], [], level) == []


def test_joined_words_have_no_space_between_them():
    quads = quads_from_boxes([(0, 0, 10, 10), (10, 0, 20, 10), (0, 20, 10, 30)])
    words = Words.of(quads, ("中文", "，", "字"), joined=[False, True, False])
    assert aggregate(words, [(0, 1), (2,)], [(0, 1)])[0].text == "中文，字"


def test_another_level_is_told():
    with pytest.raises(UsageError, match="word, sentence, paragraph"):
        aggregate(WORDS, LINES, BLOCKS, "page")  # type: ignore[arg-type]


@given(st.floats(-170, 170))
def test_a_line_leans_as_its_words_do(degrees: float):
    quads = leaning(WORDS.quads[:3], degrees)
    expected = leaning(quads_from_boxes([(10, 10, 90, 40)]), degrees)[0]
    assert around(quads) == pytest.approx(expected, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 99), st.floats(0, 99), st.floats(1, 50), st.floats(1, 50)), min_size=1))
def test_around_holds_every_corner(boxes: list[tuple[float, float, float, float]]):
    quads = quads_from_boxes([(x, y, x + w, y + h) for x, y, w, h in boxes])
    found = around(quads)
    assert found[0] == pytest.approx(quads.reshape(-1, 2).min(0), abs=1e-3)
    assert found[2] == pytest.approx(quads.reshape(-1, 2).max(0), abs=1e-3)

"""From CTC steps to characters, and from a read line to words with boxes around their ink."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from loaders.geometry import quads_from_boxes
from loaders.ocr.ppocr_recognize import LINE, STEP, Reading, decode
from loaders.ocr.ppocr_words import Contrast, word_groups, words_of_line
from loaders.ocr.type_size import ems_high

CHARACTERS = ("", "a", "b", " ")


def line(text: str, size: int = 28) -> tuple[np.ndarray, Reading, list[tuple[float, float, float, float]]]:
    """Print a line into a strip; return it, a reading that is right, and the boxes of its words."""
    font = ImageFont.load_default(size)
    image = Image.new("L", (2000, LINE), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 8), text, font=font, fill="black")
    edges = [20 + draw.textlength(text[:i], font=font) for i in range(len(text) + 1)]
    places = np.array([(a + b) / 2 for a, b in pairwise(edges)], np.float32)
    top, bottom = draw.textbbox((20, 8), text, font=font)[1::2]
    starts = [i for i, c in enumerate(text) if c != " " and (i == 0 or text[i - 1] == " ")]
    ends = [text.find(" ", i) if " " in text[i:] else len(text) for i in starts]
    boxes = [(edges[a], top, edges[b], bottom) for a, b in zip(starts, ends, strict=True)]
    width = int(edges[-1]) + 20
    return np.array(image)[:, :width], Reading(text, places, np.full(len(text), 0.9, np.float32)), boxes


@pytest.mark.parametrize(
    ("steps", "text", "places"),
    [
        ([0, 0, 0], "", []),
        ([1], "a", [0.5]),
        ([1, 1, 2], "ab", [1.0, 2.5]),
        ([1, 0, 1], "aa", [0.5, 2.5]),  # a blank parts two of the same
        ([0, 1, 1, 3, 2, 2, 2, 0], "a b", [2.0, 3.5, 5.5]),
    ],
)
def test_decode_joins_runs_and_drops_blanks(steps: list[int], text: str, places: list[float]):
    reading = decode(np.array(steps), np.full(len(steps), 0.5, np.float32), CHARACTERS)
    assert reading.text == text
    assert reading.places.tolist() == [STEP * place for place in places]
    assert len(reading.chances) == len(text)


def test_a_character_is_as_sure_as_its_surest_step():
    reading = decode(np.array([1, 1, 0]), np.array([0.4, 0.8, 0.9], np.float32), CHARACTERS)
    assert reading.chances.tolist() == pytest.approx([0.8])
    assert decode(np.zeros(3, int), np.ones(3, np.float32), CHARACTERS).confidence == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two words", ["two", "words"]),
        ("  spare  spaces ", ["spare", "spaces"]),
        ("第二章", ["第二章"]),
        ("语言，历史。", ["语言，", "历史。"]),
        ("共14万条", ["共", "14", "万条"]),
        ("各省（自治区）共", ["各省", "（自治区）", "共"]),
        ("a（含）b", ["a", "（含）", "b"]),
        ("", []),
        ("   ", []),
    ],
)
def test_words_part_at_spaces_and_where_the_script_changes(text: str, words: list[str]):
    reading = Reading(text, np.arange(len(text), dtype=np.float32) * 20, np.ones(len(text), np.float32))
    ink = np.ones((LINE, 20 * len(text) + 20), bool)
    assert ["".join(text[i] for i in group) for group in word_groups(reading, ink)] == words


def test_a_wide_gap_parts_words_although_no_space_was_read():
    reading = Reading("ab", np.array([20, 200], np.float32), np.ones(2, np.float32))
    ink = np.zeros((LINE, 240), bool)
    ink[10:30, 10:30] = ink[10:30, 190:210] = True
    assert word_groups(reading, ink) == [(0,), (1,)]
    ink[20, 30:190:8] = True  # a dotted leader
    assert word_groups(reading, ink) == [(0, 1)]


def test_boxes_hug_the_ink_of_words():
    strip, reading, truth = line("Sum of 12 parts, e.g. Apples")
    words = words_of_line(strip, strip.shape[1], reading, quads_from_boxes([(0, 0, strip.shape[1], LINE)])[0])
    assert words.texts == ("Sum", "of", "12", "parts,", "e.g.", "Apples")
    for quad, (x0, y0, x1, y1) in zip(words.quads, truth, strict=True):
        assert quad[0] == pytest.approx((x0, y0), abs=3.5)  # truth counts the face's side bearings in
        assert quad[2] == pytest.approx((x1, y1), abs=3.5)
    assert words.size == pytest.approx(28, rel=0.1)


@pytest.mark.parametrize("text", ["able", "a page of legible type", "Paper", "none are left"])
def test_sizes_that_differ_by_less_than_a_row_are_told_apart(text: str):
    sizes = np.array([24.0, 24.4, 24.8, 25.2, 25.6])
    found = np.array([_size_of_smooth_line(text, float(size)) for size in sizes])
    assert found / found[0] == pytest.approx(sizes / sizes[0], abs=0.025)  # a row is .042
    assert (np.diff(found) > 0).all()


def _size_of_smooth_line(text: str, size: float) -> float:
    """Print a line eight times as large, without hints to the pixel grid that would be seen, and shrink it."""
    font = ImageFont.load_default(size * 8)
    large = Image.new("L", (400 * 8, LINE * 8), "white")
    draw = ImageDraw.Draw(large)
    draw.text((160, 50), text, font=font, fill="black")
    edges = [20 + draw.textlength(text[:i], font=font) / 8 for i in range(len(text) + 1)]
    places = np.array([(a + b) / 2 for a, b in pairwise(edges)], np.float32)
    strip = np.array(large.reduce(8))[:, : int(edges[-1]) + 20]
    reading = Reading(text, places, np.full(len(text), 0.9, np.float32))
    return words_of_line(strip, strip.shape[1], reading, quads_from_boxes([(0, 0, strip.shape[1], LINE)])[0]).size


def test_rules_around_a_cell_are_no_part_of_its_words():
    strip, reading, truth = line("Net 40", 24)
    ruled = strip.copy()
    ruled[:2] = ruled[-2:] = 0
    ruled[:, :2] = ruled[:, -2:] = 0
    words = words_of_line(ruled, strip.shape[1], reading, quads_from_boxes([(0, 0, strip.shape[1], LINE)])[0])
    assert words.quads[:, 0] == pytest.approx(np.array(truth)[:, :2], abs=2.6)
    assert words.quads[:, 2] == pytest.approx(np.array(truth)[:, 2:], abs=2.6)


def test_an_underline_is_no_part_of_its_words():
    strip, reading, truth = line("under lined", 24)
    ruled = strip.copy()
    ruled[42:44, 10:-10] = 0
    words = words_of_line(ruled, strip.shape[1], reading, quads_from_boxes([(0, 0, strip.shape[1], LINE)])[0])
    assert words.texts == ("under", "lined")
    assert words.quads[:, 2, 1] == pytest.approx([box[3] for box in truth], abs=1.5)
    assert words.quads[1, 0, 0] == pytest.approx(truth[1][0], abs=2.6)


def test_quads_follow_a_leaning_line():
    strip, reading, _ = line("one two")
    width = strip.shape[1]
    quad = np.array([[100, 100], [100 + width * 0.8, 100 + width * 0.6], [0, 0], [100 - 28.8, 138.4]], np.float32)
    quad[2] = quad[1] + quad[3] - quad[0]
    words = words_of_line(strip, width, reading, quad)
    across = words.quads[:, 1] - words.quads[:, 0]
    assert np.arctan2(across[:, 1], across[:, 0]) == pytest.approx(np.arctan2(0.6, 0.8), abs=1e-4)


@pytest.mark.parametrize(
    ("chances", "words"),
    [
        ([0.9] * 4 + [0.3] * 3, [0.9, 0.3]),
        ([0.8] * 3 + [0.1] * 4, [0.4, 0.1]),  # the line's mean is 0.4: "one" is no surer
    ],
)
def test_words_of_an_unread_line_are_no_surer_than_the_line(chances: list[float], words: list[float]):
    strip, reading, _ = line("one two")
    read = Reading(reading.text, reading.places, np.array(chances, np.float32))
    found = words_of_line(strip, strip.shape[1], read, quads_from_boxes([(0, 0, strip.shape[1], LINE)])[0])
    assert found.confidences.tolist() == pytest.approx(words)


def test_ink_is_found_in_either_polarity():
    strip, _, _ = line("polarity")
    assert np.array_equal(Contrast.of(strip).ink(), Contrast.of(255 - strip).ink())


@pytest.mark.parametrize(
    ("text", "ems"),
    [("axe", 0.49), ("Axe", 0.68), ("page", 0.70), ("Apples", 0.93), ("able,", 0.85), ("4", 0.68), ("中", 0.92)],
)
def test_ink_is_as_high_as_its_letters(text: str, ems: float):
    assert ems_high(text) == pytest.approx(ems)

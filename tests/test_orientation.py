"""Which way up a page is, decided from the shapes of its lines and from how they read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.geometry import Array, quads_from_boxes
from loaders.ocr.orientation import SAMPLE, choose_turn, rolled, sample, standing

LYING = quads_from_boxes([(50, 40 * i, 350, 40 * i + 25) for i in range(20)])
STANDING = quads_from_boxes([(40 * i, 50, 40 * i + 25, 350) for i in range(20)])


def reading(turn: int, sure: float = 0.97, unsure: float = 0.65, characters: int = 20) -> Callable[[Array], list]:
    """Return how lines read that make sense when turned clockwise by `turn` quarters, and little otherwise."""
    directions = {0: (1, 0), 1: (0, -1), 2: (-1, 0), 3: (0, 1)}

    def confidences(quads: Array) -> list[tuple[int, float]]:
        ways = np.sign(np.round(quads[:, 1] - quads[:, 0])).astype(int)
        return [(characters, sure if tuple(way) == directions[turn] else unsure) for way in ways]

    return confidences


@pytest.mark.parametrize(("quads", "turn"), [(LYING, 0), (STANDING, 1), (LYING, 2), (STANDING, 3)])
def test_the_turn_is_the_one_in_which_the_lines_make_sense(quads: Array, turn: int):
    assert choose_turn(quads, reading(turn)) == 90 * turn


def test_an_upright_page_is_read_once():
    seen: list[int] = []

    def confidences(quads: Array) -> list[tuple[int, float]]:
        seen.append(len(quads))
        return reading(0)(quads)

    assert choose_turn(LYING, confidences) == 0
    assert seen == [SAMPLE]


@pytest.mark.parametrize(
    ("sure", "unsure", "characters", "turn"),
    [
        (0.70, 0.66, 20, 0),  # hardly better: no turn
        (0.95, 0.70, 2, 0),  # "iv" reads well upside down
        (0.95, 0.70, 40, 180),
    ],
)
def test_a_turn_needs_evidence(sure: float, unsure: float, characters: int, turn: int):
    few = LYING[:1] if characters < 10 else LYING
    assert choose_turn(few, reading(2, sure, unsure, characters)) == turn


def test_a_few_lines_on_their_side_turn_no_page():
    assert choose_turn(np.concatenate([LYING, STANDING[:4]]), reading(0)) == 0


def test_a_heading_above_lines_on_their_side_keeps_no_page_upright():
    assert choose_turn(np.concatenate([LYING[:2], STANDING]), reading(1)) == 90


def test_columns_that_read_neither_way_stay():
    assert choose_turn(STANDING, lambda quads: [(0, 0.0)] * len(quads)) == 0


def test_without_lines_nothing_turns():
    assert choose_turn(np.zeros((0, 4, 2), np.float32), reading(1)) == 0


def test_rolled_quads_begin_where_the_text_does():
    (quad,) = quads_from_boxes([(10, 20, 30, 90)])
    assert rolled(quad, 1)[0].tolist() == [10, 90]  # text that runs upward
    assert rolled(quad, 3)[0].tolist() == [30, 20]  # text that runs downward


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_sample_is_of_what_was_chosen(lying: int, tall: int):
    quads = np.concatenate([LYING, LYING, STANDING, STANDING])[: 40 + tall]
    chosen = np.zeros(len(quads), bool)
    chosen[:lying] = True
    taken = sample(quads, chosen)
    assert len(taken) == min(lying, SAMPLE)
    assert not standing(taken).any()

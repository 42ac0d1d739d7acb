"""Blocks whose lines are pieces of rows: labels and values beside them, and what only looks like them."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from loaders.document import Words
from loaders.geometry import quads_from_boxes
from loaders.relate.cells import part_rows
from loaders.relate.columns import Rows

Column = tuple[float, Sequence[tuple[float, str]]]
"""The left end of a block, and its lines: y and text."""


def parted(*columns: Column) -> list[list[str]]:
    """Set each column as one block, word by word; return the texts of the blocks that come out."""
    boxes, texts, chains, blocks = [], [], [], []
    for x, lines in columns:
        block = []
        for y, text in lines:
            chain, at = [], x
            for word in text.split():
                boxes.append((at, y, at + 5 * len(word), y + 10))
                chain.append(len(texts))
                texts.append(word)
                at += 5 * len(word) + 3
            block.append(len(chains))
            chains.append(tuple(chain))
        blocks.append(tuple(block))
    words = Words.of(quads_from_boxes(np.array(boxes, float)), texts)
    rows = Rows.of(chains, words, words.boxes)
    parts, pieces = part_rows(blocks, rows)
    assert len(parts) == len(pieces)
    assert sorted(line for part in parts for line in part) == list(range(len(chains)))
    return [[rows.texts[line] for line in part] for part in parts]


def under(y: float, *texts: str) -> list[tuple[float, str]]:
    return [(y + 12 * k, text) for k, text in enumerate(texts)]


def test_labels_and_their_figures_stand_alone():
    labels, figures = under(0, "Total sales", "Cash", "Change"), under(1, "11.40", "20.00", "8.60")
    assert parted((0, labels), (200, figures)) == [[text] for _, text in [*labels, *figures]]


def test_figures_of_single_lines_part_the_labels_between():
    labels = under(0, "1071", "Engine oil", "70791", "Starter")
    assert parted((0, labels), (200, [(0, "17.00")]), (200, [(24, "10.00")]))[:4] == [[text] for _, text in labels]


def test_short_values_without_figures_are_values_too():
    labels, values = under(0, "Genus", "Family", "Country"), under(0, "Xanthoria", "Teloschistaceae", "Norway")
    assert parted((0, labels), (200, values)) == [[text] for _, text in [*labels, *values]]


def test_a_long_value_starts_where_a_label_with_a_colon_stands():
    labels = [(0.0, "Court:"), (12.0, "Counsel:"), (36.0, "Judge:")]
    values = under(
        0, "Superior Court of San Francisco, second division", "Wartnick, Chaber and Smith of California Street",
        "in the city of San Francisco", "The honourable Carroll Robinson of that division",
    )  # fmt: skip
    texts = [text for _, text in values]
    assert parted((0, labels), (100, values))[3:] == [[texts[0]], texts[1:3], [texts[3]]]


@pytest.mark.parametrize(
    "side",
    [
        ["In this part", "we are talking", "about checks", "that are done", "before a book", "is printed by"],
        ["Our purpose", "Making it good"],
    ],
)
def test_prose_in_a_narrow_column_is_no_column_of_values(side):
    body = under(0, *["Fact checkers verify that the names and dates in a work are right"] * len(side))
    assert parted((0, under(0, *side)), (200, body)) == [side, [text for _, text in body]]
    other = under(0, *side)
    assert parted((0, other), (200, other)) == [side, side]


def test_figures_beside_running_prose_are_not_taken_into_it():
    body = ["The council met again on the second day of the month", "and resolved to hear the parties before noon"] * 3
    numbers = ["1", "2", "3", "4", "5", "6"]
    assert parted((20, under(0, *body)), (0, under(0, *numbers)))[0] == body


LINES = st.lists(st.sampled_from(["Total:", "12.50", "a few words here", "Name", "x"]), min_size=1, max_size=6)


@given(st.lists(st.tuples(st.integers(0, 40), LINES), min_size=1, max_size=5))
def test_every_line_is_kept_once_and_in_order(columns):
    blocks = parted(*((150.0 * k, under(y, *texts)) for k, (y, texts) in enumerate(columns)))
    assert [text for block in blocks for text in block] == [text for _, texts in columns for text in texts]

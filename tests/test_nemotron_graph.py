"""Slots to texts, links to lines and paragraphs: each against a plain version of what it is said to do."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.ocr.nemotron.graph import Choice, LinkScores, build_graph, chains, choose_lines, choose_words, line_scores
from loaders.ocr.nemotron.relational import Relations
from loaders.ocr.nemotron.slots import decode_texts, joint_confidences, split_words, text_confidences

seeds = st.integers(0, 2**32 - 1)
INF = math.inf


# -- slots -----------------------------------------------------------------------------------------------------------


def plain_text(row: list[int], charset: str) -> str:
    text = ""
    for token in row:
        if token == 1:
            break
        text += "" if token == 0 else "^" if token == 2 else charset[token - 3]
    return text


@given(st.lists(st.lists(st.integers(0, 8), min_size=6, max_size=6), max_size=5))
def test_slots_spell_until_their_end(rows: list[list[int]]) -> None:
    tokens = np.array(rows, np.int64).reshape(-1, 6)
    assert decode_texts(tokens, "abcdef") == [plain_text(row, "abcdef") for row in rows]


def test_slots_skip_end_and_show_the_unknown() -> None:
    tokens = np.array([[3, 0, 4, 2, 1, 5], [1, 3, 3, 3, 3, 3], [5, 5, 5, 5, 5, 5]])
    assert decode_texts(tokens, ["a", "b", "ß"]) == ["ab^", "", "ßßßßßß"]


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_texts_confidence_is_the_geometric_mean_of_its_tokens(seed: int) -> None:
    random = np.random.default_rng(seed)
    tokens, probabilities = random.integers(0, 5, (8, 7)), random.uniform(0.001, 1, (8, 7))
    found = text_confidences(tokens, np.log(probabilities).astype(np.float32))
    for row, values, confidence in zip(tokens.tolist(), probabilities, found, strict=True):
        end = row.index(1) if 1 in row else 7
        real = [value for token, value in zip(row[:end], values, strict=False) if token != 0]
        assert confidence == pytest.approx(math.prod(real) ** (1 / len(real)) if real else 1.0, rel=1e-4)


def test_confidences_join_as_their_harmonic_mean() -> None:
    joined = joint_confidences(np.array([0.9, 1, 0], np.float32), np.array([0.6, 1, 0.5], np.float32))
    np.testing.assert_allclose(joined, [2 / (1 / 0.9 + 1 / 0.6), 1, 2 / (1e8 + 2)], rtol=1e-5)


def test_a_line_is_cut_into_words_by_the_width_of_its_characters() -> None:
    quad = np.array([[0, 0], [100, 10], [100, 30], [0, 20]], np.float32)
    words, quads = split_words("ab cde 中x", quad)  # 10 columns: the ideograph takes two
    assert words == ["ab", "cde", "中x"]
    np.testing.assert_allclose(quads[0], [[0, 0], [20, 2], [20, 22], [0, 20]], atol=1e-4)
    np.testing.assert_allclose(quads[1][:2], [[30, 3], [60, 6]], atol=1e-4)
    np.testing.assert_allclose(quads[2][1:3], [[100, 10], [100, 30]], atol=1e-4)


def test_one_word_keeps_its_quad_and_no_text_has_none() -> None:
    quad = np.array([[0.1, 0.2], [9, 0], [9, 3], [0, 3]], np.float32)
    words, quads = split_words("alone", quad)
    assert words == ["alone"]
    np.testing.assert_array_equal(quads[0], quad)
    assert [len(part) for part in split_words("  ", quad)] == [0, 0]
    assert [len(part) for part in split_words("", quad)] == [0, 0]


# -- chains ----------------------------------------------------------------------------------------------------------


def choice(*targets: int, probabilities: list[float] | None = None) -> Choice:
    return Choice(np.array(targets), np.array(probabilities or [0.9] * len(targets), np.float32))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((1, 2, -1), [(0, 1, 2)]),
        ((-1, -1), [(0,), (1,)]),
        ((2, -1, -1, 1), [(3, 1), (0, 2)]),  # by the lowest node that follows another
        ((1, 0, -1), [(1, 0), (2,)]),  # a cycle ends in its lowest node
        ((1, 2, 0), [(1, 2, 0)]),
        ((0,), [(0,)]),
        ((2, 2, -1), [(0, 2), (1,)]),  # equals: the first chooser wins
    ],
)
def test_chains_follow_links(targets: tuple[int, ...], expected: list[tuple[int, ...]]) -> None:
    assert chains(choice(*targets)) == expected


def test_the_more_probable_chooser_wins() -> None:
    assert chains(choice(2, 2, -1, probabilities=[0.6, 0.8, 0.9])) == [(1, 2), (0,)]


@given(seeds, st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_every_node_is_in_one_chain_and_links_are_choices(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    made = Choice(random.integers(-1, count, count), random.uniform(0.5, 1, count).astype(np.float32))
    found = chains(made)
    assert sorted(node for chain in found for node in chain) == list(range(count))
    strongest: dict[int, int] = {}
    for node in sorted(range(count), key=lambda k: (-made.probability[k], k)):
        strongest.setdefault(int(made.target[node]), node)
    kept = {(node, target) for target, node in strongest.items() if target >= 0 and node != target}
    linked = {(a, b) for chain in found for a, b in itertools.pairwise(chain)}
    assert linked <= kept
    assert len(kept - linked) == cycles(kept)  # only a cycle loses a link, each one of them


def cycles(links: set[tuple[int, int]]) -> int:
    after, seen, count = dict(links), set(), 0
    for start in after:
        path: list[int] = []
        node: int | None = start
        while node is not None and node not in seen:
            seen.add(node)
            path.append(node)
            node = after.get(node)
        count += node in path
    return count


# -- choices ---------------------------------------------------------------------------------------------------------


def test_a_word_is_followed_by_what_has_half_of_the_probability() -> None:
    logits = torch.tensor([[0.0, -INF, 2.0], [3.0, 1.0, -INF], [-INF, -INF, -INF]][:2])
    found = choose_words(logits)
    assert found.target.tolist() == [1, -1]
    e = math.e
    np.testing.assert_allclose(found.probability, [e**2 / (1 + e**2), e**3 / (e**3 + e)], rtol=1e-5)
    assert choose_words(torch.zeros(0, 1)).target.tolist() == []
    odds = torch.tensor([[0.0, -INF, 0.01], [0.0, 0.01, -INF]])
    assert choose_words(odds).target.tolist() == [1, 0]
    assert choose_words(-odds.nan_to_num(neginf=INF)).target.tolist() == [-1, -1]


def random_relations(seed: int, count: int, near: int) -> Relations:
    """Finite for nothing and for up to `near` others per row, as the network's are."""
    random = np.random.default_rng(seed)
    dense = np.full((3, count, count + 1), -INF, np.float32)
    for row in range(count):
        others = random.permutation([k for k in range(count) if k != row])[:near]
        for column in (0, *(others + 1)):
            dense[:, row, column] = random.normal(0, [3, 3, 1])
    return Relations(*torch.from_numpy(dense))


def plain_line_logits(relations: Relations, lines: list[tuple[int, ...]], absent: float) -> np.ndarray:
    """Logits (L, L + 1) between lines, column 0 for nothing; itself is minus infinity, pairs without words `absent`."""
    logits, variances = relations.line_logits.double().numpy(), relations.line_log_variances.double().numpy()
    found = np.full((len(lines), len(lines) + 1), absent)
    for a, first in enumerate(lines):
        for b, columns in enumerate([(0,), *(tuple(word + 1 for word in line) for line in lines)]):
            pairs = [(i, j) for i in first for j in columns if logits[i, j] > -INF]
            weights = [math.exp(-variances[pair]) for pair in pairs]
            if pairs:
                total = sum(w * logits[pair] for w, pair in zip(weights, pairs, strict=True))
                found[a, b] = total / max(sum(weights), 1e-6)
        found[a, a + 1] = -INF
    return found


@given(seeds, st.integers(1, 12), st.integers(0, 4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_lines_choose_by_the_weighted_logits_of_their_words(seed: int, count: int, near: int, absent: bool) -> None:
    relations = random_relations(seed, count, near)
    lines = chains(choose_words(relations.word_logits))
    found = choose_lines(line_scores(relations), lines, absent_pairs=absent)
    logits = plain_line_logits(relations, lines, -INF if absent else 0.0)
    for line, row in enumerate(logits):
        best = [k for k in range(len(row)) if row[k] == row.max()]
        followers = [k - 1 for k in best if k > 0]
        assert found.target[line] == (followers[0] if followers else -1)
        assert found.probability[line] == pytest.approx(1 / np.exp(row - row.max()).sum(), rel=1e-4)


def test_lines_that_no_words_join_compete_only_when_asked_to() -> None:
    scores = LinkScores(np.arange(3), np.zeros(3, int), np.full(3, -1.0), np.zeros(3))  # all say: rather not nothing
    lines = [(0,), (1,), (2,)]
    assert choose_lines(scores, lines).target.tolist() == [-1, -1, -1]
    assert choose_lines(scores, lines, absent_pairs=False).target.tolist() == [1, 0, 0]


def test_an_uncertain_word_counts_less() -> None:
    """Words 0 and 1 are one line; 0 is sure that line 2 follows, 1 is nearly as sure of line 3 but vague."""
    relations = Relations(*(torch.full((4, 5), -INF) for _ in range(3)))
    for part in relations:
        part[:, 0] = 0
    relations.word_logits[0, 2] = 5
    relations.line_logits[0, 3], relations.line_logits[1, 3] = 4, -1
    relations.line_log_variances[0, 3], relations.line_log_variances[1, 3] = -2, 2
    found = build_graph(relations)
    assert found.lines == ((0, 1), (2,), (3,))
    assert found.paragraphs == ((0, 1), (2,))
    weight = math.exp(2), math.exp(-2)
    logit = (4 * weight[0] - weight[1]) / sum(weight)
    assert found.line[0] == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-5)


def test_paragraphs_come_in_the_order_of_their_first_words() -> None:
    """Regions 0 and 3 stand alone; 1 and 2 are lines of one paragraph, which the chains would put first."""
    relations = Relations(*(torch.full((4, 5), -INF) for _ in range(3)))
    for part in relations:
        part[:, 0] = 0
    relations.line_logits[1, 3], relations.line_log_variances[1, 3] = 6, 0
    assert build_graph(relations).paragraphs == ((0,), (1, 2), (3,))
    original = build_graph(relations, paragraph_order="original").paragraphs
    assert list(original) == list({(1, 2), (0,), (3,)})
    assert sorted(original) == [(0,), (1, 2), (3,)]


def test_a_page_without_regions_has_an_empty_graph() -> None:
    found = build_graph(Relations(*(torch.zeros(0, 1) for _ in range(3))))
    assert found.lines == found.paragraphs == ()

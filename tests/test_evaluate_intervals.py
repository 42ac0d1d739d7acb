"""Bootstrapped intervals: known limits, grouping, paired comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.intervals import compare, interval, ratio
from loaders.errors import UsageError

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(deadline=None)
@given(VALUES)
def test_the_interval_lies_within_the_values_and_around_the_mean(values: list[float]) -> None:
    found = interval(values, resamples=300)
    assert found.n == len(values) and found.mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert interval(values, resamples=300) == found, "seeded"


def test_the_interval_agrees_with_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = interval(values.tolist())
    half = 1.96 * values.std() / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_another_seed_gives_almost_the_same() -> None:
    values = np.random.default_rng(2).random(100).tolist()
    first, second = interval(values), interval(values, seed=7)
    assert first != second and first.low == pytest.approx(second.low, abs=0.01)


def test_one_value_and_no_value() -> None:
    assert interval([0.5]) == interval([0.5], groups=["g"])
    assert (interval([0.5]).low, interval([0.5]).high) == (0.5, 0.5)
    with pytest.raises(UsageError, match="at least one"):
        interval([])
    with pytest.raises(UsageError, match="2 values, but 1 groups"):
        interval([1, 2], groups=["a"])


def test_items_of_one_group_do_not_make_the_mean_surer() -> None:
    values = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    tenfold = [value for value in values for _ in range(10)]
    groups = [f"g{i}" for i in range(len(values)) for _ in range(10)]
    single, pretended, grouped = interval(values), interval(tenfold), interval(tenfold, groups=groups)
    assert (grouped.low, grouped.high) == pytest.approx((single.low, single.high), abs=0.02)
    assert pretended.high - pretended.low < 0.5 * (grouped.high - grouped.low)
    every_one_its_own = [str(i) for i in range(len(values))]
    assert interval(values, groups=every_one_its_own).low == pytest.approx(single.low, abs=0.02)


def test_one_group_alone_falls_back_to_its_items() -> None:
    values = [0.0, 1.0, 0.5, 0.25]
    assert interval(values, groups=["g"] * 4) == interval(values)


def test_groups_of_unequal_size_weigh_by_their_items() -> None:
    found = interval([1.0, 0.0, 0.0, 0.0], groups=["a", "b", "b", "b"])
    assert found.mean == 0.25 and (found.low, found.high) == (0.0, 1.0)


def test_paired_comparison() -> None:
    first = {f"i{n}": 0.5 + 0.01 * (n % 3) for n in range(50)}
    second = {key: value - 0.1 for key, value in first.items()}
    better = compare(first, second)
    assert better.real and better.difference.mean == pytest.approx(0.1)
    assert (better.first_higher, better.second_higher, better.ties) == (50, 0, 0)
    worse = compare(second, first)
    assert worse.real and worse.difference.high < 0
    same = compare(first, first)
    assert not same.real and same.ties == 50 and same.difference.mean == 0.0
    noise = dict(zip(first, np.random.default_rng(3).normal(0, 1, 50).tolist(), strict=True))
    flipped = {key: -value for key, value in noise.items()}
    assert not compare(noise, flipped).real


def test_only_common_items_are_compared() -> None:
    found = compare({"a": 1.0, "b": 0.0}, {"b": 1.0, "c": 5.0}, groups={"a": "g", "b": "g"})
    assert found.difference.n == 1 and found.difference.mean == -1.0
    with pytest.raises(UsageError, match="no common item"):
        compare({"a": 1.0}, {"b": 1.0})


def test_ratio() -> None:
    slow = {"a": 2.0, "b": 8.0, "c": 4.0}
    fast = {"a": 1.0, "b": 4.0, "c": 2.0, "d": 100.0}
    found = ratio(slow, fast)
    assert (found.mean, found.low, found.high, found.n) == (
        pytest.approx(2.0),
        pytest.approx(2.0),
        pytest.approx(2.0),
        3,
    )
    assert ratio(fast, slow).mean == pytest.approx(0.5)
    with pytest.raises(UsageError, match="above 0"):
        ratio({"a": 0.0}, {"a": 1.0})

"""How sure is a mean, and is a difference real: bootstrapped 95 % intervals, seeded.

Items of one group (pages of one book, questions about one company) are not independent: whole groups are drawn, so
that a pack of many items from few documents does not look surer than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.errors import UsageError

RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, its interval, and the number of values behind it."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two engines on the same items: mean difference (first - second) with its interval, and who won how often.

    `real` says that the interval leaves zero out.
    """

    difference: Interval
    first_higher: int
    second_higher: int
    ties: int

    @property
    def real(self) -> bool:
        return self.difference.low > 0 or self.difference.high < 0


def _resampled_means(
    values: npt.NDArray[np.float64], groups: Sequence[str] | None, resamples: int, seed: int
) -> npt.NDArray[np.float64]:
    """Return the means of `resamples` draws of whole groups, with replacement, as many as there are."""
    names = np.unique(groups, return_inverse=True)[1] if groups is not None else np.arange(len(values))
    if names.max() == 0:
        # One group only says nothing about other groups; its items are the best there is.
        names = np.arange(len(values))
    count = int(names.max()) + 1
    sums, sizes = np.bincount(names, values, count), np.bincount(names, minlength=count)
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return np.asarray(sums[draws].sum(axis=1) / sizes[draws].sum(axis=1))


def interval(
    values: Sequence[float], *, groups: Sequence[str] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Return the mean and its 95 % percentile-bootstrap interval; `groups` names the group of each value.

    Raises UsageError for no values.
    """
    if not len(values):
        raise UsageError("a mean needs at least one value")
    if groups is not None and len(groups) != len(values):
        raise UsageError(f"{len(values)} values, but {len(groups)} groups; give one group for each value")
    array = np.asarray(values, float)
    means = _resampled_means(array, groups, resamples, seed)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(array.mean()), float(low), float(high), len(array))


def ratio(
    first: Mapping[str, float], second: Mapping[str, float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Return how many times as large the first is (geometric mean of the paired ratios), with its 95 % interval.

    For times measured in turns on the same items (id -> seconds). Raises UsageError where they have no item in common
    or a value is not above 0.
    """
    pairs = [(first[identity], second[identity]) for identity in first if identity in second]
    if not pairs or min(min(pair) for pair in pairs) <= 0:
        raise UsageError("a ratio needs values above 0, of both, on at least one common item")
    found = interval([float(np.log(a / b)) for a, b in pairs], seed=seed, resamples=resamples)
    return Interval(float(np.exp(found.mean)), float(np.exp(found.low)), float(np.exp(found.high)), found.n)


def compare(
    first: Mapping[str, float],
    second: Mapping[str, float],
    *,
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two engines on the items both were measured on (id -> value), pair by pair.

    Raises UsageError where they have no item in common.
    """
    ids = [identity for identity in first if identity in second]
    if not ids:
        raise UsageError("nothing to compare: the two were measured on no common item")
    differences = [first[identity] - second[identity] for identity in ids]
    names = [groups[identity] for identity in ids] if groups is not None else None
    return Comparison(
        interval(differences, groups=names, seed=seed, resamples=resamples),
        sum(d > 0 for d in differences),
        sum(d < 0 for d in differences),
        sum(d == 0 for d in differences),
    )

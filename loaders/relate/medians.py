"""Weighted quantiles, of one group of values or of many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def weighted_median(values: Values, weights: Values, share: float = 0.5) -> float:
    """Return the value at which half (or another share) of the weight is reached; 0 for no values."""
    if not len(values):
        return 0.0
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(weights, float)[order])
    found = int(np.searchsorted(reached, share * reached[-1]))
    return float(np.float32(values[order[min(found, len(order) - 1)]]))


def median(values: Values) -> float:
    """Return the middle value, or the mean of the two; of few values numpy's own takes ten times as long."""
    ranked = np.sort(values)
    middle = len(ranked) // 2
    return float(ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2)


def weighted_quantiles(
    values: Values, weights: Values, starts: npt.NDArray[np.integer], share: float = 0.5
) -> npt.NDArray[np.float32]:
    """Return for each run of values the one at which a share of the run's weight is reached.

    `starts` are the first indices of the runs, ascending from 0; no run is empty.
    """
    opens = np.zeros(len(values), np.int64)
    opens[starts[1:]] = 1
    order = np.lexsort((values, np.cumsum(opens)))
    reached = np.cumsum(np.asarray(weights, float)[order])
    ends = np.append(starts[1:], len(values)) - 1
    before = np.append(0.0, reached[ends[:-1]])
    found = np.searchsorted(reached, before + share * (reached[ends] - before))
    return np.asarray(values[order][np.minimum(found, ends)], np.float32)

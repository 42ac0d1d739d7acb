"""Which way up a page is, from many of its lines at once: quads and a way to read them go in, a turn comes out.

First the shapes: on a page that lies on its side the lines stand. Then the readings: a line read the wrong way up makes
little sense to the recognizer, and says so. One line can be wrong about itself ("SOS", "96"), a dozen cannot; so no
line is ever turned upside down by itself, as RapidOCR's angle classifier does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from loaders.geometry import Array

TALL = 1.5
"""A quad this many times higher than wide stands."""
SAMPLE = 12
"""Lines that are read both ways, at most."""
WELL_READ = 0.9
"""Mean confidence of the sample from which there is no doubt: read upside down, pages reach 0.77; upright, 0.94."""
MARGIN, FEW = 0.08, 30
"""How much better a page must read turned, for the turn to be believed: MARGIN on long texts, more on short ones
("iv" reads well upside down), twice as much on one of FEW characters."""

Confidences = Callable[[Array], Sequence[tuple[int, float]]]
"""Quads (N, 4, 2), first corner the text's top left -> characters and mean confidence of each."""


def standing(quads: Array) -> np.ndarray:
    """Say of quads (N, 4, 2), as they stand in the image, which are TALL: bool (N,)."""
    return _across(quads, 3) >= TALL * _across(quads, 1)


def rolled(quads: Array, quarter_turns: int) -> Array:
    """Return quads whose first corner is the top left of their text once the image is turned clockwise that often."""
    return np.roll(quads, quarter_turns, axis=-2)


def choose_turn(quads: Array, confidences: Confidences) -> int:
    """Return the clockwise angle (0, 90, 180, 270) by which the image must be turned to be upright.

    `quads` (N, 4, 2) are ordered as they stand in the image. Without lines, or without evidence, the answer is 0.
    """
    tall = standing(quads)
    length = np.maximum(_across(quads, 1), _across(quads, 3))
    long = length >= 2 * np.minimum(_across(quads, 1), _across(quads, 3))
    share = float(length[tall & long].sum() / max(length[long].sum(), 1e-6))
    if share > 0.5:
        return _sideways(quads, tall & long, ~tall & long, share, confidences)
    lying = sample(quads, ~tall)
    if not len(lying):
        return 0
    as_is = _score(upright := confidences(lying))
    if as_is >= WELL_READ:
        return 0
    over = confidences(rolled(lying, 2))
    return 180 if _score(over) > as_is + _margin(upright, over) else 0


def _sideways(quads: Array, tall: np.ndarray, lying: np.ndarray, share: float, confidences: Confidences) -> int:
    """Return the turn of an image most of whose text stands: 0 where it is better read lying all the same."""
    upward, downward = (confidences(rolled(sample(quads, tall), turns)) for turns in (1, 3))
    flat = _score(confidences(sample(quads, lying))) if lying.any() else 0.0
    best = max(_score(upward), _score(downward))
    if best * share <= flat * (1 - share) + _margin(upward, downward):
        return 0
    return 90 if _score(upward) >= _score(downward) else 270


def sample(quads: Array, chosen: np.ndarray) -> Array:
    """Return at most SAMPLE of the chosen quads, of middling length, spread over the page."""
    length = np.maximum(_across(quads, 1), _across(quads, 3)) / np.maximum(
        np.minimum(_across(quads, 1), _across(quads, 3)), 1.0
    )
    rows = np.flatnonzero(chosen)
    telling = rows[(length[rows] >= 4) & (length[rows] <= 16)]
    if len(telling) < SAMPLE:  # short words say less and long lines cost more, but better those than none
        rest = rows[~np.isin(rows, telling)]
        telling = np.sort(
            np.concatenate([telling, rest[np.argsort(-np.minimum(length[rest], 4), kind="stable")]])[:SAMPLE]
        )
    spread = np.linspace(0, len(telling) - 1, min(SAMPLE, len(telling))).round().astype(int)
    return np.asarray(quads[telling[spread]], np.float32)


def _margin(*readings: Sequence[tuple[int, float]]) -> float:
    """Return how much better a turned page must read, given what was read both ways."""
    characters = max(sum(count for count, _ in reading) for reading in readings)
    return MARGIN * (1 + FEW / max(characters, 1))


def _score(readings: Sequence[tuple[int, float]]) -> float:
    """Return the mean confidence over all characters read."""
    total = sum(count for count, _ in readings)
    return sum(count * confidence for count, confidence in readings) / total if total else 0.0


def _across(quads: Array, corner: int) -> Array:
    """Return the distance of a corner from the first: 1 for the width, 3 for the height."""
    return np.asarray(np.linalg.norm(quads[:, corner] - quads[:, 0], axis=-1), np.float32)

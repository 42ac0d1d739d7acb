"""Boxes found against boxes annotated: one-to-one matches at a given overlap. One frame for both, (x0, y0, x1, y1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.geometry import XYXY

IOU_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class BoxMatch:
    """Pairs of (truth index, predicted index), and how many there were of each."""

    pairs: tuple[tuple[int, int], ...]
    n_truth: int
    n_predicted: int

    @property
    def precision(self) -> float:
        """Share of predicted boxes that are right; 0 where none were predicted although there were some, else 1."""
        return len(self.pairs) / self.n_predicted if self.n_predicted else float(not self.n_truth)

    @property
    def recall(self) -> float:
        """Share of true boxes that were found; 1 where there are none."""
        return len(self.pairs) / self.n_truth if self.n_truth else 1.0


def overlaps(a: Sequence[XYXY], b: Sequence[XYXY]) -> npt.NDArray[np.float64]:
    """Return intersection over union of every pair, float64 (len(a), len(b)); boxes without area overlap nothing."""
    first, second = np.asarray(a, float).reshape(-1, 1, 4), np.asarray(b, float).reshape(1, -1, 4)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    area_a = np.prod(np.clip(first[..., 2:] - first[..., :2], 0, None), axis=-1)
    area_b = np.prod(np.clip(second[..., 2:] - second[..., :2], 0, None), axis=-1)
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def match_boxes(truth: Sequence[XYXY], predicted: Sequence[XYXY], threshold: float = IOU_THRESHOLD) -> BoxMatch:
    """Match boxes one to one, the best overlap first (greedy, as PASCAL VOC and COCO do), at or above the threshold.

    At 0.5 a greedy matching can differ from the largest one only where boxes of one side overlap each other.
    """
    pairs: list[tuple[int, int]] = []
    if truth and predicted:
        iou = overlaps(truth, predicted)
        rows, cols = np.nonzero(iou >= threshold)
        free_truth, free_predicted = set(range(len(truth))), set(range(len(predicted)))
        for i in np.argsort(-iou[rows, cols], kind="stable"):
            row, col = int(rows[i]), int(cols[i])
            if row in free_truth and col in free_predicted:
                free_truth.remove(row)
                free_predicted.remove(col)
                pairs.append((row, col))
    return BoxMatch(tuple(sorted(pairs)), len(truth), len(predicted))

"""Supervision: the words, lines or paragraphs of a page as Detections, whose class names are their texts.

A page comes in; boxes go out in the page's own frame (points of a PDF, pixels of an image) unless a resolution is
asked for, then in pixels of the page rasterized at it, ready to be drawn over it. Needs the package supervision only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from loaders.document import Page
from loaders.errors import MissingExtra
from loaders.geometry import boxes_from_quads
from loaders.ocr.levels import Level, Region, page_regions

if TYPE_CHECKING:
    from supervision import Detections


def to_detections(page: Page, level: Level = "word", *, dpi: float | None = None) -> Detections:
    """Return a page's words, lines ("sentence") or paragraphs as supervision Detections, in reading order.

    Without `dpi` in the page's frame; with it in pixels at that resolution, as `Box.to_pixels` (an image's own pixels
    stay). Columns as in `detections_of`, and data["xyxyxyxy"], float32 (N, 4, 2), the corners, as supervision's
    annotators of oriented boxes want them. Words that were dropped are left out. Raises UsageError for another level,
    MissingExtra without the package.
    """
    regions = page_regions(page, level)
    scale = 1.0 if dpi is None else page.frame.scale_at(dpi)
    detections = detections_of(regions, scale)
    detections["xyxyxyxy"] = np.array([region.quad for region in regions], np.float32).reshape(-1, 4, 2) * scale
    return detections


def detections_of(regions: Sequence[Region], scale: float = 1.0) -> Detections:
    """Return regions as Detections, their boxes multiplied by `scale`.

    xyxy float64 (N, 4), upright boxes around the quads; confidence float64 (N,), 0-1; class_id int64 (N,), all 0;
    data["class_name"], the N texts. Raises MissingExtra without the package.
    """
    try:
        from supervision import Detections
    except ModuleNotFoundError:
        raise MissingExtra("supervision", "supervision") from None

    boxes = boxes_from_quads([region.quad for region in regions]).astype(np.float64)
    return Detections(
        xyxy=boxes * scale,
        confidence=np.array([region.confidence for region in regions], np.float64),
        class_id=np.zeros(len(regions), np.int64),
        data={"class_name": np.array([region.text for region in regions], np.str_)},
    )

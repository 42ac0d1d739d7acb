"""Pages as supervision Detections: any page, every level, in its own frame or in pixels."""

from __future__ import annotations

import numpy as np
import pytest
from pages import Sheet, prose, two_columns

pytest.importorskip("supervision", reason="the extra [supervision] is not installed")

from loaders.detections import to_detections
from loaders.document import Page, Words
from loaders.errors import UsageError
from loaders.geometry import Frame
from loaders.ocr.levels import page_regions


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    return two_columns()


@pytest.mark.parametrize("level", ["word", "sentence", "paragraph"])
def test_every_level_comes_in_reading_order(sheet: Sheet, level: str) -> None:
    page = sheet.page()
    found = page.detections(level)  # type: ignore[arg-type]
    regions = page_regions(page, level)  # type: ignore[arg-type]
    assert found.data["class_name"].tolist() == [region.text for region in regions]
    assert " ".join(found.data["class_name"]).split() == list(sheet.texts)
    assert (
        len(found)
        == {
            "word": len(sheet.texts),
            "sentence": sum(len(block.lines) for block in sheet.blocks),
            "paragraph": len(sheet.blocks),
        }[level]
    )


def test_columns_are_supervisions_own(sheet: Sheet) -> None:
    found = to_detections(sheet.page())
    count = len(sheet.texts)
    assert (found.xyxy.dtype, found.xyxy.shape) == (np.float64, (count, 4))
    assert (found.confidence.dtype, found.class_id.dtype) == (np.float64, np.int64)
    assert found.data["xyxyxyxy"].shape == (count, 4, 2)
    assert (found.confidence == 1).all()
    half = found[found.xyxy[:, 0] < 290]
    assert 0 < len(half) < count
    assert len(half.data["class_name"]) == len(half)


def test_boxes_are_in_the_pages_frame_unless_a_resolution_is_asked_for(sheet: Sheet) -> None:
    page = sheet.page()
    points, pixels = page.detections(), page.detections(dpi=144)
    assert np.allclose(sorted(map(tuple, points.xyxy)), sorted(sheet.boxes), atol=1e-3)
    assert np.allclose(pixels.xyxy, 2 * points.xyxy)
    assert np.allclose(pixels.data["xyxyxyxy"], 2 * points.data["xyxyxyxy"])
    assert np.allclose(points.xyxy[0], page.frame.at(points.xyxy[0]).xyxy)
    assert np.allclose(pixels.xyxy[0], page.frame.at(points.xyxy[0]).to_pixels(144))


def test_an_images_own_pixels_stay() -> None:
    words = Words.of([[[2, 3], [30, 3], [30, 12], [2, 12]]], ["one"], [0.75])
    page = Page(1, "1", Frame(60, 40, "px"), words)
    assert len(page.detections()) == 0  # a page without lines was not related, or everything on it was dropped
    from loaders.document import Line

    page = Page(1, "1", Frame(60, 40, "px"), words, lines=(Line((0,), Frame(60, 40, "px").at((2, 3, 30, 12))),))
    found = page.detections(dpi=300)
    assert found.xyxy.tolist() == [[2, 3, 30, 12]]
    assert found.confidence.tolist() == [0.75]


def test_a_leaning_word_has_its_corners() -> None:
    sheet = Sheet()
    sheet.block(prose(3, 20), 100, 100, 200, align="left")
    words = sheet.words(skew=8)
    from loaders.relate import relate

    structure = relate(words, sheet.frame)
    page = Page(1, "1", sheet.frame, words, structure.lines, structure.blocks)
    found = page.detections()
    corners = found.data["xyxyxyxy"]
    assert np.allclose(corners.min(axis=1), found.xyxy[:, :2], atol=1e-3)
    assert np.allclose(corners.max(axis=1), found.xyxy[:, 2:], atol=1e-3)
    lean = corners[:, 1] - corners[:, 0]
    assert np.allclose(np.degrees(np.arctan2(-lean[:, 1], lean[:, 0])), 8, atol=0.5) or np.allclose(
        np.degrees(np.arctan2(lean[:, 1], lean[:, 0])), 8, atol=0.5
    )


def test_an_empty_page_is_no_detections() -> None:
    found = Page(1, "1", Frame(9, 9), Words.none()).detections("paragraph")
    assert (len(found), found.xyxy.shape, found.data["xyxyxyxy"].shape) == (0, (0, 4), (0, 4, 2))


def test_another_level_is_told(sheet: Sheet) -> None:
    with pytest.raises(UsageError, match="level 'page'; choose one of word, sentence, paragraph"):
        sheet.page().detections("page")  # type: ignore[arg-type]

"""Boxes keep their place through every conversion and back, and through a real PDF page."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.geometry import Box, Frame, boxes_from_quads, quads_from_boxes, turn_quads, union

TURNS = (0, 90, 180, 270)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Displayed pages of any rotation, crop and UserUnit, and images."""
    if draw(st.booleans()):
        return Frame(draw(st.integers(1, 5000)), draw(st.integers(1, 5000)), "px")
    left, bottom = draw(st.floats(-500, 500)), draw(st.floats(-500, 500))
    width, height = draw(st.floats(1, 3000)), draw(st.floats(1, 3000))
    rotation, unit = draw(st.sampled_from(TURNS)), draw(st.sampled_from((1.0, 2.0, 0.5)))
    sides = (width * unit, height * unit)
    shown = sides[::-1] if rotation % 180 else sides
    return Frame(*shown, "pt", rotation, (left, bottom, left + width, bottom + height))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    frame = draw(frames())
    x0, x1 = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    y0, y1 = sorted(draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    return Box(x0 * frame.width, y0 * frame.height, x1 * frame.width, y1 * frame.height, frame)


def assert_same(one: Box, other: Box) -> None:
    assert one.frame == other.frame
    assert one.xyxy == pytest.approx(other.xyxy, abs=1e-6 * max(one.frame.width, one.frame.height, 1000))


@given(boxes())
def test_unit_and_back(box: Box) -> None:
    assert_same(Box.from_unit(box.to_unit(), box.frame), box)
    assert all(-1e-9 <= side <= 1 + 1e-9 for side in box.to_unit())


@given(boxes(), st.floats(36, 1200))
def test_pixels_and_back(box: Box, dpi: float) -> None:
    assert_same(Box.from_pixels(box.to_pixels(dpi), box.frame, dpi), box)


@given(boxes())
def test_docling_and_back(box: Box) -> None:
    bbox = box.to_docling()
    assert_same(Box.from_docling(bbox, box.frame), box)
    assert bbox["t"] >= bbox["b"]


def test_docling_with_its_other_origin() -> None:
    frame = Frame(100, 200)
    topleft = {"l": 10, "t": 20, "r": 30, "b": 50, "coord_origin": "TOPLEFT"}
    assert Box.from_docling(topleft, frame) == Box(10, 20, 30, 50, frame)


@given(boxes())
def test_pdf_annotation_and_back(box: Box) -> None:
    rectangle = box.to_pdf_annotation()
    assert_same(Box.from_pdf_annotation(rectangle, box.frame), box)
    assert rectangle[0] <= rectangle[2]
    assert rectangle[1] <= rectangle[3]


@given(boxes())
def test_pdf_annotation_stays_in_the_crop(box: Box) -> None:
    if box.frame.crop is not None:
        left, bottom, right, top = box.frame.crop
        x0, y0, x1, y1 = box.to_pdf_annotation()
        assert left - 1e-3 <= x0 <= x1 <= right + 1e-3
        assert bottom - 1e-3 <= y0 <= y1 <= top + 1e-3


@pytest.mark.parametrize("user_unit", [1, 2])
@pytest.mark.parametrize("crop", [None, (50, 100, 350, 580)])
@pytest.mark.parametrize("rotation", TURNS)
def test_an_annotation_shows_where_the_box_is(
    rotation: int, crop: tuple[int, int, int, int] | None, user_unit: int
) -> None:
    """A filled square written with our numbers is painted, by MuPDF, at the displayed box."""
    left, bottom, right, top = crop or (0, 0, 400, 600)
    sides = ((right - left) * user_unit, (top - bottom) * user_unit)
    frame = Frame(*(sides[::-1] if rotation % 180 else sides), "pt", rotation, (left, bottom, right, top))
    box = Box(30 * user_unit, 60 * user_unit, 130 * user_unit, 90 * user_unit, frame)
    pdf = pymupdf.open()
    page = pdf.new_page(width=400, height=600)
    if crop:
        pdf.xref_set_key(page.xref, "CropBox", f"[{left} {bottom} {right} {top}]")
    pdf.xref_set_key(page.xref, "Rotate", str(rotation))
    pdf.xref_set_key(page.xref, "UserUnit", str(user_unit))
    square = pdf.get_new_xref()
    rectangle = " ".join(f"{side:.3f}" for side in box.to_pdf_annotation())
    pdf.update_object(square, f"<</Type/Annot/Subtype/Square/Rect[{rectangle}]/IC[1 0 0]/C[1 0 0]/BS<</W 0>>/F 4>>")
    pdf.xref_set_key(page.xref, "Annots", f"[{square} 0 R]")
    shown = pymupdf.open("pdf", pdf.tobytes())[0].get_pixmap(dpi=72)
    pixels = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width, 3)
    assert (shown.width, shown.height) == (frame.width, frame.height)
    rows, columns = np.nonzero((pixels[:, :, 0] > 200) & (pixels[:, :, 1] < 60))
    painted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert painted == pytest.approx(box.xyxy, abs=1.5)


@given(boxes(), st.integers(-4, 4))
def test_four_turns_are_none(box: Box, turns: int) -> None:
    quad = quads_from_boxes([box.xyxy])
    sides = (box.frame.width, box.frame.height)
    turned = turn_quads(quad, turns, *sides)
    back = turn_quads(turned, -turns, *(sides[::-1] if turns % 2 else sides))
    assert np.allclose(back, quad, atol=1e-2)


@pytest.mark.parametrize(
    ("turns", "first_corner"), [(0, (10, 20)), (1, (180, 10)), (2, (90, 180)), (3, (20, 90))]
)  # fmt: skip
def test_a_turn_carries_the_first_corner_along(turns: int, first_corner: tuple[int, int]) -> None:
    """A page of 100 x 200, turned clockwise: the text's top left corner goes where the page takes it."""
    turned = turn_quads(quads_from_boxes([(10, 20, 60, 40)]), turns, 100, 200)
    assert tuple(turned[0, 0]) == first_corner


def test_quads_and_boxes_are_inverse() -> None:
    rows = np.array([(1, 2, 3, 4), (5, 6, 9, 8)], np.float32)
    assert (boxes_from_quads(quads_from_boxes(rows)) == rows).all()


def test_algebra_of_boxes() -> None:
    frame = Frame(100, 100)
    one, other = Box(0, 0, 10, 10, frame), Box(5, 0, 15, 10, frame)
    assert one.overlap(other) == 50
    assert one.iou(other) == pytest.approx(1 / 3)
    assert one.union(other) == union([one, other]) == Box(0, 0, 15, 10, frame)
    assert one.grown(5) == Box(0, 0, 15, 15, frame)
    assert one.holds(10, 10)
    assert not one.holds(10.1, 5)
    with pytest.raises(ValueError, match="at least one"):
        union([])

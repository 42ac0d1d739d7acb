"""A page put into the cache comes out the same; damage is a miss; spans answer with boxes."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from loaders.cache import Cache
from loaders.document import Block, Cell, Dropped, Line, Links, Page, Relations, Table, Words
from loaders.errors import StoreError
from loaders.geometry import Box, Frame, quads_from_boxes

FRAME = Frame(595.0, 842.0, "pt", 90, (10.0, 20.0, 852.0, 615.0))


def page_of_two_lines() -> Page:
    boxes = [[10, 10, 40, 20], [45, 10, 80, 20], [10, 30, 60, 40], [300, 300, 350, 310]]
    words = Words.of(
        quads_from_boxes(boxes), ["Grüße", "from", "日本", "stray"], [0.9, 0.8, 1.0, 0.2], ocr=[True, True, False, True]
    )
    lines = (Line((0, 1), Box(10, 10, 80, 20, FRAME)), Line((2,), Box(10, 30, 60, 40, FRAME)))
    cell = Cell(0, 0, (2,), "日本", lines[1].box, 1, 2, True)
    return Page(
        number=3,
        label="iii",
        frame=FRAME,
        words=words,
        lines=lines,
        blocks=(Block("title", (0,), lines[0].box, 2), Block("table", (1,), lines[1].box, table=0)),
        tables=(Table(lines[1].box, 1, 2, (cell,), 1),),
        relations=Relations(Links.chained([(0, 1)], 3), Links.chained([], 2), Links.chained([(0, 1)], 2)),
        dropped=(Dropped((3,), "low_confidence"),),
        rulings=np.array([[1, 2, 3, 2]], np.float32),
        figures=(Box(300, 300, 400, 400, FRAME),),
        ocr=True,
        engine="ppocr",
        turn=90,
        key=Cache.key("page", "reading"),
        source="a.pdf",
    )


def assert_same(left: object, right: object) -> None:
    """Compare dataclasses field by field, arrays by value."""
    assert type(left) is type(right)
    if isinstance(left, np.ndarray):
        assert left.dtype == right.dtype  # type: ignore[attr-defined]
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, Page | Words | Relations | Links):
        for field in fields(left):
            assert_same(getattr(left, field.name), getattr(right, field.name))
    else:
        assert left == right


@pytest.mark.parametrize(
    "page", [page_of_two_lines(), Page(3, "iii", FRAME, Words.none(), key="0" * 64, source="a.pdf")]
)
def test_what_goes_in_comes_out(tmp_path: Path, page: Page) -> None:
    cache = Cache(tmp_path)
    assert page.key not in cache
    cache.put(page)
    assert page.key in cache
    assert_same(cache.get(page.key, number=3, label="iii", source="a.pdf"), page)


def test_a_page_is_placed_in_the_document_that_asks(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(page_of_two_lines())
    moved = cache.get(page_of_two_lines().key, number=7, label="7", source="b.pdf")
    assert moved is not None
    assert (moved.number, moved.label, moved.source) == (7, "7", "b.pdf")


def test_another_page_or_reading_is_another_key() -> None:
    keys = {Cache.key(page, reading) for page in ("p", "q") for reading in ("r", "s")}
    assert len(keys) == 4


def test_a_damaged_file_is_a_miss_and_is_replaced(tmp_path: Path) -> None:
    cache, page = Cache(tmp_path), page_of_two_lines()
    cache.put(page)
    (stored,) = tmp_path.rglob("*.parquet")
    stored.write_bytes(stored.read_bytes()[:40])
    assert cache.get(page.key, number=3, label="iii", source="a.pdf") is None
    cache.put(page)
    assert cache.get(page.key, number=3, label="iii", source="a.pdf") is not None


def test_no_drafts_are_left_behind(tmp_path: Path) -> None:
    Cache(tmp_path).put(page_of_two_lines())
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".parquet"]


def test_memory_filesystem_serves_as_well() -> None:
    cache, page = Cache("memory://cache-test"), page_of_two_lines()
    cache.put(page)
    assert_same(cache.get(page.key, number=3, label="iii", source="a.pdf"), replace(page))


def test_an_unknown_document_says_how_to_mend(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="add the document first"):
        Cache(tmp_path).boxes_for("d" * 64, 0, 10, config_id="c")
    with pytest.raises(StoreError, match="pass config_id"):
        Cache(tmp_path).boxes_for("d" * 64, 0, 10)

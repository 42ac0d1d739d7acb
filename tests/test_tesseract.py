"""Tesseract: its table becomes words and relations; the program itself, where it is, reads printed pages."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from printed import Printed, overlaps, paragraph, printed

from loaders.document import PageImage
from loaders.errors import EngineError, EngineNotReady, MissingExtra, UsageError
from loaders.geometry import turn_quads
from loaders.ocr import tesseract
from loaders.ocr.tesseract import Tesseract, open_engine, page_text

KEYS = ("level", "block_num", "par_num", "line_num", "left", "top", "width", "height", "conf", "text")


def table(*rows: tuple[object, ...]) -> dict[str, list[object]]:
    """Return rows as image_to_data gives them."""
    return {key: [row[i] for row in rows] for i, key in enumerate(KEYS)}


@pytest.fixture(scope="module")
def engine() -> Tesseract:
    pytest.importorskip("pytesseract", reason="the extra [tesseract] is not installed")
    if shutil.which("tesseract") is None:
        pytest.skip("no tesseract program; apt-get install tesseract-ocr")
    return open_engine()


@pytest.fixture(scope="module")
def page() -> Printed:
    return paragraph(30, width=800)


def test_levels_become_words_lines_paragraphs_and_their_order():
    text = page_text(
        table(
            (1, 0, 0, 0, 0, 0, 600, 400, "-1", ""),
            (5, 1, 1, 1, 10, 10, 40, 20, "96.5", "First"),
            (5, 1, 1, 1, 60, 10, 40, 20, "90", "line"),
            (5, 1, 1, 2, 10, 40, 60, 20, "80", "second"),
            (5, 1, 2, 1, 10, 90, 60, 20, "70", "other"),
            (5, 2, 1, 1, 10, 200, 5, 20, "95", " "),
            (5, 3, 1, 1, 300, 10, 60, 20, "-1", "beside"),
        )
    )
    assert text.words.texts == ("First", "line", "second", "other", "beside")
    assert text.words.confidences.tolist() == pytest.approx([0.965, 0.9, 0.8, 0.7, 0.0])
    assert text.words.boxes[1].tolist() == [60, 10, 100, 30]
    assert text.relations is not None and text.relations.line is not None and text.relations.block is not None
    assert text.relations.word.target.tolist() == [1, -1, -1, -1, -1]
    assert text.relations.line.target.tolist() == [1, -1, -1, -1]
    assert text.relations.block.target.tolist() == [1, 2, -1]
    assert text.turn == 0


def test_words_of_a_line_share_the_size_their_letters_tell():
    text = page_text(table((5, 1, 1, 1, 10, 15, 40, 49, "90", "axe"), (5, 1, 1, 1, 60, 0, 40, 93, "90", "Apples")))
    assert text.words.sizes.tolist() == pytest.approx([100, 100])


def test_words_below_each_other_run_downward():
    rows = [(5, 1, 1, 1, 100, 10 + 50 * i, 20, 40, "90", word) for i, word in enumerate(("run", "down", "here"))]
    text = page_text(table(*rows))
    assert text.turn == 270
    assert text.words.quads[0].tolist() == [[120, 10], [120, 50], [100, 50], [100, 10]]
    assert page_text(table(*rows), turned=False).turn == 0


def test_an_empty_table_is_an_empty_page():
    text = page_text(table((1, 0, 0, 0, 0, 0, 600, 400, "-1", "")))
    assert len(text.words) == 0
    assert text.relations is not None and len(text.relations.word.target) == 0


def test_a_printed_page_is_read_exactly(engine: Tesseract, page: Printed):
    (text,) = engine.read([page.image])
    assert text.words.texts == page.texts
    assert (overlaps(text, page.texts, page.boxes) >= 0.4).mean() >= 0.95
    assert np.median(text.words.sizes) == pytest.approx(30, rel=0.12)


@pytest.mark.parametrize(("laid", "turn"), [(1, 90), (2, 180), (3, 270)])
def test_a_turned_page_reads_like_an_upright_one(engine: Tesseract, page: Printed, laid: int, turn: int):
    (text,) = engine.read([page.turned(laid)])
    assert text.turn == turn
    assert text.words.texts == page.texts
    height, width = page.pixels.shape[1::-1] if laid % 2 else page.pixels.shape[:2]
    back = turn_quads(text.words.quads, laid, width, height)
    assert (back[:, 0] < back[:, 2]).all()  # first corner top left, third bottom right, on the upright page


def test_turning_can_be_left_off(engine: Tesseract, page: Printed):
    (text,) = open_engine(turn="off").read([page.turned(2)])
    assert text.turn == 0
    assert text.words.texts != page.texts


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 400), (200, 300)])
def test_where_there_is_nothing_there_are_no_words(engine: Tesseract, size: tuple[int, int]):
    (text,) = engine.read([PageImage.of(np.full((*size, 3), 255, np.uint8))])
    assert len(text.words) == 0


def test_an_image_it_cannot_take_is_an_error(engine: Tesseract):
    with pytest.raises(EngineError, match="image 0"):
        engine.read([PageImage.of(np.full((2, 40_000, 3), 255, np.uint8))])


def test_a_deadline_is_an_error(engine: Tesseract, page: Printed):
    with pytest.raises(EngineError, match="timeout"):
        open_engine(timeout=0.01).read([page.image])


def test_threads_are_set_for_the_program_only(engine: Tesseract, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    engine.read([printed([(10, 10, "word")]).image])
    assert "OMP_THREAD_LIMIT" not in os.environ


def test_digest_follows_what_changes_words(engine: Tesseract):
    assert open_engine(threads=2, timeout=60).digest == engine.digest
    assert open_engine(psm=6).digest != engine.digest


def test_languages_that_are_not_there_are_named(engine: Tesseract):
    with pytest.raises(EngineNotReady, match="apt-get install tesseract-ocr-xyz"):
        open_engine(languages="eng+xyz")


def test_without_the_program_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    pytesseract = pytest.importorskip("pytesseract", reason="the extra [tesseract] is not installed")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "no-such-program")
    with pytest.raises(EngineNotReady, match="apt-get install tesseract-ocr"):
        tesseract.check()


def test_without_the_package_it_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pytesseract", None)
    with pytest.raises(MissingExtra, match=r"ocr-ingest\[tesseract\]"):
        open_engine()


@pytest.mark.parametrize(
    "option", [{"languages": "eng; rm"}, {"psm": 0}, {"threads": 0}, {"timeout": -1.0}, {"turn": "x"}, {"fast": True}]
)
def test_wrong_options_are_told(option: dict[str, object]):
    with pytest.raises(UsageError, match=next(iter(option))):
        open_engine(**option)

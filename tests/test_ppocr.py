"""The default engine on printed pages: every word, its box, whichever way up; and what is not there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from printed import PARAGRAPH, Printed, overlaps, paragraph, printed

from loaders.document import PageImage
from loaders.errors import EngineError, EngineNotReady, ModelFileError, UsageError
from loaders.geometry import turn_quads
from loaders.ocr import ppocr, ppocr_models
from loaders.ocr.ppocr import PPOcr, open_engine


@pytest.fixture(scope="module")
def engine() -> PPOcr:
    return open_engine()


@pytest.fixture(scope="module")
def page() -> Printed:
    return paragraph()


def blank(height: int, width: int, grey: int = 255) -> PageImage:
    return PageImage.of(np.full((height, width, 3), grey, np.uint8))


def test_words_are_read_exactly_with_boxes_around_them(engine: PPOcr, page: Printed):
    (text,) = engine.read([page.image])
    assert text.words.texts == page.texts
    found = overlaps(text, page.texts, page.boxes)
    assert (found >= 0.5).mean() >= 0.95
    assert found.mean() >= 0.75
    assert text.turn == 0
    assert text.words.confidences.min() > 0.8
    assert not text.words.joined.any()
    assert text.words.ocr.all()


def test_type_size_is_the_one_it_was_printed_in(engine: PPOcr):
    for size in (16, 36):
        (text,) = engine.read([paragraph(size, PARAGRAPH[:3], 1000).image])
        assert np.median(text.words.sizes) == pytest.approx(size, rel=0.12)


@pytest.mark.parametrize(("laid", "turn"), [(1, 90), (2, 180), (3, 270)])
def test_a_turned_page_reads_like_an_upright_one(engine: PPOcr, page: Printed, laid: int, turn: int):
    upright, turned = engine.read([page.image, page.turned(laid)])
    assert turned.turn == turn
    assert turned.words.texts == upright.words.texts
    height, width = page.pixels.shape[:2]
    assert turned.words.quads == pytest.approx(turn_quads(upright.words.quads, -laid, width, height), abs=0.01)


def test_one_line_upside_down_turns_no_page(engine: PPOcr):
    page = paragraph()
    pixels = page.pixels.copy()
    pixels[25:60] = pixels[25:60][::-1, ::-1]
    (text,) = engine.read([PageImage.of(pixels)])
    assert text.turn == 0
    assert set(page.texts[8:]) <= set(text.words.texts)


@pytest.mark.parametrize("degrees", [-8, 4])
def test_a_skewed_page_is_read_and_its_quads_lean(engine: PPOcr, degrees: float):
    page = paragraph(lines=PARAGRAPH[:4])
    image = Image.fromarray(page.pixels).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    (text,) = engine.read([PageImage.of(np.array(image))])
    assert sorted(text.words.texts) == sorted(page.texts)
    across = text.words.quads[:, 1] - text.words.quads[:, 0]
    assert np.degrees(np.arctan2(across[:, 1], across[:, 0])) == pytest.approx(-degrees, abs=2)


def test_order_runs_across_columns_and_links_stay_in_a_line(engine: PPOcr):
    page = printed([(30, 30, "left one"), (400, 30, "right one"), (30, 80, "left two"), (400, 80, "right two")])
    (text,) = engine.read([page.image])
    assert " ".join(text.words.texts) == "left one right one left two right two"
    assert text.relations is not None
    assert text.relations.word.target.tolist() == [1, -1, 3, -1, 5, -1, 7, -1]


def test_a_line_on_its_side_is_read_on_an_upright_page(engine: PPOcr):
    label = Image.fromarray(printed([(20, 10, "Thousands of tons")], width=260, height=44).pixels).rotate(
        90, expand=True
    )
    page = paragraph()
    pixels = np.full((page.pixels.shape[0], page.pixels.shape[1] + 60, 3), 255, np.uint8)
    pixels[:, 60:] = page.pixels
    pixels[5 : 5 + label.height, 5 : 5 + label.width] = np.array(label)
    (text,) = engine.read([PageImage.of(pixels)])
    assert text.turn == 0
    assert sorted(text.words.texts) == sorted((*page.texts, "Thousands", "of", "tons"))
    first = text.words.quads[text.words.texts.index("Thousands")]
    assert first[1, 1] < first[0, 1]  # it runs upward, and its first corner is the bottom left of the image of it


def test_a_single_narrow_character_stands_upright(engine: PPOcr):
    page = printed([(60, 60, "1"), (200, 60, "I"), (340, 60, "7"), (60, 140, "Sum of the parts")], 32)
    (text,) = engine.read([page.image])
    assert set(page.texts) - {"I"} <= set(text.words.texts)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 400), (300, 5), (64, 64), (500, 400)])
@pytest.mark.parametrize("grey", [0, 255])
def test_where_there_is_nothing_there_are_no_words(engine: PPOcr, size: tuple[int, int], grey: int):
    (text,) = engine.read([blank(*size, grey)])
    assert len(text.words) == 0 and text.turn == 0
    assert text.relations is not None and len(text.relations.word.target) == 0


def test_a_crowded_strip_is_read_in_tiles(engine: PPOcr):
    lines = [(30 + 420 * (i % 8), 40 + 60 * (i // 8), f"Entry number {100 + i}") for i in range(24)]
    page = printed(lines, 30, 3400, 230)
    (text,) = engine.read([page.image])
    assert sorted(text.words.texts) == sorted(page.texts)


def test_a_picture_of_a_single_line_is_read(engine: PPOcr):
    page = printed([(6, 4, "Total due: 1,204.50")], 20, 210, 28)
    (text,) = engine.read([page.image])
    assert text.words.texts == page.texts


def test_light_print_on_dark_ground_is_read(engine: PPOcr, page: Printed):
    (text,) = engine.read([PageImage.of(255 - page.pixels)])
    assert text.words.texts == page.texts


def test_small_print_is_found_on_a_large_page(engine: PPOcr):
    page = printed([(60, 60, "In the far corner"), (2700, 3900, "and in the other")], 18, 3000, 4000)
    (text,) = engine.read([page.image])
    assert text.words.texts == page.texts
    assert overlaps(text, page.texts, page.boxes).min() > 0.5


@pytest.mark.parametrize("words", ["17", "iv", "This page is left blank"])
def test_a_few_words_on_an_empty_page_are_found(engine: PPOcr, words: str):
    page = printed([(380, 1040, words)], 15, 827, 1170)
    (text,) = engine.read([page.image])
    assert text.words.texts == page.texts
    assert text.turn == 0


def test_pages_are_read_the_same_alone_and_together_and_again(engine: PPOcr, page: Printed):
    other = printed([(50, 60, "A page of its own"), (50, 120, "with other words")])
    together = engine.read([page.image, other.image, page.image])
    for text, image in zip(together, (page.image, other.image, page.image), strict=True):
        (alone,) = engine.read([image])
        assert alone.words.texts == text.words.texts
        assert np.array_equal(alone.words.quads, text.words.quads)
        assert np.array_equal(alone.words.confidences, text.words.confidences)
    assert engine.read([]) == []


def test_chinese_is_read_without_invented_spaces(engine: PPOcr):
    import pymupdf

    sheet = pymupdf.open().new_page(width=400, height=160)
    sheet.insert_text((30, 50), "文学作品的语言，历史与科学", fontname="china-s", fontsize=20)
    sheet.insert_text((30, 100), "Plain words, then", fontname="helv", fontsize=20)
    sheet.insert_text((192, 100), "语言", fontname="china-s", fontsize=20)
    shot = sheet.get_pixmap(dpi=110)
    image = PageImage.of(np.frombuffer(shot.samples, np.uint8).reshape(shot.height, shot.width, 3))
    (text,) = engine.read([image])
    assert text.words.texts == ("文学作品的语言，", "历史与科学", "Plain", "words,", "then", "语言")
    assert text.words.joined.tolist() == [False, True, False, False, False, False]
    (latin,) = open_engine(languages="latin").read([image])
    assert "语" not in "".join(latin.words.texts)


def test_the_narrow_layer_reads_as_the_full_one_does(page: Printed):
    accented = paragraph(lines=("Größe: 3 µm ± 5 %, naïve façade", "señor Ångström’s œuvre — §12"))
    for sheet in (page, accented):
        (narrow,), (full,) = (open_engine(languages=kind).read([sheet.image]) for kind in ("auto", "all"))
        assert narrow.words.texts == full.words.texts


def test_a_failing_network_is_an_error_not_an_empty_page(engine: PPOcr, page: Printed):
    broken = PPOcr(
        engine.options, engine.backend, engine.recognizer.full, engine.recognizer
    )  # a network that takes no image
    with pytest.raises(EngineError, match=r"image 1 \(290, 640, 3\)"):
        broken.read([blank(20, 20), page.image])


@pytest.mark.parametrize(
    "option",
    [
        {"threads": 0},
        {"det_side": 10},
        {"languages": "klingon"},
        {"box_threshold": 1.5},
        {"unclip": 0.0},
        {"turn": "maybe"},
        {"runtime": "abacus"},
        {"precision": "int3"},
        {"speed": "high"},
    ],
)
def test_wrong_options_are_told(option: dict[str, object]):
    with pytest.raises(UsageError, match=next(iter(option))):
        open_engine(**option)


def test_other_pixels_are_told(engine: PPOcr):
    with pytest.raises(UsageError, match="RGB uint8"):
        engine.read([PageImage.of(np.zeros((20, 20, 4), np.uint8))])


def test_digest_follows_what_changes_words(engine: PPOcr):
    assert open_engine().digest == engine.digest
    assert open_engine(threads=2).digest == engine.digest
    assert open_engine(det_side=1280).digest != engine.digest


def test_a_changed_or_missing_model_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(ppocr_models.DIGESTS, ppocr_models.DETECTOR, "0" * 64)
    with pytest.raises(ModelFileError, match=r"PP-OCRv6_det_small\.onnx has sha256 090f"):
        ppocr.check()
    monkeypatch.setattr(ppocr_models, "PACKAGE", "no-such-package")
    with pytest.raises(EngineNotReady, match="pip install"):
        open_engine()


def test_checking_imports_neither_rapidocr_nor_a_runtime():
    code = (
        "import sys; from loaders.ocr import ppocr; print(ppocr.check()); "
        "assert not {'rapidocr', 'onnxruntime', 'openvino', 'cv2', 'torch'} & set(sys.modules), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("PP-OCRv6 small")

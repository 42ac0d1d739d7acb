"""Yardsticks: pieces of text parted into words, and clear words where one cannot run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from typeset import ruled, sheet

from ingest.evaluate.converters import Converter, OpenDataLoader, PyMuPdf4Llm
from ingest.evaluate.plan import YARDSTICKS, Way
from ingest.evaluate.predict import Predictor
from ingest.evaluate.table_yardsticks import PyMuPdfTables
from ingest.evaluate.yardsticks import NvidiaOcr, RapidOcr, open_yardstick, parted, text_of_pieces
from loaders.document import PageImage
from loaders.errors import EngineError, EngineNotReady, UnknownEngine, UsageError

WHITE = PageImage.of(np.full((40, 60, 3), 255, np.uint8))


def quad(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def test_a_piece_is_parted_in_proportion_to_its_characters() -> None:
    first, second = parted(quad(0, 0, 100, 10), "abc defghi", ["abc", "defghi"])
    np.testing.assert_allclose(first, quad(0, 0, 30, 10), atol=1e-4)
    np.testing.assert_allclose(second, quad(40, 0, 100, 10), atol=1e-4)


def test_a_tall_piece_is_parted_downwards() -> None:
    first, second = parted(quad(0, 0, 10, 100), "ab ab", ["ab", "ab"])
    np.testing.assert_allclose(first, quad(0, 0, 10, 40), atol=1e-4)
    np.testing.assert_allclose(second, quad(0, 60, 10, 100), atol=1e-4)


def test_a_slanted_piece_keeps_its_slant() -> None:
    slanted = np.array([[0, 0], [100, 20], [96, 40], [-4, 20]], np.float32)
    left, right = parted(slanted, "aa bb", ["aa", "bb"])
    np.testing.assert_allclose(left, [[0, 0], [40, 8], [36, 28], [-4, 20]], atol=1e-4)
    np.testing.assert_allclose(right[1:3], slanted[1:3], atol=1e-4)


def test_each_piece_is_a_line_in_the_order_given() -> None:
    pieces = [(quad(0, 50, 90, 60), "second on the page", 0.9), (quad(0, 0, 90, 10), "first", 0.5)]
    text = text_of_pieces([*pieces, (quad(0, 70, 9, 80), "  ", 0.4)])
    assert text.words.texts == ("second", "on", "the", "page", "first")
    assert text.words.confidences.tolist() == pytest.approx([0.9] * 4 + [0.5])
    assert text.words.ocr.all()
    assert text.relations is not None
    assert text.relations.word.target.tolist() == [1, 2, 3, -1, -1]
    assert len(text_of_pieces([]).words) == 0


def test_digests_tell_options_apart() -> None:
    assert RapidOcr().digest != RapidOcr(use_cls=False).digest
    assert NvidiaOcr(lang="en").digest != NvidiaOcr().digest


def test_names_and_options() -> None:
    assert [open_yardstick(name).name for name in YARDSTICKS] == list(YARDSTICKS)
    assert isinstance(open_yardstick("rapidocr", use_cls=False), RapidOcr)
    with pytest.raises(UnknownEngine, match="rapidocr, nvidia, pymupdf4llm, opendataloader"):
        open_yardstick("abbyy")
    with pytest.raises(UsageError, match="colour"):
        open_yardstick("rapidocr", colour=True)


def test_pymupdf_finds_a_ruled_table(tmp_path: Path) -> None:
    page = sheet(ruled([["Region", "2021"], ["North", "1,204"], ["South", "987"]]))
    file = tmp_path / "table.pdf"
    file.write_bytes(page.pdf)
    (table,) = PyMuPdfTables().tables(file, 1)
    rows = (
        "<tr><td>Region</td><td>2021</td></tr><tr><td>North</td><td>1,204</td></tr><tr><td>South</td><td>987</td></tr>"
    )
    assert table.html == f"<table>{rows}</table>"
    assert table.box is not None
    assert table.box[0] == pytest.approx(40, abs=1)
    with pytest.raises(UsageError, match="`tables`"):
        Predictor(Way("pymupdf_tables", "auto", "engine")).page(file)


@pytest.mark.skipif(importlib.util.find_spec("img2table") is not None, reason="img2table is installed")
def test_img2table_says_what_it_lacks() -> None:
    with pytest.raises(EngineNotReady, match="pip install img2table"):
        Predictor(Way("img2table", "ocr", "engine"))


def test_rapidocr_on_a_blank_page() -> None:
    assert len(RapidOcr().read([WHITE])[0].words) == 0


@pytest.mark.skipif(importlib.util.find_spec("nemotron_ocr") is not None, reason="NVIDIA's package is installed")
def test_nvidia_says_what_it_lacks() -> None:
    with pytest.raises(EngineNotReady, match="nemotron-ocr"):
        NvidiaOcr().check()
    with pytest.raises(EngineNotReady, match="nemotron-ocr"):
        Predictor(Way("nvidia", "ocr", "engine"))


def test_what_nvidias_package_returns_becomes_words_in_its_order() -> None:
    said = [  # shares of the image's sides; "upper" is the larger y
        {"text": "two words", "confidence": 0.75, "left": 0.5, "right": 1.0, "upper": 0.5, "lower": 0.25},
        {"text": "one", "confidence": 0.5, "left": 0.0, "right": 0.5, "upper": 0.25, "lower": 0.0},
    ]
    asked = []

    def pipeline(pixels: np.ndarray, merge_level: str) -> list[dict[str, object]]:
        asked.append((pixels.shape, merge_level))
        return said

    engine = NvidiaOcr(merge_level="sentence")
    vars(engine)["_pipeline"] = pipeline  # what it would have loaded onto a GPU
    (text,) = engine.read([WHITE])
    assert asked == [((40, 60, 3), "sentence")]
    assert text.words.texts == ("two", "words", "one")
    assert text.words.boxes[2].tolist() == [0, 0, 30, 10]
    assert text.words.boxes[:2, 1::2].tolist() == [[10, 20], [10, 20]]
    assert text.words.boxes[0, 0] == 30 and text.words.boxes[1, 2] == 60


def test_nvidias_files_are_never_downloaded(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match=r"detector\.pth, recognizer\.pth"):
        NvidiaOcr(model_dir=str(tmp_path))._files("nvidia/nemotron-ocr-v2", "v2_multilingual")


@pytest.mark.parametrize("kind", [PyMuPdf4Llm, OpenDataLoader])
def test_a_converter_says_what_it_lacks(kind: type[Converter]) -> None:
    if importlib.util.find_spec(kind.package.replace("-", "_")) is None:
        with pytest.raises(EngineNotReady, match=f"pip install {kind.package}"):
            kind().check()
    with pytest.raises(UsageError, match="no interpreter"):
        kind(python="/no/such/python").check()


class Echo(Converter):
    name = "echo"
    package = "pytest"
    convert_source = """
import os
def convert(file, pages):
    print("what a library prints is no answer")
    if 9 in pages:
        os._exit(3)
    return f"{os.path.basename(file)} {pages} {1 / (8 - pages[0])}"
"""


def test_a_converter_answers_from_its_own_process(tmp_path: Path) -> None:
    echo = Echo()
    echo.check()
    found = echo.convert(tmp_path / "a.pdf", [7, 2])
    assert found.markdown == "a.pdf [7, 2] 1.0" and found.spent.wall > 0 <= found.spent.cpu
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        echo.markdown(tmp_path / "a.pdf", 8)
    assert echo.markdown(tmp_path / "b.pdf", 7) == "b.pdf [7] 1.0", "an error does not end it"
    with pytest.raises(EngineError, match="exit code 3"):
        echo.markdown(tmp_path / "a.pdf", 9)
    echo._process.stdin.close(), echo._process.stdout.close()

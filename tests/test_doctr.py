"""docTR: what it exports becomes words and relations; its weights are looked for and never fetched."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest

from loaders.errors import EngineError, EngineNotReady, MissingExtra, ModelFileError, UsageError
from loaders.ocr import doctr
from loaders.ocr.doctr import DoctrOptions, document_texts, open_engine, weight_files

INSTALLED = importlib.util.find_spec("doctr") is not None


def word(value: str, x0: float, y0: float, x1: float, y1: float, confidence: float = 0.9) -> dict[str, object]:
    return {
        "value": value,
        "confidence": confidence,
        "geometry": ((x0, y0), (x1, y1)),
        "objectness_score": 0.8,
        "crop_orientation": {"value": 0, "confidence": None},
    }


def page(*blocks: list[list[dict[str, object]]]) -> dict[str, object]:
    return {
        "page_idx": 0,
        "dimensions": (400, 200),
        "blocks": [{"lines": [{"words": words} for words in block], "artefacts": []} for block in blocks],
    }


def test_a_document_becomes_words_lines_and_blocks_in_pixels():
    exported = {
        "pages": [
            page(
                [
                    [word("Two", 0.1, 0.1, 0.2, 0.15, 0.5), word("words", 0.25, 0.1, 0.5, 0.15)],
                    [word("below", 0.1, 0.2, 0.3, 0.25)],
                ],
                [[word(" ", 0.0, 0.0, 0.1, 0.1)]],
                [[word("apart", 0.6, 0.1, 0.9, 0.15)]],
            )
        ]
    }
    (text,) = document_texts(exported, [(400, 200)])
    assert text.words.texts == ("Two", "words", "below", "apart")
    assert text.words.confidences.tolist() == pytest.approx([0.5, 0.9, 0.9, 0.9])
    assert text.words.boxes[0].tolist() == pytest.approx([20, 40, 40, 60])
    assert text.relations is not None and text.relations.line is not None and text.relations.block is not None
    assert text.relations.word.target.tolist() == [1, -1, -1, -1]
    assert text.relations.line.target.tolist() == [1, -1, -1]
    assert text.relations.block.target.tolist() == [1, -1]


def test_rotated_geometry_keeps_its_corners():
    corners = [(0.1, 0.3), (0.4, 0.2), (0.42, 0.3), (0.12, 0.4)]
    leaning = word("leaning", 0, 0, 0, 0) | {"geometry": corners}
    (text,) = document_texts({"pages": [page([[leaning]])]}, [(100, 1000)])
    assert text.words.quads[0].tolist() == [pytest.approx((1000 * x, 100 * y)) for x, y in corners]


def test_a_blank_page_is_no_words():
    (text,) = document_texts({"pages": [page()]}, [(10, 10)])
    assert len(text.words) == 0
    assert text.relations is not None and len(text.relations.word.target) == 0


def test_a_page_too_few_is_an_error():
    with pytest.raises(EngineError, match="1 pages for 2 images"):
        document_texts({"pages": [page()]}, [(10, 10), (10, 10)])


def test_weights_are_looked_for_and_not_fetched(tmp_path: Path):
    with pytest.raises(EngineNotReady, match=r"no weights of fast_base in .*: docTR downloads them when asked"):
        weight_files(DoctrOptions(weights=str(tmp_path)))
    with pytest.raises(EngineNotReady, match=r"no weights at .*mine\.pt"):
        weight_files(DoctrOptions(detector_weights=str(tmp_path / "mine.pt")))


def test_weights_are_what_their_name_says(tmp_path: Path):
    for name in ("fast_base", "crnn_vgg16_bn"):
        digest = hashlib.sha256(name.encode()).hexdigest()
        (tmp_path / f"{name}-{digest[:8]}.pt").write_bytes(name.encode())
    found = weight_files(DoctrOptions(weights=str(tmp_path)))
    assert [path.stem.rpartition("-")[0] for path in found] == ["fast_base", "crnn_vgg16_bn"]
    found[1].write_bytes(b"cut off")
    with pytest.raises(ModelFileError, match=r"crnn_vgg16_bn-.* is damaged"):
        weight_files(DoctrOptions(weights=str(tmp_path)))


def test_weights_are_looked_for_where_doctr_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCTR_CACHE_DIR", str(tmp_path))
    with pytest.raises(EngineNotReady, match=str(tmp_path / "models")):
        weight_files(DoctrOptions())


@pytest.mark.skipif(INSTALLED, reason="python-doctr is installed")
def test_without_the_package_it_names_the_extra():
    for opening in (doctr.check, open_engine):
        with pytest.raises(MissingExtra, match=r"ocr-ingest\[doctr\]"):
            opening()


@pytest.mark.skipif(not INSTALLED, reason="the extra [doctr] is not installed")
def test_a_document_of_doctr_itself_is_taken():
    import numpy as np
    from doctr.io.elements import Block, Document, Line, Page, Word

    one = Word("word", 0.75, ((0.1, 0.2), (0.3, 0.4)), 0.9, {"value": 0, "confidence": None})
    document = Document([Page(np.zeros((50, 100, 3), np.uint8), [Block([Line([one])])], 0, (50, 100))])
    (text,) = document_texts(document, [(50, 100)])
    assert text.words.texts == ("word",)
    assert text.words.boxes[0].tolist() == pytest.approx([10, 10, 30, 20])


@pytest.mark.parametrize("option", [{"detector": "yolo"}, {"recognizer": "x"}, {"batch": 0}, {"threads": -1}, {"x": 1}])
def test_wrong_options_are_told(option: dict[str, object]):
    with pytest.raises(UsageError, match=next(iter(option))):
        open_engine(**option)

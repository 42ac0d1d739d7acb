"""What a Workflows step reads, and what the original block is answered; neither needs the packages of Roboflow."""

from __future__ import annotations

import importlib.util
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from printed import Printed, iou, paragraph, printed

from loaders.document import Dropped, Page, Words
from loaders.errors import EngineNotReady, MissingExtra, UnknownEngine, UsageError
from loaders.geometry import Frame
from loaders.ocr import ENGINES
from loaders.ocr.levels import page_regions
from loaders.roboflow_engines import Choice, language_options, opened_engine, read_images
from loaders.roboflow_models import OcrModels

TESSERACT = importlib.util.find_spec("pytesseract") and shutil.which("tesseract")
needs_tesseract = pytest.mark.skipif(not TESSERACT, reason="no tesseract program, or no extra [tesseract]")


@pytest.fixture(scope="module")
def page() -> Printed:
    return paragraph(30, width=800)


@pytest.fixture(scope="module")
def bgr(page: Printed) -> np.ndarray:
    return np.ascontiguousarray(page.pixels[:, :, ::-1])


@pytest.mark.parametrize(
    ("engine", "language", "options"),
    [
        ("ppocr", "", {}),
        ("doctr", "", {}),
        ("tesseract", "eng", {"languages": "eng"}),
        ("tesseract", "deu+fra", {"languages": "deu+fra"}),
        ("ppocr", "latin", {"languages": "latin"}),
        ("nemotron", "multi", {"variant": "v2-multi"}),
        ("nemotron", "en", {"variant": "v2-en"}),
    ],
)
def test_a_language_becomes_the_engines_own_option(engine: str, language: str, options: dict[str, str]) -> None:
    assert language_options(engine, language) == options


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "tesseract"])
def test_a_language_an_engine_cannot_be_told_is_an_error_that_says_what_it_can(engine: str) -> None:
    with pytest.raises(UsageError, match=rf"{engine} cannot be told to read language='deu': .*leave language out"):
        language_options(engine, "deu")


@needs_tesseract
def test_a_language_without_data_is_named() -> None:
    with pytest.raises(EngineNotReady, match="tesseract-ocr-xyz"):
        opened_engine("tesseract", "xyz")


def test_an_engine_is_opened_once_for_a_configuration_whoever_asks() -> None:
    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(lambda _: opened_engine("ppocr"), range(16)))
    assert len({id(engine) for engine in engines}) == 1
    assert opened_engine("ppocr", options={"ppocr": {}, "tesseract": {"psm": 6}}) is engines[0]
    assert opened_engine("ppocr", "latin") is opened_engine("ppocr", options={"ppocr": {"languages": "latin"}})
    assert opened_engine("ppocr", "latin") is not engines[0]


def test_an_image_is_read_in_its_own_pixels(page: Printed, bgr: np.ndarray) -> None:
    (reading,) = read_images([bgr], Choice())
    assert [region.text for region in reading.regions] == list(page.texts)
    assert reading.text.split() == list(page.texts)
    overlaps = [iou(np.array(region.box), box) for region, box in zip(reading.regions, page.boxes, strict=True)]
    assert np.median(overlaps) > 0.5


def test_grey_and_transparent_images_read_like_colour(bgr: np.ndarray) -> None:
    images = [bgr, bgr[:, :, 0], np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])]
    first, grey, transparent = read_images(images, Choice())
    assert first.text == grey.text == transparent.text != ""


def test_blue_is_not_taken_for_red() -> None:
    """White on pure red is legible, and so is white on blue; a mix-up shows only where one channel is looked at."""
    from loaders.roboflow_engines import _rgb

    bgr = np.zeros((2, 2, 3), np.uint8)
    bgr[..., 0], bgr[..., 2] = 10, 200
    assert _rgb(bgr)[0, 0].tolist() == [200, 0, 10]


@pytest.mark.parametrize(("level", "count"), [("word", None), ("sentence", 6), ("paragraph", None)])
def test_levels(page: Printed, bgr: np.ndarray, level: str, count: int | None) -> None:
    (reading,) = read_images([bgr], Choice(aggregation_level=level))  # type: ignore[arg-type]
    assert len(reading.regions) == (count or (len(page.texts) if level == "word" else len(reading.text.split("\n\n"))))
    assert " ".join(region.text for region in reading.regions).split() == list(page.texts)


def test_columns_are_read_one_after_the_other() -> None:
    left = ["Rain fell on the hills", "for nine days without", "a single dry morning."]
    right = ["Traders in the harbour", "counted seven ships and", "went home before noon."]
    lines = [(x, 40 + 36 * k, text) for x, column in ((40, left), (420, right)) for k, text in enumerate(column)]
    (reading,) = read_images([printed(lines, width=800).pixels], Choice())
    assert reading.text.split() == " ".join(left + right).split()


def test_words_below_the_threshold_are_left_out(bgr: np.ndarray) -> None:
    (everything,) = read_images([bgr], Choice(confidence_threshold=0.0))
    sure = float(np.median([region.confidence for region in everything.regions]))
    (some,) = read_images([bgr], Choice(confidence_threshold=sure))
    assert [r.text for r in some.regions] == [r.text for r in everything.regions if r.confidence >= sure]
    (none,) = read_images([bgr], Choice(confidence_threshold=1.0))
    assert (none.text, none.regions) == ("", [])


def test_a_page_whose_words_were_all_dropped_has_no_regions() -> None:
    words = Words.of([[[0, 0], [9, 0], [9, 9], [0, 9]]], ["smudge"], [0.1])
    page = Page(1, "1", Frame(9, 9, "px"), words, dropped=(Dropped((0,), "low_confidence"),))
    assert page_regions(page, "word") == []
    with pytest.raises(UsageError, match="level 'page'"):
        page_regions(page, "page")  # type: ignore[arg-type]


def test_nothing_is_read_where_there_is_nothing() -> None:
    (reading,) = read_images([np.full((60, 80, 3), 255, np.uint8)], Choice())
    assert (reading.text, reading.regions) == ("", [])
    assert read_images([], Choice()) == []


def test_wrong_choices_are_told(bgr: np.ndarray) -> None:
    with pytest.raises(UnknownEngine, match="no engine 'abbyy'; there are ppocr"):
        read_images([bgr], Choice(engine="abbyy"))
    with pytest.raises(UsageError, match="confidence_threshold=2"):
        read_images([bgr], Choice(confidence_threshold=2.0))
    with pytest.raises(UsageError, match="level 'page'"):
        read_images([bgr], Choice(aggregation_level="page"))  # type: ignore[arg-type]


# -- the provider of models -------------------------------------------------------------------------------------


def test_the_provider_answers_for_doctr(page: Printed, bgr: np.ndarray) -> None:
    models = OcrModels()
    models.add_model("doctr/default", None, endpoint_type="core-model")
    answer = models.run_doctr_ocr("doctr/default", {"type": "numpy_object", "value": bgr}, generate_bounding_boxes=True)
    assert answer["result"].split() == list(page.texts)
    assert answer["image"] == {"width": bgr.shape[1], "height": bgr.shape[0]}
    assert [prediction["class"] for prediction in answer["predictions"]] == list(page.texts)
    first, box = answer["predictions"][0], page.boxes[0]
    assert (first["x"], first["y"]) == pytest.approx(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), abs=6)
    assert first["width"] == pytest.approx(box[2] - box[0], abs=12)
    assert len({prediction["detection_id"] for prediction in answer["predictions"]}) == len(page.texts)


def test_what_is_not_doctrs_goes_to_the_other_provider() -> None:
    class Others:
        def __init__(self) -> None:
            self.added: list[str] = []

        def add_model(self, model_id: str, api_key: str | None, **options: object) -> None:
            self.added.append(model_id)

        def run_object_detection(self, model_id: str) -> str:
            return f"boxes of {model_id}"

    others = Others()
    models = OcrModels(others)
    models.add_model("plates/3", None)
    models.add_model("doctr/default", None)
    assert others.added == ["plates/3"]
    assert models.run_object_detection("plates/3") == "boxes of plates/3"


def test_what_nobody_answers_is_said() -> None:
    models = OcrModels()
    with pytest.raises(AttributeError, match=r"for run_object_detection give it a provider: OcrModels\(models\)"):
        models.run_object_detection("plates/3")
    with pytest.raises(AttributeError, match="for add_model"):
        models.add_model("plates/3")
    with pytest.raises(UsageError, match="LOCAL"):
        models.run_doctr_ocr("doctr/default", {"type": "base64", "value": "aGVsbG8="})


def test_what_is_missing_is_said_before_the_first_workflow_runs() -> None:
    with pytest.raises((MissingExtra, EngineNotReady), match=r"ocr-ingest\[doctr\]|no weights of fast_base"):
        OcrModels(engine="doctr")
    with pytest.raises(TypeError, match="threshold"):
        OcrModels(threshold=0.3)


# -- without the packages ---------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("roboflow_workflows") is not None, reason="Workflows is installed")
def test_without_workflows_the_block_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"ocr-ingest\[roboflow\]"):
        importlib.import_module("loaders.roboflow_block")


def test_without_supervision_a_page_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(MissingExtra, match=r"ocr-ingest\[supervision\]"):
        Page(1, "1", Frame(9, 9, "px"), Words.none()).detections()

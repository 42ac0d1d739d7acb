"""The original block, unmodified, on our engines; and docTR, read by the original's code and by ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from printed import Printed

pytest.importorskip("roboflow_workflows", reason="the extra [roboflow] is not installed; it has its own environment")

from test_roboflow_block import ALL, CROP, DETECT, DYNAMIC, LINES, ORIGINAL, OURS, STITCH, TOGETHER, Rows, words_in

from loaders.ocr.doctr import document_texts, open_engine
from loaders.roboflow_engines import opened_engine
from loaders.roboflow_models import OcrModels

pytestmark = pytest.mark.filterwarnings("default")  # what Workflows' own packages warn of is not ours to mend

CROPPED = ORIGINAL | {"images": "$steps.crop.crops"}


def test_the_original_block_reads_with_our_engine(run: Any, page: Printed, bgr: np.ndarray) -> None:
    outputs = ALL | {"text": "$steps.stitch.ocr_text"}
    (theirs,) = run([ORIGINAL, STITCH], outputs, [bgr], models=OcrModels())
    (ours,) = run([OURS, STITCH], outputs, [bgr])
    assert list(theirs["predictions"].data["class_name"]) == list(page.texts)
    assert np.allclose(theirs["predictions"].xyxy, ours["predictions"].xyxy)
    assert np.allclose(theirs["predictions"].confidence, ours["predictions"].confidence)
    for name in ("result", "parent_id", "root_parent_id", "prediction_type", "text"):
        assert theirs[name] == ours[name]
    for column in ("xyxy", "confidence", "class_id"):
        assert getattr(theirs["predictions"], column).dtype == getattr(ours["predictions"], column).dtype


def test_the_original_block_reads_an_empty_image(run: Any, blank: np.ndarray) -> None:
    (out,) = run([ORIGINAL], ALL, [blank], models=OcrModels())
    assert (out["result"], out["predictions"].xyxy.shape) == ("", (0, 4))


def test_every_other_model_is_served_by_the_other_provider(run: Any, page: Printed, bgr: np.ndarray) -> None:
    models = OcrModels(Rows(*LINES), engine="ppocr")
    (out,) = run([DETECT, DYNAMIC, CROPPED], {"result": "$steps.ocr.result"}, [bgr], models=models)
    assert [text.split() for text in out["result"]] == [words_in(page, *line) for line in LINES]


def test_what_the_original_block_lacks_it_lacks_on_our_engine_too(run: Any, bgr: np.ndarray) -> None:
    """Its boxes carry no lineage: they stay in the crop, and cannot be stitched. Ours can: test_roboflow_block."""
    outputs = {"parent": "$steps.ocr.predictions", "own": "own $steps.ocr.predictions"}
    (out,) = run([CROP, CROPPED], outputs, [bgr], models=OcrModels())
    assert set(out["own"].data) == {"class_name", "detection_id"}
    assert np.array_equal(out["parent"].xyxy, out["own"].xyxy)
    models = OcrModels(Rows(*LINES))
    with pytest.raises(Exception, match="parent_coordinates"):
        run([DETECT, DYNAMIC, CROPPED, TOGETHER], {"all": "$steps.together.predictions"}, [bgr], models=models)


# -- docTR: a result built by hand, through the original's post-processing and through ours ----------------------


def document() -> Any:
    """Return a docTR Document: two blocks of one line each, and what the original would be given for it."""
    from doctr.io.elements import Block, Document, Line, Page, Word

    def word(text: str, x0: float, y0: float, x1: float, y1: float, sure: float) -> Any:
        return Word(text, sure, ((x0, y0), (x1, y1)), 0.8, {"value": 0, "confidence": None})

    first = [word("TOTAL", 0.10, 0.10, 0.22, 0.14, 0.99), word("DUE", 0.24, 0.10, 0.32, 0.14, 0.98)]
    second = [word("48,310.00", 0.10, 0.60, 0.30, 0.64, 0.75), word("EUR", 0.32, 0.60, 0.40, 0.64, 0.97)]
    blocks = [Block([Line(first)]), Block([Line(second)])]
    return Document([Page(np.zeros((500, 1000, 3), np.uint8), blocks, 0, (500, 1000))])


def originals_answer(found: Any) -> dict[str, Any]:
    """Return what the original's model makes of a docTR Document, its words alone, with their texts as classes.

    The block's present default names the classes "word", "line" and "block" and loses the texts.
    """
    import torch
    from inference_models.entities import ImageDimensions
    from inference_models.models.doctr.doctr_torch import DocTR

    model = DocTR(model=lambda images: found, device=torch.device("cpu"))
    (text,), (detections,) = model.post_process(found, [ImageDimensions(height=500, width=1000)])
    words = [row for row, kind in enumerate(detections.class_id.tolist()) if model.class_names[kind] == "word"]
    return {
        "text": text,
        "boxes": detections.xyxy[words].numpy(),
        "texts": [detections.bboxes_metadata[row]["text"] for row in words],
        "confidence": detections.confidence[words].numpy(),
    }


def test_doctrs_result_gives_what_the_original_gives() -> None:
    from loaders.document import PageImage
    from loaders.ocr.doctr import Doctr, DoctrOptions
    from loaders.roboflow_engines import Choice, read_with

    expected, image = originals_answer(document()), np.full((500, 1000, 3), 255, np.uint8)
    engine = Doctr(DoctrOptions(), "1", ("", ""), predictor=lambda images: document())
    (reading,) = read_with(engine, [image], Choice(engine="doctr"))
    assert reading.text == expected["text"] == "TOTAL DUE\n\n48,310.00 EUR"
    assert [region.text for region in reading.regions] == expected["texts"]
    assert np.array_equal(np.round([region.box for region in reading.regions]), expected["boxes"])
    assert [region.confidence for region in reading.regions] == pytest.approx(expected["confidence"])
    (text,) = document_texts(document(), [PageImage.of(image).pixels.shape[:2]])
    assert text.words.texts == tuple(expected["texts"])


# -- docTR: one set of weights, untrained ones, through the original's model and through our engine --------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of untrained weights, as the original's package and our options both name them."""
    import torch
    from doctr.models import detection, recognition

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(5)
    detector = detection.db_mobilenet_v3_large(pretrained=False, pretrained_backbone=False)
    recognizer = recognition.crnn_mobilenet_v3_small(pretrained=False, pretrained_backbone=False)
    torch.save(detector.state_dict(), folder / "detection_weights.pt")
    torch.save(recognizer.state_dict(), folder / "recognition_weights.pt")
    names = {"det_model": "db_mobilenet_v3_large", "rec_model": "crnn_mobilenet_v3_small"}
    (folder / "config.json").write_text(json.dumps(names))
    return folder


def doctr_options(weights: Path) -> dict[str, Any]:
    return {
        "detector": "db_mobilenet_v3_large",
        "recognizer": "crnn_mobilenet_v3_small",
        "detector_weights": str(weights / "detection_weights.pt"),
        "recognizer_weights": str(weights / "recognition_weights.pt"),
    }


def test_the_same_weights_give_the_same_words(run: Any, weights: Path, bgr: np.ndarray) -> None:
    import torch
    from inference_models.models.doctr.doctr_torch import DocTR

    original = DocTR.from_pretrained(str(weights), device=torch.device("cpu"))
    ((_,), (theirs,)) = original.infer(bgr)
    rows = [row for row, kind in enumerate(theirs.class_id.tolist()) if original.class_names[kind] == "word"]
    expected = {
        (*theirs.xyxy[row].tolist(), theirs.bboxes_metadata[row]["text"])
        for row in rows
        if theirs.bboxes_metadata[row]["text"]
    }
    init = {"loaders.roboflow_block.engine_options": {"doctr": doctr_options(weights)}}
    (out,) = run([OURS | {"engine": "doctr", "confidence_threshold": 0.0}], ALL, [bgr], init=init)
    found = out["predictions"]
    ours = {
        (*box, text)
        for box, text in zip(found.xyxy.round().astype(int).tolist(), found.data["class_name"], strict=True)
    }
    assert expected
    assert ours == expected


def test_without_weights_the_step_says_what_is_missing(run: Any, bgr: np.ndarray, tmp_path: Path) -> None:
    init = {"loaders.roboflow_block.engine_options": {"doctr": {"weights": str(tmp_path)}}}
    with pytest.raises(Exception, match=f"no weights of fast_base in {tmp_path}: docTR downloads them when asked"):
        run([OURS | {"engine": "doctr"}], ALL, [bgr], init=init)


def test_an_opened_doctr_is_the_one_that_reads(weights: Path) -> None:
    options = {"doctr": doctr_options(weights)}
    assert opened_engine("doctr", options=options) is opened_engine("doctr", options=options)
    assert open_engine(**options["doctr"]).digest == opened_engine("doctr", options=options).digest

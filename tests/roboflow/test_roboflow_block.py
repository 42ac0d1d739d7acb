"""Our block in the real engine of Workflows: its contract, crops, batches, empty images, and the blocks around it."""

from __future__ import annotations

import importlib.util
import json
import sys
import uuid
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from printed import Printed, iou, printed

pytest.importorskip("roboflow_workflows", reason="the extra [roboflow] is not installed; it has its own environment")

pytestmark = pytest.mark.filterwarnings("default")  # what Workflows' own packages warn of is not ours to mend

ORIGINAL = {"type": "roboflow_core/ocr_model@v1", "name": "ocr", "images": "$inputs.image"}
"""The step as its own documentation writes it."""
OURS = ORIGINAL | {"type": "ocr_ingest/ocr_model@v1"}
OUTPUTS = ("result", "predictions", "parent_id", "root_parent_id", "prediction_type")
ALL = {name: f"$steps.ocr.{name}" for name in OUTPUTS}
STITCH = {
    "type": "roboflow_core/stitch_ocr_detections@v1",
    "name": "stitch",
    "predictions": "$steps.ocr.predictions",
    "reading_direction": "left_to_right",
    "tolerance": 20,
    "delimiter": " ",
}
CROP = {
    "type": "roboflow_core/absolute_static_crop@v1",
    "name": "crop",
    "images": "$inputs.image",
    "x_center": 400,
    "y_center": 150,
    "width": 760,
    "height": 140,
}
CROPPED = OURS | {"images": "$steps.crop.crops"}


class Rows:
    """A model of plain boxes, served as the detection blocks of Workflows expect it: one box per printed line."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes = boxes

    def add_model(self, model_id: str, api_key: str | None = None, **_: Any) -> None:
        assert model_id == "rows/1"

    def run_object_detection(self, model_id: str, images: list[Any], **_: Any) -> list[dict[str, Any]]:
        found = [
            {
                "x": (x0 + x1) / 2,
                "y": (y0 + y1) / 2,
                "width": x1 - x0,
                "height": y1 - y0,
                "confidence": 0.9,
                "class": "row",
                "class_id": 0,
                "detection_id": str(uuid.uuid4()),
            }
            for x0, y0, x1, y1 in self.boxes
        ]
        return [
            {
                "image": {"width": image["value"].shape[1], "height": image["value"].shape[0]},
                "predictions": [dict(box) for box in found],
            }
            for image in images
        ]


DETECT = {
    "type": "roboflow_core/roboflow_object_detection_model@v2",
    "name": "rows",
    "images": "$inputs.image",
    "model_id": "rows/1",
}
DYNAMIC = {
    "type": "roboflow_core/dynamic_crop@v1",
    "name": "crop",
    "images": "$inputs.image",
    "predictions": "$steps.rows.predictions",
}
TOGETHER = {
    "type": "roboflow_core/detections_stitch@v1",
    "name": "together",
    "reference_image": "$inputs.image",
    "predictions": "$steps.ocr.predictions",
    "overlap_filtering_strategy": "none",
}
LINES = [(0.0, 24 + 48.0 * k, 800.0, 68 + 48.0 * k) for k in range(6)]


def words_in(page: Printed, x0: float, y0: float, x1: float, y1: float) -> list[str]:
    """Return the printed words that lie wholly in a rectangle, in the order they were printed."""
    inside = [(b[0] >= x0) & (b[1] >= y0) & (b[2] <= x1) & (b[3] <= y1) for b in page.boxes]
    return [text for text, held in zip(page.texts, inside, strict=True) if held]


def fit(found: Any, page: Printed) -> float:
    """Return the least share that a box of a found word has in common with the true box of that word."""
    best = []
    for text, box in zip(found.data["class_name"], found.xyxy, strict=True):
        same = [iou(box, true) for other, true in zip(page.texts, page.boxes, strict=True) if other == text]
        best.append(max(same, default=0.0))
    return min(best)


# -- the contract -----------------------------------------------------------------------------------------------


def test_the_documented_step_runs_with_its_type_changed(run: Any, page: Printed, bgr: np.ndarray) -> None:
    (out,) = run([OURS], ALL, [bgr])
    assert tuple(out) == OUTPUTS
    assert out["result"].split() == list(page.texts)
    assert list(out["predictions"].data["class_name"]) == list(page.texts)
    assert fit(out["predictions"], page) > 0.3
    assert (out["parent_id"], out["root_parent_id"], out["prediction_type"]) == ("image.[0]", "image.[0]", "ocr")


def test_inputs_and_outputs_are_the_originals() -> None:
    from roboflow_workflows.core_steps.models.foundation.ocr.v1 import BlockManifest as Original

    from loaders.roboflow_block import BlockManifest as Ours

    assert Ours.describe_outputs() == Original.describe_outputs()
    assert Ours.get_parameters_accepting_batches() == Original.get_parameters_accepting_batches()
    theirs, ours = (manifest.model_json_schema() for manifest in (Original, Ours))
    assert ours["required"] == theirs["required"]
    assert set(ours["properties"]) - set(theirs["properties"]) == {
        "engine",
        "aggregation_level",
        "language",
        "confidence_threshold",
    }


def test_columns_and_their_types(run: Any, bgr: np.ndarray) -> None:
    (out,) = run([OURS], {"own": "own $steps.ocr.predictions"}, [bgr])
    found, count = out["own"], len(out["own"])
    assert (found.xyxy.dtype, found.xyxy.shape) == (np.float64, (count, 4))
    assert (found.confidence.dtype, found.class_id.dtype) == (np.float64, np.int64)
    assert ((found.confidence > 0.5) & (found.confidence <= 1)).all()
    assert set(found.class_id.tolist()) == {0}
    assert set(found.data) == {
        *("class_name", "detection_id", "prediction_type", "image_dimensions"),
        *(f"{whose}_{what}" for whose in ("parent", "root_parent") for what in ("id", "coordinates", "dimensions")),
    }
    assert found.data["class_name"].dtype.kind == "U"
    assert len({uuid.UUID(given) for given in found.data["detection_id"]}) == count
    assert (found.data["image_dimensions"] == [bgr.shape[0], bgr.shape[1]]).all()
    assert (found.data["parent_coordinates"] == 0).all()


def test_serialized_it_is_json_with_the_images_size(run: Any, page: Printed, bgr: np.ndarray) -> None:
    (out,) = run([OURS], ALL, [bgr], serialize=True)
    json.dumps(out)
    assert out["predictions"]["image"] == {"width": bgr.shape[1], "height": bgr.shape[0]}
    assert [word["class"] for word in out["predictions"]["predictions"]] == list(page.texts)
    first, box = out["predictions"]["predictions"][0], page.boxes[0]
    assert (first["x"], first["y"]) == pytest.approx(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), abs=6)
    assert first["parent_id"] == "image.[0]"


def test_a_batch_keeps_its_order_and_names_each_image(run: Any, page: Printed, bgr: np.ndarray, blank: Any) -> None:
    outs = run([OURS], ALL, [bgr, blank, bgr])
    assert [len(out["predictions"]) for out in outs] == [len(page.texts), 0, len(page.texts)]
    assert [out["parent_id"] for out in outs] == ["image.[0]", "image.[1]", "image.[2]"]
    assert outs[0]["result"] == outs[2]["result"]


def test_an_empty_image_keeps_its_lineage(run: Any, blank: np.ndarray) -> None:
    (out,) = run([CROP, CROPPED], ALL | {"own": "own $steps.ocr.predictions"}, [blank])
    found = out["own"]
    assert (out["result"], len(found), found.xyxy.shape) == ("", 0, (0, 4))
    assert (found.confidence.dtype, found.class_id.dtype) == (np.float64, np.int64)
    assert found.data["class_name"].shape == found.data["detection_id"].shape == (0,)
    assert found.metadata["image_dimensions"] == [140, 760]
    assert found.metadata["parent_coordinates"] == [20, 80]
    assert found.metadata["parent_dimensions"] == list(blank.shape[:2])
    assert found.metadata["root_parent_id"] == out["root_parent_id"] == "image.[0]"
    assert out["predictions"].metadata["image_dimensions"] == list(blank.shape[:2])
    (written,) = run([OURS], ALL, [blank], serialize=True)
    assert written["predictions"] == {"image": {"width": blank.shape[1], "height": blank.shape[0]}, "predictions": []}


def test_a_grey_image_is_read(run: Any, page: Printed, bgr: np.ndarray) -> None:
    grey = {
        "type": "roboflow_core/convert_grayscale@v1",
        "name": "grey",
        "image": "$inputs.image",
    }
    (out,) = run([grey, OURS | {"images": "$steps.grey.image"}], ALL, [bgr])
    assert list(out["predictions"].data["class_name"]) == list(page.texts)


# -- crops ------------------------------------------------------------------------------------------------------


def test_a_crop_comes_back_in_the_pages_coordinates(run: Any, page: Printed, bgr: np.ndarray) -> None:
    steps = [CROP, CROPPED, STITCH]
    outputs = ALL | {"own": "own $steps.ocr.predictions", "text": "$steps.stitch.ocr_text"}
    for number, out in enumerate(run(steps, outputs, [bgr, bgr])):
        inside = words_in(page, 20, 80, 780, 220)
        assert list(out["predictions"].data["class_name"]) == inside
        assert fit(out["predictions"], page) > 0.3
        assert np.allclose(out["own"].xyxy + np.array([20, 80, 20, 80]), out["predictions"].xyxy)
        assert (out["own"].data["parent_coordinates"] == [20, 80]).all()
        assert (out["own"].data["parent_dimensions"] == bgr.shape[:2]).all()
        assert (out["own"].data["image_dimensions"] == [140, 760]).all()
        assert set(out["own"].data["root_parent_id"]) == {out["root_parent_id"]} == {f"image.[{number}]"}
        assert set(out["own"].data["parent_id"]) == {out["parent_id"]}
        assert out["parent_id"].startswith("crop.") or out["parent_id"].startswith("absolute_static_crop.")
        assert set(out["predictions"].data["parent_id"]) == {f"image.[{number}]"}
        assert out["text"].split() == out["result"].split() == inside


def test_a_crop_of_a_crop_comes_back_to_the_page(run: Any, page: Printed, bgr: np.ndarray) -> None:
    inner = CROP | {"name": "inner", "images": "$steps.crop.crops", "x_center": 380, "y_center": 63, "height": 48}
    (out,) = run([CROP, inner, OURS | {"images": "$steps.inner.crops"}], ALL, [bgr])
    assert list(out["predictions"].data["class_name"]) == words_in(page, 20, 119, 780, 167)
    assert fit(out["predictions"], page) > 0.3


def test_detection_crops_and_stitching(run: Any, page: Printed, bgr: np.ndarray) -> None:
    outputs = {
        "text": "$steps.stitch.ocr_text",
        "rows": "$steps.ocr.predictions",
        "together": "$steps.together.predictions",
    }
    (out,) = run([DETECT, DYNAMIC, CROPPED, STITCH, TOGETHER], outputs, [bgr], models=Rows(*LINES))
    assert " ".join(out["text"]).split() == list(page.texts)
    assert [len(row) for row in out["rows"]] == [len(words_in(page, *line)) for line in LINES]
    assert list(out["together"].data["class_name"]) == list(page.texts)
    assert fit(out["together"], page) > 0.3


def test_stitching_over_the_page_after_the_crops(run: Any, page: Printed, bgr: np.ndarray) -> None:
    whole = STITCH | {"predictions": "$steps.together.predictions"}
    (out,) = run(
        [DETECT, DYNAMIC, CROPPED, TOGETHER, whole], {"text": "$steps.stitch.ocr_text"}, [bgr], models=Rows(*LINES)
    )
    assert out["text"].split() == list(page.texts)


def test_crops_without_text_are_stitched_with_those_that_have_some(run: Any, page: Printed, bgr: np.ndarray) -> None:
    rows = Rows((0, 312, 800, 345), LINES[1], (600, 0, 800, 20))
    (out,) = run([DETECT, DYNAMIC, CROPPED, TOGETHER], {"all": "$steps.together.predictions"}, [bgr], models=rows)
    assert list(out["all"].data["class_name"]) == words_in(page, *LINES[1])


def test_a_detector_that_finds_nothing_leaves_nothing_to_read(run: Any, bgr: np.ndarray) -> None:
    outputs = {"result": "$steps.ocr.result", "together": "$steps.together.predictions"}
    (out,) = run([DETECT, DYNAMIC, CROPPED, TOGETHER], outputs, [bgr], models=Rows())
    assert (out["result"], out["together"]) == ([], None)


def test_our_paragraphs_are_cropped_and_read_by_another_engine(run: Any, page: Printed, bgr: np.ndarray) -> None:
    pytest.importorskip("pytesseract")
    steps = [
        OURS | {"name": "found", "aggregation_level": "paragraph"},
        {
            "type": "roboflow_core/detection_offset@v1",
            "name": "rows",
            "predictions": "$steps.found.predictions",
            "offset_width": 40,
            "offset_height": 40,
        },
        DYNAMIC,
        CROPPED | {"engine": "tesseract", "language": "eng"},
        TOGETHER,
    ]
    (out,) = run(steps, {"all": "$steps.together.predictions"}, [bgr])
    assert list(out["all"].data["class_name"]) == list(page.texts)
    assert fit(out["all"], page) > 0.3


# -- pictures ---------------------------------------------------------------------------------------------------


def test_boxes_and_labels_are_drawn_where_the_words_are(run: Any, bgr: np.ndarray) -> None:
    boxes = {
        "type": "roboflow_core/bounding_box_visualization@v1",
        "name": "boxes",
        "image": "$steps.crop.crops",
        "predictions": "$steps.ocr.predictions",
        "thickness": 2,
    }
    labels = boxes | {"type": "roboflow_core/label_visualization@v1", "name": "labels", "text": "Class"}
    del labels["thickness"]
    outputs = {"boxes": "$steps.boxes.image", "labels": "$steps.labels.image", "own": "own $steps.ocr.predictions"}
    (out,) = run([CROP, CROPPED, boxes, labels], outputs, [bgr])
    crop = bgr[80:220, 20:780]
    x0, y0, x1, y1 = out["own"].xyxy.astype(int).T
    boxed, labelled = ((out[name].numpy_image != crop).any(axis=2) for name in ("boxes", "labels"))
    assert boxed.shape == crop.shape[:2]
    assert boxed[(y0 + y1) // 2, x0].all()
    assert boxed[(y0 + y1) // 2, np.minimum(x1, 759)].all()
    assert not boxed[(y0 + y1) // 2, (x0 + x1) // 2].any()
    assert labelled[np.maximum(y0 - 3, 0), x0 + 3].mean() > 0.9  # a label stands on the top left corner of its word


# -- what the original lacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["word", "sentence", "paragraph"])
def test_levels(run: Any, page: Printed, bgr: np.ndarray, level: str) -> None:
    (out,) = run([OURS | {"aggregation_level": level}], ALL, [bgr])
    texts = list(out["predictions"].data["class_name"])
    assert " ".join(texts).split() == list(page.texts)
    assert len(texts) == {"word": len(page.texts), "sentence": 6}.get(level, len(out["result"].split("\n\n")))


def test_everything_can_come_from_the_workflows_inputs(run: Any, bgr: np.ndarray) -> None:
    pytest.importorskip("pytesseract")
    chosen = {
        "engine": "tesseract",
        "aggregation_level": "sentence",
        "language": "eng",
        "confidence_threshold": 0.3,
    }
    step = OURS | {name: f"$inputs.{name}" for name in chosen}
    (out,) = run([step], ALL, [bgr], inputs=chosen)
    assert len(out["predictions"]) == 6
    (literal,) = run([OURS | chosen], ALL, [bgr])
    assert out["result"] == literal["result"]


def test_engines_are_chosen_step_by_step(run: Any, page: Printed, bgr: np.ndarray) -> None:
    pytest.importorskip("pytesseract")
    steps = [OURS, OURS | {"name": "other", "engine": "tesseract"}]
    (out,) = run(steps, {"a": "$steps.ocr.result", "b": "$steps.other.result"}, [bgr])
    assert out["a"].split() == list(page.texts)
    assert sum(word in page.texts for word in out["b"].split()) >= 0.9 * len(page.texts)


def test_a_threshold_leaves_out_what_is_unsure(run: Any, bgr: np.ndarray) -> None:
    (out,) = run([OURS | {"confidence_threshold": 1.0}], ALL, [bgr])
    assert (out["result"], len(out["predictions"])) == ("", 0)


def test_a_language_an_engine_cannot_be_told_is_refused_before_it_runs(run: Any, bgr: np.ndarray) -> None:
    from roboflow_workflows.errors import WorkflowError

    with pytest.raises(WorkflowError) as caught:
        run([OURS | {"language": "deu"}], ALL, [bgr])
    assert "ppocr cannot be told to read language='deu'" in _told(caught.value)
    with pytest.raises(WorkflowError) as caught:
        run([OURS | {"language": "$inputs.language"}], ALL, [bgr], inputs={"language": "deu"})
    assert "ppocr cannot be told to read language='deu'" in _told(caught.value)


def test_an_engine_there_is_not_is_refused(run: Any, bgr: np.ndarray) -> None:
    from roboflow_workflows.errors import WorkflowError

    with pytest.raises(WorkflowError) as caught:
        run([OURS | {"engine": "abbyy"}], ALL, [bgr])
    assert "engine" in _told(caught.value)
    with pytest.raises(WorkflowError) as caught:
        run([OURS | {"engine": "$inputs.engine"}], ALL, [bgr], inputs={"engine": "abbyy"})
    assert "engine" in _told(caught.value)


def test_whoever_runs_the_process_gives_engines_their_own_options(run: Any, page: Printed, bgr: np.ndarray) -> None:
    options = {"loaders.roboflow_block.engine_options": {"ppocr": {"turn": "off"}}}
    upside_down = np.ascontiguousarray(bgr[::-1, ::-1])
    (turned,) = run([OURS], ALL, [upside_down])
    (left,) = run([OURS], ALL, [upside_down], init=options)
    assert turned["result"].split() == list(page.texts) != left["result"].split()


def test_one_engine_serves_every_step_of_that_configuration(run: Any, bgr: np.ndarray) -> None:
    from loaders import roboflow_engines

    steps = [
        OURS,
        OURS | {"name": "b", "aggregation_level": "paragraph"},
        OURS | {"name": "c", "confidence_threshold": 0.9},
    ]
    run(steps, {step["name"]: f"$steps.{step['name']}.result" for step in steps}, [bgr])
    engine, kept = roboflow_engines.opened_engine("ppocr"), len(roboflow_engines._engines)
    run(steps, {step["name"]: f"$steps.{step['name']}.result" for step in steps}, [bgr])
    assert (roboflow_engines.opened_engine("ppocr"), len(roboflow_engines._engines)) == (engine, kept)


def test_the_result_follows_columns_where_stitching_by_rows_does_not(run: Any) -> None:
    left = ["Rain fell on the hills", "for nine days without", "a single dry morning."]
    right = ["Traders in the harbour", "counted seven ships and", "went home before noon."]
    lines = [(x, 40 + 36 * k, text) for x, column in ((40, left), (420, right)) for k, text in enumerate(column)]
    image = np.ascontiguousarray(printed(lines, width=800).pixels[:, :, ::-1])
    outputs = {"result": "$steps.ocr.result", "rows": "$steps.stitch.ocr_text"}
    (out,) = run([OURS, STITCH], outputs, [image])
    assert out["result"].split() == " ".join(left + right).split()
    assert out["rows"].split()[:9] == f"{left[0]} {right[0]}".split()


class _WithoutWorkflows:
    """Finds modules as where the distribution is not installed."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "roboflow_workflows":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_the_engines_older_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it became a distribution of its own, the engine was `inference.core.workflows`, of the same modules."""
    import loaders.roboflow_block as block

    names = [name for name in sys.modules if name.partition(".")[0] == "roboflow_workflows"]
    for name in names:
        older = name.replace("roboflow_workflows", "inference.core.workflows", 1)
        monkeypatch.setitem(sys.modules, older, sys.modules[name])
        monkeypatch.delitem(sys.modules, name)
    for name in ("inference", "inference.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys, "meta_path", [_WithoutWorkflows(), *sys.meta_path])
    spec = importlib.util.spec_from_file_location("older_block", block.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "older_block", module)
    spec.loader.exec_module(module)
    assert module.load_blocks()[0].__mro__[1] is block.OcrBlock.__mro__[1]


def _told(error: BaseException) -> str:
    """Return what an error says, with what it holds inside."""
    inner = [getattr(error, name, None) for name in ("inner_error", "_inner_error", "__cause__")]
    return " ".join(
        [str(error), str(getattr(error, "public_message", "")), *(_told(i) for i in inner if i is not None)]
    )

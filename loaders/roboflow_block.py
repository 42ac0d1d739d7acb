"""Roboflow Workflows: a plugin of one block, our engines with the inputs and outputs of roboflow_core/ocr_model@v1.

The engine of Workflows finds it through `WORKFLOWS_PLUGINS=loaders.roboflow_block`. Images come in, crops of crops
among them; for each go out its text and supervision Detections in its own pixels, whose class names are the texts, with
the parent's and the root's coordinates, by which Workflows takes them back to the page.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import numpy as np
from pydantic import ConfigDict, Field, model_validator

try:
    from roboflow_workflows.core_steps.common.utils import attach_parents_coordinates_to_sv_detections
    from roboflow_workflows.execution_engine.entities import types as kinds
    from roboflow_workflows.execution_engine.entities.base import Batch, OutputDefinition, WorkflowImageData
    from roboflow_workflows.prototypes.block import WorkflowBlock, WorkflowBlockManifest
except ModuleNotFoundError as missing:
    if missing.name != "roboflow_workflows":
        raise
    try:  # what it was called before it became a distribution of its own
        from inference.core.workflows.core_steps.common.utils import attach_parents_coordinates_to_sv_detections
        from inference.core.workflows.execution_engine.entities import types as kinds
        from inference.core.workflows.execution_engine.entities.base import Batch, OutputDefinition, WorkflowImageData
        from inference.core.workflows.prototypes.block import WorkflowBlock, WorkflowBlockManifest
    except ModuleNotFoundError as older:
        from loaders.errors import MissingExtra

        if older.name is None or older.name.split(".")[0] != "inference":
            raise
        raise MissingExtra("roboflow-workflows", "roboflow") from None

from loaders.detections import detections_of
from loaders.ocr import ENGINES
from loaders.ocr.levels import Region
from loaders.roboflow_engines import Choice, EngineOptions, language_options, read_images

TYPE = "ocr_ingest/ocr_model@v1"
PREDICTION_TYPE = "ocr"
DEFAULTS = Choice()


class BlockManifest(WorkflowBlockManifest):  # type: ignore[misc]
    """The block's JSON: what the original block takes, and which engine reads, at which level, how."""

    model_config = ConfigDict(
        json_schema_extra={
            "name": "OCR with reading order",
            "version": "v1",
            "short_description": "Read the text of an image in reading order, with the engine of your choice.",
            "long_description": (
                "Takes the place of the OCR Model block: the same input and outputs, with the text of each detection "
                "as its class and the coordinates of parent and root, so that detections can be stitched."
            ),
            "license": "Apache-2.0",
            "block_type": "model",
            "search_keywords": ["ocr", "text", "reading order", *ENGINES],
            "ui_manifest": {"section": "model", "icon": "far fa-text", "inference": True},
        }
    )
    type: Literal["ocr_ingest/ocr_model@v1"]
    name: str = Field(description="Unique name of step in workflows")
    images: kinds.Selector(kind=[kinds.IMAGE_KIND]) = kinds.ImageInputField  # type: ignore[valid-type]
    engine: Literal[tuple(ENGINES)] | kinds.Selector(kind=[kinds.STRING_KIND]) = Field(  # type: ignore[valid-type]
        default=DEFAULTS.engine,
        description="OCR engine; " + "; ".join(f"{entry.name}: {entry.summary}" for entry in ENGINES.values()),
        examples=["ppocr", "$inputs.engine"],
    )
    aggregation_level: Literal["word", "sentence", "paragraph"] | kinds.Selector(kind=[kinds.STRING_KIND]) = Field(  # type: ignore[valid-type]
        default=DEFAULTS.aggregation_level,
        title="Aggregation level",
        description="What one detection is: a word, a sentence (a line) or a paragraph",
        examples=["word", "$inputs.aggregation_level"],
    )
    language: str | kinds.Selector(kind=[kinds.STRING_KIND]) = Field(  # type: ignore[valid-type]
        default=DEFAULTS.language,
        description='What the engine looks for, in its own terms: tesseract "eng+deu"; ppocr "auto", "latin" or "all"; '
        'nemotron "en" or "multi"; other engines cannot be told. Empty: the engine\'s default',
        examples=["eng+deu", "$inputs.language"],
    )
    confidence_threshold: float | kinds.Selector(kind=[kinds.FLOAT_ZERO_TO_ONE_KIND]) = Field(  # type: ignore[valid-type]
        default=DEFAULTS.confidence_threshold,
        title="Confidence threshold",
        description="Words the engine is less sure of are left out of all outputs, 0 to 1",
        examples=[0.5, "$inputs.confidence_threshold"],
    )

    @model_validator(mode="after")
    def _engine_can_be_told(self) -> BlockManifest:
        """Refuse a workflow, rather than its run, that asks an engine for a language it cannot be told."""
        if not any(value.startswith("$") for value in (self.engine, self.language)):
            language_options(self.engine, self.language)
        return self

    @classmethod
    def get_parameters_accepting_batches(cls) -> list[str]:
        return ["images"]

    @classmethod
    def describe_outputs(cls) -> list[OutputDefinition]:
        return [
            OutputDefinition(name="result", kind=[kinds.STRING_KIND]),
            OutputDefinition(name="predictions", kind=[kinds.OBJECT_DETECTION_PREDICTION_KIND]),
            OutputDefinition(name="parent_id", kind=[kinds.PARENT_ID_KIND]),
            OutputDefinition(name="root_parent_id", kind=[kinds.PARENT_ID_KIND]),
            OutputDefinition(name="prediction_type", kind=[kinds.PREDICTION_TYPE_KIND]),
        ]

    @classmethod
    def get_execution_engine_compatibility(cls) -> str:
        return ">=1.3.0,<2.0.0"


class OcrBlock(WorkflowBlock):  # type: ignore[misc]
    """Reads images; `engine_options` hold engines' own options by their name, from the init parameter of that name."""

    def __init__(self, engine_options: EngineOptions) -> None:
        self._engine_options = engine_options

    @classmethod
    def get_init_parameters(cls) -> list[str]:
        return ["engine_options"]

    @classmethod
    def get_manifest(cls) -> type[WorkflowBlockManifest]:
        return BlockManifest

    def run(self, images: Batch[WorkflowImageData], **chosen: Any) -> list[dict[str, Any]]:
        """Read a batch of images; one dict of outputs per image. Raises what `read_images` raises."""
        readings = read_images([image.numpy_image for image in images], Choice(**chosen), self._engine_options)
        return [
            {
                "result": reading.text,
                "predictions": predictions(reading.regions, image),
                "parent_id": image.parent_metadata.parent_id,
                "root_parent_id": image.workflow_root_ancestor_metadata.parent_id,
                "prediction_type": PREDICTION_TYPE,
            }
            for image, reading in zip(images, readings, strict=True)
        ]


def predictions(regions: list[Region], image: WorkflowImageData) -> Any:
    """Return regions of an image, in its pixels, as the Detections that the blocks of Workflows pass on.

    To `detections_of` are added, per row, what every block of Workflows that detects adds: an id, the type, the size
    (height, width) of the image, and where parent and root lie. Without rows these go into the metadata.
    """
    detections, count = detections_of(regions), len(regions)
    size = list(image.numpy_image.shape[:2])
    detections["detection_id"] = np.array([str(uuid4()) for _ in regions], np.str_)
    detections["prediction_type"] = np.array([PREDICTION_TYPE] * count, np.str_)
    detections["image_dimensions"] = np.array([size] * count, np.int64).reshape(count, 2)
    if not count:
        detections.metadata["image_dimensions"] = size
    return attach_parents_coordinates_to_sv_detections(detections, image)


def load_blocks() -> list[type[WorkflowBlock]]:
    """Return the plugin's blocks, as the engine of Workflows asks for them."""
    return [OcrBlock]


REGISTERED_INITIALIZERS = {"engine_options": dict}
"""No options unless `loaders.roboflow_block.engine_options` is among the init parameters of the ExecutionEngine."""

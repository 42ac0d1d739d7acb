"""The second door into Roboflow Workflows: the original OCR block, unmodified, on our engines.

The block `roboflow_core/ocr_model@v1` asks a models provider for docTR. `OcrModels` is such a provider: what is asked
of docTR, an engine of ours answers; everything else goes to another provider. No workflow has to be changed, and the
package of Workflows is not needed here. What the block then makes of the answer is its own: its boxes carry no
coordinates of parent and root, so detections_stitch refuses them; the block in loaders.roboflow_block adds these.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np

from loaders.errors import UsageError
from loaders.ocr.levels import Region
from loaders.roboflow_engines import Choice, EngineOptions, opened_engine, read_images

DOCTR = "doctr/"
"""What the ids of docTR's models begin with."""


class OcrModels:
    """Answers for docTR; give it as the init parameter `workflows_core.model_manager` of an ExecutionEngine."""

    def __init__(self, models: Any = None, *, options: EngineOptions | None = None, **chosen: Any) -> None:
        """Open an engine; `chosen` are fields of Choice, `options` engines' own options by their name.

        `models` is the provider of all other models; without one, asking for them is an error. Raises UnknownEngine,
        UsageError, MissingExtra, EngineNotReady.
        """
        self._models, self._options, self._choice = models, options or {}, Choice(**chosen)
        opened_engine(self._choice.engine, self._choice.language, self._options)

    def add_model(self, model_id: str, api_key: str | None = None, *args: Any, **options: Any) -> None:
        """Register a model; docTR is there already."""
        if not model_id.startswith(DOCTR):
            self._other("add_model")(model_id, api_key, *args, **options)

    def run_doctr_ocr(self, model_id: str, image: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Read an image, {"value": uint8 (H, W, 3) BGR}, into what docTR's model answers, in reading order."""
        pixels = image["value"]
        if not isinstance(pixels, np.ndarray):
            raise UsageError(
                f"{model_id} was given {type(pixels).__name__}; images come as arrays where steps run LOCAL"
            )
        (reading,) = read_images([pixels], self._choice, self._options)
        height, width = pixels.shape[:2]
        return {
            "result": reading.text,
            "image": {"width": width, "height": height},
            "predictions": [_prediction(region) for region in reading.regions],
        }

    def __getattr__(self, name: str) -> Any:
        """Return what the other provider does; called for names that this one lacks."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._other(name)

    def _other(self, name: str) -> Any:
        if self._models is None:
            raise AttributeError(f"OcrModels answers for docTR only; for {name} give it a provider: OcrModels(models)")
        return getattr(self._models, name)


def _prediction(region: Region) -> dict[str, Any]:
    x0, y0, x1, y1 = region.box
    return {
        "x": (x0 + x1) / 2,
        "y": (y0 + y1) / 2,
        "width": x1 - x0,
        "height": y1 - y0,
        "confidence": region.confidence,
        "class": region.text,
        "class_id": 0,
        "detection_id": str(uuid4()),
    }

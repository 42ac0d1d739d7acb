"""Pages as the data URIs that an OCR service takes inline, small enough where it sets a limit.

Boxes come back as shares of width and height, so that an image may be sent smaller than it is.
"""

from __future__ import annotations

import base64
import io
from typing import Literal

import numpy as np
import numpy.typing as npt

from loaders.errors import EngineError

Format = Literal["png", "jpeg"]
QUALITY = 95
QUALITIES = (90, 80, 70)  # of JPEG, tried from the best; below, smaller pictures are read better than coarser ones
SHRINK = 0.85
LEAST_SIDE = 64


def data_uri(pixels: npt.NDArray[np.uint8], image_format: Format, limit: int | None = None) -> str:
    """Encode an image (H, W, 3) RGB; with a limit, as a JPEG of fewer base64 characters than that.

    Raises EngineError for an image that will not fit while text could be read on it.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    encoded = _encoded(image, image_format, QUALITY)
    if limit is None or len(encoded) < limit:
        return f"data:image/{image_format};base64,{encoded}"
    while min(image.size) >= LEAST_SIDE:
        if len(_encoded(image, "jpeg", QUALITIES[-1])) < limit:
            best = next(e for q in QUALITIES if len(e := _encoded(image, "jpeg", q)) < limit)
            return f"data:image/jpeg;base64,{best}"
        width, height = image.size
        image = image.resize((int(width * SHRINK), int(height * SHRINK)), Image.Resampling.BOX, reducing_gap=None)
    height, width = pixels.shape[:2]
    raise EngineError(f"an image of {width} x {height} pixels cannot be sent within {limit} characters")


def _encoded(image: object, image_format: Format, quality: int) -> str:
    buffer = io.BytesIO()
    options = {"quality": quality, "subsampling": 0} if image_format == "jpeg" else {"compress_level": 3}
    image.save(buffer, image_format, **options)  # type: ignore[attr-defined]
    return base64.b64encode(buffer.getvalue()).decode("ascii")

"""Measure what goes into the recognizer's convolutions: prints loaders.ocr.ppocr_int8.RANGES.

    python tests/calibrate_ppocr.py

Lines in Typst's own faces and PyMuPDF's, Latin and Chinese, light on dark, blurred and noisy, are read in float32, and
of each tensor's least and largest value in a line the median over all lines is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import openvino
import pymupdf
import typst

from loaders.ocr.ppocr_detect import DetectorSettings, detect
from loaders.ocr.ppocr_models import CAREFUL, RECOGNIZER, halves, open_detector, read_verified
from loaders.ocr.ppocr_recognize import Levels, strip
from loaders.ocr.ppocr_runtime import Backend

LATIN = "Net sales rose by 12.5 % to $48,310 (2024: €39,207); see §7 & note [3] — “Ångström’s façade” in Kraków/Łódź."
CHINESE = "文学作品的语言，历史与科学；经济增长百分之十二。"
FACES = ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono")
SMALLEST = 96
"""Channels of a convolution, in and out, from which int8 pays."""


def sheets() -> Iterator[np.ndarray]:
    """Yield pages as RGB pixels."""
    for face in FACES:
        for size, dpi in ((9, 150), (11, 200)):
            text = f'#set page(width: 420pt, height: auto)\n#set text(font: "{face}", size: {size}pt)\n'
            yield pixels(typst.compile((text + f"#lorem(40)\n\n*#lorem(9)*\n\n#{cited(LATIN)}\n").encode()), dpi)
    for face in ("helv", "hebo", "tiro", "cour", "china-s", "china-ts"):
        document = pymupdf.open()
        page = document.new_page(width=420, height=90)
        for row in range(3):
            page.insert_text(
                (20, 24 + 24 * row), CHINESE if "china" in face else LATIN[:60], fontname=face, fontsize=10
            )
        yield pixels(document.tobytes(), 170)


def cited(text: str) -> str:
    return '"' + text + '"'


def pixels(pdf: bytes, dpi: int) -> np.ndarray:
    shot = pymupdf.open(stream=pdf)[0].get_pixmap(dpi=dpi)
    return np.frombuffer(shot.samples, np.uint8).reshape(shot.height, shot.width, 3).copy()


def variants(page: np.ndarray, noise: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield a page as it is, inverted, and as a poor scan of it."""
    yield page
    yield 255 - page
    grey = cv2.GaussianBlur(page, (0, 0), 0.9).astype(np.float32) * 0.75 + 35 + noise.normal(0, 9, page.shape)
    yield grey.clip(0, 255).astype(np.uint8)


def strips() -> Iterator[np.ndarray]:
    """Yield the lines of all pages, as the recognizer gets them."""
    detector, noise = open_detector(Backend("onnxruntime")), np.random.default_rng(0)
    for sheet in sheets():
        quads = detect(detector, sheet, DetectorSettings())
        for page in variants(sheet, noise):
            for quad in quads:
                yield strip(Levels(page), quad, CAREFUL)


def main() -> None:
    network = openvino.Core().read_model(halves(read_verified(RECOGNIZER), CAREFUL.height)[0])
    inputs = {node.get_friendly_name(): node.input_value(0) for node in network.get_ordered_ops() if is_large(node)}
    ends = [end for value in inputs.values() for end in least_and_largest(value)]
    probe = openvino.Core().compile_model(
        openvino.Model(ends, network.get_parameters()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    found = []
    for line in strips():
        image = (line[None, ..., ::-1].astype(np.float32) / 127.5 - 1.0).transpose(0, 3, 1, 2)
        found.append([float(value) for value in probe(np.ascontiguousarray(image)).to_tuple()])
    middle = np.median(np.array(found), axis=0).reshape(-1, 2)
    print(f"# {len(found)} lines")
    for name, (low, high) in zip(inputs, middle, strict=True):
        print(f'    "{name}": ({low:.3f}, {high:.3f}),')


def is_large(node: openvino.Node) -> bool:
    """Say whether a node is a convolution that int8 pays for: not a depthwise one, nor on a pooled image."""
    if node.get_type_name() != "Convolution":
        return False
    out, into, height, _ = node.input_value(1).get_shape()
    rows = node.input_value(0).get_partial_shape()[2]
    pooled = node.input_value(0).get_partial_shape()[3].is_static
    return not pooled and rows.is_static and (height > 1 or min(out, into) >= SMALLEST)


def least_and_largest(value: openvino.Output) -> list[openvino.Node]:
    axes = openvino.opset13.constant(np.arange(4))
    return [openvino.opset13.reduce_min(value, axes), openvino.opset13.reduce_max(value, axes)]


if __name__ == "__main__":
    main()

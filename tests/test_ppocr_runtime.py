"""The default engine's two runtimes: the same words from both, and results that follow from the line alone."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import PARAGRAPH, paragraph, printed

from loaders.document import PageImage
from loaders.errors import EngineNotReady, MissingExtra, UsageError
from loaders.ocr import ppocr, ppocr_recognize, ppocr_runtime
from loaders.ocr.onnx_graph import read_weight
from loaders.ocr.ppocr import LineReader, PPOcr, open_engine
from loaders.ocr.ppocr_detect import DetectorSettings, detect
from loaders.ocr.ppocr_models import CAREFUL, QUICK, RECOGNIZER, Cut, pruned_weights, read_verified
from loaders.ocr.ppocr_recognize import (
    FULL_STEPS,
    LINE,
    MAX_WIDTH,
    MIN_WIDTH,
    WIDTHS,
    Levels,
    in_full,
    recognize,
    strip,
    strip_width,
)

needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
RUNTIMES = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]


@pytest.fixture(scope="module", params=RUNTIMES)
def engine(request: pytest.FixtureRequest) -> PPOcr:
    return open_engine(runtime=request.param)


def chinese() -> PageImage:
    import pymupdf

    sheet = pymupdf.open().new_page(width=400, height=120)
    sheet.insert_text((30, 50), "文学作品的语言，历史与科学", fontname="china-s", fontsize=20)
    sheet.insert_text((30, 90), "Plain words, then", fontname="helv", fontsize=20)
    shot = sheet.get_pixmap(dpi=110)
    return PageImage.of(np.frombuffer(shot.samples, np.uint8).reshape(shot.height, shot.width, 3))


def strips_of(lines: list[str]) -> list[np.ndarray]:
    """Return each line as a strip of its own width, as the quick recognizer wants it."""
    found = []
    for line in lines:
        page = printed([(6, 4, line)], 24, 640, 40)
        x0, y0, x1, y1 = page.boxes[0][0], page.boxes[:, 1].min(), page.boxes[-1][2], page.boxes[:, 3].max()
        quad = np.array([[x0 - 4, y0 - 5], [x1 + 4, y0 - 5], [x1 + 4, y1 + 5], [x0 - 4, y1 + 5]], np.float32)
        found.append(strip(Levels(page.pixels), quad, QUICK))
    return found


@needs_openvino
def test_both_runtimes_read_the_same_words():
    accented = paragraph(lines=("Größe: 3 µm ± 5 %, naïve façade", "señor Ångström’s œuvre — §12"))
    cells = printed([(30 + 150 * (i % 4), 30 + 40 * (i // 4), f"{37 * i}.{i}%") for i in range(20)], 22)
    pages = [paragraph().image, paragraph(15).image, accented.image, cells.image, chinese()]
    found = [open_engine(runtime=name).read(pages) for name in ("openvino", "onnxruntime")]
    for ours, theirs in zip(*found, strict=True):
        assert ours.words.texts == theirs.words.texts
        assert ours.words.quads == pytest.approx(theirs.words.quads, abs=4.0)  # half a step
        assert ours.words.confidences == pytest.approx(theirs.words.confidences, abs=0.1)


def test_a_line_reads_alone_as_it_does_among_others(engine: PPOcr):
    lines = [*PARAGRAPH, *(f"{n}.5" for n in range(11, 11 + 2 * engine.recognizer.batches[0][0]))]
    strips = strips_of(lines)
    together = recognize(engine.recognizer, strips, "auto")
    for line, pixels, reading in zip(lines, strips, together, strict=True):
        (alone,) = recognize(engine.recognizer, [pixels], "auto")
        assert alone.text == reading.text == line
        assert alone.chances == pytest.approx(reading.chances, abs=0.02)
        assert np.array_equal(alone.places, reading.places)


def test_strips_that_are_the_same_are_read_once(engine: PPOcr):
    asked: list[int] = []

    def narrow(values: np.ndarray) -> tuple[np.ndarray, ...]:
        asked.append(len(values))
        return engine.recognizer.narrow(values)

    model = replace(engine.recognizer, narrow=narrow)
    head, other = strips_of(["Annual Report 2024", "Costs fell by a third"])
    found = recognize(model, [head, other, head.copy(), 255 - head, head.copy()], "auto")
    assert sum(asked) == 3
    assert [found[i].text for i in (0, 1, 2, 4)] == ["Annual Report 2024", "Costs fell by a third"] + 2 * [
        found[0].text
    ]


def test_doubted_steps_are_read_with_all_characters(engine: PPOcr):
    (auto,) = engine.read([chinese()])
    (full,) = open_engine(runtime=engine.backend.name, languages="all").read([chinese()])
    assert auto.words.texts == full.words.texts
    assert "".join(auto.words.texts[:2]) == "文学作品的语言，历史与科学"


def test_the_full_layer_judges_every_step_for_itself(engine: PPOcr):
    (pixels,) = strips_of([" ".join(PARAGRAPH[0].split()[:5])])
    image = np.ascontiguousarray((pixels[None, ..., ::-1].astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2))
    features = np.repeat(engine.recognizer.narrow(image)[1][0].copy(), 3, axis=0)
    assert len(features) > 2 * FULL_STEPS
    best, chance = in_full(engine.recognizer, features)
    (whole,) = (scores[0].copy() for scores in engine.recognizer.full(features[None]))
    assert np.array_equal(best, whole.argmax(-1))
    assert chance == pytest.approx(whole.max(-1), abs=0.01)


def cuts_used(engine: PPOcr, image: PageImage) -> set[Cut]:
    """Return how the lines of a page were cut out, which says by which of the two recognizers they were read."""
    reader = LineReader(np.ascontiguousarray(image.pixels), engine.recognizer, "auto")
    reader.words(detect(engine.detector, image.pixels, DetectorSettings()))
    return {cut for cut, _ in reader._read}


def test_only_lines_in_doubt_are_read_by_the_careful_recognizer(engine: PPOcr, monkeypatch: pytest.MonkeyPatch):
    page = paragraph().image
    assert cuts_used(engine, page) == {QUICK}
    assert cuts_used(engine, chinese()) == {QUICK, CAREFUL}
    monkeypatch.setattr(ppocr_recognize, "SURE", 1.01)
    assert cuts_used(engine, page) == {QUICK, CAREFUL}
    (text,) = engine.read([page])
    assert " ".join(text.words.texts) == " ".join(PARAGRAPH)


def test_the_quick_recognizer_has_fewer_channels_of_the_same_model():
    model = read_verified(RECOGNIZER)
    whole, pruned = {name: read_weight(model, name) for name in pruned_weights()}, pruned_weights()
    assert sum(one.size for one in pruned.values()) < 0.65 * sum(one.size for one in whole.values())
    for name, weight in pruned.items():
        assert all(ours <= theirs for ours, theirs in zip(weight.shape, whole[name].shape, strict=True))


def test_where_there_is_nothing_there_are_no_words(engine: PPOcr):
    for grey in (0, 255):
        (text,) = engine.read([PageImage.of(np.full((300, 400, 3), grey, np.uint8))])
        assert len(text.words) == 0


@given(st.floats(40, 8000), st.floats(8, 200))
def test_a_strip_is_nearly_as_wide_as_its_shape_asks(width: float, height: float):
    asked = LINE * width / height / (1 - CAREFUL.ground)
    given_ = strip_width(width, height)
    assert given_ in WIDTHS
    if MIN_WIDTH <= asked <= MAX_WIDTH:
        assert abs(np.log(given_ / asked)) <= 0.5 * np.log(1.25)
        assert asked < 200 or 0.9 <= given_ / asked <= 1.11


def test_digest_names_the_runtime_and_its_numbers(engine: PPOcr):
    assert open_engine(runtime=engine.backend.name, threads=2).digest == engine.digest
    plain = open_engine(runtime=engine.backend.name, precision="float32")
    assert (plain.digest == engine.digest) == (plain.backend.identity == engine.backend.identity)
    other = "openvino" if engine.backend.name == "onnxruntime" else "onnxruntime"
    if importlib.util.find_spec(other):
        assert open_engine(runtime=other, precision="float32").digest != plain.digest


@needs_openvino
def test_openvino_is_taken_where_it_is_installed_and_named():
    assert open_engine().backend.name == "openvino"
    assert "OpenVINO" in ppocr.check()


def test_without_openvino_the_other_runtime_reads_and_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ppocr_runtime.importlib.util, "find_spec", lambda name: None)
    assert open_engine().backend.name == "onnxruntime"
    assert "ONNX Runtime" in ppocr.check()
    with pytest.raises(MissingExtra, match=r"ocr-ingest\[fast\]"):
        open_engine(runtime="openvino")


@needs_openvino
def test_an_openvino_that_does_not_load_is_told_and_not_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(ppocr_runtime.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(EngineNotReady, match='runtime="onnxruntime"'):
        open_engine()


def test_a_gpu_that_is_not_there_is_told_and_not_replaced(monkeypatch: pytest.MonkeyPatch):
    import onnxruntime

    with pytest.raises(UsageError, match="device='abacus'"):
        open_engine(device="abacus")
    with pytest.raises(UsageError, match="runtime"):
        open_engine(device="cuda", runtime="openvino")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EngineNotReady, match=r"ocr-ingest\[gpu\]"):
        open_engine(device="cuda")


def test_a_gpu_reads_under_an_identity_of_its_own():
    processor, gpu = (ppocr_runtime.Backend("onnxruntime", device=device) for device in ("cpu", "cuda"))
    assert processor.identity != gpu.identity

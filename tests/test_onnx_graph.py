"""Cutting a network: what is left computes what the whole one did."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from loaders.errors import ModelFileError
from loaders.ocr.onnx_graph import Port, extract, read_metadata, read_weight
from loaders.ocr.ppocr_models import (
    FEATURES,
    IMAGE,
    LAST_BIAS,
    LAST_WEIGHT,
    POOLED,
    RECOGNIZER,
    SCORES,
    clustered,
    read_verified,
)


@pytest.fixture(scope="module")
def model() -> bytes:
    return read_verified(RECOGNIZER)


def run(model: bytes, outputs: list[str], **inputs: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(outputs, inputs)


def test_two_halves_compute_what_the_whole_does(model: bytes):
    image = np.random.default_rng(1).uniform(-1, 1, (2, 3, 48, 96)).astype(np.float32)
    (whole,) = run(model, [SCORES], **{IMAGE: image})
    front = extract(model, [Port(IMAGE, (None, 3, 48, None))], [Port(FEATURES, (None, None, 120))])
    back = extract(model, [Port(FEATURES, (None, None, 120))], [Port(SCORES, (None, None, 18710))])
    assert len(front) + len(back) < len(model) * 1.02
    (features,) = run(front, [FEATURES], **{IMAGE: image})
    (scores,) = run(back, [SCORES], **{FEATURES: features})
    assert scores == pytest.approx(whole, abs=1e-5)


def test_fewer_columns_are_a_softmax_over_fewer(model: bytes):
    image = np.random.default_rng(2).uniform(-1, 1, (1, 3, 48, 64)).astype(np.float32)
    weight, bias = read_weight(model, LAST_WEIGHT), read_weight(model, LAST_BIAS)
    assert weight.shape == (120, 18710) and bias.shape == (18710,)
    cut = extract(
        model,
        [Port(IMAGE, (None, 3, 48, None))],
        [Port(SCORES, (None, None, 100))],
        {LAST_WEIGHT: weight[:, :100], LAST_BIAS: bias[:100]},
    )
    (whole,), (some,) = run(model, [SCORES], **{IMAGE: image}), run(cut, [SCORES], **{IMAGE: image})
    expected = whole[..., :100] / whole[..., :100].sum(axis=-1, keepdims=True)
    assert some == pytest.approx(expected, abs=1e-4)


def test_another_window_pools_other_rows(model: bytes):
    image = np.random.default_rng(4).uniform(-1, 1, (1, 3, 32, 64)).astype(np.float32)
    rows = "p2o.pd_op.add.64.0"
    cut = extract(model, [Port(IMAGE, (None, 3, 32, None))], [Port(POOLED, (None,) * 4)], windows={POOLED: (2, 2)})
    before = extract(model, [Port(IMAGE, (None, 3, 32, None))], [Port(rows, (None,) * 4)])
    (pooled,), (whole,) = run(cut, [POOLED], **{IMAGE: image}), run(before, [rows], **{IMAGE: image})
    assert whole.shape[2:] == (2, 16) and pooled.shape[2:] == (1, 8)
    assert pooled[..., 0, :] == pytest.approx(whole.reshape(1, -1, 2, 8, 2).mean(axis=(2, 4)), abs=1e-5)


def test_a_model_says_its_characters(model: bytes):
    assert len(read_metadata(model, "character").split("\n")) == 18708
    assert read_metadata(model, "no such key") == ""


def test_what_is_not_there_is_told(model: bytes):
    with pytest.raises(ModelFileError, match="no-such-weight"):
        read_weight(model, "no-such-weight")
    with pytest.raises(ModelFileError, match="no-such-output"):
        extract(model, [Port(IMAGE, (None,))], [Port("no-such-output", (None,))])


@pytest.mark.parametrize("cut", [1, 100, 5_000_000])
def test_a_cut_off_file_is_told(model: bytes, cut: int):
    with pytest.raises(ModelFileError):
        extract(model[:-cut], [Port(IMAGE, (None,))], [Port(SCORES, (None,))])


def test_what_is_no_model_is_told():
    with pytest.raises(ModelFileError):
        extract(b"\x7fELF and so on", [], [Port("y", (None,))])


def test_clusters_are_near_their_columns():
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 10, (5, 4)).astype(np.float32)
    columns = (centres[:, np.repeat(np.arange(4), 50)] + rng.normal(0, 0.1, (5, 200))).astype(np.float32)
    means = clustered(columns, 4)
    assert sorted(means[0]) == pytest.approx(sorted(centres[0]), abs=0.1)

"""Exported graphs: each equals its network, at other sizes than it was traced on, in float32 and nearly so in half."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from parity import cases, seeded

from loaders.errors import EngineError, ModelFileError
from loaders.ocr.nemotron import VARIANTS, Networks, build
from loaders.ocr.nemotron.export import check_onnx, export_onnx, graphs
from loaders.ocr.nemotron.precision import to_float16
from loaders.ocr.nemotron.runtime import OnnxSession, onnx_runtime, torch_runtime

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra [export])")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra [export])")

SMALL = ("recognizer", "relational")  # the detector takes 15 s to export


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def seeded_networks(variant: str) -> Networks:
    networks = build(variant)
    for network in (networks.detector, networks.recognizer, networks.relational):
        seeded.fill(network)
    return networks


@pytest.fixture(scope="module")
def networks() -> Networks:
    return seeded_networks("v1")


@pytest.fixture(scope="module")
def files(networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return export_onnx(networks, tmp_path_factory.mktemp("onnx"), SMALL)


def assert_half_is_near(networks: Networks, name: str, path: Path) -> None:
    """Compare a graph in half precision with its network: 2 % of the outputs' spread, same tokens but for ties."""
    half = path.with_suffix(".half.onnx")
    onnx.save(to_float16(onnx.load(path)), half)
    assert half.stat().st_size < 0.6 * path.stat().st_size
    graph = graphs(networks)[name]
    found = OnnxSession(half, optimize=False).run(**graph.inputs)
    for output, expected in zip(graph.outputs, graph.function(**graph.inputs), strict=True):
        assert found[output].dtype == expected.dtype
        if output == "tokens":
            assert (found[output] == expected).float().mean() > 0.9
        else:
            spread = expected.std().item()
            assert (found[output] - expected).abs().max().item() < 0.02 * spread + 1e-3, output


def test_graphs_equal_their_networks_at_other_sizes(networks: Networks, files: dict[str, Path]) -> None:
    gaps = check_onnx(networks, files)
    assert gaps.keys() == {
        "recognizer tokens",
        "recognizer log_probabilities",
        "recognizer features",
        "relational scores",
    }
    assert max(gaps.values()) <= 1e-4


def test_a_graph_of_other_weights_is_noticed(networks: Networks, files: dict[str, Path]) -> None:
    other = build("v1")
    with pytest.raises(EngineError, match="differs from the network's"):
        check_onnx(other, files)
    assert check_onnx(networks, {"relational": files["relational"]})


def test_runtimes_agree(networks: Networks, files: dict[str, Path]) -> None:
    exact, exported = torch_runtime(networks), onnx_runtime(networks, files, threads=1)
    strips = cases.strips(VARIANTS["v1"])
    expected, found = exact.read(strips), exported.read(strips)
    assert torch.equal(expected.tokens, found.tokens)
    assert torch.allclose(expected.features, found.features, atol=1e-4)
    assert exported.read(strips[:0]).tokens.shape == (0, 32)
    assert exported.detect is exact.detect  # there is no graph of it, so PyTorch runs it
    rectified, quads, recognized = cases.related(VARIANTS["v1"])
    pairs = zip(
        exact.relate(rectified, quads, cases.REGION_COUNTS, recognized),
        exported.relate(rectified, quads, cases.REGION_COUNTS, recognized),
        strict=True,
    )
    for ours, theirs in pairs:
        for one, other in zip(ours, theirs, strict=True):
            assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_half_precision_is_near(networks: Networks, files: dict[str, Path], name: str) -> None:
    assert_half_is_near(networks, name, files[name])


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "detector.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match="cannot be opened by ONNX Runtime"):
        OnnxSession(tmp_path / "detector.onnx")


def test_half_precision_leaves_the_boxes_multiplication_whole() -> None:
    """A hand-made detector head: normalization, convolution, multiplication by scope; and a feature map beside."""
    helper, kind = onnx.helper, onnx.TensorProto
    shape = [1, 1, 4, 4]
    nodes = [
        helper.make_node("Sub", ["images", "mean"], ["centred"], name="sub"),
        helper.make_node("Conv", ["centred", "weight"], ["features"], name="trunk"),
        helper.make_node("Conv", ["features", "weight"], ["raw"], name="head"),
        helper.make_node("Relu", ["raw"], ["positive"], name="relu"),
        helper.make_node("Mul", ["positive", "scope"], ["rboxes"], name="scale"),
    ]
    tensors = {"mean": [0.5], "weight": [0.25], "scope": [2048.0]}
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("images", kind.FLOAT, shape)],
        [helper.make_tensor_value_info(name, kind.FLOAT, shape) for name in ("features", "rboxes")],
        [
            helper.make_tensor(name, kind.FLOAT, [1, 1, 1, 1] if name == "weight" else [1], values)
            for name, values in tensors.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    before = model.SerializeToString()
    half = to_float16(model)
    assert model.SerializeToString() == before
    onnx.checker.check_model(half)
    typed = onnx.shape_inference.infer_shapes(half, strict_mode=True).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*typed.value_info, *typed.output)}
    whole, halved = (
        ("centred", "raw_float32", "positive", "rboxes", "features"),
        ("centred_float16", "features_half", "raw"),
    )
    assert {types[name] for name in whole} == {kind.FLOAT}
    assert {types[name] for name in halved} == {kind.FLOAT16}
    assert [tensor.name for tensor in half.graph.initializer] == ["mean", "weight_float16", "scope"]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["v1", "v2-multi"])
def test_all_graphs_of_a_variant(variant: str, tmp_path: Path) -> None:
    networks = seeded_networks(variant)
    files = export_onnx(networks, tmp_path)
    assert max(check_onnx(networks, files).values()) <= 1e-4
    assert_half_is_near(networks, "detector", files["detector"])
    found = onnx_runtime(networks, files).detect(seeded.page("page", 1, 96, 32))
    assert found.rboxes.shape == (1, 24, 8, 5)

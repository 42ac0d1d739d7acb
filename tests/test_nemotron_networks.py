"""The three networks: equal to NVIDIA's published counts and recorded outputs, and to their own definitions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import cases, seeded
from torch import Tensor, nn

from loaders.errors import UsageError
from loaders.ocr.nemotron import VARIANTS, Networks, build, build_networks
from loaders.ocr.nemotron.detector import Detector
from loaders.ocr.nemotron.quads import baseline, distances, unit
from loaders.ocr.nemotron.recognizer import Recognizer
from loaders.ocr.nemotron.relational import SLOTS, Relational

GOLDEN = Path(__file__).parent / "parity" / "golden.npz"
TOLERANCE = 1e-4


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def filled(network: Any) -> Any:
    seeded.fill(network)
    return network.eval()


@cache
def v1() -> Networks:
    networks = build("v1")
    for network in (networks.detector, networks.recognizer, networks.relational):
        seeded.fill(network)
    return networks


# Published counts: the v1 card counts parameters, the v2 cards every element of the state dicts.


def shapes(variant: str) -> list[nn.Module]:
    with torch.device("meta"):
        networks = build(variant)
    return [networks.detector, networks.recognizer, networks.relational]


def test_v1_counts_as_its_card_says() -> None:
    counts = [sum(p.numel() for p in network.parameters()) for network in shapes("v1")]
    assert counts == [45_268_472, 4_944_346, 2_254_422]
    assert sum(counts) == 52_467_240


@pytest.mark.parametrize(
    ("variant", "expected", "total"),
    [
        ("v2-en", [45_445_259, 6_130_657, 2_255_419], 53_831_335),
        ("v2-multi", [45_445_259, 36_119_598, 2_288_187], 83_853_044),
    ],
)
def test_v2_counts_as_its_cards_say(variant: str, expected: list[int], total: int) -> None:
    assert [sum(v.numel() for v in network.state_dict().values()) for network in shapes(variant)] == expected
    assert sum(expected) == total


@pytest.mark.parametrize(
    ("variant", "keys"), [("v1", [573, 88, 73]), ("v2-en", [613, 90, 73]), ("v2-multi", [613, 126, 73])]
)
def test_state_dicts_have_as_many_keys_as_the_published_ones(variant: str, keys: list[int]) -> None:
    assert [len(network.state_dict()) for network in shapes(variant)] == keys


# Outputs of NVIDIA's own modules on seeded weights, kept in golden.npz by parity/compare.py.


def golden(name: str) -> cases.Case:
    with np.load(GOLDEN) as kept:
        return {key.removeprefix(f"{name}/"): kept[key] for key in kept.files if key.startswith(f"{name}/")}


def assert_golden(name: str, found: cases.Case) -> None:
    expected = golden(name)
    assert expected.keys() == found.keys()
    for key, values in expected.items():
        assert values.shape == found[key].shape
        assert np.abs(values - found[key]).max() <= TOLERANCE, key


@pytest.mark.parametrize(("backbone", "scope"), cases.DETECTORS.items())
def test_detector_equals_the_original(backbone: Any, scope: float) -> None:
    network = filled(Detector(backbone, scope))
    assert_golden(f"detector {backbone}", cases.detector_case(*network(cases.images()), scope))


@pytest.mark.parametrize("name", cases.RECOGNIZERS)
def test_recognizer_equals_the_original_in_every_norm_variant(name: str) -> None:
    config = cases.RECOGNIZERS[name]
    network = filled(Recognizer(config))
    assert_golden(f"recognizer {name}", cases.recognizer_case(*network(cases.strips(config))))


@pytest.mark.parametrize("name", VARIANTS)
def test_relational_equals_the_original_with_its_defect(name: str) -> None:
    config = VARIANTS[name]
    rectified, quads, recognized = cases.related(config)
    network = filled(Relational(config, "original"))
    found = network(rectified, quads, cases.REGION_COUNTS, recognized)
    assert_golden(f"relational {name}", cases.relational_case([tuple(image) for image in found]))


# Detector


def test_detector_gives_one_value_per_cell_of_four_pixels() -> None:
    out = v1().detector(torch.rand(1, 3, 32, 64))
    assert out.confidence.shape == (1, 8, 16)
    assert out.rboxes.shape == (1, 8, 16, 5)
    assert out.features.shape == (1, 128, 8, 16)
    assert (out.rboxes[..., :4] >= 0).all()
    assert (out.rboxes[..., 4].abs() <= np.pi + 1e-6).all()


@pytest.mark.parametrize("shape", [(1, 3, 48, 64), (3, 64, 64), (1, 1, 64, 64)])
def test_detector_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="multiples of 32"):
        v1().detector(torch.rand(shape))


def test_detector_is_the_same_in_channels_last() -> None:
    images = seeded.page("page", 1, 64, 64)
    plain = v1().detector(images)
    last = v1().detector(images.to(memory_format=torch.channels_last))
    assert torch.allclose(plain.rboxes, last.rboxes, rtol=1e-4, atol=1e-2)
    assert torch.allclose(plain.confidence, last.confidence, atol=TOLERANCE)


def test_autocast_keeps_boxes_and_probabilities_in_float32() -> None:
    networks, images = v1(), seeded.page("page", 1, 32, 32)
    strips = cases.strips(VARIANTS["v1"])
    rectified, quads, recognized = (part[:20] for part in cases.related(VARIANTS["v1"]))
    exact = networks.relational(rectified, quads, [20], recognized)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found, reading = networks.detector(images), networks.recognizer.read(strips)
        relations = networks.relational(rectified, quads, [20], recognized.bfloat16())[0]
    assert found.features.dtype == torch.bfloat16
    assert {found.confidence.dtype, found.rboxes.dtype, reading.log_probabilities.dtype} == {torch.float32}
    assert {values.dtype for values in relations} == {torch.float32}
    seen = exact.word_logits.isfinite()
    assert torch.equal(seen, relations.word_logits.isfinite())
    assert (exact.word_logits - relations.word_logits)[seen].abs().max() < 0.2


# Recognizer


def test_read_gives_the_best_token_of_each_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    network, strips = v1().recognizer, cases.strips(VARIANTS["v1"])
    best = network(strips).logits.log_softmax(-1).max(-1)
    for at_once in (1 << 26, 858 * 7):  # in one part, and in parts of seven slots
        monkeypatch.setattr("loaders.ocr.nemotron.recognizer.LOGITS_AT_ONCE", at_once)
        reading = network.read(strips)
        assert torch.equal(reading.tokens, best.indices)
        assert torch.allclose(reading.log_probabilities, best.values, atol=1e-5)
    assert network.read(strips[:0]).tokens.shape == (0, 32)


def test_recognizer_refuses_strips_of_another_width() -> None:
    with pytest.raises(UsageError, match="128, 8, 32"):
        v1().recognizer.read(torch.zeros(1, 128, 8, 16))


# Relational


def relate(counts: list[int], null_link: Any = "first", seed: str = "image") -> list[Any]:
    network = Relational(VARIANTS["v1"], null_link).eval()
    network.load_state_dict(v1().relational.state_dict())
    return network(*inputs(counts, seed))


def inputs(counts: list[int], seed: str = "image") -> tuple[Tensor, Tensor, list[int], Tensor]:
    total = sum(counts)
    rectified = torch.from_numpy(seeded.uniform(f"{seed} rectified", total, 128, 2, 3))
    recognized = torch.from_numpy(seeded.uniform(f"{seed} recognized", total, 4, 256))
    return rectified, seeded.regions(seed, total), counts, recognized


def test_null_link_settings_differ_only_in_the_null_column_of_small_images() -> None:
    for ours, theirs in zip(relate([5, 1, 16]), relate([5, 1, 16], "original"), strict=True):
        small = len(ours.word_logits) < SLOTS
        for mine, other in zip(ours, theirs, strict=True):
            assert torch.equal(mine[:, 1:], other[:, 1:])
            assert torch.equal(mine[:, 0], other[:, 0]) is not small


def test_null_link_is_what_the_encoder_gives_without_empty_slots() -> None:
    seen: list[Tensor] = []

    def spy(tokens: Tensor, valid: Tensor) -> Tensor:
        seen.extend([tokens, valid])
        return v1().relational.encode(tokens, valid)

    found = v1().relational(*inputs([4]), encode=spy)[0]
    tokens, valid = seen
    assert valid.sum(1).tolist() == [4] * 4  # the null link and three neighbours
    assert not tokens[~valid].any()
    short = v1().relational.encode(tokens[:, :4], valid[:, :4])
    assert torch.allclose(found.word_logits[:, 0], short[:, 0, 0], atol=1e-5)


def test_a_region_alone_has_only_its_null_link() -> None:
    found = relate([1])[0]
    assert found.word_logits.shape == (1, 2)
    assert found.word_logits.isfinite().tolist() == [[True, False]]


def test_every_region_is_shown_itself_never_and_fifteen_others_at_most() -> None:
    for count, relations in zip((3, 40), relate([3, 40]), strict=True):
        seen = relations.word_logits.isfinite()
        assert seen.sum(1).tolist() == [min(count, SLOTS)] * count
        assert not seen[:, 1:].diagonal().any()
        assert all(torch.equal(seen, values.isfinite()) for values in relations)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    rectified, quads, _, recognized = inputs([7, 0, 20])
    together = v1().relational(rectified, quads, torch.tensor([7, 0, 20]), recognized)
    alone = v1().relational(rectified[7:], quads[7:], [20], recognized[7:])[0]
    assert [len(image.word_logits) for image in together] == [7, 0, 20]
    assert torch.allclose(together[2].line_logits, alone.line_logits, atol=1e-5)


def test_relations_do_not_depend_on_the_order_of_the_regions() -> None:
    rectified, quads, counts, recognized = inputs([24])
    order = torch.from_numpy(np.random.default_rng(0).permutation(24))
    straight = v1().relational(rectified, quads, counts, recognized)[0].word_logits
    shuffled = v1().relational(rectified[order], quads[order], counts, recognized[order])[0].word_logits
    columns = torch.cat([torch.zeros(1, dtype=torch.int64), order + 1])
    assert torch.allclose(shuffled, straight[order][:, columns], atol=1e-4)


def test_relational_refuses_counts_that_do_not_add_up() -> None:
    rectified, quads, _, recognized = inputs([4])
    with pytest.raises(UsageError, match="counts sum to 5"):
        v1().relational(rectified, quads, [5], recognized)
    with pytest.raises(UsageError, match="null_link"):
        build("v1", null_link="second")  # type: ignore[arg-type]


# Geometry

corner = st.floats(-100, 100, width=32)
boxes = st.lists(
    st.tuples(corner, corner, st.floats(1, 50, width=32), st.floats(1, 50, width=32)), min_size=2, max_size=5
)


def rectangles(sizes: list[tuple[float, float, float, float]]) -> Tensor:
    return torch.tensor([[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in sizes])


@settings(max_examples=60, deadline=None)
@given(boxes)
def test_distance_of_quads_apart_is_that_of_their_polygons(sizes: list[tuple[float, float, float, float]]) -> None:
    shapely = pytest.importorskip("shapely")
    quads = rectangles(sizes)
    found = distances(quads)
    polygons = [shapely.Polygon(quad.double().numpy()) for quad in quads]
    assert torch.equal(found, found.T)
    for i, one in enumerate(polygons):
        assert found[i, i] == torch.inf
        for j, other in enumerate(polygons):
            if i != j and one.distance(other) > 0:
                assert found[i, j].item() == pytest.approx(one.distance(other), rel=1e-4, abs=1e-3)


def test_distance_of_quads_that_cross_is_from_corner_to_edge() -> None:
    flat, upright = rectangles([(0, 4, 10, 2), (4, 0, 2, 10)])  # a plus sign
    assert (
        distances(torch.stack([flat, upright]))[0, 1].item() == 4
    )  # from a corner of one to an edge's end of the other
    inner, outer = rectangles([(4, 4, 2, 2), (0, 0, 10, 10)])
    assert distances(torch.stack([inner, outer]))[0, 1].item() == 4


def test_distances_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    quads = seeded.regions("blocks", 30)
    whole = distances(quads)
    monkeypatch.setattr("loaders.ocr.nemotron.quads.PAIRS_AT_ONCE", 16 * 30 * 4)
    assert torch.equal(distances(quads), whole)
    assert distances(quads[:0]).shape == (0, 0)


def test_directions() -> None:
    assert unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
    assert baseline(rectangles([(1, 1, 6, 2)])).tolist() == [[6, 0]]


# The package


def test_importing_the_package_does_not_import_torch() -> None:
    script = (
        "import sys, loaders.ocr.nemotron, loaders.ocr.nemotron.checkpoint, loaders.ocr.nemotron.fetch, "
        "loaders.ocr.nemotron.export, loaders.ocr.nemotron.tensorrt; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_networks_are_in_eval_mode_and_unknown_variants_are_refused() -> None:
    with torch.device("meta"):
        networks = build_networks(replace(VARIANTS["v1"], num_layers=1))
    assert not any(n.training for n in (networks.detector, networks.recognizer, networks.relational))
    with pytest.raises(UsageError, match="v1, v2-en, v2-multi"):
        build("v2")

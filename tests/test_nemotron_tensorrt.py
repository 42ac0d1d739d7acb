"""TensorRT engines: what the cache gives back, and that every graph is taken and built, which needs no GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import seeded

from loaders.errors import EngineError, EngineNotReady, MissingExtra, UsageError
from loaders.ocr.nemotron import VARIANTS, Networks, build
from loaders.ocr.nemotron.checkpoint import Checkpoint
from loaders.ocr.nemotron.export import export_onnx
from loaders.ocr.nemotron.plan_cache import PlanCache, PlanIdentity, Profile
from loaders.ocr.nemotron.tensorrt import build_plan, graph_bytes, import_tensorrt, profiles, tensorrt_runtime

PROFILE = Profile({"strips": ((1, 128, 8, 32), (64, 128, 8, 32), (128, 128, 8, 32))})
IDENTITY = PlanIdentity("recognizer", "a" * 64, "NVIDIA H200", "580.95", "tensorrt 11.4.0", "float16", PROFILE)


def seeded_networks(variant: str) -> Networks:
    networks = build(variant)
    for network in (networks.detector, networks.recognizer, networks.relational):
        seeded.fill(network)
    return networks


def installed() -> Any:
    try:
        return import_tensorrt()
    except MissingExtra:
        return None


needs_tensorrt = pytest.mark.skipif(installed() is None, reason="neither tensorrt nor tensorrt_rtx is installed")


def test_a_plan_comes_back_for_its_own_identity_only(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans")
    assert cache.get(IDENTITY) is None
    cache.put(IDENTITY, b"plan")
    assert cache.get(IDENTITY) == b"plan"
    wider = Profile({"strips": ((1, 128, 8, 32), (64, 128, 8, 32), (256, 128, 8, 32))})
    others = [
        replace(IDENTITY, graph="relational"),
        replace(IDENTITY, model_digest="b" * 64),
        replace(IDENTITY, gpu="NVIDIA A100"),
        replace(IDENTITY, driver="590.10"),
        replace(IDENTITY, tensorrt="tensorrt_rtx 11.4.0"),
        replace(IDENTITY, precision="float32"),
        replace(IDENTITY, profile=wider),
        replace(IDENTITY, graph_revision=IDENTITY.graph_revision + 1),
    ]
    assert len({other.key for other in (IDENTITY, *others)}) == 9
    assert [cache.get(other) for other in others] == [None] * 8


@pytest.mark.parametrize("suffix", [".plan", ".json"])
def test_a_damaged_or_foreign_plan_is_not_given(tmp_path: Path, suffix: str) -> None:
    cache = PlanCache(tmp_path)
    plan = cache.put(IDENTITY, b"plan")
    plan.with_suffix(suffix).write_bytes(b"{}")
    assert cache.get(IDENTITY) is None
    cache.put(IDENTITY, b"plan")
    stranger = cache.put(replace(IDENTITY, gpu="NVIDIA A100"), b"stranger")
    for end in (".plan", ".json"):  # another machine's files under this one's name
        stranger.with_suffix(end).replace(plan.with_suffix(end))
    assert cache.get(IDENTITY) is None


def test_profiles_admit_what_lies_between_their_shapes() -> None:
    made = profiles(VARIANTS["v2-multi"], images=4, sides=(512, 1536))
    assert made["detector"].shapes["images"] == ((1, 3, 512, 512), (2, 3, 1024, 1024), (4, 3, 1536, 1536))
    assert made["recognizer"].shapes["strips"][2] == (128, 128, 8, 128)
    assert made["detector"].most == 4
    assert made["detector"].admits("images", (9, 3, 512, 1536))
    assert not made["detector"].admits("images", (1, 3, 480, 512))
    assert not made["detector"].admits("images", (3, 512, 512))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_runtime_says_so(tmp_path: Path) -> None:
    checkpoint = Checkpoint(build("v1"), (), VARIANTS["v1"], "digest")
    with pytest.raises(EngineNotReady, match="CUDA"):
        tensorrt_runtime(checkpoint, tmp_path)


@pytest.mark.skipif(installed() is not None, reason="TensorRT is installed")
def test_without_tensorrt_its_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"\[tensorrt\]"):
        build_plan(b"", PROFILE)


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(UsageError, match="float16"):
        graph_bytes(tmp_path / "none.onnx", "int8")  # type: ignore[arg-type]


@needs_tensorrt
def test_what_is_no_graph_is_refused_in_the_parsers_words() -> None:
    with pytest.raises(EngineError, match=r"cannot read the graph: .+"):
        build_plan(b"no graph", PROFILE)


def capability() -> str | None:
    """tensorrt_rtx builds for a GPU that is not here; tensorrt for the one that is."""
    return "8.0" if installed().__name__ == "tensorrt_rtx" and not torch.cuda.is_available() else None


@pytest.mark.slow
@needs_tensorrt
@pytest.mark.parametrize("variant", ["v1", "v2-multi"])
def test_every_graph_is_built_in_both_precisions_with_dynamic_profiles(variant: str, tmp_path: Path) -> None:
    if installed().__name__ == "tensorrt" and not torch.cuda.is_available():
        pytest.skip("tensorrt builds on a GPU only; tensorrt_rtx would do without")
    files = export_onnx(seeded_networks(variant), tmp_path)
    timing = tmp_path / "timing.cache"
    for name, profile in profiles(VARIANTS[variant]).items():
        sizes = {}
        for precision in ("float32", "float16"):
            plan = build_plan(
                graph_bytes(files[name], precision), profile, timing=timing, compute_capability=capability()
            )
            sizes[precision] = len(plan)
        assert sizes["float16"] < 0.9 * sizes["float32"]
    assert timing.stat().st_size > 0


@pytest.mark.slow
@needs_tensorrt
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_engines_on_a_gpu_equal_the_networks(tmp_path: Path) -> None:
    networks = seeded_networks("v1")
    checkpoint = Checkpoint(networks, (), VARIANTS["v1"], "digest of no file")
    chosen = profiles(VARIANTS["v1"], images=2, sides=(64, 128), strips=8, regions=64)
    runtime = tensorrt_runtime(checkpoint, tmp_path, precision="float32", chosen=chosen)
    again = tensorrt_runtime(checkpoint, tmp_path, precision="float32", chosen=chosen)
    images, strips = seeded.page("page", 3, 64, 96), torch.from_numpy(seeded.uniform("strips", 20, 128, 8, 32))
    with torch.no_grad():
        expected, read = networks.detector(images), networks.recognizer.read(strips)
    for opened in (runtime, again):
        found = opened.detect(images)
        assert (found.confidence - expected.confidence).abs().max() < 1e-3
        assert (found.rboxes - expected.rboxes).abs().max() < 0.5
        assert (opened.read(strips).log_probabilities - read.log_probabilities).abs().max() < 1e-3

"""Compare our three networks with NVIDIA's own modules on the same random weights, and write the golden file.

Run in an environment of its own that holds torch, numpy and `pip install --no-deps nemotron-ocr==2.0.2`:

    PYTHONPATH=.:tests python tests/parity/compare.py          # compare, print the largest differences
    PYTHONPATH=.:tests python tests/parity/compare.py --write  # and keep NVIDIA's outputs in golden.npz

No checkpoint and no GPU are needed. NVIDIA's compiled extension is not loaded: the networks want one operation of it,
the distance between quads, which exists on CUDA only; both sides get ours (tested in test_nemotron_networks).
"""

from __future__ import annotations

import importlib
import sys
import types
from functools import partial
from pathlib import Path

import numpy as np
import torch
from parity import cases, seeded
from torch import Tensor, nn

from loaders.ocr.nemotron import VARIANTS, ModelConfig, build_networks
from loaders.ocr.nemotron.detector import Detector
from loaders.ocr.nemotron.quads import distances
from loaders.ocr.nemotron.recognizer import Recognizer

GOLDEN = Path(__file__).with_name("golden.npz")
TOLERANCE = 1e-4
PACKAGE = "nemotron_ocr.inference.models"


def ragged_distances(
    quads: Tensor, counts: Tensor, x_factor: float, y_factor: float, *, allow_self_distance: bool
) -> Tensor:
    """Stand in for the CUDA operation: (B, n, 4, 2) quads to (B, n, n) distances."""
    assert (x_factor, y_factor, allow_self_distance) == (1, 1, False)
    out = quads.new_zeros(len(quads), quads.shape[1], quads.shape[1])
    for image, count in enumerate(counts.tolist()):
        out[image, :count, :count] = distances(quads[image, :count])
    return out


def stub_imports() -> None:
    """Put stand-ins where the package imports its compiled extension and torchvision's downloader."""
    names = ["quad_rectify_calc_quad_width", "ragged_quad_all_2_all_distance_v2"]
    extension = types.ModuleType("nemotron_ocr_cpp")
    for name in names:
        setattr(extension, name, ragged_distances)
    download = types.ModuleType("torchvision._internally_replaced_utils")
    download.load_state_dict_from_url = None  # type: ignore[attr-defined]
    for module in (extension, types.ModuleType("torchvision"), download):
        sys.modules[module.__name__] = module


def official(module: str, name: str, *args: object, **options: object) -> nn.Module:
    """Build one of NVIDIA's modules, fill it, in eval mode."""
    network: nn.Module = getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)(*args, **options).eval()
    seeded.fill(network)
    return network


def ours(network: nn.Module, theirs: nn.Module) -> nn.Module:
    """Load their state dict into our network, strictly: equal names, equal shapes, equal types."""
    state = theirs.state_dict()
    assert {k: (v.shape, v.dtype) for k, v in state.items()} == {
        k: (v.shape, v.dtype) for k, v in network.state_dict().items()
    }
    network.load_state_dict(state, strict=True)
    return network.eval()


def without_download() -> None:
    """Let the trunk's constructor skip the ImageNet weights that it would fetch."""
    regnet = importlib.import_module(f"{PACKAGE}.detector.regnet")
    norm = partial(nn.BatchNorm2d, eps=1e-5, momentum=0.1)
    regnet._regnet = lambda arch, params, pretrained, progress, **k: regnet.RegNet(params, norm_layer=norm, **k)


def detector_pair(backbone: str, scope: float) -> tuple[cases.Case, cases.Case]:
    """Run both detectors."""
    theirs = official("detector.fots_detector", "FOTSDetector", verbose=False, backbone=backbone, scope=scope)
    mine = ours(Detector(backbone, scope), theirs)  # type: ignore[arg-type]
    confidence, _, rboxes, features, *_ = theirs(cases.images())
    return cases.detector_case(confidence, rboxes, features, scope), cases.detector_case(*mine(cases.images()), scope)


def recognizer_pair(config: ModelConfig) -> tuple[cases.Case, cases.Case]:
    """Run both recognizers."""
    theirs = official(
        "recognizer",
        "TransformerRecognizer",
        128,
        config.num_tokens,
        config.max_width,
        use_pre_norm=config.pre_norm,
        use_final_norm=config.final_norm,
        norm_first=config.norm_first,
        depth=config.depth,
        num_layers=config.num_layers,
        nhead=config.nhead,
        dim_feedforward=config.dim_feedforward,
    )
    mine = ours(Recognizer(config), theirs)
    logits, features = theirs(cases.strips(config))
    return cases.recognizer_case(logits, features), cases.recognizer_case(*mine(cases.strips(config)))


def relational_pair(config: ModelConfig) -> tuple[cases.Case, cases.Case]:
    """Run both relational networks; ours with the defect of theirs, which shows on fewer than 16 regions."""
    theirs = official("relational", "GlobalRelationalModel", [128], 2 * config.depth, k=16)
    mine = ours(build_networks(config, null_link="original").relational, theirs)
    rectified, quads, recognized = cases.related(config)
    out = theirs(rectified, quads, torch.tensor(cases.REGION_COUNTS), recognized)
    images = list(zip(out["words"], out["lines"], out["line_log_var_unc"], strict=True))
    found = mine(rectified, quads, cases.REGION_COUNTS, recognized)
    return cases.relational_case(images), cases.relational_case([tuple(image) for image in found])


def main() -> int:
    """Compare every network; the exit status is 1 if any differs by more than the tolerance."""
    torch.set_grad_enabled(False)
    stub_imports()
    without_download()
    pairs = {f"detector {name}": detector_pair(name, scope) for name, scope in cases.DETECTORS.items()}
    pairs |= {f"recognizer {name}": recognizer_pair(config) for name, config in cases.RECOGNIZERS.items()}
    pairs |= {f"relational {name}": relational_pair(config) for name, config in VARIANTS.items()}
    worst = 0.0
    for name, (theirs, mine) in pairs.items():
        gaps = {key: float(np.abs(theirs[key] - mine[key]).max()) for key in theirs}
        worst = max(worst, *gaps.values())
        print(f"{name:32}", "  ".join(f"{key} {gap:.1e}" for key, gap in gaps.items()))
    print(f"largest absolute difference {worst:.2e}, tolerance {TOLERANCE:.0e}")
    if "--write" in sys.argv:
        flat = {f"{name}/{key}": values for name, (theirs, _) in pairs.items() for key, values in theirs.items()}
        np.savez_compressed(GOLDEN, **flat)  # type: ignore[arg-type]
        print(f"wrote {GOLDEN}, {GOLDEN.stat().st_size} bytes")
    return worst > TOLERANCE


if __name__ == "__main__":
    sys.exit(main())

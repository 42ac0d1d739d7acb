"""Hyper-parameters of a checkpoint, from its tensors and from model_config.json.

Shapes tell most of it, and are believed; the file tells what no tensor does: scope, heads, the norms' order and the
input length. Where both speak and differ, the files are of different models: a ModelFileError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.errors import ModelFileError
from loaders.ocr.nemotron.variants import VARIANTS, ModelConfig

if TYPE_CHECKING:
    import torch

# model_config.json's name of a setting -> ours, where they differ
NAMES = {"has_pre_norm": "pre_norm", "has_tx_norm": "final_norm"}

State = Mapping[str, "torch.Tensor"]


def settle_config(said: Any, detector: State, recognizer: State, path: Path) -> ModelConfig:
    """Join what the tensors tell with `said`, the content of model_config.json at `path` (None: there is no such file).

    Settings that neither gives have the defaults of NVIDIA's package. Raises ModelFileError where they disagree.
    """
    try:
        told = _told(detector, recognizer)
    except (KeyError, IndexError, ValueError) as error:
        raise ModelFileError(f"{path.parent}: detector or recognizer is not of nemotron-ocr ({error})") from error
    if said is None:
        return _without_file(told, path)
    given = _given(said, path)
    wrong = [name for name in told if name in given and given[name] != told[name]]
    if wrong:
        values = ", ".join(f"{name} {given[name]!r} (tensors: {told[name]!r})" for name in wrong)
        raise ModelFileError(f"{path} is of another model: it says {values}")
    config = replace(ModelConfig(), **(told | given))
    has_norm = "tx.norm.weight" in recognizer
    if has_norm and "final_norm" not in given:
        return replace(config, final_norm=True)
    if has_norm != (config.final_norm or config.norm_first):
        raise ModelFileError(f"{path} is of another model: it and the recognizer's tensors disagree on the final norm")
    return config


def _told(detector: State, recognizer: State) -> dict[str, Any]:
    tokens, width = recognizer["classifier.weight"].shape
    return {
        "backbone": "regnet_y_8gf" if any(".f.se." in name for name in detector) else "regnet_x_8gf",
        "num_tokens": tokens,
        "max_width": recognizer["position_encoding"].shape[2],
        "depth": width // 2,
        "num_layers": sum(name.endswith(".linear1.weight") for name in recognizer),
        "dim_feedforward": recognizer["tx.layers.0.linear1.weight"].shape[0],
        "pre_norm": "pre_norm.weight" in recognizer,
        # Not final_norm: its tensors, tx.norm, come with norm_first too.
    }


def _without_file(told: dict[str, Any], path: Path) -> ModelConfig:
    """Accept v1, whose first revisions may have no model_config.json and whose settings are the package's defaults."""
    v1 = VARIANTS["v1"]
    if any(getattr(v1, name) != value for name, value in told.items()):
        raise ModelFileError(f"{path} is missing: scope, heads and the norms' order are in no tensor")
    return v1


def _given(said: Any, path: Path) -> dict[str, Any]:
    """Read the settings that the file gives, under our names; null means not given, unknown names mean nothing."""
    if not isinstance(said, dict):
        raise ModelFileError(f"{path} must hold a JSON object")
    types = {field.name: type(field.default) for field in fields(ModelConfig)}
    named = {NAMES.get(name, name): value for name, value in said.items() if value is not None}
    given = {name: value for name, value in named.items() if name in types}
    for name, value in given.items():
        fits = type(value) in (int, float) if types[name] is float else type(value) is types[name]
        if not fits:
            raise ModelFileError(f"{path}: {name} is {value!r}, not of type {types[name].__name__}")
    return given

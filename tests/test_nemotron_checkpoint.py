"""NVIDIA's files, as we would get them: loaded whole, and refused with a reason when anything is off."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import seeded

from loaders.errors import ModelFileError
from loaders.ocr.nemotron import VARIANTS, ModelConfig, Networks, build
from loaders.ocr.nemotron.checkpoint import LOCK, file_digest, load_checkpoint, locate, verify
from loaders.ocr.nemotron.model_config import settle_config

CHARSET = [chr(0x4E00 + i) for i in range(855)]
V1_CONFIG = {
    "scope": 512,
    "max_width": 32,
    "num_tokens": 858,
    "dim_feedforward": None,
    "recognizer_variant": "standard",
}


@pytest.fixture(scope="module")
def networks() -> Networks:
    made = build("v1")
    for network in (made.detector, made.recognizer, made.relational):
        seeded.fill(network)
    return made


@pytest.fixture(scope="module")
def published(networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for name in ("detector", "recognizer", "relational"):
        torch.save(getattr(networks, name).state_dict(), folder / f"{name}.pth")
    (folder / "charset.txt").write_text(json.dumps(CHARSET))
    (folder / "model_config.json").write_text(json.dumps(V1_CONFIG))
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """A folder of links to the published files, any of which a test may replace."""
    for path in published.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def put(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def test_a_checkpoint_is_loaded_unchanged(folder: Path, networks: Networks) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.config == VARIANTS["v1"]
    assert loaded.charset == tuple(CHARSET)
    for name in ("detector", "recognizer", "relational"):
        ours, theirs = getattr(loaded.networks, name), getattr(networks, name)
        assert not ours.training
        for key, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[key], value), key


def test_safetensors_half_precision_and_a_charset_in_one_string_are_taken(folder: Path, networks: Networks) -> None:
    from safetensors.torch import save_file

    (folder / "relational.pth").unlink()
    half = {k: v.half() if v.is_floating_point() else v for k, v in networks.relational.state_dict().items()}
    save_file(half, folder / "relational.safetensors")
    put(folder / "charset.txt", json.dumps("".join(CHARSET)).encode())
    loaded = load_checkpoint(folder)
    assert loaded.charset == tuple(CHARSET)
    assert {p.dtype for p in loaded.networks.relational.parameters()} == {torch.float32}


def test_the_digest_is_of_every_file(folder: Path) -> None:
    before = verify(locate(folder))
    assert before == verify(locate(folder))
    put(folder / "charset.txt", json.dumps(CHARSET[::-1]).encode())
    assert verify(locate(folder)) != before
    (folder / "model_config.json").unlink()
    assert len({before, verify(locate(folder))}) == 2


def damage_truncated(folder: Path) -> None:
    put(folder / "relational.pth", (folder / "relational.pth").read_bytes()[:100_000])


def damage_empty(folder: Path) -> None:
    put(folder / "recognizer.pth", b"")


def damage_pointer(folder: Path) -> None:
    put(folder / "detector.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def damage_unsafe(folder: Path) -> None:
    put(folder / "relational.pth", pickle.dumps({"weight": Path("/tmp/run-me")}))


def damage_listed(folder: Path) -> None:
    (folder / "relational.pth").unlink()
    torch.save([torch.zeros(1)], folder / "relational.pth")


def relational_with(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        state = torch.load(folder / "relational.pth", weights_only=True)
        change(state)
        (folder / "relational.pth").unlink()
        torch.save(state, folder / "relational.pth")

    return damage


def damage_variant(folder: Path) -> None:
    (folder / "relational.pth").unlink()
    torch.save(build("v2-multi").relational.state_dict(), folder / "relational.pth")


def damage_swapped(folder: Path) -> None:
    (folder / "recognizer.pth").unlink()
    (folder / "recognizer.pth").symlink_to((folder / "relational.pth").resolve())


def text(name: str, content: Any) -> Callable[[Path], None]:
    return lambda folder: put(folder / name, content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "detector.pth").unlink(), r"lacks detector\.pth"),
        (lambda folder: (folder / "charset.txt").unlink(), r"lacks charset\.txt"),
        (damage_truncated, r"relational\.pth is damaged, partial"),
        (damage_empty, r"recognizer\.pth is damaged, partial"),
        (damage_pointer, "git lfs pull"),
        (damage_unsafe, r"relational\.pth was refused"),
        (damage_listed, "holds no state dict"),
        (relational_with(lambda s: s.pop("recog_tx.bias")), r"lacks 1 tensors \(recog_tx\.bias\)"),
        (relational_with(lambda s: s.update(extra=torch.zeros(1))), r"has unknown 1 tensors \(extra\)"),
        (relational_with(lambda s: s["recog_tx.bias"].fill_(torch.nan)), r"not finite in 1 tensors \(recog_tx\.bias\)"),
        (damage_variant, r"other shapes for 1 tensors \(recog_tx\.weight\)"),
        (damage_swapped, r"is not of nemotron-ocr"),
        (text("charset.txt", CHARSET[:-1]), "854 characters, but the recognizer knows 855"),
        (text("charset.txt", {"a": 1}), "JSON string or a list"),
        (text("charset.txt", b"abc"), r"charset\.txt is not JSON"),
        (text("charset.txt", b"\xff\xfe"), r"charset\.txt is not JSON"),
        (text("model_config.json", {"backbone": "regnet_x_8gf"}), "backbone 'regnet_x_8gf'"),
        (text("model_config.json", []), "must hold a JSON object"),
        (text(LOCK, {"files": {"charset.txt": {"sha256": "0" * 64}}}), "not the file that was fetched"),
        (text(LOCK, {"files": 3}), "is not a lock file"),
    ],
)
def test_what_is_wrong_is_refused_with_a_reason(folder: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(folder)
    with pytest.raises(ModelFileError, match=message):
        load_checkpoint(folder)


def test_code_in_a_file_is_not_run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    witness = tmp_path_factory.mktemp("witness") / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (witness,)

    put(folder / "relational.pth", pickle.dumps(Bomb()))
    with pytest.raises(ModelFileError, match="was refused"):
        load_checkpoint(folder)
    assert not witness.exists()


def test_a_lock_that_fits_is_no_obstacle(folder: Path) -> None:
    digest = file_digest(folder / "charset.txt")
    put(folder / LOCK, json.dumps({"files": {"charset.txt": {"sha256": digest}}}).encode())
    assert verify(locate(folder))


def test_no_folder_and_a_folder_above_are_told_apart(published: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="--fetch"):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "v2_english").mkdir()
    with pytest.raises(ModelFileError, match="folders inside it: v2_english"):
        load_checkpoint(tmp_path)


# What the tensors tell and what the config tells


def states(config: ModelConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors of a detector and a recognizer that settings are read from."""
    width = 2 * config.depth
    empty = torch.empty
    recognizer = {
        "classifier.weight": empty(config.num_tokens, width, device="meta"),
        "position_encoding": empty(1, width, config.max_width, device="meta"),
    }
    for layer in range(config.num_layers):
        recognizer[f"tx.layers.{layer}.linear1.weight"] = empty(config.dim_feedforward, width, device="meta")
    if config.pre_norm:
        recognizer["pre_norm.weight"] = empty(width, device="meta")
    if config.final_norm or config.norm_first:
        recognizer["tx.norm.weight"] = empty(width, device="meta")
    detector = {"extractor.levels.0.block1-0.f.se.fc1.weight": empty(1)} if config.backbone == "regnet_y_8gf" else {}
    return detector, recognizer


def settled(config: ModelConfig, said: Any) -> ModelConfig:
    return settle_config(said, *states(config), Path("model_config.json"))


MULTI = {"scope": 2048, "nhead": 8, "norm_first": True, "has_tx_norm": True}


@pytest.mark.parametrize(
    ("tensors", "said", "expected"),
    [
        (VARIANTS["v1"], None, VARIANTS["v1"]),
        (VARIANTS["v1"], {}, VARIANTS["v1"]),
        (VARIANTS["v1"], {"infer_length": 1536}, replace(VARIANTS["v1"], infer_length=1536)),
        (VARIANTS["v2-multi"], MULTI, VARIANTS["v2-multi"]),
        (VARIANTS["v2-en"], MULTI | {"backbone": "regnet_x_8gf", "depth": 128}, VARIANTS["v2-en"]),
        (VARIANTS["v2-en"], {"norm_first": True}, replace(VARIANTS["v2-en"], scope=512.0)),
        (replace(VARIANTS["v1"], final_norm=True), {}, replace(VARIANTS["v1"], final_norm=True)),
        (replace(VARIANTS["v1"], pre_norm=True), {}, replace(VARIANTS["v1"], pre_norm=True)),
        (replace(VARIANTS["v1"], pre_norm=True), {"has_pre_norm": True}, replace(VARIANTS["v1"], pre_norm=True)),
        (replace(VARIANTS["v1"], nhead=4), {"nhead": 4}, replace(VARIANTS["v1"], nhead=4)),
    ],
)
def test_settings_come_from_tensors_and_config(tensors: ModelConfig, said: Any, expected: ModelConfig) -> None:
    assert settled(tensors, said) == expected


@pytest.mark.parametrize(
    ("tensors", "said", "message"),
    [
        (VARIANTS["v2-en"], None, "scope, heads and the norms' order are in no tensor"),
        (VARIANTS["v2-multi"], MULTI | {"num_tokens": 858}, r"num_tokens 858 \(tensors: 14247\)"),
        (VARIANTS["v2-multi"], MULTI | {"max_width": 32, "depth": 128}, "max_width 32.*depth 128"),
        (VARIANTS["v1"], {"norm_first": True}, "disagree on the final norm"),
        (VARIANTS["v2-en"], {"has_tx_norm": False}, "disagree on the final norm"),
        (VARIANTS["v1"], {"has_pre_norm": True}, "pre_norm True"),
        (VARIANTS["v1"], {"scope": "512"}, "scope is '512', not of type float"),
        (VARIANTS["v1"], {"nhead": True}, "nhead is True, not of type int"),
    ],
)
def test_settings_that_disagree_are_refused(tensors: ModelConfig, said: Any, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        settled(tensors, said)

"""NVIDIA's published model files: found, verified, loaded into our networks; nothing is downloaded here.

Comes in: a folder with detector, recognizer and relational (.safetensors or .pth), charset.txt and model_config.json.
Goes out: a Checkpoint. Every file that is missing, partial, unsafe or of another model is a ModelFileError.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.errors import ModelFileError
from loaders.ocr.nemotron import Networks, build_networks
from loaders.ocr.nemotron.model_config import settle_config
from loaders.ocr.nemotron.variants import SPECIAL_TOKENS, ModelConfig, NullLink

if TYPE_CHECKING:
    import torch

NETWORKS = ("detector", "recognizer", "relational")
CHARSET, CONFIG, LOCK = "charset.txt", "model_config.json", "nemotron-ocr.lock.json"
HUB_FOLDERS = ("checkpoints", "v2_english", "v2_multilingual")  # of NVIDIA's repositories
LFS_POINTER = b"version https://git-lfs"

State = dict[str, "torch.Tensor"]


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """The files of one checkpoint; `config` is None where model_config.json is absent."""

    networks: dict[str, Path]
    charset: Path
    config: Path | None

    def paths(self) -> list[Path]:
        return [*self.networks.values(), self.charset, *([self.config] if self.config else [])]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint; `charset[i]` is the text of token 3 + i, `digest` feeds the config_id."""

    networks: Networks
    charset: tuple[str, ...]
    config: ModelConfig
    digest: str


def load_checkpoint(model_dir: str | Path, *, null_link: NullLink = "first") -> Checkpoint:
    """Load a folder of NVIDIA's files, strictly, on the CPU; networks are in eval mode.

    Raises ModelFileError for a file that is missing, partial, unsafe, of another model, or not as locked when fetched.
    """
    files = locate(model_dir)
    digest = verify(files)
    states = {name: _read_state(path) for name, path in files.networks.items()}
    said = None if files.config is None else _read_json(files.config)
    config = settle_config(said, states["detector"], states["recognizer"], files.charset.with_name(CONFIG))
    charset = _read_charset(files.charset, config)
    import torch

    with torch.device("meta"):  # no time and memory for weights that the files replace
        networks = build_networks(config, null_link=null_link)
    for name, path in files.networks.items():
        _fill(getattr(networks, name), states[name], path)
    return Checkpoint(networks, charset, config, digest)


def locate(model_dir: str | Path) -> CheckpointFiles:
    """Find a checkpoint's files in a folder; raises ModelFileError that names what is missing."""
    folder = Path(model_dir)
    if not folder.is_dir():
        raise ModelFileError(f"no folder {folder}; fetch the model with: ingest engines --fetch, or pass its folder")
    networks = {name: path for name in NETWORKS if (path := _network_file(folder, name))}
    missing = [f"{name}.pth" for name in NETWORKS if name not in networks]
    missing += [] if (folder / CHARSET).is_file() else [CHARSET]
    if missing:
        inside = [name for name in HUB_FOLDERS if (folder / name).is_dir()]
        hint = f"; pass one of the folders inside it: {', '.join(inside)}" if inside else ""
        raise ModelFileError(f"{folder} lacks {', '.join(missing)}{hint}")
    config = folder / CONFIG
    return CheckpointFiles(networks, folder / CHARSET, config if config.is_file() else None)


def verify(files: CheckpointFiles) -> str:
    """Compare the files with the lock file beside them, if there is one, and digest them all (sha256, hex)."""
    locked = read_lock(files.charset.with_name(LOCK))
    whole = hashlib.sha256()
    for path in files.paths():
        found = file_digest(path)
        if locked.get(path.name, found) != found:
            raise ModelFileError(f"{path} is not the file that was fetched (see {LOCK}); fetch it again")
        whole.update(f"{path.name} {found}\n".encode())
    return whole.hexdigest()


def file_digest(path: Path) -> str:
    """Digest a file: sha256, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lock(path: Path) -> dict[str, str]:
    """Read file name -> sha256 from a lock file; empty if there is none."""
    if not path.is_file():
        return {}
    try:
        files = _read_json(path)["files"]
        return {name: str(entry["sha256"]) for name, entry in files.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is not a lock file; delete it and fetch the model again") from error


def _network_file(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}.safetensors", folder / f"{name}.pth")
    return next((path for path in candidates if path.is_file()), None)


def _read_state(path: Path) -> State:
    """Read a state dict without running code from it."""
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ModelFileError(f"{path} is a Git LFS pointer, not the model; run: git lfs pull")
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    import torch

    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelFileError(f"{path} holds no state dict (a dict of tensors by name)")
    return state


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ModelFileError(f"{path} is damaged or not a safetensors file: {error}") from error


def _read_pickle(path: Path) -> Any:
    from pickle import UnpicklingError

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles, which it then refuses or reads
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelFileError(f"{path} was refused: it is not a file of plain tensors, or damaged") from error
    except Exception as error:  # garbage makes torch raise anything
        raise ModelFileError(f"{path} is damaged, partial, or not a torch file: {error}") from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of the encoding, too
        raise ModelFileError(f"{path} is not JSON: {error}") from error


def _read_charset(path: Path, config: ModelConfig) -> tuple[str, ...]:
    """Read a JSON string or list of strings; its length must fit the recognizer's tokens."""
    raw = _read_json(path)
    if not isinstance(raw, str | list) or not all(isinstance(text, str) and text for text in raw):
        raise ModelFileError(f"{path} must hold a JSON string or a list of strings")
    if len(raw) + SPECIAL_TOKENS != config.num_tokens:
        raise ModelFileError(
            f"{path} has {len(raw)} characters, but the recognizer knows {config.num_tokens - SPECIAL_TOKENS}: "
            "they are of different models"
        )
    return tuple(raw)


def _fill(network: torch.nn.Module, state: State, path: Path) -> None:
    """Load a state dict whose names, shapes and values are all right; else say what is wrong."""
    own = network.state_dict()
    complaints = {
        "lacks": [name for name in own if name not in state],
        "has unknown": [name for name in state if name not in own],
        "has other shapes for": [name for name in own if name in state and state[name].shape != own[name].shape],
        "has values that are not finite in": [name for name in state if not state[name].isfinite().all()],
    }
    found = [f"{what} {len(names)} tensors ({', '.join(names[:3])})" for what, names in complaints.items() if names]
    if found:
        raise ModelFileError(f"{path} {'; '.join(found)}: it is partial, or of another model or variant")
    network.load_state_dict({name: state[name].to(own[name].dtype) for name in own}, strict=True, assign=True)

"""A checkpoint, or random weights, made ready to read with: on a device, in a precision, behind a runtime.

Comes in: where the files are and how to run them. Goes out: a reader.Model. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loaders.errors import EngineNotReady, ModelFileError, UsageError
from loaders.ocr.nemotron.variants import NullLink, variant_config

if TYPE_CHECKING:
    import torch

    from loaders.ocr.nemotron.checkpoint import Checkpoint
    from loaders.ocr.nemotron.reader import Model

RuntimeName = Literal["torch", "onnx", "tensorrt"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
RUNTIMES, PRECISIONS = ("torch", "onnx", "tensorrt"), ("auto", "float32", "bfloat16", "float16")
RANDOM_CHARSET = 0x4E00  # random weights write in consecutive ideographs
ONNX_FOLDER, PLAN_FOLDER, ONNX_RECORD = "onnx", "tensorrt", "exported.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where the numbers come from: a folder of NVIDIA's files, or a seed for random ones (folder None)."""

    variant: str
    folder: Path | None
    seed: int = 0

    @property
    def digest(self) -> str:
        """Identify the weights without loading them. Raises EngineNotReady or ModelFileError where files are absent."""
        if self.folder is None:
            return f"random {self.variant} {self.seed}"
        from loaders.ocr.nemotron.checkpoint import verify

        return verify(self.files())

    def files(self) -> Any:
        """Find the files; raises EngineNotReady that says how to get them."""
        from loaders.ocr.nemotron.checkpoint import locate

        folder = self.folder or Path()
        if not folder.is_dir():
            raise EngineNotReady(
                f"no weights of nemotron-ocr {self.variant} at {folder}; fetch them with "
                f"`ingest engines --fetch nemotron-ocr-{self.variant}`, or give their folder with --model-dir"
            )
        return locate(folder)

    def load(self, null_link: NullLink) -> Checkpoint:
        """Load the networks on the CPU, in float32."""
        from loaders.ocr.nemotron.checkpoint import load_checkpoint

        if self.folder is None:
            return random_checkpoint(self.variant, self.seed, null_link=null_link)
        self.files()
        return load_checkpoint(self.folder, null_link=null_link)


def default_folder(variant: str) -> Path:
    """Return where a fetched variant is kept: ~/.cache/ocr-ingest/nemotron-ocr-<variant>."""
    variant_config(variant)
    return Path("~/.cache/ocr-ingest").expanduser() / f"nemotron-ocr-{variant}"


def random_checkpoint(variant: str, seed: int = 0, *, null_link: NullLink = "first") -> Checkpoint:
    """Build a variant with random weights and a charset to match, the same for the same seed: to measure speed with."""
    import torch

    from loaders.ocr.nemotron import build
    from loaders.ocr.nemotron.checkpoint import Checkpoint
    from loaders.ocr.nemotron.variants import SPECIAL_TOKENS

    config = variant_config(variant)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = build(variant, null_link=null_link)
    charset = tuple(chr(RANDOM_CHARSET + i) for i in range(config.num_tokens - SPECIAL_TOKENS))
    return Checkpoint(networks, charset, config, f"random {variant} {seed}")


def pick_device(device: str) -> torch.device:
    """Resolve "auto" to CUDA where torch sees it, else the CPU; raises EngineNotReady for an absent device."""
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"device={device!r}; choose auto, cpu, cuda or cuda:<number>") from error
    if chosen.type not in ("cpu", "cuda"):
        raise UsageError(f"device={device!r}; choose auto, cpu, cuda or cuda:<number>")
    if chosen.type == "cuda" and not (chosen.index or 0) < torch.cuda.device_count():
        raise EngineNotReady(f"device={device!r}, but torch sees {torch.cuda.device_count()} CUDA devices; use cpu")
    return chosen


def pick_precision(precision: str, device: torch.device, runtime: str) -> str:
    """Resolve "auto": float16 on CUDA and in TensorRT, bfloat16 on a CPU that multiplies it, else float32."""
    if precision not in PRECISIONS:
        raise UsageError(f"precision={precision!r}; choose one of {', '.join(PRECISIONS)}")
    if runtime == "onnx":
        if precision not in ("auto", "float32"):
            raise UsageError(f"precision={precision!r}; the ONNX runtime runs in float32")
        return "float32"
    if runtime == "tensorrt" and precision == "bfloat16":
        raise UsageError("precision='bfloat16'; the TensorRT runtime runs in float16 or float32")
    if precision != "auto":
        return precision
    if device.type == "cuda" or runtime == "tensorrt":
        return "float16"
    return "bfloat16" if _multiplies_bfloat16() else "float32"


def _multiplies_bfloat16() -> bool:
    import torch

    if hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def ready_model(
    weights: Weights, runtime: str, device: torch.device, precision: str, *, null_link: NullLink, threads: int = 0
) -> Model:
    """Load the weights and put a runtime over them. Raises EngineNotReady where its files or packages are absent."""
    import torch

    from loaders.ocr.nemotron.reader import Model
    from loaders.ocr.nemotron.runtime import onnx_runtime, torch_runtime

    checkpoint = weights.load(null_link)
    networks, config = checkpoint.networks, checkpoint.config
    if runtime == "onnx":
        chosen = onnx_runtime(networks, exported_files(checkpoint, weights), threads=threads)
    elif runtime == "tensorrt":
        from loaders.ocr.nemotron.tensorrt import tensorrt_runtime

        kind: Any = precision
        chosen = tensorrt_runtime(checkpoint, _beside(weights, PLAN_FOLDER), precision=kind, device=str(device))
    else:
        chosen = torch_runtime(networks)
    for network in (networks.detector, networks.recognizer, networks.relational):
        network.to(device=device)
    if runtime == "torch":
        for network in (networks.detector, networks.recognizer):
            torch.nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)
    autocast = getattr(torch, precision) if runtime == "torch" else torch.float32
    return Model(chosen, checkpoint.charset, config.infer_length, config.max_width, device, autocast)


# -- exported graphs, and which checkpoint they are of --------------------------------------------------------------


def export(weights: Weights, to: str) -> Path:
    """Export a checkpoint for another runtime, into a folder beside its files; returns the folder.

    "onnx" writes and checks the three graphs; "tensorrt" builds the engines for the GPU here, in float16.
    """
    if to not in ("onnx", "tensorrt"):
        raise UsageError(f"to={to!r}; choose onnx or tensorrt")
    checkpoint = weights.load("first")
    if to == "tensorrt":
        from loaders.ocr.nemotron.tensorrt import tensorrt_runtime

        folder = _beside(weights, PLAN_FOLDER)
        tensorrt_runtime(checkpoint, folder)
        return folder
    from loaders.ocr.nemotron.export import check_onnx, export_onnx

    folder = _beside(weights, ONNX_FOLDER)
    check_onnx(checkpoint.networks, export_onnx(checkpoint.networks, folder))
    (folder / ONNX_RECORD).write_text(json.dumps({"model": checkpoint.digest}) + "\n", encoding="utf-8")
    return folder


def exported_files(checkpoint: Checkpoint, weights: Weights) -> dict[str, Path]:
    """Find the graphs exported of this very checkpoint; raises EngineNotReady or ModelFileError."""
    from loaders.ocr.nemotron.checkpoint import NETWORKS

    folder = _beside(weights, ONNX_FOLDER)
    files = {name: folder / f"{name}.onnx" for name in NETWORKS}
    how = "`ingest export nemotron --to onnx`" + ("" if weights.folder is None else f" --model-dir {weights.folder}")
    if not all(path.is_file() for path in (*files.values(), folder / ONNX_RECORD)):
        raise EngineNotReady(f"no exported graphs in {folder}; make them with {how}")
    try:
        known = json.loads((folder / ONNX_RECORD).read_text(encoding="utf-8"))["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{folder / ONNX_RECORD} is damaged; export again with {how}") from error
    if known != checkpoint.digest:
        raise ModelFileError(f"the graphs in {folder} are of another checkpoint; export again with {how}")
    return files


def _beside(weights: Weights, name: str) -> Path:
    folder = weights.folder or default_folder(weights.variant).with_name(f"nemotron-ocr-{weights.variant}-random")
    return folder / name


def options_digest(*values: object) -> str:
    """Digest what identifies an opened engine: sha256, hex."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()

"""The three networks as TensorRT engines, built from the ONNX graphs with dynamic profiles, cached, and run on CUDA.

Works with `tensorrt` (10 or later) and with `tensorrt_rtx`, whose Python API is the same. Networks are strongly typed:
the graph's own types are the precision (see precision.to_float16). Building with tensorrt_rtx needs no GPU.
"""

from __future__ import annotations

import ctypes
import importlib
import re
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loaders.errors import EngineError, EngineNotReady, MissingExtra, UsageError
from loaders.ocr.nemotron.checkpoint import Checkpoint
from loaders.ocr.nemotron.export import export_onnx
from loaders.ocr.nemotron.plan_cache import PlanCache, PlanIdentity, Profile, write_whole
from loaders.ocr.nemotron.precision import to_float16
from loaders.ocr.nemotron.variants import FEATURE_CHANNELS, ModelConfig

if TYPE_CHECKING:
    import torch

    from loaders.ocr.nemotron.runtime import Runtime

Precision = Literal["float16", "float32"]
PACKAGES = ("tensorrt", "tensorrt_rtx")


def profiles(
    config: ModelConfig,
    *,
    images: int = 8,
    sides: tuple[int, int] = (640, 2048),
    strips: int = 128,
    regions: int = 2048,
) -> dict[str, Profile]:
    """Make the profiles of the three graphs: up to so many images of sides in pixels, strips, and regions at once.

    Larger batches are run in parts; memory of the detector grows with images * sides[1] ** 2.
    """
    least, largest = sides
    usual = min(max(config.infer_length, least), largest)
    strip, slot = (FEATURE_CHANNELS, 8, config.max_width), (16, 256)
    return {
        "detector": Profile(
            {"images": ((1, 3, least, least), ((images + 1) // 2, 3, usual, usual), (images, 3, largest, largest))}
        ),
        "recognizer": Profile({"strips": ((1, *strip), (strips, *strip), (strips, *strip))}),
        "relational": Profile(
            {
                "tokens": ((1, *slot), (min(256, regions), *slot), (regions, *slot)),
                "valid": ((1, 16), (min(256, regions), 16), (regions, 16)),
            }
        ),
    }


def tensorrt_runtime(
    checkpoint: Checkpoint,
    cache_dir: str | Path,
    *,
    precision: Precision = "float16",
    chosen: dict[str, Profile] | None = None,
    device: str = "cuda",
) -> Runtime:
    """Open the checkpoint's engines on a GPU, from the cache or built now (minutes), as functions for the engine.

    The checkpoint's networks must be on the CPU in float32 when an engine is to be built; the relational network's
    small layers run in PyTorch, so move it to the device afterwards. Raises EngineNotReady without a CUDA device,
    MissingExtra without TensorRT, EngineError when an engine cannot be built.
    """
    import torch

    from loaders.ocr.nemotron.runtime import session_runtime

    if not torch.cuda.is_available():
        raise EngineNotReady(
            "TensorRT engines run on a CUDA device, and torch sees none; use the torch or ONNX runtime"
        )
    folder = PlanCache(Path(cache_dir))
    sessions = {}
    for name, profile in (chosen or profiles(checkpoint.config)).items():
        identity = identify(name, checkpoint.digest, profile, precision, torch.cuda.get_device_name(device))
        plan = folder.get(identity) or _build(checkpoint, identity, folder)
        sessions[name] = TensorRTSession(plan, profile, device)
    return session_runtime(checkpoint.networks, sessions)


def identify(graph: str, model_digest: str, profile: Profile, precision: Precision, gpu: str) -> PlanIdentity:
    """Say what a plan built here and now depends on."""
    trt = import_tensorrt()
    return PlanIdentity(
        graph, model_digest, gpu, driver_version(), f"{trt.__name__} {trt.__version__}", precision, profile
    )


def build_plan(
    model: bytes,
    profile: Profile,
    *,
    timing: Path | None = None,
    compute_capability: str | None = None,
) -> bytes:
    """Build an engine from the bytes of an ONNX graph, in the precision of the graph's types; returns the plan.

    `timing`: a timing cache, read and written, which makes the next build faster (tensorrt_rtx ignores it).
    `compute_capability`: "8.0" builds for another GPU than the one here; tensorrt_rtx only. Raises EngineError with the
    parser's words for a graph that TensorRT does not take.
    """
    trt = import_tensorrt()
    builder = trt.Builder(_logger())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, _logger())
    if not parser.parse(model):
        said = "; ".join(parser.get_error(i).desc() for i in range(min(parser.num_errors, 3)))
        raise EngineError(f"TensorRT cannot read the graph: {said}")
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 means float32
    shapes = builder.create_optimization_profile()
    for name, (least, usual, largest) in profile.shapes.items():
        shapes.set_shape(name, least, usual, largest)
    config.add_optimization_profile(shapes)
    if compute_capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, "SM" + compute_capability.replace(".", "")), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # tensorrt_rtx: that timing caches do nothing
        if timing:
            timings = config.create_timing_cache(timing.read_bytes() if timing.is_file() else b"")
            config.set_timing_cache(timings, False)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise EngineError("TensorRT read the graph but could not build an engine; its log on stderr says why")
        if timing:
            write_whole(timing, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def graph_bytes(path: Path, precision: Precision) -> bytes:
    """Read an exported graph in a precision."""
    import onnx

    if precision not in ("float16", "float32"):
        raise UsageError(f"precision is 'float16' or 'float32', not {precision!r}")
    if precision == "float32":
        return path.read_bytes()
    return to_float16(onnx.load(path)).SerializeToString()


def _build(checkpoint: Checkpoint, identity: PlanIdentity, folder: PlanCache) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = export_onnx(checkpoint.networks, scratch, (identity.graph,))[identity.graph]
        model = graph_bytes(path, "float16" if identity.precision == "float16" else "float32")
    folder.folder.mkdir(parents=True, exist_ok=True)
    machine = re.sub(r"\W+", "-", f"{identity.gpu} {identity.driver} {identity.tensorrt}")
    plan = build_plan(model, identity.profile, timing=folder.folder / f"timing-{machine}.cache")
    folder.put(identity, plan)
    return plan


class TensorRTSession:
    """One engine on one CUDA device; runs on torch's current stream. Not for several threads at once."""

    def __init__(self, plan: bytes, profile: Profile, device: str = "cuda") -> None:
        import torch

        trt = import_tensorrt()
        self._device, self._profile = torch.device(device), profile
        with torch.cuda.device(self._device):
            self._runtime = trt.Runtime(_logger())
            self._engine = self._runtime.deserialize_cuda_engine(plan)
            if self._engine is None:
                raise EngineError("TensorRT cannot load the engine; delete the cache folder to have it built again")
            self._context = self._engine.create_execution_context()
        types = {
            trt.float32: torch.float32,
            trt.float16: torch.float16,
            trt.int64: torch.int64,
            trt.int32: torch.int32,
            trt.bool: torch.bool,
        }
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        self._types = {name: types[self._engine.get_tensor_dtype(name)] for name in names}
        self._outputs = [n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.OUTPUT]

    def run(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Run the engine, in parts where the batch is larger than its profile's; outputs are on the device.

        Raises UsageError for pages outside the profile.
        """
        import torch

        for name, value in inputs.items():
            if not self._profile.admits(name, tuple(value.shape)):
                least, _, largest = self._profile.shapes[name]
                raise UsageError(f"{name} {tuple(value.shape)} is outside the engine's profile, {least} to {largest}")
        ready = {
            name: value.to(self._device, self._types[name]).contiguous().split(self._profile.most)
            for name, value in inputs.items()
        }
        parts = [self._run_part(dict(zip(ready, values, strict=True))) for values in zip(*ready.values(), strict=True)]
        return {name: torch.cat([part[name] for part in parts]) for name in self._outputs}

    def _run_part(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        import torch

        with torch.cuda.device(self._device):
            for name, value in inputs.items():
                self._context.set_input_shape(name, tuple(value.shape))
                self._context.set_tensor_address(name, value.data_ptr())
            outputs = {}
            for name in self._outputs:
                shape = tuple(self._context.get_tensor_shape(name))
                outputs[name] = torch.empty(shape, dtype=self._types[name], device=self._device)
                self._context.set_tensor_address(name, outputs[name].data_ptr())
            if not self._context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise EngineError("TensorRT failed to run the engine; its log on stderr says why")
        return outputs


def import_tensorrt() -> Any:
    """Import tensorrt, or tensorrt_rtx where there is no tensorrt; raises MissingExtra without both."""
    for package in PACKAGES:
        try:
            return importlib.import_module(package)
        except ImportError:
            continue
    raise MissingExtra("tensorrt", "tensorrt")


def driver_version() -> str:
    """Give the NVIDIA driver's release, else the CUDA version it serves ("CUDA 13000"), or "none"."""
    stated = Path("/proc/driver/nvidia/version")
    if stated.is_file() and (found := re.search(r"\b\d+\.\d+(\.\d+)?\b", stated.read_text())):
        return found.group()
    version = ctypes.c_int()
    try:
        ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    except OSError:
        return "none"
    return f"CUDA {version.value}"


@cache
def _logger() -> Any:
    trt = import_tensorrt()
    return trt.Logger(trt.Logger.ERROR)

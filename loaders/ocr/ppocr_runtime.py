"""What runs the networks: bytes of an ONNX model go in, a function from array to arrays comes out.

ONNX Runtime is always there and computes in float32. OpenVINO, from the extra [fast], computes in what the processor
is quick at: the recognizer's convolutions in int8 where there is AVX-512 VNNI (see ppocr_int8), the rest in bfloat16
where there is that. On an NVIDIA GPU ONNX Runtime's CUDA provider runs them, from the extra [gpu], in float32. Which
one runs is decided when the engine is opened, never afterwards, and is part of its digest.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from loaders.errors import EngineNotReady, MissingExtra, UsageError
from loaders.geometry import Array

Runtime = Literal["auto", "openvino", "onnxruntime"]
Precision = Literal["auto", "float32"]
Device = Literal["cpu", "cuda"]
CUDA = "CUDAExecutionProvider"
LABELS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
KEPT, KEPT_OF_SHAPE = "CPU_RUNTIME_CACHE_CAPACITY", 16
"""What OpenVINO calls the most kernels it keeps, least used gone first, and about how many the recognizer has for one
shape. These take 5 to 6 MB a shape; to make them anew takes as long as a line or two. Left alone it keeps 5,000."""
VNNI = 23
"""OpenCV's number for AVX-512 VNNI, without which int8 is no faster and, on older processors, overflows."""


class Network(Protocol):
    """An opened network. What it returns may be overwritten by its next call in the same thread."""

    def __call__(self, values: Array) -> tuple[Array, ...]: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A runtime, with what it computes in.

    name    "openvino" or "onnxruntime"
    number  of the recognizer's large convolutions: "int8", or the same as `rest`
    rest    of everything else: "bfloat16" or "float32"
    """

    name: str
    number: str = "float32"
    rest: str = "float32"
    threads: int = 1
    device: Device = "cpu"

    @property
    def identity(self) -> tuple[str, ...]:
        """Name what decides the results, which the number of threads does not."""
        return (self.name, _version(self.name), self.number, self.rest, *([self.device] * (self.device != "cpu")))

    def open(self, model: bytes, *, convolutions: bool = False, shapes: int = 0) -> Network:
        """Open a model of one input; `convolutions` says that it is the recognizer's half that holds those.

        `shapes` are how many shapes of input are likely to come again: what OpenVINO made for them is kept.
        """
        if self.name == "onnxruntime":
            return _OnnxNetwork(model, self)
        return _OpenVinoNetwork(model, self, int8=convolutions and self.number == "int8", shapes=shapes)


def chosen(runtime: Runtime) -> str:
    """Return the name of the runtime that a choice means here, importing none.

    Raises UsageError for no such choice and MissingExtra where it is not installed.
    """
    if runtime not in get_args(Runtime):
        raise UsageError(f"runtime={runtime!r}; choose one of {', '.join(get_args(Runtime))}")
    there = importlib.util.find_spec("openvino") is not None
    if runtime == "openvino" and not there:
        raise MissingExtra("openvino", "fast")
    return "openvino" if there and runtime != "onnxruntime" else "onnxruntime"


def label(runtime: Runtime) -> str:
    """Return the chosen runtime's name and version, for people."""
    name = chosen(runtime)
    return f"{LABELS[name]} {_version(name)}"


def _version(name: str) -> str:
    """Return the version of a runtime; ONNX Runtime with CUDA is a package of another name."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version(f"{name}-gpu")


def backend(runtime: Runtime, precision: Precision, threads: int, device: Device = "cpu") -> Backend:
    """Choose what runs, and in which numbers, on this machine. Raises as `chosen`, and EngineNotReady."""
    if precision not in get_args(Precision):
        raise UsageError(f"precision={precision!r}; choose one of {', '.join(get_args(Precision))}")
    if device not in get_args(Device):
        raise UsageError(f"device={device!r}; choose one of {', '.join(get_args(Device))}")
    if device == "cuda":
        return _on_cuda(runtime, threads)
    name = chosen(runtime)
    if name == "onnxruntime" or precision == "float32":
        return Backend(name, threads=threads)
    import cv2

    rest = "bfloat16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "float32"
    return Backend(name, "int8" if cv2.checkHardwareSupport(VNNI) else rest, rest, threads)


def _on_cuda(runtime: Runtime, threads: int) -> Backend:
    """Return the backend of an NVIDIA GPU. Raises UsageError for OpenVINO, EngineNotReady without CUDA."""
    if runtime == "openvino":
        raise UsageError('device="cuda" is for ONNX Runtime; leave runtime at "auto"')
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        raise EngineNotReady(
            "this onnxruntime has no CUDA: pip uninstall onnxruntime, then pip install 'ocr-ingest[gpu]' (both are "
            "installed into the same folder, and the last one is the one there is)"
        )
    return Backend("onnxruntime", threads=threads, device="cuda")


def network_input(images: Sequence[npt.NDArray[np.uint8]]) -> Array:
    """Return RGB images (H, W, 3) of one size as PP-OCR's networks were trained on them: (N, 3, H, W), BGR, -1..1."""
    import cv2

    return np.asarray(cv2.dnn.blobFromImages(images, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True), np.float32)


class _OnnxNetwork:
    """A network in ONNX Runtime."""

    def __init__(self, model: bytes, backend: Backend) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = backend.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Every page and line has its own shape, so no plan of memory serves twice; and idle threads should not spin.
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers: list[Any] = ["CPUExecutionProvider"]
        if backend.device == "cuda":  # shapes are many: an exhaustive search for the best kernel of each never ends
            providers.insert(0, (CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}))
        self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        if backend.device == "cuda" and CUDA not in self._session.get_providers():  # only its log says so
            raise EngineNotReady("onnxruntime found no CUDA device, or not the CUDA and cuDNN it was built for")
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: Array) -> tuple[Array, ...]:
        return tuple(self._session.run(None, {self._input: values}))


class _OpenVinoNetwork:
    """A network in OpenVINO. A request serves one thread at a time, so each has its own."""

    def __init__(self, model: bytes, backend: Backend, *, int8: bool, shapes: int) -> None:
        from loaders.ocr.ppocr_int8 import quantize

        core = _core()
        network = core.read_model(model)
        if int8:
            quantize(network)
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if backend.rest == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": backend.threads,
            "NUM_STREAMS": 1,
            KEPT: str(shapes * KEPT_OF_SHAPE),
        }
        self._compiled = core.compile_model(network, "CPU", settings)
        self._outputs = len(self._compiled.outputs)
        self._of_thread = threading.local()

    def __call__(self, values: Array) -> tuple[Array, ...]:
        request = getattr(self._of_thread, "request", None)
        if request is None:
            request = self._of_thread.request = self._compiled.create_infer_request()
        request.infer([values], share_inputs=True)
        return tuple(request.get_output_tensor(i).data for i in range(self._outputs))


def _core():  # type: ignore[no-untyped-def]  # OpenVINO is optional
    """Return OpenVINO's core. Raises EngineNotReady where it is installed and does not load."""
    try:
        import openvino
    except Exception as error:  # a broken installation raises what it likes
        raise EngineNotReady(
            f'openvino is installed and does not load ({error}): mend it, or choose runtime="onnxruntime"'
        ) from error
    return openvino.Core()

"""What runs the networks: bytes of an ONNX model go in, a function from array to arrays comes out.

ONNX Runtime is always there and computes in float32. OpenVINO, from the extra [fast], computes in what the processor
is quick at: the recognizer's convolutions in int8 where there is AVX-512 VNNI (see ppocr_int8), the rest in bfloat16
where there is that. Which one runs is decided when the engine is opened, never afterwards, and is part of its digest.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import threading
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from loaders.errors import EngineNotReady, MissingExtra, UsageError
from loaders.geometry import Array

Runtime = Literal["auto", "openvino", "onnxruntime"]
Precision = Literal["auto", "float32"]
LABELS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
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

    @property
    def identity(self) -> tuple[str, ...]:
        """Name what decides the results, which the number of threads does not."""
        return (self.name, importlib.metadata.version(self.name), self.number, self.rest)

    def open(self, model: bytes, *, convolutions: bool = False) -> Network:
        """Open a model of one input; `convolutions` says that it is the recognizer's half that holds those."""
        if self.name == "onnxruntime":
            return _OnnxNetwork(model, self.threads)
        return _OpenVinoNetwork(model, self, int8=convolutions and self.number == "int8")


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
    return f"{LABELS[name]} {importlib.metadata.version(name)}"


def backend(runtime: Runtime, precision: Precision, threads: int) -> Backend:
    """Choose what runs, and in which numbers, on this machine. Raises as `chosen`, and EngineNotReady."""
    if precision not in get_args(Precision):
        raise UsageError(f"precision={precision!r}; choose one of {', '.join(get_args(Precision))}")
    name = chosen(runtime)
    if name == "onnxruntime" or precision == "float32":
        return Backend(name, threads=threads)
    import cv2

    rest = "bfloat16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "float32"
    return Backend(name, "int8" if cv2.checkHardwareSupport(VNNI) else rest, rest, threads)


class _OnnxNetwork:
    """A network in ONNX Runtime."""

    def __init__(self, model: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Every page and line has its own shape, so no plan of memory serves twice; and idle threads should not spin.
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: Array) -> tuple[Array, ...]:
        return tuple(self._session.run(None, {self._input: values}))


class _OpenVinoNetwork:
    """A network in OpenVINO. A request serves one thread at a time, so each has its own."""

    def __init__(self, model: bytes, backend: Backend, *, int8: bool) -> None:
        from loaders.ocr.ppocr_int8 import quantize

        core = _core()
        network = core.read_model(model)
        if int8:
            quantize(network)
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if backend.rest == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": backend.threads,
            "NUM_STREAMS": 1,
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

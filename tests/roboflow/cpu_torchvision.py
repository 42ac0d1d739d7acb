"""Let PyPI's torchvision, built for CUDA, load beside a CPU build of torch; for these tests, never shipped.

Its compiled part names libraries and symbols of CUDA that a CPU build of torch does not bring, and Workflows does not
import without it. Nothing on a CPU calls them, so empty libraries, and symbols that hold nothing, are enough.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import subprocess
import tempfile
from pathlib import Path


def load_torchvision() -> None:
    """Load torchvision's compiled libraries; where they lack something of CUDA, load a stand-in first, with `cc`."""
    import torch  # noqa: F401  # its libraries come first

    spec = importlib.util.find_spec("torchvision")
    assert spec is not None and spec.origin is not None
    with tempfile.TemporaryDirectory() as folder:
        for library in (Path(spec.origin).with_name(name) for name in ("_C.so", "image.so")):
            for _ in range(100):
                if not (missing := _missing(library)):
                    break
                _load_stand_in(missing, Path(folder))


def _missing(library: Path) -> str:
    """Return the library or symbol that is missing, "" where the library loads."""
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        found = re.match(r"(lib\S*cuda\S*): cannot open", str(error)) or re.search(r"symbol: (\w*cuda\w*)", str(error))
        if not found:
            raise
        return found[1]
    return ""


def _load_stand_in(missing: str, folder: Path) -> None:
    source = "" if ".so" in missing else f"char {missing}[64];"
    path = folder / missing
    command = ["cc", "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{missing}", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True)
    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)

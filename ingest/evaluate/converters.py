"""Other people's converters of PDF pages to Markdown, each in a process of the interpreter it is installed in.

Comes in: a file and page numbers. Goes out: Markdown, and what it took inside that process, whose start is not counted
(Java's is: OpenDataLoader starts it for every call). Some of them cannot be installed beside this package: name their
interpreter as `--engine pymupdf4llm:python=DIR/bin/python`.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from loaders.errors import EngineError, EngineNotReady, UsageError
from loaders.timing import Spent

_SERVE = """
import json, os, resource, sys, time
from importlib.metadata import version
answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
os.dup2(2, 1)
{convert}
def spent():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages)
print(json.dumps({{"version": version({package!r})}}), file=answers, flush=True)
for line in sys.stdin:
    begun, asked = spent(), json.loads(line)
    try:
        answer = {{"markdown": convert(asked["file"], asked["pages"])}}
    except BaseException as error:
        answer = {{"error": f"{{type(error).__name__}}: {{error}}"}}
    answer["spent"] = [after - before for after, before in zip(spent(), begun)]
    print(json.dumps(answer), file=answers, flush=True)
"""
"""What runs there: lines of JSON in, lines of JSON out, all else that it prints on standard error."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """Markdown of some pages, and the time it took."""

    markdown: str
    spent: Spent


class Converter:
    """A converter, started when first used. `python` is the interpreter it is installed in; ours where empty."""

    name: ClassVar[str]
    package: ClassVar[str]
    convert_source: ClassVar[str]

    def __init__(self, python: str = "") -> None:
        self.python = python or sys.executable
        self.digest = f"{self.name} {python}"

    def check(self) -> None:
        """Raise EngineNotReady where it is not installed."""
        if shutil.which(self.python) is None:
            raise UsageError(f"{self.name}: there is no interpreter {self.python}")
        asked = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({self.name_of_module!r}) is None)"
        if subprocess.run([self.python, "-c", asked], check=False, timeout=60).returncode:
            raise EngineNotReady(
                f"{self.package} is not installed in {self.python}: pip install {self.package}, in an environment of "
                f"its own where it does not fit beside this package, named as --engine {self.name}:python=INTERPRETER"
            )

    @property
    def name_of_module(self) -> str:
        return self.package.replace("-", "_")

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        source = _SERVE.format(convert=self.convert_source, package=self.package)
        process = subprocess.Popen(
            [self.python, "-W", "ignore", "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        atexit.register(process.kill)
        self._answer(process)
        return process

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, str | list[float]]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise EngineError(f"{self.name} ended (exit code {process.wait()})")
        answer: dict[str, str | list[float]] = json.loads(line)
        if "error" in answer:
            raise EngineError(f"{self.name} failed: {answer['error']}")
        return answer

    def convert(self, file: Path, numbers: Sequence[int]) -> Conversion:
        """Convert pages `numbers` (1-based) of a file. Raises EngineError when the converter does."""
        process = self._process
        assert process.stdin is not None
        process.stdin.write(json.dumps({"file": str(file.resolve()), "pages": list(numbers)}) + "\n")
        process.stdin.flush()
        answer = self._answer(process)
        wall, cpu = (float(seconds) for seconds in answer["spent"])
        return Conversion(str(answer["markdown"]), Spent(wall, cpu))

    def markdown(self, file: Path, number: int) -> str:
        """Return page `number` (1-based) of a file as Markdown."""
        return self.convert(file, [number]).markdown


class PyMuPdf4Llm(Converter):
    """PyMuPDF4LLM with its defaults."""

    name = "pymupdf4llm"
    package = "pymupdf4llm"
    convert_source = """
import pymupdf4llm
def convert(file, pages):
    return pymupdf4llm.to_markdown(file, pages=[page - 1 for page in pages], show_progress=False)
"""


class OpenDataLoader(Converter):
    """opendataloader-pdf with its defaults, on one thread; it needs Java 11 or newer."""

    name = "opendataloader"
    package = "opendataloader-pdf"
    convert_source = """
import opendataloader_pdf, pathlib, tempfile
def convert(file, pages):
    with tempfile.TemporaryDirectory() as folder:
        opendataloader_pdf.convert(
            [file], output_dir=folder, format="markdown", quiet=True, threads="1", pages=",".join(map(str, pages))
        )
        return "\\n".join(path.read_text(encoding="utf-8") for path in sorted(pathlib.Path(folder).rglob("*.md")))
"""

    def check(self) -> None:
        super().check()
        if shutil.which("java") is None:
            raise EngineNotReady("opendataloader-pdf needs Java 11 or newer, and there is no `java` on this machine")

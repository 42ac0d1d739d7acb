"""One direction of imports, light start-up, and the names the packages promise."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ingest
import loaders

ROOT = Path(__file__).parent.parent
ORDER = (
    "errors geometry document settings timing sources rasterize textlayer ocr rulings relate tables furniture text "
    "tokens metadata chunk ledger cache reading pipeline overlay export langchain_loader llama_index_reader"
).split()
"""The stages of `loaders`, each importing only from those before it; modules in between belong to the next stage."""
ORDER_INGEST = "embed filters schema index stores langchain_store run intake progress citations evaluate cli".split()
HEAVY = {
    "torch",
    "cv2",
    "onnxruntime",
    "openvino",
    "lancedb",
    "langchain_core",
    "llama_index",
    "sentence_transformers",
    "pymupdf",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for name in ("loaders", "ingest") for path in sorted((ROOT / name).rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Return what a module imports when it is imported: not what functions import, nor what only type checkers see."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= submodules or {node.module}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            waiting += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
            waiting += node.body
    return found


IMPORTS = {name: imported(path) for name, path in MODULES.items()}


def test_imports_form_no_cycle() -> None:
    graph = {name: {other for other in IMPORTS[name] if other in MODULES and other != name} for name in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize(("package", "order"), [("loaders", ORDER), ("ingest", ORDER_INGEST)])
def test_stages_import_only_from_those_before_them(package: str, order: list[str]) -> None:
    place = {f"{package}.{stage}": number for number, stage in enumerate(order)}

    def stage(name: str) -> int | None:
        return place.get(".".join(name.split(".")[:2]))

    assert set(place) <= {".".join(name.split(".")[:2]) for name in MODULES}
    for name, others in IMPORTS.items():
        here = stage(name)
        for other in others if here is not None else ():
            there = stage(other)
            assert there is None or there <= here, f"{name} imports {other}, a later stage"


def test_loaders_know_nothing_of_ingest() -> None:
    assert not [
        name for name in MODULES if name.startswith("loaders") and any(o.startswith("ingest") for o in IMPORTS[name])
    ]


def test_only_the_rasterizer_knows_the_pdf_libraries() -> None:
    sources = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    for library in ("pymupdf", "pypdfium2"):
        users = {name for name, text in sources.items() if f"import {library}" in text and "evaluate" not in name}
        assert users
        assert all(name.startswith(("loaders.rasterize.mupdf", "loaders.rasterize.pdfium")) for name in users), users


@pytest.mark.parametrize(
    "package", ["loaders", "ingest", "ingest.cli", "loaders.pipeline", "ingest.index", "ingest.run"]
)
def test_heavy_packages_wait_until_they_are_used(package: str) -> None:
    program = f"import sys, {package}; print(' '.join(sorted({HEAVY!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_the_names_that_are_promised() -> None:
    for package in (loaders, ingest):
        assert package.__all__ == sorted(package.__all__)
        assert all(getattr(package, name) is not None for name in package.__all__)
        with pytest.raises(AttributeError):
            package.no_such_name  # noqa: B018


def test_the_top_level_is_as_agreed() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split(
        "\n"
    )
    if not any(tracked):
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in tracked if name} - {".ci", ".gitignore", "LICENSE"}
    assert top == {"pyproject.toml", "ingest", "loaders", "tests", "notebooks", "README.md"}

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
    "tokens metadata naming chunk ledger files cache reading pipeline overlay export langchain_loader llama_index_reader "
    "detections roboflow_engines roboflow_models roboflow_block"
).split()
"""The stages of `loaders`, each importing only from those before it; modules in between belong to the next stage."""
ORDER_INGEST = (
    "embed filters schema question ranking search index stores langchain_store workers plan run ray_cluster ray_actors "
    "ray_run intake progress citations evaluate printing cli"
).split()
HEAVY = set(
    "torch transformers sentence_transformers tokenizers tiktoken onnxruntime openvino cv2 rapidocr PIL pymupdf "
    "pypdfium2 lancedb pyarrow pandas langchain_core llama_index ray rich fsspec pebble httpx".split()
)
"""What takes long to import, and may be imported by nothing but the call that needs it."""


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


def imported_by(program: str) -> set[str]:
    """Return the heavy packages that a program has imported at its end, in a process of its own."""
    asked = f"{program}\nimport sys; print(' '.join({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stderr.split())


@pytest.mark.parametrize("package", ["loaders", "ingest", "ingest.cli"])
def test_start_up_imports_nothing_heavy(package: str) -> None:
    assert imported_by(f"import {package}") == set()


def test_help_imports_nothing_heavy() -> None:
    program = "import ingest.cli, sys; sys.argv = ['ingest', '--help']\ntry: ingest.cli.main()\nexcept SystemExit: pass"
    assert imported_by(program) == set()


@pytest.mark.parametrize("package", ["loaders.pipeline", "ingest.index", "ingest.run"])
def test_the_stages_import_what_they_use_when_they_use_it(package: str) -> None:
    assert imported_by(f"import {package}") <= {"PIL"}


def test_a_question_is_answered_without_torch() -> None:
    answered = imported_by("from ingest.embed import open_embedder; open_embedder().embed_query('What sank?')")
    assert "onnxruntime" in answered
    assert not answered & {"torch", "transformers", "sentence_transformers"}


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

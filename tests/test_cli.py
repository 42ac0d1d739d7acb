"""The command line as a user types it: what is printed, and the exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pymupdf
import pytest


def ingest(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name in ("invoice.pdf", "report.pdf"):
        shutil.copy(documents / name, folder)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("index") / "index"
    done = ingest("add", folder, "--index", index, "--text", "layer", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["documents"] == {"added": 2, "unchanged": 0, "failed": 0}
    assert printed["pages"] == {"added": 4, "unchanged": 0, "failed": 0}
    assert printed["failures"] == []
    words = printed["words"]
    assert words["recognised"] == words["owned"] + sum(words["dropped"].values())
    return index


def test_search_prints_score_text_and_metadata(index: Path) -> None:
    done = ingest("search", "Petrel energy October to December", "--index", index, "--json", "-k", 3)
    assert done.returncode == 0, done.stderr
    hits = json.loads(done.stdout)
    assert len(hits) == 3
    assert all(set(hit) == {"score", "text", "metadata"} for hit in hits)
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert hits[0]["metadata"]["file_name"] == "report.pdf"
    assert json.loads(hits[0]["metadata"]["boxes"])[0][0] == hits[0]["metadata"]["page_number"]


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_every_mode_answers(index: Path, mode: str) -> None:
    done = ingest("search", "IBAN of the invoice", "--index", index, "--mode", mode)
    assert done.returncode == 0, done.stderr
    assert "invoice.pdf page 1 of 1" in done.stdout


def test_adding_again_changes_nothing(index: Path, folder: Path) -> None:
    done = ingest("add", folder, "--index", index, "--text", "layer", "--json")
    assert json.loads(done.stdout)["documents"] == {"added": 0, "unchanged": 2, "failed": 0}


def test_an_index_in_8_bits_is_opened_as_it_was_made(folder: Path, tmp_path: Path) -> None:
    name = "all-MiniLM-L6-v2-int8"
    made = ingest("add", folder / "invoice.pdf", "--index", tmp_path / "i", "--text", "layer", "--embedder", name)
    assert made.returncode == 0, made.stderr
    found = ingest("search", "IBAN of the invoice", "--index", tmp_path / "i", "--json")
    assert json.loads(found.stdout)[0]["metadata"]["file_name"] == "invoice.pdf"
    assert json.loads(ingest("stats", "--index", tmp_path / "i", "--json").stdout)["embedder"] == name
    other = ingest("add", folder, "--index", tmp_path / "i", "--embedder", "all-MiniLM-L6-v2")
    assert other.returncode == 1 or other.returncode == 2
    assert "two models cannot be compared" in other.stderr


def test_stats(index: Path) -> None:
    printed = json.loads(ingest("stats", "--index", index, "--json").stdout)
    assert (printed["documents"], printed["pages"], printed["failed_pages"]) == (2, 4, 0)
    assert {Path(entry["path"]).name for entry in printed["sources"]} == {"invoice.pdf", "report.pdf"}
    assert "report.pdf" in ingest("stats", "--index", index).stdout


def test_remove(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    ingest("add", folder / "invoice.pdf", "--index", index, "--text", "layer")
    assert ingest("remove", folder / "report.pdf", "--index", index).returncode == 2
    assert ingest("remove", "invoice.pdf", "--index", index, cwd=folder).returncode == 0
    assert json.loads(ingest("stats", "--index", index, "--json").stdout)["chunks"] == 0


@pytest.mark.parametrize(
    ("format", "expected"),
    [("markdown", "## "), ("text", "Brannoch"), ("html", "<h1>"), ("json", '"doc_id"')],
)
def test_read_in_every_format(folder: Path, format: str, expected: str) -> None:
    done = ingest("read", folder / "report.pdf", "--text", "layer", "--format", format, "--pages", "1-2")
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
    if format == "json":
        assert [page["number"] for page in json.loads(done.stdout)["pages"]] == [1, 2]


def test_show_draws_a_page(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    done = ingest("show", folder / "report.pdf", "--text", "layer", "--page", 2, "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_engines_says_what_is_ready() -> None:
    rows = {row["name"]: row for row in json.loads(ingest("engines", "--json").stdout)}
    assert rows["ppocr"]["ready"] is True
    assert {"tesseract", "doctr"} <= set(rows)
    assert all(row["needs"] and row["detail"] for row in rows.values())


def encrypted(path: Path) -> Path:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "The treasure lies under the third oak.")
        document.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="oak", owner_pw="owner")
    return path


def test_an_encrypted_file_needs_its_password(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "secret.pdf")
    without = ingest("read", path)
    assert without.returncode == 1
    assert "needs a password" in without.stderr
    wrong = ingest("read", path, "--password", "elm")
    assert wrong.returncode == 1
    assert "elm" not in wrong.stderr + wrong.stdout
    (tmp_path / "password").write_text("oak\n")
    for given in (["--password", "oak"], ["--password-file", tmp_path / "password"]):
        done = ingest("read", path, "--text", "layer", *given)
        assert "third oak" in done.stdout, done.stderr
    added = ingest("add", path, "--index", tmp_path / "index", "--json")
    assert added.returncode == 1
    (failure,) = json.loads(added.stdout)["failures"]
    assert (failure["page"], failure["stage"]) == (None, "open")
    assert "needs a password" in failure["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "x", "--index", "nowhere"],
        ["add", "void", "--index", "index"],
        ["add", "void", "--index", "index", "--workers", "0"],
        ["add", "void", "--index", "index", "--text", "maybe"],
        ["add", "void", "--index", "index", "--engine", "none-such"],
        ["read", "void/a.pdf", "--format", "docx"],
        ["read", "void/a.pdf", "--pages", "3-1"],
        ["stats"],
        ["no-such-command"],
        ["engines", "--fetch", "nemotron-ocr-v9"],
        ["export", "ppocr", "--to", "onnx"],
        ["export", "nemotron", "--to", "onnx", "--model-dir", "void"],
        ["add", "void", "--index", "index", "--engine", "nemotron", "--model-dir", "void"],
    ],
)
def test_wrong_use_exits_2_and_says_why(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "void").mkdir()
    done = ingest(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_missing_file_exits_1(tmp_path: Path) -> None:
    for command in (["read", tmp_path / "no.pdf"], ["add", tmp_path / "no.pdf", "--index", tmp_path / "index"]):
        done = ingest(*command)
        assert done.returncode == 1
        assert "no such file" in done.stderr

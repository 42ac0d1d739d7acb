"""`ingest evaluate` as a command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from evaluation_pack import add_broken_page, write_pack
from typer.testing import CliRunner

from ingest.cli import app
from ingest.evaluate.packs import read_pack


def test_command_line(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    arguments = ["evaluate", "ocr", str(pack), "--engine", "ppocr", "--text", "layer", "--limit", "1", "--seed", "7"]
    result = CliRunner().invoke(app, [*arguments, "--split", "dev", "--source", "pdf", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "bag_of_words_error" in result.output and "report.html" in result.output
    settings = json.loads((tmp_path / "results.json").read_text())["settings"]
    assert (settings["limit"], settings["seed"], settings["split"], settings["source"]) == (1, 7, "dev", ["pdf"])


@pytest.mark.slow
def test_command_line_names_failures(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    add_broken_page(pack)
    arguments = ["evaluate", "ocr", str(pack), "--text", "layer", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "failed: pdf/broken.pdf#p1 (ppocr)" in result.output


def test_new_pack_from_the_command_line(documents: Path, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    shutil.copyfile(documents / "invoice.pdf", folder / "invoice.pdf")
    (tmp_path / "q.csv").write_text("question,answer,file,page,text\nWho?,N,invoice.pdf,1,Northfirth Marine Services\n")
    made = tmp_path / "mine"
    result = CliRunner().invoke(app, ["evaluate", "new-pack", str(folder), str(tmp_path / "q.csv"), str(made)])
    assert result.exit_code == 0 and "1 documents, 1 questions" in result.output
    assert len(read_pack(made).items) == 2


@pytest.mark.parametrize("command", ["ocr", "order", "tables", "retrieval", "speed"])
def test_common_options_are_spelled_alike(command: str) -> None:
    said = CliRunner().invoke(app, ["evaluate", command, "--help"], env={"COLUMNS": "200"}).output
    for option in (
        "--engine", "--order", "--text", "--split", "--source", "--scope", "--limit", "--seed", "--workers", "--out"
    ):  # fmt: skip
        assert option in said


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, ingest.cli; print([m for m in ('numpy', 'torch', 'cv2', 'pyarrow') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"

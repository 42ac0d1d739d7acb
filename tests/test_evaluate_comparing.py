"""Runs beside each other: which items count, and what two ways of the same name are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.evaluate import compare, read_results
from ingest.evaluate.results import ItemResult, Results, Variant, write_results
from loaders.errors import UsageError

OURS, PLAIN = Variant("ppocr", text="ocr", order="geometric"), Variant("rapidocr", text="ocr", order="engine")
PUBLISHED = Variant("abbyy (published)", text="ocr", order="engine")


def saved(folder: Path, variant: Variant, scores: dict[str, float], *, source: str = "s", version: str = "1") -> Path:
    items = [ItemResult("scans", source, name, name, variant, {"cer": cer}) for name, cer in scores.items()]
    if variant == OURS:
        items.append(ItemResult("scans", source, "a", "a", PUBLISHED, {"cer": 0.5}))
    results = Results.of(items, versions={"ocr-ingest": version, "numpy": "2"}, settings={"seed": 0})
    write_results(results, folder / "results.json")
    return folder


def test_only_common_items_count(tmp_path: Path) -> None:
    ours = saved(tmp_path / "ours", OURS, {"a": 0.1, "b": 0.2, "c": 0.9})
    plain = saved(tmp_path / "plain", PLAIN, {"a": 0.3, "b": 0.3})
    results = compare([ours, plain / "results.json"], out=tmp_path / "out")
    assert {row.engine: (round(row.mean, 3), row.n) for row in results.summary} == {
        "ppocr": (0.15, 2),
        "rapidocr": (0.3, 2),
        "abbyy (published)": (0.5, 1),
    }
    assert read_results(tmp_path / "out" / "results.json") == results
    assert "Paired comparisons" in (tmp_path / "out" / "report.md").read_text()


def test_the_same_way_in_two_runs_is_named_by_the_run(tmp_path: Path) -> None:
    before = saved(tmp_path / "before" / "scans", OURS, {"a": 0.3})
    after = saved(tmp_path / "after" / "scans", OURS, {"a": 0.1}, version="2")
    results = compare([before, after])
    assert [row.engine for row in results.summary] == [
        "ppocr @ before/scans",
        "abbyy (published)",
        "ppocr @ after/scans",
    ]
    assert results.versions == {
        "ocr-ingest @ before/scans": "1",
        "ocr-ingest @ after/scans": "2",
        "numpy": "2",
    }


def test_runs_over_different_sources_stand_in_their_own_tables(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "1", OURS, {"a": 0.1}), saved(tmp_path / "2", OURS, {"b": 0.2}, source="t")
    assert len({row.source for row in compare([first, second]).summary}) == 2


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    ours, plain = saved(tmp_path / "ours", OURS, {"a": 0.1}), saved(tmp_path / "plain", PLAIN, {"z": 0.3})
    with pytest.raises(UsageError, match="two runs"):
        compare([ours])
    with pytest.raises(UsageError, match="given twice"):
        compare([ours, ours])
    with pytest.raises(UsageError, match="no item in common"):
        compare([ours, plain])
    with pytest.raises(UsageError, match=r"results\.json"):
        compare([ours, tmp_path / "nothing"])


def test_from_the_command_line(tmp_path: Path) -> None:
    runs = [saved(tmp_path / "ours", OURS, {"a": 0.1}), saved(tmp_path / "plain", PLAIN, {"a": 0.3})]
    result = CliRunner().invoke(app, ["evaluate", "compare", *map(str, runs), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "ppocr (ocr, geometric)" in result.output and "rapidocr (ocr, engine)" in result.output

"""How speed is measured: every stage, every engine in a process of its own, in turns."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluation_pack import mean, write_pack

from ingest.evaluate import speed
from ingest.evaluate.growth import sizes_of, write_pages
from ingest.evaluate.growth_plot import growth_plots
from ingest.evaluate.plan import plan_of
from ingest.evaluate.targets import targets_of
from loaders.errors import UsageError
from loaders.rasterize import open_document
from loaders.settings import Settings
from loaders.sources import open_source


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    from PIL import Image, ImageDraw, ImageFont

    folder = tmp_path_factory.mktemp("pictures")
    for name in ("one", "two"):
        picture = Image.new("RGB", (700, 160), "white")
        ImageDraw.Draw(picture).text((30, 50), f"Page {name} of a short report", "black", ImageFont.load_default(36))
        picture.save(folder / f"{name}.png")
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_speed(pictures: list[Path], tmp_path: Path) -> None:
    results = speed(pictures, engine=["ppocr", "rapidocr"], embed=False, out=tmp_path)
    assert not results.failures
    assert {row.n for row in results.summary if row.metric == "cpu_seconds_per_page"} == {2}
    for engine in ("ppocr", "rapidocr"):
        total = mean(results, "seconds_per_page", engine=engine, stage="total")
        stages = {
            row.stage: row.mean
            for row in results.summary
            if (row.metric, row.engine) == ("seconds_per_page", engine) and row.stage not in (None, "total")
        }
        assert {"rasterize", "relate", "tables", "chunk"} <= set(stages)
        assert ({"detect", "recognize"} <= set(stages)) == (engine == "ppocr")
        assert 0 < sum(stages.values()) <= total
        assert mean(results, "cpu_seconds_per_page", engine=engine, stage=None) > 0
        assert mean(results, "peak_rss_mb", engine=engine) > 50
        assert mean(results, "pages_per_second", engine=engine) == pytest.approx(1 / total)
    assert "times as long" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_speed_up_to_the_index(documents: Path) -> None:
    results = speed([documents / "invoice.pdf"], workers=2, text="layer")
    assert mean(results, "seconds_per_page", stage="embed") > 0
    assert mean(results, "seconds_per_page", stage="index") > 0
    assert mean(results, "pages_per_second", stage="total") > 0
    assert None not in {row.stage for row in results.summary if row.metric == "seconds_per_page"}, "no image is read"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"nothing of a PDF" * 40)
    results = speed(tmp_path, embed=False, text="layer")
    assert {item.id for item in results.failures} == {str(tmp_path / "broken.pdf")}


def test_what_speed_is_measured_on(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    name, targets = targets_of(pack, plan_of({}))
    assert name == "sample" and [target.pages for target in targets] == [(1,), (1,)], "each page once"
    name, targets = targets_of([documents / "report.pdf", documents / "letter.png"], plan_of({"limit": 1}))
    assert name == "files" and len(targets) == 1
    with pytest.raises(UsageError, match="nothing"):
        targets_of([documents / "typst"], plan_of({}))


def test_growth_is_measured_and_drawn(documents: Path, tmp_path: Path) -> None:
    grow = ["pages:3", "chunks:40"]
    results = speed([documents / "report.pdf"], embed=False, text="layer", grow=grow, out=tmp_path)
    assert not results.failures
    by_stage = {(row.stage, row.metric): row.mean for row in results.summary if row.source.startswith("growth")}
    assert {stage for stage, _ in by_stage} == {"1 pages", "3 pages", "40 chunks"}
    assert by_stage["3 pages", "seconds_per_page"] > 0 and by_stage["3 pages", "peak_rss_mb"] > 30
    assert by_stage["40 chunks", "recall_of_exact@10"] == 1.0, "below the size of an approximate index"
    assert by_stage["40 chunks", "search_seconds"] > 0 < by_stage["40 chunks", "write_seconds_per_chunk"]
    drawn = growth_plots(results)
    assert drawn[0] == "<h2>Growth by pages</h2>" and all(part.startswith(("<h2>", "<svg")) for part in drawn)
    assert drawn[1] in (tmp_path / "report.html").read_text()


def test_what_can_grow(documents: Path, tmp_path: Path) -> None:
    assert sizes_of(["pages:10", "chunks"]) == {"pages": (1, 10), "chunks": (1_000, 10_000, 100_000)}
    for wrong in ("lines", "pages:many"):
        with pytest.raises(UsageError, match="write pages or chunks"):
            speed(documents / "report.pdf", grow=[wrong])
    _, targets = targets_of([documents / "report.pdf"], plan_of({}))
    write_pages(targets, 5, tmp_path / "five.pdf")
    with open_document(open_source(tmp_path / "five.pdf"), Settings()) as written:
        assert written.page_count == 5
    _, targets = targets_of([documents / "letter.png"], plan_of({}))
    with pytest.raises(UsageError, match="needs a PDF"):
        write_pages(targets, 5, tmp_path / "none.pdf")


def test_an_engine_is_given_batches(pictures: list[Path]) -> None:
    results = speed(pictures[0], engine="ppocr", embed=False, batch=[1, 3])
    assert not results.failures
    stages = {row.stage for row in results.summary if row.source == "batches"}
    assert {"batch 1", "batch 3", "batch 1: detect", "batch 3: recognize"} <= stages
    assert mean(results, "pages_per_second", stage="batch 3") > 0
    with pytest.raises(UsageError, match="at least one page"):
        speed(pictures[0], batch=[0])

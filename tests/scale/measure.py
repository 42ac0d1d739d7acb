"""Measure what scaling out costs: `python tests/scale/measure.py stages|tasks|throughput|memory FOLDER`; prints JSON.

stages      processor seconds of a page and of a chunk by stage, in one process: text pages and scans apart
tasks       processor seconds of the driver for a task of Ray's: the same pages in many ranges and in two
throughput  the same scanned pages by worker processes of this machine and by Ray, one after the other, two workers each
memory      one long PDF on Ray: resident memory of every process early and late, and what a page costs
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pymupdf
from PIL import Image

from ingest import Index, Ray, add
from ingest.plan import PageEvent
from ingest.ray_cluster import connected
from loaders.pipeline import read_document
from loaders.reading import Reader
from loaders.settings import Settings
from loaders.sources import open_source
from loaders.timing import stopwatch

SENTENCE = "The {0} keeper of light {1} counted {2} ships before the fog came in, and wrote each of them into the book."
KINDS = ("old", "young", "second", "last", "patient", "absent")


def write_document(path: Path, pages: int, scans: int, start: int = 0) -> Path:
    """Write a PDF of text pages, every `scans`-th of them a small scan (0: none)."""
    with pymupdf.open() as document:
        for number in range(start, start + pages):
            text = " ".join(SENTENCE.format(KINDS[(number + i) % 6], number, number * 7 + i) for i in range(5))
            page = document.new_page(width=420, height=595)
            page.insert_textbox((40, 40 + number % 9 * 6, 380, 560), text, fontsize=10)
            if scans and number % scans == 0:
                _scan(page)
        document.save(path, deflate=True)
    return path


def _scan(page: pymupdf.Page) -> None:
    """Replace a page's words by their picture, with some grain."""
    pixmap = page.get_pixmap(dpi=110, colorspace=pymupdf.csGRAY)
    pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)[:, : pixmap.width]
    grain = np.random.default_rng(page.number).normal(0, 6, pixels.shape)
    picture = io.BytesIO()
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(picture, "JPEG", quality=70)
    page.clean_contents()
    page.parent.update_stream(page.get_contents()[0], b" ")
    page.insert_image(page.rect, stream=picture.getvalue())


def family() -> list[psutil.Process]:
    """Return this process, its descendants, and those of Ray's daemons, which are descendants too."""
    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def throughput(folder: Path, pages: int) -> dict[str, Any]:
    """Read the same scans both ways; the rate is that between the first page that came back and the last."""
    files = [write_document(folder / f"{n}.pdf", 8, 1, 8 * n) for n in range(max(pages // 8, 1))]
    result: dict[str, Any] = {"pages": 8 * len(files)}
    with connected(None):
        for name, options in (("local", {"workers": 2}), ("ray", {"executor": Ray(workers=2, pages_per_task=4)})):
            moments: list[float] = []

            def on_page(event: PageEvent, moments: list[float] = moments) -> None:
                moments.append(time.perf_counter())

            started = time.perf_counter()
            add(files, Index(folder / name), Settings(), on_page=on_page, **options)
            warm = 8
            steady = len(moments) - 1 - warm
            result[name] = {
                "wall": round(time.perf_counter() - started, 1),
                "pages_per_second": round(steady / (moments[-1] - moments[warm]), 3),
            }
    result["ratio_wall"] = round(result["ray"]["pages_per_second"] / result["local"]["pages_per_second"], 3)
    return result


def memory(folder: Path, pages: int) -> dict[str, Any]:
    """Read one long PDF on Ray; every 80th page is a scan."""
    path = write_document(folder / "long.pdf", pages, 80)
    marks = {pages // 10: "early", pages * 19 // 20: "late"}  # at the very end processes are already going
    sizes: dict[str, dict[str, int]] = {}
    done = 0

    def on_page(event: PageEvent) -> None:
        nonlocal done
        done += 1
        if done in marks:
            sizes[f"{marks[done]}: page {done}"] = resident()

    driver = psutil.Process()
    with connected(None):
        before, started = driver.cpu_times(), time.perf_counter()
        index = Index(folder / "long")
        report = add(path, index, Settings(), executor=Ray(), on_page=on_page)
        after = driver.cpu_times()
    cache = [file.stat().st_size for file in (folder / "long" / "cache" / "pages").rglob("*.parquet")]
    lance = sum(file.stat().st_size for file in (folder / "long" / "lance").rglob("*") if file.is_file())
    return {
        "pages": report.pages.added,
        "failed": report.pages.failed,
        "chunks": report.chunks,
        "megabytes": sizes,
        "wall": round(time.perf_counter() - started, 1),
        "driver_cpu_ms_per_page": round(1000 * (after.user + after.system - before.user - before.system) / pages, 2),
        "cache_bytes_per_page": round(sum(cache) / len(cache)),
        "index_bytes_per_chunk": round(lance / report.chunks),
    }


def stages(folder: Path, pages: int) -> dict[str, Any]:
    """Read text pages, and half as many scans, in this process; embed and index them."""
    result: dict[str, Any] = {}
    for name, count, every in (("text", pages, 0), ("scans", pages // 2, 1)):
        path = write_document(folder / f"{name}.pdf", count, every)
        index = Index(folder / name)
        reader, cache = Reader(Settings()), index.cache
        reader.warm_up()
        index.embedder.embed(["warm"])
        len(index)
        with stopwatch() as watch:
            document = read_document(open_source(path), reader, cache=cache, budgets=index.embedder.budgets())
            chunks = index.add(document, str(path))
        per = {stage: count if stage not in ("embed", "index") else chunks for stage in watch.stages}
        result[name] = {stage: round(1000 * spent.cpu / per[stage], 1) for stage, spent in watch.stages.items()}
        result[name] |= {"pages": count, "chunks": chunks}
    return {"cpu_ms_per_page_and_of_embed_and_index_per_chunk": result}


def tasks(folder: Path, pages: int) -> dict[str, Any]:
    """Read the same text pages one by one and in two ranges; the difference is what the tasks cost the driver."""
    path = write_document(folder / "tasks.pdf", pages, 0)
    driver, spent = psutil.Process(), {}
    with connected(None):
        for size in (pages // 2, 1):
            index = Index(folder / str(size))
            before = driver.cpu_times()
            add(path, index, Settings(text="layer"), executor=Ray(pages_per_task=size))
            after = driver.cpu_times()
            spent[pages // size] = after.user + after.system - before.user - before.system
    return {
        "driver_cpu_seconds_by_tasks": spent,
        "ms_per_task": round(1000 * (spent[pages] - spent[2]) / (pages - 2), 2),
    }


def resident() -> dict[str, int]:
    """Return the resident megabytes of each process that does our work, without what it shares with others."""
    sizes = {}
    for process in family():
        try:
            command, size = " ".join(process.cmdline()), process.memory_full_info().uss
        except psutil.Error:
            continue
        if process.pid == psutil.Process().pid:
            name = "driver"
        elif "ray::" in command:
            name = f"{command.split('(')[-1].split(')')[0].removeprefix('ray::').strip()} {process.pid}"
        elif "spawn_main" in command:
            name = f"reading {process.pid}"
        else:
            continue
        sizes[name] = round(size / 1e6)
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("stages", "tasks", "throughput", "memory"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=2000)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    measured = {"stages": stages, "tasks": tasks, "throughput": throughput, "memory": memory}[arguments.what](
        arguments.folder, arguments.pages
    )
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()

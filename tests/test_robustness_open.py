"""Two hundred odd and damaged files, each opened and shown in a process of its own with little time and memory.

What is asked of each stands in the pack: to be read, to ask for its password, to fail by a named error, or only not to
crash, hang or fill the memory.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
from pathlib import Path
from typing import Any

import pytest
from pebble import ProcessPool

from loaders.document import Failure
from loaders.errors import OcrIngestError
from loaders.rasterize import open_document
from loaders.settings import Rasterizer, Settings
from loaders.sources import find_sources
from loaders.textlayer import judge, regions_to_ocr

SECONDS, BYTES, PAGES = 60, 4 << 30, 12


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def outcome(path: str, rasterizer: Rasterizer, password: str | None) -> dict[str, Any]:
    """Open a file and look at its pages in every way; returns what happened, by the names of our errors."""
    (source,) = find_sources(path)
    if isinstance(source, Failure):
        return {"error": source.error.split(":")[0]}
    settings = Settings(rasterizer=rasterizer, password=password)
    failed = []
    try:
        with open_document(source, settings) as document:
            count = document.page_count
            for index in range(min(count, PAGES)):
                try:
                    page = document.page(index)
                    layer, image = page.layer(), page.image()
                    verdict = judge(layer, page.frame)
                    regions = regions_to_ocr(layer, verdict, page.frame)
                    assert image.pixels.size <= 3 * settings.max_pixels
                    assert image.pixels.size > 0
                    assert len(page.key) == 64
                    assert verdict.page or regions == [page.frame.box]
                    page.close()
                except OcrIngestError as error:
                    failed.append(type(error).__name__)
    except OcrIngestError as error:
        return {"error": type(error).__name__}
    return {"pages": count, "failed": failed}


def as_expected(expect: str, found: dict[str, Any], password: str | None) -> bool:
    if "crash" in found:
        return False
    read = found.get("pages", 0) > 0 and not found["failed"]
    if expect == "ok" or (expect == "needs_password" and password):
        return read
    if expect == "needs_password":
        return bool(found.get("error") == "NeedsPassword")
    return "error" in found if expect == "error" else True


@pytest.mark.slow
@pytest.mark.parametrize("rasterizer", ["pymupdf", "pdfium"])
def test_every_file_ends_as_it_should(packs: Path, rasterizer: Rasterizer) -> None:
    folder = packs / "robustness"
    records = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    jobs = []
    for record in records:
        expect = record["gt"]["expect"]
        if rasterizer == "pymupdf" or record["mime"] == "application/pdf":
            jobs.append((record, expect["outcome"], None))
            jobs += [(record, expect["outcome"], expect["password"])] if expect.get("password") else []
    surprises = []
    spawning = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=1, initializer=limit_memory, context=spawning) as pool:
        futures = [
            pool.schedule(outcome, args=(str(folder / record["file"]), rasterizer, password), timeout=SECONDS)
            for record, _, password in jobs
        ]
        for (record, expect, password), future in zip(jobs, futures, strict=True):
            try:
                found = future.result()
            except Exception as error:  # the process died, or ran out of time
                found = {"crash": repr(error)}
            if not as_expected(expect, found, password):
                surprises.append((record["id"], expect, found))
    assert len(jobs) > 100
    assert surprises == []

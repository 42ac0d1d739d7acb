"""Hits as HTML: self-contained, the highlighted boxes where the words are, checked in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from ingest.citations import write_citations
from ingest.index import Index
from ingest.intake import add
from ingest.search import Hit
from loaders.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LAYER = Settings(text="layer")


@pytest.fixture
def hits(tmp_path: Path) -> list[Hit]:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=400)
        page.insert_text((60, 100), "The kittiwake left the harbour at dawn.", fontsize=14)
        document.save(tmp_path / "bird.pdf")
    index = Index(tmp_path / "index")
    add(tmp_path / "bird.pdf", index, LAYER)
    return index.search("kittiwake", 1)


def test_the_file_is_self_contained(hits: list[Hit], tmp_path: Path) -> None:
    assert write_citations("When did <it> leave?", hits, tmp_path / "hits.html") == []
    text = (tmp_path / "hits.html").read_text(encoding="utf-8")
    assert "When did &lt;it&gt; leave?" in text
    assert "The kittiwake left the harbour at dawn." in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)


def test_boxes_are_where_the_words_are(hits: list[Hit], tmp_path: Path) -> None:
    write_citations("when", hits, tmp_path / "hits.html")
    text = (tmp_path / "hits.html").read_text(encoding="utf-8")
    (style,) = re.findall(r'class="hit" style="([^"]+)"', text)
    place = {key: float(value.rstrip("%")) / 100 for key, value in (part.split(":") for part in style.split(";"))}
    x0, y0, x1, y1 = hits[0].boxes[0][1:]
    expected = {"left": x0 / 400, "top": y0 / 400, "width": (x1 - x0) / 400, "height": (y1 - y0) / 400}
    assert place == pytest.approx(expected, abs=1e-4)
    assert (place["left"], place["top"]) == pytest.approx((60 / 400, 88 / 400), abs=0.02)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
def test_a_browser_shows_the_highlight_over_the_words(hits: list[Hit], tmp_path: Path) -> None:
    write_citations("when", hits, tmp_path / "hits.html")
    picture = tmp_path / "shot.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [
        str(CHROMIUM),
        *flags,
        "--window-size=1300,1200",
        f"--screenshot={picture}",
        f"file://{tmp_path}/hits.html",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    yellow = (red > 200) & (green > 180) & (blue < 200) & (red - blue > 50)
    assert yellow.sum() > 1500
    rows, columns = np.nonzero(yellow)
    inside = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert (inside.sum(axis=2) < 300).sum() > 100  # the dark ink of the words lies inside the highlight


def test_a_file_that_changed_or_went_is_named(hits: list[Hit], tmp_path: Path) -> None:
    with (tmp_path / "bird.pdf").open("ab") as file:
        file.write(b"\n% changed")
    (changed,) = write_citations("when", hits, tmp_path / "hits.html")
    assert "changed since it was indexed" in changed.error
    (tmp_path / "bird.pdf").unlink()
    (gone,) = write_citations("when", hits, tmp_path / "hits.html")
    assert "SourceNotFound" in gone.error
    assert "SourceNotFound" in (tmp_path / "hits.html").read_text(encoding="utf-8")


def test_nothing_found_says_so(tmp_path: Path) -> None:
    write_citations("when", [], tmp_path / "hits.html")
    assert "Nothing found" in (tmp_path / "hits.html").read_text(encoding="utf-8")

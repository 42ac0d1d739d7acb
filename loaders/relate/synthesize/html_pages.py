"""Chromium sets manuscripts written in HTML and CSS: many sections go in, one PDF with a page for each comes out."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loaders.errors import OcrIngestError, UsageError
from loaders.relate.synthesize.manuscript import Manuscript

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --no-pdf-header-footer --log-level=3"
).split()
SECONDS_EACH, SECONDS_START = 5, 120

HEAD = """<!doctype html><meta charset="utf-8"><style>
* { box-sizing: border-box; } body { margin: 0; }
section { overflow: hidden; break-after: page; }
a { text-decoration: none; }
"""


def browser() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def print_pages(pages: Sequence[tuple[Manuscript, str]]) -> bytes:
    """Return a PDF with one page per manuscript, each on its own paper.

    In a page's markup `#PAGE` stands for its own selector. A start costs seconds, so print many at once. Raises
    UsageError without a browser, OcrIngestError where it prints nothing.
    """
    program = browser()
    if program is None:
        raise UsageError(
            f"layouts in CSS are set by Chromium, and none of {', '.join(BROWSERS)} is here; apt-get install chromium, "
            "or name families that Typst sets"
        )
    rules, sections = [], []
    for k, (manuscript, markup) in enumerate(pages):
        width, height = manuscript.paper
        rules.append(f"@page p{k} {{ size: {width}pt {height}pt; margin: 0 }}")
        rules.append(f"#p{k} {{ page: p{k}; width: {width}pt; height: {height - 1}pt }}")
        language = manuscript.pen.prose.language
        sections.append(f'<section id="p{k}" lang="{language}">{markup.replace("#PAGE", f"#p{k}")}</section>')
    with tempfile.TemporaryDirectory() as folder:
        source, printed = Path(folder) / "pages.html", Path(folder) / "pages.pdf"
        source.write_text(HEAD + "\n".join(rules) + "</style>" + "\n".join(sections), encoding="utf-8")
        told = [program, *SWITCHES, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}", source.as_uri()]
        done = subprocess.run(
            told, capture_output=True, text=True, timeout=SECONDS_START + SECONDS_EACH * len(pages), check=False,
            env=dict(os.environ) | {"HOME": folder},
        )  # fmt: skip
        if not printed.exists():
            raise OcrIngestError(f"{program} printed nothing: {done.stderr.strip()[-300:]}")
        return printed.read_bytes()

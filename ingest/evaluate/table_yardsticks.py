"""Other people's table finders, called the way their own documentation shows. For comparison only.

Comes in: a file and a page number, or the picture of a table. Goes out: tables as HTML, with boxes in points (PDF) or
pixels (image) of the page as displayed. Each is imported only when it is asked for.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from ingest.evaluate.table_metrics import PredictedTable
from loaders.errors import EngineError, EngineNotReady


class TableFinder:
    """What finds tables by itself: neither words nor an order of their own."""

    name = ""
    digest = ""
    from_pixels = False
    """It reads pictures: a table whose place is given is shown to it as one."""

    def check(self) -> None:
        """Raise EngineNotReady where it cannot run here."""

    def tables(self, file: Path, number: int, region: Sequence[float] | None = None) -> list[PredictedTable]:
        """Return the tables of page `number` (1-based) of a file, or of a region of it. Raises EngineError."""
        raise NotImplementedError


class PyMuPdfTables(TableFinder):
    """PyMuPDF's own `Page.find_tables`, with its defaults, from a PDF's text layer and drawings."""

    name = "pymupdf_tables"

    def __init__(self) -> None:
        self.digest = f"pymupdf find_tables {version_of('pymupdf')}"

    def tables(self, file: Path, number: int, region: Sequence[float] | None = None) -> list[PredictedTable]:
        import pymupdf

        try:
            with pymupdf.open(file) as document:
                found = document[number - 1].find_tables(clip=pymupdf.Rect(region) if region else None)
                return [PredictedTable(html_of_rows(table.extract()), tuple(table.bbox)) for table in found.tables]
        except Exception as error:
            raise EngineError(f"find_tables failed: {type(error).__name__}: {error}") from error


class Img2Table(TableFinder):
    """img2table with Tesseract, borderless tables included, from pixels."""

    name = "img2table"
    from_pixels = True

    def __init__(self) -> None:
        self.digest = f"img2table {version_of('img2table')} tesseract"

    def check(self) -> None:
        """Raise EngineNotReady where it is not installed."""
        if importlib.util.find_spec("img2table") is None:
            raise EngineNotReady("img2table is not installed: pip install img2table")

    def tables(self, file: Path, number: int, region: Sequence[float] | None = None) -> list[PredictedTable]:  # noqa: ARG002  its pictures are cut already
        self.check()
        from img2table.document import PDF, Image
        from img2table.ocr import TesseractOCR

        pdf = file.suffix.lower() == ".pdf"
        document: Any = PDF(str(file), pages=[number - 1]) if pdf else Image(str(file))
        try:
            found = document.extract_tables(
                ocr=TesseractOCR(n_threads=1), implicit_rows=True, borderless_tables=True, min_confidence=50
            )
        except Exception as error:
            raise EngineError(f"img2table failed: {type(error).__name__}: {error}") from error
        tables = found.get(number - 1, []) if pdf else found
        scale = 72 / 200 if pdf else 1.0  # it rasterizes at 200 dpi
        boxes = [(table.bbox.x1, table.bbox.y1, table.bbox.x2, table.bbox.y2) for table in tables]
        return [
            PredictedTable(table.html, (scale * x0, scale * y0, scale * x1, scale * y1))
            for table, (x0, y0, x1, y1) in zip(tables, boxes, strict=True)
        ]


def version_of(package: str) -> str:
    """Return the version of a package, "absent" where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def html_of_rows(rows: Sequence[Sequence[str | None]]) -> str:
    """Return rows of texts as an HTML table; None is a place that another cell covers, or an empty one."""
    lines = ("".join(f"<td>{escape(text or '', quote=False)}</td>" for text in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

"""How good is it, how fast, next to what, and where does a miss come from.

    from ingest.evaluate import ocr, order, tables, retrieval, speed
    results = ocr("packs/ocr_scans", engine=["ppocr", "rapidocr"], limit=20)

Comes in: a pack of documents with written-down truth (packs.py; README.md here has the format). Goes out: Results:
scores per item, means with bootstrapped 95 % intervals, and results.json, report.md and report.html in a folder.
The metrics (*_metrics.py, blocks.py, rules.py, misses.py) are pure functions of truth and prediction; measure*.py read
pages for them. Boxes are in the frame of the pack's record: origin top left, its own `units`, of the page as displayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.evaluate.comparing import compare
    from ingest.evaluate.measure_pages import ocr, order
    from ingest.evaluate.measure_retrieval import retrieval
    from ingest.evaluate.measure_speed import speed
    from ingest.evaluate.measure_tables import tables
    from ingest.evaluate.packs import read_pack
    from ingest.evaluate.results import Results, read_results

_HOMES = {
    "compare": "comparing",
    "ocr": "measure_pages",
    "order": "measure_pages",
    "tables": "measure_tables",
    "retrieval": "measure_retrieval",
    "speed": "measure_speed",
    "read_pack": "packs",
    "read_results": "results",
    "Results": "results",
}
"""Where each name lives. They are looked up when first used, so that importing this package stays light."""

__all__ = ["Results", "compare", "ocr", "order", "read_pack", "read_results", "retrieval", "speed", "tables"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

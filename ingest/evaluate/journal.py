"""What is finished stays finished: one JSON line per item and way of reading, so that a killed run goes on.

Comes in: ItemResults under a key that names the item, its truth, its file and how it was read. Goes out: the same
results in a later run. Failed items are not kept: a second run tries them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ingest.evaluate.records import Item
from ingest.evaluate.results import ItemResult, Variant

REVISION = "2"
"""Raised whenever the same prediction would get another score."""


class Journal:
    """The finished items of one output folder; nothing is kept where there is no folder."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, list[ItemResult]] = {}
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            saved = json.loads(line)
            self._known[saved["key"]] = [_result(data) for data in saved["results"]]
        except (KeyError, TypeError, ValueError):
            return  # the line that a killed run left unfinished

    def get(self, key: str) -> list[ItemResult] | None:
        """Return the results kept under a key, or None."""
        return self._known.get(key)

    def put(self, key: str, results: Sequence[ItemResult]) -> None:
        """Keep an item's results, unless one is a failure."""
        if self._path is None or any(result.failure for result in results):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, "results": [asdict(result) for result in results]}, ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _result(data: dict[str, Any]) -> ItemResult:
    variant = Variant(**{field.name: data["variant"][field.name] for field in fields(Variant)})
    return ItemResult(**{**data, "variant": variant})


def journal_key(item: Item, *parts: str) -> str:
    """Name a finished item: its record, truth included, its file's size and time, and whatever else decides."""
    stamp = ""
    if item.file is not None:
        found = item.file.stat()
        stamp = f"{found.st_size}:{found.st_mtime_ns}"
    return hashlib.sha256("\0".join((REVISION, repr(item), stamp, *parts)).encode()).hexdigest()

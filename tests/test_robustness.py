"""Every file of the robustness pack, through workers, to its end: as expected, never a crash, a hang or silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.run import DocumentRead, read_documents
from loaders.document import Failure
from loaders.settings import Settings
from loaders.sources import find_sources

DEADLINE = 60.0


def condensed(text: str) -> str:
    return "".join(text.split()).casefold()


def flaw(result: DocumentRead | Failure, expected: dict[str, Any]) -> str:
    """Say in what way a result is not what its record expects; "" where it is."""
    failures = [result] if isinstance(result, Failure) else list(result.document.failures)
    said = "; ".join(f"page {failure.page} {failure.stage}: {failure.error}" for failure in failures)
    if any(not failure.error for failure in failures):
        return "a failure without a reason"
    match expected["outcome"]:
        case "needs_password":
            return "" if "needs a password" in said else f"no word of a password: {said or 'read'}"
        case "error":
            return "" if failures else "read without complaint"
        case "ok":
            if isinstance(result, Failure) or failures:
                return said
            text = condensed(result.document.text)
            missing = [part for part in expected.get("contains", []) if condensed(part) not in text]
            return f"does not contain {missing}" if missing else ""
    return ""


@pytest.mark.slow
def test_every_file_ends_as_expected(packs: Path) -> None:
    folder = packs / "robustness"
    records = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = {str(folder / record["file"]): record["gt"]["expect"] for record in records}
    flaws: dict[str, str] = {}
    seen = set()
    for result in read_documents(find_sources(sorted(expected)), Settings(), workers=2, deadline=DEADLINE):
        source = result.source if isinstance(result, Failure) else result.document.source
        seen.add(source)
        if wrong := flaw(result, expected[source]):
            flaws[Path(source).name] = wrong
    assert seen == set(expected)
    assert flaws == {}

"""A small pack made of the sample documents: pages with their own text as truth, one table, their questions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ingest.evaluate import Results

INVOICE_TABLE = [
    ["No.", "Description", "Qty", "Unit", "Unit price (£)", "Amount (£)"],
    ["1", "Charter of workboat Kittiwake, with crew", "6", "days", "4,850.00", "29,100.00"],
    ["2", "Dive team of four, with supervisor", "4", "days", "3,920.00", "15,680.00"],
    ["3", "Crane barge, mobilisation and return", "1", "lot", "7,800.00", "7,800.00"],
    ["4", "Split roller bearing, 710 mm bore", "1", "piece", "38,460.00", "38,460.00"],
    ["5", "Seal kit, outer and inner lip", "2", "kits", "1,275.50", "2,551.00"],
    ["6", "Hydraulic torque tool, hire", "5", "days", "186.00", "930.00"],
    ["7", "Survey by remotely operated vehicle", "1.5", "days", "2,240.00", "3,360.00"],
]
INVOICE_BOX = [55.8, 211.0, 539.3, 409.6]


def words_of(file: Path, page: int) -> list[dict[str, Any]]:
    """Return the words of a PDF page with their boxes, in the order of the file."""
    import pymupdf

    with pymupdf.open(file) as document:
        found = document[page - 1].get_text("words")
    return [{"text": text, "box": [x0, y0, x1, y1]} for x0, y0, x1, y1, text, *_ in found]


def _page(root: Path, name: str, number: int, **gt: Any) -> dict[str, Any]:
    words = words_of(root / name, number)
    return _record(
        f"pdf/{name}#p{number}",
        "page",
        name,
        page=number,
        units="pt",
        gt={"text": " ".join(word["text"] for word in words), "text_order": "annotated", "words": words, **gt},
    )


def _record(identity: str, kind: str, file: str | None, **more: Any) -> dict[str, Any]:
    source = identity.partition("/")[0]
    group = f"{source}/{file}"
    common = {"schema": 1, "pack": "sample", "split": "dev", "source": source, "group": group}
    return {**common, "id": identity, "kind": kind, "file": file, **more}


def _table() -> dict[str, Any]:
    rows = ("".join(f"<td>{cell}</td>" for cell in row) for row in INVOICE_TABLE)
    html = "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
    gt = {"html": html, "table_box": INVOICE_BOX, "table_box_units": "pt"}
    return _record("tables/invoice#t1", "table", "invoice.pdf", page=1, units="pt", gt=gt)


def write_pack(root: Path, documents: Path, *, names: tuple[str, ...] = ("report.pdf", "invoice.pdf")) -> Path:
    """Write the pack: pages, a table, and the questions that these documents answer; returns its folder."""
    root.mkdir(parents=True)
    for name in names:
        shutil.copyfile(documents / name, root / name)
    records = [
        _page(root, "invoice.pdf", 1),
        _page(root, "report.pdf", 1, markdown="# Twelve Months in Brannoch Sound\n"),
    ]
    records += [_table()]
    records += [_record(f"documents/{Path(name).stem}", "document", name, gt={}) for name in names]
    for line in (documents / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        if all(piece["file"] in names for piece in question["gt"]["evidence"]):
            records.append({**question, "pack": "sample"})
    lines = (json.dumps(record) + "\n" for record in records)
    (root / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    return root


def add_broken_page(root: Path) -> None:
    """Add a page whose file is damaged beyond repair."""
    (root / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"nothing of a PDF" * 40)
    gt = {"text": "what nobody can read", "text_order": "annotated"}
    record = _record("pdf/broken.pdf#p1", "page", "broken.pdf", page=1, units="pt", gt=gt)
    with (root / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
        manifest.write(json.dumps(record) + "\n")


def mean(results: Results, metric: str, **how: Any) -> float:
    """Return the one mean of a metric where the other columns have these values."""
    found = [
        row.mean
        for row in results.summary
        if row.metric == metric and all(getattr(row, name) == value for name, value in how.items())
    ]
    assert len(found) == 1, (metric, how, found)
    return found[0]

"""Start a pack of your own: a folder of documents and a CSV of questions become a folder with manifest.jsonl.

Comes in: documents (any depth of folders), and a CSV with the columns question, answer, file, page, text (and scope,
optional). Goes out: `OUT/dev/NAME/…` with copies of the documents, and `OUT/manifest.jsonl`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import mimetypes
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.evaluate.packs import Pack, read_pack, split_of
from loaders.errors import UsageError

REQUIRED = ("question", "file")
COLUMNS = ("question", "answer", "file", "page", "text", "scope")
SCOPES = ("corpus", "document")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the CSV: a question and one place where its answer stands."""

    number: int
    question: str
    answer: str
    file: str
    page: int
    text: str | None
    scope: str


def _read_row(raw: Mapping[str, str | None], where: str, number: int) -> Row:
    values = {name: (raw.get(name) or "").strip() for name in COLUMNS}
    for name in REQUIRED:
        if not values[name]:
            raise UsageError(f"{where}: `{name}` is empty")
    page = values["page"] or "1"
    if not page.isdecimal() or int(page) < 1:
        raise UsageError(f"{where}: page {page!r}; pages count from 1")
    scope = values["scope"] or "corpus"
    if scope not in SCOPES:
        raise UsageError(f"{where}: scope {scope!r}; it is corpus (search all documents) or document")
    return Row(
        number, values["question"], values["answer"], values["file"], int(page), values["text"] or None, scope
    )  # fmt: skip


def read_questions(path: Path) -> list[Row]:
    """Read the CSV (UTF-8, with a header); raises UsageError naming the line and the column that does not fit."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        names = [name.strip() for name in reader.fieldnames or ()]
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            raise UsageError(f"{path}: no column {', '.join(missing)}; the columns are {', '.join(COLUMNS)}")
        reader.fieldnames = names
        rows = [_read_row(raw, f"{path}:{number}", number) for number, raw in enumerate(reader, 2)]
    if not rows:
        raise UsageError(f"{path}: no questions under the header")
    return rows


def _documents(folder: Path, questions: Path, out: Path) -> list[Path]:
    def is_document(path: Path) -> bool:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        return path.is_file() and not hidden and path.resolve() not in (questions, out) and out not in path.parents

    return sorted(path for path in folder.rglob("*") if is_document(path))


def _document_record(path: Path, relative: str, common: dict[str, Any]) -> dict[str, Any]:
    content = path.read_bytes()
    mime = mimetypes.guess_type(path.name)[0]
    return {
        **common,
        "kind": "document",
        "file": relative,
        "mime": mime,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "gt": {"orig_pages": []},
    }


def _groups(rows: list[Row]) -> dict[str, str]:
    """Name a group for each file: files that one question needs together share it, so that no split parts them."""
    group = {row.file: row.file for row in rows}
    asked: dict[tuple[str, str], str] = {}
    for row in rows:
        other = group[asked.setdefault((row.question, row.answer), row.file)]
        mine = group[row.file]
        group = {file: min(mine, other) if name in (mine, other) else name for file, name in group.items()}
    return group


def _question_records(rows: list[Row], files: Mapping[str, dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    asked: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        asked.setdefault((row.question, row.answer, row.scope), []).append(row)
    for (question, answer, scope), places in asked.items():
        document = files[places[0].file]
        evidence = [
            {"doc": files[p.file]["id"], "file": files[p.file]["file"], "page": p.page, "text": p.text} for p in places
        ]
        yield {
            "schema": 1,
            "id": f"{name}/q{places[0].number - 1:04d}",
            "pack": name,
            "kind": "question",
            "split": document["split"],
            "group": document["group"],
            "source": name,
            "gt": {"question": question, "answer": answer, "scope": scope, "evidence": evidence},
        }


def new_pack(folder: str | Path, questions: str | Path, out: str | Path, *, heldout: bool = False) -> Pack:
    """Start a pack from a folder of documents and a CSV of questions; the documents are copied. Returns the pack.

    `file` is the path inside the folder. Lines with the same question and answer are one question with several pieces
    of evidence. Documents that no question names stay in, to be searched past. Everything is split dev, or with
    `heldout` 60 % of the documents are dev and the rest heldout, by a hash of the document's name (documents that one
    question needs together stay together). Raises UsageError where a line does not fit or `out` exists.
    """
    folder, questions, out = Path(folder).resolve(), Path(questions).resolve(), Path(out).resolve()
    for path, present in ((folder, folder.is_dir()), (questions, questions.is_file())):
        if not present:
            raise UsageError(f"{path} does not exist; give a folder of documents and a CSV of questions")
    if out.exists():
        raise UsageError(f"{out} exists; name a folder that does not, so that nothing is overwritten")
    name = out.name
    rows = read_questions(questions)
    files: dict[str, dict[str, Any]] = {}
    paths, groups = _documents(folder, questions, out), _groups(rows)
    for path in paths:
        inside = path.relative_to(folder).as_posix()
        group = f"{name}/{groups.get(inside, inside)}"
        split = split_of(group) if heldout else "dev"
        common = {"schema": 1, "id": f"{name}/{inside}", "pack": name, "split": split, "group": group, "source": name}
        files[inside] = _document_record(path, f"{split}/{name}/{inside}", common)
    for row in rows:
        if row.file not in files:
            raise UsageError(f"{questions}:{row.number}: no file {row.file!r} in {folder}; give its path in the folder")
    records = [*files.values(), *_question_records(rows, files, name)]
    for path, record in zip(paths, files.values(), strict=True):
        target = out / record["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (out / "manifest.jsonl").write_text(lines, encoding="utf-8")
    return read_pack(out)

"""Evaluation sets in other people's folder formats, as the same records.

FUNSD: `annotations/*.json` (form entities with words and boxes) and `images/*`, or the distribution's `training_data`
and `testing_data` around them; frame px. BEIR: `corpus.jsonl` (_id, title, text), `queries.jsonl` (_id, text) and
`qrels/SPLIT.tsv` (query-id, corpus-id, score).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.evaluate.records import DocumentItem, Evidence, Item, PageItem, QuestionItem, TextBox, TruthBlock
from loaders.errors import UsageError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def _funsd_parts(root: Path) -> list[Path]:
    candidates = [root, *sorted(path for path in root.iterdir() if path.is_dir())] if root.is_dir() else []
    return [path for path in candidates if (path / "annotations").is_dir() and (path / "images").is_dir()]


def is_funsd(root: Path) -> bool:
    """Say whether a folder, or a folder in it, holds annotations/ and images/."""
    return bool(_funsd_parts(root))


def is_beir(root: Path) -> bool:
    """Say whether a folder holds corpus.jsonl and queries.jsonl."""
    return (root / "corpus.jsonl").is_file() and (root / "queries.jsonl").is_file()


def rows_of(words: Sequence[TextBox]) -> list[list[TextBox]]:
    """Rebuild rows from boxes: top down, a word joins the row its vertical centre is in; left to right in a row."""
    rows: list[list[TextBox]] = []
    for word in sorted(words, key=lambda w: (w.box[1] + w.box[3]) / 2):
        centre = (word.box[1] + word.box[3]) / 2
        if rows and rows[-1][0].box[1] <= centre <= rows[-1][0].box[3]:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda w: w.box[0]) for row in rows]


def _funsd_page(annotation: Path, image: Path, root: Path, part: Path) -> PageItem:
    try:
        form = json.loads(annotation.read_text(encoding="utf-8"))["form"]
        words = tuple(
            TextBox(word["text"], tuple(float(v) for v in word["box"]))  # type: ignore[arg-type]
            for entity in form
            for word in entity["words"]
            if word["text"].strip()
        )
        blocks = tuple(
            TruthBlock(
                order=None,
                type="field",
                category=entity["label"],
                box=tuple(float(v) for v in entity["box"]),  # type: ignore[arg-type]
                text=entity["text"],
                id=entity["id"],
                links=tuple((int(a), int(b)) for a, b in entity.get("linking", ())),
            )
            for entity in form
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{annotation}: not a FUNSD annotation ({type(error).__name__}: {error})") from error
    split = "heldout" if "test" in part.name else "dev"
    return PageItem(
        id=f"{root.name}/{annotation.stem}",
        pack=root.name,
        source=root.name,
        split=split,
        group=f"{root.name}/{annotation.stem}",
        doc_type="form",
        file=image,
        page=1,
        units="px",
        text="\n".join(" ".join(word.text for word in row) for row in rows_of(words)),
        text_order="derived",
        words=words,
        blocks=blocks,
    )


def read_funsd(root: Path) -> tuple[Item, ...]:
    """Read a FUNSD folder; `testing_data` becomes the split heldout, all else dev. The text is in derived rows."""
    items: list[Item] = []
    for part in _funsd_parts(root):
        for annotation in sorted((part / "annotations").glob("*.json")):
            images = [part / "images" / (annotation.stem + suffix) for suffix in IMAGE_SUFFIXES]
            image = next((path for path in images if path.is_file()), None)
            if image is None:
                raise UsageError(f"{annotation}: no image of that name in {part / 'images'}")
            items.append(_funsd_page(annotation, image, root, part))
    if not items:
        raise UsageError(f"{root}: annotations/ holds no *.json")
    return tuple(items)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line)
                yield {"_id": str(value["_id"]), "title": value.get("title") or "", "text": value["text"] or ""}
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise UsageError(f"{path}:{number}: each line needs `_id` and `text` ({error})") from error


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        columns = line.split("\t")
        if not line.strip() or (number == 1 and columns[-1].strip().lower() == "score"):
            continue
        try:
            query, document, score = columns[0], columns[-2], int(float(columns[-1]))
        except (IndexError, ValueError) as error:
            raise UsageError(f"{path}:{number}: expected query-id, corpus-id and score, parted by tabs") from error
        yield query, document, score


def read_beir(root: Path) -> tuple[Item, ...]:
    """Read a BEIR-style folder: each corpus entry is a document of one page, each judged query a question.

    The split of a question is the name of its qrels file, documents belong to every split (""); a score above 0 makes
    evidence, with the score as its grade.
    """
    name = root.name
    documents = {row["_id"]: row for row in _lines(root / "corpus.jsonl")}
    queries = {row["_id"]: row["text"] for row in _lines(root / "queries.jsonl")}
    judged = sorted((root / "qrels").glob("*.tsv"))
    if not judged:
        raise UsageError(f"{root}: no qrels/*.tsv; without judgements nothing can be measured")
    found: dict[tuple[str, str], list[Evidence]] = {}
    for path in judged:
        for query, document, score in _judgements(path):
            if query not in queries or document not in documents:
                raise UsageError(f"{path}: {query!r} or {document!r} is in neither queries.jsonl nor corpus.jsonl")
            if score > 0:
                found.setdefault((path.stem, query), []).append(Evidence(f"{name}/{document}", 1, grade=score))
    judgements = Counter(query for _, query in found)
    items: list[Item] = [
        DocumentItem(
            id=f"{name}/{key}", pack=name, source=name, split="", group=f"{name}/{key}", title=row["title"],
            text=row["text"], n_pages=1,
        )
        for key, row in documents.items()
    ]  # fmt: skip
    for (part, query), evidence in found.items():
        identity = f"{name}/{query}@{part}" if judgements[query] > 1 else f"{name}/{query}"
        items.append(
            QuestionItem(
                id=identity, pack=name, source=name, split=part, group=f"{name}/{query}", question=queries[query],
                evidence=tuple(evidence),
            )
        )  # fmt: skip
    return tuple(items)

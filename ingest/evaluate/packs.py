"""Packs: read one, choose its items, find its published baselines.

Comes in: a folder with manifest.jsonl (the schema in README.md), a FUNSD folder or a BEIR-style folder.
Goes out: a Pack of frozen records, paths absolute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.evaluate.foreign import is_beir, is_funsd, read_beir, read_funsd
from ingest.evaluate.manifest import read_record
from ingest.evaluate.records import DocumentItem, Item, QuestionItem, Scope
from loaders.errors import UsageError

SPLIT_SALT = "ocr-rag-eval-1"
DEV_SHARE = 0.60


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was published about one item: an engine's stored text, or its published scores."""

    id: str
    engine: str
    split: str
    text: str | None = None
    scores: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: its name, its folder, its items in manifest order, and published baselines if any."""

    name: str
    root: Path
    items: tuple[Item, ...]
    baselines: tuple[Baseline, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, in order of appearance."""
        return tuple(dict.fromkeys(item.source for item in self.items))


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (1-based line number, object) of a JSON Lines file; raises UsageError naming the line that is none."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise UsageError(f"{path}:{number}: not JSON ({error})") from error
            if not isinstance(value, dict):
                raise UsageError(f"{path}:{number}: each line must be one JSON object")
            yield number, value


def _baseline(data: Mapping[str, Any], where: str) -> Baseline:
    if not isinstance(data.get("id"), str) or not isinstance(data.get("engine"), str):
        raise UsageError(f"{where}: a baseline needs `id` and `engine`")
    scores = tuple((str(k), float(v)) for k, v in (data.get("scores") or {}).items() if v is not None)
    return Baseline(data["id"], data["engine"], str(data.get("split", "")), data.get("text"), scores)


def _read_manifest(root: Path) -> Pack:
    manifest = root / "manifest.jsonl"
    items = tuple(read_record(data, f"{manifest}:{number}", root) for number, data in json_lines(manifest))
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise UsageError(f"{manifest}: the id {item.id!r} stands twice; ids must be unique in a pack")
        seen.add(item.id)
    stored = root / "baselines.jsonl"
    baselines = tuple(_baseline(d, f"{stored}:{n}") for n, d in json_lines(stored)) if stored.is_file() else ()
    return Pack(items[0].pack if items else root.name, root, items, baselines)


def read_pack(path: str | Path) -> Pack:
    """Read a pack, a FUNSD folder (annotations/, images/) or a BEIR-style folder (corpus.jsonl, queries.jsonl, qrels/).

    Raises UsageError where the folder is none of these, or where a record does not fit (file, line and field named).
    """
    root = Path(path).resolve()
    if root.name == "manifest.jsonl":
        root = root.parent
    if (root / "manifest.jsonl").is_file():
        return _read_manifest(root)
    if is_funsd(root):
        return Pack(root.name, root, read_funsd(root))
    if is_beir(root):
        return Pack(root.name, root, read_beir(root))
    raise UsageError(
        f"{root} is no pack: it holds neither manifest.jsonl, nor annotations/ and images/ (FUNSD), nor corpus.jsonl "
        "and queries.jsonl (BEIR). `ingest evaluate new-pack` starts one from a folder and a CSV of questions"
    )


def split_of(group: str) -> str:
    """Return the split a group of items belongs to: dev for 60 % of the hash space, else heldout."""
    digest = hashlib.sha256(f"{SPLIT_SALT}:{group}".encode()).hexdigest()
    return "dev" if int(digest[:12], 16) / 16**12 < DEV_SHARE else "heldout"


def draw(items: Sequence[Item], limit: int | None, seed: int = 0) -> tuple[Item, ...]:
    """Keep `limit` items of each source, those with the smallest sha256 of `seed:id`; order is kept."""
    if limit is None:
        return tuple(items)
    if limit < 1:
        raise UsageError(f"a limit of {limit} leaves nothing to measure; give 1 or more, or none at all")
    chosen: set[str] = set()
    for source in dict.fromkeys(item.source for item in items):
        ids = [item.id for item in items if item.source == source]
        chosen |= set(sorted(ids, key=lambda i: hashlib.sha256(f"{seed}:{i}".encode()).digest())[:limit])
    return tuple(item for item in items if item.id in chosen)


def _check(wanted: Sequence[str], known: Sequence[str], what: str, pack: Pack) -> None:
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(f"{pack.name} has no {what} {', '.join(unknown)}; it has {', '.join(known) or 'none'}")


def wanted(item: Item, split: str | None, sources: Sequence[str] = (), tags: Sequence[str] = ()) -> bool:
    """Say whether an item is of a split (or none), of one of the sources, has one of the tags, where any are given."""
    return (
        (split is None or item.split in (split, ""))
        and (not sources or item.source in sources)
        and (not tags or not set(tags).isdisjoint(item.tags))
    )


def select(
    pack: Pack,
    *,
    split: str | None = None,
    sources: Sequence[str] = (),
    tags: Sequence[str] = (),
    scope: Scope | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> tuple[Item, ...]:
    """Return the items to measure: filtered by split, source, tag and scope, then `limit` of each source (see `draw`).

    Documents are not items to measure but what questions are asked of: all but `split` choose questions;
    of the split's documents all stay as soon as one chosen question searches the corpus (fewer documents would make
    the search easier than the pack means it), otherwise only those that hold evidence.
    """
    _check([split] if split else [], sorted({item.split for item in pack.items} - {""}), "split", pack)
    _check(sources, pack.sources, "source", pack)
    _check(tags, sorted({tag for item in pack.items for tag in item.tags}), "tag", pack)
    within = [item for item in pack.items if wanted(item, split)]
    asked = [
        item
        for item in within
        if not isinstance(item, DocumentItem)
        and wanted(item, split, sources, tags)
        and (scope is None or not isinstance(item, QuestionItem) or item.scope == scope)
    ]
    chosen = draw(asked, limit, seed)
    keep = {item.id for item in chosen}
    questions = [item for item in chosen if isinstance(item, QuestionItem)]
    everything = any(question.scope == "corpus" for question in questions)
    needed = {evidence.doc for question in questions for evidence in question.evidence}
    return tuple(
        item
        for item in within
        if item.id in keep or (isinstance(item, DocumentItem) and (everything or item.id in needed))
    )

"""What speed is measured on: files and their pages, from paths or from a pack.

Comes in: paths, folders, URLs, or one pack. Goes out: a name for the set, and Targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.evaluate.packs import Pack, draw, read_pack, wanted
from ingest.evaluate.plan import Plan
from ingest.evaluate.records import DocumentItem, Item, PageItem, TableItem
from loaders.document import Failure
from loaders.errors import UsageError


@dataclass(frozen=True, slots=True)
class Target:
    """A file and the pages of it (1-based) to be read; none where all are."""

    pack: str
    source: str
    id: str
    group: str
    file: str
    pages: tuple[int, ...] = ()


def targets_of(paths: Any, plan: Plan) -> tuple[str, tuple[Target, ...]]:
    """Return the targets behind paths or a pack. Raises UsageError where a path holds nothing to read."""
    if isinstance(paths, Pack):
        return paths.name, _of_pack(paths, plan)
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if len(given) == 1 and _is_pack(Path(given[0])):
        pack = read_pack(given[0])
        return pack.name, _of_pack(pack, plan)
    return "files", _of_paths(given, plan)


def _is_pack(path: Path) -> bool:
    return path.name == "manifest.jsonl" or (path / "manifest.jsonl").is_file()


def _of_pack(pack: Pack, plan: Plan) -> tuple[Target, ...]:
    """Return the pages of a pack, or its documents where it has no pages of their own; each file and page once."""
    files = [item for item in pack.items if item.file is not None]
    readable: list[Item] = [item for item in files if isinstance(item, PageItem | TableItem)]
    readable = readable or [item for item in files if isinstance(item, DocumentItem)]
    by_place: dict[tuple[Path | None, int | None], Item] = {}
    for item in readable:
        if wanted(item, plan.split, plan.sources, plan.tags):
            by_place.setdefault((item.file, item.page), item)
    chosen = draw(tuple(by_place.values()), plan.limit, plan.seed)
    if not chosen:
        raise UsageError(f"{pack.name} holds no files to read with these options")
    return tuple(
        Target(item.pack, item.source, item.id, item.group, str(item.file), (item.page,) if item.page else ())
        for item in chosen
    )


def _of_paths(paths: list[Any], plan: Plan) -> tuple[Target, ...]:
    from loaders.sources import find_sources

    found = []
    for source in find_sources(paths):
        if isinstance(source, Failure):
            raise UsageError(f"{source.source}: {source.error}")
        found.append(Item(id=source.uri, pack="files", source="files", split="", group=source.uri))
    if not found:
        raise UsageError("nothing to measure: no PDF, PNG, JPEG, TIFF, WebP, BMP or GIF there")
    return tuple(Target("files", "files", item.id, item.id, item.id) for item in draw(found, plan.limit, plan.seed))

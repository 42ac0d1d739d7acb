"""Labelled pages on disk: a folder of Parquet files, one row per page, zstd; and how a folder is filled.

Arrays are kept as their bytes (little-endian), lists of texts joined by line feeds, so that a shard is read at memory
speed. A shard is written beside its place and then moved there: what is there is whole, and is not made again.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from loaders.document import Links, Page, Words
from loaders.errors import UsageError
from loaders.geometry import Frame
from loaders.relate.structure import BlockDraft, assemble
from loaders.relate.synthesize.defects import degrade
from loaders.relate.synthesize.families import FAMILIES
from loaders.relate.synthesize.labelled import LINE_CATEGORIES, LabelledPage
from loaders.relate.synthesize.pages import synthesize_all
from loaders.relate.synthesize.prose import FOLDER

PER_SHARD = 64
"""Typeset pages a shard holds, each with its degraded variants."""
COLUMNS: dict[str, str] = {
    "quads": "<f4", "confidences": "<f4", "sizes": "<f4", "styles": "u1", "joined": "?", "backgrounds": "<f4",
    "fragments": "<i4", "rulings": "<f4", "figures": "<f4", "line_words": "<i4", "line_lengths": "<i4",
    "line_categories": "u1", "block_lengths": "<i4", "block_levels": "u1",
}  # fmt: skip


def write_pages(pages: Iterable[LabelledPage], path: Path) -> int:
    """Write pages to one shard; return how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(page) for page in pages]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    pq.write_table(pa.Table.from_pylist(rows), beside, compression="zstd")
    beside.replace(path)
    return len(rows)


def read_pages(folder: Path) -> Iterator[LabelledPage]:
    """Yield the pages of a folder's shards, or of one shard, by name. Raises UsageError where there are none."""
    import pyarrow.parquet as pq

    shards = [folder] if folder.is_file() else sorted(folder.glob("*.parquet"))
    if not shards:
        raise UsageError(
            f"no *.parquet in {folder}; make some: python -m loaders.relate.synthesize --out {folder} --count 100"
        )
    for shard in shards:
        for row in pq.read_table(shard).to_pylist():
            yield _page(row)


def fill(
    folder: Path,
    count: int,
    seed: int,
    families: Sequence[str] = (),
    *,
    degraded: int = 1,
    prose: Path = FOLDER,
    workers: int = 1,
) -> Iterator[tuple[Path, int]]:
    """Make `count` typeset pages and `degraded` variants of each, family by family in turn; yield each shard's size.

    Shards that are there already are left alone, so that a run that was broken off goes on. Page k is of family
    k modulo their number, with seed `seed` + k // their number.
    """
    names = tuple(families) or tuple(FAMILIES)
    missing = []
    for first in range(0, count, PER_SHARD):
        path = folder / f"{seed:06}-{first:06}.parquet"
        wanted = [(names[k % len(names)], seed + k // len(names)) for k in range(first, min(first + PER_SHARD, count))]
        if not path.exists():
            missing.append((path, wanted))
    make = functools.partial(_make_shard, degraded=degraded, prose=prose)
    if workers == 1:
        yield from map(make, missing)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(make, missing)


def _make_shard(plan: tuple[Path, list[tuple[str, int]]], *, degraded: int, prose: Path) -> tuple[Path, int]:
    path, wanted = plan
    pages = []
    for (_, seed), page in zip(wanted, synthesize_all(wanted, prose), strict=True):
        pages += [page, *(degrade(page, seed * 16 + k) for k in range(degraded))]
    return path, write_pages(pages, path)


def _row(labelled: LabelledPage) -> dict[str, Any]:
    page, words = labelled.page, labelled.page.words
    arrays = {
        "quads": words.quads,
        "confidences": words.confidences,
        "sizes": words.sizes,
        "styles": words.styles,
        "joined": words.joined,
        "backgrounds": labelled.backgrounds,
        "fragments": np.zeros(0) if labelled.fragments is None else labelled.fragments.target,
        "rulings": page.rulings,
        "figures": np.array([box.xyxy for box in page.figures]),
        "line_words": np.array([word for line in page.lines for word in line.words]),
        "line_lengths": np.array([len(line.words) for line in page.lines]),
        "line_categories": np.array([LINE_CATEGORIES.index(category) for category in labelled.categories]),
        "block_lengths": np.array([len(block.lines) for block in page.blocks]),
        "block_levels": np.array([block.level for block in page.blocks]),
    }
    frame = page.frame
    return {
        "family": labelled.family,
        "ocr": page.ocr,
        "pieces": labelled.fragments is not None,
        "width": float(frame.width),
        "height": float(frame.height),
        "unit": frame.unit,
        "texts": "\n".join(text.replace("\n", " ") for text in words.texts),
        "block_categories": " ".join(block.category for block in page.blocks),
        **{name: np.ascontiguousarray(array, COLUMNS[name]).tobytes() for name, array in arrays.items()},
    }


def _page(row: dict[str, Any]) -> LabelledPage:
    a = {name: np.frombuffer(row[name], kind) for name, kind in COLUMNS.items()}
    frame = Frame(row["width"], row["height"], row["unit"])
    texts = row["texts"].split("\n") if row["texts"] else []
    words = Words(
        a["quads"].reshape(-1, 4, 2), tuple(texts), a["confidences"], a["sizes"], a["styles"],
        np.full(len(texts), row["ocr"], bool), a["joined"],
    )  # fmt: skip
    lines = [tuple(part.tolist()) for part in np.split(a["line_words"], np.cumsum(a["line_lengths"])[:-1])]
    drafts, first = [], 0
    for category, count, level in zip(
        row["block_categories"].split(), a["block_lengths"].tolist(), a["block_levels"].tolist(), strict=True
    ):
        drafts.append(BlockDraft(tuple(lines[first : first + count]), category, level))
        first += count
    structure = assemble(words, frame, drafts)
    page = Page(
        1, "1", frame, words, structure.lines, structure.blocks, relations=structure.relations,
        rulings=a["rulings"].reshape(-1, 4), figures=tuple(frame.at(box) for box in a["figures"].reshape(-1, 4)),
        ocr=row["ocr"], engine="synthetic" if row["ocr"] else "", source=row["family"],
    )  # fmt: skip
    fragments = Links(a["fragments"], np.ones(len(texts), np.float32)) if row["pieces"] else None
    categories = tuple(LINE_CATEGORIES[k] for k in a["line_categories"].tolist())
    return LabelledPage(page, fragments, categories, a["backgrounds"], row["family"])

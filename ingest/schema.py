"""The columns of the index: the flat metadata of a chunk, typed, and what a foreign document brings besides.

`loaders.metadata` is the one place where keys are spelled; here each gets its Arrow type from the value it holds.
Keys that are not ours (an index used as a plain LangChain vector store) travel as JSON in `extra`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loaders.document import Chunk
from loaders.metadata import KEYS

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.embed import Vectors

CHUNK_KEYS: tuple[str, ...] = tuple(KEYS)


def chunk_schema(dimension: int) -> pa.Schema:
    """Return the schema of `chunks`; chunk_id is the primary key."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = [pa.field(key, types[kind]) for key, kind in KEYS.items() if key != "chunk_id"]
    return pa.schema(
        [
            _primary("chunk_id"),
            *fields,
            pa.field("extra", pa.string()),
            pa.field("text", pa.string()),
            pa.field("embed_text", pa.string()),
            pa.field("vector", pa.list_(pa.float32(), dimension)),
        ]
    )


def source_schema() -> pa.Schema:
    """Return the schema of `sources`; path is the primary key."""
    import pyarrow as pa

    text = [pa.field(name, pa.string()) for name in ("doc_id", "config_id", "title", "name")]
    return pa.schema(
        [_primary("path"), *text, *(pa.field(n, pa.int64()) for n in ("total_pages", "failed_pages", "chunks"))]
    )


def _primary(name: str) -> pa.Field:
    import pyarrow as pa

    return pa.field(name, pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"})


def rows_of(chunks: Sequence[Chunk], vectors: Vectors, path: str) -> list[dict[str, Any]]:
    """Return one row per chunk. Its source is the path an index knows, so that it can be opened from anywhere."""
    return [
        packed(chunk.metadata | {"source": path})
        | {"chunk_id": chunk.chunk_id, "text": chunk.text, "embed_text": chunk.embed_text, "vector": vector}
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def table_of(rows: Iterable[Mapping[str, Any]], dimension: int) -> pa.Table:
    """Return rows of the chunk schema as a table."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), chunk_schema(dimension))


def packed(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns for metadata: ours by name where the type fits, the rest as JSON."""
    ours = {key: value for key, value in metadata.items() if key in KEYS and type(value) is KEYS[key]}
    rest = {key: value for key, value in metadata.items() if key not in ours}
    return {**dict.fromkeys(KEYS), **ours, "extra": json.dumps(rest, sort_keys=True) if rest else None}


def unpacked(row: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return the metadata of a row; keys without a value are left out."""
    known = {key: row[key] for key in keys if row.get(key) is not None}
    return known | (json.loads(row["extra"]) if row.get("extra") else {})

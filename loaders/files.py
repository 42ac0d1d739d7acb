"""Small files under a directory or any fsspec URL, each written whole or not at all.

A local disk is used directly: a draft beside the place, renamed into it. An object store shows an object only when its
put is complete, so that one put will do, and a rename, which is a copy there, is spared. Elsewhere: draft and move.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

WHOLE_PUTS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "r2", "memory"})
"""Protocols of stores where an object appears when its put is complete, and not before."""


class FileStore:
    """Files named by paths relative to a root, on whatever file system the root is. May be used by many processes."""

    def __init__(self, root: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self._fs, self._root = fsspec.core.url_to_fs(root)
        self._local = Path(self._root) if isinstance(self._fs, LocalFileSystem) else None
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._whole_puts = bool(WHOLE_PUTS & protocols)

    @property
    def of_this_process(self) -> bool:
        """Say that no other process sees these files."""
        return "memory" in self._fs.protocol

    def exists(self, path: str) -> bool:
        """Say whether a file is there."""
        if self._local is not None:
            return (self._local / path).exists()
        return bool(self._fs.exists(self._at(path)))

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError; any other trouble of the store is its own OSError."""
        if self._local is not None:
            return (self._local / path).read_bytes()
        return bytes(self._fs.cat_file(self._at(path)))

    def write(self, path: str, content: bytes) -> None:
        """Write a file; readers see what was there before or all of the new content."""
        if self._local is not None:
            _replace(self._local / path, content)
        elif self._whole_puts:
            self._fs.pipe_file(self._at(path), content)
        else:
            self._move_into_place(self._at(path), content)

    def names(self, folder: str) -> list[str]:
        """Return the names of what lies in a folder; none where there is no such folder."""
        try:
            found = self._fs.ls(self._at(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"

    def _move_into_place(self, path: str, content: bytes) -> None:
        folder = path.rpartition("/")[0]
        self._fs.makedirs(folder, exist_ok=True)
        draft = f"{folder}/.{uuid.uuid4().hex}"
        try:
            self._fs.pipe_file(draft, content)
            self._fs.mv(draft, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm_file(draft)
            raise


def _replace(path: Path, content: bytes) -> None:
    draft = path.parent / f".{uuid.uuid4().hex}"
    try:
        try:
            draft.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
        os.replace(draft, path)  # noqa: PTH105  (atomic, also where the place is taken)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise

"""What the user names becomes sources: paths, globs, directories, bytes, file objects and fsspec URLs.

Out comes one `Source` per file, in a fixed order and one at a time, or a `Failure` that says why there is none. What a
file is, its first bytes decide, never its ending. Files are hashed in blocks and stay where they are; what has no path
of its own (URLs, large streams) is spooled once to a temporary file, so that another process can open it again.
"""

from __future__ import annotations

import atexit
import glob
import hashlib
import io
import itertools
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from loaders.document import Failure
from loaders.errors import (
    EmptySource,
    SourceError,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedSource,
    UsageError,
)
from loaders.sources import remote as remote
from loaders.sources.filetypes import HEAD, READ, FileType, Kind, describe, filetype, named_as_page
from loaders.sources.walk import is_directory, matches, unreadable, walk

Input = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

BLOCK = 1 << 20
IN_MEMORY = 8 << 20
"""Streams up to this many bytes are kept in the Source itself; larger ones go to a temporary file."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read, known by its content; it can be pickled and opened again in another process.

    uri      as the user gave it (members of a directory or a glob: joined to what was given)
    name     the file's own name, for people
    doc_id   sha256 of the bytes, hexadecimal
    kind     "pdf" or "image"; `mime` says which image
    path     where the bytes lie on this machine, or None when they are in `data`
    spooled  `path` is a temporary copy, which `discard()` deletes; the process that made it deletes it at its end
    """

    uri: str
    name: str
    doc_id: str
    kind: Kind
    mime: str
    size: int
    path: str | None = None
    data: bytes | None = field(default=None, repr=False)
    spooled: bool = False

    def open(self) -> BinaryIO:
        """Open the bytes for reading; the caller closes. Raises SourceNotFound or SourceUnreadable."""
        return io.BytesIO(self.data or b"") if self.path is None else _open_regular(Path(self.path), self.uri)

    def discard(self) -> None:
        """Delete the temporary copy, if this is one; nothing else is ever deleted."""
        if self.spooled and self.path is not None:
            Path(self.path).unlink(missing_ok=True)

    def detached(self) -> Source:
        """Return it without copies of its bytes, so that it can go to another machine; `attached()` is the way back."""
        return replace(self, data=None, path=None if self.spooled else self.path, spooled=False)

    def attached(self) -> Source:
        """Return it with its bytes, fetched again where a copy is needed. Raises SourceError when they have changed."""
        if self.path is not None or self.data is not None:
            return self
        fetched = open_source(self.uri)
        if fetched.doc_id != self.doc_id:
            fetched.discard()
            raise SourceUnreadable(f"{self.uri} changed while it was being read; add it again")
        return fetched


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was found and not yet looked into: where it is, and its size in bytes where that is known."""

    uri: str
    path: str | None = None
    size: int | None = None

    def open(self) -> Source:
        """Read and hash the bytes. Raises SourceError."""
        return open_source(self.uri) if self.path is None else _from_path(Path(self.path), self.uri)


def open_source(given: Input, *, name: str | None = None) -> Source:
    """Return the one Source behind a path, a URL, bytes or a binary file object.

    `name` is for bytes and streams: it becomes their uri, which is else made from their content. Raises SourceError
    subclasses; UsageError for a directory (see find_sources) or a text stream.
    """
    if isinstance(given, (bytes, bytearray, memoryview)):
        return _from_stream(io.BytesIO(given), name)
    if not isinstance(given, (str, os.PathLike)):
        return _from_stream(_binary(given), name or _stream_name(given))
    uri = os.fspath(given)
    path = _path_of(uri)
    if path is None:
        with remote.opened(uri) as stream:
            return _from_stream(stream, uri)
    if is_directory(path):
        raise UsageError(f"{uri} is a directory; find_sources() yields the files in it")
    return _from_path(path, uri)


def find_sources(inputs: Input | Iterable[Input]) -> Iterator[Source | Failure]:
    """Yield every file behind the inputs, opened, lazily, as find_files finds them."""
    for item in find_files(inputs):
        yield _attempt(item.open, item.uri) if isinstance(item, FoundFile) else item


def find_files(inputs: Input | Iterable[Input]) -> Iterator[FoundFile | Source | Failure]:
    """Yield every file behind the inputs, lazily, in the order given and by name inside directories.

    A Source is what came as bytes or as a stream.

    Directories are walked to the bottom, links followed, each real directory once. In directories and globs a file
    that is none of ours, by content and by ending, is passed over; a file that was named never is. One path is
    yielded once. Trouble with one file is a Failure of stage "open".
    """
    seen: set[str] = set()
    for given in _each(inputs):
        if isinstance(given, (str, os.PathLike)):
            yield from _behind(os.fspath(given), seen)
        else:
            yield _attempt(partial(open_source, given), _stream_name(given) or "bytes")


def _each(inputs: Input | Iterable[Input]) -> Iterable[Input]:
    single = isinstance(inputs, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(inputs, "read")
    return cast("Iterable[Input]", [inputs] if single else inputs)


def _behind(uri: str, seen: set[str]) -> Iterator[FoundFile | Failure]:
    path = _path_of(uri)
    if path is None:
        yield from _behind_url(uri, seen)
    elif is_directory(path):
        yield from _members(walk(path), seen)
    elif glob.has_magic(str(path)) and not os.path.lexists(path):
        yield from _matching(str(path), uri, seen)
    elif _first_time(str(path.absolute()), seen):
        yield _found(path, uri)


def _found(path: Path, uri: str) -> FoundFile:
    try:
        size: int | None = path.stat().st_size
    except OSError:
        size = None  # opening it will say why
    return FoundFile(uri, str(path.absolute()), size)


def _attempt(opening: Callable[[], Source], uri: str) -> Source | Failure:
    try:
        return opening()
    except SourceError as error:
        return Failure.of(error, uri, None, "open")


def _first_time(address: str, seen: set[str]) -> bool:
    new = address not in seen
    seen.add(address)
    return new


# -- directories and globs ----------------------------------------------------------------------------------------


def _matching(pattern: str, uri: str, seen: set[str]) -> Iterator[FoundFile | Failure]:
    found = matches(pattern)
    first = next(found, None)
    if first is None:
        yield Failure.of(SourceNotFound(f"no file matches {uri}"), uri, None, "open")
    else:
        yield from _members(itertools.chain([first], found), seen)


def _members(found: Iterable[Path | Failure], seen: set[str]) -> Iterator[FoundFile | Failure]:
    """Yield the sources among what a directory or a glob brought up, and what should have been one."""
    for item in found:
        if isinstance(item, Failure):
            yield item
        elif _first_time(str(item.absolute()), seen):
            try:
                if not named_as_page(item.name) and not _is_ours(item):
                    continue
            except OSError as error:
                yield Failure.of(unreadable(error, str(item)), str(item), None, "open")
                continue
            yield _found(item, str(item))


def _is_ours(path: Path) -> bool:
    if not stat.S_ISREG(path.stat().st_mode):
        return False
    with path.open("rb") as stream:
        return filetype(stream.read(HEAD)) is not None


# -- one file -----------------------------------------------------------------------------------------------------


def _path_of(uri: str) -> Path | None:
    """Return the local path a string means, None for a URL of another machine."""
    if not remote.is_url(uri):
        return Path(uri).expanduser()
    path = remote.local_path(uri)
    return None if path is None else Path(path)


def _from_path(path: Path, uri: str) -> Source:
    with _open_regular(path, uri) as stream:
        head = _read(stream, HEAD, uri)
        kind = _recognised(head, path.name)
        digest, size = hashlib.sha256(head), len(head)
        while block := _read(stream, BLOCK, uri):
            digest.update(block)
            size += len(block)
    return Source(uri, path.name, digest.hexdigest(), kind.kind, kind.mime, size, path=str(path.absolute()))


def _from_stream(stream: IO[bytes], uri: str | None) -> Source:
    """Read a stream once, hashing: it is kept in memory while it is small, in a temporary file when it is not."""
    called = uri or "the stream"
    head = _read(stream, HEAD, called)
    name = re.split(r"[/\\]", called.partition("::")[0].partition("?")[0].rstrip("/\\"))[-1] or called
    kind = _recognised(head, name)
    digest, size, held = hashlib.sha256(head), len(head), bytearray(head)
    with ExitStack() as stack:
        spool: Any = None
        while block := _read(stream, BLOCK, called):
            digest.update(block)
            size += len(block)
            if spool is None and size > IN_MEMORY:
                spool = stack.enter_context(tempfile.NamedTemporaryFile(dir=_spool_directory(), delete=False))
                stack.push(_deleting_on_error(spool.name))
                spool.write(held)
                held.clear()
            (spool.write if spool else held.extend)(block)
    doc_id = digest.hexdigest()
    if uri is None:
        uri = name = f"bytes:{doc_id[:16]}"
    where: dict[str, Any] = {"path": spool.name, "spooled": True} if spool else {"data": bytes(held)}
    return Source(uri, name, doc_id, kind.kind, kind.mime, size, **where)


def _deleting_on_error(path: str) -> Callable[..., None]:
    return lambda kind, *_: Path(path).unlink(missing_ok=True) if kind is not None else None


def _recognised(head: bytes, name: str) -> FileType:
    if not head:
        raise EmptySource(f"{name} has zero bytes")
    kind = filetype(head)
    if kind is None:
        raise UnsupportedSource(f"{name} {describe(head)}; {READ}")
    return kind


def _read(stream: IO[bytes], count: int, uri: str) -> bytes:
    """Read `count` bytes, fewer only at the end."""
    parts: list[bytes] = []
    try:
        while count > 0 and (part := stream.read(count)):
            if isinstance(part, str):
                raise UsageError("a text stream was given; open the file in binary mode ('rb')")
            parts.append(part)
            count -= len(part)
    except OSError as error:
        raise unreadable(error, uri) from error
    return b"".join(parts)


def _open_regular(path: Path, uri: str) -> BinaryIO:
    """Open a regular file; a pipe or a device could block, or never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceUnreadable(f"{uri} is not a regular file; give an open binary stream instead")
        return path.open("rb")
    except OSError as error:
        raise unreadable(error, uri) from error


def _binary(given: Any) -> IO[bytes]:
    if not hasattr(given, "read"):
        raise UsageError(f"cannot read a {type(given).__name__}; give a path, a URL, bytes or a binary file object")
    return given  # type: ignore[no-any-return]


def _stream_name(given: Any) -> str | None:
    name = getattr(given, "name", None)
    return name if isinstance(name, str) and name else None


# -- temporary copies ---------------------------------------------------------------------------------------------

_spools: dict[int, str] = {}


def _spool_directory() -> str:
    """Return this process's directory of temporary copies; it goes when the process ends."""
    process = os.getpid()
    if process not in _spools:
        _spools[process] = tempfile.mkdtemp(prefix="ocr-ingest-")
        atexit.register(_remove_spool, process)
    return _spools[process]


def _remove_spool(process: int) -> None:
    if os.getpid() == process:  # a forked child inherits the hook, not the directory
        shutil.rmtree(_spools[process], ignore_errors=True)


# -- URLs ---------------------------------------------------------------------------------------------------------


def _behind_url(url: str, seen: set[str]) -> Iterator[FoundFile | Failure]:
    try:
        addresses = remote.members(url)
    except SourceError as error:
        yield Failure.of(error, url, None, "open")
        return
    if addresses is None:
        if _first_time(url, seen):
            yield FoundFile(url)
        return
    count = 0
    for found in addresses:
        count += 1
        if _first_time(found.url, seen):
            yield from _remote_member(found)
    if not count:
        yield Failure.of(SourceNotFound(f"no file behind {url}"), url, None, "open")


def _remote_member(found: remote.Member) -> Iterator[FoundFile | Failure]:
    url = found.url
    try:
        if not named_as_page(url.partition("::")[0]):
            with remote.opened(url) as stream:
                if filetype(_read(stream, HEAD, url)) is None:
                    return
    except SourceError as error:
        yield Failure.of(error, url, None, "open")
        return
    yield FoundFile(url, size=found.size)

"""Files on this machine: those below a directory, and those a glob matches.

Out come paths in a fixed order, one at a time; a directory that cannot be read, or that leads back above itself, comes
out as a Failure in its place.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from loaders.document import Failure
from loaders.errors import SourceError, SourceNotFound, SourceUnreadable


def walk(directory: Path) -> Iterator[Path | Failure]:
    """Yield what is below a directory and is no directory, by name; links are followed, each real directory once."""
    yield from _walk(directory, set(), ())


def matches(pattern: str) -> Iterator[Path | Failure]:
    """Yield the files a glob matches, and those below the directories it matches, by name."""
    if "**" not in pattern:
        for hit in sorted(glob.glob(pattern)):  # noqa: PTH207
            yield from walk(Path(hit)) if is_directory(Path(hit)) else [Path(hit)]
        return
    from fsspec.utils import glob_translate

    # Walked by ourselves, since glob() follows directory loops forty levels down.
    wanted = re.compile(glob_translate(pattern))
    plain = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        plain.append(part)
    for item in walk(Path(*plain)):
        if isinstance(item, Failure) or wanted.match(str(item)):
            yield item


def is_directory(path: Path) -> bool:
    """Say whether a path is a directory; no permission to look means no."""
    try:
        return path.is_dir()
    except OSError:
        return False


def unreadable(error: OSError, uri: str) -> SourceError:
    """Return the SourceError that an operating system's error on a file amounts to."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SourceNotFound(f"no such file: {uri}")
    if isinstance(error, PermissionError):
        return SourceUnreadable(f"no permission to read {uri}")
    return SourceUnreadable(f"{uri} cannot be read: {error.strerror or error}")


def _walk(directory: Path, done: set[tuple[int, int]], above: tuple[tuple[int, int], ...]) -> Iterator[Path | Failure]:
    """Walk one directory; `done` are the real directories walked so far, `above` those we are inside of."""
    try:
        status = directory.stat()
        children = sorted(directory.iterdir())
    except OSError as error:
        yield Failure.of(unreadable(error, str(directory)), str(directory), None, "open")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        loop = SourceUnreadable(f"a directory loop: {directory} leads back to a directory above it")
        yield Failure.of(loop, str(directory), None, "open")
    if here in done:
        return
    done.add(here)
    for child in children:
        if is_directory(child):
            yield from _walk(child, done, (*above, here))
        else:
            yield child

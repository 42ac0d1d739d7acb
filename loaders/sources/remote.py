"""Files behind fsspec URLs: which there are, and their bytes.

URLs go in and come out as the user writes them (s3://bucket/key, https://…, zip://a.pdf::file.zip). Every trouble of
the many file systems behind them becomes a SourceError that names the URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple
from urllib.parse import unquote

from loaders.errors import SourceError, SourceNotFound, SourceUnreadable

_ONE_FILE = frozenset({"http", "https"})
"""Protocols where asking whether an address is a directory means downloading it."""


def is_url(text: str) -> bool:
    """Say whether a string is a URL rather than a path."""
    return "://" in text


def local_path(url: str) -> str | None:
    """Return the path behind file:// and local://, None for every other URL."""
    if not url.startswith(("file://", "local://")) or "::" in url:
        return None
    from fsspec.implementations.local import LocalFileSystem

    path = str(LocalFileSystem._strip_protocol(url))
    return path if "%" not in path or LocalFileSystem().exists(path) else unquote(path)


class Member(NamedTuple):
    """A file in a directory or a glob, and its size in bytes where the listing tells it."""

    url: str
    size: int | None


def members(url: str) -> Iterator[Member] | None:
    """Return the files behind a directory or a glob, by name; None when the URL is of one file."""
    with _troubles(url):
        protocol = url.partition("::")[0].partition(":")[0]
        if protocol in _ONE_FILE:
            return None
        filesystem, path = _filesystem(url)
        globbed = any(sign in path for sign in "*?[") and not filesystem.exists(path)
        if not globbed and not filesystem.isdir(path):
            return None
        listed = filesystem.glob(path, detail=True) if globbed else filesystem.find(path, detail=True)
        rest = url[url.index("::") :] if "::" in url else ""
        files = [(name, about.get("size")) for name, about in sorted(listed.items()) if about.get("type") == "file"]
        return iter([Member(filesystem.unstrip_protocol(name) + rest, size) for name, size in files])


@contextmanager
def opened(url: str) -> Iterator[IO[bytes]]:
    """Open the bytes behind a URL, read forwards."""
    with _troubles(url):
        filesystem, path = _filesystem(url)
        with filesystem.open(path, "rb") as stream:
            yield stream


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]


@contextmanager
def _troubles(url: str) -> Iterator[None]:
    """Turn whatever a file system raises into a SourceError; each raises its own."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceNotFound(f"nothing at {url}") from error
    except PermissionError as error:
        raise SourceUnreadable(f"no permission to read {url}") from error
    except ImportError as error:
        raise SourceUnreadable(f"{url} needs a package that is not installed: {error}") from error
    except Exception as error:
        raise SourceUnreadable(f"{url} cannot be read: {type(error).__name__}: {error}") from error

"""What the user names becomes sources, each known by its content; what cannot be read says why."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from PIL import Image

from loaders.document import Failure
from loaders.errors import (
    EmptySource,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedSource,
    UsageError,
)
from loaders.sources import IN_MEMORY, Source, find_sources, open_source

PDF = b"%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\n"
IMAGES = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def image_bytes(kind: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(held, kind)
    return held.getvalue()


def sources(found: Iterator[Source | Failure]) -> list[str]:
    """The names of the sources, and "!" before what failed."""
    return [item.name if isinstance(item, Source) else f"!{Path(item.source).name}" for item in found]


@pytest.mark.parametrize(
    ("content", "kind", "mime"),
    [
        (PDF, "pdf", "application/pdf"),
        (b"junk from a printer\n" * 40 + PDF, "pdf", "application/pdf"),
        (b"\0" * 1024 + PDF, "pdf", "application/pdf"),
        *((image_bytes(name), "image", f"image/{name.lower()}") for name in IMAGES),
        (image_bytes("JPEG2000"), "image", "image/jp2"),
        (b"MM\0+\0\x08\0\0" + bytes(40), "image", "image/tiff"),
    ],
)  # fmt: skip
def test_content_decides_what_a_file_is(tmp_path: Path, content: bytes, kind: str, mime: str) -> None:
    for name in ("plain", "named.pdf", "named.png", "named.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        source = open_source(path)
        assert (source.kind, source.mime) == (kind, mime)
        assert source.doc_id == hashlib.sha256(content).hexdigest()
        assert source.size == len(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is not a pdf\n" * 30, "plain text"),
        (b"\0" * 1100 + PDF, "no known kind"),
        (b"PK\x03\x04" + bytes(60), "ZIP archive or an Office file"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"BM is how this text begins, and no picture", "plain text"),
        (b"RIFF\0\0\0\0WAVEfmt ", "no known kind"),
    ],
)
def test_what_we_do_not_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(content)
    with pytest.raises(UnsupportedSource, match=said):
        open_source(path)


def test_nothing_there_and_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    with pytest.raises(EmptySource, match=r"empty\.pdf has zero bytes"):
        open_source(tmp_path / "empty.pdf")
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source(tmp_path / "missing.pdf")
    with pytest.raises(EmptySource):
        open_source(b"")
    with pytest.raises(UsageError, match="find_sources"):
        open_source(tmp_path)


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")  # opening it would wait for ever
    with pytest.raises(SourceUnreadable, match="not a regular file"):
        open_source(tmp_path / "pipe.pdf")


def as_nobody(paths: list[Path]) -> list[Source | Failure]:
    """Find sources as a user without privileges, even where the tests run as root."""
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)
    try:
        return list(find_sources(paths))
    finally:
        os.seteuid(before)


def test_no_permission_is_a_failure_and_the_run_goes_on() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("a.pdf", "b.pdf", "c.txt"):
            (folder / name).write_bytes(PDF)
            (folder / name).chmod(0o644)
        (folder / "a.pdf").chmod(0)
        (folder / "c.txt").chmod(0)
        (folder / "closed").mkdir(mode=0)
        found = as_nobody([folder])
    assert sources(iter(found)) == ["!a.pdf", "b.pdf", "!c.txt", "!closed"]
    failures = [item for item in found if isinstance(item, Failure)]
    assert all("no permission to read" in item.error and item.stage == "open" for item in failures)


def test_directories_come_in_order_and_only_ours_come(tmp_path: Path) -> None:
    files = {
        "b/2.pdf": PDF, "b/10.pdf": PDF + b"x", "a.png": PNG, "c/deep/er.bin": PDF + b"y", "notes.txt": b"hello",
        "table.csv": b"1,2", "scan.tif": b"not a tiff at all", "photo.heic": b"\0\0\0\x18ftypheic", "none.pdf": b"",
        ".gitkeep": b"",
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = list(find_sources(tmp_path))
    assert sources(iter(found)) == ["a.png", "10.pdf", "2.pdf", "er.bin", "!none.pdf", "!photo.heic", "!scan.tif"]
    assert found == list(find_sources(str(tmp_path)))
    assert [item.uri for item in found if isinstance(item, Source)][1] == str(tmp_path / "b" / "10.pdf")
    assert sources(find_sources([tmp_path / "notes.txt"])) == ["!notes.txt"]


def test_a_directory_loop_is_reported_once_and_left(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "x.pdf").write_bytes(PDF)
    (tmp_path / "inner" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "inner", target_is_directory=True)
    found = list(find_sources(tmp_path))
    assert sources(iter(found)) == ["!up", "x.pdf"]
    assert "directory loop" in found[0].error  # type: ignore[union-attr]
    assert sources(find_sources(f"{tmp_path}/**/*.pdf")) == ["!up", "x.pdf"]
    (tmp_path / "self.pdf").symlink_to(tmp_path / "self.pdf")
    assert sources(find_sources(tmp_path / "self.pdf")) == ["!self.pdf"]


def test_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one.pdf", "two.pdf", "sub/three.pdf", "sub/four.txt", "wei[rd].pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PDF + name.encode())
    monkeypatch.chdir(tmp_path)
    assert sources(find_sources("*.pdf")) == ["one.pdf", "two.pdf", "wei[rd].pdf"]
    assert sources(find_sources("**/*.pdf")) == ["one.pdf", "three.pdf", "two.pdf", "wei[rd].pdf"]
    assert sources(find_sources("./**/t*.pdf")) == ["three.pdf", "two.pdf"]
    assert sources(find_sources("s*")) == ["four.txt", "three.pdf"]
    assert sources(find_sources("wei[rd].pdf")) == ["wei[rd].pdf"]
    (failure,) = find_sources("*.docx")
    assert isinstance(failure, Failure)
    assert failure.error == "SourceNotFound: no file matches *.docx"


def test_one_path_comes_once_and_one_content_as_often_as_it_is_there(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(PDF)
    found = list(find_sources([tmp_path / "b.pdf", tmp_path, f"{tmp_path}/a*"]))
    assert sources(iter(found)) == ["b.pdf", "a.pdf"]
    assert len({item.doc_id for item in found if isinstance(item, Source)}) == 1


def test_find_sources_is_lazy(tmp_path: Path) -> None:
    def inputs() -> Iterator[Path]:
        yield tmp_path / "missing.pdf"
        raise AssertionError("asked for more than was wanted")

    assert isinstance(next(find_sources(inputs())), Failure)


def test_bytes_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(PDF)
    plain = open_source(PDF)
    assert plain.uri == plain.name == f"bytes:{plain.doc_id[:16]}"
    assert plain.open().read() == PDF
    assert open_source(PDF, name="mail/x.pdf").name == "x.pdf"
    with path.open("rb") as stream:
        named = open_source(stream)
    assert (named.uri, named.name, named.doc_id) == (str(path), "x.pdf", open_source(path).doc_id)
    assert sources(find_sources([io.BytesIO(PDF), b"nothing of ours"])) == [plain.name, "!bytes"]
    with path.open() as text, pytest.raises(UsageError, match="binary mode"):
        open_source(text)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot read a int"):
        open_source(3)  # type: ignore[arg-type]


def test_a_large_stream_is_spooled_and_a_source_survives_pickling() -> None:
    content = PDF + bytes(IN_MEMORY)

    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 100_000))

    source = open_source(Trickle(content))
    assert source.spooled
    assert source.data is None
    assert source.doc_id == hashlib.sha256(content).hexdigest()
    again: Source = pickle.loads(pickle.dumps(source))
    with again.open() as stream:
        assert stream.read() == content
    source.discard()
    with pytest.raises(SourceNotFound):
        again.open()
    small = pickle.loads(pickle.dumps(open_source(PDF)))
    assert small.open().read() == PDF
    small.discard()
    assert small.open().read() == PDF


def test_the_spool_goes_with_the_process(tmp_path: Path) -> None:
    script = (
        "import io; from loaders.sources import *; print(open_source(io.BytesIO(b'%PDF-1.4' + bytes(IN_MEMORY))).path)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert not Path(done.stdout.strip()).exists()


def test_discard_deletes_no_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(PDF)
    open_source(tmp_path / "x.pdf").discard()
    assert (tmp_path / "x.pdf").exists()


def test_urls(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    large = PDF + bytes(IN_MEMORY)
    for name, content in {"a.pdf": large, "b.pdf": PDF, "n.txt": b"hello", "z.bin": PNG, "zero.pdf": b""}.items():
        memory.pipe(f"/shelf/{name}", content)
    found = list(find_sources("memory://shelf"))
    assert sources(iter(found)) == ["a.pdf", "b.pdf", "z.bin", "!zero.pdf"]
    first = found[0]
    assert isinstance(first, Source)
    assert first.spooled
    assert first.uri == "memory:///shelf/a.pdf"
    first.discard()
    assert sources(find_sources("memory://shelf/*.pdf")) == ["a.pdf", "b.pdf", "!zero.pdf"]
    assert sources(find_sources("memory://shelf/n.txt")) == ["!n.txt"]
    given = open_source("memory://shelf/b.pdf")
    assert (given.uri, given.data) == ("memory://shelf/b.pdf", PDF)
    (tmp_path / "with space.pdf").write_bytes(PDF)
    local = open_source((tmp_path / "with space.pdf").as_uri())
    assert local.path == str(tmp_path / "with space.pdf")
    assert not local.spooled


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("memory://shelf/missing.pdf", "SourceNotFound: nothing at memory://shelf/missing.pdf"),
        ("memory://shelf/*.djvu", "SourceNotFound: no file behind"),
        ("nosuch://x/y.pdf", "SourceUnreadable: nosuch://x/y.pdf cannot be read: ValueError: Protocol not known"),
    ],
)
def test_troubles_with_urls(url: str, error: str) -> None:
    (failure,) = find_sources(url)
    assert isinstance(failure, Failure)
    assert failure.error.startswith(error)
    assert failure.source == url

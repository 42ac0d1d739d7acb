"""Fetching from a hub: a server on this machine that speaks as the Hugging Face hub does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loaders.errors import ModelFileError, UsageError
from loaders.ocr.nemotron.checkpoint import LOCK
from loaders.ocr.nemotron.fetch import FILES, HUB_FOLDERS, LICENCE_NOTICE, fetch

LARGE = {"detector.pth", "recognizer.pth", "relational.pth"}


@dataclass
class Hub:
    """What the server holds: url path -> content; and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)
    address: str = ""

    def hold(self, variant: str, contents: dict[str, bytes]) -> None:
        source = HUB_FOLDERS[variant]
        for name, content in contents.items():
            path = f"/{source.repository}/resolve/{source.revision}/{source.folder}/{name}"
            self.files[path] = content
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            self.etags[path] = hashlib.sha256(content).hexdigest() if name in LARGE else blob


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self.hub.downloads.append(self.path.rsplit("/", 1)[-1])
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        content = self.hub.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("X-Repo-Commit", self.path.split("/resolve/")[-1].split("/")[0])
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_header("ETag", f'"{self.hub.etags[self.path]}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    held = Hub()
    handler = type("HubHandler", (Handler,), {"hub": held})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        held.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield held
        server.shutdown()
        thread.join()


def contents() -> dict[str, bytes]:
    return {name: f"content of {name}".encode() * 50 for name in FILES}


def get(hub: Hub, variant: str, folder: Path) -> Path:
    return fetch(variant, folder, endpoint=hub.address, notice=[].append)


def test_files_arrive_are_locked_and_not_fetched_twice(hub: Hub, tmp_path: Path) -> None:
    hub.hold("v2-en", contents())
    folder = get(hub, "v2-en", tmp_path / "model")
    assert {path.name for path in folder.iterdir()} == {*FILES, LOCK}
    assert all((folder / name).read_bytes() == content for name, content in contents().items())
    lock = json.loads((folder / LOCK).read_text())
    assert lock["revision"] == HUB_FOLDERS["v2-en"].revision
    assert lock["files"]["charset.txt"]["sha256"] == hashlib.sha256(contents()["charset.txt"]).hexdigest()
    assert sorted(hub.downloads) == sorted(FILES)
    get(hub, "v2-en", folder)
    assert len(hub.downloads) == len(FILES)


def test_a_lost_file_is_fetched_again_and_must_match_the_lock(hub: Hub, tmp_path: Path) -> None:
    hub.hold("v2-en", contents())
    folder = get(hub, "v2-en", tmp_path)
    (folder / "relational.pth").unlink()
    get(hub, "v2-en", folder)
    assert hub.downloads[len(FILES) :] == ["relational.pth"]
    (folder / "relational.pth").write_bytes(b"spoilt")
    hub.hold("v2-en", {"relational.pth": b"another model at the same revision"})
    with pytest.raises(ModelFileError, match=r"now sends another relational\.pth"):
        get(hub, "v2-en", folder)


@pytest.mark.parametrize("name", ["detector.pth", "charset.txt"])
def test_a_file_that_is_not_what_the_hub_states_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.hold("v1", contents())
    path = next(path for path in hub.files if path.endswith(name))
    hub.etags[path] = "0" * len(hub.etags[path])
    with pytest.raises(ModelFileError, match="arrived damaged"):
        get(hub, "v1", tmp_path)
    assert not (tmp_path / name).exists()


def test_v1_may_lack_its_config_but_nothing_else(hub: Hub, tmp_path: Path) -> None:
    hub.hold("v1", {name: content for name, content in contents().items() if name != "model_config.json"})
    folder = get(hub, "v1", tmp_path / "v1")
    assert not (folder / "model_config.json").exists()
    hub.hold("v2-multi", {name: content for name, content in contents().items() if name != "model_config.json"})
    with pytest.raises(ModelFileError, match=r"has no v2_multilingual/model_config\.json"):
        get(hub, "v2-multi", tmp_path / "multi")


def test_the_licence_is_stated(hub: Hub, tmp_path: Path) -> None:
    hub.hold("v1", contents())
    said: list[str] = []
    fetch("v1", tmp_path, endpoint=hub.address, notice=said.append)
    assert said == [LICENCE_NOTICE]
    assert "NVIDIA Open Model License" in LICENCE_NOTICE


def test_no_server_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be fetched"):
        fetch("v1", tmp_path, endpoint="http://127.0.0.1:9", notice=[].append)


def test_an_unknown_variant_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="v2-multi"):
        fetch("v3", tmp_path / "none", notice=[].append)
    assert not (tmp_path / "none").exists()

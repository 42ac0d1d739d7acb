"""Sources, cache and index in an object store: S3's own protocol, from a server on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loaders.cache import Cache

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs", reason="s3fs is not installed; it comes with the extra [s3]")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'ocr-ingest[scale-test]'")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # what boto's packages warn of is not ours


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket; the environment says where its store is, as it would in a cloud."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("papers")
        yield "s3://papers"
    server.stop()


@pytest.fixture(scope="module")
def files(bucket: str, documents: Path) -> str:
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    for name in ("report.pdf", "invoice.pdf"):
        store.put_file(str(documents / name), f"{bucket}/files/{name}")
    return f"{bucket}/files"


def add(*arguments: str) -> Any:
    command = [sys.executable, "-m", "ingest.cli", "add", *arguments, "--text", "layer", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def search(index: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "ingest.cli", "search", "Petrel energy", "--index", index, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_everything_in_the_store(files: str, bucket: str) -> None:
    index = f"{bucket}/index"
    first = add(files, "--index", index)
    assert (first["documents"]["added"], first["pages"]["added"], first["failures"]) == (2, 4, [])
    again = add(files, "--index", index)
    assert (again["documents"]["unchanged"], again["pages"]["added"]) == (2, 0)
    assert search(index)[0]["metadata"]["source"] == f"{files}/report.pdf"
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    cached = store.find(f"{bucket}/index/cache")
    assert len([name for name in cached if "/pages/" in name]) == 4
    assert all(name.endswith(".parquet") for name in cached)  # no drafts
    (doc_id,) = {hit["metadata"]["doc_id"] for hit in search(index)[:1]}
    assert Cache(f"{index}/cache").boxes_for(doc_id, 0, 40)


def test_shards_and_ray_share_the_store(files: str, bucket: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with the extra [ray]")
    index = f"{bucket}/by-ray"
    shares = [add(files, "--index", index, "--shard", f"{number}/2")["pages"]["added"] for number in (1, 2)]
    assert sum(shares) == 4
    last = add(files, "--index", index, "--ray")
    assert (last["documents"]["added"], last["pages"]) == (2, {"added": 0, "unchanged": 4, "failed": 0})
    assert search(index)[0]["metadata"]["file_name"] == "report.pdf"

"""Shards: each page is one shard's, shards fill a cache between them, and a last run gathers without reading."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_service import PageService, serving_pages, write_pages
from test_cli import ingest
from test_ray_run import assert_same_index

from ingest.index import Index
from ingest.intake import add, fill
from ingest.plan import DEALT_WHOLE, Shard
from ingest.workers import Opened
from loaders.errors import UsageError
from loaders.sources import Source


def source(name: str, size: int) -> Source:
    return Source(name, name, name * 8, "pdf", "application/pdf", size, path=name)


@pytest.mark.parametrize("wrong", ["", "3", "0/4", "5/4", "a/b", "1/", "-1/4", "1/0"])
def test_wrong_shards(wrong: str) -> None:
    with pytest.raises(UsageError, match="write i/n"):
        Shard.of(wrong)


@given(
    st.integers(1, 9),
    st.integers(1, 300),
    st.sampled_from([10, DEALT_WHOLE, DEALT_WHOLE + 1]),
    st.text("abc", min_size=1),
)
def test_every_page_belongs_to_one_shard(count: int, pages: int, size: int, name: str) -> None:
    file = source(name, size)
    opened = Opened(file, pages, "")
    shards = [Shard(number, count) for number in range(1, count + 1)]
    dealt = [page for shard in shards for page in shard.pages(file, opened)]
    assert sorted(dealt) == list(range(1, pages + 1))
    for shard in shards:
        assert shard.concerns(file) or not shard.pages(file, opened)


def test_long_files_are_spread_and_small_ones_are_not() -> None:
    large = source("large.pdf", DEALT_WHOLE + 1)
    shares = [len(Shard(number, 4).pages(large, Opened(large, 3200, ""))) for number in range(1, 5)]
    assert shares == [800, 800, 800, 800]
    small = [Shard(number, 4).concerns(source("small.pdf", 1000)) for number in range(1, 5)]
    assert Counter(small) == {True: 1, False: 3}


@pytest.mark.slow
def test_shards_fill_the_cache_and_the_last_run_gathers(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(6):
        write_pages(folder / f"{number}.pdf", 1 + 10 * number, 10)
    with serving_pages(PageService()) as service:
        settings = service.settings()
        read = [fill(folder, tmp_path / "cache", Shard(number, 3), settings).pages.added for number in (3, 1, 2)]
        assert sum(read) == 60
        assert Counter(service.asked) == Counter(range(1, 61))  # no page twice
        shared = Index(tmp_path / "shared", cache=tmp_path / "cache")
        report = add(folder, shared, settings)
        assert (report.pages.added, report.pages.unchanged) == (0, 60)
        assert len(service.asked) == 60
        alone = Index(tmp_path / "alone")
        add(folder, alone, settings)
    assert_same_index(shared, alone)


@pytest.mark.slow
def test_shards_on_the_command_line(documents: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    arguments = [
        "add",
        documents / "report.pdf",
        documents / "invoice.pdf",
        "--index",
        index,
        "--text",
        "layer",
        "--json",
    ]
    shares = [json.loads(ingest(*arguments, "--shard", f"{number}/2").stdout)["pages"]["added"] for number in (1, 2)]
    assert sum(shares) == 4
    assert not (index / "lance").exists()
    last = json.loads(ingest(*arguments).stdout)
    assert last["pages"] == {"added": 0, "unchanged": 4, "failed": 0}
    assert last["documents"]["added"] == 2
    assert ingest(*arguments, "--shard", "1/2", "--ray").returncode == 2

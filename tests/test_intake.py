"""Adding to an index: what is there is not read again, paths come and go, a killed run goes on where it was."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pymupdf
import pytest

from ingest.embed import MINILM_INT8
from ingest.index import Index
from ingest.intake import add, remove
from loaders.errors import StoreError, UsageError
from loaders.settings import Settings

LAYER = Settings(text="layer")


def write_pdf(path: Path, texts: list[str]) -> Path:
    """Write a PDF with one paragraph per page."""
    with pymupdf.open() as document:
        for text in texts:
            document.new_page().insert_textbox((72, 72, 500, 700), text, fontsize=12)
        document.save(path)
    return path


PAGES = [
    f"Page {n} tells of the {what} that came ashore at dawn." for n, what in enumerate(["whale", "seal", "crab"], 1)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write_pdf(folder / "a.pdf", PAGES)
    write_pdf(folder / "b.pdf", ["Another file, about kelp and nothing else at all."])
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


def files_below(directory: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_second_run_reads_nothing_and_writes_nothing(folder: Path, index: Index, tmp_path: Path) -> None:
    first = add(folder, index, LAYER)
    assert (first.documents.added, first.pages.added, first.failures) == (2, 4, [])
    assert first.words == first.owned + sum(first.dropped.values()) > 0
    before = files_below(tmp_path / "index")
    second = add(folder, Index(tmp_path / "index"), LAYER)
    assert (second.documents.added, second.documents.unchanged) == (0, 2)
    assert (second.pages.added, second.pages.unchanged) == (0, 4)
    assert files_below(tmp_path / "index") == before


def test_one_changed_page_is_read_again_alone(folder: Path, index: Index) -> None:
    add(folder, index, LAYER)
    with pymupdf.open(folder / "a.pdf") as document:
        document[1].insert_text((72, 300), "An otter was seen as well.")
        document.saveIncr()
    report = add(folder, index, LAYER)
    assert (report.documents.added, report.documents.unchanged) == (1, 1)
    assert (report.pages.added, report.pages.unchanged) == (1, 3)
    assert "otter" in index.search("otter", 1, mode="text")[0].text
    assert index.stats().documents == 2  # the old version is gone
    assert sum("whale" in hit.text for hit in index.search("whale", 10, mode="text")) == 1


def test_the_same_file_under_two_paths_is_stored_once(folder: Path, index: Index) -> None:
    shutil.copy(folder / "a.pdf", folder / "copy.pdf")
    report = add(folder, index, LAYER)
    assert (report.documents.added, report.documents.unchanged) == (2, 1)
    stats = index.stats()
    assert (stats.documents, stats.paths, stats.pages) == (2, 3, 4)
    chunks = len(index)
    assert remove(str(folder / "a.pdf"), index) == [str(folder / "a.pdf")]
    assert len(index) == chunks
    (hit,) = index.search("whale", 1, mode="text")
    assert hit.metadata["source"] == str(folder / "copy.pdf")  # a path that is still there
    remove(str(folder / "copy.pdf"), index)
    assert [hit.metadata["file_name"] for hit in index.search("whale", 5)] == ["b.pdf"]


def test_removing_a_directory_removes_what_is_below(folder: Path, index: Index) -> None:
    add(folder, index, LAYER)
    assert len(remove(str(folder), index)) == 2
    assert (len(index), index.stats().paths) == (0, 0)
    assert remove(str(folder), index) == []


def test_another_reading_replaces_the_first(folder: Path, index: Index) -> None:
    add(folder, index, LAYER)
    report = add(folder, index, Settings(text="layer", max_tokens=64))
    assert (report.documents.added, report.documents.unchanged) == (2, 0)
    assert (report.pages.added, report.pages.unchanged) == (0, 4)  # cut anew, not read anew
    assert index.stats().documents == 2
    assert len({hit.metadata["config_id"] for hit in index.search("ashore", 20)}) == 1


def test_failures_are_named_and_the_rest_goes_on(folder: Path, index: Index) -> None:
    (folder / "empty.pdf").touch()
    (folder / "cut.pdf").write_bytes((folder / "a.pdf").read_bytes()[:300])
    report = add([folder, folder / "missing.pdf"], index, LAYER)
    assert report.documents.added == 2
    assert report.documents.failed == 3
    assert {Path(failure.source).name for failure in report.failures} == {"empty.pdf", "cut.pdf", "missing.pdf"}
    assert all(failure.stage == "open" and ": " in failure.error for failure in report.failures)


def test_nothing_to_add_is_wrong_use(tmp_path: Path, index: Index) -> None:
    (tmp_path / "void").mkdir()
    with pytest.raises(UsageError, match="nothing to add"):
        add(tmp_path / "void", index, LAYER)


def test_an_index_remembers_its_embedder(folder: Path, tmp_path: Path) -> None:
    from langchain_core.embeddings import DeterministicFakeEmbedding

    Index(tmp_path / "index")
    with pytest.raises(StoreError, match="two models cannot be compared"):
        Index(tmp_path / "index", DeterministicFakeEmbedding(size=8))
    with pytest.raises(StoreError, match="make one"):
        Index(tmp_path / "nowhere", create=False)


def test_an_index_is_opened_with_the_embedder_it_was_made_with(folder: Path, tmp_path: Path) -> None:
    from langchain_core.embeddings import DeterministicFakeEmbedding

    add(folder, Index(tmp_path / "small", MINILM_INT8), LAYER)
    opened = Index(tmp_path / "small")
    assert opened.embedder.name == MINILM_INT8
    assert "whale" in opened.search("What whale came ashore?", 1)[0].text
    Index(tmp_path / "foreign", DeterministicFakeEmbedding(size=8))
    with pytest.raises(StoreError, match=r"langchain:DeterministicFakeEmbedding.*open it with that"):
        Index(tmp_path / "foreign")


def test_small_documents_are_written_together(tmp_path: Path, index: Index) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        write_pdf(folder / f"{number:02}.pdf", [f"Letter {number} tells of the seals that came ashore."])
    shutil.copy(folder / "00.pdf", folder / "00-again.pdf")
    told: list[str] = []
    report = add(folder, index, LAYER, on_document=told.append)
    assert (report.documents.added, report.documents.unchanged, report.chunks) == (12, 1, len(index))
    assert sorted(Path(name).name for name in told) == sorted(path.name for path in folder.iterdir())
    assert index.stats().paths == 13
    assert len(index._chunks.list_versions()) < 12


def test_a_run_that_is_broken_off_keeps_what_was_read(folder: Path, index: Index) -> None:
    class Broken(Exception):
        pass

    def after_the_last(_: object) -> None:
        nonlocal pages
        pages += 1
        if pages == 4:
            raise Broken

    pages = 0
    with pytest.raises(Broken):
        add(folder, index, LAYER, on_page=after_the_last)
    assert index.stats().documents == 1  # a.pdf, which was complete


def _add_in_child(folder: str, directory: str) -> None:
    os.setsid()  # so that its workers can be killed with it
    add(folder, Index(directory), LAYER)


@pytest.mark.slow
def test_a_killed_run_continues_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in range(6):
        write_pdf(
            folder / f"{name}.pdf", [f"File {name}, page {page}, with some words of its own." for page in range(30)]
        )
    child = multiprocessing.get_context("spawn").Process(
        target=_add_in_child, args=(str(folder), str(tmp_path / "index"))
    )
    child.start()
    pages = tmp_path / "index" / "cache" / "pages"
    deadline = time.monotonic() + 120
    while sum(1 for _ in pages.rglob("*.parquet")) < 60 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert child.pid is not None
    os.killpg(child.pid, signal.SIGKILL)
    child.join()
    read_before = sum(1 for _ in pages.rglob("*.parquet"))
    assert 60 <= read_before < 180
    report = add(folder, Index(tmp_path / "index"), LAYER)
    assert report.failures == []
    assert report.pages.added == 180 - read_before  # no page is read twice
    assert report.pages.added + report.pages.unchanged == 180
    index = Index(tmp_path / "index")
    assert index.stats().documents == 6
    assert len({hit.metadata["chunk_id"] for hit in index.search("words", 500)}) == len(index)

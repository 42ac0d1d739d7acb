"""Worker processes: order, deadlines that end a hanging page, workers that die, failures as values."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pymupdf
import pytest

from ingest.run import DocumentRead, PageEvent, read_documents
from loaders.document import Failure
from loaders.errors import UsageError
from loaders.settings import Settings
from loaders.sources import find_sources

LAYER = Settings(text="layer")


def write_pdf(path: Path, pages: int, text: str = "page") -> Path:
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            # at another height on each page, since what recurs in one place is taken for a running header
            document.new_page().insert_text((72, 72 + 100 * number), f"{text} {number} of {path.stem}")
        document.save(path)
    return path


def write_slow_pdf(path: Path) -> Path:
    """Write a PDF whose second page takes very long to interpret: it draws a form a great many times."""
    with pymupdf.open() as document:
        for _ in range(3):
            document.new_page().insert_text((72, 72), "words")
        font = document[1].get_fonts()[0][4]
        operators = f"BT /{font} 8 Tf 10 10 Td " + "(slow words) Tj 0 0.0001 Td " * 3_000_000 + "ET"
        document.update_stream(document[1].get_contents()[0], operators.encode())
        document.save(path, deflate=True)
    return path


def test_documents_come_in_the_order_of_the_sources(tmp_path: Path) -> None:
    for name, pages in (("a", 5), ("b", 1), ("c", 3)):
        write_pdf(tmp_path / f"{name}.pdf", pages)
    events: list[PageEvent] = []
    results = list(read_documents(find_sources(tmp_path), LAYER, workers=2, on_page=events.append))
    documents = [result.document for result in results if isinstance(result, DocumentRead)]
    assert [Path(document.source).name for document in documents] == ["a.pdf", "b.pdf", "c.pdf"]
    assert [[page.number for page in document.pages] for document in documents] == [[1, 2, 3, 4, 5], [1], [1, 2, 3]]
    assert all(page.text == f"page {page.number} of {Path(d.source).stem}" for d in documents for page in d.pages)
    assert len(events) == 9
    assert not any(event.failed or event.cached for event in events)


def test_only_the_pages_asked_for(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", 5)
    (result,) = read_documents(find_sources(tmp_path), LAYER, pages=[2, 4])
    assert isinstance(result, DocumentRead)
    assert [page.number for page in result.document.pages] == [2, 4]
    assert result.document.total_pages == 5
    with pytest.raises(UsageError, match="no page 9"):
        list(read_documents(find_sources(tmp_path), LAYER, pages=[9]))


@pytest.mark.slow
def test_a_page_that_hangs_is_ended_and_the_rest_is_read(tmp_path: Path) -> None:
    write_slow_pdf(tmp_path / "slow.pdf")
    write_pdf(tmp_path / "zz.pdf", 2)
    results = list(read_documents(find_sources(tmp_path), LAYER, deadline=3))
    assert all(isinstance(result, DocumentRead) for result in results)
    slow, after = (result.document for result in results if isinstance(result, DocumentRead))
    assert [page.number for page in slow.pages] == [1, 3]
    assert [(failure.page, failure.stage) for failure in slow.failures] == [(2, "deadline")]
    assert "PageTimeout: page 2 was not done within 3 s" in slow.failures[0].error
    assert len(after.pages) == 2


@pytest.mark.slow
def test_a_page_whose_worker_dies_twice_is_one_failure(tmp_path: Path) -> None:
    write_slow_pdf(tmp_path / "slow.pdf")
    killed = threading.Thread(target=_kill_busy_workers, args=(psutil.Process(), 2))
    killed.start()
    (result,) = read_documents(find_sources(tmp_path), LAYER, deadline=60)
    killed.join()
    assert isinstance(result, DocumentRead)
    assert [page.number for page in result.document.pages] == [1, 3]
    assert [(failure.page, failure.stage) for failure in result.document.failures] == [(2, "worker")]
    assert "died on page 2 (exit code -9), 2 times" in result.document.failures[0].error


def _kill_busy_workers(parent: psutil.Process, times: int) -> None:
    for _ in range(times):
        _kill_a_busy_worker(parent)


def _kill_a_busy_worker(parent: psutil.Process) -> None:
    """Kill the child that has been computing for some seconds: it is on the slow page."""
    for _ in range(600):
        for child in parent.children(recursive=True):
            try:
                before = child.cpu_times().user
                time.sleep(0.5)
                if before > 2 and child.cpu_times().user - before > 0.3 and _reads_pages(child):
                    os.kill(child.pid, signal.SIGKILL)
                    return
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)


def _reads_pages(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())


def test_failures_pass_through_in_place(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", 1)
    failure = Failure("x", None, "open", "SourceNotFound: no such file: x")

    def sources() -> Iterator[object]:
        yield failure
        yield from find_sources(tmp_path)

    first, second = read_documents(sources(), LAYER)  # type: ignore[arg-type]
    assert first is failure
    assert isinstance(second, DocumentRead)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"deadline": 0}, {"deadline": -1.0}])
def test_wrong_use(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        next(read_documents([], LAYER, **wrong))  # type: ignore[arg-type]

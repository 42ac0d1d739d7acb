"""The plan on a local Ray of two workers: the same chunks, and nothing lost when pages, workers or drivers die."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from page_service import PageService, serving_pages, write_pages

from ingest.index import Index
from ingest.intake import add
from ingest.plan import Plan
from ingest.ray_cluster import ENVIRONMENT, Staff, staffed
from ingest.ray_run import Ray
from loaders.errors import UsageError
from loaders.settings import Settings

# Ray opens sockets and subprocesses that it leaves to the garbage collector, and sets options of its own it deprecated.
pytestmark = pytest.mark.filterwarnings(
    "default::ResourceWarning", "default::DeprecationWarning", "default::FutureWarning"
)
READER = "ReadPages"
SECRET = "the-third-oak-from-the-left"


@pytest.fixture(scope="module")
def local_ray() -> Iterator[Ray]:
    """A local Ray of two CPUs that the tests of this file share."""
    ray = pytest.importorskip("ray", reason="Ray is not installed; it comes with the extra [ray]")
    os.environ.update(ENVIRONMENT)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=256 << 20)
    yield Ray(pages_per_task=8)
    ray.shutdown()


def rows_of(index: Index) -> list[dict[str, Any]]:
    """Return all chunks of an index, vectors included, by their ids."""
    return sorted(index._chunks.to_arrow().to_pylist(), key=lambda row: row["chunk_id"])


def assert_same_index(left: Index, right: Index) -> None:
    ours, theirs = rows_of(left), rows_of(right)
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert one.pop("vector") == pytest.approx(other.pop("vector"), abs=1e-5)
        assert one == other
    assert sorted(map(str, left.sources())) == sorted(map(str, right.sources()))


def while_running(job: Callable[[], Any], disturb: Callable[[], None]) -> Any:
    """Run a job with something happening beside it."""
    beside = threading.Thread(target=disturb)
    beside.start()
    try:
        return job()
    finally:
        beside.join()


def assert_unseen(secret: str) -> None:
    """Look for a secret in all that Ray has logged."""
    import ray

    logs = Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"
    files = [path for path in logs.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def until(condition: Callable[[], Any], seconds: float = 600.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def actors(name: str) -> list[psutil.Process]:
    """Return the processes of Ray actors of a kind, of this test's own Ray: another may run on the same machine."""
    return [process for process in psutil.Process().children(recursive=True) if name in command(process)]


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def runs(process: psutil.Process) -> bool:
    """Say whether a process still runs; what has ended may wait as a zombie where nobody asks how it ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def readers(actor: psutil.Process) -> list[psutil.Process]:
    """Return the process an actor supervises, in a list; beside it stands Python's resource tracker."""
    return [child for child in actor.children() if "spawn_main" in command(child)]


# -- without a cluster ------------------------------------------------------------------------------------------------

TWO = [{"CPU": 2.0}]
BOXES = [{"CPU": 16.0, "GPU": 4.0}] * 2 + [{"CPU": 8.0}]


@pytest.mark.parametrize(
    ("nodes", "gpu", "wanted", "staff"),
    [
        (TWO, False, Ray(), Staff(2, 1, 1, 0.75, 0.25)),
        ([{"CPU": 1.0}], False, Ray(), Staff(1, 1, 1, 0.75, 0.125)),
        (TWO, False, Ray(workers=3), Staff(3, 1, 1, 0.5, 0.25)),
        ([{"CPU": 32.0}] * 4, False, Ray(), Staff(128, 8, 32, 0.75, 0.25)),
        (BOXES, True, Ray(), Staff(16, 1, 4, 1.0, 0.25, 0.5)),
        (BOXES, True, Ray(workers=4, gpus_per_worker=1.0), Staff(4, 1, 1, 1.0, 0.25, 1.0)),
        (BOXES, False, Ray(), Staff(40, 3, 10, 0.75, 0.25)),
        ([{"CPU": 8.0, "GPU": 2.0}], True, Ray(workers=3, gpus_per_gatherer=0.5), Staff(3, 1, 1, 1.0, 0.25, 0.5, 0.5)),
    ],
)
def test_a_cluster_is_divided_so_that_all_fit(nodes: Any, gpu: bool, wanted: Ray, staff: Staff) -> None:
    assert staffed(nodes, gpu=gpu, wanted=wanted) == staff
    cpus = staff.readers * staff.reader_cpus + (staff.openers + staff.gatherers) * staff.helper_cpus
    assert cpus <= sum(node["CPU"] for node in nodes)


def test_what_does_not_fit_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="room for 16"):
        staffed(BOXES, gpu=True, wanted=Ray(workers=17))
    with pytest.raises(UsageError, match="more than the cluster has"):
        staffed(BOXES, gpu=True, wanted=Ray(gpus_per_gatherer=0.5))
    with pytest.raises(UsageError, match="no CPU"):
        staffed([{}], gpu=False, wanted=Ray())
    for wrong in ({"workers": 0}, {"gatherers": 0}, {"pages_per_task": 0}, {"gpus_per_worker": 0.0}):
        with pytest.raises(UsageError):
            Ray(**wrong)  # type: ignore[arg-type]


def test_no_gpu_where_one_is_wanted_is_said() -> None:
    with pytest.warns(UserWarning, match="has none"):
        assert staffed(TWO, gpu=True, wanted=Ray()) == Staff(2, 1, 1, 0.75, 0.25)


def test_the_extra_is_named_where_ray_is_absent(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['ray'] = None\n"
        "from ingest import Index, Ray, add\n"
        f"add({str(tmp_path)!r}, Index({str(tmp_path / 'index')!r}), executor=Ray())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'ocr-ingest[ray]'" in done.stderr


def test_a_cluster_that_is_not_there_is_wrong_use() -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with the extra [ray]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = f"from ingest.ray_cluster import connected\nwith connected({address!r}): pass"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"UsageError: no Ray cluster answers at {address}" in done.stderr


@pytest.mark.slow
def test_a_cluster_that_runs_already_lets_in_who_has_its_token(documents: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with the extra [ray]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host, _, port = address.partition(":")
    environment = os.environ | ENVIRONMENT | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    head = ["--head", "--block", f"--node-ip-address={host}", f"--port={port}", "--num-cpus=2"]
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", *head, "--include-dashboard=false"]
    add_there = ["add", "report.pdf", "--index", "index", "--text", "layer", "--json", "--ray-address", address]
    shutil.copy(documents / "report.pdf", tmp_path)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(start, env=environment, cwd="/", **quiet) as cluster:
        try:
            until(lambda: listens(host, int(port)))
            ingest = [sys.executable, "-m", "ingest.cli", *add_there]
            # from another directory than the cluster's, with relative paths
            done = subprocess.run(ingest, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        finally:
            family = psutil.Process(cluster.pid).children(recursive=True)
            cluster.terminate()
            cluster.wait()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    assert json.loads(done.stdout)["documents"]["added"] == 1
    assert [entry.path for entry in Index(tmp_path / "index").sources()] == [str(tmp_path / "report.pdf")]


def listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_a_cache_that_others_cannot_see_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="other processes cannot see it"):
        Plan(Settings(), "memory://cache")


# -- on a local Ray ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_chunks_are_those_of_one_machine(local_ray: Ray, documents: Path, tmp_path: Path) -> None:
    paths = [documents, write_pages(tmp_path / "many.pdf", 1, 40), tmp_path / "missing.pdf"]
    with serving_pages(PageService()) as service:
        ours, theirs = Index(tmp_path / "ray"), Index(tmp_path / "local")
        events: list[int] = []
        settings = replace(service.settings(), password=SECRET)
        on_ray = add(paths, ours, settings, executor=local_ray, on_page=lambda e: events.append(e.number))
        asked = Counter(service.asked)
        here = add(paths, theirs, service.settings())
    assert_same_index(ours, theirs)
    assert (on_ray.documents, on_ray.pages, on_ray.chunks) == (here.documents, here.pages, here.chunks)
    assert (on_ray.words, on_ray.owned, on_ray.dropped) == (here.words, here.owned, here.dropped)
    assert on_ray.failures == here.failures
    assert [failure.stage for failure in here.failures] == ["open"]
    assert set(range(1, 41)) <= set(asked)
    assert len(events) == on_ray.pages.added
    assert_unseen(SECRET)
    again = add(paths, ours, service.settings(), executor=local_ray)
    assert (again.documents.unchanged, again.pages.added) == (here.documents.added, 0)


@pytest.mark.slow
def test_a_page_that_hangs_or_kills_is_one_failure(local_ray: Ray, tmp_path: Path) -> None:
    write_pages(tmp_path / "pages.pdf", 1, 24)
    service = PageService({5: "hang", 12: "kill"})
    with serving_pages(service):
        index = Index(tmp_path / "index")
        report = add(tmp_path / "pages.pdf", index, service.settings(), executor=local_ray, deadline=20)
    assert [(f.page, f.stage) for f in report.failures] == [(5, "deadline"), (12, "worker")]
    assert "PageTimeout: page 5 was not done within 20 s" in report.failures[0].error
    assert "died on page 12 (exit code -9), 2 times" in report.failures[1].error
    asked = Counter(service.asked)
    assert (asked[5], asked[12]) == (1, 2)  # no retry loop
    assert report.pages.added == 22
    assert index.stats().failed_pages == 2


@pytest.mark.slow
def test_workers_killed_in_the_middle_cost_nothing(local_ray: Ray, tmp_path: Path) -> None:
    for number in range(4):
        write_pages(tmp_path / f"{number}.pdf", 1 + 20 * number, 20)
    killed: list[int] = []
    service = PageService(delay=0.1)

    def kill() -> None:
        until(lambda: len(service.asked) >= 10)
        actor = actors(READER)[0]
        (reader,) = readers(actor)
        os.kill(reader.pid, signal.SIGKILL)  # the process that reads
        killed.append(reader.pid)
        until(lambda: len(service.asked) >= 40)
        actor = actors(READER)[-1]
        orphans = readers(actor)
        os.kill(actor.pid, signal.SIGKILL)  # the actor that supervises one
        killed.append(actor.pid)
        until(lambda: not any(map(runs, orphans)))

    with serving_pages(service):
        index = Index(tmp_path / "index")
        report = while_running(lambda: add(tmp_path, index, service.settings(), executor=local_ray), kill)
    assert len(killed) == 2
    assert (report.documents.added, report.pages.failed, report.failures) == (4, 0, [])
    texts = [row["text"] for row in rows_of(index)]
    found = Counter(word for text in texts for word in text.split() if word.startswith("item"))
    assert found == Counter(f"item{number}" for number in range(1, 81))  # every page once
    assert len(service.asked) <= 80 + 4  # what was in hand when they died


DRIVER = """
import sys
from ingest import Index, Ray, add
from loaders.settings import Settings
if __name__ == "__main__":
    settings = Settings(engine="nim", engine_options=eval(sys.argv[3]), text="ocr", dpi=36)
    print(add(sys.argv[1], Index(sys.argv[2]), settings, executor=Ray(address="local")))
"""


@pytest.mark.slow
def test_a_driver_killed_and_restarted_repeats_almost_nothing(local_ray: Ray, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    count = 400
    for number in range(4):
        write_pages(folder / f"{number}.pdf", 1 + 100 * number, 100)
    (tmp_path / "driver.py").write_text(DRIVER)
    service = PageService(delay=0.02)
    with serving_pages(service):
        settings = service.settings()
        arguments = [str(tmp_path / "driver.py"), str(folder), str(tmp_path / "index"), repr(settings.engine_options)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, *arguments], **quiet) as driver:
            try:
                until(lambda: len(service.asked) >= 150)
                family = psutil.Process(driver.pid).children(recursive=True)
            finally:
                driver.kill()
        until(lambda: not any(map(runs, family)))  # all of it ends by itself
        before = len(service.asked)
        assert 150 <= before < count
        report = add(folder, Index(tmp_path / "index"), settings, executor=local_ray)
    assert (report.documents.added, report.failures) == (4, [])
    assert report.pages.unchanged > 0
    assert report.pages.added + report.pages.unchanged == count
    assert len(service.asked) - count <= count // 100
    assert len({row["chunk_id"] for row in rows_of(Index(tmp_path / "index"))}) == report.chunks

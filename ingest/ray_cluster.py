"""A Ray cluster: the connection to it, and how it is divided among the actors of a run."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loaders.errors import MissingExtra, UsageError

READER_CPUS = 0.75
"""CPUs an actor that reads reserves; what is left of each goes to the helpers, which wait most of the time."""
HELPER_CPUS = 0.25
"""CPUs an actor that opens or gathers reserves at most."""
READERS_PER_OPENER, READERS_PER_GATHERER = 16, 4
REACHABLE_WITHIN = 10.0
"""Seconds in which a cluster has to take a connection."""
LOCAL_STORE_BYTES = 256 << 20
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves this machine that was not asked for
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default to come; Ray warns where it is not chosen
    "RAY_worker_niceness": "0",  # as worker processes of this machine have; Ray would take 15
}
"""How Ray is started here; what the environment says already is left as it is."""


class Wanted(Protocol):
    """How many actors were asked for, and what share of a GPU each takes: `ingest.ray_run.Ray`."""

    @property
    def workers(self) -> int | None: ...
    @property
    def gpus_per_worker(self) -> float: ...
    @property
    def gatherers(self) -> int | None: ...
    @property
    def gpus_per_gatherer(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Staff:
    """How many actors of each kind, and what each reserves."""

    readers: int
    openers: int
    gatherers: int
    reader_cpus: float
    helper_cpus: float
    reader_gpus: float = 0.0
    gatherer_gpus: float = 0.0


def staffed(nodes: Sequence[Mapping[str, float]], *, gpu: bool, wanted: Wanted) -> Staff:
    """Divide a cluster among the actors so that all of them fit, node by node. Raises UsageError when they cannot.

    `nodes` are the resources of each node as Ray names them; `gpu` says that the engine wants one.
    """
    cpus = [int(node.get("CPU", 0)) for node in nodes]
    if not sum(cpus):
        raise UsageError("the Ray cluster has no CPU; start a node with some")
    share = wanted.gpus_per_worker
    slots = [math.floor(node.get("GPU", 0) / share + 1e-9) for node in nodes] if gpu else []
    if gpu and not any(slots):
        warnings.warn("the engine would use a GPU and the Ray cluster has none; it computes on CPUs", stacklevel=2)
    on_gpu = any(slots)
    room = sum(slots) if on_gpu else sum(cpus)
    readers = wanted.workers or room
    if on_gpu and readers > room:
        raise UsageError(f"workers={readers} of {share:g} GPU each: the cluster has room for {room}")
    if on_gpu:
        reader_cpus = min(1.0, min(READER_CPUS * c / s for c, s in zip(cpus, slots, strict=True) if s and c))
    else:
        reader_cpus = READER_CPUS * min(1.0, sum(cpus) / readers)
    gatherers = wanted.gatherers or math.ceil(readers / READERS_PER_GATHERER)
    openers = math.ceil(readers / READERS_PER_OPENER)
    helper_cpus = min(HELPER_CPUS, (sum(cpus) - readers * reader_cpus) / (gatherers + openers))
    gpus = readers * share * on_gpu + gatherers * wanted.gpus_per_gatherer
    if gpus > sum(node.get("GPU", 0) for node in nodes):
        raise UsageError(f"{readers} workers and {gatherers} gatherers want {gpus:g} GPUs, more than the cluster has")
    return Staff(
        readers,
        openers,
        gatherers,
        _floor(reader_cpus),
        _floor(helper_cpus),
        share if on_gpu else 0.0,
        wanted.gpus_per_gatherer,
    )


def _floor(cpus: float) -> float:
    """Round down to what Ray counts in, ten-thousandths; a sum rounded up would not fit."""
    return max(math.floor(cpus * 10_000), 1) / 10_000


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to Ray, or start a local one that ends with the block; what was running before goes on running.

    Raises MissingExtra without Ray and UsageError when no cluster answers.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("ray", "ray") from error
    if ray.is_initialized():
        yield ray
        return
    if address:
        _check_reachable(address)
    local: dict[str, Any] = {} if address else {"object_store_memory": LOCAL_STORE_BYTES, "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            f"the Ray cluster at {address} does not let us in: {error}; where its nodes have RAY_AUTH_MODE=token, "
            "set that and the same RAY_AUTH_TOKEN here"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise UsageError at once where nothing listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):  # "auto", "local": names that Ray resolves
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACHABLE_WITHIN).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}: {error.strerror or error}") from error

"""The actors of a run on Ray: they open files, read page ranges into the cache, and gather documents.

Every actor supervises a process that can be killed (`ingest.workers`), so that a page that hangs or crashes is a
Failure in its row; no row raises, since Ray drops the block of a row that does.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.plan import DocumentPages, Gather, Held, Identity, Plan
from ingest.workers import Answer, Call, Opened, Setup, WorkerPool
from loaders.document import Failure
from loaders.sources import FoundFile

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages of an open file, to be read by one actor; or read, when it has their answers."""

    opened: Opened
    numbers: tuple[int, ...]
    answers: tuple[Answer, ...] = ()


class Supervisor:
    """An actor's hold on its one process that can be killed."""

    def __init__(self, setup: Setup, deadline: float | None) -> None:
        # a process started with `spawn` imports the program it came from; Ray's would cost it a second and 100 MB
        vars(sys.modules["__main__"]).pop("__file__", None)
        self.pool = WorkerPool(setup, deadline=deadline)
        self.pool.__enter__()  # until the actor ends; the process ends with it

    def ask(self, calls: Iterable[Call]) -> list[Answer]:
        """Make calls; return their answers in the same order."""
        count = 0
        for count, call in enumerate(calls, start=1):
            self.pool.submit(call, count)
        answers: dict[int, Answer] = {}
        while len(answers) < count:
            answers |= {tag: answer for tag, _, answer in self.pool.wait()}
        return [answers[tag] for tag in sorted(answers)]


class OpenFiles(Supervisor):
    """Opens files and cuts them into page ranges; passes on what is held and what cannot be opened."""

    def __init__(self, setup: Setup, plan: Plan, held: frozenset[str], pages_per_task: int) -> None:
        super().__init__(setup, plan.deadline)
        self.plan, self.held, self.pages_per_task = plan, held, pages_per_task

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> Iterator[dict[str, list[Any]]]:
        for number, packed in zip(batch["file"].tolist(), batch["item"].tolist(), strict=True):
            for item in self.opened(pickle.loads(packed)):
                yield {"file": [number], "item": [pickle.dumps(item)]}

    def opened(self, file: FoundFile) -> Iterator[Held | Failure | PageRange]:
        (answer,) = self.ask([Call(file)])
        if not isinstance(answer, Opened):
            assert isinstance(answer, Failure)
            yield answer
        elif answer.source.doc_id in self.held:
            yield Held(answer.source)
        else:
            numbers = tuple(self.plan.numbers(answer.source, answer))
            for at in range(0, max(len(numbers), 1), self.pages_per_task):
                yield PageRange(answer, numbers[at : at + self.pages_per_task])


class ReadPages(Supervisor):
    """Reads page ranges into the cache: rasterizer and engine in one process, models loaded once."""

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[Any]]:
        items = [self.read(pickle.loads(packed)) for packed in batch["item"].tolist()]
        return {"file": batch["file"].tolist(), "item": [pickle.dumps(item) for item in items]}

    def read(self, item: Held | Failure | PageRange) -> Held | Failure | PageRange:
        if not isinstance(item, PageRange):
            return item
        answers = self.ask(Call(item.opened.source, number) for number in item.numbers)
        return PageRange(item.opened, item.numbers, tuple(answers))


class Gatherer:
    """Makes what is to be made of each document; its models are loaded once."""

    def __init__(self, gather: Gather[Any], identity: Identity) -> None:
        self._gather, self.identity = gather, identity

    def gather(self, pages: DocumentPages) -> Any:
        try:
            return self._gather(pages, self.identity)
        except Exception as error:
            return Failure.of(error, pages.source.uri, None, "chunk")

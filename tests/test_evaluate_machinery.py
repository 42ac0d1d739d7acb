"""What the evaluations stand on: options, worker processes, finished items."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ingest.evaluate
from ingest.evaluate.crew import Unfinished, open_pool, run_tasks
from ingest.evaluate.journal import Journal, journal_key
from ingest.evaluate.plan import Options, Way, engine_options, plan_of
from ingest.evaluate.records import PageItem
from ingest.evaluate.results import ItemResult, Variant
from loaders.errors import EngineNotReady, UnknownEngine, UsageError

# -- options --------------------------------------------------------------------------------------------------------


def test_defaults_are_the_products_own() -> None:
    (way,) = plan_of({}).ways()
    assert way.settings() == type(way.settings())()


def test_every_combination_and_each_yardstick_once() -> None:
    options: Options = {"engine": ["ppocr", "rapidocr"], "order": ["geometric", "engine"], "text": ["auto", "ocr"]}
    ways = plan_of(options).ways()
    assert [(way.engine, way.text, way.order) for way in ways] == [
        ("ppocr", "auto", "geometric"),
        ("ppocr", "auto", "engine"),
        ("ppocr", "ocr", "geometric"),
        ("ppocr", "ocr", "engine"),
        ("rapidocr", "ocr", "engine"),
    ]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"engine": "abbyy"}, UnknownEngine, "ppocr"),
        ({"order": "random"}, UsageError, "geometric"),
        ({"text": "pixels"}, UsageError, "auto, ocr, layer"),
        ({"scope": "world"}, UsageError, "corpus, document"),
        ({"workers": 0}, UsageError, "workers"),
        ({"deadline": -1.0}, UsageError, "deadline"),
        ({"colour": "red"}, UsageError, "colour"),
        ({"engine": "rapidocr:fast"}, UsageError, "option=value"),
    ],
)
def test_senseless_options(options: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        plan_of(options)


def test_engine_options() -> None:
    assert engine_options("ppocr") == {}
    assert engine_options("x:a=1,b=0.5,c=false,d=eng") == {"a": 1, "b": 0.5, "c": False, "d": "eng"}
    way = Way("rapidocr:use_cls=false", "ocr", "engine")
    assert way.name == "rapidocr" and way.is_yardstick and way.settings().min_confidence == 0
    assert way.variant(stage="total") == Variant("rapidocr:use_cls=false", "ocr", "engine", stage="total")


# -- the machinery --------------------------------------------------------------------------------------------------


def _nothing() -> None:
    pass


def _misbehave(how: str) -> str | Unfinished:
    if how == "hang":
        time.sleep(60)
    if how == "crash":
        os._exit(3)
    return Unfinished.of(ValueError("no")) if how == "fail" else how


def test_crashes_and_hangs_end_one_task() -> None:
    tasks = ["fine", "crash", "hang", "fail", "well"]
    with open_pool(1, _nothing) as pool:
        found = dict(run_tasks(pool, tasks, _misbehave, workers=1, deadline=2.0))
    assert found["fine"] == "fine" and found["well"] == "well"
    assert found["fail"] == Unfinished("ValueError: no")
    assert "exit code 3" in found["crash"].reason
    assert found["hang"].reason == "PageTimeout: not done within 2 s and ended"


def _unready(_: str) -> Unfinished:
    return Unfinished.of(EngineNotReady("no model"))


def test_an_engine_that_is_not_ready_ends_the_evaluation() -> None:
    with open_pool(1, _nothing) as pool, pytest.raises(EngineNotReady, match="no model"):
        list(run_tasks(pool, ["a", "b"], _unready, workers=1, deadline=5.0))


def test_the_journal_forgets_what_changed(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    file.write_bytes(b"one")
    item = PageItem(id="s/1", pack="p", source="s", split="dev", group="g", text="truth", file=file)
    journal = Journal(tmp_path / "items.jsonl")
    result = ItemResult.of(item, Variant("ppocr", "ocr"), {"cer": 0.5}, details={"rank": 2})
    journal.put(journal_key(item, "ocr"), [result])
    journal.put(journal_key(item, "order"), [replace(result, failure="PageTimeout: late")])
    again = Journal(tmp_path / "items.jsonl")
    assert again.get(journal_key(item, "ocr")) == [result]
    assert again.get(journal_key(item, "order")) is None, "failures are tried again"
    assert again.get(journal_key(replace(item, text="other"), "ocr")) is None
    assert again.get(journal_key(item, "ocr", "another engine")) is None
    file.write_bytes(b"two pages")
    assert again.get(journal_key(item, "ocr")) is None


def test_names_are_functions_and_nothing_else_is_there() -> None:
    assert all(callable(getattr(ingest.evaluate, name)) for name in ("ocr", "order", "tables", "retrieval", "speed"))
    assert set(ingest.evaluate.__all__) <= set(dir(ingest.evaluate))
    with pytest.raises(AttributeError, match="colour"):
        ingest.evaluate.colour  # noqa: B018

"""Token budgets: cl100k_base offline, and nothing else in its place."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from loaders import tokens
from loaders.errors import UsageError
from loaders.tokens import Meter, TokenBudget, cl100k, encoding, vocabulary_folder


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the encoding, ours and tiktoken's, and refuse the network."""
    import tiktoken.registry

    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    encoding.cache_clear()
    yield
    encoding.cache_clear()


def test_counts_are_cl100k() -> None:
    budget = cl100k(256)
    assert (budget.limit, budget.name) == (256, "cl100k_base")
    known = {"": 0, "hello world": 2, "tiktoken is great!": 6, "<|endoftext|>": 7, "お誕生日おめでとう": 9}
    assert {text: budget.count(text) for text in known} == known


@pytest.mark.parametrize("before", [None, "/nowhere"])
def test_reads_from_disk_and_leaves_the_environment(
    fresh: None, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    else:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", before)
    assert encoding().name == "cl100k_base"
    assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


def test_a_users_cache_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / tokens.VOCABULARY).write_bytes((vocabulary_folder() / tokens.VOCABULARY).read_bytes())
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert vocabulary_folder() == tmp_path


def test_a_damaged_file_is_passed_over_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / tokens.VOCABULARY).write_bytes(b"IQ== 0\n")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert vocabulary_folder() != tmp_path
    assert (tmp_path / tokens.VOCABULARY).exists()


def test_without_the_vocabulary_there_is_an_error(fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / tokens.VOCABULARY).write_bytes(b"IQ== 0\n")
    monkeypatch.setattr(tokens, "CARRIED", Path("no", "such", "folder"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(UsageError, match=r"cl100k_base is not on this machine.*damaged.*TIKTOKEN_CACHE_DIR"):
        cl100k(256)


def test_a_meter_takes_special_tokens_off() -> None:
    meter = Meter([TokenBudget(20, lambda text: len(text.split()) + 2, "words"), TokenBudget(30, len, "letters")])
    assert meter.room == (18, 30)
    assert meter.cost("a bc") == (2, 4)
    assert meter.fits("a " * 15)
    assert not meter.fits("a " * 16)
    assert meter.holds((18, 30))
    assert not meter.holds((9, 10), (10, 10))
    assert not meter.holds((10, 10), share=2)


def test_a_meter_refuses_a_budget_without_room() -> None:
    with pytest.raises(UsageError, match="tiny reads 13 tokens, 2 of them special"):
        Meter([TokenBudget(13, lambda text: len(text) + 2, "tiny")])

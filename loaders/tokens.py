"""Token budgets: how many tokens a text takes, and how many it may take.

A string goes in, a number comes out. The package's own budget counts cl100k_base with tiktoken, offline: the vocabulary
is the file that llama-index-core carries, since tiktoken's wheel brings none and would download it. An embedding model
passes its own limit and counter in the same form. No tokenizer is ever swapped for another.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from loaders.errors import UsageError

if TYPE_CHECKING:
    import tiktoken

ENCODING = "cl100k_base"
VOCABULARY = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
"""File name of the vocabulary in a tiktoken cache: the sha1 of the URL it comes from."""
VOCABULARY_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
CARRIED = Path("llama_index", "core", "_static", "tiktoken_cache")
"""Where llama-index-core keeps the file; a private path, hence the digest."""

_environment = threading.Lock()


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """A limit and the counter it is measured with.

    limit   tokens of the exact embedded string, special tokens included
    count   tokens of a string, special tokens included
    name    part of the fingerprint of what is cut with it
    """

    limit: int
    count: Callable[[str], int]
    name: str


def cl100k(limit: int) -> TokenBudget:
    """Return a budget in tokens of cl100k_base. Raises UsageError when its vocabulary is not on this machine."""
    encode = encoding().encode_ordinary
    return TokenBudget(limit, lambda text: len(encode(text)), ENCODING)


@cache
def encoding() -> tiktoken.Encoding:
    """Return cl100k_base, read from disk. Raises UsageError when its vocabulary is not on this machine."""
    import tiktoken

    folder = vocabulary_folder()
    with _environment:  # tiktoken takes the folder from the environment only
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
        try:
            return tiktoken.get_encoding(ENCODING)
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


def vocabulary_folder() -> Path:
    """Return the first folder that holds cl100k_base, intact. Raises UsageError when none does.

    The digest is compared here because tiktoken deletes a file that differs and downloads another.
    """
    looked: list[str] = []
    for folder in _folders():
        file = folder / VOCABULARY
        if file.is_file():
            with file.open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() == VOCABULARY_SHA256:
                    return folder
            looked.append(f"{file} (damaged)")
        else:
            looked.append(str(file))
    raise UsageError(
        f"{ENCODING} is not on this machine; looked for {', '.join(looked) or 'llama-index-core'}. Reinstall "
        "llama-index-core, which carries it, or set TIKTOKEN_CACHE_DIR to a tiktoken cache that holds it"
    )


def _folders() -> Iterator[Path]:
    if chosen := os.environ.get("TIKTOKEN_CACHE_DIR"):
        yield Path(chosen)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        yield Path(str(importlib.metadata.distribution("llama-index-core").locate_file(CARRIED)))
    yield from (Path(entry, CARRIED) for entry in sys.path if Path(entry, CARRIED).is_dir())  # vendored or editable


SMALLEST_ROOM = 12
"""Tokens that have to be left beside special tokens: a character takes up to four, and none may be lost."""

Cost = tuple[int, ...]
"""Tokens of a text by every budget, special tokens taken off."""


class Meter:
    """Counts a text by all budgets at once, special tokens taken off."""

    def __init__(self, budgets: Sequence[TokenBudget]) -> None:
        self._budgets = [(budget.limit, budget.count, budget.count("")) for budget in budgets]
        for budget, (_, _, special) in zip(budgets, self._budgets, strict=True):
            if budget.limit - special < SMALLEST_ROOM:
                raise UsageError(
                    f"{budget.name} reads {budget.limit} tokens, {special} of them special; "
                    f"a chunk needs {SMALLEST_ROOM + special} at least"
                )
        self.room: Cost = tuple(limit - special for limit, _, special in self._budgets)
        self.cost_once = cache(self.cost)

    def cost(self, text: str) -> Cost:
        return tuple(count(text) - special for _, count, special in self._budgets)

    def fits(self, text: str) -> bool:
        return all(count(text) <= limit for limit, count, _ in self._budgets)

    def holds(self, *costs: Cost, share: int = 1) -> bool:
        """Say whether costs together take no more than one part in `share` of every budget."""
        return all(sum(parts) * share <= room for room, *parts in zip(self.room, *costs, strict=True))

"""The ledger: every word in one chunk or dropped, and what it says when that is not so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from documents import B, T, chunks_of, page_of, text, title

from loaders.document import Chunk, Dropped, Ledger, Page
from loaders.errors import LedgerError
from loaders.ledger import check


@pytest.fixture
def pages() -> list[Page]:
    return [
        page_of(title("Head"), text("some words here"), B("footer", ["foot"]), dropped=[(["foot"], "furniture")]),
        page_of(T([["a", "b"], ["c", "d"]]), text("faint text"), number=2, dropped=[(["faint"], "low_confidence")]),
    ]


def test_counts(pages: list[Page]) -> None:
    assert check(pages, chunks_of(pages)) == Ledger(11, 9, (("furniture", 1), ("low_confidence", 1)))


def test_an_empty_document() -> None:
    assert check([], ()) == Ledger(0, 0, ())


def test_context_is_not_counted() -> None:
    table = [page_of(T([["head", "row"], *[["word" * 3, "cell" * 3]] * 20]))]
    chunks = chunks_of(table, max_tokens=32)
    assert len(chunks) > 2
    assert all("| head | row |" in chunk.text for chunk in chunks)
    assert check(table, chunks).owned == 42


def lost(chunk: Chunk) -> Chunk:
    (index, words), *rest = chunk.words
    return replace(chunk, words=((index, words[1:]), *rest))


def twice(chunk: Chunk) -> Chunk:
    (index, words), *rest = chunk.words
    return replace(chunk, words=((index, (*words, words[0])), *rest))


def unknown(chunk: Chunk) -> Chunk:
    return replace(chunk, words=(*chunk.words, (0, (99,)), (7, (1,)), (0, (-1,))))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lost, r"page 1: word 0 'Head' in no chunk and not dropped$"),
        (twice, r"page 1: word 0 'Head' owned by two chunks$"),
        (unknown, r"page 1 has no word 99 \(chunk 0\).*page 8 has no word 1.*page 1 has no word -1"),
    ],
)
def test_a_damaged_chunk_is_named(pages: list[Page], damage: Callable[[Chunk], Chunk], message: str) -> None:
    first, *rest = chunks_of(pages)
    with pytest.raises(LedgerError, match=message):
        check(pages, [damage(first), *rest])


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        ((), "word 4 'foot' in no chunk and not dropped"),
        ((Dropped((4,), "furniture"), Dropped((4,), "hidden")), "word 4 'foot' dropped twice"),
        ((Dropped((4, 1), "furniture"),), "word 1 'some' both owned and dropped"),
        ((Dropped((4, 50), "furniture"),), r"no word 50 \(dropped as furniture\)"),
    ],
)
def test_damaged_drops_are_named(pages: list[Page], dropped: tuple[Dropped, ...], message: str) -> None:
    chunks = chunks_of(pages)
    with pytest.raises(LedgerError, match=message):
        check([replace(pages[0], dropped=dropped), pages[1]], chunks)


def test_a_word_in_two_blocks_is_owned_twice(pages: list[Page]) -> None:
    first = pages[0]
    doubled = [replace(first, blocks=(*first.blocks, replace(first.blocks[1], category="caption"))), pages[1]]
    with pytest.raises(LedgerError, match="word 1 'some' owned by two chunks"):
        check(doubled, chunks_of(doubled))


def test_a_long_list_is_cut_short(pages: list[Page]) -> None:
    many = [page_of(text(*["w" * 3] * 30))]
    with pytest.raises(LedgerError, match=r"word 9 'www'.* and 20 more$"):
        check(many, ())

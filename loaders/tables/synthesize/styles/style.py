"""A style of tables: how tables of one kind are written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from loaders.tables.synthesize.draft import Draft
from loaders.tables.synthesize.writer import Writer

Write = Callable[[Writer], Draft]


@dataclass(frozen=True, slots=True)
class Style:
    """A style: its name, what writes a draft of it, and whether it is kept for measuring only."""

    name: str
    write: Write
    held_out: bool = False


def styles_of(*writes: Write, held_out: Collection[Write] = ()) -> tuple[Style, ...]:
    """Return the styles that functions write, named as they are."""
    return tuple(Style(write.__name__, write, write in held_out) for write in writes)

"""Ordered labelled trees and the edit distance between them (APTED, Pawlik and Augsten 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ingest.evaluate.extra import needed


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node: its tag, its text, what its text says nothing about (row and column span), and its children in order."""

    tag: str
    text: str = ""
    spans: tuple[int, int] = (1, 1)
    children: tuple[Node, ...] = ()

    @property
    def descendants(self) -> int:
        """Number of nodes below this one."""
        return sum(1 + child.descendants for child in self.children)


@cache
def _costs(with_text: bool) -> Any:
    config = needed("apted").Config
    distance = needed("rapidfuzz.distance").Levenshtein.normalized_distance

    class Costs(config):  # type: ignore[misc, valid-type]
        """Deleting and inserting cost 1; renaming 1 where tag or spans differ, else how far apart the texts are."""

        valuecls = float

        def rename(self, node1: Node, node2: Node) -> float:
            if node1.tag != node2.tag or node1.spans != node2.spans:
                return 1.0
            if not with_text or node1.text == node2.text:
                return 0.0
            return float(distance(node1.text, node2.text))

    return Costs()


def edit_distance(a: Node, b: Node, *, with_text: bool = True) -> float:
    """Return the cheapest way to turn one tree into the other.

    Texts are compared by Levenshtein distance / length of the longer one; `with_text=False` compares structure only.
    """
    return float(needed("apted").APTED(a, b, _costs(with_text)).compute_edit_distance())

"""Logits -> links: what the network says, made into lines, blocks and one order, whatever it says.

In: graphs and the network's logits for them, any numbers at all. Out: links and groups that form no cycle, keep every
node and are the same for the same input. Links are taken up by falling probability, each only where its two ends are
still free and it closes no ring; of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.document import Links
from loaders.geometry import Array
from loaders.relate.graphs import Graph
from loaders.relate.lines import Chains, chain_links
from loaders.relate.neighbours import Ints

LEAST = 0.5
"""A link between words or lines is taken from this probability."""
LEAST_NEXT = 0.2
"""Of blocks one must come next, so that much less says which."""
MOST_CHAINS = 600
"""Runs of blocks are weighed against each other up to this many; beyond, they stay in the order they came in."""


def softmax(logits: Array) -> Array:
    """Return probabilities along the last axis; what is not a number counts as very unlikely."""
    safe = np.nan_to_num(np.asarray(logits, np.float64), nan=-1e4, posinf=1e4, neginf=-1e4)
    shifted = np.exp(safe - safe.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: Array) -> Array:
    """Return the probability behind a logit."""
    safe = np.clip(np.nan_to_num(np.asarray(logits, np.float64), nan=-50.0), -50, 50)
    return np.asarray(1 / (1 + np.exp(-safe)), np.float32)


def next_probabilities(graph: Graph, per_edge: Array, none: Array) -> Array:
    """Return (N, K): how likely each neighbour is to come next, none of them being a choice as well."""
    logits = np.where(graph.present[:, : per_edge.shape[1]], np.nan_to_num(per_edge, nan=-1e4), -np.inf)
    return softmax(np.concatenate([np.clip(logits, -np.inf, 1e4), none[:, None]], axis=1))[:, :-1]


def matched(sources: Ints, targets: Ints, probabilities: Array, count: int, least: float) -> Links:
    """Choose links so that every node has at most one on either side and no ring closes."""
    target, probability = np.full(count, -1, np.int32), np.ones(count, np.float32)
    end_of = list(range(count))  # for the first node of a chain, its last; and the other way round
    order = np.lexsort((targets, sources, -probabilities))
    order = order[probabilities[order] >= least]
    free = [True] * count
    for source, follower, chance in zip(
        *(column[order].tolist() for column in (sources, targets, probabilities)), strict=True
    ):
        if target[source] >= 0 or not free[follower] or end_of[source] == follower or source == follower:
            continue
        target[source], probability[source], free[follower] = follower, chance, False
        first, last = end_of[source], end_of[follower]
        end_of[first], end_of[last] = last, first
    return Links(target, probability)


def linked(graph: Graph, probabilities: Array, least: float) -> Links:
    """Choose among the first neighbours of a graph, as many as there are columns of probabilities."""
    around = probabilities.shape[1]
    sources, slots = np.nonzero(graph.present[:, :around])
    targets = graph.neighbours[sources, slots]
    return matched(sources, targets, probabilities[sources, slots], len(graph), least)


def chains_of(links: Links) -> Chains:
    """Return the chains of links, each node in one, by first node."""
    left = np.flatnonzero(links.target >= 0)
    return chain_links(left, links.target[left], len(links.target))


# -- lines to blocks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Lines grouped: each group in order, and the links they come from."""

    groups: Chains
    links: Links


def grouped(graph: Graph, following: Array, known: Ints) -> Grouping:
    """Chain lines into blocks.

    following (L, K)  how likely each neighbour is the next line
    known (L,)        the number of the group a line is in beforehand, as the text of a picture is; -1 for none
    """
    apart = known[graph.neighbours] != known[:, None]
    links = linked(graph, np.where(apart, 0, following), LEAST)
    groups: dict[tuple[int, int], list[int]] = {}
    for number, chain in enumerate(chains_of(links)):
        held = int(known[chain[0]])
        groups.setdefault((0, held) if held >= 0 else (1, number), []).extend(chain)
    return Grouping([tuple(group) for group in groups.values()], links)


# -- blocks to one order -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Ordering:
    """Blocks in reading order, and how likely each is followed by the one that follows it."""

    order: tuple[int, ...]
    probability: Array


def ordered(graph: Graph, following: Array, before: Array) -> Ordering:
    """Put blocks in order; `following` (B, K) as above, `before` (B, K) that the neighbour comes later.

    Likely successors are joined into runs first, where they are likely to come later as well; runs then follow each
    other as most of their pairs say, and where no pair does, in the order they came in.
    """
    count = len(graph)
    links = linked(graph, following * before, LEAST_NEXT)
    runs = chains_of(links)
    order = tuple(block for run in _ordered_runs(runs, graph, before) for block in runs[run])
    chance = np.full(count, np.float32(0))
    place = np.argsort(np.array(order, np.int64)) if count else np.zeros(0, np.int64)
    here, slots = np.nonzero(graph.present)
    there = graph.neighbours[here, slots]
    follows = place[there] == place[here] + 1 if count else np.zeros(0, bool)
    chance[here[follows]] = following[here[follows], slots[follows]]
    return Ordering(order, chance)


def conviction(graph: Graph, found: Ordering, following: Array) -> float:
    """Return how much likelier an order's own successors are than those it gives up, where it is not the given one.

    A mean of probabilities less another: 1 where what it changes is sure and what it gives up is impossible.
    """
    count = len(graph)
    dense = np.zeros((count, count + 1), np.float32)
    here, slots = np.nonzero(graph.present)
    dense[here, graph.neighbours[here, slots]] = following[here, slots]
    own = np.full(count, count)
    own[list(found.order[:-1])] = found.order[1:]
    changed = np.flatnonzero(own[:-1] != np.arange(1, count))
    if not len(changed):
        return 0.0
    return float(dense[changed, own[changed]].mean() - dense[changed, changed + 1].mean())


def _ordered_runs(runs: Sequence[tuple[int, ...]], graph: Graph, before: Array) -> list[int]:
    """Return the runs' numbers in order: always the one next that least speaks for others before it."""
    first = np.array([min(run) for run in runs], np.int64)
    if len(runs) > MOST_CHAINS:
        return np.argsort(first, kind="stable").tolist()
    run_of = np.empty(len(graph), np.int64)
    for number, run in enumerate(runs):
        run_of[list(run)] = number
    here, slots = np.nonzero(graph.present)
    there = graph.neighbours[here, slots]
    a, b = run_of[here], run_of[there]
    apart = a != b
    total, pairs = np.zeros((len(runs), len(runs))), np.zeros((len(runs), len(runs)))
    np.add.at(total, (a[apart], b[apart]), before[here[apart], slots[apart]])
    np.add.at(total, (b[apart], a[apart]), 1 - before[here[apart], slots[apart]])
    np.add.at(pairs, (a[apart], b[apart]), 1)
    np.add.at(pairs, (b[apart], a[apart]), 1)
    given = (first[:, None] < first).astype(float)
    earlier = np.where(pairs > 0, total / np.maximum(pairs, 1), 0.5 + 0.1 * (given - 0.5))
    np.fill_diagonal(earlier, 0)
    against = earlier.sum(axis=0)
    left: npt.NDArray[np.bool_] = np.ones(len(runs), bool)
    order: list[int] = []
    for _ in runs:
        choices = np.flatnonzero(left)
        rank = np.lexsort((first[choices], np.round(against[choices], 6)))
        choice = int(choices[rank[0]])
        order.append(choice)
        left[choice] = False
        against = against - earlier[choice]
    return order

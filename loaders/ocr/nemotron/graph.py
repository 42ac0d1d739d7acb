"""Link logits -> words chained into lines, lines into paragraphs.

Comes in: the relational network's Relations of one page. Goes out: a Graph, indices of regions. The semantics are those
of NVIDIA's package (what follows what, which link wins, how cycles are broken); the order of paragraphs is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from loaders.geometry import Array
from loaders.ocr.nemotron.relational import Relations

LINK = 0.5  # least probability of a link
LEAST_WEIGHT = 1e-6

Ints = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Chain = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What each of n nodes chose to follow it: target (n,), -1 for nothing, and how probable that was (n,)."""

    target: Ints
    probability: Array


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The regions of a page: each line a chain of regions, each paragraph a chain of lines.

    lines        regions of each line; every region is in exactly one
    paragraphs   indices into lines; every line is in exactly one
    word, line   probability (n,) of the choice that each region and each line made
    """

    lines: tuple[Chain, ...]
    paragraphs: tuple[Chain, ...]
    word: Array
    line: Array

    def words(self, paragraph: Chain) -> Chain:
        """Return a paragraph's regions in order."""
        return tuple(region for line in paragraph for region in self.lines[line])


@dataclass(frozen=True, slots=True, eq=False)
class LinkScores:
    """The finite entries of one page's Relations: row, column (0: nothing follows), line logit, its log-variance."""

    rows: Ints
    columns: Ints
    logits: Float64
    log_variances: Float64


def build_graph(relations: Relations, *, absent_pairs: bool = True, paragraph_order: str = "graph") -> Graph:
    """Chain one page's regions; settings as in Corrections."""
    words = choose_words(relations.word_logits)
    lines = chains(words)
    following = choose_lines(line_scores(relations), lines, absent_pairs=absent_pairs)
    paragraphs = chains(following)
    if paragraph_order == "graph":
        paragraphs.sort(key=lambda paragraph: min(region for line in paragraph for region in lines[line]))
    else:
        paragraphs = list(set(paragraphs))
    return Graph(tuple(lines), tuple(paragraphs), words.probability, following.probability)


def choose_words(logits: torch.Tensor) -> Choice:
    """Choose what follows each region, from logits (n, n + 1) whose column 0 is nothing: a half or more of the sum."""
    if not len(logits):
        return Choice(np.zeros(0, np.int64), np.zeros(0, np.float32))
    probabilities = torch.softmax(logits.float(), dim=1)
    best = probabilities[:, 1:].max(1)
    targets = torch.where(best.values >= LINK, best.indices, -1)
    chosen = torch.where(targets >= 0, best.values, probabilities[:, 0])
    return Choice(targets.cpu().numpy(), chosen.cpu().numpy())


def chains(choice: Choice) -> list[Chain]:
    """Follow choices: each node is followed by at most one other, the most probable chooser (the first of equals).

    Chains that have a link come first, by the lowest of their nodes that follows another; then nodes left alone. A
    cycle is cut so that it ends in its lowest node.
    """
    before: dict[int, int] = {}
    for node in np.flatnonzero(choice.target >= 0).tolist():
        target = int(choice.target[node])
        if target not in before or choice.probability[node] > choice.probability[before[target]]:
            before[target] = node
    after = {node: target for target, node in before.items()}
    seen: set[int] = set()
    found: list[Chain] = []
    for target in sorted(before):
        if target not in seen:
            head = _walk(before, target, seen)[::-1]
            found.append((*head, target, *_walk(after, target, seen)))
    return found + [(node,) for node in range(len(choice.target)) if node not in seen]


def _walk(links: dict[int, int], node: int, seen: set[int]) -> list[int]:
    """Follow links from a node, which is marked as seen, to the end or to what has been seen."""
    seen.add(node)
    path = []
    while (step := links.get(node)) is not None and step not in seen:
        seen.add(step)
        path.append(step)
        node = step
    return path


def line_scores(relations: Relations) -> LinkScores:
    """Take the pairs that the network looked at, to the CPU."""
    rows, columns = torch.nonzero(relations.line_logits > -torch.inf, as_tuple=True)
    values = torch.stack([relations.line_logits[rows, columns], relations.line_log_variances[rows, columns]])
    logits, log_variances = values.double().cpu().numpy()
    return LinkScores(rows.cpu().numpy(), columns.cpu().numpy(), logits, log_variances)


def choose_lines(scores: LinkScores, lines: Sequence[Chain], *, absent_pairs: bool = True) -> Choice:
    """Choose what follows each line: the mean of its words' logits, weighted by inverse variance, says which.

    `absent_pairs=False` lets lines that no words join compete with a logit of 0, as NVIDIA's package does. Equals go to
    the lowest line; a tie with "nothing" goes to the line.
    """
    count = len(lines)
    line_of = np.zeros(sum(map(len, lines)) + 1, np.int64)  # by column: 0 is nothing, line k is k + 1
    for number, line in enumerate(lines, start=1):
        line_of[np.array(line) + 1] = number
    pairs = (line_of[scores.rows + 1] - 1) * (count + 1) + line_of[scores.columns]
    pairs, which = np.unique(pairs, return_inverse=True)
    weights = np.exp(-scores.log_variances)
    sums = np.bincount(which, weights * scores.logits, len(pairs))
    logits = sums / np.maximum(np.bincount(which, weights, len(pairs)), LEAST_WEIGHT)
    row, column = pairs // (count + 1), pairs % (count + 1)
    other = column != row + 1
    return _strongest(row[other], column[other], logits[other], count, absent_pairs)


def _strongest(row: Ints, column: Ints, logits: Float64, count: int, absent_pairs: bool) -> Choice:
    """Choose for each of `count` lines among its pairs, sorted by row and column; column 0 is nothing."""
    rivals = np.zeros(count) if absent_pairs else count - np.bincount(row, minlength=count)
    best = np.where(rivals > 0, 0.0, -np.inf)
    np.maximum.at(best, row, logits)
    alone = np.isinf(best)  # nothing was looked at, not even that nothing follows
    best[alone] = 0
    total = np.bincount(row, np.exp(logits - best[row]), count) + rivals * np.exp(-best)
    target = np.full(count, -1, np.int64)
    winning = (logits == best[row]) & (column > 0)
    winners, first = np.unique(row[winning], return_index=True)
    target[winners] = column[winning][first] - 1
    for line in np.flatnonzero((rivals > 0) & (best == 0)).tolist():
        taken = {line, *(column[(row == line) & (logits != 0)] - 1).tolist()}
        target[line] = next((k for k in range(count) if k not in taken), -1)
    return Choice(target, np.where(alone, 1, 1 / np.where(alone, 1, total)).astype(np.float32))

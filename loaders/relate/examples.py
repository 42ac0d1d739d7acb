"""Pages with known relations -> examples: the three graphs of each, with what the network ought to say.

In: labelled pages. Out: examples, and files of them, so that the training loop only multiplies matrices. The lines and
blocks of an example are now the true ones and now those of the geometric method, and tables are now known and now not,
since all of these happen.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from loaders.document import Links, Page
from loaders.geometry import Box
from loaders.relate.arrange import arrange
from loaders.relate.block_graph import block_graph
from loaders.relate.drafts import Draft, around
from loaders.relate.geometric import Sight, lay_out
from loaders.relate.graphs import Graph
from loaders.relate.labels import Truth, block_labels, line_labels, word_labels
from loaders.relate.line_graph import line_graph
from loaders.relate.lines import Chains, find_lines
from loaders.relate.roles import CATEGORY_OF, ROLES
from loaders.relate.structure import canonical_order
from loaders.relate.word_graph import RIGHT, word_graph

if TYPE_CHECKING:
    from loaders.relate.synthesize import LabelledPage

Arrays = dict[str, npt.NDArray]
TABLES_KNOWN, LINES_TRUE, BLOCKS_TRUE, WORDS_SHOWN = 0.6, 0.5, 0.6, 0.4
"""Shares of the examples in which tables are known, lines true, blocks true, and in which words are shown at all."""
EXCERPTS = 0.25
"""Share of the examples that are part of a page: some of its blocks, from one on."""
WRONG_ROLES = 0.06
"""Share of the blocks whose role is given wrong, as the network itself may have it."""


@dataclass(frozen=True, slots=True)
class Example:
    """The arrays of each stage ("words", "lines", "blocks") of one page, and the family it is of."""

    family: str
    stages: dict[str, Arrays]


def example(
    labelled: LabelledPage, seed: int, *, words: bool | None = None, excerpt: bool | None = None
) -> Example | None:
    """Make an example of a page; None where it holds too little to learn from.

    Whether the stage of words is made, and whether only a part of the page is taken, is drawn where it is not given.
    """
    rng = np.random.default_rng(seed)
    if excerpt if excerpt is not None else rng.random() < EXCERPTS:
        labelled = _excerpt(labelled, rng)
    page = labelled.page
    if len(page.words) < 2 or not page.lines:
        return None
    order = canonical_order(page.words)
    page = _renumbered(page, order)
    links = labelled.fragments
    if links is not None:
        place = np.append(np.argsort(order), -1).astype(np.int32)
        links = Links(place[links.target[order]], links.probability[order])
    tables = _tables(page) if rng.random() < TABLES_KNOWN else []
    figures = page.figures if rng.random() < 0.85 else ()
    sight = Sight.of(
        page.words, page.frame, tables, figures, page.rulings, links, labelled.backgrounds[order].astype(np.float32)
    )
    truth = Truth.of(page, labelled.categories, sight.upright.placed)
    stages: dict[str, Arrays] = {}
    if words if words is not None else rng.random() < WORDS_SHOWN:
        graph = word_graph(sight)
        labels = word_labels(graph, truth, RIGHT)
        stages["words"] = _packed(graph, following=labels)
    lines = _true_lines(page, sight) if rng.random() < LINES_TRUE else _geometric_lines(sight)
    found = line_graph(sight, lines)
    if len(found.graph):
        labels_of = line_labels(found.graph, found.chains, truth)
        stages["lines"] = _packed(found.graph, **{name: getattr(labels_of, name) for name in labels_of.__slots__})
    drafts = _true_drafts(page, sight) if rng.random() < BLOCKS_TRUE else found.layout.drafts
    graph, members = _blocks(sight, drafts, truth, rng)
    if len(graph) > 1:
        block = block_labels(graph, members, truth)
        stages["blocks"] = _packed(graph, following=block.following, before=block.before)
    return Example(labelled.family, stages) if stages else None


def _excerpt(labelled: LabelledPage, rng: np.random.Generator) -> LabelledPage:
    """Return what is left of a page where only a run of its blocks is on it, a fifth of them at least."""
    page = labelled.page
    count = len(page.blocks)
    wanted = max(int(rng.uniform(0.2, 0.8) * count), min(count, 2))
    first = int(rng.integers(count - wanted + 1))
    blocks = page.blocks[first : first + wanted]
    rows = sorted(word for block in blocks for line in block.lines for word in page.lines[line].words)
    away = np.ones(len(page.words), bool)
    away[rows] = False
    place = np.cumsum(~away) - 1
    numbers = [line for block in blocks for line in block.lines]
    renamed = {line: k for k, line in enumerate(numbers)}
    lines = tuple(
        replace(page.lines[n], words=tuple(int(place[word]) for word in page.lines[n].words)) for n in numbers
    )
    blocks = tuple(replace(block, lines=tuple(renamed[line] for line in block.lines)) for block in blocks)
    return replace(
        labelled,
        page=replace(page, words=page.words.take(rows), lines=lines, blocks=blocks, relations=None),
        fragments=labelled.fragments and labelled.fragments.without(away),
        categories=tuple(labelled.categories[n] for n in numbers),
        backgrounds=labelled.backgrounds[rows],
    )


def _packed(graph: Graph, **labels: npt.NDArray) -> Arrays:
    return {
        "nodes": graph.nodes.astype(np.float16),
        "neighbours": graph.neighbours.astype(np.int16),
        "present": graph.present,
        "edges": graph.edges.astype(np.float16),
        **{name: label.astype(np.int16) for name, label in labels.items()},
    }


def _renumbered(page: Page, order: npt.NDArray) -> Page:
    """Return the page with its words in another order."""
    place = np.argsort(order)
    lines = tuple(replace(line, words=tuple(int(place[word]) for word in line.words)) for line in page.lines)
    return replace(page, words=page.words.take(order), lines=lines)


def _tables(page: Page) -> list[Box]:
    """Return the box around the words of each table."""
    boxes = page.words.boxes
    rows = [
        [word for line in block.lines for word in page.lines[line].words]
        for block in page.blocks
        if block.category == "table"
    ]
    found = []
    for words in rows:
        if len(words) > 1:
            x0, y0, x1, y1 = (float(v) for v in around(boxes[words]))
            found.append(Box(x0, y0, x1, y1, page.frame))
    return found


def _true_lines(page: Page, sight: Sight) -> Chains:
    """Return the true lines outside tables; words in none are lines of their own."""
    outside = sight.table < 0
    lines = [tuple(w for w in line.words if outside[w]) for line in page.lines]
    rest = outside.copy()
    rest[[w for line in lines for w in line]] = False
    turns = sight.upright.turns
    parts = [tuple(w for w in line if turns[w] == turn) for line in lines for turn in {int(turns[w]) for w in line}]
    return [*(part for part in parts if part), *((int(w),) for w in np.flatnonzero(rest))]


def _geometric_lines(sight: Sight) -> Chains:
    lines: Chains = []
    for rows, rulings in sight.turns():
        own, boxes = sight.words.take(rows), sight.upright.boxes[rows]
        found = find_lines(own, boxes, rulings, sight.links_within(rows))
        lines += [tuple(int(rows[i]) for i in chain) for chain in found]
    return lines


def _true_drafts(page: Page, sight: Sight) -> list[Draft]:
    """Return the true blocks; what the regions of tables hold is of the table, as where they are found."""
    words, placed = sight.words, sight.upright.placed
    drafts = []
    for block in page.blocks:
        lines = [tuple(w for w in page.lines[n].words if sight.table[w] < 0) for n in block.lines]
        lines = [line for line in lines if line]
        if lines:
            drafts.append(Draft.of(lines, words, placed))
    for region in np.unique(sight.table[sight.table >= 0]):
        rows = np.flatnonzero(sight.table == region)
        by_row = rows[np.lexsort((placed[rows, 0], placed[rows, 1]))]
        drafts.append(Draft.of([(int(w),) for w in by_row], words, placed, "table", int(region)))
    return drafts


def _blocks(
    sight: Sight, drafts: Sequence[Draft], truth: Truth, rng: np.random.Generator
) -> tuple[Graph, list[tuple[int, ...]]]:
    """Return the graph of blocks, put in the order geometry gives them, and their words."""
    words = [tuple(w for line in draft.lines for w in line) for draft in drafts]
    true = [np.bincount(truth.role[list(own)] + 1, minlength=len(ROLES) + 1)[1:].argmax() for own in words]
    given = [int(rng.integers(len(ROLES))) if rng.random() < WRONG_ROLES else int(k) for k in true]
    roles = np.full((len(drafts), len(ROLES)), 0.1 / len(ROLES), np.float32)
    sure = rng.uniform(0.6, 1.0, len(drafts)).astype(np.float32)
    roles *= (1 - sure)[:, None] / 0.1
    roles[np.arange(len(drafts)), given] += sure
    categories = [draft.fixed or CATEGORY_OF[ROLES[k]] for draft, k in zip(drafts, given, strict=True)]
    layout = lay_out(sight, list(drafts))
    order = arrange(drafts, categories, layout.empty, sight.drawn, sight.page, layout.body.size)
    graph = block_graph(sight, [drafts[k] for k in order], roles[order])
    return graph, [words[k] for k in order]


# -- on disk -----------------------------------------------------------------------------------------------------------


def write_examples(pages: Iterable[LabelledPage], path: Path, seed: int = 0) -> int:
    """Write the examples of some pages to one file, whole or not at all; return how many there are."""
    seeds = np.random.SeedSequence([seed, zlib.crc32(path.stem.encode())]).generate_state(1)
    made = [example(labelled, int(seeds[0]) + index) for index, labelled in enumerate(pages)]
    batch = [one for one in made if one is not None]
    _written(batch, path)
    return len(batch)


def _written(batch: Sequence[Example], path: Path) -> Path:
    arrays: Arrays = {"families": np.array([made.family for made in batch])}
    for k, made in enumerate(batch):
        for stage, columns in made.stages.items():
            arrays |= {f"{k}/{stage}/{name}": column for name, column in columns.items()}
    draft = path.with_suffix(".part.npz")
    np.savez(draft, **arrays)  # type: ignore[arg-type]  # its stub takes any keyword for allow_pickle
    draft.rename(path)
    return path


def read_examples(path: Path) -> list[Example]:
    """Read a file of examples back."""
    with np.load(path) as stored:
        families = stored["families"].tolist()
        stages: list[dict[str, Arrays]] = [{} for _ in families]
        for key in stored.files:
            if key != "families":
                k, stage, name = key.split("/")
                stages[int(k)].setdefault(stage, {})[name] = stored[key]
    return [Example(family, columns) for family, columns in zip(families, stages, strict=True)]

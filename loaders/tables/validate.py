"""How well grids are found on styles that nobody learned from, by geometry alone and with the model.

In: a folder with a model. Out: a line per style: F1 of neighbours (which cells stand beside and under each other, as
ICDAR 2013 counts them, a cell being the words it holds), shares of tables whose grid is exactly right and whose header
rows and columns are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from loaders.document import Table
from loaders.geometry import Box
from loaders.tables.grid import build_table
from loaders.tables.synthesize import HELD_OUT, TrueTable, synthesize

SEED = 900_000
NEIGHBOURS = ("f1", "exact", "header rows", "header columns")
Relations = set[tuple[frozenset[int], frozenset[int], str]]


def relations(cells: Iterable[tuple[int, int, int, int, frozenset[int]]], rows: int, cols: int) -> Relations:
    """Return which cells (row, col, rows, cols, words) stand next to each other, empty ones between left out."""
    grid: list[list[frozenset[int]]] = [[frozenset() for _ in range(cols)] for _ in range(rows)]
    for row, col, down, over, words in cells:
        for r in range(row, row + down):
            grid[r][col : col + over] = [words] * over
    found: Relations = set()
    for side, lines in (("beside", grid), ("under", list(map(list, zip(*grid, strict=True))))):
        for line in lines:
            filled = [words for words in line if words]
            found |= {(a, b, side) for a, b in pairwise(filled) if a != b}
    return found


def true_relations(truth: TrueTable) -> Relations:
    """Return the neighbours there are."""
    words: dict[int, set[int]] = defaultdict(set)
    for word, cell in enumerate(truth.cell.tolist()):
        words[cell].add(word)
    cells = ((c.row, c.col, c.rows, c.cols, frozenset(words[k])) for k, c in enumerate(truth.cells))
    return relations(cells, truth.rows, truth.cols)


def found_relations(table: Table | None, truth: TrueTable) -> Relations:
    """Return the neighbours that were found; words that nobody wrote do not count."""
    if table is None:
        return set()
    known = frozenset(np.flatnonzero(truth.cell >= 0).tolist())
    cells = ((c.row, c.col, c.row_span, c.col_span, known.intersection(c.words)) for c in table.cells)
    return relations(cells, table.n_rows, table.n_cols)


def scores(truth: TrueTable, model: str | None) -> list[float]:
    """Return the figures of one table, in the order of NEIGHBOURS."""
    boxes = truth.page.words.boxes[truth.cell >= 0]
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    region = Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]), truth.page.frame)
    table = build_table(truth.page.words, region, truth.page.frame, truth.page.rulings, model=model)
    there, found = true_relations(truth), found_relations(table, truth)
    heads = (-1, -1) if table is None else (table.header_rows, table.header_cols)
    return [
        2 * len(there & found) / max(len(there) + len(found), 1),
        float(there == found),
        float(heads[0] == truth.header_rows),
        float(heads[1] == max(truth.header_cols, 1)),
    ]


def validate(folder: Path, drafts: int = 20, styles: Iterable[str] = ()) -> Iterator[str]:
    """Yield a line per style held out, and one for all: geometry alone > with the model, as typeset and degraded."""
    every: list[list[list[float]]] = []
    for style in sorted(styles) or sorted(HELD_OUT):
        tables = [table for k in range(drafts) for table in synthesize(style, SEED + k)]
        every += [[scores(table, None), scores(table, str(folder))] for table in tables]
        yield _line(style, every[-len(tables) :])
    yield _line("all", every)


def _line(name: str, figures: list[list[list[float]]]) -> str:
    means = np.array(figures).mean(axis=0)
    parts = (f"{what} {a:.3f} > {b:.3f}" for what, a, b in zip(NEIGHBOURS, *means, strict=True))
    return f"{name:18} {', '.join(parts)}  n={len(figures)}"

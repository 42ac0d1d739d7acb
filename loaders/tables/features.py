"""What the model is shown of a table: figures of each place of the candidate grid, of each line, of each column.

Candidates go in, arrays go out: lengths in em, squeezed to about one, so that type size and resolution do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from loaders.document import BOLD, ITALIC
from loaders.geometry import Array
from loaders.rulings import Floats
from loaders.tables.candidates import Candidates, columns_at
from loaders.tables.header import YEAR
from loaders.tables.lines import Level, cores, parted_lines
from loaders.tables.rows import UNFINISHED
from loaders.tables.words import BLANKS, LEADING, TRAILING, Ints, Upright, is_number

WORD = "digits letters number sign year small capital unfinished ends comma opens closes capitals hyphen single".split()
"""What a word's characters say."""
FIRST = tuple(f"first_{name}" for name in ("small", "capital", "number", "opens", "sign"))
LAST = tuple(f"last_{name}" for name in ("unfinished", "ends", "comma", "hyphen", "closes"))
MEAN = tuple(f"mean_{name}" for name in ("digits", "letters", "number", "sign", "year", "capitals", "single"))
CELL = (
    "filled", "words", "width", "left", "right", "middle", "over_left", "over_right", "gap", "space", "bold", "italic",
    "height", "lift", "ruled_under", "ruled_beside", "figure", *MEAN, *FIRST, *LAST,
)  # fmt: skip
"""Columns of a place."""
LINE = (
    "first", "last", "from_top", "from_foot", "pitch", "pitch_before", "pitch_usual", "filled_share", "level", "full",
    "joins", "joins_before", "header", "height_line", "few", "dense",
)  # fmt: skip
"""Columns of a text line."""
COLUMN = (
    "cut_taken", "cut_ruled", "cut_width", "cut_lines", "cut_figures", "before_taken", "before_ruled", "before_width",
    "before_lines", "leftmost", "rightmost", "wide", "filled_col", "figures_col", "spread_left", "spread_right",
    "spread_middle", "words_col", "signs_col",
)  # fmt: skip
"""Columns of a candidate column; its cut is the one to its right."""


@dataclass(frozen=True, slots=True, eq=False)
class GridFeatures:
    """Figures of a candidate grid of R lines and C columns.

    cells float32 (R, C, CELL), lines float32 (R, LINE), columns float32 (C, COLUMN)
    """

    cells: Array
    lines: Array
    columns: Array


def features_of(found: Candidates) -> GridFeatures:
    """Describe a table's candidates."""
    up, em = found.up, found.up.em
    column, edges = columns_at(up, found.cuts)
    lines = parted_lines(up, column, edges, found.judged.lines.words)
    line_of = np.zeros(len(up), int)
    for number, words in enumerate(lines.words):
        line_of[words] = number
    shape = len(lines), len(edges) - 1
    place = line_of * shape[1] + column
    cells = _cells(found, place, shape, edges, lines.between)
    return GridFeatures(
        cells.astype(np.float32),
        _lines(found, line_of, cells[..., 0], lines.between, em).astype(np.float32),
        _columns(found, cells, edges).astype(np.float32),
    )


@lru_cache(maxsize=1 << 16)
def _said(text: str) -> tuple[float, ...]:
    """Return what a word's characters say, in the order of WORD."""
    digits, letters = sum(c.isdigit() for c in text), sum(c.isalpha() for c in text)
    return tuple(
        float(value)
        for value in (
            digits / len(text),
            letters / len(text),
            is_number(text),
            bool(LEADING.match(text) or TRAILING.match(text) or text in BLANKS),
            bool(YEAR.match(text)),
            text[:1].islower(),
            text[:1].isupper(),
            bool(UNFINISHED.search(text)),
            text.endswith((".", ":")),
            text.endswith((",", ";")),
            text.startswith(("(", "[")),
            text.endswith((")", "]")),
            letters > 1 and text.isupper(),
            text.endswith("-"),
            len(text) == 1,
        )
    )


def _squeeze(values: Floats, most: float = 6.0) -> Floats:
    """Return signed lengths on a scale where small ones differ and large ones do not."""
    return np.asarray(np.sign(values) * np.log1p(np.minimum(np.abs(values), 10 * most)) / np.log1p(most))


def _cells(
    found: Candidates, place: Ints, shape: tuple[int, int], edges: Floats, between: list[Level | None]
) -> Floats:
    up, em, size = found.up, found.up.em, shape[0] * shape[1]
    count = np.bincount(place, minlength=size).astype(float)
    some = np.maximum(count, 1)
    x0, x1 = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(x0, place, up.boxes[:, 0])
    np.maximum.at(x1, place, up.boxes[:, 2])
    filled = count > 0
    order = np.lexsort((up.boxes[:, 0], place))
    held = place[order]
    starts = np.flatnonzero(np.r_[True, np.diff(held) > 0])
    firsts, lasts = order[starts], order[np.r_[starts[1:], len(order)] - 1]
    here = held[starts]
    said = np.array([_said(text) for text in up.texts])
    at = {name: k for k, name in enumerate(WORD)}
    values = dict.fromkeys(CELL, np.zeros(size)) | {"filled": filled.astype(float), "words": np.log1p(count) / 2}
    for name in MEAN:
        values[name] = np.bincount(place, said[:, at[name[5:]]], size) / some
    for names, words, cut in ((FIRST, firsts, 6), (LAST, lasts, 5)):
        for name in names:
            values[name] = np.zeros(size)
            values[name][here] = said[words, at[name[cut:]]]
    grid = np.where(filled, x0, np.nan).reshape(shape), np.where(filled, x1, np.nan).reshape(shape)
    rows, cols = np.nonzero(filled.reshape(shape))
    for name, extent in (("left", grid[0]), ("right", grid[1]), ("middle", (grid[0] + grid[1]) / 2)):
        values[name] = np.zeros(size)
        usual = np.array([np.nanmedian(col) if np.isfinite(col).any() else 0.0 for col in extent.T])
        values[name][here] = _squeeze((extent[rows, cols] - usual[cols]) / em)
    values["width"] = np.where(filled, _squeeze((x1 - x0) / em, 30), 0)
    col = np.arange(size) % shape[1]
    inner_left, inner_right = np.r_[-np.inf, edges[1:-1]], np.r_[edges[1:-1], np.inf]
    values["over_left"] = np.where(filled, _squeeze(np.clip((inner_left[col] - x0) / em, -3, 9)), 0)
    values["over_right"] = np.where(filled, _squeeze(np.clip((x1 - inner_right[col]) / em, -3, 9)), 0)
    next_x0 = np.full(len(up), np.inf)
    has = found.pairs >= 0
    next_x0[has] = up.boxes[found.pairs[has], 0]
    gaps = np.clip((next_x0 - up.boxes[:, 2]) / em, -1, 30)
    values["gap"] = np.zeros(size)
    values["gap"][here] = _squeeze(gaps[lasts], 30)
    inside = np.flatnonzero(has & (place[found.pairs] == place))
    widest = np.zeros(size)
    np.maximum.at(widest, place[inside], gaps[inside])
    values["space"] = _squeeze(widest)
    values["bold"] = np.bincount(place, (up.styles & BOLD) > 0, size) / some
    values["italic"] = np.bincount(place, (up.styles & ITALIC) > 0, size) / some
    values["height"] = np.where(filled, np.bincount(place, up.boxes[:, 3] - up.boxes[:, 1], size) / some / em - 1, 0)
    line_middle = np.bincount(place // shape[1], up.middles[:, 1], shape[0]) / np.maximum(
        np.bincount(place // shape[1], minlength=shape[0]), 1
    )
    lift = np.bincount(place, up.middles[:, 1], size) / some - np.repeat(line_middle, shape[1])
    values["lift"] = np.where(filled, np.clip(lift / em, -1.5, 1.5), 0)
    under = np.zeros(shape)
    for row, level in enumerate(between):
        under[row] = 0 if level is None else level.columns
    values["ruled_under"] = under.ravel()
    values["ruled_beside"] = _drawn_beside(found, line_middle, shape).ravel()
    figure = np.zeros(size)
    figure[here] = [_is_figure(up, order[a:b]) for a, b in zip(starts, [*starts[1:], len(order)], strict=True)]
    values["figure"] = figure
    return np.stack([values[name] for name in CELL], axis=-1).reshape(*shape, len(CELL))


def _is_figure(up: Upright, words: Ints) -> bool:
    return is_number(" ".join(up.texts[i] for i in words))


def _drawn_beside(found: Candidates, middle: Floats, shape: tuple[int, int]) -> Floats:
    """Say of each line and column whether a vertical line is drawn at the cut to its right, at the line's height."""
    drawn = np.zeros(shape)
    for k, cut in enumerate(found.cuts):
        for x, top, bottom in found.up.down:
            if abs(x - cut.x) <= 0.5 * found.up.em or cut.left <= x <= cut.right:
                drawn[(middle > top) & (middle < bottom), k] = 1
    return drawn


def _lines(found: Candidates, line_of: Ints, filled: Floats, between: list[Level | None], em: float) -> Floats:
    rows, count = len(filled), np.bincount(line_of).astype(float)
    core = cores(found.up)
    top, bottom = np.full(rows, np.inf), np.full(rows, -np.inf)
    np.minimum.at(top, line_of, core[:, 0])
    np.maximum.at(bottom, line_of, core[:, 1])
    pitch = np.clip((top[1:] - bottom[:-1]) / em + 0.5, -1, 6)
    usual = float(np.median(pitch)) if rows > 1 else 1.0
    nothing = np.zeros(rows)
    judged = found.judged
    values = {
        "first": np.arange(rows) == 0,
        "last": np.arange(rows) == rows - 1,
        "from_top": np.exp(-np.arange(rows) / 3),
        "from_foot": np.exp(-np.arange(rows)[::-1] / 3),
        "pitch": np.r_[_squeeze(pitch), 0],
        "pitch_before": np.r_[0, _squeeze(pitch)],
        "pitch_usual": np.r_[np.clip(pitch / max(usual, 0.3) - 1, -2, 3), 0],
        "filled_share": filled.mean(axis=1),
        "level": [*(level is not None for level in between), False],
        "full": [*(level is not None and level.full for level in between), False],
        "joins": [*judged.joins, False],
        "joins_before": [False, *judged.joins],
        "header": np.arange(rows) < judged.header,
        "height_line": np.clip((bottom - top) / em - 0.5, 0, 3),
        "few": filled.sum(axis=1) == 1,
        "dense": np.log1p(count) / 3,
    }
    return np.stack([nothing + np.asarray(values[name], float) for name in LINE], axis=-1)


def _columns(found: Candidates, cells: Floats, edges: Floats) -> Floats:
    em, cols = found.up.em, cells.shape[1]
    at = {name: k for k, name in enumerate(CELL)}
    filled = cells[..., at["filled"]]
    some = np.maximum(filled.sum(axis=0), 1)
    cut = {
        "taken": found.taken,
        "ruled": [one.ruled for one in found.cuts],
        "width": _squeeze(np.array([(one.right - one.left) / em for one in found.cuts])),
        "lines": [np.log1p(one.lines) / np.log1p(len(cells)) for one in found.cuts],
        "figures": [one.figures for one in found.cuts],
    }
    values = {f"cut_{name}": np.r_[np.asarray(one, float), 0] for name, one in cut.items()}
    values |= {f"before_{name}": np.r_[0, np.asarray(one, float)] for name, one in cut.items()}
    values |= {
        "leftmost": np.exp(-np.arange(cols) / 2),
        "rightmost": np.exp(-np.arange(cols)[::-1] / 2),
        "wide": _squeeze(np.diff(edges) / em, 30),
        "filled_col": filled.mean(axis=0),
        "figures_col": cells[..., at["figure"]].sum(axis=0) / some,
        "words_col": cells[..., at["words"]].sum(axis=0) / some,
        "signs_col": cells[..., at["mean_sign"]].sum(axis=0) / some,
    }
    for name in ("left", "right", "middle"):
        values[f"spread_{name}"] = np.abs(cells[..., at[name]]).sum(axis=0) / some
    return np.stack([np.asarray(values[name], float) for name in COLUMN], axis=-1)

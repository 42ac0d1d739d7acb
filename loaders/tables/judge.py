"""Whether a candidate is a table: its grid decides.

A candidate's extent goes in, in upright coordinates; the extent of the table in it comes out, without the title over it
and the notes under it, or None. Text shredded into a false table does more harm than a table read as text: prose,
lists, tables of contents, forms and charts are turned away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from loaders.rulings import Floats
from loaders.tables.aligned import Texts
from loaders.tables.grid import cut_grid
from loaders.tables.places import Grid
from loaders.tables.ruled import falls_to_zero, gridlines, is_caption
from loaders.tables.spans import drawn_beside
from loaders.tables.words import Bools, Ints, Upright, is_number

ENUMERATOR = re.compile(r"^[(\[]?([0-9]{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]:]$|^[•●▪■○◦‣·–—*-]$|^\[\d+\]$")
LEADERS = re.compile(r"\.{4,}|(\. ){3,}|…{2,}|·{4,}|_{4,}")
UNLIKELY, LIKELY = 0.2, 0.7
"""Mean likelihoods of a region's words below which it is no table, and above which its grid need not speak for it."""
NOTE = re.compile(r"^(sources?|notes?):?$|^\*+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The upright words of a page, the texts they form, and how likely each word is in a table, where that is known.

    `grids` are those cut so far, by their extents: a candidate is looked at by several judges in turn.
    """

    up: Upright
    texts: Texts
    likelihood: Floats | None = None
    grids: dict[tuple[float, ...], Grid | None] = field(default_factory=dict, repr=False)

    def grid(self, extent: Floats) -> Grid | None:
        """Return the grid of the words in an extent; None for fewer than two words."""
        key = tuple(extent.tolist())
        if key not in self.grids:
            self.grids[key] = cut_grid(self.up.within(*key))
        return self.grids[key]

    def likely(self, extent: Floats) -> float | None:
        """Return the mean likelihood of the words in an extent; None where it is not known."""
        if self.likelihood is None:
            return None
        x, y = self.up.middles.T
        inside = (x >= extent[0]) & (x <= extent[2]) & (y >= extent[1]) & (y <= extent[3])
        return float(self.likelihood[inside].mean()) if inside.any() else 0.0

    def running(self, extent: Floats, lines: Bools) -> float:
        """Return the share of an extent's words that are in lines of running text, `lines` (n,) of the texts."""
        boxes, words = self.texts.boxes, self.texts.words
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        inside = (x >= extent[0]) & (x <= extent[2]) & (y >= extent[1]) & (y <= extent[3])
        return float(words[inside & lines].sum() / max(words[inside].sum(), 1))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a candidate's grid looks like, as shares of its places and texts.

    fill      places that hold text           figures   texts beyond the first column that are figures
    labels    texts that end in a colon       regular   rows in which vertical lines are drawn; 1 where there are none
    blank     only the headings are filled, of every row and every column: a table to be filled in
    """

    rows: int
    cols: int
    filled: int
    fill: float
    words_per_cell: float
    figures: float
    labels: float
    regular: float
    blank: bool


def table_extent(sheet: Sheet, kind: str, extent: Floats) -> Floats | None:
    """Return the extent of the table in a candidate, titles and notes left out; None when there is no table."""
    grid = None
    for _ in range(4):
        grid = sheet.grid(extent)
        if grid is None or min(grid.shape) < 2 or gridlines(sheet.up, extent) or falls_to_zero(sheet.up, extent):
            return None
        trimmed = _trimmed(grid, extent)
        if trimmed is None:
            break
        extent = trimmed
    else:
        return None
    likely = sheet.likely(extent)
    if likely is not None and likely < (UNLIKELY / 2 if kind == "grid" else UNLIKELY):
        return None
    if _is_list(grid) or _is_contents(grid, kind):
        return None
    if likely is not None and likely > LIKELY:
        return extent
    if kind != "grid" and sheet.running(extent, sheet.texts.flow if kind == "aligned" else sheet.texts.prose) > 0.25:
        return None
    return extent if _is_table(kind, _look(grid)) else None


def _is_table(kind: str, look: _Look) -> bool:
    """Say whether a grid looks like a table rather than a form, a layout or prose."""
    if look.filled < 4 or look.labels >= (0.2 if kind == "grid" else 0.12):
        return False
    if look.blank and look.rows > 3 and kind != "aligned":
        return True
    if look.regular < 0.5 and look.cols > 2 and look.figures < 0.3:
        return False  # each row of a form has lines of its own
    if kind == "grid":
        return look.words_per_cell < 60
    if kind == "stack":
        dense = look.figures >= 0.3 or (look.rows >= 3 and look.fill >= 0.6)
        return dense and look.fill >= 0.3 and look.words_per_cell < 12
    if look.rows < 3 or look.words_per_cell > 5:
        return False
    if look.fill < 0.5:
        return look.fill >= 0.3 and look.figures >= 0.8 and look.cols > 2
    return look.figures >= 0.5 or (look.rows >= 5 and look.cols >= 4 and look.fill >= 0.85 and look.words_per_cell <= 3)


def _trimmed(grid: Grid, extent: Floats) -> Floats | None:
    """Return the extent without the titles over and the notes under the table; None when there are none."""
    rows = np.split(np.argsort(grid.rows.row, kind="stable"), np.cumsum(np.bincount(grid.rows.row))[:-1])
    top, bottom = 0, len(rows)
    for row in range(len(rows) * 2 // 3):
        if _is_title(grid, rows[row]):
            top = row + 1
        elif not _one_text(grid, rows[row]):
            break
    while top and top < bottom and grid.rows.levels[top - 1] is None and _one_text(grid, rows[top]):
        top += 1  # the title goes on
    lines = [row for row in range(max(top, len(rows) // 3), len(rows)) if _is_note(grid, rows[row])]
    # A note goes on to the end, a short last line or a source under it included.
    after = max((row + 1 for row in range(len(rows)) if not _one_text(grid, rows[row])), default=0)
    bottom = next((row for row in lines if row >= after), bottom)
    if (top, bottom) == (0, len(rows)) or bottom - top < 2:
        return None
    upper = float(grid.rows.parts[top - 1]) if top else extent[1]
    lower = float(grid.rows.parts[bottom - 1]) if bottom < len(rows) else extent[3]
    return np.array([extent[0], upper, extent[2], lower])


def _is_title(grid: Grid, row: Ints) -> bool:
    """Say whether a row is a caption, or a sentence over the table."""
    words = sorted(row, key=lambda i: (grid.up.boxes[i, 1] // grid.up.em, grid.up.boxes[i, 0]))
    first, second = grid.up.texts[words[0]], grid.up.texts[words[1]] if len(words) > 1 else ""
    return is_caption(first, second) or (len(row) >= 9 and _one_text(grid, row))


def _is_note(grid: Grid, row: Ints) -> bool:
    """Say whether a row is a sentence over the table's width, or begins as a note does."""
    text = grid.up.texts[row[np.argmin(grid.up.boxes[row, 0])]]
    return _one_text(grid, row) and (len(row) >= 9 or bool(NOTE.match(text)))


def _one_text(grid: Grid, row: Ints) -> bool:
    """Say whether the words of a row follow each other without a gap."""
    order = row[np.argsort(grid.up.boxes[row, 0], kind="stable")]
    if len(order) > 2 and len(grid.up.texts[order[0]]) <= 2:
        order = order[1:]  # a bullet or the mark of a note stands apart
    gaps = grid.up.boxes[order[1:], 0] - np.maximum.accumulate(grid.up.boxes[order, 2])[:-1]
    if (gaps < 0.75 * grid.up.em).all():
        return True
    # Typewriter faces have wide spaces, but even ones, and what is set in columns of such width is figures.
    words = sum(not is_number(grid.up.texts[i]) for i in order)
    return bool(
        len(gaps) > 2 and gaps.max() < min(1.3 * grid.up.em, 1.8 * np.median(gaps)) and words > 0.6 * len(order)
    )


def _look(grid: Grid) -> _Look:
    texts = place_texts(grid)
    beyond = [text for (_, col), text in texts.items() if col > 0]
    drawn = drawn_beside(grid)
    # Between the headings alone a line may be a seam of their tints; it says nothing of the rows.
    ruled = np.array([cut.ruled for cut in grid.cuts], bool) & drawn[grid.rows.header :].any(axis=0)
    return _Look(
        *grid.shape,
        filled=len(texts),
        fill=float(grid.filled.mean()),
        words_per_cell=len(grid.up) / max(len(texts), 1),
        figures=sum(map(is_number, beyond)) / max(len(beyond), 1),
        labels=sum(text.endswith(":") for text in texts.values()) / max(len(texts), 1),
        regular=float(drawn[:, ruled].mean()) if ruled.any() else 1.0,
        blank=bool(grid.filled[0, 1:].all() and grid.filled[1:, 0].all() and not grid.filled[1:, 1:].any()),
    )


def place_texts(grid: Grid) -> dict[tuple[int, int], str]:
    """Return the words of each filled place, in the order they were read."""
    texts: dict[tuple[int, int], list[str]] = {}
    for place, text in zip(zip(grid.rows.row.tolist(), grid.column.tolist(), strict=True), grid.up.texts, strict=True):
        texts.setdefault(place, []).append(text)
    return {place: " ".join(parts) for place, parts in texts.items()}


def _is_list(grid: Grid) -> bool:
    """Say whether two columns are a list: bullets or numbers, and what they stand before."""
    if grid.shape[1] != 2:
        return False
    first = [text for (_, col), text in place_texts(grid).items() if col == 0]
    return sum(bool(ENUMERATOR.match(text)) for text in first) >= 0.6 * len(first)


def _is_contents(grid: Grid, kind: str) -> bool:
    """Say whether a region is a table of contents: leaders, or titles with page numbers that rise."""
    texts = place_texts(grid)
    if grid.shape[1] > 3:
        return False
    if sum(bool(LEADERS.search(text)) for text in texts.values()) >= 0.3 * grid.shape[0]:
        return True
    if kind != "aligned":
        return False
    last = [texts.get((row, grid.shape[1] - 1), "") for row in range(grid.shape[0])]
    numbers = [int(text) for text in last if text.isdigit() and len(text) <= 4]
    rising = all(a <= b for a, b in pairwise(numbers))
    return len(numbers) >= 0.7 * len(last) and len(numbers) >= 4 and rising and numbers[0] < numbers[-1]


def celled(sheet: Sheet, extent: Floats) -> bool:
    """Say whether lines are drawn around every cell of a ruled table: then nothing beyond them belongs to it."""
    grid = sheet.grid(extent)
    if grid is None or min(grid.shape) < 2 or grid.shape[0] < 3:
        return False
    return all(cut.ruled for cut in grid.cuts) and _look(grid).regular >= 0.75

"""Where the tables of a page are: ruled, half-ruled, and set in columns without any line.

Words and rulings of a page go in, in the page's frame; boxes of tables come out, disjoint, top to bottom. Candidates
come from crossing rulings, stacks of rules and aligned texts; each is cut into a grid, and the grid decides: text
shredded into a false table does more harm than a table read as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.document import BOLD, Words
from loaders.geometry import Array, Box, Frame
from loaders.rulings import Floats
from loaders.tables.aligned import Texts, aligned_rows, texts_of
from loaders.tables.grid import cut_grid, words_in
from loaders.tables.ruled import crossing_grids, gridlines, is_caption, rule_stacks
from loaders.tables.spans import Grid, drawn_beside
from loaders.tables.words import Bools, Ints, Upright, is_number, right_neighbours, upright

ENUMERATOR = re.compile(r"^[(\[]?([0-9]{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]:]$|^[•●▪■○◦‣·–—*-]$|^\[\d+\]$")
LEADERS = re.compile(r"\.{4,}|(\. ){3,}|…{2,}|·{4,}|_{4,}")
NOTE = re.compile(r"^(sources?|notes?):?$|^\*+$", re.IGNORECASE)


def detect_tables(words: Words, frame: Frame, rulings: Array, figures: Sequence[Box] = ()) -> tuple[Box, ...]:
    """Find the tables of a page.

    `rulings` float32 (M, 4) are drawn lines, `figures` the page's pictures, in the page's frame. Returns disjoint
    boxes; prose in columns, lists, tables of contents, addresses and forms give none.
    """
    regions: list[Box] = []
    for rows in _directions(words):
        up = upright(words, rulings, rows)
        for extent in _tables_of(up):
            box = _on_page(words, up, extent, frame)
            if not _is_picture(words, box, figures) and all(box.overlap(region) <= 0 for region in regions):
                regions.append(box)
    return tuple(sorted(regions, key=lambda box: (box.y0, box.x0)))


def _directions(words: Words) -> list[Ints]:
    """Part the words of a page by the direction they run in; a few stray ones, as in a margin, make no table."""
    if len(words) < 4:
        return []
    edge = (words.quads[:, 1] - words.quads[:, 0]).astype(np.float64)
    quarter = np.round(np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) / 90).astype(int) % 4
    # A single letter's quad may be higher than wide and tells no direction: it goes with the most.
    usual = int(np.argmax(np.bincount(quarter, minlength=4)))
    quarter[[len(text) < 2 for text in words.texts]] = usual
    return [rows for q in range(4) if len(rows := np.flatnonzero(quarter == q)) >= 6]


def _is_picture(words: Words, box: Box, figures: Sequence[Box]) -> bool:
    """Say whether a box holds the labels of pictures: it is a small part of one, or its words lie in several."""
    page = box.frame.width * box.frame.height
    pictures = [figure for figure in figures if figure.area < 0.8 * page]
    around = [figure for figure in pictures if box.overlap(figure) > 0.8 * box.area]
    if around:
        return min(figure.area for figure in around) > 2.5 * box.area
    middles = words.boxes[words_in(words, box)].reshape(-1, 2, 2).mean(axis=1)
    held = [any(figure.holds(float(x), float(y)) for figure in pictures) for x, y in middles]
    return sum(held) > 0.5 * len(held)


def _on_page(words: Words, up: Upright, extent: Floats, frame: Frame) -> Box:
    """Return the box on the page around the words in an upright extent."""
    rows = up.within(*extent).rows
    boxes = words.boxes[rows]
    x0, y0, x1, y1 = (float(v) for v in np.r_[boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    return Box(max(x0, 0.0), max(y0, 0.0), min(x1, frame.width), min(y1, frame.height), frame)


# -- candidates ----------------------------------------------------------------------------------------------------


def _tables_of(up: Upright) -> list[Floats]:
    """Return the extents of the tables among upright words."""
    pairs = right_neighbours(up.boxes)
    sheet = _Sheet(up, texts_of(up, pairs))
    grids, used = crossing_grids(up)
    found: list[tuple[str, Floats]] = []
    for extent in grids:
        table = _table_extent(sheet, "grid", extent)
        if table is not None and all(_apart(table, other) for _, other in found):
            found.append(("grid", table))
    for kind, extents in (("stack", rule_stacks(up, used)), ("aligned", aligned_rows(up, sheet.texts))):
        for extent in extents:
            found = _with(sheet, found, kind, extent)
    for i, (kind, table) in enumerate(found):
        taller = _headed(sheet, kind, table)
        if all(_apart(taller, other) for k, (_, other) in enumerate(found) if k != i):
            found[i] = kind, taller
    return [table for _, table in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """The upright words of a page, and the texts they form."""

    up: Upright
    texts: Texts

    def running(self, extent: Floats, lines: Bools) -> float:
        """Return the share of an extent's words that are in lines of running text, `lines` (n,) of the texts."""
        boxes, words = self.texts.boxes, self.texts.words
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        inside = (x >= extent[0]) & (x <= extent[2]) & (y >= extent[1]) & (y <= extent[3])
        return float(words[inside & lines].sum() / max(words[inside].sum(), 1))


def _with(sheet: _Sheet, found: list[tuple[str, Floats]], kind: str, extent: Floats) -> list[tuple[str, Floats]]:
    """Add a candidate to the tables found; with the ruled parts of the same table it becomes one."""
    touched = [one for one in found if not _apart(extent, one[1])]
    if touched:
        if kind == "stack" and any(other == "stack" for other, _ in touched):
            return found
        framed = any(other == "grid" and _whole(sheet.up, inner) for other, inner in touched)
        most = max(_held(sheet.up, extent, inner) for _, inner in touched)
        if framed or most > 0.95:
            return found
        kind = "stack"
    table = _table_extent(sheet, kind, _around([extent, *(inner for _, inner in touched)]))
    rest = [one for one in found if not any(one is other for other in touched)]
    if table is None or not all(_apart(table, other) for _, other in rest):
        return found
    return [*rest, (kind, table)]


def _whole(up: Upright, extent: Floats) -> bool:
    """Say whether lines are drawn around every cell of a ruled table: then nothing beyond them belongs to it."""
    grid = cut_grid(up.within(*extent))
    return grid is not None and grid.shape[0] > 2 and all(c.ruled for c in grid.cuts) and _look(grid).regular >= 0.75


def _closed(up: Upright, extent: Floats) -> bool:
    """Say whether vertical lines frame an extent on both sides."""
    long = up.down[:, 2] - up.down[:, 1] > 0.6 * (extent[3] - extent[1])
    beside = long & (up.down[:, 1] < extent[1] + 2 * up.em) & (up.down[:, 2] > extent[1] + up.em)
    return all((np.abs(up.down[beside, 0] - side) < up.em).any() for side in (extent[0], extent[2]))


def _headed(sheet: _Sheet, kind: str, extent: Floats) -> Floats:
    """Take in the column headings over a table, unless a frame closes it."""
    up = sheet.up
    grid = None if _closed(up, extent) else cut_grid(up.within(*extent))
    if grid is None:
        return extent
    taller = _grown(sheet, extent)
    over = up.within(extent[0], taller[1], taller[2], extent[1])
    filled = np.unique(np.searchsorted([cut.x for cut in grid.cuts], over.middles[:, 0]))
    return taller if kind == "aligned" or len(filled) >= max(2, 0.5 * grid.shape[1]) else extent


def _around(extents: list[Floats]) -> Floats:
    boxes = np.array(extents)
    return np.r_[boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]


def _apart(a: Floats, b: Floats) -> bool:
    return bool(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1])


def _held(up: Upright, extent: Floats, other: Floats) -> float:
    """Return the share of an extent's words that lie in another."""
    part = up.within(*extent)
    return len(part.within(*other)) / max(len(part), 1)


def _grown(sheet: _Sheet, extent: Floats) -> Floats:
    """Take in the heading lines over a table's rows, and the titles of its first rows that stand between."""
    x0, y0, x1, y1 = extent
    boxes, em = sheet.texts.boxes, sheet.up.em
    middle = boxes[:, [1, 3]].mean(axis=1)
    top, right, titles = y0, x1, 0
    for _ in range(8):
        near = (
            (boxes[:, 3] <= top + 0.4 * em) & (boxes[:, 3] > top - 2.2 * em) & (boxes[:, 0] < x1) & (boxes[:, 2] > x0)
        )
        if not near.any():
            break
        line = np.flatnonzero(near & (middle > middle[near].max() - 0.6 * em))
        top = float(boxes[line, 1].min())
        if _is_heading(sheet, line, (x0, x1)):
            y0, right, titles = top, max(right, float(boxes[line, 2].max())), 0
        elif len(line) > 1 or titles > 2 or sheet.texts.prose[line[0]] or boxes[line[0], 2] > x0 + 0.6 * (x1 - x0):
            break
        else:
            titles += 1
    return np.array([x0, y0, right, y1])


def _is_heading(sheet: _Sheet, line: Ints, width: tuple[float, float]) -> bool:
    """Say whether a line over aligned rows holds column headings: several texts, or one set over the later columns."""
    up, texts = sheet.up, sheet.texts
    boxes = texts.boxes[line]
    x0, x1 = width
    if texts.prose[line].any() or boxes[:, 0].min() < x0 - 2 * up.em or boxes[:, 2].max() > x1 + 0.3 * (x1 - x0):
        return False
    if (boxes[:, 3] - boxes[:, 1]).max() > 2 * up.em:
        return False  # the title of a section
    words = up.within(boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max())
    order = np.argsort(words.boxes[:, 0], kind="stable")
    if len(order) and is_caption(words.texts[order[0]], words.texts[order[1]] if len(order) > 1 else ""):
        return False
    if len(line) > 1:
        return True
    bold = bool(len(words)) and bool((words.styles & BOLD).all())
    over_later = boxes[0, 0] > x0 + 0.15 * (x1 - x0) and boxes[0, 2] - boxes[0, 0] < 0.8 * (x1 - x0)
    over_all = bold and boxes[0, 2] - boxes[0, 0] > 0.6 * (x1 - x0) and texts.words[line[0]] < 9
    return bool(over_later or over_all)


# -- judgement -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """What a candidate's grid looks like, as shares of its places and texts.

    fill      places that hold text           figures   texts beyond the first column that are figures
    labels    texts that end in a colon       regular   rows in which vertical lines are drawn; 1 where there are none
    """

    rows: int
    cols: int
    filled: int
    fill: float
    words_per_cell: float
    figures: float
    labels: float
    regular: float


def _table_extent(sheet: _Sheet, kind: str, extent: Floats) -> Floats | None:
    """Return the extent of the table in a candidate, titles and notes left out; None when there is no table."""
    for _ in range(3):
        grid = cut_grid(sheet.up.within(*extent))
        if grid is None or min(grid.shape) < 2 or gridlines(sheet.up, extent):
            return None
        trimmed = _trimmed(grid, extent)
        if trimmed is None:
            break
        extent = trimmed
    if kind != "grid" and sheet.running(extent, sheet.texts.flow if kind == "aligned" else sheet.texts.prose) > 0.25:
        return None
    if grid is None or _is_list(grid) or _is_contents(grid, kind) or not _is_table(kind, _look(grid)):
        return None
    return extent


def _is_table(kind: str, look: _Look) -> bool:
    """Say whether a grid looks like a table rather than a form, a layout or prose."""
    if look.filled < 4 or look.labels >= (0.2 if kind == "grid" else 0.12):
        return False
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
    return bool((gaps < 0.75 * grid.up.em).all())


def _look(grid: Grid) -> _Look:
    texts = place_texts(grid)
    beyond = [text for (_, col), text in texts.items() if col > 0]
    ruled = np.array([cut.ruled for cut in grid.cuts])
    return _Look(
        *grid.shape,
        filled=len(texts),
        fill=float(grid.filled.mean()),
        words_per_cell=len(grid.up) / max(len(texts), 1),
        figures=sum(map(is_number, beyond)) / max(len(beyond), 1),
        labels=sum(text.endswith(":") for text in texts.values()) / max(len(texts), 1),
        regular=float(drawn_beside(grid)[:, ruled].mean()) if ruled.any() else 1.0,
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

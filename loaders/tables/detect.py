"""Where the tables of a page are: ruled, half-ruled, and set in columns without any line.

Words and rulings of a page go in, in the page's frame; boxes of tables come out, disjoint, top to bottom. Candidates
come from crossing rulings (`ruled`), stacks of rules and aligned texts (`aligned`); `judge` says which are tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from loaders.document import BOLD, Words
from loaders.geometry import Array, Box, Frame
from loaders.rulings import Floats
from loaders.tables.aligned import aligned_rows, texts_of
from loaders.tables.grid import words_in
from loaders.tables.judge import Sheet, celled, place_texts, table_extent
from loaders.tables.likely import likely_regions
from loaders.tables.ruled import crossing_grids, is_caption, rule_stacks
from loaders.tables.words import Ints, Upright, is_number, right_neighbours, upright


def detect_tables(
    words: Words, frame: Frame, rulings: Array, figures: Sequence[Box] = (), likelihood: Array | None = None
) -> tuple[Box, ...]:
    """Find the tables of a page.

    `rulings` float32 (M, 4) are drawn lines, `figures` the page's pictures, in the page's frame. `likelihood` float32
    (N,) is how probable a model that looked at the page finds it that each word is in a table: it brings candidates of
    its own, makes the judgement of others milder, and turns away what it finds improbable. Returns disjoint boxes;
    prose in columns, lists, tables of contents, addresses and forms give none.
    """
    regions: list[Box] = []
    for rows in _directions(words):
        up = upright(words, rulings, rows)
        likely = None if likelihood is None else np.asarray(likelihood, np.float64)[rows]
        for kind, extent in _tables_of(up, likely):
            box = _on_page(words, up, extent, frame)
            # What lines cross around cell by cell is a table, though it may have been put on the page as a picture.
            pictured = kind != "grid" and _is_picture(words, box, figures)
            if not pictured and all(box.overlap(region) <= 0 for region in regions):
                regions.append(box)
    return tuple(sorted(regions, key=lambda box: (box.y0, box.x0)))


def _directions(words: Words) -> list[Ints]:
    """Part the words of a page by the direction they run in; a few stray ones, as in a margin, make no table."""
    if len(words) < 4:
        return []
    edge = (words.quads[:, 1] - words.quads[:, 0]).astype(np.float64)
    quarter = np.round(np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) / 90).astype(int) % 4
    # A single letter's quad may be higher than wide and tells no direction: it goes with the word next to it.
    single = np.array([len(text) < 2 for text in words.texts], bool)
    if single.all():
        return [np.arange(len(words))]
    if (quarter[~single] != quarter[~single][0]).any():
        middles = words.quads.mean(axis=1)
        for i in np.flatnonzero(single):
            quarter[i] = quarter[~single][np.abs(middles[~single] - middles[i]).sum(axis=1).argmin()]
    else:
        quarter[single] = quarter[~single][0]
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


def _tables_of(up: Upright, likelihood: Floats | None = None) -> list[tuple[str, Floats]]:
    """Return the tables among upright words: what kind of candidate each was, and its extent."""
    pairs = right_neighbours(up.boxes)
    sheet = Sheet(up, texts_of(up, pairs), likelihood)
    grids, used = crossing_grids(up)
    found: list[tuple[str, Floats]] = []
    for extent in grids:
        table = table_extent(sheet, "grid", extent)
        if table is not None and all(_apart(table, other) for _, other in found):
            found.append(("grid", table))
    stacks, aligned = rule_stacks(up, used), aligned_rows(up, sheet.texts)
    candidates = [("stack", stacks), ("stack", _under_ruled_headings(stacks, aligned)), ("aligned", aligned)]
    for kind, extents in [*candidates, ("likely", likely_regions(up, likelihood))]:
        for extent in extents:
            found = _with(sheet, found, kind, extent)
    for i, (kind, table) in enumerate(found):
        taller = _headed(sheet, kind, table)
        if all(_apart(taller, other) for k, (_, other) in enumerate(found) if k != i):
            found[i] = kind, taller
    return [(kind, part) for kind, table in found for part in _unfolded(sheet, table)]


def _with(sheet: Sheet, found: list[tuple[str, Floats]], kind: str, extent: Floats) -> list[tuple[str, Floats]]:
    """Add a candidate to the tables found; with the ruled parts of the same table it becomes one."""
    touched = [one for one in found if not _apart(extent, one[1])]
    if touched:
        if kind == "stack" and any(other == "stack" for other, _ in touched):
            return found
        framed = any(other == "grid" and celled(sheet, inner) for other, inner in touched)
        most = max(_held(sheet.up, extent, inner) for _, inner in touched)
        if framed or most > 0.95 or kind == "likely":
            return found
        kind = "stack"
    table = table_extent(sheet, kind, _around([extent, *(inner for _, inner in touched)]))
    rest = [one for one in found if not any(one is other for other in touched)]
    if table is None or not all(_apart(table, other) for _, other in rest):
        return found
    return [*rest, (kind, table)]


def _under_ruled_headings(stacks: list[Floats], aligned: list[Floats]) -> list[Floats]:
    """Return aligned rows together with the ruled headings over them, where no rule closes the table."""
    found = []
    for stack in stacks:
        for rows in aligned:
            shared = min(stack[2], rows[2]) - max(stack[0], rows[0])
            if not _apart(stack, rows) and rows[3] > stack[3] and shared > 0.8 * (stack[2] - stack[0]):
                found.append(_around([stack, rows]))
    return found


def _closed(up: Upright, extent: Floats) -> bool:
    """Say whether vertical lines frame an extent on both sides."""
    long = up.down[:, 2] - up.down[:, 1] > 0.6 * (extent[3] - extent[1])
    beside = long & (up.down[:, 1] < extent[1] + 2 * up.em) & (up.down[:, 2] > extent[1] + up.em)
    return all((np.abs(up.down[beside, 0] - side) < up.em).any() for side in (extent[0], extent[2]))


def _around(extents: list[Floats]) -> Floats:
    boxes = np.array(extents)
    return np.r_[boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]


def _apart(a: Floats, b: Floats) -> bool:
    return bool(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1])


def _held(up: Upright, extent: Floats, other: Floats) -> float:
    """Return the share of an extent's words that lie in another."""
    part = up.within(*extent)
    return len(part.within(*other)) / max(len(part), 1)


def _unfolded(sheet: Sheet, extent: Floats) -> list[Floats]:
    """Part a table that was folded to save paper: the same headings stand several times beside each other."""
    grid = sheet.grid(extent)
    if grid is None or grid.rows.header != 1 or grid.shape[0] < 4:
        return [extent]
    cols, said = grid.shape[1], place_texts(grid)
    heads = [said.get((0, col), "") for col in range(cols)]
    for width in range(2, cols // 2 + 1):
        if all(heads) and cols % width == 0 and heads == heads[:width] * (cols // width) and len(set(heads)) == width:
            edges = [extent[0], *(grid.cuts[col - 1].x for col in range(width, cols, width)), extent[2]]
            figured = [row for (row, col), text in said.items() if col % width and is_number(text)]
            last = max(figured, default=grid.shape[0] - 1)  # what stands under the figures is a note on them all
            bottom = float(grid.rows.parts[last]) if last < len(grid.rows.parts) else extent[3]
            return [np.array([left, extent[1], right, bottom]) for left, right in pairwise(edges)]
    return [extent]


# -- headings over a table ----------------------------------------------------------------------------------------


def _headed(sheet: Sheet, kind: str, extent: Floats) -> Floats:
    """Take in the column headings over a table, unless a frame closes it."""
    up = sheet.up
    grid = None if _closed(up, extent) else sheet.grid(extent)
    if grid is None:
        return extent
    lefts = np.where(grid.filled, grid.left, np.inf).min(axis=0)
    taller = _grown(sheet, extent, lefts)
    over = up.within(extent[0], taller[1], taller[2], extent[1])
    filled = np.unique(np.searchsorted([cut.x for cut in grid.cuts], over.middles[:, 0]))
    return taller if kind == "aligned" or len(filled) >= max(2, 0.5 * grid.shape[1]) else extent


def _grown(sheet: Sheet, extent: Floats, lefts: Floats) -> Floats:
    """Take in the heading lines over a table's rows, and the titles of its first rows that stand between.

    `lefts` are where the columns begin.
    """
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
        if len(line) == 1 and _ends_caption(sheet, line[0], x1 - x0):
            break
        if _is_heading(sheet, line, (x0, x1), lefts):
            y0, right, titles = top, max(right, float(boxes[line, 2].max())), 0
        elif len(line) > 1 or titles > 2 or sheet.texts.prose[line[0]] or boxes[line[0], 2] > x0 + 0.6 * (x1 - x0):
            break
        else:
            titles += 1
    return np.array([x0, y0, right, y1])


def _ends_caption(sheet: Sheet, text: int, width: float) -> bool:
    """Say whether a text is the last line of a caption that was too long for the lines over it."""
    boxes, em = sheet.texts.boxes, sheet.up.em
    middle = boxes[:, [1, 3]].mean(axis=1)
    for _ in range(3):
        pitch = middle[text] - middle
        wide = boxes[:, 2] - boxes[:, 0] > 0.75 * width
        beside = (boxes[:, 0] < boxes[text, 2]) & (boxes[:, 2] > boxes[text, 0])
        above = np.flatnonzero((pitch > 0.6 * em) & (pitch < 1.7 * em) & wide & beside)
        if len(above) != 1:
            return False
        text = int(above[0])
        if _begins_caption(sheet.up.within(*boxes[text])):
            return True
    return False


def _begins_caption(words: Upright) -> bool:
    order = np.argsort(words.boxes[:, 0], kind="stable")[:2]
    first, second = [*(words.texts[i] for i in order), "", ""][:2]
    return is_caption(first, second)


def _is_heading(sheet: Sheet, line: Ints, width: tuple[float, float], lefts: Floats) -> bool:
    """Say whether a line over aligned rows holds column headings.

    They are several texts, or one set over the later columns, or so wide that they run into one, each at its column.
    """
    up, texts = sheet.up, sheet.texts
    boxes = texts.boxes[line]
    x0, x1 = width
    if texts.prose[line].any() or boxes[:, 0].min() < x0 - 2 * up.em or boxes[:, 2].max() > x1 + 0.3 * (x1 - x0):
        return False
    if (boxes[:, 3] - boxes[:, 1]).max() > 2 * up.em:
        return False  # the title of a section
    words = up.within(boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max())
    if _begins_caption(words):
        return False
    if len(line) > 1:
        return True
    bold = bool(len(words)) and bool((words.styles & BOLD).all())
    over_later = boxes[0, 0] > x0 + 0.15 * (x1 - x0) and boxes[0, 2] - boxes[0, 0] < 0.8 * (x1 - x0)
    over_all = bold and boxes[0, 2] - boxes[0, 0] > 0.6 * (x1 - x0) and texts.words[line[0]] < 9
    begins = np.abs(words.boxes[:, None, 0] - lefts) < 0.4 * up.em
    return bool(over_later or over_all or (len(lefts) > 2 and begins.any(axis=0).all()))

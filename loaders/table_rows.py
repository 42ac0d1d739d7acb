"""Where a table's rows part: at drawn lines, and between the text lines that are not the wrapping of one cell.

Upright words with their columns go in, a row for every word comes out. Text lines are first told apart by the white
between them; then each is judged against the row above it: does it go on with that row's cells, or begin anew?
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from loaders.document import BOLD
from loaders.rulings import Floats
from loaders.table_columns import columns_touched
from loaders.table_words import Bools, Ints, Upright, is_number

YEAR = re.compile(r"^\(?(1[89]|20|21)\d\d(\s*[-–/]\s*((1[89]|20)?\d\d))?[a-z*†]?\)?$")
UNFINISHED = re.compile(r"([-–/,&(]|\b(of|and|or|the|in|to|for|by|with|from|on|at|per|a|an))$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A height at which horizontal lines are drawn, and the columns they run through (bool per column)."""

    y: float
    columns: Bools
    full: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a table: a row per word, the heights where rows part, how many rows are the header, drawn levels.

    row      int (n,), the row of each word
    parts    float64 (rows - 1,), heights between rows
    header   rows that are column headings
    levels   the drawn level at each of `parts`, or None
    """

    row: Ints
    parts: Floats
    header: int
    levels: tuple[Level | None, ...]


@dataclass(slots=True)
class _Part:
    """One column's share of a line or row: its words, its last line's extent, and what it says."""

    words: list[int]
    last_col: int
    first_width: float
    last_x0: float
    last_x1: float
    text: str
    number: bool


def table_rows(up: Upright, column: Ints, edges: Floats) -> Rows:
    """Part the rows of a table.

    `column` (n,) is each word's column, `edges` (columns + 1,) the x where columns begin and end.
    """
    levels = drawn_levels(up, edges)
    lines = text_lines(up, column, levels)
    between = _levels_between(up, lines, levels)
    reach = np.maximum(column, columns_touched(up, edges[1:-1])[1])
    parts = [_parts(up, column, reach, line) for line in lines]
    header_lines = _header_lines(up, lines, parts, between, len(edges) - 1)
    joins = _Judge(up, edges, lines, parts, between, header_lines).joins()
    return _numbered(up, lines, between, joins, header_lines)


# -- drawn levels --------------------------------------------------------------------------------------------------


def drawn_levels(up: Upright, edges: Floats) -> list[Level]:
    """Return the heights of horizontal rulings that lie between words, top to bottom; underlines are left out."""
    across = up.across[~_underlines(up)]
    y = up.middles[:, 1]
    across = across[(across[:, 0] > y.min()) & (across[:, 0] < y.max())]
    levels: list[Level] = []
    widths = np.diff(edges)
    start = 0
    for stop in range(1, len(across) + 1):
        if stop < len(across) and across[stop, 0] - across[start, 0] <= 0.5 * up.em:
            continue
        group, start = across[start:stop], stop
        covered = np.zeros(len(widths))
        for _, x0, x1 in group:
            covered += np.clip(np.minimum(x1, edges[1:]) - np.maximum(x0, edges[:-1]), 0, None)
        columns = covered >= 0.5 * widths
        if columns.any():
            share = covered.sum() / max(edges[-1] - edges[0], 1e-6)
            levels.append(Level(float(group[:, 0].mean()), columns, bool(share >= 0.8 or columns.mean() >= 0.8)))
    return [level for i, level in enumerate(levels) if i == 0 or _words_between(y, levels[i - 1].y, level.y)]


def _words_between(y: Floats, top: float, bottom: float) -> bool:
    return bool(((y > top) & (y < bottom)).any())


def _underlines(up: Upright) -> Bools:
    """Say which horizontal rulings underline words: just below the words they exactly span, alone at their height."""
    found = np.zeros(len(up.across), bool)
    em = up.em
    order = np.argsort(up.boxes[:, 3], kind="stable")
    bottoms = up.boxes[order, 3]
    for i, (y, x0, x1) in enumerate(up.across):
        near = order[np.searchsorted(bottoms, y - 0.35 * em) : np.searchsorted(bottoms, y + 0.45 * em)]
        over = near[(up.boxes[near, 2] > x0 - 0.2 * em) & (up.boxes[near, 0] < x1 + 0.2 * em)]
        if not len(over):
            continue
        exact = abs(up.boxes[over, 0].min() - x0) < 0.25 * em and abs(up.boxes[over, 2].max() - x1) < 0.25 * em
        found[i] = exact and not is_number(" ".join(up.texts[k] for k in over))
    return found


# -- text lines ----------------------------------------------------------------------------------------------------


def text_lines(up: Upright, column: Ints, levels: list[Level]) -> list[Ints]:
    """Group words into lines, top to bottom: white between them in every column, or a level drawn."""
    core = _cores(up)
    middle = core.mean(axis=1)
    band = np.searchsorted([level.y for level in levels], middle)
    lines: list[Ints] = []
    for b in range(len(levels) + 1):
        rows = np.flatnonzero(band == b)
        if not len(rows):
            continue
        # A word that lies across the drawn edge of its neighbours' rows spans rows: it must not glue two lines.
        loose = np.zeros(len(rows), bool)
        for level in levels[max(b - 1, 0) : b + 1]:
            loose |= (core[rows, 0] < level.y) & (core[rows, 1] > level.y) & ~level.columns[column[rows]]
        for line in _by_white(rows, core, loose):
            lines += _unbridged(up, column, line)
    return lines


def _unbridged(up: Upright, column: Ints, line: Ints) -> list[Ints]:
    """Part two lines that hang together only by a text of another column set at half height between them."""
    middle = up.middles[line, 1]
    order = line[np.argsort(middle, kind="stable")]
    height = up.middles[order, 1]
    steps = np.flatnonzero(np.diff(height) > 0.3 * up.em) + 1
    if len(steps) < 2:
        return [line]
    groups = np.split(order, steps)
    columns = [set(column[group].tolist()) for group in groups]
    lines = [groups[0]]
    own = columns[0]
    for k in range(1, len(groups)):
        between = k + 1 < len(groups) and not columns[k] & (own | columns[k + 1]) and bool(own & columns[k + 1])
        apart = own & columns[k] and up.middles[groups[k], 1].min() - up.middles[lines[-1], 1].min() > 0.7 * up.em
        if between or not apart:
            lines[-1] = np.append(lines[-1], groups[k])
        else:
            lines.append(groups[k])
            own = columns[k]
    return lines


def _by_white(rows: Ints, core: Floats, loose: Bools) -> list[Ints]:
    fixed = rows[~loose] if (~loose).any() else rows
    order = fixed[np.argsort(core[fixed, 0], kind="stable")]
    ends = np.maximum.accumulate(core[order, 1])
    groups = [*np.split(order, np.flatnonzero(core[order[1:], 0] > ends[:-1]) + 1)]
    if len(fixed) == len(rows):
        return groups
    heights = np.array([core[group].mean() for group in groups])
    for word in rows[loose]:
        k = int(np.argmin(np.abs(heights - core[word].mean())))
        groups[k] = np.append(groups[k], word)
    return groups


def _cores(up: Upright) -> Floats:
    """Return the core heights of words; a sub- or superscript has those of the word it stands at."""
    core = up.core.copy()
    if not up.small.any() or up.small.all():
        return core
    big = np.flatnonzero(~up.small)
    for i in np.flatnonzero(up.small):
        gap = np.maximum(up.boxes[big, 0] - up.boxes[i, 2], up.boxes[i, 0] - up.boxes[big, 2])
        shared = np.minimum(up.boxes[big, 3], up.boxes[i, 3]) - np.maximum(up.boxes[big, 1], up.boxes[i, 1])
        host = big[(gap < 0.25 * up.em) & (shared > 0.3 * (up.boxes[i, 3] - up.boxes[i, 1]))]
        if len(host):
            core[i] = core[host[0]]
    return core


def _levels_between(up: Upright, lines: list[Ints], levels: list[Level]) -> list[Level | None]:
    """Return the level drawn between each line and the next, or None."""
    heights = [float(up.middles[line, 1].mean()) for line in lines]
    at = np.searchsorted(heights, [level.y for level in levels])
    between: list[Level | None] = [None] * max(len(lines) - 1, 0)
    for level, i in zip(levels, at, strict=True):
        if 0 < i < len(lines) and (between[i - 1] is None or level.full):
            between[i - 1] = level
    return between


def _parts(up: Upright, column: Ints, reach: Ints, line: Ints) -> dict[int, _Part]:
    """Return what a line says in each column."""
    parts = {}
    for k in np.unique(column[line]):
        mine = line[column[line] == k]
        parts[int(k)] = _part(up, list(mine), int(reach[mine].max()))
    return parts


def _part(up: Upright, words: list[int], last_col: int) -> _Part:
    words = reading_order(up, words)
    bottom = max(up.middles[i, 1] for i in words)
    last = [i for i in words if up.middles[i, 1] > bottom - 0.5 * up.em]
    text = " ".join(up.texts[i] for i in words)
    return _Part(
        words,
        last_col,
        float(up.boxes[words[0], 2] - up.boxes[words[0], 0]),
        float(min(up.boxes[i, 0] for i in last)),
        float(max(up.boxes[i, 2] for i in last)),
        text,
        is_number(text),
    )


def reading_order(up: Upright, words: list[int]) -> list[int]:
    """Return words of one cell line by line, each from left to right."""
    if len(words) < 2:
        return list(words)
    core = _cores_of(up, words)
    order = np.argsort(core[:, 0], kind="stable")
    ends = np.maximum.accumulate(core[order, 1])
    line = np.empty(len(words), int)
    line[order] = np.cumsum(np.r_[False, core[order[1:], 0] > ends[:-1]])
    return [words[i] for i in np.lexsort((up.boxes[words, 0], line))]


def _cores_of(up: Upright, words: list[int]) -> Floats:
    """Return core heights within one cell, where small words must not open a line of their own."""
    core = up.core[words].copy()
    small = up.small[words]
    if small.any() and not small.all():
        core[small] = up.boxes[np.array(words)[small]][:, [1, 3]]
    return core


# -- header --------------------------------------------------------------------------------------------------------


def _header_lines(
    up: Upright, lines: list[Ints], parts: list[dict[int, _Part]], between: list[Level | None], columns: int
) -> int:
    """Return how many lines at the top are column headings."""
    numeric = _numeric_columns(parts, columns)
    first = next((i for i, part in enumerate(parts) if _is_data(part, numeric)), None)
    if first is None:
        return _header_by_style(up, lines, between)
    ruled = [i + 1 for i in range(first) if (level := between[i]) is not None and level.full]
    while first > 1 and set(parts[first - 1]) == {0}:
        level = between[first - 2]
        if first in ruled and not (level is not None and level.full):
            break
        first -= 1
    first = first if first <= max(4, 0.6 * len(lines)) else 0
    if first < 2 or _firm(up, lines, between, first):
        return first
    most = max(len(part) for part in parts[:first])
    return next(i for i in range(first) if len(parts[i]) == most) + 1


def _firm(up: Upright, lines: list[Ints], between: list[Level | None], first: int) -> bool:
    """Say whether a rule under the headings, or their bold type, shows where they end."""
    level = between[first - 1]
    if level is not None and level.full:
        return True
    bold = [bool((up.styles[line] & BOLD).mean() > 0.5) for line in lines]
    return all(bold[:first]) and not all(bold[first:])


def _numeric_columns(parts: list[dict[int, _Part]], columns: int) -> Bools:
    """Say which columns, the first apart, hold figures more often than not."""
    filled, figures = np.zeros(columns), np.zeros(columns)
    for part in parts:
        for k, cell in part.items():
            filled[k] += 1
            figures[k] += cell.number
    numeric = figures > 0.5 * filled
    numeric[0] = False
    return numeric


def _is_data(part: dict[int, _Part], numeric: Bools) -> bool:
    """Say whether a line holds figures where its table holds figures; a row of years is a heading."""
    cells = [cell for k, cell in part.items() if numeric[k]]
    figures = [cell.text for cell in cells if cell.number]
    if not figures or len(figures) < 0.5 * len(cells):
        return False
    return not all(YEAR.match(text) for text in figures)


def _header_by_style(up: Upright, lines: list[Ints], between: list[Level | None]) -> int:
    """Count heading lines of a table without figures: above its one first rule, or in bold, else the first line."""
    full = [i + 1 for i, level in enumerate(between) if level is not None and level.full]
    if full and full[0] <= max(1, 0.4 * len(lines)):
        return full[0]
    bold = [bool((up.styles[line] & BOLD).mean() > 0.5) for line in lines]
    count = next((i for i, b in enumerate(bold) if not b), 0)
    return count if 0 < count <= 0.5 * len(lines) else min(1, len(lines) - 1)


# -- joining lines to rows -----------------------------------------------------------------------------------------


class _Judge:
    """Judges which text lines go on with the row above them."""

    def __init__(
        self,
        up: Upright,
        edges: Floats,
        lines: list[Ints],
        parts: list[dict[int, _Part]],
        between: list[Level | None],
        header: int,
    ) -> None:
        self.up, self.lines, self.parts, self.between, self.header = up, lines, parts, between, header
        self.columns = len(edges) - 1
        self.pitch = self._pitches()
        free = np.array([level is None for level in between], bool)
        self.tight = _tight_pitch(self.pitch[free])
        self.rarely_tight = self.tight is not None and (self.pitch[free] < self.tight).mean() < 0.6
        self.usual = self._usual_pitch()
        self.left, self.right = self._extents()
        self.full_rows = float(np.median([len(part) for part in parts]))
        self.small = self._small_starts()
        self.solid = self._solid_bands()

    def _extents(self) -> tuple[Floats, Floats]:
        left, right = np.full(self.columns, np.inf), np.full(self.columns, -np.inf)
        for part in self.parts:
            for k, cell in part.items():
                left[k] = min(left[k], min(self.up.boxes[i, 0] for i in cell.words))
                right[k] = max(right[k], max(self.up.boxes[i, 2] for i in cell.words))
        return left, right

    def _pitches(self) -> Floats:
        """Return the distance (em) of each line to the next, within the columns that both fill."""
        core = _cores(self.up)
        pitches = []
        for above, below in zip(self.parts[:-1], self.parts[1:], strict=True):
            shared = [k for k in below if k in above]
            upper = [(above[k].words, below[k].words) for k in shared] or [
                ([i for cell in above.values() for i in cell.words], [i for cell in below.values() for i in cell.words])
            ]
            pitches.append(min(core[low, 0].min() - core[high, 1].max() for high, low in upper))
        return np.array(pitches) / self.up.em + 0.5

    def _usual_pitch(self) -> float:
        """Return the middle distance (em) of one line of a column to the next."""
        last: dict[int, float] = {}
        steps = []
        for line, part in zip(self.lines, self.parts, strict=True):
            y = float(self.up.middles[line, 1].mean())
            steps += [y - last[k] for k in part if k in last]
            last.update(dict.fromkeys(part, y))
        return float(np.median(steps)) / self.up.em if steps else 1.2

    def _small_starts(self) -> Floats:
        """Return for each column the share of lines that begin with a small letter."""
        small, count = np.zeros(self.columns), np.ones(self.columns)
        for part in self.parts:
            for k, cell in part.items():
                small[k] += cell.text[:1].islower()
                count[k] += 1
        return small / count

    def _solid_bands(self) -> Bools:
        """Say of each line whether the drawn lines around it enclose one row.

        They do in a table ruled into cells or row by row, where no two lines between them hold figures in one column.
        """
        band = np.cumsum([0, *(level is not None for level in self.between)])
        height = float(np.ptp(self.up.boxes[:, [1, 3]])) or 1.0
        down = self.up.down[:, 2] - self.up.down[:, 1]
        celled = bool(len(down) and down.max() >= 0.6 * height)
        clash = np.zeros(band[-1] + 1, bool)
        for i in range(len(self.between)):
            above, below = self.parts[i], self.parts[i + 1]
            if self.between[i] is None and (self._clashes(above, below) or self._headed(above, below)):
                clash[band[i]] = True
        if celled and band[-1] >= 1:
            return ~clash[band]
        # Ruled row by row, not just under the header and at the end: the bands are many and none is most of the table.
        size = np.bincount(band)
        full = sum(level is not None and level.full for level in self.between)
        alike = size <= max(3, 2 * float(np.median(size)))
        return (full >= 3) & alike[band] & ~clash[band]

    def _new_in_cell_row(self, i: int, row: dict[int, _Part], below: dict[int, _Part]) -> bool:
        """Say whether a new row begins between drawn lines all the same: figures under headings, or clear white."""
        if i + 1 == self.header and len(below) >= len(row) >= 2:
            return all(below[k].number and not row[k].number for k in below if k > 0 and k in row)
        apart = self.tight is not None and self.pitch[i] > max(self.tight, 1.6)
        return apart and len(below) == self.columns and len(row) >= 2

    @staticmethod
    def _clashes(row: dict[int, _Part], below: dict[int, _Part]) -> int:
        """Count the columns that hold a figure in both."""
        return sum(row[k].number and below[k].number for k in below if k in row and (k > 0 or len(row) > 1))

    def joins(self) -> list[bool]:
        """Say of each line after the first whether it belongs to the row above it."""
        joins: list[bool] = []
        row = dict(self.parts[0]) if self.parts else {}
        for i in range(len(self.lines) - 1):
            below = self.parts[i + 1]
            join = self._score(i, row, below) > 0 if self.between[i] is None else False
            joins.append(join)
            row = {**row, **{k: self._longer(row.get(k), cell) for k, cell in below.items()}} if join else dict(below)
        return joins

    @staticmethod
    def _longer(above: _Part | None, cell: _Part) -> _Part:
        if above is None:
            return cell
        return _Part(
            above.words + cell.words,
            max(above.last_col, cell.last_col),
            above.first_width,
            cell.last_x0,
            cell.last_x1,
            f"{above.text} {cell.text}",
            above.number and cell.number,
        )

    def _score(self, i: int, row: dict[int, _Part], below: dict[int, _Part]) -> float:
        """Weigh whether line i + 1 goes on with the row that ends in line i: above 0 it does."""
        if self.pitch[i] < min(0.95, 0.75 * self.usual) or (
            self.pitch[i] < 0.65 * self.usual and not set(row) & set(below)
        ):
            return 1.0  # nearer than two lines of one text can be: they stand beside each other
        if self.solid[i]:
            return -1.0 if self._new_in_cell_row(i, row, below) else 1.0
        if i + 1 == self.header:
            return -1.0
        score = self._pitch_score(self.pitch[i])
        if i + 1 < self.header:
            return score + self._header_score(row, below)
        shared = [k for k in below if k in row]
        fresh = [k for k in below if k not in row]
        if clashes := self._clashes(row, below):
            return score - 3.0 * clashes
        texts = [k for k in shared if not (row[k].number or below[k].number)]
        if texts:
            wraps = [self._wraps(k, row[k], below[k]) for k in texts]
            score += float(np.mean(wraps) + min(wraps)) / 2
            score -= 0.5 * (len(texts) - 1)  # that texts break off in several columns at once is rare
        score -= 0.7 * (len(shared) - len(texts))
        if any(self._bold(row[k].words[-1]) != self._bold(below[k].words[0]) for k in shared):
            score -= 0.8
        if fresh:
            only_label = set(row) == {0} and 0 in below
            score -= 0.8 if only_label else (2.0 if 0 in fresh else 0.7)
        if len(below) < len(row) and 0 not in below and 0 in row:
            score += 0.8
        elif len(below) < len(row):
            score += 0.3
        return score

    def _bold(self, word: int) -> bool:
        return bool(self.up.styles[word] & BOLD)

    def _pitch_score(self, pitch: float) -> float:
        if self.tight is not None:
            return (0.7 if self.rarely_tight else 0.2) if pitch < self.tight else -1.6
        return -1.0 if pitch > 1.7 else 0.0

    def _header_score(self, row: dict[int, _Part], below: dict[int, _Part]) -> float:
        return -3.0 if self._headed(row, below) else 0.8

    @staticmethod
    def _headed(row: dict[int, _Part], below: dict[int, _Part]) -> bool:
        """Say whether a text of a row runs across columns that the line below fills one by one."""
        for k, cell in row.items():
            under = [b for b in below if k <= b <= cell.last_col]
            if len(under) > 1 and all(below[b].last_col == b for b in under):
                return True
        return False

    def _wraps(self, k: int, above: _Part, below: _Part) -> float:
        """Weigh whether a text goes on in the next line: its first word did not fit, it starts small, it is cut off."""
        em = self.up.em
        room = self.right[k] - max(above.last_x1, self.left[k] + above.last_x1 - above.last_x0)
        full = below.first_width + 0.25 * em > room - 0.2 * em
        score = 0.3 if full else -1.2
        if below.text[:1].islower() and self.small[k] < 0.4:
            score += 1.2
        if UNFINISHED.search(above.text):
            score += 0.6
        if above.text.endswith((":", ".")):
            score -= 0.6
        return score


def _tight_pitch(pitches: Floats) -> float | None:
    """Return the pitch below which lines belong together, where two pitches are told apart clearly; else None."""
    values = np.sort(pitches[pitches > 0.3])
    if len(values) < 3:
        return None
    ratio = values[1:] / values[:-1]
    ratio[values[:-1] > 1.75] = 0
    if not len(ratio):
        return None
    best = int(np.argmax(ratio))
    return float(np.sqrt(values[best] * values[best + 1])) if ratio[best] >= 1.18 else None


def _numbered(
    up: Upright, lines: list[Ints], between: list[Level | None], joins: list[bool], header_lines: int
) -> Rows:
    row = np.zeros(len(up), int)
    parts: list[float] = []
    levels: list[Level | None] = []
    current, header = 0, 1 if header_lines else 0
    for i, line in enumerate(lines):
        if i and not joins[i - 1]:
            current += 1
            level = between[i - 1]
            levels.append(level)
            gap = (np.median(up.middles[lines[i - 1], 1]) + np.median(up.middles[line, 1])) / 2
            parts.append(level.y if level is not None else float(gap))
            header += i < header_lines
        row[line] = current
    return Rows(row, np.array(parts), min(header, current), tuple(levels))

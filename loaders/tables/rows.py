"""Where a table's rows part: at drawn lines, and between the text lines that are not the wrapping of one cell.

Upright words with their columns go in, a row for every word comes out. Each text line is judged against the row above
it: does it go on with that row's cells, or begin anew?
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from loaders.document import BOLD
from loaders.rulings import Floats
from loaders.tables.header import header_lines
from loaders.tables.lines import Level, Lines, Part, cores
from loaders.tables.words import Bools, Ints, Upright

UNFINISHED = re.compile(r"([-–/,&(]|\b(of|and|or|the|in|to|for|by|with|from|on|at|per|a|an))$", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True, eq=False)
class JudgedLines:
    """The text lines of a table, how many of them head the columns, and which go on with the row above them.

    joins    one for each line after the first
    """

    lines: Lines
    header: int
    joins: list[bool]


def judged_lines(up: Upright, columns: int, lines: Lines, header: int | None = None) -> JudgedLines:
    """Judge which text lines of a table of so many columns make one row, and, unless it is known, which head it."""
    header = header_lines(up, lines, columns) if header is None else header
    return JudgedLines(lines, header, _Judge(up, columns, lines, header).joins())


class _Judge:
    """Judges which text lines go on with the row above them."""

    def __init__(self, up: Upright, columns: int, lines: Lines, header: int) -> None:
        self.up, self.columns, self.header = up, columns, header
        self.lines, self.parts, self.between = lines.words, lines.parts, lines.between
        self.pitch = self._pitches()
        free = np.array([level is None for level in self.between], bool)
        self.tight = _tight_pitch(self.pitch[free])
        self.rarely_tight = self.tight is not None and (self.pitch[free] < self.tight).mean() < 0.6
        self.usual = self._usual_pitch()
        self.left, self.right = self._extents()
        self.small = self._small_starts()
        self.solid = self._solid_bands()

    def _extents(self) -> tuple[Floats, Floats]:
        left, right = np.full(self.columns, np.inf), np.full(self.columns, -np.inf)
        for k in range(self.columns):
            words = [i for part in self.parts if k in part for i in part[k].words]
            if words:
                left[k], right[k] = self.up.boxes[words, 0].min(), self.up.boxes[words, 2].max()
        return left, right

    def _pitches(self) -> Floats:
        """Return the distance (em) of each line to the next, within the columns that both fill."""
        top, bottom = cores(self.up).T.tolist()
        starts = [{k: min(top[i] for i in cell.words) for k, cell in part.items()} for part in self.parts]
        ends = [{k: max(bottom[i] for i in cell.words) for k, cell in part.items()} for part in self.parts]
        pitches = []
        for above, below in zip(ends[:-1], starts[1:], strict=True):
            shared = [below[k] - above[k] for k in below if k in above]
            pitches.append(min(shared) if shared else min(below.values()) - max(above.values()))
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
        starts = np.flatnonzero(np.r_[True, np.diff(band) > 0])
        for b, (start, stop) in enumerate(pairwise([*starts.tolist(), len(band)])):
            clash[b] = self._holds_rows(self.parts[start:stop])
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

    def _new_in_cell_row(self, i: int, row: dict[int, Part], below: dict[int, Part]) -> bool:
        """Say whether a new row begins between drawn lines all the same: figures under headings, or clear white."""
        if i + 1 == self.header and len(below) >= len(row) >= 2:
            return all(below[k].number and not row[k].number for k in below if k > 0 and k in row)
        apart = self.tight is not None and self.pitch[i] > max(self.tight, 1.6)
        return apart and len(below) == self.columns and len(row) >= 2

    @staticmethod
    def _holds_rows(parts: list[dict[int, Part]]) -> bool:
        """Say whether a column of figures, in a band that holds mostly such, has two; a label's lines may part them."""
        beyond = [(k, cell.number) for part in parts for k, cell in part.items() if k > 0]
        columns = [k for k, number in beyond if number]
        return len(columns) > len(set(columns)) and 2 * len(columns) >= len(beyond)

    @staticmethod
    def _clashes(row: dict[int, Part], below: dict[int, Part]) -> int:
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
    def _longer(above: Part | None, cell: Part) -> Part:
        if above is None:
            return cell
        return Part(
            above.words + cell.words,
            max(above.last_col, cell.last_col),
            above.first_width,
            cell.last_x0,
            cell.last_x1,
            f"{above.text} {cell.text}",
            above.number and cell.number,
        )

    def _score(self, i: int, row: dict[int, Part], below: dict[int, Part]) -> float:
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

    def _header_score(self, row: dict[int, Part], below: dict[int, Part]) -> float:
        return -3.0 if self._headed(row, below) or self._between_columns(row, below) else 0.8

    def _between_columns(self, row: dict[int, Part], below: dict[int, Part]) -> bool:
        """Say whether the texts of a row stand between the columns below rather than over them."""
        shared = [(row[k], below[k]) for k in below if k in row]
        if len(row) >= len(below) or not shared:
            return False
        near = 0.6 * self.up.em
        return not any(
            abs(a.last_x0 - b.last_x0) < near
            or abs(a.last_x1 - b.last_x1) < near
            or abs(a.last_x0 + a.last_x1 - b.last_x0 - b.last_x1) < 2 * near
            for a, b in shared
        )

    @staticmethod
    def _headed(row: dict[int, Part], below: dict[int, Part]) -> bool:
        """Say whether a text of a row runs across columns that the line below fills one by one."""
        for k, cell in row.items():
            under = [b for b in below if k <= b <= cell.last_col]
            if len(under) > 1 and all(below[b].last_col == b for b in under):
                return True
        return False

    def _wraps(self, k: int, above: Part, below: Part) -> float:
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


def rows_of(up: Upright, judged: JudgedLines) -> Rows:
    """Give every word its row."""
    lines, joins = judged.lines, judged.joins
    row = np.zeros(len(up), int)
    parts: list[float] = []
    levels: list[Level | None] = []
    current, header = 0, 1 if judged.header else 0
    middle = [median(up.middles[line, 1].tolist()) for line in lines.words]
    for i, line in enumerate(lines.words):
        if i and not joins[i - 1]:
            current += 1
            level = lines.between[i - 1]
            levels.append(level)
            parts.append(level.y if level is not None else (middle[i - 1] + middle[i]) / 2)
            header += i < judged.header
        row[line] = current
    return Rows(row, np.array(parts), min(header, current), tuple(levels))

"""A table before it is set: what each cell says and covers, what heads it, where groups and totals are.

A style writes a Draft; `looks` makes markup of it, `truth` its structure. Rows are filled as those of HTML are: an
entry takes the next place that no entry of a row above reaches down to, so that a draft cannot contradict itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from loaders.errors import UsageError

Kind = Literal["label", "figure", "words", "mark"]
"""What a column holds below its heading."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell: its text and how it is set.

    before, after   a sign at the left edge of the cell, and one close behind the text: they belong to the cell
    indent          em
    leaders         dots from the text to the cell's right edge
    raised          a footnote mark, set high behind the text
    """

    text: str = ""
    rows: int = 1
    cols: int = 1
    bold: bool = False
    italic: bool = False
    align: Literal["", "left", "center", "right"] = ""
    indent: float = 0.0
    before: str = ""
    after: str = ""
    raised: str = ""
    leaders: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry and the place of its upper left corner."""

    row: int
    col: int
    entry: Entry

    @property
    def bottom(self) -> int:
        """The row under it."""
        return self.row + self.entry.rows

    @property
    def right(self) -> int:
        """The column beside it."""
        return self.col + self.entry.cols


@dataclass(slots=True)
class Draft:
    """A table to be.

    kinds         what each column holds
    header_rows, header_cols   how many head the columns, and the rows
    widths        shares of the width; each column as wide as its text where empty
    breaks        rows before which a group begins
    totals        rows that sum up
    looks         names of looks it is seen in (looks.py), any where empty
    """

    kinds: Sequence[Kind]
    header_rows: int = 1
    header_cols: int = 1
    widths: tuple[float, ...] = ()
    breaks: set[int] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)
    looks: tuple[str, ...] = ()
    rows: list[list[Entry]] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return len(self.kinds)

    def add(self, *entries: Entry | str, bold: bool = False) -> None:
        """Add a row; texts stand for plain entries, "" for an empty cell."""
        made = [Entry(one, bold=bold) if isinstance(one, str) else one for one in entries]
        self.rows.append(made)

    def head(self, *entries: Entry | str, align: Literal["", "left", "center", "right"] = "") -> None:
        """Add a row of headings."""
        self.add(*(Entry(one, align=align) if isinstance(one, str) else one for one in entries))

    def section(self, text: str, *, whole: bool, bold: bool = True, centred: bool = False) -> None:
        """Add a row that names a group: over all columns, or in the first with empty cells beside it."""
        self.breaks.add(len(self.rows))
        entry = Entry(text, cols=self.columns if whole else 1, bold=bold, align="center" if centred else "left")
        self.add(entry, *[""] * (0 if whole else self.columns - 1))

    def placed(self) -> list[Placed]:
        """Return every entry with its place, row by row. Raises UsageError where they leave holes or overlap."""
        taken: set[tuple[int, int]] = set()
        found = []
        for row, entries in enumerate(self.rows):
            col = 0
            for entry in entries:
                while (row, col) in taken:
                    col += 1
                places = {(r, c) for r in range(row, row + entry.rows) for c in range(col, col + entry.cols)}
                if places & taken or col + entry.cols > self.columns or row + entry.rows > len(self.rows):
                    raise UsageError(f"row {row}: {entry.text!r} has no room at column {col}")
                taken |= places
                found.append(Placed(row, col, entry))
        if len(taken) != len(self.rows) * self.columns:
            raise UsageError(f"{len(self.rows) * self.columns - len(taken)} places of the table have no entry")
        return found

"""How many lines at the top of a table are column headings.

Told by what the lines below them hold (figures), by the rule under them, and by bold type.
"""

from __future__ import annotations

import re

import numpy as np

from loaders.document import BOLD
from loaders.tables.lines import Lines, Part
from loaders.tables.words import Bools, Upright

YEAR = re.compile(r"^\(?(1[89]|20|21)\d\d(\s*[-–/]\s*((1[89]|20)?\d\d))?[a-z*†]?\)?$")


def header_lines(up: Upright, lines: Lines, columns: int) -> int:
    """Return how many lines at the top are column headings."""
    parts, between = lines.parts, lines.between
    numeric = _numeric_columns(parts, columns)
    first = next((i for i, part in enumerate(parts) if _is_data(part, numeric)), None)
    if first is None:
        return _header_by_style(up, lines)
    ruled = [i + 1 for i in range(first) if (level := between[i]) is not None and level.full]
    while first > 1 and set(parts[first - 1]) == {0}:
        level = between[first - 2]
        if first in ruled and not (level is not None and level.full):
            break
        first -= 1
    first = first if first <= max(4, 0.6 * len(lines)) else 0
    if first < 2 or _firm(up, lines, first):
        return first
    most = max(len(part) for part in parts[:first])
    return next(i for i in range(first) if len(parts[i]) == most) + 1


def _firm(up: Upright, lines: Lines, first: int) -> bool:
    """Say whether a rule under the headings, or their bold type, shows where they end."""
    level = lines.between[first - 1]
    if level is not None and level.full:
        return True
    bold = [bool((up.styles[line] & BOLD).mean() > 0.5) for line in lines.words]
    return all(bold[:first]) and not all(bold[first:])


def _numeric_columns(parts: list[dict[int, Part]], columns: int) -> Bools:
    """Say which columns, the first apart, hold figures more often than not."""
    filled, figures = np.zeros(columns), np.zeros(columns)
    for part in parts:
        for k, cell in part.items():
            filled[k] += 1
            figures[k] += cell.number
    numeric = figures > 0.5 * filled
    numeric[0] = False
    return numeric


def _is_data(part: dict[int, Part], numeric: Bools) -> bool:
    """Say whether a line holds figures where its table holds figures; a row of years is a heading."""
    cells = [cell for k, cell in part.items() if numeric[k]]
    figures = [cell.text for cell in cells if cell.number]
    if not figures or len(figures) < 0.5 * len(cells):
        return False
    return not all(YEAR.match(text) for text in figures)


def _header_by_style(up: Upright, lines: Lines) -> int:
    """Count heading lines of a table without figures: above its one first rule, or in bold, else the first line."""
    full = [i + 1 for i, level in enumerate(lines.between) if level is not None and level.full]
    if full and full[0] <= max(1, 0.4 * len(lines)):
        return full[0]
    bold = [bool((up.styles[line] & BOLD).mean() > 0.5) for line in lines.words]
    count = next((i for i, b in enumerate(bold) if not b), 0)
    return count if 0 < count <= 0.5 * len(lines) else min(1, len(lines) - 1)

"""Rules about a page, with the meaning they have in olmOCR-bench: present, absent, order and table.

Comes in: a rule and the page as Markdown or text. Goes out: passed or not; None for `math`, which takes a renderer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ingest.evaluate.extra import needed
from ingest.evaluate.markdown import with_html_tables
from ingest.evaluate.records import Rule
from ingest.evaluate.table_metrics import table_trees
from ingest.evaluate.trees import Node

Place = tuple[int, int]
_MARKUP = re.compile(r"</?[bi]>")
_STRONG = re.compile(r"(\*\*|__)(.*?)\1")
_EMPHASIS = re.compile(r"(\*|_)(.*?)\1")
_PLAIN = str.maketrans("‘’‚“”„＿–—‑‒−µ", "'''\"\"\"_-----μ")
LOWEST_CELL_LIKENESS = 0.5
_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def plain(text: str) -> str:
    """Return a text as the rules compare it: no bold or italics, one blank for white space, NFC, straight marks."""
    text = _MARKUP.sub("", re.sub(r"<br/?>", " ", text))
    text = _EMPHASIS.sub(r"\2", _STRONG.sub(r"\2", text))
    return unicodedata.normalize("NFC", " ".join(text.split())).translate(_PLAIN)


def is_present(rule: Rule, content: str) -> bool:
    """Say whether the rule's text stands in the content, up to `max_diffs` differences, within first_n and last_n."""
    wanted, text = plain(rule.text), plain(content)
    if not rule.case_sensitive:
        wanted, text = wanted.lower(), text.lower()
    if rule.first_n or rule.last_n:
        text = text[: rule.first_n or 0] + (text[-rule.last_n :] if rule.last_n else "")
    if len(text) < len(wanted) - rule.max_diffs:
        return False
    likeness = needed("rapidfuzz.fuzz").partial_ratio(wanted, text) / 100.0
    return bool(likeness >= 1.0 - rule.max_diffs / max(1, len(wanted)))


def near_matches(wanted: str, text: str, max_diffs: int) -> list[tuple[int, int]]:
    """Return (start, end) of every place where the text differs from `wanted` by at most `max_diffs` edits.

    Sellers' algorithm; with differences allowed, neighbouring ends of one place are all returned.
    """
    if not max_diffs:
        return [(found.start(), found.start() + len(wanted)) for found in re.finditer(f"(?={re.escape(wanted)})", text)]
    costs, starts = list(range(len(wanted) + 1)), [0] * (len(wanted) + 1)
    places: list[tuple[int, int]] = []
    for end, character in enumerate(text, 1):
        above, above_start = costs[0], starts[0]
        costs[0], starts[0] = 0, end
        for i, letter in enumerate(wanted, 1):
            options = (
                (above + (letter != character), above_start),
                (costs[i] + 1, starts[i]),
                (costs[i - 1] + 1, starts[i - 1]),
            )
            above, above_start = costs[i], starts[i]
            costs[i], starts[i] = min(options)
        if costs[-1] <= max_diffs:
            places.append((starts[-1], end))
    return places


def in_order(rule: Rule, content: str) -> bool:
    """Say whether some place of `before` starts ahead of some place of `after`."""
    text = plain(content)
    before = near_matches(plain(rule.before), text, rule.max_diffs)
    after = near_matches(plain(rule.after), text, rule.max_diffs)
    return bool(before and after) and min(start for start, _ in before) < max(start for start, _ in after)


class Grid:
    """A table laid out: which cell covers each (row, col), so that neighbours can be asked for."""

    def __init__(self, table: Node) -> None:
        self.cells: dict[Place, Node] = {}
        self.owner: dict[Place, Place] = {}
        for row, line in enumerate(table.children):
            col = 0
            for cell in line.children:
                while (row, col) in self.owner:
                    col += 1
                self.cells[row, col] = cell
                rowspan, colspan = cell.spans
                for place in ((r, c) for r in range(row, row + rowspan) for c in range(col, col + colspan)):
                    self.owner.setdefault(place, (row, col))
                col += colspan
        self.height = max((row for row, _ in self.owner), default=-1) + 1
        self.width = max((col for _, col in self.owner), default=-1) + 1

    def beside(self, at: Place, step: Place) -> set[Place]:
        """Return the cells met first in a direction, from every row or column the cell covers."""
        met: set[Place] = set()
        for place in [place for place, owner in self.owner.items() if owner == at]:
            row, col = place
            while 0 <= row < self.height and 0 <= col < self.width:
                row, col = row + step[0], col + step[1]
                owner = self.owner.get((row, col))
                if owner is not None and owner != at:
                    met.add(owner)
                    break
        return met

    def headings(self, at: Place, step: Place) -> set[Place]:
        """Return the header cells in a direction; where there are none, the outermost cells."""
        seen, todo, outermost = {at}, [at], set()
        while todo:
            here = todo.pop()
            beyond = self.beside(here, step)
            outermost |= set() if beyond else {here}
            todo += beyond - seen
            seen |= beyond
        marked = {place for place in seen if self.cells[place].tag == "th"}
        return (marked - {at}) or (outermost - {at})

    def related(self, at: Place, relation: str) -> set[Place]:
        """Return the cells in the relation (up, down, left, right, top_heading, left_heading) to a cell."""
        if relation in _STEPS:
            return self.beside(at, _STEPS[relation])
        return self.headings(at, _STEPS["up" if relation == "top_heading" else "left"])


def _is_like(wanted: str, text: str, max_diffs: int) -> bool:
    least = max(LOWEST_CELL_LIKENESS, 1.0 - max_diffs / max(1, len(wanted)))
    return bool(needed("rapidfuzz.fuzz").ratio(wanted, plain(text)) / 100.0 >= least)


def _grids(content: str) -> Iterator[Grid]:
    for table in table_trees(with_html_tables(content), headers=True):
        yield Grid(table)


def has_cell(rule: Rule, content: str) -> bool:
    """Say whether some table holds the cell, with all the neighbours the rule names."""
    wanted = plain(rule.cell)
    neighbours = [(relation, plain(text)) for relation, text in rule.neighbours]
    for grid in _grids(content):
        for at in [place for place, cell in grid.cells.items() if _is_like(wanted, cell.text, rule.max_diffs)]:
            if all(
                any(_is_like(text, grid.cells[place].text, rule.max_diffs) for place in grid.related(at, relation))
                for relation, text in neighbours
            ):
                return True
    return False


def check_rule(rule: Rule, content: str) -> bool | None:
    """Say whether a page passes a rule; None for a kind that is not checked here (math)."""
    if rule.kind == "present":
        return is_present(rule, content)
    if rule.kind == "absent":
        return not is_present(rule, content)
    if rule.kind == "order":
        return in_order(rule, content)
    if rule.kind == "table":
        return has_cell(rule, content)
    return None


def rule_pass_rate(rules: Sequence[Rule], content: str | None) -> float | None:
    """Return the share of the checkable rules that pass; None where there are none.

    A page that failed (None) passes nothing, not even what it must not contain.
    """
    results = [check_rule(rule, content or "") for rule in rules]
    checked = [result for result in results if result is not None]
    if not checked:
        return None
    return 0.0 if content is None else sum(checked) / len(checked)

"""How well a table was read: TEDS with and without its text.

Comes in: HTML, the truth's and the prediction's. Both are flattened the same way before they are compared (SCHEMA of
the packs): `<table><tr><td rowspan colspan>text`, no thead, tbody or th, no inline markup, blanks collapsed.
Source of TEDS: Zhong, ShafieiBavani and Jimeno Yepes, "Image-based table recognition: data, model, and evaluation"
(PubTabNet), ECCV 2020.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

from ingest.evaluate.boxes import overlaps
from ingest.evaluate.normalise import normalise
from ingest.evaluate.records import TableItem
from ingest.evaluate.trees import Node, edit_distance
from loaders.geometry import XYXY

_BREAKS = re.compile(r"<br\s*/?>", re.IGNORECASE)
_PARTING = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "td", "th", "table"})


class _TableReader(HTMLParser):
    """Collects the outermost tables of a piece of HTML; a table inside a cell becomes text of that cell."""

    def __init__(self, headers: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.headers = headers
        self.tables: list[Node] = []
        self.depth = 0
        self.in_head = False
        self.tag = "td"
        self.rows: list[list[Node]] = []
        self.spans: tuple[int, int] | None = None
        self.text: list[str] = []

    def close_cell(self) -> None:
        if self.spans is not None:
            text = " ".join(_BREAKS.sub(" ", "".join(self.text)).split())
            if not self.rows:
                self.rows.append([])
            self.rows[-1].append(Node(self.tag, text, self.spans))
        self.spans, self.text = None, []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _PARTING:
            self.text.append(" ")
        if tag == "table":
            self.depth += 1
        if self.depth != 1:
            return
        if tag in ("thead", "tbody"):
            self.in_head = tag == "thead"
        elif tag == "tr":
            self.close_cell()
            self.rows.append([])
        elif tag in ("td", "th"):
            self.close_cell()
            given = dict(attrs)
            self.tag = "th" if self.headers and (tag == "th" or self.in_head) else "td"
            self.spans = (_span(given.get("rowspan")), _span(given.get("colspan")))

    def handle_endtag(self, tag: str) -> None:
        if tag in _PARTING:
            self.text.append(" ")
        if self.depth == 1 and tag in ("td", "th", "tr", "table"):
            self.close_cell()
        if self.depth == 1 and tag == "thead":
            self.in_head = False
        if tag == "table" and self.depth:
            self.depth -= 1
            if not self.depth:
                self.close_table()

    def handle_data(self, data: str) -> None:
        if self.spans is not None:
            self.text.append(data)

    def close_table(self) -> None:
        self.tables.append(Node("table", children=tuple(Node("tr", children=tuple(row)) for row in self.rows)))
        self.rows, self.in_head = [], False

    def close(self) -> None:
        super().close()
        if self.depth:
            # The markup stops inside a table: what there is of it counts.
            self.close_cell()
            self.close_table()
            self.depth = 0


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    return max(1, int(digits)) if digits.isdecimal() else 1


def table_trees(html: str, *, headers: bool = False) -> tuple[Node, ...]:
    """Return every outermost table of a piece of HTML, flattened, as a tree table > tr > td.

    With `headers` the cells of header rows, and those marked up as headers, are th.
    """
    reader = _TableReader(headers)
    reader.feed(html)
    reader.close()
    return tuple(reader.tables)


def _cell_html(cell: Node) -> str:
    spans = zip(("rowspan", "colspan"), cell.spans, strict=True)
    attributes = "".join(f' {name}="{span}"' for name, span in spans if span > 1)
    return f"<td{attributes}>{escape(cell.text, quote=False)}</td>"


def flatten(html: str) -> str:
    """Return the tables of a piece of HTML in canonical form, everything else left out."""
    return "".join(
        "<table>"
        + "".join("<tr>" + "".join(_cell_html(cell) for cell in row.children) + "</tr>" for row in table.children)
        + "</table>"
        for table in table_trees(html)
    )


def tree_similarity(truth: Node, predicted: Node, *, structure_only: bool = False) -> float:
    """Return 1 - edit distance / nodes of the larger tree (the root not counted, as published), not below 0."""
    nodes = max(truth.descendants, predicted.descendants)
    if not nodes:
        return 1.0
    return max(0.0, 1.0 - edit_distance(truth, predicted, with_text=not structure_only) / nodes)


def _with_text(node: Node, change: Callable[[str], str]) -> Node:
    children = tuple(_with_text(child, change) for child in node.children)
    return Node(node.tag, change(node.text) if node.text else "", node.spans, children)


def teds(
    truth: str, predicted: str | None, *, structure_only: bool = False, change: Callable[[str], str] | None = None
) -> float:
    """Return the tree-edit-distance similarity of two tables in HTML, 0-1; 0 where either side holds no table.

    Only the first table of each side counts. `structure_only` leaves the text out (TEDS-struct); `change` is applied
    to every cell's text on both sides first (none, as published).
    """
    sides = [table_trees(html or "") for html in (truth, predicted)]
    if not all(sides):
        return 0.0
    first, second = (_with_text(side[0], change) if change else side[0] for side in sides)
    return tree_similarity(first, second, structure_only=structure_only)


@dataclass(frozen=True, slots=True)
class PredictedTable:
    """A table found on a page: its HTML, and its box in the truth's `table_box_units` where known."""

    html: str
    box: XYXY | None = None


def pick_table(item: TableItem, found: Sequence[PredictedTable]) -> PredictedTable | None:
    """Return the table found on the page that is the item's: the largest overlap (IoU), None where nothing overlaps.

    Where boxes are unknown on either side, the table closest in structure is taken: kinder than an overlap.
    """
    boxes = [table.box for table in found if table.box is not None]
    if found and item.table_box is not None and len(boxes) == len(found):
        shared = overlaps([item.table_box], boxes)[0]
        best = int(shared.argmax())
        return found[best] if shared[best] > 0 else None
    return max(found, key=lambda table: teds(item.html, table.html, structure_only=True), default=None)


def table_scores(item: TableItem, html: str | None) -> dict[str, float]:
    """Score one table, the best over the accepted annotations; None stands for no table found, or a failure.

    Cell texts are normalised on both sides as everywhere (normalise.py): quotes, hyphens, compatibility characters.
    """
    accepted = (item.html, *item.html_alt)
    return {
        "teds": max(teds(one, html, change=normalise) for one in accepted),
        "teds_struct": max(teds(one, html, structure_only=True) for one in accepted),
    }

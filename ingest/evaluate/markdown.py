"""What Markdown says of a page: its tables and its headings.

The rules are those of opendataloader-bench, so that scores can be laid beside its published ones: pipe tables become
HTML tables, every heading level is one level, text between headings is one node.
"""

from __future__ import annotations

import re
from html import escape

from ingest.evaluate.trees import Node

_HEADING = re.compile(r"#{1,6}\s+(.*)$")
_HTML_TABLE = re.compile(r"<table[^>]*?>.*?</table>", re.IGNORECASE | re.DOTALL)


def collapse(text: str) -> str:
    """Return the text with runs of white space as one blank, and none at the ends."""
    return " ".join(text.split())


def without_tables(text: str) -> str:
    """Return the text without its HTML tables."""
    return _HTML_TABLE.sub(" ", text)


def row_cells(line: str) -> list[str]:
    """Return the cells of a pipe-table row, [] where the line is none."""
    line = line.strip()
    if "|" not in line:
        return []
    cells = line.split("|")
    cells = cells[1:] if line.startswith("|") else cells
    cells = cells[:-1] if cells and line.endswith("|") else cells
    return [cell.strip() for cell in cells]


def is_separator(cells: list[str]) -> bool:
    """Say whether cells are the line of dashes under a header."""
    return bool(cells) and all(set(cell.replace(" ", "")) <= {"-", ":"} and cell.strip() for cell in cells)


def _fit(cells: list[str], width: int) -> list[str]:
    """Bring a row to the table's width; three cells over more columns mean that the middle one spans (as published)."""
    if len(cells) == 3 < width:
        return [cells[0], *[cells[1]] * (width - 2), cells[2]]
    return (cells + [""] * width)[:width]


def _html_table(header: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def with_html_tables(markdown: str) -> str:
    """Return the Markdown with every pipe table as an HTML table; a table without header text takes its first row."""
    lines = markdown.splitlines()
    out: list[str] = []
    at = 0
    while at < len(lines):
        header = row_cells(lines[at])
        dashes = row_cells(lines[at + 1]) if header and at + 1 < len(lines) else []
        if not is_separator(dashes):
            out.append(lines[at])
            at += 1
            continue
        width = max(len(header), len(dashes))
        header, rows, at = _fit(header, width), [], at + 2
        while at < len(lines) and (cells := row_cells(lines[at])):
            rows.append(_fit(cells, width))
            at += 1
        if rows and not any(header):
            header = rows.pop(0)
        out.append(_html_table(header, rows))
    return "\n".join(out)


def heading_tree(markdown: str) -> Node:
    """Return document > (content | heading > content): all headings are siblings, whatever their level."""
    preface: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for line in with_html_tables(markdown).splitlines():
        match = _HEADING.match(line)
        if match:
            sections.append((collapse(match.group(1)), []))
        else:
            (sections[-1][1] if sections else preface).append(line)
    children = [*_content(preface), *(Node("heading", title, children=_content(body)) for title, body in sections)]
    return Node("document", children=tuple(children))


def _content(lines: list[str]) -> tuple[Node, ...]:
    text = collapse(" ".join(lines))
    return (Node("content", text),) if text else ()

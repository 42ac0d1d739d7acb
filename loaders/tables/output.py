"""A table in other forms: HTML, Markdown, a data frame."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from loaders.document import Cell, Table
from loaders.errors import MissingExtra

if TYPE_CHECKING:
    import pandas


def html_of(table: Table) -> str:
    """Return `<table>` with rowspan and colspan; header cells are `<th>`, an empty place is an empty cell."""
    rows = []
    for r, row in enumerate(table.grid()):
        cells = [_html_cell(cell, r, c, r < table.header_rows) for c, cell in enumerate(row)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _html_cell(cell: Cell | None, row: int, col: int, in_header: bool) -> str:
    if cell is None:
        return "<th></th>" if in_header else "<td></td>"
    if (cell.row, cell.col) != (row, col):
        return ""  # covered by a cell that spans
    tag = "th" if cell.header else "td"
    spans = "".join(
        f' {name}="{count}"' for name, count in (("rowspan", cell.row_span), ("colspan", cell.col_span)) if count > 1
    )
    return f"<{tag}{spans}>{html.escape(cell.text, quote=False)}</{tag}>"


def markdown_of(table: Table) -> str:
    """Return a pipe table. Spanning cells are repeated in the places they cover.

    Markdown knows one header row: further ones follow the rule, and a table without any begins with an empty one.
    """
    lines = [_pipes(row) for row in table.grid()]
    if not table.header_rows:
        lines.insert(0, _pipes([None] * table.n_cols))
    lines.insert(1, "|" + " --- |" * table.n_cols)
    return "\n".join(lines)


def _pipes(row: list[Cell | None]) -> str:
    texts = ("" if cell is None else " ".join(cell.text.replace("|", "\\|").split()) for cell in row)
    return "| " + " | ".join(texts) + " |"


def dataframe_of(table: Table) -> pandas.DataFrame:
    """Return a pandas DataFrame of strings with the header rows as columns. Raises MissingExtra without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtra("pandas", "dataframe") from error
    texts = [["" if cell is None else cell.text for cell in row] for row in table.grid()]
    header, body = texts[: table.header_rows], texts[table.header_rows :]
    if not header:
        return pandas.DataFrame(body)
    return pandas.DataFrame(body, columns=header[0] if len(header) == 1 else pandas.MultiIndex.from_arrays(header))

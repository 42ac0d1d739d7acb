"""Table rows as sentences in which every value carries its headers: what a vector of a lone figure does not say."""

from __future__ import annotations

from collections.abc import Sequence

from loaders.document import Cell, Table


def row_sentences(table: Table) -> list[str]:
    """Return one sentence per row in which every value carries its headers: "Net sales, 2016: 30,109 million".

    A row under a group's label carries that too: "Europe, net sales, 2016: 1,204". A cell that spans is said once.
    """
    grid = table.grid()
    rows = [_texts(row) for row in grid]
    labels = column_labels(rows[: table.header_rows], table.n_cols)
    body = [_once(cells, row) for cells, row in zip(grid, rows, strict=True)][table.header_rows :]
    return [sentence for row in body if (sentence := row_sentence(row, labels, table.header_cols))]


def column_labels(header: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Return what the header rows say of each column, the upper rows first, the same words once."""
    return [" ".join(dict.fromkeys(row[col] for row in header if row[col])) for col in range(columns)]


def row_sentence(row: Sequence[str], labels: Sequence[str], names: int) -> str:
    """Say a row whose first `names` cells (at least one) name it; "" where it is empty."""
    names = min(max(names, 1), len(row))
    name = ", ".join(dict.fromkeys(text for text in row[:names] if text))
    values = []
    for text, label in zip(row[names:], labels[names:], strict=True):
        if text:
            carried = ", ".join(part for part in (name, label) if part)
            values.append(f"{carried}: {text}" if carried else text)
    return "; ".join(values) or name


def _texts(row: Sequence[Cell | None]) -> list[str]:
    return ["" if cell is None else cell.text for cell in row]


def _once(cells: Sequence[Cell | None], texts: Sequence[str]) -> list[str]:
    """Leave a text only in the first of the columns that its cell covers."""
    return [
        text if cell is None or cell.col == col else ""
        for col, (cell, text) in enumerate(zip(cells, texts, strict=True))
    ]

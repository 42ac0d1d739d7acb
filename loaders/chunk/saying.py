"""The rows that an atom shows, as sentences in which every value carries its headers.

An atom and its document's text come in; what is embedded instead of its rows goes out.
"""

from __future__ import annotations

from loaders.chunk.atoms import Atom
from loaders.tables.sentences import column_labels, row_sentence
from loaders.text.composition import RowSpan


def said(atom: Atom, text: str) -> str:
    """Say the body rows of an atom, a line each; a header without any row as its words; "" for an atom of no table."""
    item = atom.item
    body = [_cells(span, text) for span in atom.spans if not span.header]
    if not body:
        return " ".join(cell for span in atom.spans for cell in _cells(span, text) if cell)
    labels = column_labels([_cells(span, text) for span in item.header], len(body[0]))
    return "\n".join(filter(None, (row_sentence(cells, labels, item.names) for cells in body)))


def _cells(span: RowSpan, text: str) -> list[str]:
    return [" ".join(text[start:end].replace("\\|", "|").split()) for start, end in span.cells]

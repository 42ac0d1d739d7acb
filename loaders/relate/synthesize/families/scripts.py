"""Pages in scripts that run from right to left, or are written without spaces."""

from __future__ import annotations

from loaders.relate.synthesize.families import articles, books
from loaders.relate.synthesize.families.family import ARABIC, EASTERN, Family

FAMILIES = (
    Family("arabic_report", "scripts", articles.report, ARABIC, later=0.3),
    Family("arabic_columns", "scripts", articles.two_columns, ARABIC, held_out=True),
    Family("arabic_spans", "scripts", articles.mixed_spans, ARABIC),
    Family("eastern_report", "scripts", articles.report, EASTERN, later=0.3),
    Family("eastern_columns", "scripts", articles.two_columns, EASTERN),
    Family("eastern_magazine", "scripts", articles.three_columns, EASTERN),
    Family("eastern_contents", "scripts", books.contents, EASTERN),
)

"""Pages in scripts that run from right to left, or are written without spaces."""

from __future__ import annotations

from loaders.relate.synthesize.families import articles, books, business, forms, technical
from loaders.relate.synthesize.families.family import ARABIC, EASTERN, Family

FAMILIES = (
    Family("arabic_report", "scripts", articles.report, ARABIC, later=0.3),
    Family("arabic_columns", "scripts", articles.two_columns, ARABIC, held_out=True),
    Family("arabic_spans", "scripts", articles.mixed_spans, ARABIC),
    Family("arabic_magazine", "scripts", articles.three_columns, ARABIC),
    Family("arabic_newspaper", "scripts", articles.newspaper, ARABIC),
    Family("arabic_sidebar", "scripts", articles.sidebar, ARABIC),
    Family("arabic_paper", "scripts", articles.paper, ARABIC),
    Family("arabic_letter", "scripts", business.letter, ARABIC),
    Family("arabic_panels", "scripts", forms.panels, ARABIC),
    Family("arabic_slide", "scripts", technical.slide, ARABIC),
    Family("eastern_report", "scripts", articles.report, EASTERN, later=0.3),
    Family("eastern_columns", "scripts", articles.two_columns, EASTERN),
    Family("eastern_magazine", "scripts", articles.three_columns, EASTERN),
    Family("eastern_contents", "scripts", books.contents, EASTERN),
)

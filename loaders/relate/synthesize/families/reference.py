"""Layouts in CSS to look things up in: pages of an encyclopedia, manuals beside their contents, right to left."""

from __future__ import annotations

from loaders.relate.synthesize.families.family import ARABIC, Family
from loaders.relate.synthesize.families.web import Web, Written, bar
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import TINTS


def wiki(pen: Pen) -> Written:
    """An encyclopedia's page: a box of facts beside the lead and read after it, contents, sections, a table."""
    w = Web.designed(pen)
    title = w.h(1, pen.phrase(1, 3))
    lead = "".join(w.p(60, 110) for _ in range(3))
    box = w.table(
        pen.rng.randint(4, 7),
        2,
        f"float:right;width:{pen.rng.uniform(30, 40):.0f}%;margin:0 0 8pt 12pt;background:#{pen.rng.choice(TINTS)}",
    )
    rest = "".join(f'<div style="clear:both"></div>{w.h(2)}{w.flow(2)}' for _ in range(4))
    return w.page(f"{title}{box}{lead}{rest}")


def fact_box(pen: Pen) -> Written:
    """An article with a box of facts floating at a side, under a picture or a name; read where it is written."""
    w = Web.designed(pen)
    head, title = (bar(w, "header") if pen.rng.random() < 0.5 else ""), w.h(1)
    side = pen.rng.choice(("right;margin:0 0 8pt 12pt", "left;margin:0 12pt 8pt 0"))
    look = f"float:{side};width:{pen.rng.uniform(26, 45):.0f}%;background:#{pen.rng.choice(TINTS)};padding:5pt"
    first = w.p(30, 80) if pen.rng.random() < 0.5 else ""
    kind = pen.rng.randrange(3)
    inner = w.h(3, pen.phrase(1, 3)) if kind != 1 else ""
    inner += w.figure(pen.rng.uniform(40, 90)) if kind else ""
    inner += w.table(pen.rng.randint(3, 8), 2) if pen.rng.random() < 0.7 else w.items(pen.rng.randint(2, 5), 2, 10)
    box = f'<div style="{look}">{inner}</div>'
    lead = "".join(w.p(50, 120) for _ in range(pen.rng.randint(3, 4)))
    rest = "".join(f'<div style="clear:both"></div>{w.h(2)}{w.flow(2)}' for _ in range(3))
    return w.page(f"{head}{title}{first}{box}{lead}{rest}")


def manual(pen: Pen) -> Written:
    """A manual's page: a column of links at a side, read first, then sections with notes in boxes and examples."""
    w = Web.designed(pen)
    head = bar(w, "header")
    links = w.h(3, pen.phrase(1, 2)) + "".join(w.bit(pen.phrase(1, 4), "index") for _ in range(pen.rng.randint(6, 16)))
    main = w.h(1)
    for _ in range(3):
        main += w.h(2) + w.flow(2)
        if pen.rng.random() < 0.5:
            main += (
                f'<div style="border-left:3pt solid #88a;background:#{pen.rng.choice(TINTS)};padding:5pt 8pt;'
                f'margin:6pt 0">{w.h(3, pen.phrase(1, 2))}{w.p(10, 40)}</div>'
            )
    grid = f"display:grid;gap:{pen.rng.uniform(10, 22):.0f}pt;grid-template-columns:1fr {pen.rng.uniform(2.4, 4):.1f}fr"
    return w.page(f'{head}<div style="{grid}"><nav style="font-size:0.85em">{links}</nav><div>{main}</div></div>')


def reviews(pen: Pen) -> Written:
    """Entries: a picture at the left, beside it a heading, facts on a line and a paragraph; read one by one."""
    w = Web.designed(pen)
    body = bar(w, "header") + w.h(1) + w.p(10, 30)
    wide = pen.rng.uniform(18, 32)
    for _ in range(pen.rng.randint(3, 5)):
        picture = w.figure(pen.rng.uniform(40, 80), captioned=False) if pen.rng.random() < 0.8 else ""
        facts = w.bit(" · ".join((pen.name(), pen.date(), pen.town())), style="font-size:0.8em;color:#555")
        said = w.h(2) + (facts if pen.rng.random() < 0.7 else "") + w.p(25, 80)
        said += w.items(2, 3, 10) if pen.rng.random() < 0.3 else ""
        grid = f"display:grid;gap:10pt;grid-template-columns:{wide:.0f}% 1fr"
        body += f'<div style="{grid}"><div>{picture}</div><div>{said}</div></div>'
    return w.page(body)


def rtl_page(pen: Pen) -> Written:
    """A page that runs from right to left: an article, a column of boxes at its left, two columns below."""
    w = Web.designed(pen)
    head, title = bar(w, "header"), w.h(1)
    main = w.flow(3)
    box = f'<div style="background:#{pen.rng.choice(TINTS)};padding:6pt">{w.h(3)}{w.p(15, 40)}{w.items(3)}</div>'
    below = w.h(2) + f'<div style="columns:2;column-gap:14pt">{"".join(w.p(40, 80) for _ in range(4))}</div>'
    return w.page(
        f'<div dir="rtl">{head}{title}<div style="display:grid;gap:14pt;'
        f'grid-template-columns:2.4fr 1fr"><div>{main}</div><div>{box}</div></div>{below}</div>'
    )


def rtl_columns(pen: Pen) -> Written:
    """A page of columns that follow each other from right to left, between headlines that span them."""
    w = Web.designed(pen)
    count, parts = pen.rng.choice((2, 2, 3)), [bar(w, "header") if pen.rng.random() < 0.5 else "", w.h(1)]
    for _ in range(pen.rng.randint(1, 3)):
        inner = "".join(
            w.p(40, 90)
            + (w.figure(pen.rng.uniform(40, 80)) if pen.rng.random() < 0.25 else "")
            + (w.h(3) if pen.rng.random() < 0.3 else "")
            + w.p(20, 60)
            for _ in range(pen.rng.randint(2, 4))
        )
        rule = pen.rng.choice(("", "column-rule:0.5pt solid #888;"))
        parts.append(
            f'<div style="columns:{count};column-gap:{pen.rng.choice((9, 12, 16, 22))}pt;{rule}">{inner}</div>{w.h(2)}'
        )
    return w.page(f'<div dir="rtl">{"".join(parts)}{w.p(20, 50)}</div>')


FAMILIES = (
    Family("wiki", "web", wiki, markup="html", held_out=True),
    Family("fact_box", "web", fact_box, markup="html"),
    Family("manual", "web", manual, markup="html"),
    Family("reviews", "web", reviews, markup="html"),
    Family("rtl_page", "web", rtl_page, ARABIC, markup="html"),
    Family("rtl_columns", "web", rtl_columns, ARABIC, markup="html"),
)

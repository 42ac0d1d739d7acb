"""Running text in columns: reports, papers, magazines, newspapers."""

from __future__ import annotations

from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import DARKS, TINTS, Sheet

Written = tuple[Manuscript, str]


def report(pen: Pen) -> Written:
    """One column: headings, paragraphs, lists, tables, figures."""
    s = Sheet.designed(pen)
    head = s.running("header")
    body = (s.heading(1) if pen.rng.random() < 0.5 else "") + s.flow(10)
    notes = s.footnotes(pen.rng.randint(1, 3)) if pen.rng.random() < 0.35 else ""
    return s.m, s.setup(header=head, footer=s.running("footer")) + notes + body


def columns(pen: Pen, count: int) -> Written:
    """Text in equal columns, under a title that spans them."""
    s = Sheet.designed(pen)
    s.size = min(s.size, {2: 11, 3: 9, 4: 8}[count])
    s.margin *= 0.8
    head = s.running("header")
    title = s.heading(1, align=pen.rng.choice(("", "center"))) if pen.rng.random() < 0.7 else ""
    if title and pen.rng.random() < 0.4:
        title += s.set(s.pen.name(), align="center", style='"italic"')
    if pen.rng.random() < 0.3:
        title += s.boxed(s.paragraph(30, 60))
    if title:
        title = f'#place(top, float: true, scope: "parent", clearance: 1.5em)[{title}]\n'
    body = s.flow(6 + 6 * count, rich=0.25)
    notes = s.footnotes(pen.rng.randint(1, 3)) if pen.rng.random() < 0.3 else ""
    foot = s.running("footer")
    rule = column_rules(s, count) if pen.rng.random() < 0.3 and not title else ""
    return s.m, s.setup(count, head, foot) + rule + title + notes + body


def column_rules(s: Sheet, count: int) -> str:
    """Return upright rules between the columns of every page."""
    width = (s.inner - (count - 1) * s.gutter) / count
    rules = "".join(
        f"#place(top + left, dx: {s.margin + k * width + (k - 0.5) * s.gutter:.1f}pt, dy: {s.margin:.1f}pt, "
        f"line(angle: 90deg, length: {s.height - 2 * s.margin:.1f}pt, stroke: 0.4pt))"
        for k in range(1, count)
    )
    return f"#set page(background: [{rules}])\n"


def two_columns(pen: Pen) -> Written:
    """Text in two columns."""
    return columns(pen, 2)


def three_columns(pen: Pen) -> Written:
    """Text in three columns."""
    return columns(pen, 3)


def four_columns(pen: Pen) -> Written:
    """Text in four columns."""
    return columns(pen, 4)


def paper(pen: Pen) -> Written:
    """A paper: title, authors side by side, abstract, two columns with formulas, figures and footnotes."""
    s = Sheet.designed(pen)
    s.size, s.numbered = min(s.size, 10), pen.rng.random() < 0.8
    head = s.running("header")
    stamp = margin_stamp(s) if pen.rng.random() < 0.25 else ""
    title = s.heading(1, align="center")
    authors = []
    for _ in range(pen.rng.randint(1, 4)):
        block = s.m.block("text")
        lines = [
            s.m.run(text, block)
            for text in (pen.name(), f"{pen.town().split()[0]} University", f"{pen.rng.choice('abcdefg')}@example.org")
        ]
        authors.append("[" + " \\ ".join(lines[: pen.rng.randint(1, 3)]) + "]")
    title += (
        f"#grid(columns: {len(authors)} * (1fr,), column-gutter: 1em, align: center, {', '.join(authors)})\n#v(1em)\n"
    ).replace(f"{len(authors)} * (1fr,)", "(" + "1fr, " * len(authors) + ")")
    abstract = s.set("Abstract", "title", level=2, weight='"bold"', align="center") if pen.rng.random() < 0.7 else ""
    abstract += s.paragraph(60, 130)
    span = pen.rng.random() < 0.5
    top = (
        '#place(top, float: true, scope: "parent", clearance: 1.5em)'
        f"[{title}{f'#pad(x: 8%)[{abstract}]' if span else ''}]\n"
    )
    body = ("" if span else abstract) + s.flow(10, rich=0.4)
    if pen.rng.random() < 0.5:
        body += s.equation() + s.paragraph() + s.equation()
    body += s.flow(8, rich=0.4)
    notes = s.footnotes(pen.rng.randint(1, 3)) if pen.rng.random() < 0.5 else ""
    return s.m, s.setup(2, head, s.running("footer")) + stamp + top + notes + body


def margin_stamp(s: Sheet) -> str:
    """Return an archive's stamp, turned by a quarter, in the left margin: the last part of the head."""
    stamp = s.m.set(
        f"arXiv:{s.rng.randint(1000, 2600)}.{s.rng.randint(1000, 99999):05} {s.pen.date()}", "header", place="header"
    )
    turned = f"rotate(-90deg, reflow: true)[#text(size: {s.rng.uniform(11, 18):.0f}pt)[{stamp}]]"
    return f"#set page(background: place(left + horizon, dx: {s.margin * 0.25:.0f}pt, {turned}))\n"


def paper_wide_figure(pen: Pen) -> Written:
    """The inner page of a paper: a figure or table over both columns at its top or foot."""
    s = Sheet.designed(pen)
    s.size, s.numbered = min(s.size, 10.5), pen.rng.random() < 0.6
    head, at_top = s.running("header"), pen.rng.random() < 0.6

    def wide() -> str:
        return s.captioned_table(pen.rng.randint(4, 8), pen.rng.randint(4, 8)) if pen.rng.random() < 0.4 else s.figure()

    figure = wide() if at_top else ""
    body = s.flow(12, rich=0.3)
    if not at_top:
        figure = wide()
    place = "top" if at_top else "bottom"
    floated = f'#place({place}, float: true, scope: "parent", clearance: 1.5em)[{figure}]\n'
    return s.m, s.setup(2, head, s.running("footer")) + floated + body


def preprint(pen: Pen) -> Written:
    """A paper in one column: formulas between paragraphs, references at its end."""
    s = Sheet.designed(pen)
    s.numbered = True
    head = s.running("header")
    parts = (
        [s.heading(1, align="center"), s.set(f"{pen.name()}, {pen.name()}", align="center")]
        if pen.rng.random() < 0.5
        else []
    )
    for _ in range(5):
        parts += [
            s.heading(2),
            s.paragraph(),
            s.equation(),
            s.paragraph(10, 60),
            s.equation() if pen.rng.random() < 0.5 else "",
        ]
        parts.append(s.figure() if pen.rng.random() < 0.3 else "")
    notes = s.footnotes(pen.rng.randint(1, 2)) if pen.rng.random() < 0.3 else ""
    return s.m, s.setup(header=head, footer=s.running("footer")) + notes + "".join(parts)


def lay(columns: list[str], widths: list[float], gutter: float, rules: bool = False) -> str:
    """Return markup side by side."""
    cells = ", ".join(f"[{column}]" for column in columns)
    fr = ", ".join(f"{width:.3f}fr" for width in widths)
    stroke = "(x, y) => if x > 0 { (left: 0.4pt) }" if rules else "none"
    inset = f"(x, y) => if x > 0 {{ (left: {gutter / 2:.1f}pt) }} else {{ (left: 0pt) }}" if rules else "0pt"
    return (
        f"#grid(columns: ({fr},), column-gutter: {gutter / 2 if rules else gutter:.1f}pt, stroke: "
        f"{stroke}, inset: {inset}, {cells})\n\n"
    )


def sidebar(pen: Pen) -> Written:
    """A magazine page: text in one or two columns, a shaded sidebar at its side, read after the text."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 10)
    head = s.running("header")
    title = s.heading(1) + (
        s.set(s.pen.sentence(12, 25), size=f"{s.size * 1.2:.1f}pt", style='"italic"') if pen.rng.random() < 0.6 else ""
    )
    inner = s.flow(6, rich=0.1, levels=(3,))
    two = pen.rng.random() < 0.5
    if two:
        inner = s.band(2, inner)
    dark = pen.rng.random() < 0.25
    s.m.ink = (7, 7, 7) if dark else s.m.ink
    s.size *= 0.92
    side = s.heading(3) + s.paragraphs(pen.rng.randint(1, 2), 15, 50)
    side += s.items(pen.rng.randint(2, 5), 3, 12) if pen.rng.random() < 0.6 else ""
    s.size /= 0.92
    box = f"#[#set text(size: {s.size * 0.92:.1f}pt)\n#set par(justify: false)\n{s.boxed(side, dark)}]"
    s.m.ink = (0, 0, 0)
    right = pen.rng.random() < 0.7
    widths = [2.2, 1.0] if right else [1.0, 2.2]
    body = lay([inner, box] if right else [box, inner], widths, s.gutter + 4)
    return s.m, s.setup(header=head, footer=s.running("footer")) + title + body


def pull_quote(pen: Pen) -> Written:
    """Columns of text with large quotations set into them, and an initial."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    count = pen.rng.choice((2, 3))
    head = s.running("header")
    title = (
        f'#place(top, float: true, scope: "parent", clearance: 1.2em)[{s.heading(1)}]\n'
        if pen.rng.random() < 0.7
        else ""
    )
    parts = [initial(s)] if pen.rng.random() < 0.6 else []
    for _ in range(4):
        parts += [s.paragraph(50, 110), s.paragraph(50, 110)]
        quote = s.set(
            f"“{pen.sentence(8, 18)}”",
            size=f"{s.size * 1.6:.1f}pt",
            style='"italic"',
            align=pen.rng.choice(("center", "left")),
            above="1.5em",
            below="1.5em",
        )
        rule = "#line(length: 100%, stroke: 0.8pt)" if pen.rng.random() < 0.5 else ""
        parts.append(f"#[#set par(justify: false)\n{rule}{quote}{rule}]\n\n")
    return s.m, s.setup(count, head, s.running("footer")) + title + "".join(parts)


def initial(s: Sheet) -> str:
    """Return a paragraph that begins with a letter two or three lines high: it is the first line's first word."""
    text = s.pen.paragraph(50, 90)
    block = s.m.block("text")
    lines = s.rng.choice((2, 3))
    step = s.size * (0.66 + s.leading)
    large = s.m.run(text[0], block)
    wide = s.size * lines * 0.95
    rest = text[1:].split()
    # Typst knows no wrapping around a letter: the lines beside it are set as a paragraph of their own.
    width = (s.inner - s.gutter) / 2
    count = max(int(lines * (width / 2 - wide) / (s.size * 2.6)), 4)
    beside, below = s.m.more(" ".join(rest[:count])), " ".join(rest[count:])
    return (
        f"#[#set par(first-line-indent: 0pt)\n#grid(columns: ({wide:.1f}pt, 1fr), "
        f'[#text(size: {step * lines * 0.9:.1f}pt, top-edge: "cap-height")[{large}]], [{beside}])]\n'
        f"#v(-{max(s.spacing - s.leading, 0):.2f}em)\n#[#set par(first-line-indent: 0pt)\n{s.m.more(below)}]\n\n"
    )


def newspaper(pen: Pen) -> Written:
    """Articles in bands: each a headline over its columns, or side by side, with rules between them."""
    s = Sheet.designed(pen)
    s.size, s.margin = min(s.size, 8.5), 0.06 * s.width
    parts = []
    if pen.rng.random() < 0.6:
        parts.append(
            s.set(
                f"The {pen.rng.choice(('Daily', 'Evening', 'Morning'))} {pen.phrase(1, 1)}",
                "title",
                level=1,
                size="30pt",
                align="center",
                weight='"bold"',
            )
        )
    for _ in range(3):
        count = pen.rng.choice((2, 3, 4))
        if pen.rng.random() < 0.6:
            parts.append(s.heading(pen.rng.choice((1, 2))))
            parts.append(
                s.set(f"By {pen.name()}", size=f"{s.size * 0.9:.1f}pt", style='"italic"')
                if pen.rng.random() < 0.5
                else ""
            )
            parts.append(s.band(count, s.paragraphs(pen.rng.randint(count, count + 3), 40, 90)))
        else:
            articles = [s.heading(2) + s.paragraphs(pen.rng.randint(1, 3), 25, 60) for _ in range(count)]
            parts.append(lay(articles, [1.0] * count, s.gutter, rules=pen.rng.random() < 0.5))
        parts.append("#line(length: 100%, stroke: 0.5pt)\n" if pen.rng.random() < 0.7 else "")
    return s.m, s.setup(footer=s.running("footer")) + "".join(parts)


def mixed_spans(pen: Pen) -> Written:
    """Bands of one, two and three columns under each other."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    head = s.running("header")
    parts = []
    for count in pen.rng.sample((1, 2, 3, 2, 1), 4):
        if pen.rng.random() < 0.6:
            parts.append(s.heading(2))
        if count == 1:
            parts.append(s.flow(1, rich=0.4))
        else:
            parts.append(
                s.band(count, s.paragraphs(count * 2, 30, 70))
                if pen.rng.random() < 0.4
                else lay(
                    [s.paragraphs(pen.rng.randint(1, 2), 30, 80) for _ in range(count)],
                    [pen.rng.choice((1.0, 1.0, 1.6)) for _ in range(count)],
                    s.gutter,
                )
            )
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def side_notes(pen: Pen) -> Written:
    """A wide column with small notes in the margin, each beside its paragraph and read after it."""
    s = Sheet.designed(pen)
    head = s.running("header")
    left = pen.rng.random() < 0.3
    rows = []
    for _ in range(8):
        main = (s.heading(3) if pen.rng.random() < 0.3 else "") + s.paragraph(40, 120)
        note = ""
        if pen.rng.random() < 0.6:
            note = (
                f"#[#set text(size: {s.size * 0.75:.1f}pt)\n#set par(justify: false, first-line-indent: "
                f"0pt)\n{s.paragraph(6, 22)}]"
            )
        rows += [note, main] if left else [main, note]
    widths = "(1fr, 3fr)" if left else "(3fr, 1fr)"
    cells = ", ".join(f"[{cell}]" for cell in rows)
    grid = f"#grid(columns: {widths}, column-gutter: {s.gutter}pt, row-gutter: {s.spacing:.2f}em, {cells})"
    return s.m, s.setup(header=head, footer=s.running("footer")) + grid


def side_captions(pen: Pen) -> Written:
    """Figures with their captions beside them, between paragraphs."""
    s = Sheet.designed(pen)
    head = s.running("header")
    parts = []
    for k in range(4):
        parts.append((s.heading(2) if pen.rng.random() < 0.4 else "") + s.paragraph())
        height = pen.rng.uniform(60, 130)
        figure = s.chart(height) if k % 2 else s.picture(height)
        pair = [figure, s.caption()]
        widths = [pen.rng.uniform(1.2, 2.4), 1.0]
        if pen.rng.random() < 0.3:
            pair, widths = pair[::-1], widths[::-1]
        parts.append(f"#block(breakable: false)[{lay(pair, widths, s.gutter)}]")
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def brochure(pen: Pen) -> Written:
    """A leaflet of three panels on paper laid across, some of them dark."""
    s = Sheet.designed(pen, (842, 595))
    s.margin, s.size = 24, min(s.size, 10)
    panels = []
    for _ in range(3):
        dark = pen.rng.random() < 0.3
        s.m.ink = (7, 7, 7) if dark else (0, 0, 0)
        body = (
            s.heading(1 if pen.rng.random() < 0.4 else 2)
            + s.flow(2, rich=0.2, levels=(3,))
            + s.items(pen.rng.randint(2, 4), 3, 14)
        )
        fill = f'rgb("{pen.rng.choice(DARKS if dark else (*TINTS, "ffffff", "ffffff"))}")'
        panels.append(f"#block(width: 100%, height: 540pt, inset: 12pt, fill: {fill})[{body}]")
    s.m.ink = (0, 0, 0)
    return s.m, s.setup() + lay(panels, [1.0] * 3, 10)


FAMILIES = (
    Family("report", "articles", report, later=0.3),
    Family("two_columns", "articles", two_columns, later=0.3),
    Family("three_columns", "articles", three_columns, later=0.2),
    Family("four_columns", "articles", four_columns),
    Family("paper", "articles", paper, later=0.2),
    Family("paper_wide_figure", "articles", paper_wide_figure),
    Family("preprint", "articles", preprint, ENGLISH, later=0.2),
    Family("sidebar", "articles", sidebar),
    Family("pull_quote", "articles", pull_quote, later=0.2),
    Family("newspaper", "articles", newspaper),
    Family("mixed_spans", "articles", mixed_spans),
    Family("side_notes", "articles", side_notes),
    Family("side_captions", "articles", side_captions),
    Family("brochure", "articles", brochure, held_out=True),
)

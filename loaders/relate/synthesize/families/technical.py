"""Tables, slides, posters, listings, diagrams and data sheets."""

from __future__ import annotations

from loaders.relate.synthesize.families.articles import lay
from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import MONTHS, Pen
from loaders.relate.synthesize.sheet import DARKS, MONO, TINTS, Sheet

Written = tuple[Manuscript, str]
WIDE = ((720, 405), (720, 540), (960, 540))


def slide_design(pen: Pen) -> Sheet:
    """Return the design of a slide: large type on wide paper."""
    s = Sheet.designed(pen, pen.rng.choice(WIDE))
    s.size, s.margin, s.indent, s.justify = s.width * pen.rng.uniform(0.02, 0.03), 0.06 * s.width, 0, False
    s.leading, s.spacing, s.face = 0.55, 1.0, s.head_face
    return s


def slide_foot(s: Sheet) -> str:
    """Return the small line at the foot of a slide."""
    if s.rng.random() < 0.3:
        return ""
    cells = [
        s.m.set(s.pen.phrase(1, 3), "footer", place="footer"),
        s.m.set(str(s.rng.randint(1, 60)), "page_number", place="footer"),
    ]
    return f"#set text(size: {s.size * 0.55:.1f}pt)\n#grid(columns: (1fr, auto), [{cells[0]}], [{cells[1]}])"


def slide_look(s: Sheet) -> tuple[str, str]:
    """Return a slide's rules, and choose the colour of its text."""
    dark = s.rng.random() < 0.3
    s.m.ink = (7, 7, 7) if dark else (0, 0, 0)
    return s.rng.choice(DARKS) if dark else s.rng.choice(("", "", *TINTS)), ""


def slide(pen: Pen) -> Written:
    """A slide: a title over bullets of one or two levels."""
    s = slide_design(pen)
    fill, _ = slide_look(s)
    body = s.heading(1)
    for _ in range(pen.rng.randint(2, 5)):
        body += s.items(1, 3, 14, ordered=False)
        if pen.rng.random() < 0.35:
            size, s.size = s.size, s.size * 0.85
            body += (
                "#pad(left: 1.6em)[#set text(size: "
                f"{s.size:.1f}pt)\n{s.items(pen.rng.randint(1, 2), 3, 9, ordered=False)}]\n"
            )
            s.size = size
    return s.m, s.setup(footer=slide_foot(s), fill=fill) + body


def slide_columns(pen: Pen) -> Written:
    """A slide in two or three columns: bullets, a picture, a chart, a table."""
    s = slide_design(pen)
    fill, _ = slide_look(s)
    title = s.heading(1)
    count = pen.rng.choice((2, 2, 3))
    columns = []
    for _ in range(count):
        kind = pen.rng.randrange(4)
        head = s.heading(3, pen.phrase(1, 3)) if pen.rng.random() < 0.5 else ""
        if kind == 0:
            body = s.figure(s.height * 0.4, captioned=pen.rng.random() < 0.5)
        elif kind == 1 and count == 2:
            body = s.table(s.rows(pen.rng.randint(2, 5), 3), size=s.size * 0.7)
        else:
            body = s.items(pen.rng.randint(2, 4), 2, 9)
        columns.append(head + body)
    return s.m, s.setup(footer=slide_foot(s), fill=fill) + title + lay(columns, [1.0] * count, 18)


def slide_chart(pen: Pen) -> Written:
    """A slide or page that is mostly one chart, with remarks beside it."""
    s = slide_design(pen)
    title = s.heading(1)
    chart = s.chart(s.height * pen.rng.uniform(0.4, 0.52))
    side = s.items(pen.rng.randint(1, 3), 3, 9, ordered=False) if pen.rng.random() < 0.6 else ""
    source = (
        s.set(f"Source: {pen.phrase(2, 4)}", "caption", size=f"{s.size * 0.6:.1f}pt") if pen.rng.random() < 0.6 else ""
    )
    body = lay([chart, side], [1.8, 1.0], 18) if side else chart
    return s.m, s.setup(footer=slide_foot(s)) + title + body + source


def title_slide(pen: Pen) -> Written:
    """A title in the middle of a page, with a subtitle, names and a date: a cover, a certificate, a poster."""
    s = slide_design(pen) if pen.rng.random() < 0.6 else Sheet.designed(pen)
    fill, _ = slide_look(s)
    align = pen.rng.choice(("center", "center", "left"))
    body = s.heading(1, align=align)
    body += (
        s.set(pen.heading(), "title", level=2, align=align, size=f"{s.size * 1.2:.1f}pt")
        if pen.rng.random() < 0.7
        else ""
    )
    body += s.set(pen.name(), align=align, above="2em") + s.set(f"{pen.firm()}, {pen.date()}", align=align)
    if pen.rng.random() < 0.4:
        body += f"#pad(x: 10%)[#set align({align})\n{s.paragraph(15, 40)}]"
    return s.m, s.setup(footer=slide_foot(s), fill=fill) + f"#v(1fr)\n{body}\n#v(1.4fr)\n"


def poster(pen: Pen) -> Written:
    """A conference poster: a title over three or four columns of boxes, each with a heading, text, figures."""
    s = Sheet.designed(pen, pen.rng.choice(((842, 1191), (1191, 842))))
    s.size, s.margin = pen.rng.uniform(9, 12), 30
    count = 3 if s.width < 1000 else 4
    dark = pen.rng.random() < 0.5
    s.m.ink = (7, 7, 7) if dark else (0, 0, 0)
    title = s.heading(1, align="center") + s.set(", ".join(pen.name() for _ in range(4)), align="center")
    s.m.ink = (0, 0, 0)
    bar = s.rng.choice(DARKS) if dark else "ffffff"
    columns = []
    for _ in range(count):
        boxes = ""
        for _ in range(pen.rng.randint(2, 3)):
            inner = s.heading(2) + s.paragraph(30, 70)
            inner += pen.rng.choice(
                (s.figure, lambda: s.items(3, 5, 15), lambda: s.captioned_table(4, 3), lambda: "")
            )()
            boxes += s.boxed(inner)
        columns.append(boxes)
    return s.m, s.setup() + f'#block(width: 100%, fill: rgb("{bar}"), inset: 10pt)[{title}]\n' + lay(
        columns, [1.0] * count, 14
    )


def timetable(pen: Pen) -> Written:
    """One dense table that fills the page: times, codes, short words."""
    s = Sheet.designed(pen, pen.rng.choice(((595, 842), (842, 595))))
    s.size = pen.rng.uniform(6, 8.5)
    head, columns = s.running("header"), pen.rng.randint(6, 12)
    top = ["", *(pen.phrase(1, 1)[:8] for _ in range(columns - 1))]
    rows = [top] + [
        [
            pen.phrase(1, 2),
            *(
                f"{pen.rng.randint(4, 23)}:{pen.rng.randint(0, 59):02}" if pen.rng.random() > 0.12 else ""
                for _ in range(columns - 1)
            ),
        ]
        for _ in range(pen.rng.randint(18, 34))
    ]
    title = s.heading(1)
    body = s.table(
        rows, f"(2.2fr, {'1fr, ' * (columns - 1)})", pen.rng.choice(("zebra", "grid", "lines", "bare")), s.size
    )
    return s.m, s.setup(header=head, footer=s.running("footer")) + title + body + s.caption("Note")


def tables(pen: Pen) -> Written:
    """A page of several tables with captions and little text."""
    s = Sheet.designed(pen)
    head = s.running("header")
    parts = []
    for _ in range(4):
        parts.append(s.heading(3) if pen.rng.random() < 0.4 else "")
        parts.append(s.captioned_table(pen.rng.randint(3, 9), pen.rng.randint(2, 7)))
        parts.append(s.paragraph(15, 50) if pen.rng.random() < 0.5 else "")
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def rotated_table(pen: Pen) -> Written:
    """A wide table turned by a quarter on an upright page, with its caption; a running head that is not turned."""
    s = Sheet.designed(pen, (595, 842))
    s.size = min(s.size, 9.5)
    head = s.running("header")
    caption = s.caption("Table")
    body = s.table(s.rows(pen.rng.randint(6, 16), pen.rng.randint(5, 9)))
    angle = pen.rng.choice((-90, -90, 90))
    turned = (
        f"#rotate({angle}deg, reflow: true)[#block(width: {s.height - 2 * s.margin - 60:.0f}pt)[{caption}{body}]]\n"
    )
    return s.m, s.setup(header=head, footer=s.running("footer")) + turned


def cell_lists(pen: Pen) -> Written:
    """A table of few wide cells that hold lists and paragraphs of several lines."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    head = s.running("header")
    title = s.heading(1)
    block = s.m.block("table")
    columns = pen.rng.choice((2, 3, 3, 4))
    cells = [f"[#strong[{s.m.run(pen.phrase(1, 2), block)}]]" for _ in range(columns)]
    for _ in range(pen.rng.randint(3, 6)):
        cells.append(f"[{s.m.run(pen.phrase(1, 3), block)}]")
        for _ in range(columns - 1):
            if pen.rng.random() < 0.6:
                items = [s.m.run(f"{s.bullet} {pen.sentence(3, 9)}", block) for _ in range(pen.rng.randint(2, 4))]
                cells.append("[" + " \\ ".join(items) + "]")
            else:
                cells.append(f"[{s.m.run(pen.sentence(6, 24), block)}]")
    stroke = pen.rng.choice(("0.5pt", "(x, y) => (bottom: 0.4pt)"))
    table = f"#table(columns: (1fr, {'2fr, ' * (columns - 1)}), stroke: {stroke}, inset: 5pt, {', '.join(cells)})\n\n"
    style = "#set par(first-line-indent: 0pt, justify: false)\n"
    return s.m, s.setup(header=head, footer=s.running("footer")) + title + f"#[{style}{table}]" + s.paragraphs(
        2, 20, 60
    )


def listing(pen: Pen) -> Written:
    """Program text in a fixed face, in boxes or with line numbers, between paragraphs; a listing is one block."""
    s = Sheet.designed(pen)
    head = s.running("header")
    parts = [s.heading(2)]
    mono = pen.rng.choice(MONO)
    for _ in range(4):
        parts.append(s.paragraph(20, 70))
        block = s.m.block("text")
        lines, numbered, depth = [], pen.rng.random() < 0.3, 0
        for k in range(pen.rng.randint(4, 14)):
            text = program_line(pen)
            code = (
                (s.m.run(f"{k + 1}", block) + f"#h({1 + depth}em)" + s.m.more(text))
                if numbered
                else f"#h({depth}em)" + s.m.run(text, block)
            )
            lines.append(code)
            depth = max(0, min(4, depth + pen.rng.choice((0, 0, 1, 1, -1, -2))))
        inner = (
            f'#set text(font: "{mono}", size: {s.size * 0.85:.1f}pt)\n#set par(first-line-indent: '
            "0pt, justify: false)\n"
        ) + " \\ ".join(lines)
        parts.append(s.boxed(inner) if pen.rng.random() < 0.6 else f"#pad(left: 1.5em)[{inner}]\n\n")
        parts.append(s.caption("Listing") if pen.rng.random() < 0.3 else "")
        parts.append(s.heading(3) if pen.rng.random() < 0.3 else "")
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def program_line(pen: Pen) -> str:
    """Return a line of a program in no particular language."""
    name, other = ("_".join(pen.phrase(1, 2).lower().split()) for _ in range(2))
    return pen.rng.choice(
        (f"def {name}({other}):", (
f"{name} = {other}"
f"[{pen.rng.randint(0, 9)}]"
), f"if ({name} > {pen.rng.randint(0, 99)}) {{", "}", f"return {name}",
         f"// {pen.phrase(2, 6).lower()}", (
f"for {name} in "
f"range({pen.rng.randint(1, 50)}):"
), f"$ sudo {name} --{other}", f'print("{name}")', f"int {name} = {other}->{name};")
    )  # fmt: skip


def manual_page(pen: Pen) -> Written:
    """A page of a manual in one fixed face: headings at the margin, text and options indented."""
    s = Sheet.designed(pen)
    s.face = s.head_face = pen.rng.choice(MONO)
    s.size, s.justify, s.indent = pen.rng.uniform(7.5, 9), False, 0
    name = pen.phrase(1, 1).lower()
    cells = [
        s.m.set(text, "header", place="header")
        for text in (f"{name.upper()}(1)", "User Commands", f"{name.upper()}(1)")
    ]
    head = f"#grid(columns: (1fr, auto, 1fr), align: (left, center, right), {', '.join(f'[{c}]' for c in cells)})"
    parts = []
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES", "SEE ALSO"):
        parts.append(s.set(title, "title", level=2, weight='"bold"', above="1.2em", below="0.6em"))
        if title == "OPTIONS":
            for _ in range(7):
                block = s.m.block("list")
                option = s.m.run(f"-{pen.rng.choice('abcdefgh')}, --{pen.phrase(1, 1).lower()}", block)
                parts.append(
                    f"#pad(left: 4em)[#strong[{option}]#v(-0.5em)\n#pad(left: 4em)"
                    f"[{s.m.run(pen.sentence(6, 30), block)}]]\n"
                )
        else:
            parts.append(f"#pad(left: 4em)[{s.paragraph(6, 70)}]\n")
    return s.m, s.setup(header=head) + "".join(parts)


def lab_report(pen: Pen) -> Written:
    """A laboratory's report: facts on the sample in two columns, a table of results with ranges and flags, remarks."""
    s = Sheet.designed(pen)
    s.indent, s.size = 0, min(s.size, 9.5)
    title = s.set(f"{pen.firm()} Laboratory", "title", level=1, size="15pt", weight='"bold"')
    sides = []
    for _ in range(2):
        made = ""
        for label in pen.rng.sample(
            ("Patient", "Sample", "Received", "Reported", "Physician", "Age / Sex", "Order No."), 4
        ):
            value = (
                pen.name()
                if label in ("Patient", "Physician")
                else pen.date()
                if label in ("Received", "Reported")
                else pen.code()
            )
            made += s.set(f"{label}: {value}", above="0.5em", below="0.5em")
        sides.append(made)
    rows = [["Test", "Result", "Flag", "Unit", "Reference range"]]
    for _ in range(pen.rng.randint(8, 18)):
        low = pen.rng.uniform(0.1, 90)
        rows.append(
            [
                pen.phrase(1, 2),
                f"{low * pen.rng.uniform(0.8, 2):.1f}",
                pen.rng.choice(("", "", "H", "L")),
                pen.rng.choice(("mg/dL", "mmol/L", "%", "U/L", "g/L")),
                f"{low:.1f} – {low * 1.8:.1f}",
            ]
        )
    body = s.table(rows, "(2fr, 1fr, 0.6fr, 1fr, 1.4fr)")
    tail = s.heading(3, "Comment") + s.paragraph(15, 50)
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + title + lay(
        sides, [1, 1], 24
    ) + body + tail


def diagram(pen: Pen) -> Written:
    """Boxes with words, joined by lines, over a caption and text: one block of category "figure" per drawing."""
    s = Sheet.designed(pen)
    head = s.running("header")
    parts = []
    for _ in range(2):
        parts.append(s.paragraph(30, 80))
        block = s.m.block("figure")
        across, down = pen.rng.randint(2, 4), pen.rng.randint(2, 4)
        step, tall = s.inner / across, s.size * 4.5
        places = []
        for row in range(down):
            for column in range(across):
                if pen.rng.random() < 0.2:
                    continue
                x, y, wide = column * step, row * tall, step * 0.7
                text = s.m.run(pen.phrase(1, 3), block)
                shape = pen.rng.choice(
                    ("stroke: 0.6pt", f'fill: rgb("{pen.rng.choice(TINTS)}")', "stroke: 0.6pt, radius: 5pt")
                )
                places.append(
                    f"#place(top + left, dx: {x:.1f}pt, dy: {y:.1f}pt, block(width: {wide:.1f}pt, height: "
                    f"{tall * 0.66:.1f}pt, inset: 3pt, {shape})[#align(center + horizon)[{text}]])"
                )
                if column < across - 1:
                    places.append(
                        f"#place(top + left, dx: {x + wide:.1f}pt, dy: {y + tall * 0.33:.1f}pt, line(length: "
                        f"{step * 0.3:.1f}pt, stroke: 0.6pt))"
                    )
        look = (
            f"#set text(size: {s.size * 0.8:.1f}pt, hyphenate: false)\n#set par(first-line-indent: "
            "0pt, justify: false, leading: 0.4em)\n"
        )
        parts.append(f"#block(width: 100%, height: {down * tall:.1f}pt, breakable: false)[{look}{''.join(places)}]\n\n")
        parts.append(s.caption())
    parts.append(s.flow(3))
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def charts(pen: Pen) -> Written:
    """Charts in a grid, each with its caption below, read row by row."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    head = s.running("header")
    across = pen.rng.choice((2, 2, 3))
    parts = [s.heading(2), s.paragraph(20, 60)]
    for _ in range(3):
        cells = [s.chart(pen.rng.uniform(70, 110)) + s.caption() for _ in range(across)]
        parts.append(f"#block(breakable: false)[{lay(cells, [1.0] * across, s.gutter + 8)}]")
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts) + s.paragraphs(2)


def data_sheet(pen: Pen) -> Written:
    """A product's data sheet: a picture beside features, two tables of values beside each other, small print."""
    s = Sheet.designed(pen)
    s.indent, s.size = 0, min(s.size, 9)
    title = s.set(f"{pen.goods()} {pen.code()}", "title", level=1, size="17pt", weight='"bold"')
    left = s.picture(pen.rng.uniform(90, 140)) + (s.caption() if pen.rng.random() < 0.5 else "")
    right = s.heading(3, "Features") + s.items(pen.rng.randint(3, 6), 3, 10, ordered=False)
    first = lay([left, right], [1, 1.2], s.gutter + 4)
    halves = [
        s.heading(3, pen.phrase(1, 3)) + s.table(s.rows(pen.rng.randint(4, 9), 2), "(1.4fr, 1fr)") for _ in range(2)
    ]
    second = lay(halves, [1, 1], s.gutter + 4)
    tail = f"#[#set text(size: {s.size * 0.75:.1f}pt)\n{s.paragraphs(2, 20, 60)}]"
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + title + s.paragraph(
        15, 40
    ) + first + second + tail


def calendar(pen: Pen) -> Written:
    """A month as a grid of days with appointments: one table."""
    s = Sheet.designed(pen, pen.rng.choice(((842, 595), (792, 612))))
    s.size, s.indent, s.margin = pen.rng.uniform(7, 9), 0, 36
    title = s.set(f"{pen.rng.choice(MONTHS)} {pen.rng.randint(2000, 2030)}", "title", level=1, size="22pt")
    block = s.m.block("table")
    cells = [f"[#strong[{s.m.run(day, block)}]]" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")]
    skip = pen.rng.randint(0, 6)
    for day in range(1 - skip, 36 - skip):
        note = s.m.run(str(day), block) if 1 <= day <= 31 else ""
        note += " \\ " + s.m.run(pen.phrase(1, 4), block) if note and pen.rng.random() < 0.3 else ""
        cells.append(f"[{note}]")
    table = (
        f"#table(columns: ({'1fr, ' * 7}), rows: (auto, 64pt, 64pt, 64pt, 64pt, 64pt), stroke: "
        f"0.4pt, inset: 4pt, {', '.join(cells)})"
    )
    return s.m, s.setup() + f"#set par(justify: false)\n{title}{table}"


FAMILIES = (
    Family("slide", "slides", slide),
    Family("slide_columns", "slides", slide_columns),
    Family("slide_chart", "slides", slide_chart, held_out=True),
    Family("title_slide", "slides", title_slide),
    Family("poster", "slides", poster),
    Family("timetable", "tables", timetable, held_out=True),
    Family("tables", "tables", tables),
    Family("rotated_table", "tables", rotated_table),
    Family("cell_lists", "tables", cell_lists),
    Family("calendar", "tables", calendar),
    Family("listing", "technical", listing),
    Family("manual_page", "technical", manual_page, ENGLISH),
    Family("lab_report", "technical", lab_report),
    Family("diagram", "technical", diagram),
    Family("charts", "technical", charts),
    Family("data_sheet", "technical", data_sheet),
)

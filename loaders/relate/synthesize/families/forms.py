"""Official forms: grids of boxes with a small label in each, numbered lines with their amounts, answers to tick."""

from __future__ import annotations

from loaders.relate.synthesize.families.articles import lay
from loaders.relate.synthesize.families.business import BREAK, FIELDS, section
from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import DARKS, TINTS, Sheet

Written = tuple[Manuscript, str]


def government_form(pen: Pen) -> Written:
    """A dense official form: a ruled grid of numbered boxes, each a small label over its value; read row by row."""
    s = Sheet.designed(pen)
    s.size, s.margin = pen.rng.uniform(7, 9), 0.06 * s.width
    head = s.set(f"Form {pen.code()}", "header", "header", size="8pt")
    title = s.set(
        pen.heading(), "title", level=1, size="14pt", weight='"bold"', align=pen.rng.choice(("left", "center"))
    )
    number, rows, filled = 0, [], pen.rng.choice((0.3, 0.9))
    for _ in range(pen.rng.randint(9, 14)):
        if pen.rng.random() < 0.2:
            bar = s.m.set(f"Part {pen.rng.choice('ABCDEF')} {pen.phrase(2, 4)}", "title", level=2)
            rows.append(
                f'#block(width: 100%, fill: rgb("{pen.rng.choice(TINTS)}"), stroke: 0.5pt, inset: 3pt)[#strong[{bar}]]'
            )
        cells = []
        count = pen.rng.choice((1, 2, 3, 3, 4))
        for _ in range(count):
            number += 1
            block = s.m.block("text")
            label = s.m.run(f"{number} {pen.phrase(1, 4)}", block)
            value = (
                s.m.run(pen.rng.choice((pen.amount, pen.date, pen.code, pen.name))(), block)
                if pen.rng.random() < filled
                else ""
            )
            cells.append(f"#text(size: {s.size * 0.75:.1f}pt)[{label}]#v(-0.5em)\n{value}")
        inner = ", ".join(f"[{cell}]" for cell in cells)
        widths = ", ".join(f"{pen.rng.choice((1, 1, 2))}fr" for _ in range(count))
        rows.append(f"#grid(columns: ({widths},), stroke: 0.5pt, inset: 3pt, rows: 2.9em, {inner})")
    small = f"#set text(size: {s.size * 0.8:.1f}pt)\n"
    tail = f"#[{small}{s.paragraphs(2, 30, 70)}]"
    body = "#stack(dir: ttb, spacing: 0pt, " + ", ".join(f"[{row}]" for row in rows) + ")\n\n"
    return s.m, s.setup(header=head) + "#set par(first-line-indent: 0pt, justify: false)\n" + title + body + tail


def answer(pen: Pen) -> str:
    """Return what somebody wrote into a field."""
    return pen.rng.choice((pen.name, pen.date, pen.street, pen.town, pen.code, pen.amount, lambda: pen.phrase(1, 5)))()


def boxed(s: Sheet, label: str, filled: float, lines: int = 1) -> str:
    """Return the inside of a box: a small label and, below it, an answer of some lines; one block."""
    block = s.m.block("text")
    small = f"#text(size: {max(s.size * s.rng.uniform(0.6, 0.85), 5):.1f}pt)[{s.m.run(label, block)}]"
    if s.rng.random() >= filled:
        return small
    said = BREAK.join(s.m.run(answer(s.pen), block) for _ in range(s.rng.randint(1, lines)))
    face = s.rng.choice(("Liberation Mono", "DejaVu Sans", s.face))
    return f'{small}#v({s.rng.choice((-0.7, -0.5, 0))}em)\n#text(font: "{face}")[{said}]'


def box_grid(pen: Pen) -> Written:
    """A sheet of boxes of many widths and heights, some over several rows, under bars that name sections."""
    s = Sheet.designed(pen)
    s.size, s.indent, s.margin = pen.rng.uniform(7, 10), 0, 0.07 * s.width
    title = s.heading(1) if pen.rng.random() < 0.8 else ""
    parts, filled, columns = (
        [s.paragraph(8, 40) if pen.rng.random() < 0.4 else ""],
        pen.rng.choice((0.2, 0.7, 0.95)),
        12,
    )
    number = pen.rng.choice(("", "{}. ", "{} ", "({}) "))
    count = 0
    for _ in range(pen.rng.randint(2, 4)):
        parts.append(section(s, pen.phrase(2, 5)) if pen.rng.random() < 0.7 else "#v(4pt)\n")
        cells = []
        for _ in range(pen.rng.randint(2, 5)):
            left = columns
            while left:
                wide = min(left, pen.rng.choice((3, 4, 4, 6, 8, 12)))
                wide = left if left - wide < 3 else wide
                left -= wide
                count += 1
                inner = boxed(
                    s, number.format(count) + pen.rng.choice((pen.phrase(1, 5), pen.rng.choice(FIELDS))), filled, 3
                )
                cells.append(f"grid.cell(colspan: {wide})[{inner}]")
        stroke = pen.rng.choice(("0.4pt", "0.8pt", "0.4pt + gray"))
        parts.append(f"#grid(columns: (1fr,) * {columns}, stroke: {stroke}, inset: 3pt, {', '.join(cells)})\n")
    head, foot = s.running("header"), s.running("footer")
    return s.m, s.setup(header=head, footer=foot) + title + s.unindented("".join(parts))


def numbered_lines(pen: Pen) -> Written:
    """A schedule: numbered lines of text, each with a place for its amount at the right; read line by line."""
    s = Sheet.designed(pen)
    s.indent, s.size = 0, pen.rng.uniform(7.5, 10)
    parts, n, boxes = [s.heading(1)], 0, pen.rng.random() < 0.6
    for part in range(pen.rng.randint(2, 4)):
        parts.append(section(s, f"Part {'I' * (part + 1)} {pen.phrase(2, 5)}"))
        for _ in range(pen.rng.randint(3, 9)):
            n += 1
            block = s.m.block("list")
            mark, said = s.m.run(f"{n}", block), s.m.more(pen.paragraph(6, 30))
            again = s.m.more(f"{n}") if boxes else ""
            sum_ = s.m.more(pen.amount()) if pen.rng.random() < 0.6 else ""
            line = (
                f"[#strong[{mark}]], [{said}], [{again}], "
                f"[#block(width: 100%, stroke: (bottom: 0.4pt), height: 1.2em)[#align(right)[{sum_}]]]"
            )
            parts.append(f"#grid(columns: (2em, 1fr, 1.5em, 6em), column-gutter: 0.5em, {line})\n")
    tail = s.paragraphs(1, 20, 60) if pen.rng.random() < 0.5 else ""
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + "".join(parts) + tail


def panels(pen: Pen) -> Written:
    """Panels beside each other, each a heading over labels with their values; read panel by panel."""
    s = Sheet.designed(pen)
    s.indent, s.size = 0, min(s.size, 9.5)
    parts = [s.heading(1), s.paragraph(10, 40) if pen.rng.random() < 0.5 else ""]
    for _ in range(pen.rng.randint(2, 3)):
        made = []
        for _ in range(pen.rng.choice((1, 2, 2, 3))):
            inner = s.heading(3, pen.phrase(1, 3))
            block = s.m.block("text")
            for _ in range(pen.rng.randint(3, 6)):
                label, said = s.m.run(f"{pen.rng.choice(FIELDS)}:", block), s.m.more(answer(pen))
                inner += f"#grid(columns: (40%, 1fr), column-gutter: 0.6em, [{label}], [{said}])\n"
            made.append(s.boxed(inner) if pen.rng.random() < 0.7 else inner)
        parts.append(lay(made, [1.0] * len(made), 12))
        parts.append(s.paragraph(15, 60) if pen.rng.random() < 0.4 else "")
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + "".join(parts)


def ticked(pen: Pen) -> Written:
    """Questions at the left and answers to tick at the right, in a ruled grid; read row by row."""
    s = Sheet.designed(pen)
    s.indent = 0
    parts, answers = [s.heading(1), s.paragraph(15, 50)], [pen.phrase(1, 2) for _ in range(pen.rng.randint(2, 5))]
    mark, fill = pen.rng.choice("□○☐"), f'fill: rgb("{pen.rng.choice(TINTS)}"), ' if pen.rng.random() < 0.5 else ""
    for _ in range(pen.rng.randint(1, 3)):
        parts.append(s.heading(2))
        rows = []
        for k in range(pen.rng.randint(3, 8)):
            block = s.m.block("list")
            cells = [s.m.run(f"{k + 1}. {pen.sentence(4, 20)}", block)]
            cells += [s.m.more(f"{mark} {text}") for text in answers]
            rows += [f"[{cell}]" for cell in cells]
        grid = f"#grid(columns: (1fr, {'auto, ' * len(answers)}), {fill}stroke: 0.4pt, inset: 4pt, {', '.join(rows)})\n"
        parts.append(grid)
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + "".join(parts)


def certificate(pen: Pen) -> Written:
    """A certificate: lines in the middle of a frame, names in large type, two places to sign."""
    s = Sheet.designed(pen, pen.rng.choice(((842, 595), (595, 842), (792, 612))))
    s.indent, s.justify = 0, False
    ink = pen.rng.choice(DARKS)
    parts = [s.set(pen.firm(), size="12pt", align="center"), s.heading(1, pen.phrase(2, 4).upper(), align="center")]
    for size, text in (
        (10, pen.sentence(4, 9)),
        (20, pen.name()),
        (10, pen.sentence(8, 20)),
        (10, pen.paragraph(10, 40)),
    ):
        parts.append(s.set(text, size=f"{size}pt", align="center", above="1.6em", below="1.6em"))
    signed = []
    for _ in range(2):
        block = s.m.block("text")
        inner = BREAK.join(s.m.run(text, block) for text in (pen.name(), pen.phrase(1, 3)))
        signed.append(f"#line(length: 80%, stroke: 0.5pt)\n{inner}")
    parts.append(f"#v(2em)\n{lay(signed, [1, 1], 40)}")
    frame = f'#block(width: 100%, height: 100%, stroke: 2pt + rgb("{ink}"), inset: 24pt)[{"".join(parts)}]'
    return s.m, s.setup() + frame


FAMILIES = (
    Family("government_form", "business", government_form, ENGLISH, held_out=True),
    Family("box_grid", "business", box_grid),
    Family("numbered_lines", "business", numbered_lines),
    Family("panels", "business", panels),
    Family("ticked", "business", ticked),
    Family("certificate", "business", certificate),
)

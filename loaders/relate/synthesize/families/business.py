"""Pages of offices and shops: letters, forms, invoices, receipts, statements, résumés, labels."""

from __future__ import annotations

from loaders.relate.synthesize.families.articles import lay
from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import DARKS, TINTS, Sheet

BREAK = " \\ "
Written = tuple[Manuscript, str]
FIELDS = (
    "Name,First name,Surname,Date of birth,Place of birth,Nationality,Address,Postal "
    "code,City,Country,Telephone,E-mail,"
    "Passport No.,Employer,Occupation,Tax number,Account holder,IBAN,Date,Signature,Invoice No.,Customer No.,Reference,"
    "Contact person,Department,Marital status,Number of children,Vehicle registration,Policy number,Amount claimed"
).split(",")


def address(s: Sheet, lines: int = 4, align: str = "left") -> str:
    """Return an address, one block."""
    block = s.m.block("text")
    texts = [s.pen.name(), s.pen.firm(), s.pen.street(), s.pen.town()][-lines:]
    inner = BREAK.join(s.m.run(text, block) for text in texts)
    return f"#block[#set par(first-line-indent: 0pt, justify: false)\n#set align({align})\n{inner}]\n"


def letter(pen: Pen) -> Written:
    """A letter: head, addresses, date, subject, paragraphs, signature, small print at the foot."""
    s = Sheet.designed(pen)
    s.indent, s.spacing = 0, max(s.spacing, 0.9)
    parts = []
    if pen.rng.random() < 0.7:
        parts.append(
            s.set(
                pen.firm(),
                "title" if pen.rng.random() < 0.5 else "text",
                level=1,
                size="15pt",
                weight='"bold"',
                align=pen.rng.choice(("left", "right", "center")),
            )
        )
    if pen.rng.random() < 0.5:
        parts.append(lay([address(s), address(s, 3, "right")], [1, 1], 20))
    else:
        parts += [address(s, align=pen.rng.choice(("left", "right"))), address(s)]
    parts.append(
        s.set(f"{pen.town().split()[0]}, {pen.date()}", align=pen.rng.choice(("right", "left")), above="1.6em")
    )
    parts.append(
        s.set(
            f"{pen.rng.choice(('Re:', 'Subject:', ''))} {pen.heading()}".strip(),
            "title",
            level=2,
            weight='"bold"',
            above="1.6em",
        )
    )
    parts.append(s.set(f"Dear {pen.rng.choice(('Mr', 'Ms', 'Dr'))} {pen.name().split()[-1]},"))
    parts += [s.paragraph(25, 90) for _ in range(pen.rng.randint(2, 5))]
    if pen.rng.random() < 0.3:
        parts.append(s.items(3, 5, 15))
    parts.append(
        s.set(pen.rng.choice(("Yours sincerely,", "Kind regards,", "Best wishes,")), above="1.4em", below="3em")
    )
    block = s.m.block("text")
    parts.append(
        "#block[#set par(first-line-indent: "
        f"0pt)\n{s.m.run(pen.name(), block)}{BREAK}{s.m.run(pen.phrase(1, 3), block)}]\n"
    )
    foot = ""
    if pen.rng.random() < 0.5:
        cells = []
        for _ in range(3):
            block = s.m.block("footer", place="footer")
            cells.append(
                BREAK.join(
                    s.m.run(text, block)
                    for text in (pen.firm(), pen.street(), pen.town(), f"Tel. {pen.rng.randint(100000, 999999)}")[
                        : pen.rng.randint(2, 4)
                    ]
                )
            )
        foot = (
            "#set text(size: 6.5pt)\n#set par(first-line-indent: 0pt, leading: 0.4em)\n"
            f"#grid(columns: (1fr, 1fr, 1fr), {', '.join(f'[{cell}]' for cell in cells)})"
        )
    return s.m, s.setup(footer=foot) + "".join(parts)


def memo(pen: Pen) -> Written:
    """A memorandum or minutes: a head of labels and values, then numbered points."""
    s = Sheet.designed(pen)
    parts = [s.heading(1, pen.rng.choice(("Memorandum", "Minutes of the meeting", "Internal note")))]
    for label in ("To:", "From:", "Date:", "Subject:"):
        value = pen.date() if label == "Date:" else pen.heading() if label == "Subject:" else pen.name()
        block = s.m.block("text")
        cells = s.m.run(label, block), s.m.more(value)
        parts.append(
            f"#block(above: 0.5em, below: 0.5em)[#grid(columns: (5em, 1fr), [#strong[{cells[0]}]], [{cells[1]}])]\n"
        )
    parts.append("#line(length: 100%, stroke: 0.5pt)\n")
    for _ in range(4):
        parts += [
            s.heading(2),
            s.paragraph(20, 70),
            s.items(pen.rng.randint(2, 4), 5, 20) if pen.rng.random() < 0.6 else "",
        ]
    return s.m, s.setup(footer=s.running("footer")) + "".join(parts)


def contract(pen: Pen) -> Written:
    """Clauses numbered to three levels, indented by level, and a place to sign."""
    s = Sheet.designed(pen)
    s.indent = 0
    head = s.running("header")
    parts = [s.heading(1, align="center")] if pen.rng.random() < 0.6 else []
    for k in range(1, 6):
        parts.append(s.heading(3, f"{k}. {pen.phrase(1, 4).upper()}"))
        for n in range(1, pen.rng.randint(2, 5)):
            parts.append(clause(s, f"{k}.{n}", 0))
            parts += [clause(s, f"({letter})", 1) for letter in "abc"[: pen.rng.choice((0, 0, 2, 3))]]
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def clause(s: Sheet, mark: str, depth: int) -> str:
    """Return a numbered clause."""
    block = s.m.block("list")
    cells = s.m.run(mark, block), s.m.more(s.pen.paragraph(8, 60))
    return (
        f"#block(above: 0.8em, below: 0.8em, inset: (left: {2.4 * depth}em))[#grid(columns: "
        f"(2.4em, 1fr), [{cells[0]}], [{cells[1]}])]\n"
    )


def field(s: Sheet, filled: float, style: str) -> str:
    """Return a form's field: a label, and its value beside or below it on a line or in a box; one block."""
    label = s.rng.choice(FIELDS)
    value = (
        s.rng.choice((s.pen.name, s.pen.date, s.pen.street, s.pen.town, s.pen.code))()
        if s.rng.random() < filled
        else ""
    )
    block = s.m.block("text")
    said = s.m.run(label + (":" if style == "line" else ""), block)
    small = f"#text(size: {max(s.size * 0.72, 5.5):.1f}pt)[{said}]"
    if style == "line":
        answer = s.m.more(value) if value else ""
        return (
            f"#grid(columns: (auto, 1fr), column-gutter: 0.5em, [{said}], [#block(width: 100%, "
            f"height: 1.1em, stroke: (bottom: 0.4pt))[{answer}]])"
        )
    answer = s.m.run(value, block) if value else ""
    if style == "box":
        return f"#block(width: 100%, height: 3em, stroke: 0.5pt, inset: 2.5pt)[{small}#v(-0.5em)\n{answer}]"
    return f"{small}#v(-0.6em)\n#block(width: 100%, height: 1.7em, stroke: 0.5pt, inset: 3pt)[{answer}]"


def form(pen: Pen) -> Written:
    """A form: sections of fields in one to three columns, boxes to tick, a place to sign; read row by row."""
    s = Sheet.designed(pen)
    s.indent, s.size = 0, min(s.size, 10)
    head, style, filled = (
        s.running("header"),
        pen.rng.choice(("line", "below", "box")),
        pen.rng.choice((0.0, 0.6, 0.95)),
    )
    parts = [s.heading(1), s.paragraph(10, 40) if pen.rng.random() < 0.6 else ""]
    for k in range(pen.rng.randint(2, 4)):
        parts.append(section(s, f"{k + 1}. {pen.phrase(1, 3)}"))
        for _ in range(pen.rng.randint(2, 5)):
            count = pen.rng.choice((1, 2, 2, 3))
            fields = [field(s, filled, style) for _ in range(count)]
            parts.append(lay(fields, [pen.rng.choice((1.0, 1.0, 1.8)) for _ in range(count)], 10))
        if pen.rng.random() < 0.5:
            ticks = [
                s.m.set(f"{pen.rng.choice('☐☐☒')} {pen.phrase(1, 3)}", "list") for _ in range(pen.rng.randint(2, 4))
            ]
            parts.append(lay(ticks, [1.0] * len(ticks), 8))
    parts.append(s.paragraph(15, 50))
    parts.append(lay([field(s, filled, "line"), field(s, filled, "line")], [1, 1], 24))
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def section(s: Sheet, text: str) -> str:
    """Return a form's section heading, plain or on a bar."""
    if s.rng.random() < 0.4:
        s.m.ink, ink = (7, 7, 7), s.m.ink
        inner = s.m.set(text, "title", 2)
        s.m.ink = ink
        return f'#block(width: 100%, fill: rgb("{s.rng.choice(DARKS)}"), inset: 3pt)[#strong[{inner}]]\n'
    return s.heading(2, text)


def invoice(pen: Pen) -> Written:
    """An invoice: sender and recipient, labels and values at the right, a table of items, sums, terms."""
    s = Sheet.designed(pen)
    s.indent = 0
    right = pen.rng.random() < 0.6
    firm = s.set(pen.firm(), "title", level=1, size="17pt", weight='"bold"', align="left" if right else "center")
    to = (
        s.set("Bill to", "title", level=3, weight='"bold"', below="0.4em") if pen.rng.random() < 0.6 else ""
    ) + address(s)
    block = s.m.block("table")
    facts = [
        (label, value)
        for label, value in (
            ("Invoice No.", pen.code()),
            ("Date", pen.date()),
            ("Due date", pen.date()),
            ("Customer", pen.code()),
        )
    ]
    cells = s.m.cells(facts, block)
    meta = (
        f"#table(columns: 2, stroke: {pen.rng.choice(('none', '0.4pt'))}, inset: 3pt, "
        f"{', '.join(f'[{c}]' for row in cells for c in row)})"
    )
    parts = [
        firm,
        lay([to, f"#align(right)[{meta}]"], [1, 1], 20),
        s.set(f"INVOICE {pen.rng.randint(1000, 99999)}", "title", level=2, weight='"bold"', size="14pt", above="1.5em"),
    ]
    header = ["Pos.", "Description", "Qty", "Unit price", "Amount"]
    rows = [header] + [
        [str(k + 1), pen.goods(), str(pen.rng.randint(1, 60)), pen.amount(), pen.amount()]
        for k in range(pen.rng.randint(2, 14))
    ]
    parts.append(s.table(rows, "(auto, 1fr, auto, auto, auto)"))
    block = s.m.block("table")
    sums = s.m.cells([("Subtotal", pen.amount()), ("VAT 19 %", pen.amount()), ("Total", f"EUR {pen.amount()}")], block)
    parts.append(
        "#align(right)[#table(columns: 2, stroke: none, align: right, inset: 3pt, "
        f"{', '.join(f'[{c}]' for row in sums for c in row)})]\n"
    )
    parts.append(s.paragraph(15, 45))
    foot = s.furniture(f"{pen.firm()} · {pen.street()} · {pen.town()}", "footer", "center")
    return s.m, s.setup(footer=foot) + "".join(parts)


def receipt(pen: Pen) -> Written:
    """A till receipt: a narrow strip, items with prices at the right, in one face for all."""
    s = Sheet.designed(pen, (pen.rng.uniform(190, 260), 480))
    s.margin, s.size, s.indent, s.justify = 14, pen.rng.uniform(7.5, 9.5), 0, False
    s.face = pen.rng.choice(("DejaVu Sans Mono", "Liberation Mono", "Liberation Sans Narrow"))
    parts = [s.set(pen.firm(), "title", level=1, align="center", weight='"bold"', below="0.4em")]
    block = s.m.block("text")
    where = BREAK.join(
        s.m.run(text, block) for text in (pen.street(), pen.town(), f"Tel {pen.rng.randint(100000, 999999)}")
    )
    parts.append(f"#align(center)[{where}]\n#v(0.6em)\n")
    block = s.m.block("table")
    cells = s.m.cells([(pen.goods()[:16], pen.amount()) for _ in range(pen.rng.randint(3, 14))], block)
    cells += s.m.cells([("SUBTOTAL", pen.amount()), ("TAX", pen.amount()), ("TOTAL", pen.amount())], block)
    inner = ", ".join(f"[{cell}]" for row in cells for cell in row)
    rule = '#line(length: 100%, stroke: (dash: "dashed", thickness: 0.5pt))\n' if pen.rng.random() < 0.6 else ""
    parts.append(f"{rule}#grid(columns: (1fr, auto), row-gutter: 0.5em, {inner})\n#v(0.5em)\n{rule}")
    parts.append(
        s.set(
            f"{pen.date()} {pen.rng.randint(8, 21)}:{pen.rng.randint(10, 59)} Till {pen.rng.randint(1, 9)}",
            align="center",
        )
    )
    parts.append(s.set(pen.sentence(4, 9), align="center"))
    return s.m, s.setup() + "".join(parts)


def statement(pen: Pen) -> Written:
    """A financial report: wide tables of figures with sections, notes under them, text between."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    head = s.running("header")
    parts = [s.heading(1)]
    for _ in range(2):
        parts.append(s.heading(2))
        parts.append(s.paragraph(20, 60) if pen.rng.random() < 0.7 else "")
        years = [str(2026 - k) for k in range(pen.rng.randint(2, 5))]
        rows = [["EUR thousand", *years]]
        for _ in range(pen.rng.randint(2, 4)):
            rows.append([pen.phrase(1, 3), *[""] * len(years)])
            rows += [
                ["  " + pen.phrase(1, 4), *[pen.number(99999) for _ in years]] for _ in range(pen.rng.randint(2, 5))
            ]
            rows.append([f"Total {pen.phrase(1, 2).lower()}", *[pen.number(999999) for _ in years]])
        parts.append(
            s.table(rows, f"(2.4fr, {'1fr, ' * len(years)})", pen.rng.choice(("book", "lines", "bare", "zebra")))
        )
        parts.append(s.caption("Note") if pen.rng.random() < 0.4 else "")
    parts.append(s.paragraphs(2, 30, 80))
    notes = s.footnotes(pen.rng.randint(1, 3)) if pen.rng.random() < 0.4 else ""
    return s.m, s.setup(header=head, footer=s.running("footer")) + notes + "".join(parts)


def resume(pen: Pen) -> Written:
    """A curriculum vitae: a coloured column of facts beside a column of stations with dates."""
    s = Sheet.designed(pen)
    s.indent, s.size, s.margin = 0, min(s.size, 9.5), 36
    left = pen.rng.random() < 0.6
    top = s.set(pen.name(), "title", level=1, size="22pt", weight='"bold"') + s.set(pen.phrase(2, 4), size="11pt")

    def facts() -> str:
        dark = pen.rng.random() < 0.5
        s.m.ink = (7, 7, 7) if dark else (0, 0, 0)
        made = ""
        for title in pen.rng.sample(("Contact", "Skills", "Languages", "Interests", "Awards"), 4):
            made += s.heading(3, title)
            made += "".join(
                s.set(f"{s.bullet} {pen.phrase(1, 3)}", "list", above="0.4em", below="0.4em")
                for _ in range(pen.rng.randint(2, 5))
            )
        s.m.ink = (0, 0, 0)
        return f'#block(width: 100%, inset: 9pt, fill: rgb("{pen.rng.choice(DARKS if dark else TINTS)}"))[{made}]'

    def stations() -> str:
        made = ""
        for title in ("Experience", "Education"):
            made += s.heading(2, title)
            for _ in range(pen.rng.randint(2, 3)):
                block = s.m.block("title", level=3)
                place, years = (
                    s.m.run(pen.firm(), block),
                    s.m.more(f"{pen.rng.randint(1995, 2010)}–{pen.rng.randint(2011, 2026)}"),
                )
                made += f"#grid(columns: (1fr, auto), [#strong[{place}]], [{years}])\n"
                made += (
                    s.paragraph(10, 30)
                    if pen.rng.random() < 0.5
                    else s.items(pen.rng.randint(2, 4), 5, 14, ordered=False)
                )
        return made

    columns = [facts(), stations()] if left else [stations(), facts()]
    return s.m, s.setup() + top + lay(columns, [1, 2.2] if left else [2.2, 1], 16)


def labels(pen: Pen) -> Written:
    """A sheet of address labels: a grid of small blocks, read row by row."""
    s = Sheet.designed(pen)
    s.indent, s.margin, s.size, s.justify = 0, 24, min(s.size, 9), False
    across, down = pen.rng.choice(((2, 6), (3, 7), (3, 8), (4, 9)))
    cells = ", ".join(f"[{address(s, pen.rng.choice((3, 4)))}]" for _ in range(across * down))
    stroke = pen.rng.choice(("none", "0.3pt"))
    rows = (s.height - 48) / down
    return (
        s.m,
        s.setup() + f"#grid(columns: ({'1fr, ' * across}), rows: {rows:.1f}pt, inset: 6pt, stroke: {stroke}, {cells})",
    )


def catalogue(pen: Pen) -> Written:
    """Goods in a grid: a picture, a name, a few words and a price each; read row by row, each to its end."""
    s = Sheet.designed(pen)
    s.indent, s.size, s.justify = 0, min(s.size, 9), False
    head = s.running("header")
    title = s.heading(1) if pen.rng.random() < 0.6 else ""
    across = pen.rng.choice((2, 3, 3, 4))
    cells = []
    for _ in range(across * pen.rng.randint(2, 3)):
        picture = s.picture(pen.rng.uniform(60, 80))
        name = s.set(f"{pen.goods()} {pen.code()}", "title", level=3, weight='"bold"', above="0.4em", below="0.4em")
        text = s.paragraph(6, 20)
        price = s.set(
            f"{pen.rng.choice('€$£')} {pen.amount()}",
            weight='"bold"',
            size=f"{s.size * 1.2:.1f}pt",
            align=pen.rng.choice(("left", "right")),
        )
        cells.append(f"#block(breakable: false)[{picture}{name}{text}{price}]")
    inner = ", ".join(f"[{cell}]" for cell in cells)
    return s.m, s.setup(
        header=head, footer=s.running("footer")
    ) + title + f"#grid(columns: ({'1fr, ' * across}), gutter: {s.gutter}pt, {inner})"


FAMILIES = (
    Family("letter", "business", letter),
    Family("memo", "business", memo),
    Family("contract", "business", contract, later=0.3),
    Family("form", "business", form),
    Family("invoice", "business", invoice, ENGLISH),
    Family("receipt", "business", receipt, ENGLISH),
    Family("statement", "business", statement),
    Family("resume", "business", resume),
    Family("labels", "business", labels, ENGLISH),
    Family("catalogue", "business", catalogue, held_out=True),
)

"""Many small pieces in rows, columns and panels: glossaries, leaflets, programmes, products, questionnaires."""

from __future__ import annotations

from loaders.relate.synthesize.families.articles import lay
from loaders.relate.synthesize.families.family import Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import Sheet

Written = tuple[Manuscript, str]


def glossary(pen: Pen) -> Written:
    """Terms and what they mean, in one column or two: beside each other, hanging, or the meaning below."""
    s = Sheet.designed(pen)
    count, look = pen.rng.choice((1, 1, 2)), pen.rng.choice(("run", "hang", "below", "beside"))
    look = "hang" if count == 2 and look == "beside" else look
    head = s.running("header")
    parts = [s.heading(1, "Glossary")] if pen.rng.random() < 0.5 else []
    for _ in range(18 * count):
        if pen.rng.random() < 0.08:
            parts.append(s.heading(2, pen.rng.choice("ABCDEFGHKLMNOPRSTW")))
        block = s.m.block("text")
        term = f"#strong[{s.m.run(pen.phrase(1, 3) + pen.rng.choice(('', ':', '.', ' –')), block)}]"
        meaning = pen.paragraph(5, 40)
        if look == "beside":
            parts.append(f"#grid(columns: (1fr, 3fr), column-gutter: 1em, [{term}], [{s.m.run(meaning, block)}])\n")
        elif look == "below":
            parts.append(f"#block[{term} \\ #pad(left: 1.5em)[{s.m.run(meaning, block)}]]\n")
        else:
            hang = "1.4em" if look == "hang" else "0em"
            parts.append(f"#par(hanging-indent: {hang}, first-line-indent: 0pt)[{term} {s.m.more(meaning)}]\n\n")
    return s.m, s.setup(count, head, s.running("footer")) + s.unindented("".join(parts))


def leaflet(pen: Pen) -> Written:
    """A sheet to be folded: panels side by side, each read to its end, some on tints."""
    s = Sheet.designed(pen, (842, 595))
    s.size, s.margin, s.indent = min(s.size, 9.5), pen.rng.uniform(20, 36), 0
    top = s.heading(1, align="center") if pen.rng.random() < 0.3 else ""
    panels = []
    for _ in range(count := pen.rng.choice((2, 3, 3, 4))):
        inner = ""
        for _ in range(pen.rng.randint(2, 4)):
            makers = (
                lambda: s.heading(2) + s.paragraph(15, 50),
                lambda: s.heading(3) + s.items(pen.rng.randint(2, 5), 2, 12),
                lambda: s.picture(pen.rng.uniform(40, 90)),
                lambda: s.paragraph(15, 60),
                lambda: s.set(pen.sentence(5, 14), size=f"{s.size * 1.25:.1f}pt", style='"italic"', align="center"),
            )
            inner += pen.rng.choice(makers)()
        panels.append(s.boxed(inner) if pen.rng.random() < 0.3 else inner)
    return s.m, s.setup() + top + lay(panels, [1.0] * count, pen.rng.choice((14, 20, 30)), pen.rng.random() < 0.2)


def programme(pen: Pen) -> Written:
    """What happens when: a time, what it is, and who; under days or rooms."""
    s = Sheet.designed(pen)
    parts, ruled = [s.heading(1)], pen.rng.random() < 0.4
    for _ in range(pen.rng.randint(2, 4)):
        parts.append(s.heading(2, pen.date() if pen.rng.random() < 0.5 else pen.phrase(1, 3)))
        hour = pen.rng.randint(7, 10)
        for k in range(pen.rng.randint(3, 7)):
            block = s.m.block("text")
            time = s.m.run(f"{hour + k}:{pen.rng.choice(('00', '15', '30', '45'))}", block)
            what = f"#strong[{s.m.more(pen.phrase(2, 7))}]"
            if pen.rng.random() < 0.7:
                what += f" \\ {s.m.run(', '.join(pen.name() for _ in range(pen.rng.randint(1, 3))), block)}"
            if pen.rng.random() < 0.3:
                what += f" \\ {s.m.run(pen.paragraph(8, 25), block)}"
            parts.append(f"#grid(columns: (4em, 1fr), column-gutter: 1em, [{time}], [{what}])\n")
            parts.append("#line(length: 100%, stroke: 0.3pt)\n" if ruled else "")
    return s.m, s.setup(header=s.running("header"), footer=s.running("footer")) + s.unindented("".join(parts))


def products(pen: Pen) -> Written:
    """Things for sale in a grid, row by row: a picture, a name, a line or two, a price."""
    s = Sheet.designed(pen)
    s.size, s.indent = min(s.size, 9), 0
    head = s.running("header")
    title = s.heading(1) if pen.rng.random() < 0.6 else ""
    across, framed = pen.rng.choice((2, 3, 3, 4)), pen.rng.random() < 0.4
    cells = []
    for _ in range(across * pen.rng.randint(2, 4)):
        picture = s.picture(pen.rng.uniform(35, 70)) if pen.rng.random() < 0.8 else ""
        name = s.set(pen.goods(), "title", level=3, weight='"bold"', above="0.3em", below="0.4em")
        text = s.paragraph(4, 18) if pen.rng.random() < 0.7 else ""
        price = s.set(f"{pen.rng.choice('€$£')} {pen.amount()}", above="0.3em", below="0.3em")
        cells.append(f"[{picture}{name}{text}{price}]")
    stroke = "0.4pt" if framed else "none"
    grid = (
        f"#grid(columns: ({'1fr, ' * across}), column-gutter: 12pt, row-gutter: 14pt, stroke: {stroke}, "
        f"inset: 5pt, {', '.join(cells)})\n"
    )
    return s.m, s.setup(header=head, footer=s.running("footer")) + title + grid


def questionnaire(pen: Pen) -> Written:
    """Questions in bold, which are no headings, each with its answers to tick or a line to write on."""
    s = Sheet.designed(pen)
    s.indent = 0
    head, label = s.running("header"), pen.rng.choice(("{}.", "Q{}", "Q{}.", "{})", "Question {}:"))
    parts = [s.heading(1) + s.paragraph(15, 50) if pen.rng.random() < 0.6 else ""]
    weight = '"bold"' if pen.rng.random() < 0.7 else '"regular"'
    for k in range(pen.rng.randint(4, 9)):
        parts.append(s.heading(2) if pen.rng.random() < 0.12 else "")
        parts.append(
            s.set(f"{label.format(k + 1)} {pen.sentence(5, 22)[:-1]}?", "list", weight=weight, above="1.2em")
            if pen.rng.random() < 0.9
            else s.paragraph(10, 40)
        )
        mark = pen.rng.choice(("□", "○", "a)", "•"))
        answers = range(pen.rng.choice((0, 2, 3, 4, 5)))
        parts += [s.set(f"{mark} {pen.phrase(1, 8)}", "list", above="0.5em", below="0.5em") for _ in answers]
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


FAMILIES = (
    Family("glossary", "books", glossary, later=0.2),
    Family("leaflet", "articles", leaflet),
    Family("programme", "business", programme),
    Family("products", "business", products),
    Family("questionnaire", "business", questionnaire),
)

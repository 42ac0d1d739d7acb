"""Pages of books and reference works: novels, dictionaries, indices, contents, plays, notes."""

from __future__ import annotations

from loaders.relate.synthesize.families.articles import column_rules, initial, lay
from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import FIRST, Pen, prose_of
from loaders.relate.synthesize.sheet import Sheet

BREAK = " \\ "
Written = tuple[Manuscript, str]


def novel(pen: Pen) -> Written:
    """A page of a novel: a running head, indented paragraphs, a chapter's title now and then."""
    s = Sheet.designed(pen, pen.rng.choice(((369, 567), (420, 595), (432, 648))))
    s.margin, s.spacing, s.indent, s.justify = 0.12 * s.width, s.leading, 1.5, True
    number, title = str(pen.rng.randint(2, 600)), pen.heading()
    if pen.rng.random() < 0.6:
        texts = [number, title] if pen.rng.random() < 0.5 else [title, number]
        cells = [s.m.set(t, "page_number" if t == number else "header", place="header") for t in texts]
        head, foot = f"#grid(columns: (auto, 1fr, auto), [{cells[0]}], [], [{cells[1]}])", ""
    else:
        head, foot = (
            s.furniture(title, "header", "center") if pen.rng.random() < 0.5 else "",
            s.furniture(number, "footer", "center", "page_number"),
        )
    chapter = ""
    if pen.rng.random() < 0.4:
        chapter = s.set(
            f"{pen.rng.choice(('Chapter', 'CHAPTER', 'Part'))} {pen.rng.randint(1, 40)}",
            "title",
            level=1,
            align="center",
            size="16pt",
            above="4em",
        )
        chapter += s.heading(2, align="center") if pen.rng.random() < 0.6 else ""
        chapter += initial_in(s) if pen.rng.random() < 0.4 else ""
    body = [s.paragraph(8, 130) for _ in range(9)]
    if pen.rng.random() < 0.3:
        body.insert(3, s.set("* * *", "text", align="center"))
    if pen.rng.random() < 0.3:
        body.insert(4, f"#pad(x: 8%)[#set text(size: 0.9em)\n{s.paragraph(20, 60)}]\n\n")
    return s.m, s.setup(header=head, footer=foot) + chapter + "".join(body)


def initial_in(s: Sheet) -> str:
    """Return an initial over the whole width of the page."""
    gutter, s.gutter = s.gutter, -s.inner  # as wide as the page, not as half of it
    made = initial(s)
    s.gutter = gutter
    return made


def dictionary(pen: Pen) -> Written:
    """Entries in two or three narrow columns: a bold head word, grammar, meanings."""
    s = Sheet.designed(pen)
    s.size = pen.rng.uniform(6.5, 8.5)
    count = pen.rng.choice((2, 3))
    first, last = sorted((pen.phrase(1, 1).lower(), pen.phrase(1, 1).lower()))
    cells = [
        s.m.set(first, "header", place="header"),
        s.m.set(str(pen.rng.randint(1, 999)), "page_number", place="header"),
        s.m.set(last, "header", place="header"),
    ]
    head = f"#grid(columns: (1fr, auto, 1fr), align: (left, center, right), {', '.join(f'[{cell}]' for cell in cells)})"
    entries = []
    for word in sorted(pen.phrase(1, 1).lower() for _ in range(count * 22)):
        block = s.m.block("text")
        entry = (
            f"#strong[{s.m.run(word, block)}] #emph"
            f"[{s.m.more(pen.rng.choice(('n.', 'v.t.', 'adj.', 'adv.', 'n. pl.')))}] "
        )
        senses = pen.rng.choice((1, 1, 2, 3))
        for k in range(senses):
            entry += s.m.more((f"{k + 1}. " if senses > 1 else "") + pen.sentence(4, 22)) + " "
        entries.append(f"#par(hanging-indent: 1em, first-line-indent: 0pt, spacing: 0.55em)[{entry}]\n\n")
    rule = column_rules(s, count) if pen.rng.random() < 0.4 else ""
    return s.m, s.setup(count, head) + rule + "".join(entries)


def bibliography(pen: Pen) -> Written:
    """References, numbered or with hanging indents, in one or two columns."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 9.5)
    count = pen.rng.choice((1, 1, 2))
    head, numbered = s.running("header"), pen.rng.random() < 0.5
    parts = [s.heading(2, pen.rng.choice(("References", "Bibliography", "Literature", "Works cited")))]
    for k in range(34 * count):
        block = s.m.block("list")
        mark = s.m.run(f"[{k + 1}]", block) if numbered else ""
        names = ", ".join(
            f"{pen.name().split()[-1]}, {pen.rng.choice('ABCDEFGHJKLM')}." for _ in range(pen.rng.randint(1, 4))
        )
        entry = f"{names} ({pen.rng.randint(1950, 2025)}). {pen.sentence(5, 13)}"
        journal = (
            f"{pen.phrase(2, 4)}, {pen.rng.randint(1, 80)}({pen.rng.randint(1, 12)}), "
            f"{pen.rng.randint(1, 400)}–{pen.rng.randint(401, 900)}."
        )
        if numbered:
            text = f"{s.m.more(entry)} #emph[{s.m.more(journal)}]"
            parts.append(
                "#block(above: 0.6em, below: 0.6em)[#set par(first-line-indent: 0pt)\n#grid(columns: "
                f"(2.2em, 1fr), [{mark}], [{text}])]\n"
            )
        else:
            text = f"{s.m.run(entry, block)} #emph[{s.m.more(journal)}]"
            parts.append(f"#par(hanging-indent: 1.5em, first-line-indent: 0pt)[{text}]\n\n")
    return s.m, s.setup(count, head, s.running("footer")) + "".join(parts)


def index(pen: Pen) -> Written:
    """An index in columns: terms with page numbers, some with leaders, some indented below others."""
    s = Sheet.designed(pen)
    s.size = pen.rng.uniform(7, 9.5)
    count, leaders = pen.rng.choice((2, 3, 3, 4)), pen.rng.random() < 0.5
    head = s.running("header")
    title = (
        f'#place(top, float: true, scope: "parent", clearance: 1.5em)[{s.heading(1, "Index")}]\n'
        if pen.rng.random() < 0.6
        else ""
    )
    parts, letter = [], ""
    for term in sorted(pen.phrase(1, 3) for _ in range(count * 50)):
        if term[0].upper() != letter:
            letter = term[0].upper()
            parts.append(
                s.set(
                    letter,
                    "title",
                    level=3,
                    weight='"bold"',
                    align=pen.rng.choice(("left", "center")),
                    above="1em",
                    below="0.6em",
                )
            )
        parts.append(entry(s, term, numbers(pen), leaders, 0))
        below = range(pen.rng.choice((0, 0, 0, 1, 3)))
        parts += [entry(s, pen.phrase(1, 3).lower(), numbers(pen), leaders, 1) for _ in below]
    return s.m, s.setup(count, head, s.running("footer")) + title + "".join(parts)


def numbers(pen: Pen) -> str:
    """Return the page numbers of an index entry."""
    pages = sorted(pen.rng.sample(range(1, 900), pen.rng.choice((1, 1, 2, 3))))
    return ", ".join(str(page) if pen.rng.random() < 0.8 else f"{page}–{page + 3}" for page in pages)


def entry(s: Sheet, term: str, pages: str, leaders: bool, depth: int) -> str:
    """Return one entry of an index or of contents; leader dots are words of its line."""
    block = s.m.block("index")
    text = s.m.run(term + ("" if leaders else ","), block)
    if leaders:
        text += f" #box(width: 1fr)[{s.m.raw(s.rng.choice(LEADERS))}] {s.m.more(pages)}"
    else:
        text += " " + s.m.more(pages)
    return (
        f"#block(above: 0.45em, below: 0.45em, inset: (left: {depth * 1.2}em))[#set "
        f"par(first-line-indent: 0pt, justify: false, hanging-indent: 2em)\n{text}]\n"
    )


LEADERS = ("#repeat[.]", "#repeat[. ]", "#repeat(gap: 0.3em)[.]", "#repeat[ . ]")


def contents(pen: Pen) -> Written:
    """A table of contents: numbered titles, leaders or white, page numbers at the right."""
    s = Sheet.designed(pen)
    head, leader = s.running("header"), pen.rng.choice((*LEADERS, "", ""))
    parts = [s.heading(1, pen.rng.choice(("Contents", "Table of Contents", "Inhalt", "Sommaire")))]
    page, numbered, gap = 1, pen.rng.random() < 0.7, pen.rng.uniform(0.4, 1.0)
    for chapter in range(1, pen.rng.randint(6, 12)):
        titles = [(0, str(chapter))] + [(1, f"{chapter}.{k + 1}") for k in range(pen.rng.randint(0, 5))]
        for depth, number in titles:
            page += pen.rng.randint(0, 9)
            block = s.m.block("index")
            title = pen.heading()[:60]
            text = s.m.run(f"{number} {title}" if numbered else title, block)
            white = s.m.raw(leader) if leader else ""
            line = f"{text} #box(width: 1fr)[{white}] {s.m.more(str(page))}"
            look = '#set text(weight: "bold")\n' if depth == 0 and gap > 0.6 else ""
            parts.append(
                f"#block(above: {gap:.2f}em, below: {gap:.2f}em, inset: (left: {depth * 1.6}em))[{look}"
                f"#set par(first-line-indent: 0pt, justify: false)\n{line}]\n"
            )
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def notes(pen: Pen) -> Written:
    """Scholarly text over many footnotes, in one column or two."""
    s = Sheet.designed(pen)
    head, count = s.running("header"), pen.rng.choice((1, 1, 2))
    body = s.paragraphs(7 * count, 60, 140)
    foot = s.footnotes(pen.rng.randint(3, 9))
    return s.m, s.setup(count, head, s.running("footer")) + foot + body


def play(pen: Pen) -> Written:
    """A play: speakers in capitals, speeches beside or below them, directions in italics."""
    s = Sheet.designed(pen)
    head, style = s.running("header"), pen.rng.choice(("beside", "below", "within"))
    cast = [name.upper() for name in pen.rng.sample(FIRST, 4)]
    parts = [s.heading(2, f"Scene {pen.rng.randint(1, 9)}", align="center")] if pen.rng.random() < 0.6 else []
    for _ in range(22):
        if pen.rng.random() < 0.2:
            parts.append(s.set(f"[{pen.sentence(4, 14)}]", style='"italic"', align=pen.rng.choice(("left", "center"))))
        name, speech = pen.rng.choice(cast), pen.sentence(4, 50)
        if style == "beside":
            block = s.m.block("text")
            cells = s.m.run(name, block), s.m.more(speech)
            parts.append(
                "#block(above: 0.7em, below: 0.7em)[#set par(first-line-indent: 0pt)\n#grid(columns: "
                f"(6em, 1fr), [{cells[0]}], [{cells[1]}])]\n"
            )
        elif style == "below":
            block = s.m.block("text")
            cells = s.m.run(name, block), s.m.run(speech, block)
            parts.append(
                "#block(above: 1em, below: 0.8em, inset: (x: 12%))[#set par(first-line-indent: 0pt)\n"
                f"#align(center)[{cells[0]}]#v(-0.4em)\n{cells[1]}]\n"
            )
        else:
            parts.append(s.set(f"{name}. {speech}", above="0.7em", below="0.7em"))
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def verse(pen: Pen) -> Written:
    """Poems: short lines in stanzas, one block each, in one column or two."""
    s = Sheet.designed(pen)
    head, count = s.running("header"), pen.rng.choice((1, 2))
    parts = []
    for _ in range(9):
        if pen.rng.random() < 0.3:
            parts.append(s.heading(2))
        block = s.m.block("text")
        lines = [s.m.run(pen.sentence(3, 8).rstrip("."), block) for _ in range(pen.rng.choice((2, 4, 4, 6)))]
        joined = BREAK.join(("#h(1em) " if k % 2 and count == 1 else "") + line for k, line in enumerate(lines))
        parts.append(
            "#block(breakable: false, above: 1.4em, below: 1.4em)[#set par(first-line-indent: 0pt, "
            f"justify: false)\n{joined}]\n\n"
        )
    return s.m, s.setup(count, head, s.running("footer")) + "".join(parts)


def bilingual(pen: Pen) -> Written:
    """One text in two languages side by side; each column is read to its end."""
    s = Sheet.designed(pen)
    head = s.running("header")
    columns = []
    for language in (pen.prose.language, pen.rng.choice(("de", "fr", "es", "it", "nl", "ru"))):
        pen.prose = prose_of(language, pen.prose.folder)
        parts = [s.heading(2)] if pen.rng.random() < 0.8 else []
        parts += [s.paragraph(20, 70) for _ in range(5)]
        columns.append("".join(parts))
    body = lay(columns, [1.0, 1.0], s.gutter, rules=pen.rng.random() < 0.3)
    return s.m, s.setup(header=head, footer=s.running("footer")) + body


def encyclopedia(pen: Pen) -> Written:
    """Articles of a few lines to a column, with small pictures and their captions, in three columns."""
    s = Sheet.designed(pen)
    s.size = min(s.size, 8.5)
    head = s.running("header")
    parts = []
    for _ in range(16):
        block = s.m.block("text")
        lemma = s.m.run(pen.phrase(1, 3), block)
        parts.append(f"#par(first-line-indent: 0pt)[#strong[{lemma}] {s.m.more(pen.paragraph(30, 90))}]\n\n")
        if pen.rng.random() < 0.4:
            parts.append(s.paragraph(30, 80))
        if pen.rng.random() < 0.3:
            parts.append(s.figure(pen.rng.uniform(50, 90)))
    return s.m, s.setup(3, head, s.running("footer")) + "".join(parts)


def exam(pen: Pen) -> Written:
    """Questions with answers to choose from, under each other or in a row, and lines to write on."""
    s = Sheet.designed(pen)
    head = s.running("header")
    parts = [s.heading(1), s.set(f"Name: {'_' * 24} Date: {'_' * 12}", above="1em", below="1.4em")]
    for k in range(10):
        block = s.m.block("list")
        cells = s.m.run(f"{k + 1}.", block), s.m.more(pen.sentence(8, 30))
        parts.append(
            "#block(above: 1.1em, below: 0.6em)[#set par(first-line-indent: 0pt)\n#grid(columns: "
            f"(1.8em, 1fr), [{cells[0]}], [{cells[1]}])]\n"
        )
        kind = pen.rng.randrange(4)
        if kind == 0:
            parts.append("".join("#line(length: 100%, stroke: 0.4pt)#v(0.8em)\n" for _ in range(pen.rng.randint(1, 3))))
        elif kind == 1:
            answers = [s.m.set(f"({letter}) {pen.phrase(1, 4)}", "list") for letter in "ABCD"]
            parts.append(
                "#pad(left: 1.8em)[#grid(columns: (1fr, 1fr, 1fr, 1fr), column-gutter: 1em, "
                f"{', '.join(f'[{a}]' for a in answers)})]\n"
            )
        elif kind == 2:
            parts += [
                f"#pad(left: 1.8em)[{s.set(f'{letter}. {pen.phrase(2, 9)}', 'list', above='0.5em', below='0.5em')}]"
                for letter in "abcd"
            ]
        else:
            parts.append(s.equation())
    return s.m, s.setup(header=head, footer=s.running("footer")) + "".join(parts)


def recipe(pen: Pen) -> Written:
    """A recipe: a title, ingredients in a narrow column, numbered steps in a wide one."""
    s = Sheet.designed(pen)
    units = ("g", "ml", "tbsp", "tsp", "cups", "pinch")
    title = s.heading(1) + s.paragraph(12, 35)
    facts = (
        s.set(f"Serves {pen.rng.randint(2, 8)} · {pen.rng.randint(10, 90)} minutes", style='"italic"')
        if pen.rng.random() < 0.6
        else ""
    )
    left = s.heading(3, "Ingredients")
    for _ in range(pen.rng.randint(6, 14)):
        left += s.set(
            f"{pen.rng.choice((1, 2, 3, 50, 100, 250, '½'))} {pen.rng.choice(units)} {pen.phrase(1, 2).lower()}",
            "list",
            above="0.5em",
            below="0.5em",
        )
    right = s.heading(3, "Method") + s.items(pen.rng.randint(4, 8), 12, 40, ordered=True)
    picture = s.picture(pen.rng.uniform(90, 180)) if pen.rng.random() < 0.6 else ""
    return s.m, s.setup() + title + facts + picture + lay([left, right], [1.0, pen.rng.uniform(1.6, 2.4)], s.gutter + 6)


FAMILIES = (
    Family("novel", "books", novel, later=0.3),
    Family("dictionary", "books", dictionary, held_out=True),
    Family("bibliography", "books", bibliography, ENGLISH),
    Family("index", "books", index),
    Family("contents", "books", contents),
    Family("notes", "books", notes),
    Family("play", "books", play, later=0.2),
    Family("verse", "books", verse),
    Family("bilingual", "books", bilingual),
    Family("encyclopedia", "books", encyclopedia, later=0.2),
    Family("exam", "books", exam),
    Family("recipe", "books", recipe),
)

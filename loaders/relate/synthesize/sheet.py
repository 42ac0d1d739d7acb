"""The parts Typst pages are made of, in one random design per page: type, spacing, headings, lists, tables, figures.

A Sheet belongs to one page. Its methods open blocks in the manuscript, so call them in reading order, and return Typst
markup, so put it where it is to stand.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from loaders.relate.synthesize.manuscript import Manuscript, Place
from loaders.relate.synthesize.prose import Pen

SERIF = ("Liberation Serif", "DejaVu Serif", "Noto Serif", "Libertinus Serif", "New Computer Modern")
SANS = ("Liberation Sans", "DejaVu Sans", "Noto Sans", "Liberation Sans Narrow")
MONO = ("DejaVu Sans Mono", "Liberation Mono")
FACES = {
    "ar": ("Noto Naskh Arabic", "Noto Sans Arabic", "Noto Kufi Arabic"),
    "fa": ("Noto Naskh Arabic", "Noto Sans Arabic"),
    "zh": ("Noto Serif CJK SC", "Noto Sans CJK SC"),
    "ja": ("Noto Serif CJK JP", "Noto Sans CJK JP"),
    "ko": ("Noto Serif CJK KR", "Noto Sans CJK KR"),
    "el": ("DejaVu Serif", "Noto Serif", "Liberation Serif", "DejaVu Sans"),
    "ru": ("DejaVu Serif", "Noto Serif", "Liberation Serif", "Liberation Sans"),
}
PAPERS = ((595, 842), (612, 792), (595, 842), (612, 792), (499, 709), (420, 595), (540, 720))
TINTS = ("e8eef7", "f3f3f3", "fdf3dc", "e6f2e6", "dddddd", "cfd8e3", "f7e1e1")
DARKS = ("1f2a44", "333333", "5a1a1a", "0b3d2e", "000000")
BULLETS = ("•", "–", "▪", "◦", "*", "‣", "-")
MORE_COLUMNS_THAN_ONE = 2


@dataclass
class Sheet:
    """One page's design and its manuscript; lengths in points.

    scales         sizes of headings of levels 1 to 3, beside the text's; `capitals`: they are set in capitals
    leads          chance that a paragraph or an item begins with a few bold words, which are no heading
    running_scale  size of running heads and feet, beside the text's
    """

    m: Manuscript
    width: float = 595
    height: float = 842
    margin: float = 60
    size: float = 10
    face: str = "Libertinus Serif"
    head_face: str = "Libertinus Serif"
    leading: float = 0.6
    spacing: float = 0.6
    indent: float = 1.2
    justify: bool = True
    gutter: float = 16
    heads: str = "bold"
    head_colour: tuple[int, int, int] = (0, 0, 0)
    scales: tuple[float, float, float] = (1.9, 1.35, 1.12)
    capitals: bool = False
    leads: float = 0.0
    running_scale: float = 0.85
    numbered: bool = False
    bullet: str = "•"
    styled: float = 0.3
    section: list[int] = field(default_factory=lambda: [0, 0, 0])
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def designed(cls, pen: Pen, paper: tuple[float, float] | None = None) -> Sheet:
        """Draw a design."""
        rng, language = pen.rng, pen.prose.language
        width, height = paper or rng.choice(PAPERS)
        faces = FACES.get(language, SERIF + SANS if rng.random() < 0.8 else SERIF)
        face = rng.choice(faces)
        size = rng.choice((7.5, 8, 8.5, 9, 9.5, 10, 10, 10.5, 11, 12)) * (0.9 if width < 500 else 1)
        indented = rng.random() < 0.5
        heads = rng.choice(("bold", "bold", "bold", "regular", "italic"))
        second = rng.uniform(1.0 if heads == "bold" else 1.15, 1.6)
        return cls(
            Manuscript(pen, "typst"),
            width=width,
            height=height,
            margin=rng.uniform(0.06, 0.13) * width,
            size=size,
            face=face,
            head_face=face if rng.random() < 0.5 else rng.choice(faces),
            leading=rng.uniform(0.42, 0.85),
            spacing=rng.uniform(0.5, 0.8) if indented else rng.uniform(0.9, 1.6),
            indent=rng.uniform(0.8, 2.2) if indented else 0,
            justify=rng.random() < 0.65,
            gutter=rng.choice((8, 9, 10, 11, 12, 14, 16, 18, 22, 28)),
            heads=heads,
            head_colour=rng.choice(((0, 0, 0), (0, 0, 0), (0, 0, 4), (4, 0, 0), (0, 3, 2))),
            scales=(max(rng.uniform(1.4, 2.6), second), second, min(rng.uniform(1.0, 1.25), second)),
            capitals=rng.random() < 0.12,
            leads=rng.choice((0, 0, 0.1, 0.5)),
            running_scale=rng.uniform(0.7, 1.0) if rng.random() < 0.75 else rng.uniform(1.0, 1.8),
            numbered=rng.random() < 0.35,
            bullet=rng.choice(BULLETS),
            styled=rng.choice((0, 0.3, 0.6)),
        )

    @property
    def rng(self) -> random.Random:
        return self.m.pen.rng

    @property
    def pen(self) -> Pen:
        return self.m.pen

    @property
    def inner(self) -> float:
        """Width between the margins."""
        return self.width - 2 * self.margin

    def setup(self, columns: int = 1, header: str = "", footer: str = "", fill: str = "") -> str:
        """Return the rules that every page begins with."""
        language = self.pen.prose.language
        indent = f"(amount: {self.indent:.2f}em, all: {'true' if self.rng.random() < 0.5 else 'false'})"
        paper = f', fill: rgb("{fill}")' if fill else ""
        return (
            f"#set page(width: {self.width}pt, height: {self.height}pt, margin: {self.margin:.1f}pt, "
            f"columns: {columns}, header: [{header}], footer: [{footer}]{paper})\n"
            f"#set columns(gutter: {self.gutter}pt)\n"
            f'#set text(font: ("{self.face}", "Noto Sans"), size: {self.size}pt, lang: "{language}", '
            f"hyphenate: {'true' if self.justify else 'false'})\n"
            f"#set par(justify: {'true' if self.justify else 'false'}, leading: {self.leading:.2f}em, "
            f"spacing: {self.spacing:.2f}em, first-line-indent: {indent})\n"
        )

    # -- blocks of text -------------------------------------------------------------------------------------------

    def paragraph(self, low: int = 30, high: int = 110, category: str = "text", place: Place = "body") -> str:
        """Return a paragraph."""
        block = self.m.block(category, place=place)
        self.m.runs.append(block)
        return self._led(self.pen.paragraph(low, high)) + "\n\n"

    def _led(self, text: str) -> str:
        """Return the markup of a text in the last run, its first words bold now and then."""
        if self.rng.random() >= self.leads or " " not in text:
            return self.m.more(text, self.styled)
        words = text.split()
        count = self.rng.randint(1, min(5, len(words) - 1))
        lead = self.m.more(" ".join(words[:count]).rstrip(".,") + self.rng.choice((".", ":", "")))
        return f"#strong[{lead}] {self.m.more(' '.join(words[count:]), self.styled)}"

    def paragraphs(self, count: int, low: int = 30, high: int = 110) -> str:
        return "".join(self.paragraph(low, high) for _ in range(count))

    def unindented(self, markup: str) -> str:
        return f"#[#set par(first-line-indent: 0pt)\n{markup}]\n\n"

    def set(self, text: str, category: str = "text", place: Place = "body", level: int = 0, **style: str) -> str:
        """Return a block of its own, with Typst text settings: size="8pt", weight='"bold"', align="center"."""
        return self.styled_block(self.m.set(text, category, level, place), **style)

    def styled_block(self, markup: str, **style: str) -> str:
        align = style.pop("align", "")
        above, below = style.pop("above", "0.8em"), style.pop("below", "0.8em")
        settings = ", ".join(f"{key}: {value}" for key, value in style.items())
        inner = f"#set text({settings})\n" if settings else ""
        aligned = f"#set align({align})\n" if align else ""
        return f"#block(above: {above}, below: {below})[#set par(first-line-indent: 0pt)\n{aligned}{inner}{markup}]\n\n"

    def heading(self, level: int = 2, text: str | None = None, align: str = "") -> str:
        """Return a heading: level 1 is the page's title."""
        scale = self.scales[level - 1]
        text = text or self.pen.heading()
        text = text.upper() if self.capitals else text
        if self.numbered and level > 1:
            self.section[level - 1] += 1
            self.section[level:] = [0] * len(self.section[level:])
            text = ".".join(str(n) for n in self.section[1:level]) + " " + text
        before, self.m.ink = self.m.ink, self.head_colour if self.m.ink == (0, 0, 0) else self.m.ink
        markup = self.m.set(text, "title", level)
        self.m.ink = before
        weight = {"bold": 'weight: "bold"', "regular": 'weight: "regular"', "italic": 'style: "italic"'}[self.heads]
        above = {1: 0.5, 2: 1.5, 3: 1.2}[level]
        aligned = f"#set align({align})\n" if align else ""
        return (
            f"#block(above: {above}em, below: {0.7 if level == 1 else above * 0.55:.2f}em, sticky: "
            "true)[#set par(first-line-indent: 0pt, "
            f'justify: false, leading: 0.5em)\n{aligned}#set text(font: ("{self.head_face}", "Noto Sans"), '
            f"size: {self.size * scale:.1f}pt, {weight}, hyphenate: {str(level > 1).lower()})\n{markup}]\n\n"
        )

    def items(self, count: int, low: int = 4, high: int = 30, ordered: bool | None = None) -> str:
        """Return a list, one block per item."""
        ordered = self.rng.random() < 0.4 if ordered is None else ordered
        style = self.rng.choice(("{}.", "{})", "({})", "{}"))
        hang, gap = self.rng.uniform(1.2, 2.2), self.rng.uniform(0.3, 0.9)
        left = self.rng.choice((0, 0, 1, 2))
        made = []
        for k in range(count):
            mark = style.format(k + 1) if ordered else self.bullet
            block = self.m.block("list")
            marker, text = self.m.run(mark, block), self._led(self.pen.paragraph(low, high))
            made.append(
                f"#block(above: {gap:.2f}em, below: {gap:.2f}em, inset: (left: {left}em))[#set "
                "par(first-line-indent: 0pt)\n"
                f"#grid(columns: ({hang:.2f}em, 1fr), [{marker}], [{text}])]\n"
            )
        return "\n" + "\n".join(made) + "\n\n"

    def caption(self, kind: str = "Figure") -> str:
        self.counts[kind] = self.counts.get(kind, self.rng.randint(0, 4)) + 1
        label = f"{kind} {self.counts[kind]}{self.rng.choice(('.', ':', ' –', '.'))}"
        text = f"{label} {self.pen.sentence(4, 22)}"
        size = self.size * self.rng.uniform(0.8, 0.95)
        return self.set(text, "caption", size=f"{size:.1f}pt", above="0.6em", below="1.2em")

    def source_note(self) -> str:
        """Return the line below a table that says where its figures come from."""
        label = self.rng.choice(("Source", "Sources", "Note"))
        text = f"{label}: {self.pen.phrase(1, 6)} ({self.rng.randint(1960, 2026)})"
        size = self.size * self.rng.uniform(0.75, 1.0)
        return self.set(text, "caption", size=f"{size:.1f}pt", above="0.4em", below="1.2em")

    def equation(self) -> str:
        """Return a displayed formula, numbered now and then."""
        block = self.m.block("equation")
        drawn = self.rng.choice(FORMULAS) if self.rng.random() < 0.3 else formula_of(self.rng)
        formula = self.m.raw(f"$ {drawn} $", block)
        if self.rng.random() < 0.5:
            number = self.m.more(f"({self.rng.randint(1, 40)})")
            return f"#block(width: 100%)[#grid(columns: (1fr, auto), align: horizon, [{formula}], [{number}])]\n\n"
        return f"#block(width: 100%)[{formula}]\n\n"

    def footnotes(self, count: int) -> str:
        """Return notes for the foot of a page or column, a rule above them."""
        notes = []
        for k in range(count):
            block = self.m.block("footnote", place="footnote")
            mark, text = self.m.run(str(k + 1), block), self.m.more(self.pen.sentence(6, 30))
            raised = f"#super(typographic: false)[{mark}] " if self.rng.random() < 0.7 else f"{mark} "
            notes.append(raised + text + "\n\n")
        size = self.size * 0.8
        return (
            f"#place(bottom, float: true, clearance: 1.2em)[#line(length: 30%, stroke: 0.5pt)#v(-0.4em)"
            f"#set text(size: {size:.1f}pt)\n#set par(first-line-indent: 0pt, spacing: 0.5em)\n{''.join(notes)}]\n"
        )

    def furniture(self, text: str, place: Place, align: str, category: str | None = None) -> str:
        """Return a running head or foot."""
        category = category or {"header": "header", "footer": "footer"}[place]
        inner = self.m.set(text, category, place=place)
        return f"#align({align})[{self._running_type()}{inner}]"

    def _running_type(self) -> str:
        """Return the type of running heads and feet: small as a rule, and now and then as large as a heading's."""
        weight = ', weight: "bold"' if self.rng.random() < 0.25 else ""
        size = self.size * self.running_scale
        return f"#set text(size: {size:.1f}pt{weight})\n#set par(first-line-indent: 0pt, justify: false)\n"

    def running(self, place: Place) -> str:
        """Return the head or foot of a page: title, page number, a rule, or nothing."""
        kind = self.rng.randrange(6)
        number = self.rng.choice(
            (str(self.rng.randint(1, 400)), f"Page {self.rng.randint(1, 40)}", f"– {self.rng.randint(1, 99)} –")
        )
        words = self.pen.heading() if self.rng.random() < 0.6 else self.pen.phrase(2, 5)
        words = words.upper() if self.rng.random() < 0.2 else words
        name = "header" if place == "header" else "footer"
        if kind == 0:
            return ""
        if kind in (1, 2):
            return self.furniture(number, place, self.rng.choice(("center", "right", "left")), "page_number")
        if kind == 3:
            return self.furniture(words, place, self.rng.choice(("center", "right", "left")))
        left = self.m.set(words, name, place=place)
        right = self.m.set(number, "page_number", place=place)
        rule = "#v(-0.6em)#line(length: 100%, stroke: 0.5pt)" if kind == 5 and place == "header" else ""
        set_in = self._running_type()
        return f"#[{set_in}#grid(columns: (1fr, auto), column-gutter: 1em, [{left}], [{right}])]{rule}"

    # -- tables and figures ---------------------------------------------------------------------------------------

    def rows(self, rows: int, columns: int, wordy: float = 0.2) -> list[list[str]]:
        """Return the texts of a table with a header row: labels first, then figures."""
        kinds = ["label"] + [("words" if self.rng.random() < wordy else "number") for _ in range(columns - 1)]
        head = [self.pen.phrase(1, 2) for _ in range(columns)]
        if self.rng.random() < 0.3:
            head[0] = ""
        most = 10 ** self.rng.randint(2, 6)
        make = {
            "label": lambda: self.pen.phrase(1, 4),
            "words": lambda: self.pen.phrase(1, 6),
            "number": lambda: self.pen.number(most) if self.rng.random() > 0.04 else self.rng.choice(("–", "n/a", "")),
        }
        return [head] + [[make[kind]() for kind in kinds] for _ in range(rows)]

    def table(
        self, rows: Sequence[Sequence[str]], columns: str = "", style: str | None = None, size: float | None = None
    ) -> str:
        """Return a table: one block, a run per cell."""
        style = style or self.rng.choice(("grid", "book", "zebra", "lines", "bare", "dark"))
        block = self.m.block("table")
        head = self.m.ink
        if style == "dark":
            self.m.ink = (7, 7, 7)
        cells = self.m.cells(rows[:1], block)
        self.m.ink = head
        cells += self.m.cells(rows[1:], block)
        bold = self.rng.random() < 0.7
        body = [f"[#strong[{cell}]]" if bold and cell else f"[{cell}]" for cell in cells[0]]
        body += [f"[{cell}]" for row in cells[1:] for cell in row]
        count = len(rows[0])
        numbers = self.rng.choice(("right", "center", "left"))
        align = f"(x, y) => if x == 0 {{ left }} else {{ {numbers} }}"
        tint = self.rng.choice(TINTS)
        stroke = {"grid": "0.5pt", "lines": "(x, y) => (bottom: 0.4pt)"}.get(style, "none")
        fill = {
            "zebra": f'(x, y) => if calc.odd(y) {{ rgb("{tint}") }}',
            "dark": f'(x, y) => if y == 0 {{ rgb("{self.rng.choice(DARKS)}") }}',
        }.get(style, "none")
        lines = ("table.hline(), ", "table.hline(), ", ", table.hline()") if style == "book" else ("", "", "")
        inset = f"(x: {self.rng.uniform(3, 7):.1f}pt, y: {self.rng.uniform(1.8, 5):.1f}pt)"
        size = size or self.size * self.rng.uniform(0.8, 0.95)
        inner = lines[0] + ", ".join(body[:count]) + ", " + lines[1] + ", ".join(body[count:]) + lines[2]
        columns = columns or self.rng.choice((f"(1.6fr, {'1fr, ' * (count - 1)})", f"({'auto, ' * count})"))
        return (
            f"#block(breakable: false, width: 100%)[#set text(size: {size:.1f}pt, hyphenate: false)\n"
            f"#set par(justify: false, leading: 0.45em, first-line-indent: 0pt)\n"
            f"#table(columns: {columns}, stroke: {stroke}, fill: {fill}, inset: {inset}, align: {align}, {inner})]\n\n"
        )

    def picture(self, height: float, width: str = "100%") -> str:
        """Return a picture without words: a raster, a box or a drawing."""
        kind = self.rng.randrange(3)
        if kind == 0:
            return (
                f'#rect(width: {width}, height: {height:.1f}pt, fill: rgb("{self.rng.choice(TINTS)}"), '
                f"stroke: {self.rng.choice(('none', '0.6pt'))})\n\n"
            )
        across, down = self.rng.randint(6, 12), self.rng.randint(5, 10)
        levels = ",".join(str(self.rng.randrange(256)) for _ in range(across * down * 3))
        raster = f'bytes(({levels})), format: (encoding: "rgb8", width: {across}, height: {down})'
        return f'#image({raster}, width: {width}, height: {height:.1f}pt, fit: "stretch")\n\n'

    def chart(self, height: float, width: str = "100%") -> str:
        """Return a chart with axes and labels: one block of category "figure", label by label, row by row."""
        size = max(self.size * 0.75, 5.5)
        block = self.m.block("figure")
        bars, ticks = self.rng.randint(3, 7), self.rng.randint(3, 5)
        placed = [f"#place(left + top, dx: 12%, line(angle: 90deg, length: {height * 0.8:.1f}pt, stroke: 0.6pt))"]
        placed.append(f"#place(left + top, dx: 12%, dy: {height * 0.8:.1f}pt, line(length: 85%, stroke: 0.6pt))")
        if self.rng.random() < 0.5:
            title = self.m.run(self.pen.phrase(2, 4), block)
            placed.append(f"#place(top + center, dy: -{size * 1.4:.1f}pt, [{title}])")
        step = 10 ** self.rng.randint(0, 3)
        for k in range(ticks, -1, -1):
            label = self.m.run(f"{k * step:,}", block)
            y = height * 0.8 * (1 - k / ticks) - size * 0.4
            placed.append(f"#place(left + top, dy: {y:.1f}pt, box(width: 10.5%, align(right)[{label}]))")
        names = [self.pen.phrase(1, 1)[:7] for _ in range(bars)]
        for k, name in enumerate(names):
            tall = self.rng.uniform(0.1, 0.75) * height
            x = 14 + 82 * k / bars
            tint = self.rng.choice((*DARKS, "7799cc", "cc8844", "88aa66"))
            placed.append(
                f"#place(left + top, dx: {x:.1f}%, dy: {height * 0.8 - tall:.1f}pt, rect(width: "
                f'{55 / bars:.1f}%, height: {tall:.1f}pt, fill: rgb("{tint}")))'
            )
            label = self.m.run(name, block)
            placed.append(f"#place(left + top, dx: {x:.1f}%, dy: {height * 0.84:.1f}pt, [{label}])")
        if self.rng.random() < 0.5:
            axis = self.m.run(self.pen.phrase(1, 3), block)
            placed.append(f"#place(top + center, dy: {height * 0.84 + size * 1.5:.1f}pt, [{axis}])")
        return (
            f"#block(above: 1em, below: 1em, width: {width}, height: {height + size * 4:.1f}pt, breakable: false, "
            f"inset: (top: {size * 2:.1f}pt))[#set text(size: {size:.1f}pt, hyphenate: false)\n#set "
            f"par(first-line-indent: 0pt, justify: false)\n{''.join(placed)}]\n\n"
        )

    def figure(self, height: float | None = None, captioned: bool = True) -> str:
        """Return a picture or a chart with its caption, above or below."""
        height = height or self.rng.uniform(60, 150)
        above = captioned and self.rng.random() < 0.15
        head = self.caption() if above else ""
        body = self.chart(height) if self.rng.random() < 0.4 else self.picture(height)
        tail = self.caption() if captioned and not above else ""
        return f"#block(breakable: false, width: 100%)[{head}{body}{tail}]\n\n"

    def band(self, count: int, markup: str) -> str:
        """Return markup in columns that are about equally long."""
        line = self.size * (0.66 + self.leading)
        return (
            f"#layout(room => {{ let body = [{markup}]; let wide = (room.width - "
            f"{(count - 1) * self.gutter}pt) / {count}; "
            f"let tall = measure(block(width: wide, body)).height; "
            f"block(height: tall / {count} + {2.5 * line:.1f}pt, columns({count}, gutter: "
            f"{self.gutter}pt, body)) }})\n\n"
        )

    def boxed(self, markup: str, dark: bool = False, inset: float = 8, width: str = "100%") -> str:
        """Return markup in a shaded or framed box."""
        if dark:
            look = f'fill: rgb("{self.rng.choice(DARKS)}")'
        else:
            look = self.rng.choice((f'fill: rgb("{self.rng.choice(TINTS)}")', "stroke: 0.7pt", "stroke: (left: 2pt)"))
        return f"#block(width: {width}, inset: {inset}pt, breakable: false, {look})[{markup}]\n\n"

    def flow(self, count: int, rich: float = 0.35, levels: tuple[int, ...] = (2, 3)) -> str:
        """Return paragraphs with now and then a heading, a list, a table, a figure or a formula between them."""
        made = []
        for k in range(count):
            if self.rng.random() < 0.35:
                made.append(self.heading(self.rng.choice(levels)))
            made.append(self.paragraph())
            if self.rng.random() < rich:
                kind = self.rng.choice(("items", "items", "table", "figure", "equation", "figure"))
                if kind == "items":
                    made.append(self.items(self.rng.randint(2, 5), 4, 25))
                elif kind == "table":
                    made.append(self.captioned_table(self.rng.randint(3, 7), self.rng.randint(2, 4)))
                elif kind == "figure":
                    made.append(self.figure())
                elif k % 2:
                    made.append(self.equation())
        return "".join(made)

    def captioned_table(self, rows: int, columns: int) -> str:
        above = self.rng.random() < 0.6
        head = self.caption("Table") if above else ""
        body = self.table(self.rows(rows, columns))
        tail = "" if above or self.rng.random() < 0.3 else self.caption("Table")
        tail += self.source_note() if self.rng.random() < 0.25 else ""
        return f"#block(breakable: false, width: 100%)[{head}{body}{tail}]\n\n"


FORMULAS = (
    "E = m c^2",
    "sum_(i=1)^n x_i^2 = (n (n+1)) / 2",
    "integral_0^1 f(x) dif x = lim_(n -> oo) 1/n sum_(k=1)^n f(k/n)",
    "p(x | y) = (p(y | x) p(x)) / p(y)",
    "x = (-b plus.minus sqrt(b^2 - 4 a c)) / (2 a)",
    "nabla dot bold(E) = rho / epsilon_0",
    "L(theta) = -1/N sum_(i=1)^N log p_theta (y_i | x_i) + lambda norm(theta)_2^2",
    "mat(a, b; c, d) vec(x, y) = vec(u, v)",
    "hat(y) = sigma(W_2 max(0, W_1 x + b_1) + b_2)",
    "a^2 + b^2 = c^2",
    "f'(x) = lim_(h -> 0) (f(x+h) - f(x)) / h",
)
"""Formulas that are well known."""
UNITS = ("kg", "cm", "mol", "ml", "kg soil", "m/s", "years", "units", "acre")


def formula_of(rng: random.Random) -> str:
    """Return a formula nobody has seen: an equation or a calculation with numbers and units."""

    def atom() -> str:
        kind = rng.randrange(6)
        if kind < 2:
            return rng.choice("abcdefghkmnpqrstuvwxyzABCEFGHKLMNPQRSTVX")
        if kind == 2:
            return f"{rng.choice('abcdkmnprtxyABCEFPRTX')}_{rng.choice('0123ijkn')}"
        number = f"{rng.random() * 10 ** rng.randint(0, 4):.{rng.randint(0, 2)}f}"
        return number if kind < 5 else f'{number} "{rng.choice(UNITS)}"'

    def term(depth: int) -> str:
        kind = rng.randrange(8) if depth else 0
        if kind == 4:
            return f"({term(depth - 1)}) / ({term(depth - 1)})"
        if kind == 5:
            return f"sqrt({term(depth - 1)})"
        if kind == 6:
            return f"({term(depth - 1)})^{rng.randint(2, 3)}"
        if kind == 7:
            return f"{term(depth - 1)} {rng.choice(('+', '-', 'times', 'dot'))} {term(depth - 1)}"
        return atom()

    return " = ".join(term(rng.randint(1, 3)) for _ in range(rng.choice((1, 2, 2, 2, 3))))

"""Layouts in CSS: floats, grids, flexible boxes, multiple columns."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from loaders.relate.synthesize.families.business import FIELDS
from loaders.relate.synthesize.families.family import ENGLISH, Family
from loaders.relate.synthesize.manuscript import Manuscript, Place
from loaders.relate.synthesize.prose import Pen
from loaders.relate.synthesize.sheet import DARKS, FACES, SANS, SERIF, TINTS

Written = tuple[Manuscript, str]


@dataclass
class Web:
    """One page's design; its methods open blocks in reading order and return HTML elements."""

    m: Manuscript
    size: float
    rules: str
    capitals: bool = False

    @classmethod
    def designed(cls, pen: Pen, paper: tuple[float, float] | None = None) -> Web:
        """Draw a design: faces, sizes, spacing, as CSS for `#PAGE`."""
        rng, language = pen.rng, pen.prose.language
        m = Manuscript(pen, "html", paper=paper or rng.choice(((595, 842), (612, 792), (768, 1024))))
        size = rng.uniform(7.5, 11)
        faces = FACES.get(language, SERIF[:3] + SANS)
        body, head = rng.choice(faces), rng.choice(faces)
        rules = (
            f"#PAGE {{ font: {size:.1f}pt/{rng.uniform(1.15, 1.6):.2f} '{body}', 'Noto Sans'; "
            f"padding: {rng.uniform(16, 46):.0f}pt; "
            f"text-align: {rng.choice(('left', 'left', 'justify')) if language not in ('ar', 'fa') else 'start'}; "
            f"hyphens: {rng.choice(('auto', 'manual'))} }}\n"
            f"#PAGE p {{ margin: 0 0 {rng.uniform(0, 1):.2f}em; text-indent: {rng.choice((0, 0, 1.2))}em }}\n"
            f"#PAGE h1, #PAGE h2, #PAGE h3 {{ font-family: '{head}', 'Noto Sans'; line-height: 1.15; "
            f"text-align: start; margin: 0.6em 0 0.35em }}\n"
            f"#PAGE h1 {{ font-size: {rng.uniform(1.6, 2.6):.2f}em }} "
            f"#PAGE h2 {{ font-size: {rng.uniform(1.1, 1.6):.2f}em; font-weight: {rng.choice((400, 700, 700))} }} "
            f"#PAGE h3 {{ font-size: {rng.uniform(1.0, 1.25):.2f}em }}\n"
            f"#PAGE ul, #PAGE ol {{ margin: 0.4em 0; padding: 0; list-style: none }} #PAGE li {{ "
            "padding-inline-start: 1.4em; text-indent: -1em; margin: "
            f"{rng.uniform(0, 0.4):.2f}em 0 }}\n"
            f"#PAGE figure {{ margin: 0.6em 0 }} #PAGE figcaption {{ font-size: 0.85em; text-indent: 0 }}\n"
            f"#PAGE .picture {{ background: linear-gradient({rng.randint(0, 180)}deg, "
            f"#{rng.choice(TINTS)}, #{rng.choice(DARKS)}) }}\n"
            "#PAGE table { border-collapse: collapse; font-size: 0.9em; text-align: start } #PAGE "
            "td, #PAGE th { padding: 2pt 5pt; vertical-align: top }\n"
        )
        return cls(m, size, rules, capitals=rng.random() < 0.12)

    @property
    def rng(self) -> random.Random:
        return self.m.pen.rng

    @property
    def pen(self) -> Pen:
        return self.m.pen

    def page(self, body: str, rules: str = "") -> Written:
        """Return the finished page."""
        return self.m, f"<style>{self.rules}{rules}</style>{body}"

    def p(self, low: int = 25, high: int = 90, category: str = "text") -> str:
        return f"<p>{self.m.set(self.pen.paragraph(low, high), category, styled=0.3)}</p>"

    def h(self, level: int, text: str | None = None) -> str:
        text = text or self.pen.heading()
        return f"<h{level}>{self.m.set(text.upper() if self.capitals else text, 'title', level)}</h{level}>"

    def bit(self, text: str, category: str = "text", place: Place = "body", style: str = "") -> str:
        return f'<div style="text-indent:0;{style}">{self.m.set(text, category, place=place)}</div>'

    def items(self, count: int, low: int = 3, high: int = 16) -> str:
        mark = self.rng.choice(("•", "–", "▪", ""))
        made = [
            f"<li>{self.m.set(f'{mark} {self.pen.paragraph(low, high)}'.strip(), 'list')}</li>" for _ in range(count)
        ]
        return f"<ul>{''.join(made)}</ul>"

    def figure(self, height: float, style: str = "", captioned: bool = True) -> str:
        """Return a picture with its caption below."""
        caption = f"<figcaption>{self.m.set(self.pen.sentence(4, 16), 'caption')}</figcaption>" if captioned else ""
        return f'<figure style="{style}"><div class="picture" style="height:{height:.0f}pt"></div>{caption}</figure>'

    def table(self, rows: int, columns: int, style: str = "width:100%") -> str:
        block = self.m.block("table")
        border = self.rng.choice(("border:0.5pt solid #666", "border-bottom:0.5pt solid #999", ""))
        made = []
        for row in range(rows):
            tag = "th" if row == 0 else "td"
            texts = [
                self.pen.phrase(1, 3) if row == 0 or column == 0 else self.pen.number() for column in range(columns)
            ]
            made.append(
                "<tr>"
                + "".join(f'<{tag} style="{border}">{self.m.run(text, block)}</{tag}>' for text in texts)
                + "</tr>"
            )
        return f'<table style="{style}">{"".join(made)}</table>'

    def flow(self, count: int) -> str:
        """Return paragraphs with headings, lists, tables and pictures between them."""
        makers: tuple[Callable[[], str], ...] = (
            lambda: self.items(self.rng.randint(2, 5)),
            lambda: self.figure(self.rng.uniform(50, 120)),
            lambda: self.table(self.rng.randint(3, 7), self.rng.randint(2, 4)),
            lambda: self.h(2),
            lambda: self.h(3),
        )
        return "".join(self.p() + (self.rng.choice(makers)() if self.rng.random() < 0.5 else "") for _ in range(count))


def bar(w: Web, place: Place) -> str:
    """Return a bar of links over or under a page."""
    category = "header" if place == "header" else "footer"
    dark = w.rng.random() < 0.4
    w.m.ink = (7, 7, 7) if dark else (0, 0, 0)
    links = "".join(w.bit(w.pen.phrase(1, 2), category, place) for _ in range(w.rng.randint(2, 5)))
    w.m.ink = (0, 0, 0)
    look = (
        f"background:#{w.rng.choice(DARKS)}"
        if dark
        else w.rng.choice(("border-bottom:0.6pt solid #999", f"background:#{w.rng.choice(TINTS)}", ""))
    )
    return (
        '<nav style="display:flex;gap:16pt;'
        f"justify-content:{w.rng.choice(('start', 'center', 'space-between'))};padding:4pt 6pt;"
        f'margin-bottom:8pt;font-size:0.85em;{look}">{links}</nav>'
    )


def web_article(pen: Pen) -> Written:
    """An article with pictures that text runs around, a column of boxes beside it, and bars above and below."""
    w = Web.designed(pen)
    head, title = bar(w, "header"), w.h(1)
    main = w.p()
    for _ in range(4):
        if pen.rng.random() < 0.5:
            side = pen.rng.choice(("left;margin-right:10pt", "right;margin-left:10pt"))
            main += w.figure(pen.rng.uniform(50, 90), f"float:{side};width:{pen.rng.uniform(30, 45):.0f}%")
        main += w.p(70, 130) + (w.p() if pen.rng.random() < 0.5 else "")
        main += (
            f'<div style="clear:both">{w.h(2)}</div>' if pen.rng.random() < 0.5 else '<div style="clear:both"></div>'
        )
    main += w.p(20, 50)
    boxes = ""
    for _ in range(pen.rng.randint(1, 3)):
        boxes += (
            f'<div style="background:#{pen.rng.choice(TINTS)};padding:6pt;'
            f'margin-bottom:8pt">{w.h(3)}{w.p(10, 30)}{w.items(2) if pen.rng.random() < 0.5 else ""}</div>'
        )
    left = pen.rng.random() < 0.3
    cells = [f"<div>{main}</div>", f'<aside style="font-size:0.88em">{boxes}</aside>']
    grid = (
        f"display:grid;gap:{pen.rng.uniform(9, 20):.0f}pt;grid-template-columns:{'1fr 2.6fr' if left else '2.6fr 1fr'}"
    )
    return w.page(f'{head}{title}<div style="{grid}">{"".join(cells[::-1] if left else cells)}</div>')


def cards(pen: Pen) -> Written:
    """A grid of cards: a heading, a large figure or a few words in each; read row by row, each card to its end."""
    w = Web.designed(pen, pen.rng.choice(((842, 595), (960, 600), (595, 842))))
    across = pen.rng.choice((2, 3, 3, 4))
    body = bar(w, "header") + w.h(1)
    made = ""
    for _ in range(across * pen.rng.randint(2, 3)):
        kind = pen.rng.randrange(4)
        inner = w.h(3, pen.phrase(1, 3))
        if kind == 0:
            inner += w.bit(pen.number(), style="font-size:2em;font-weight:bold") + w.bit(
                pen.phrase(2, 4), style="font-size:0.8em"
            )
        elif kind == 1:
            inner += w.items(pen.rng.randint(2, 4), 2, 8)
        elif kind == 2:
            inner = w.figure(50, captioned=False) + inner + w.p(6, 18)
        else:
            inner += w.p(8, 30)
        made += f'<div style="border:0.6pt solid #bbb;border-radius:4pt;padding:7pt">{inner}</div>'
    return w.page(
        f'{body}<div style="display:grid;gap:{pen.rng.uniform(6, 14):.0f}pt;'
        f'grid-template-columns:repeat({across},1fr)">{made}</div>'
    )


def css_magazine(pen: Pen) -> Written:
    """Balanced columns between headlines that span them, pictures in the columns, an initial letter."""
    w = Web.designed(pen)
    count = pen.rng.choice((2, 3, 3))
    parts = [w.h(1), w.bit(pen.sentence(10, 22), style="font-size:1.2em;font-style:italic;margin-bottom:8pt")]
    for _ in range(3):
        inner = "".join(
            w.p(40, 90) + (w.figure(pen.rng.uniform(40, 80)) if pen.rng.random() < 0.3 else "") for _ in range(4)
        )
        rule = pen.rng.choice(("", "column-rule:0.5pt solid #888;"))
        parts.append(
            f'<div class="cols" style="columns:{count};column-gap:{pen.rng.choice((9, 11, 14, 18))}pt;'
            f'{rule}margin-bottom:8pt">{inner}</div>'
        )
        parts.append(w.h(2))
    first = (
        "#PAGE .cols:nth-of-type(2) p:first-child::first-letter { font-size: 2.6em; float: left; "
        "line-height: 0.85; padding-right: 2pt }"
    )
    return w.page("".join(parts[:-1]), first if pen.rng.random() < 0.5 and pen.prose.language == "en" else "")


def mail(pen: Pen) -> Written:
    """A printed thread of mails: labels and values, text, quoted mails behind bars."""
    w = Web.designed(pen)
    body = w.h(2)
    for depth in range(3):
        facts = "".join(
            w.bit(f"{label}: {value}")
            for label, value in (
                ("From", pen.name()),
                ("To", pen.name()),
                ("Date", pen.date()),
                ("Subject", pen.heading()),
            )[: pen.rng.randint(2, 4)]
        )
        inner = (
            facts
            + f'<div style="margin-top:8pt">{w.bit(f"Dear {pen.name().split()[0]},")}'
            + f"{w.p()}{w.p(10, 40)}{w.bit(pen.name())}</div>"
        )
        body += (
            f'<div style="margin:8pt 0 8pt {depth * 12}pt;padding-left:6pt;'
            f'border-left:{1.5 if depth else 0}pt solid #88a">{inner}</div>'
        )
    return w.page(body)


def web_form(pen: Pen) -> Written:
    """A form of labels and fields in rows, labels beside or above; read row by row."""
    w = Web.designed(pen)
    above = pen.rng.random() < 0.5
    body = w.h(1) + w.p(10, 30)
    for _ in range(pen.rng.randint(2, 4)):
        body += w.h(2, pen.phrase(1, 3))
        for _ in range(pen.rng.randint(2, 4)):
            row = ""
            for _ in range(pen.rng.choice((1, 2, 2, 3))):
                block = w.m.block("text")
                label = w.m.run(pen.rng.choice(FIELDS), block)
                value = pen.rng.choice((pen.name, pen.date, pen.code, pen.town))() if pen.rng.random() < 0.6 else ""
                value = (w.m.run(value, block) if above else w.m.more(value)) if value else ""
                row += (
                    f'<div style="flex:{pen.rng.choice((1, 1, 2))};display:{"block" if above else "flex"};'
                    f'gap:6pt;align-items:baseline"><div style="white-space:nowrap">{label}</div><div '
                    'style="flex:1;border:0.5pt solid #888;min-height:1.5em;padding:1pt '
                    f'4pt">{value}</div></div>'
                )
            body += f'<div style="display:flex;gap:12pt;margin:6pt 0">{row}</div>'
    return w.page(body + w.p(15, 50))


def menu(pen: Pen) -> Written:
    """A bill of fare: sections in two columns, dishes with prices at the right and a line of description."""
    w = Web.designed(pen)
    body = f'<div style="text-align:center">{w.h(1, pen.firm())}</div>'
    columns = ""
    dotted = pen.rng.choice(("border-bottom:0.8pt dotted #555", ""))
    for _ in range(pen.rng.choice((1, 2, 2))):
        inner = ""
        for _ in range(pen.rng.randint(2, 3)):
            inner += w.h(2, pen.phrase(1, 2))
            for _ in range(pen.rng.randint(3, 6)):
                block = w.m.block("list")
                name, price = w.m.run(pen.phrase(1, 3), block), w.m.more(pen.amount())
                text = (
                    f'<div style="font-size:0.85em;text-indent:0">{w.m.run(pen.sentence(3, 12), block)}</div>'
                    if pen.rng.random() < 0.6
                    else ""
                )
                inner += (
                    '<div style="margin:4pt 0"><div style="display:flex;gap:4pt;'
                    f'align-items:baseline"><b>{name}</b><div style="flex:1;'
                    f'{dotted}"></div><span>{price}</span></div>{text}</div>'
                )
        columns += f'<div style="flex:1">{inner}</div>'
    return w.page(f'{body}<div style="display:flex;gap:{pen.rng.uniform(14, 30):.0f}pt">{columns}</div>')


def front_page(pen: Pen) -> Written:
    """A newspaper's front page on a grid: a lead story over two columns, smaller ones beside and below it."""
    w = Web.designed(pen, (842, 1100))
    name = f'<div style="text-align:center;border-bottom:1.5pt solid #000">{w.h(1)}</div>'
    lead = w.h(1) + f'<div style="columns:2;column-gap:12pt">{"".join(w.p(50, 90) for _ in range(4))}</div>'
    side = "".join(w.h(3) + w.p(25, 60) for _ in range(pen.rng.randint(2, 3)))
    below = "".join(f"<div>{w.h(2)}{w.p(30, 70)}{w.p(20, 60)}</div>" for _ in range(3))
    rule = "border-left:0.5pt solid #777;padding-left:8pt" if pen.rng.random() < 0.5 else ""
    top = (
        '<div style="display:grid;grid-template-columns:2.2fr 1fr;'
        f'gap:14pt"><div>{lead}</div><div style="{rule}">{side}</div></div>'
    )
    return w.page(
        f'{name}{top}<div style="display:grid;grid-template-columns:1fr 1fr 1fr;gap:12pt;'
        f'border-top:0.8pt solid #000;margin-top:8pt">{below}</div>'
    )


FAMILIES = (
    Family("web_article", "web", web_article, markup="html"),
    Family("cards", "web", cards, markup="html"),
    Family("css_magazine", "web", css_magazine, markup="html"),
    Family("mail", "web", mail, ENGLISH, markup="html"),
    Family("web_form", "web", web_form, ENGLISH, markup="html"),
    Family("menu", "web", menu, markup="html"),
    Family("front_page", "web", front_page, markup="html"),
)

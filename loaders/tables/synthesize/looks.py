"""How a table looks: type, white, alignment and which lines are drawn; from a draft to Typst markup.

Every entry becomes a block of the manuscript whose level is its number, so that it can be told from the page again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from loaders.relate.synthesize.manuscript import LIGHT, Manuscript
from loaders.relate.synthesize.sheet import DARKS, MONO, SANS, SERIF, TINTS
from loaders.tables.synthesize.draft import Draft, Placed
from loaders.tables.words import Bools

LOOKS = ("grid", "lines", "book", "half", "none", "groups", "framed", "vertical", "stub", "totals", "zebra", "dark")


@dataclass(frozen=True, slots=True)
class Look:
    """One table's design; lengths in points."""

    name: str
    width: float
    size: float
    face: str
    spacing: int
    inset: tuple[float, float]
    leading: float
    stroke: float
    figures: str
    heads: str
    upright: str
    head_upright: str
    bold_heads: bool
    fixed: bool
    tint: str
    gap: float

    @classmethod
    def drawn(cls, rng: random.Random, draft: Draft) -> Look:
        """Draw a design that fits a draft."""
        size = rng.uniform(6.5, 11)
        wordy = sum(kind == "words" for kind in draft.kinds)
        tight = rng.random() < 0.3
        return cls(
            name=rng.choice(draft.looks or LOOKS),
            width=min(rng.uniform(190, 330) + size * 4.5 * draft.columns * rng.uniform(0.6, 1.4) + 90 * wordy, 900),
            size=size,
            face=rng.choice(MONO if rng.random() < 0.06 else SERIF + SANS),
            spacing=rng.choice((100, 100, rng.randint(75, 170))),
            inset=(rng.uniform(1, 3) if tight else rng.uniform(2, 9), rng.choice((1.2, 1.8, 2.5, 3.2, 4, 6))),
            leading=rng.uniform(0.25, 0.6),
            stroke=rng.choice((0.3, 0.5, 0.75, 1.0)),
            figures=rng.choice(("right", "right", "center", "left")),
            heads=rng.choice(("", "", "center", "left")),
            upright=rng.choice(("top", "top", "horizon", "bottom")),
            head_upright=rng.choice(("bottom", "top", "horizon")),
            bold_heads=rng.random() < 0.55,
            fixed=bool(draft.widths) or rng.random() < 0.35,
            tint=rng.choice(TINTS),
            gap=rng.choice((0, 0, 2, 5)),
        )


def markup_of(draft: Draft, look: Look, manuscript: Manuscript) -> str:
    """Return the Typst markup of a table on a page of its own."""
    across, down = _lines(draft, look)
    placed = draft.placed()
    cells = [_cell(draft, look, manuscript, one, number, across, down) for number, one in enumerate(placed, 1)]
    shares = draft.widths or tuple({"label": 1.8, "words": 2.5}.get(kind, 1.0) for kind in draft.kinds)
    columns = ", ".join(f"{share:.2f}fr" if look.fixed else "auto" for share in shares)
    return (
        f"#set page(width: {look.width:.0f}pt, height: auto, margin: 14pt)\n"
        f'#set text(font: ("{look.face}", "Noto Sans", "DejaVu Sans"), size: {look.size:.1f}pt, '
        f"spacing: {look.spacing}%, hyphenate: false)\n"
        f"#set par(justify: false, leading: {look.leading:.2f}em)\n"
        f"#table(columns: ({columns},), stroke: none, {', '.join(cells)})"
    )


def _lines(draft: Draft, look: Look) -> tuple[Bools, Bools]:
    """Return where lines are drawn: over each row and under the last (R + 1, C), beside each column (R, C + 1)."""
    rows, cols, head = len(draft.rows), draft.columns, draft.header_rows
    across, down = np.zeros((rows + 1, cols), bool), np.zeros((rows, cols + 1), bool)
    name = look.name
    if name in ("grid", "lines"):
        across[:] = True
    if name in ("book", "groups", "framed", "vertical", "dark"):
        across[[0, head, rows]] = True
    if name in ("half", "stub", "totals"):
        across[head] = head > 0
    if name == "grid":
        down[:] = True
    if name == "framed":
        down[:, [0, cols]] = True
    if name == "vertical":
        down[:, 1:cols] = True
    if name == "stub":
        down[:, draft.header_cols] = True
    if name == "groups":
        across[sorted(draft.breaks)] = True
    if name in ("totals", "half"):
        for row in draft.totals:
            across[[row, row + 1], draft.header_cols :] = True
    if name in ("book", "half", "groups", "totals"):
        for one in draft.placed():
            if one.bottom < head and one.entry.cols > 1 and one.entry.text:
                across[one.bottom, one.col : one.right] = True
    return across, down


def _cell(
    draft: Draft, look: Look, manuscript: Manuscript, one: Placed, number: int, across: Bools, down: Bools
) -> str:
    entry, heading = one.entry, one.row < draft.header_rows
    kind = draft.kinds[one.col]
    align = entry.align or (look.heads if heading and entry.cols == 1 else "center" if heading else "")
    align = align or {"figure": look.figures, "mark": "center"}.get(kind, "left")
    sides = {
        "top": one.row == 0 and across[0, one.col : one.right].all(),
        "bottom": across[one.bottom, one.col : one.right].all(),
        "left": one.col == 0 and down[one.row : one.bottom, 0].all(),
        "right": down[one.row : one.bottom, one.right].all(),
    }
    stroke = ", ".join(f"{side}: {look.stroke}pt" for side, drawn in sides.items() if drawn) or ":"
    x, y = look.inset
    over = y + look.gap * (one.row in draft.breaks and not heading)
    fill = ""
    if look.name == "dark" and heading:
        fill = f', fill: rgb("{DARKS[0]}")'
    elif look.name == "zebra" and (one.row - draft.header_rows) % 2 == 0 and not heading:
        fill = f', fill: rgb("{look.tint}")'
    spans = f"colspan: {entry.cols}, rowspan: {entry.rows}, " if entry.cols * entry.rows > 1 else ""
    upright = look.head_upright if heading else look.upright
    inner = _inner(look, manuscript, one, number, heading)
    return (
        f"table.cell({spans}align: {align} + {upright}, stroke: ({stroke}){fill}, "
        f"inset: (x: {x:.1f}pt, top: {over:.1f}pt, bottom: {y:.1f}pt))[{inner}]"
    )


def _inner(look: Look, manuscript: Manuscript, one: Placed, number: int, heading: bool) -> str:
    """Return what stands in a cell; "" where it is empty."""
    entry = one.entry
    if not (entry.text or entry.before or entry.after):
        return ""
    ink = manuscript.ink
    if look.name == "dark" and heading:
        manuscript.ink = LIGHT
    block = manuscript.block("table", level=number)
    manuscript.runs.append(block)
    parts = []
    if entry.before:
        parts.append(manuscript.more(entry.before) + " #h(1fr)")
    parts.append("#linebreak()".join(manuscript.more(line) for line in entry.text.split("\n")))
    if entry.raised:
        parts.append(f"#super[{manuscript.more(entry.raised)}]")
    if entry.after:
        parts.append(f"#h(0.15em){manuscript.more(entry.after)}")
    if entry.leaders:
        parts.append(" " + manuscript.raw("#box(width: 1fr, repeat[.])"))
    text = "".join(parts)
    manuscript.ink = ink
    if entry.bold or (heading and look.bold_heads):
        text = f"#strong[{text}]"
    if entry.italic:
        text = f"#emph[{text}]"
    return f"#h({entry.indent:.1f}em){text}" if entry.indent else text

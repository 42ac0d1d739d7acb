"""Forms, lists and wordy tables: what is sold, asked, planned and compared; cells of several lines."""

from __future__ import annotations

from loaders.tables.synthesize.draft import Draft, Entry, Kind
from loaders.tables.synthesize.styles.style import styles_of
from loaders.tables.synthesize.writer import DAYS, Writer

RULED = ("grid", "grid", "lines", "framed", "zebra", "half")


def price_list(w: Writer) -> Draft:
    """Goods, pack sizes, prices."""
    draft = Draft(
        ["label", "words", "figure"],
        widths=w.rng.choice(((), (2.0, 1.2, 0.7))),
        looks=("none", "lines", "zebra", "grid", "half"),
    )
    draft.head(w.rng.choice(("Article", "Item", "Product")), w.rng.choice(("Pack", "Details", "Unit")), "Price")
    sign, leaders = w.rng.choice(("$", "€", "", "£")), w.maybe(0.3)
    for _ in range(w.some(3, 18)):
        if w.maybe(0.12):
            draft.section(w.phrase(1, 3), whole=w.maybe())
        draft.add(w.pen.goods(), Entry(w.phrase(1, 4), leaders=leaders), f"{sign}{w.pen.amount()}")
    return draft


def receipt(w: Writer) -> Draft:
    """What was bought, amounts at the right, a total; no headings."""
    draft = Draft(["mark", "label", "figure"], header_rows=0, looks=("none", "none", "totals"))
    for _ in range(w.some(3, 12)):
        draft.add(str(w.some(1, 12)) + w.rng.choice(("", "x", " x")), w.pen.goods(), w.pen.amount())
    draft.totals.add(len(draft.rows))
    for name in ("Subtotal", "Tax", "Total")[: w.some(1, 3)]:
        draft.add("", name, w.pen.amount())
    return draft


def invoice(w: Writer) -> Draft:
    """Numbered positions, descriptions that wrap, quantities, prices; sums beside a wide empty cell."""
    kinds: list[Kind] = ["mark", "words", "figure", "figure", "figure"]
    draft = Draft(kinds, widths=(0.5, 3.0, 0.8, 1.0, 1.2), looks=(*RULED, "book"))
    draft.head(
        w.rng.choice(("Pos.", "No.", "#")),
        "Description",
        w.rng.choice(("Qty", "Quantity")),
        w.rng.choice(("Unit price", "Price")),
        "Amount",
    )
    for k in range(w.some(2, 9)):
        text = w.pen.goods() + (f", {w.phrase(3, 10).lower()}" if w.maybe(0.5) else "")
        draft.add(str(k + 1), text, str(w.some(1, 60)), w.pen.amount(), w.pen.amount())
    for name in ("Net", "VAT 20%", "Total")[: w.some(1, 3)]:
        draft.totals.add(len(draft.rows))
        draft.add(Entry(name, cols=4, align="right", bold=w.maybe()), w.pen.amount())
    return draft


def government_form(w: Writer) -> Draft:
    """Fields to fill in, some over several columns, some filled."""
    draft = Draft(["label", "words", "label", "words"], header_rows=0, looks=("grid",), widths=(1.2, 1.5, 1.2, 1.5))
    for k in range(w.some(4, 10)):
        if w.maybe(0.2):
            draft.add(Entry(f"{w.rng.choice(('Section', 'Part'))} {k + 1}. {w.phrase(2, 4)}", cols=4, bold=True))
        elif w.maybe(0.25):
            draft.add(w.phrase(1, 4), Entry(w.sentence(4, 16) if w.maybe(0.7) else "", cols=3))
        else:
            said = (w.pen.name(), w.pen.date(), w.pen.town(), w.pen.code(), w.phrase(1, 3))
            draft.add(*(text for _ in range(2) for text in (w.phrase(1, 4), w.rng.choice(said))))
    return draft


def questionnaire(w: Writer) -> Draft:
    """Statements that wrap, and a mark for each answer."""
    answers = w.rng.choice(
        (
            ("Yes", "No"),
            ("Strongly agree", "Agree", "Neutral", "Disagree", "Strongly disagree"),
            ("1", "2", "3", "4", "5"),
            ("Never", "Sometimes", "Always"),
        )
    )
    kinds: list[Kind] = ["words", *["mark"] * len(answers)]  # type: ignore[list-item]
    draft = Draft(kinds, looks=RULED, widths=(3.5, *[1.0] * len(answers)))
    draft.head(w.rng.choice(("", "Statement", "Question")), *answers)
    every, mark = w.maybe(0.4), w.rng.choice(("✓", "X", "○", "•", "□"))
    for k in range(w.some(3, 9)):
        chosen = w.some(0, len(answers) - 1)
        marks = [mark if every or a == chosen else "" for a in range(len(answers))]
        draft.add(f"{k + 1}. {w.sentence(4, 18)}", *marks)
    return draft


def specification(w: Writer) -> Draft:
    """Names and values, two columns."""
    draft = Draft(["label", "words"], header_rows=w.some(0, 1), looks=RULED, widths=w.rng.choice(((), (1.0, 2.0))))
    if draft.header_rows:
        draft.head(*w.rng.choice((("Parameter", "Value"), ("Feature", "Description"), ("Field", "Meaning"))))
    for _ in range(w.some(3, 14)):
        value = w.rng.choice(
            (f"{w.some(1, 999)} {w.rng.choice(('mm', 'kg', 'V', 'GB', '°C'))}", w.phrase(1, 5), w.sentence(5, 20))
        )
        draft.add(w.phrase(1, 3), value)
    return draft


def definitions(w: Writer) -> Draft:
    """Terms and long texts."""
    columns = w.some(1, 2)
    kinds: list[Kind] = ["label", *["words"] * columns]  # type: ignore[list-item]
    draft = Draft(kinds, looks=(*RULED, "book", "none"), widths=(1.0, *[w.rng.uniform(1.5, 3)] * columns))
    draft.head("Term", *("Definition", "Source")[:columns])
    for _ in range(w.some(2, 8)):
        draft.add(Entry(w.phrase(1, 5), bold=w.maybe(0.3)), *(w.sentence(5, 30) for _ in range(columns)))
    return draft


def agenda(w: Writer) -> Draft:
    """Times and sessions; breaks over all columns but the first."""
    draft = Draft(["label", "words", "label"], looks=(*RULED, "none"), widths=(1.0, 2.5, 1.3))
    draft.head("Time", w.rng.choice(("Session", "Topic", "Activity")), w.rng.choice(("Speaker", "Room", "Chair")))
    for _ in range(w.some(4, 12)):
        time = f"{w.clock()}{w.rng.choice((' – ', '-', ' to '))}{w.clock()}"
        if w.maybe(0.2):
            draft.add(time, Entry(w.rng.choice(("Lunch", "Coffee break", "Registration")), cols=2, align="center"))
        else:
            draft.add(time, w.sentence(2, 14), w.pen.name())
    return draft


def week_plan(w: Writer) -> Draft:
    """Hours down, days across, lessons that last several hours."""
    days = w.some(4, 6)
    kinds: list[Kind] = ["label", *["words"] * days]  # type: ignore[list-item]
    draft = Draft(kinds, looks=("grid",), widths=(0.8, *[1.0] * days))
    draft.head(w.rng.choice(("", "Time", "Hour")), *DAYS[:days])
    rows, busy = w.some(4, 8), [0] * days
    for row in range(rows):
        entries = []
        for day in range(days):
            if busy[day]:
                busy[day] -= 1
                continue
            long = min(w.rng.choice((1, 1, 1, 2, 3)), rows - row)
            text = w.phrase(1, 3) if w.maybe(0.7) else ""
            long = long if text else 1
            busy[day] = long - 1
            entries.append(Entry(text, rows=long))
        draft.add(f"{8 + row}:00", *entries)
    return draft


def contacts(w: Writer) -> Draft:
    """Names, addresses, numbers: lines of one cell that look like rows."""
    draft = Draft(["label", "words", "label"], looks=(*RULED, "none"), widths=w.rng.choice(((), (1.2, 1.5, 1.2))))
    draft.head("Name", "Address", w.rng.choice(("Phone", "E-mail", "Contact")))
    for _ in range(w.some(3, 10)):
        draft.add(
            w.pen.name(),
            f"{w.pen.street()}, {w.pen.town()}",
            f"+{w.some(1, 99)} {w.some(100, 999)} {w.some(10000, 999999)}",
        )
    return draft


def comparison(w: Writer) -> Draft:
    """Products across, features down, in marks and short words."""
    columns = w.some(2, 5)
    kinds: list[Kind] = ["label", *["mark"] * columns]  # type: ignore[list-item]
    draft = Draft(kinds, looks=(*RULED, "book"))
    draft.head("", *(w.phrase(1, 2) for _ in range(columns)))
    for _ in range(w.some(4, 12)):
        if w.maybe(0.1):
            draft.section(w.phrase(1, 2), whole=True)
        words = w.maybe(0.3)
        draft.add(w.phrase(1, 5), *(w.phrase(1, 2) if words else w.mark() for _ in range(columns)))
    return draft


def risks(w: Writer) -> Draft:
    """Groups with tall labels, wordy cells."""
    draft = Draft(["label", "words", "words"], looks=("grid", "groups", "lines"), widths=(1.0, 2.0, 2.5))
    draft.head(
        w.rng.choice(("Objective", "Category", "Area")),
        w.rng.choice(("Risk", "Action")),
        w.rng.choice(("Mitigation", "Indicator")),
    )
    for _ in range(w.some(2, 4)):
        rows = w.some(1, 3)
        draft.breaks.add(len(draft.rows))
        for k in range(rows):
            draft.add(*([Entry(w.phrase(1, 4), rows=rows)] if k == 0 else []), w.sentence(4, 14), w.sentence(5, 20))
    return draft


def nutrition(w: Writer) -> Draft:
    """What is in a food, per portion and in per cent, with parts indented."""
    draft = Draft(["label", "figure", "figure"], looks=("lines", "book", "none", "grid"))
    draft.head(w.rng.choice(("", "Nutrient", "Ingredient")), w.rng.choice(("per 100 g", "Amount per serving")), "% DV")
    for _ in range(w.some(4, 14)):
        indent = w.rng.choice((0, 0, 1))
        draft.add(
            Entry(w.phrase(1, 2), indent=indent, bold=not indent and w.maybe(0.5)),
            f"{w.rng.random() * 99:.1f} {w.rng.choice(('g', 'mg', 'kcal', 'µg'))}",
            f"{w.some(0, 99)}%" if w.maybe(0.8) else "",
        )
    return draft


def strategy(w: Writer) -> Draft:
    """A few columns of long texts, or of lists with a line or more for each item, one row or a few."""
    columns = w.some(2, 4)
    kinds: list[Kind] = ["words"] * columns  # type: ignore[assignment]
    widths = tuple(w.rng.uniform(1, 2) for _ in range(columns))
    draft = Draft(kinds, looks=RULED, header_cols=w.some(0, 1), widths=widths)
    draft.head(*(w.phrase(1, 3) for _ in range(columns)))
    bullet, by_line = w.rng.choice(("•", "–", "-", "", "●")), w.maybe(0.7)
    for _ in range(w.some(1, 5)):
        cells = [
            ("\n" if by_line else " ").join(f"{bullet} {w.sentence(2, 14)}".strip() for _ in range(w.some(1, 5)))
            for _ in range(columns)
        ]
        draft.add(*([w.phrase(1, 3), *cells[1:]] if draft.header_cols else cells))
    return draft


def answers(w: Writer) -> Draft:
    """Short words in every cell, row for row, as close as lines of text."""
    columns = w.some(2, 8)
    kinds: list[Kind] = ["label", *["mark"] * columns]  # type: ignore[list-item]
    draft = Draft(kinds)
    draft.head(w.phrase(1, 2), *(w.phrase(1, 2) for _ in range(columns)))
    said = w.rng.choice(
        (("yes", "no"), ("yes", "no", "na", "yes*"), ("low", "medium", "high"), ("good", "fair", "poor", "-"))
    )
    for _ in range(w.some(4, 16)):
        label = w.rng.choice((w.phrase(1, 3), "".join(w.rng.sample("abcdefg", w.some(1, 5))), w.pen.code()))
        draft.add(label, *(w.rng.choice(said) for _ in range(columns)))
    return draft


def milestones(w: Writer) -> Draft:
    """Headings of a name and a date in a line of their own; labels and figures below."""
    columns = w.some(2, 5)
    kinds: list[Kind] = ["label", *["figure"] * columns]  # type: ignore[list-item]
    draft = Draft(kinds)
    draft.head(w.rng.choice(("", w.phrase(1, 2))), *(f"{w.phrase(1, 2)}:\n{w.pen.date()}" for _ in range(columns)))
    makes = [w.figures() for _ in range(columns)]
    for _ in range(w.some(3, 12)):
        label = w.phrase(1, 6)
        draft.add(w.broken(label) if w.maybe(0.1) else label, *(make() for make in makes))
    return draft


def classes(w: Writer) -> Draft:
    """Group names in a row of their own that looks like any other, wordy cells beside their members' names."""
    kinds: list[Kind] = ["label", "words", "words"]
    draft = Draft(kinds, looks=RULED, widths=(1.0, w.rng.uniform(1.5, 3), w.rng.uniform(1.5, 3)))
    draft.head(w.phrase(1, 1), "Definition", "Examples")
    for _ in range(w.some(2, 4)):
        draft.section(w.phrase(1, 2) + w.rng.choice((":", "")), whole=w.maybe(0.2), bold=w.maybe(0.3))
        for _ in range(w.some(1, 3)):
            draft.add(Entry(w.phrase(1, 3), indent=w.rng.choice((0, 1))), w.sentence(4, 18), w.sentence(3, 12))
    return draft


STYLES = styles_of(
    price_list,
    receipt,
    invoice,
    government_form,
    questionnaire,
    specification,
    definitions,
    agenda,
    week_plan,
    contacts,
    comparison,
    risks,
    nutrition,
    strategy,
    answers,
    milestones,
    classes,
    held_out=(
        government_form,
        agenda,
        contacts,
    ),
)

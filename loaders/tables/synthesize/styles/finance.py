"""Statements and schedules of accounts: signs apart from figures, brackets, indents, totals, years over columns."""

from __future__ import annotations

from loaders.tables.synthesize.draft import Draft, Entry, Kind
from loaders.tables.synthesize.styles.style import styles_of
from loaders.tables.synthesize.writer import Writer

STATEMENT = ("totals", "totals", "none", "half", "book", "zebra", "lines", "groups")


def _money(w: Writer, most: float, sign: str, decimals: int = 0) -> Entry:
    """Return an amount; its currency at the left edge of the cell, its closing bracket close behind."""
    if w.maybe(0.06):
        return Entry(w.rng.choice(("-", "—", "–")), before=sign)
    text = f"{w.rng.random() ** 2 * most:,.{decimals}f}"
    if w.maybe(0.2):
        return Entry(f"({text}", before=sign, after=")") if w.maybe(0.3) else Entry(f"({text})", before=sign)
    return Entry(text, before=sign)


def _statement(w: Writer, groups: int, columns: int, *, notes: bool = False, spanned: bool = False) -> Draft:
    """Write groups of indented lines with totals under each; headings of years, a span of periods over them."""
    kinds: list[Kind] = ["label", *(["mark"] if notes else []), *(["figure"] * columns)]  # type: ignore[list-item]
    draft = Draft(kinds, looks=STATEMENT)
    most, sign = 10 ** w.some(3, 7), w.rng.choice(("$", "$", "€", "£", "", ""))
    every, leaders = w.maybe(0.3), w.maybe(0.2)
    lead = ["Notes"] if notes else []
    if spanned:
        over = w.rng.choice(("Year ended December 31,", "Three months ended", "(in thousands)", "As of June 30,"))
        draft.header_rows = 2
        draft.head("", *[""] * notes, Entry(over, cols=columns, align="center"))
    first = w.rng.choice(("", "", "(in millions)", "Description"))
    years = w.years(columns) if columns > 1 else [w.rng.choice(("Amount", "2019", "Total"))]
    draft.head(first, *lead, *(Entry(year, align=w.rng.choice(("", "right"))) for year in years))
    for _ in range(groups):
        if w.maybe(0.7):
            draft.section(w.phrase(1, 4) + w.rng.choice(("", ":", ":")), whole=False, bold=w.maybe(0.6))
        lines = w.some(1, 6)
        for k in range(lines):
            label = w.phrase(2, 12 if w.maybe(0.15) else 5)
            given = sign if every or (k == 0 and w.maybe(0.5)) else ""
            note = [str(w.some(1, 30)) if w.maybe(0.5) else ""] if notes else []
            figures = [_money(w, most, given) for _ in range(columns)]
            draft.add(Entry(label, indent=w.rng.choice((0, 1, 1, 2)), leaders=leaders), *note, *figures)
        draft.totals.add(len(draft.rows))
        figures = [Entry(f"{w.rng.random() * 3 * most:,.0f}", before=sign, bold=w.maybe(0.5)) for _ in range(columns)]
        draft.add(Entry(f"Total {w.phrase(1, 3).lower()}", bold=w.maybe(0.5)), *[""] * notes, *figures)
    return draft


def income_statement(w: Writer) -> Draft:
    """What came in and what was spent, year by year."""
    return _statement(w, w.some(1, 3), w.some(2, 3), spanned=w.maybe(0.6))


def balance_sheet(w: Writer) -> Draft:
    """What is owned and owed at the end of two years."""
    return _statement(w, w.some(2, 5), 2, notes=w.maybe(0.4))


def cash_flow(w: Writer) -> Draft:
    """Cash by activity."""
    return _statement(w, w.some(2, 4), w.some(1, 3), notes=w.maybe(0.2), spanned=w.maybe(0.3))


def change_table(w: Writer) -> Draft:
    """Amounts of two years, then the change in money and per cent, each pair under a heading."""
    draft = Draft(["label", *["figure"] * 4], header_rows=2, looks=STATEMENT)  # type: ignore[list-item]
    draft.head("", Entry(w.rng.choice(("Fiscal year", "Year ended", "Quarter")), cols=2), Entry("Change", cols=2))
    draft.head(
        w.rng.choice(("", "($ in millions)")),
        *w.years(2),
        w.rng.choice(("Amount", "$")),
        w.rng.choice(("%", "Percent")),
    )
    most, sign = 10 ** w.some(2, 5), w.rng.choice(("$", "", "€"))
    rows = w.some(4, 14)
    for k in range(rows):
        given = sign if k in (0, rows - 1) else ""
        label = Entry(w.phrase(1, 5), indent=w.rng.choice((0, 0, 1)))
        change = (
            Entry(f"{w.rng.uniform(-30, 60):.1f}", after="%") if w.maybe(0.6) else Entry(f"{w.rng.uniform(0, 60):.1f}%")
        )
        draft.add(label, *(_money(w, most, given) for _ in range(3)), change)
    draft.totals.add(rows + 1)
    return draft


def segments(w: Writer) -> Draft:
    """Segments across, periods down, sections centred over the figures."""
    columns = w.some(3, 6)
    draft = Draft(["label", *["figure"] * columns], looks=(*STATEMENT, "grid"))  # type: ignore[list-item]
    draft.head("", *(w.phrase(1, 3) for _ in range(columns - 1)), "Total")
    figures = w.figures(10 ** w.some(3, 6), 0)
    for year in w.years(w.some(2, 4)):
        draft.section(year, whole=True, centred=w.maybe(0.7))
        for _ in range(w.some(2, 5)):
            draft.add(w.phrase(1, 4), *(figures() for _ in range(columns)))
    return draft


def holdings(w: Writer) -> Draft:
    """Holdings of a fund: long names that wrap, shares, amounts; groups named in a row of their own."""
    draft = Draft(["label", "figure", "figure"], looks=("none", "half", "zebra", "totals", "lines"))
    draft.widths = w.rng.choice(((), (w.rng.uniform(2, 4), 1, 1)))
    draft.head(
        w.rng.choice(("Security", "Name of issuer")),
        w.rng.choice(("Shares", "Principal amount")),
        w.rng.choice(("Value ($)", "Market value")),
    )
    leaders = w.maybe(0.4)
    for _ in range(w.some(1, 4)):
        draft.section(f"{w.phrase(1, 3)} — {w.rng.random() * 30:.1f}%", whole=False)
        for _ in range(w.some(2, 6)):
            name = w.pen.firm() + (
                f", {w.phrase(2, 5)}, {w.rng.random() * 9:.2f}%, due {w.some(2020, 2045)}" if w.maybe(0.4) else ""
            )
            draft.add(
                Entry(name, indent=w.rng.choice((0, 1)), leaders=leaders),
                f"{w.some(100, 99999):,}",
                f"{w.some(1000, 9999999):,}",
            )
    return draft


def loan_schedule(w: Writer) -> Draft:
    """Terms of payment, row by row."""
    draft = Draft(["mark", "figure", "figure", "figure", "figure"], header_cols=1)
    draft.head(w.rng.choice(("No.", "Month", "Period")), "Date", "Principal", "Interest", "Balance")
    for k in range(w.some(5, 25)):
        draft.add(
            str(k + 1),
            f"{w.some(1, 28):02}/{w.some(1, 12):02}/{w.some(2000, 2030)}",
            *(w.pen.amount() for _ in range(3)),
        )
    return draft


def tax_schedule(w: Writer) -> Draft:
    """Bands of income and what is due in each, under three spans."""
    draft = Draft(
        ["figure", "figure", "figure", "figure"],
        header_rows=2,
        header_cols=2,
        looks=("grid", "book", "lines", "half", "zebra"),
    )
    draft.head(Entry(w.rng.choice(("Taxable income", "If your income is")), cols=2), Entry("Tax", cols=2))
    draft.head("Over", w.rng.choice(("But not over", "To")), w.rng.choice(("Base tax", "Amount")), "Rate")
    low = 0
    for _ in range(w.some(4, 12)):
        high = low + w.some(1, 90) * 100
        draft.add(f"${low:,}", f"${high:,}", Entry(f"{low // 7:,}", before="$"), Entry(str(w.some(5, 40)), after="%"))
        low = high
    return draft


def maturities(w: Writer) -> Draft:
    """A list of years with one amount each, dots between, a total under a line."""
    draft = Draft(["label", "figure"], looks=("totals", "none", "half"), header_rows=0)
    draft.widths = w.rng.choice(((), (2.0, 1.0)))
    leaders, sign = w.maybe(0.7), w.rng.choice(("$", "", "€"))
    if w.maybe(0.5):
        draft.header_rows = 1
        draft.head(w.rng.choice(("Fiscal year", "Year ending", "")), w.rng.choice(("Amount", "Operating leases")))
    for k, year in enumerate(w.years(w.some(4, 7))):
        draft.add(Entry(year, leaders=leaders), Entry(f"{w.some(10, 99999):,}", before=sign if k == 0 else ""))
    draft.totals.add(len(draft.rows))
    draft.add(Entry("Total", leaders=leaders), Entry(f"{w.some(10000, 999999):,}", before=sign))
    return draft


STYLES = styles_of(
    income_statement,
    balance_sheet,
    cash_flow,
    change_table,
    segments,
    holdings,
    loan_schedule,
    tax_schedule,
    maturities,
    held_out=(tax_schedule,),
)

"""Statistics, timetables, leagues and calendars: many figures in tight columns, rows in groups, sections between."""

from __future__ import annotations

from loaders.tables.synthesize.draft import Draft, Entry, Kind
from loaders.tables.synthesize.styles.style import styles_of
from loaders.tables.synthesize.writer import DAYS, MONTHS, Writer


def _kinds(labels: int, figures: int) -> list[Kind]:
    return ["label"] * labels + ["figure"] * figures  # type: ignore[return-value]


def census(w: Writer) -> Draft:
    """Places under the names of their regions."""
    columns = w.some(2, 7)
    draft = Draft(_kinds(1, columns))
    draft.head(w.rng.choice(("Region", "Country", "", "District")), *w.headings(columns))
    makes = [w.figures() for _ in range(columns)]
    whole, bold, sums, indent = w.maybe(0.4), w.maybe(0.6), w.maybe(0.4), w.rng.choice((0, 0.7, 1.2))
    for _ in range(w.some(1, 4)):
        name = w.phrase(1, 3)
        if sums:
            draft.totals.add(len(draft.rows))
            draft.add(Entry(name, bold=bold), *(Entry(make(), bold=bold) for make in makes))
        else:
            draft.section(name, whole=whole, bold=bold, centred=whole and w.maybe(0.4))
        for place in w.places(w.some(2, 7)):
            draft.add(Entry(place, indent=indent), *(make() for make in makes))
    return draft


def plain(w: Writer) -> Draft:
    """One header row, one label, figures."""
    columns = w.some(1, 8)
    draft = Draft(_kinds(1, columns))
    draft.head(w.rng.choice(("", w.phrase(1, 2))), *w.headings(columns, w.some(1, 5)))
    makes = [w.figures() for _ in range(columns)]
    for _ in range(w.some(2, 20)):
        draft.add(w.entry(w.phrase(1, 9 if w.maybe(0.2) else 4)), *(w.entry(make()) for make in makes))
    if w.maybe(0.3):
        draft.totals.add(len(draft.rows))
        draft.add(Entry("Total", bold=True), *(make() for make in makes))
    return draft


def monthly(w: Writer) -> Draft:
    """Years down, months across."""
    months = MONTHS if w.maybe(0.5) else MONTHS[: w.rng.choice((4, 6))]
    draft = Draft(_kinds(1, len(months) + 1))
    draft.head("Year", *months, w.rng.choice(("Total", "Avg", "Annual")))
    make = w.figures(w.rng.choice((10, 100, 1000)), w.some(0, 1))
    for year in w.years(w.some(4, 14)):
        draft.add(year, *(make() for _ in months), make())
    return draft


def year_spans(w: Writer) -> Draft:
    """Years over pairs or triples of columns, a number of the column under each now and then."""
    years, each = w.some(2, 4), w.some(2, 3)
    draft = Draft(_kinds(1, years * each), header_rows=2)
    stub = w.rng.choice(("Country", "Item", "Sector", ""))
    tall = w.maybe()
    over = [Entry(year, cols=each) for year in w.years(years)]
    names = w.headings(each, 1)
    if tall:
        draft.head(Entry(stub, rows=2), *over)
        draft.head(*names * years)
    else:
        draft.head(stub, *over)
        draft.head("", *names * years)
    if w.maybe(0.2):
        draft.header_rows = 3
        draft.head(*(f"({k + 1})" for k in range(years * each + 1)))
    makes = [w.figures() for _ in range(each)]
    for place in w.places(w.some(4, 16)):
        draft.add(place, *(make() for _ in range(years) for make in makes))
    return draft


def two_stubs(w: Writer) -> Draft:
    """Rows named by group and kind; the group's name stands with the first of its rows."""
    columns = w.some(2, 5)
    draft = Draft(_kinds(2, columns), header_cols=2, looks=("book", "half", "none", "groups", "grid", "lines"))
    draft.head(*w.headings(2, 1), *w.headings(columns, 2))
    makes = [w.figures() for _ in range(columns)]
    sexes = w.rng.choice(
        (("Male", "Female"), ("Male", "Female", "Total"), ("Urban", "Rural"), ("2019", "2020", "2021"))
    )
    for place in w.places(w.some(2, 6)):
        draft.breaks.add(len(draft.rows))
        for k, sex in enumerate(sexes):
            draft.add(*([Entry(place, rows=len(sexes))] if k == 0 else []), sex, *(make() for make in makes))
    return draft


def cross_table(w: Writer) -> Draft:
    """Counts and per cents under each answer."""
    answers = w.some(2, 4)
    draft = Draft(_kinds(1, 2 * answers), header_rows=2)
    draft.head(Entry("", rows=2), *(Entry(w.phrase(1, 2), cols=2) for _ in range(answers)))
    draft.head(*("N", "%") * answers)
    for _ in range(w.some(3, 12)):
        draft.add(
            w.phrase(1, 4),
            *(text for _ in range(answers) for text in (str(w.some(0, 999)), f"{w.rng.random() * 100:.1f}")),
        )
    return draft


def counted(w: Writer) -> Draft:
    """Counts beside what they are in per cent, without a heading over both; long headings that wrap."""
    pairs = w.some(1, 4)
    draft = Draft(_kinds(1, 2 * pairs))
    names = [w.phrase(1, 5) for _ in range(pairs)]
    draft.head(
        "",
        *(
            head
            for name in names
            for head in (f"Number of {name.lower()}", w.rng.choice(("%", "Pct of all", f"{name}, %")))
        ),
    )
    form = w.rng.choice(("{:.0f}%", "{:.1f}%", "{:.1f}", "({:.1f}%)", "({:.0f})"))
    for _ in range(w.some(3, 12)):
        draft.add(
            w.phrase(1, 3),
            *(text for _ in range(pairs) for text in (f"{w.some(0, 900):,}", form.format(w.rng.random() * 100))),
        )
    return draft


def quantities(w: Writer) -> Draft:
    """Figures with their units in every cell, or in words: "8 ml", "40 years", "1 in 5"."""
    columns = w.some(1, 5)
    draft = Draft(_kinds(1, columns))
    draft.head(w.phrase(1, 2), *(w.phrase(1, 2) for _ in range(columns)))
    units = [
        w.rng.choice(("ml", "mg", "years", "kg", "min", "cm", "days", "units", "%", "of 5", "°C"))
        for _ in range(columns + 1)
    ]
    numbered = w.maybe(0.5)
    for k in range(w.some(3, 16)):
        label = f"{k + w.some(0, 1)} {units[-1]}" if numbered else w.phrase(1, 2)
        draft.add(label, *(f"{w.rng.choice(('', '', '<', '*'))}{w.some(0, 99)} {unit}" for unit in units[:-1]))
    return draft


def sparse(w: Writer) -> Draft:
    """Short figures, many cells empty, rows of every kind of length."""
    columns = w.some(3, 10)
    draft = Draft(_kinds(1, columns))
    draft.head(w.phrase(1, 2), *(w.rng.choice((w.phrase(1, 1), str(k), f"Q{k + 1}")) for k in range(columns)))
    chance = w.rng.uniform(0.2, 0.8)
    for _ in range(w.some(4, 16)):
        figures = [str(w.some(0, 99)) if w.maybe(chance) else w.rng.choice(("", "", "-")) for _ in range(columns)]
        draft.add(w.phrase(1, 6), *figures)
    draft.add("Total", *(str(w.some(0, 99)) for _ in range(columns)))
    return draft


def ranked_words(w: Writer) -> Draft:
    """Names in every column, of one or two words, so that nothing but their edges parts the columns."""
    columns = w.some(2, 5)
    draft = Draft(_kinds(columns, 0))
    draft.head(*(w.phrase(1, 2) for _ in range(columns)))
    makes = [
        w.rng.choice((lambda: w.phrase(1, 3), w.pen.name, w.pen.goods, w.pen.date, w.pen.code, w.pen.firm))
        for _ in range(columns)
    ]
    for _ in range(w.some(3, 14)):
        draft.add(*(make() for make in makes))
    return draft


def timetable(w: Writer) -> Draft:
    """Stops down, journeys across."""
    runs = w.some(4, 12)
    kinds: list[Kind] = ["label", *["mark"] * runs]  # type: ignore[list-item]
    draft = Draft(kinds, header_rows=w.some(0, 1))
    if draft.header_rows:
        draft.head(w.rng.choice(("Train", "Bus", "Stop")), *(str(w.some(1, 999)) for _ in range(runs)))
    for _ in range(w.some(4, 18)):
        draft.add(
            w.pen.town().split()[0] + w.rng.choice(("", " Central", ", Main Street")),
            *(w.clock() if w.maybe(0.85) else w.rng.choice(("...", "|", "–")) for _ in range(runs)),
        )
    return draft


def league(w: Writer) -> Draft:
    """Places, teams and short columns of figures."""
    heads = w.rng.choice(
        (("P", "W", "D", "L", "GF", "GA", "Pts"), ("Games", "Won", "Lost", "PCT"), ("R1", "R2", "R3", "R4", "Total"))
    )
    kinds: list[Kind] = ["mark", "label", *["figure"] * len(heads)]  # type: ignore[list-item]
    draft = Draft(kinds, header_cols=2)
    draft.head(w.rng.choice(("", "#", "Pos")), w.rng.choice(("Team", "Name", "Club")), *heads)
    for k in range(w.some(4, 20)):
        draft.add(
            f"{k + 1}{w.rng.choice(('', '.'))}",
            w.rng.choice((w.pen.name(), w.pen.firm(), w.phrase(1, 2))),
            *(str(w.some(0, 99)) for _ in heads),
        )
    return draft


def calendar(w: Writer) -> Draft:
    """A month."""
    draft = Draft(["mark"] * 7, header_cols=0, looks=("grid", "none", "half", "lines", "framed"))
    short = w.some(1, 9)
    if w.maybe(0.5):
        draft.header_rows = 2
        draft.head(Entry(f"{w.rng.choice(MONTHS)} {w.some(1990, 2030)}", cols=7, align="center"))
    draft.head(*(day[:short] for day in DAYS))
    first, days = w.some(0, 6), w.some(28, 31)
    places = [""] * first + [str(k + 1) for k in range(days)]
    places += [""] * (-len(places) % 7)
    for k in range(0, len(places), 7):
        draft.add(*places[k : k + 7])
    return draft


def rates(w: Writer) -> Draft:
    """Ranges of values and what they mean, columns that are narrow and alike."""
    columns = w.some(2, 4)
    draft = Draft(_kinds(1, columns))
    draft.head(*w.headings(columns + 1, 2))
    low = w.some(0, 10)
    for _ in range(w.some(3, 10)):
        step = w.some(1, 20)
        name = w.rng.choice(
            (f"{low}–{low + step}", f"{low} to {low + step}", f"{low} - {low + step}", f"< {low + step}")
        )
        draft.add(name, *(w.figures(100)() or "0" for _ in range(columns)))
        low += step
    return draft


STYLES = styles_of(
    census,
    plain,
    monthly,
    year_spans,
    two_stubs,
    cross_table,
    counted,
    quantities,
    sparse,
    ranked_words,
    timetable,
    league,
    calendar,
    rates,
    held_out=(
        year_spans,
        timetable,
    ),
)

"""Tables of papers: results under spans of two and three levels, errors, marks, rows grouped by a tall label."""

from __future__ import annotations

from loaders.tables.synthesize.draft import Draft, Entry, Kind
from loaders.tables.synthesize.styles.style import styles_of
from loaders.tables.synthesize.writer import Writer

PAPER = ("book", "book", "groups", "lines", "grid", "half", "vertical", "stub")


def _kinds(labels: int, figures: int) -> list[Kind]:
    return ["label"] * labels + ["figure"] * figures  # type: ignore[return-value]


def _code(w: Writer) -> str:
    """Return the name of a method or sample."""
    return w.rng.choice(
        (w.pen.code(), f"{w.phrase(1, 2)}-{w.some(1, 99)}", w.phrase(1, 2), f"{w.phrase(1, 1)} [{w.some(1, 70)}]")
    )


def results(w: Writer) -> Draft:
    """Methods down, measures across."""
    columns = w.some(2, 7)
    draft = Draft(_kinds(1, columns), looks=PAPER)
    draft.head(w.rng.choice(("Method", "Model", "", "Sample")), *w.headings(columns, 2))
    makes = [w.figures(w.rng.choice((1, 10, 100, 1000))) for _ in range(columns)]
    best = w.some(0, 10)
    for k in range(w.some(3, 12)):
        draft.add(w.entry(_code(w)), *(w.entry(make(), bold=k == best) for make in makes))
    return draft


def with_errors(w: Writer) -> Draft:
    """Means with their errors in one cell."""
    columns = w.some(2, 5)
    draft = Draft(_kinds(1, columns), looks=PAPER)
    draft.head(w.rng.choice(("", "Treatment", "Group")), *w.headings(columns, 3))
    form = w.rng.choice(
        (
            "{:.1f} ± {:.1f}",
            "{:.2f} ± {:.2f}",
            "{:.1f} ({:.1f})",
            "{:.2f}±{:.2f}",
            "{:.0f} ({:.1f}%)",
            "{:.1f} [{:.1f}]",
        )
    )
    for _ in range(w.some(3, 12)):
        label = Entry(w.phrase(1, 6), indent=w.rng.choice((0, 0, 1)))
        draft.add(label, *(form.format(w.rng.random() * 99, w.rng.random() * 9) for _ in range(columns)))
    return draft


def two_levels(w: Writer) -> Draft:
    """Measures under the names of data sets; the stub's heading as tall as both."""
    groups, each = w.some(2, 4), w.some(2, 3)
    stubs = w.rng.choice((1, 1, 2))
    draft = Draft(_kinds(stubs, groups * each), header_rows=2, header_cols=stubs, looks=PAPER)
    measures = w.headings(each, 1)
    tall = w.maybe(0.7)
    heads = [w.rng.choice(("Method", "Model", w.phrase(1, 2))) for _ in range(stubs)]
    over = [Entry(w.phrase(1, 3), cols=each) for _ in range(groups)]
    if tall:
        draft.head(*(Entry(one, rows=2) for one in heads), *over)
        draft.head(*measures * groups)
    else:
        draft.head(*[""] * stubs, *over)
        draft.head(*heads, *measures * groups)
    make = w.figures(w.rng.choice((1, 100)))
    for _ in range(w.some(3, 10)):
        draft.add(*(_code(w) for _ in range(stubs)), *(w.entry(make()) for _ in range(groups * each)))
    return draft


def three_levels(w: Writer) -> Draft:
    """Headings of three levels."""
    draft = Draft(_kinds(1, 8), header_rows=3, looks=PAPER)
    draft.head(Entry(w.phrase(1, 2), rows=3), Entry(w.phrase(1, 3), cols=4), Entry(w.phrase(1, 3), cols=4))
    draft.head(*(Entry(w.phrase(1, 2), cols=2) for _ in range(4)))
    draft.head(*w.headings(2, 1) * 4)
    make = w.figures(100)
    for _ in range(w.some(3, 10)):
        draft.add(_code(w), *(make() for _ in range(8)))
    return draft


def uneven_spans(w: Writer) -> Draft:
    """Some columns under spans, others with headings as tall as the header."""
    spans = [w.rng.choice((1, 1, 2, 3)) for _ in range(w.some(2, 4))]
    if max(spans) == 1:
        spans[-1] = 2
    draft = Draft(_kinds(1, sum(spans)), header_rows=2, looks=PAPER)
    draft.head(
        Entry(w.phrase(1, 3), rows=2),
        *(Entry(w.phrase(1, 3), cols=n) if n > 1 else Entry(w.phrase(1, 3), rows=2) for n in spans),
    )
    draft.head(*(head for n in spans if n > 1 for head in w.headings(n, 2)))
    makes = [w.figures() for _ in range(sum(spans))]
    for _ in range(w.some(3, 12)):
        draft.add(w.phrase(1, 4), *(make() for make in makes))
    return draft


def tall_groups(w: Writer) -> Draft:
    """Rows grouped by a label that is as tall as its group."""
    columns = w.some(2, 5)
    draft = Draft(_kinds(2, columns), header_cols=2, looks=("groups", "grid", "book", "lines"))
    draft.head(*w.headings(2, 1), *w.headings(columns, 2))
    makes = [w.figures() for _ in range(columns)]
    for _ in range(w.some(2, 4)):
        rows = w.some(2, 5)
        draft.breaks.add(len(draft.rows))
        for k in range(rows):
            label = [Entry(w.phrase(1, 2), rows=rows, bold=w.maybe(0.2))] if k == 0 else []
            draft.add(*label, _code(w), *(make() for make in makes))
    return draft


def regression(w: Writer) -> Draft:
    """Coefficients with stars, their errors in brackets in the row below."""
    columns = w.some(2, 5)
    draft = Draft(_kinds(1, columns), looks=("book", "half", "groups", "none"))
    draft.head("", *(f"({k + 1})" for k in range(columns)))
    if w.maybe(0.5):
        draft.header_rows = 2
        draft.head(w.rng.choice(("", "Variable")), *w.headings(columns, 1))
    for _ in range(w.some(3, 7)):
        draft.add(
            w.phrase(1, 3),
            *(f"{w.rng.uniform(-1, 1):.3f}{w.rng.choice(('', '*', '**', '***'))}" for _ in range(columns)),
        )
        draft.add("", *(f"({w.rng.random():.3f})" for _ in range(columns)))
    draft.breaks.add(len(draft.rows))
    draft.add("Observations", *(f"{w.some(100, 9999):,}" for _ in range(columns)))
    draft.add("R-squared", *(f"{w.rng.random():.3f}" for _ in range(columns)))
    return draft


def demographics(w: Writer) -> Draft:
    """Traits of patients: groups of indented values, counts with per cents, a p value once per group."""
    draft = Draft(_kinds(1, 3), looks=("book", "half", "none", "lines", "zebra", "grid"))
    draft.head(
        w.rng.choice(("Characteristic", "Variable", "")),
        f"{w.phrase(1, 2)} (n = {w.some(20, 900)})",
        f"{w.phrase(1, 2)} (n = {w.some(20, 900)})",
        w.rng.choice(("P value", "p")),
    )
    for _ in range(w.some(2, 5)):
        value = w.rng.choice(("<0.001", f"{w.rng.random():.2f}", "NS"))
        draft.add(Entry(w.phrase(1, 4) + w.rng.choice((", n (%)", "", " (years)")), bold=w.maybe(0.3)), "", "", value)
        for _ in range(w.some(2, 4)):
            draft.add(
                Entry(w.phrase(1, 3), indent=1),
                f"{w.some(1, 400)} ({w.rng.random() * 99:.1f})",
                f"{w.some(1, 400)} ({w.rng.random() * 99:.1f})",
                "",
            )
    return draft


def correlations(w: Writer) -> Draft:
    """Half a square of figures."""
    names = [w.phrase(1, 2) for _ in range(w.some(4, 8))]
    draft = Draft(_kinds(1, len(names)), looks=("book", "grid", "half", "lines", "none"))
    short = w.maybe(0.5)
    draft.head("", *(str(k + 1) if short else name.split()[0] for k, name in enumerate(names)))
    for k, name in enumerate(names):
        figures = [f"{w.rng.uniform(-1, 1):.2f}" for _ in range(k)]
        draft.add(
            f"{k + 1}. {name}" if short else name,
            *figures,
            w.rng.choice(("1", "1.00", "–")),
            *[""] * (len(names) - k - 1),
        )
    return draft


def confusion(w: Writer) -> Draft:
    """Counts of classes: a heading over the columns, a tall one beside the rows."""
    n = w.some(2, 5)
    names = [w.phrase(1, 1) for _ in range(n)]
    draft = Draft(_kinds(2, n), header_rows=2, header_cols=2, looks=("grid", "book", "lines"))
    draft.head(Entry("", rows=2, cols=2), Entry(w.rng.choice(("Predicted", "Predicted class")), cols=n))
    draft.head(*names)
    for k, name in enumerate(names):
        draft.add(*([Entry("Actual", rows=n)] if k == 0 else []), name, *(str(w.some(0, 900)) for _ in range(n)))
    return draft


def with_units(w: Writer) -> Draft:
    """Names of quantities, and their units in a header row of their own."""
    columns = w.some(3, 7)
    draft = Draft(_kinds(1, columns), header_rows=2, looks=PAPER)
    units = ("mg/L", "°C", "kg", "mm", "%", "m/s", "kPa", "g cm-3", "h", "–")
    draft.head(w.phrase(1, 1), *(w.phrase(1, 1) for _ in range(columns)))
    draft.head("", *(f"({w.rng.choice(units)})" if w.maybe(0.7) else w.rng.choice(units) for _ in range(columns)))
    makes = [w.figures() for _ in range(columns)]
    for _ in range(w.some(3, 12)):
        draft.add(_code(w), *(make() for make in makes))
    return draft


def ablation(w: Writer) -> Draft:
    """What is switched on, in marks, and what comes of it."""
    marks, figures = w.some(2, 4), w.some(1, 3)
    kinds: list[Kind] = ["label", *["mark"] * marks, *["figure"] * figures]  # type: ignore[list-item]
    draft = Draft(kinds, looks=PAPER)
    draft.head(
        w.rng.choice(("#", "Setting", "Variant")), *(w.phrase(1, 2) for _ in range(marks)), *w.headings(figures, 1)
    )
    on, off = w.rng.choice((("✓", ""), ("✓", "×"), ("Yes", "No"), ("✓", "–")))
    for k in range(w.some(3, 9)):
        draft.add(
            w.rng.choice((str(k + 1), f"({chr(97 + k)})", w.phrase(1, 2))),
            *(on if w.maybe() else off for _ in range(marks)),
            *(f"{w.rng.random() * 99:.1f}" for _ in range(figures)),
        )
    return draft


def literature(w: Writer) -> Draft:
    """Studies with what they found, in words that wrap."""
    columns = w.some(2, 4)
    kinds: list[Kind] = ["label", *["words"] * columns]  # type: ignore[list-item]
    draft = Draft(
        kinds,
        widths=(1.2, *(w.rng.uniform(1, 3) for _ in range(columns))),
        looks=("lines", "grid", "book", "half", "none", "zebra"),
    )
    draft.head(w.rng.choice(("Study", "Author (year)")), *(w.phrase(1, 2) for _ in range(columns)))
    for _ in range(w.some(3, 8)):
        draft.add(
            f"{w.pen.name().split()[-1]} et al. ({w.some(1980, 2024)})", *(w.sentence(3, 18) for _ in range(columns))
        )
    return draft


STYLES = styles_of(
    results,
    with_errors,
    two_levels,
    three_levels,
    uneven_spans,
    tall_groups,
    regression,
    demographics,
    correlations,
    confusion,
    with_units,
    ablation,
    literature,
    held_out=(
        three_levels,
        demographics,
    ),
)

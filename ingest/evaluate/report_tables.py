"""The tables of a report, as text in cells, before they become Markdown or HTML.

Comes in: Results. Goes out: tables of scores, paired comparisons, causes of misses, misses and failures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.evaluate.baselines import PUBLISHED
from ingest.evaluate.intervals import ratio
from ingest.evaluate.metrics import METRICS, metric
from ingest.evaluate.misses import CAUSES
from ingest.evaluate.results import EngineComparison, ItemResult, Results, SummaryRow, Variant, compare_engines

SPEEDS = ("seconds_per_page", "cpu_seconds_per_page")
STAGES = (
    None, "open", "rasterize", "text", "ocr", "detect", "recognize",
    "tables", "relate", "chunk", "total", "embed", "index",
)  # fmt: skip
"""In the order in which they run."""
FEWEST = 5
"""Items below which an interval says nothing."""
HEADLINES = ("cer", "successor_accuracy", "nid", "rule_pass_rate", "teds", "recall@5")
"""The metric by which the worst items of a kind are found: the first of these that an item has."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A titled table of strings."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def variant_name(variant: Variant) -> str:
    """Return a variant in words: engine, then what else distinguishes it."""
    details = [value for value in (variant.text, variant.order, variant.region, variant.form, variant.stage) if value]
    return f"{variant.engine} ({', '.join(details)})" if details else variant.engine


def _cell(row: SummaryRow) -> str:
    one = metric(row.metric)
    return f"{one.written(row.mean)} [{one.written(row.low)}, {one.written(row.high)}] n={row.n}"


def score_tables(results: Results) -> list[TextTable]:
    """Return one table per pack, source and scope: a line per variant, a column per metric, mean [95 % interval] n."""
    found: list[TextTable] = []
    order = {name: place for place, name in enumerate(METRICS)}
    for pack, source, scope in dict.fromkeys((row.pack, row.source, row.scope) for row in results.summary):
        if any(row.stage for row in results.summary if (row.pack, row.source) == (pack, source)):
            found.append(_stage_table(results, pack, source))
            continue
        rows = [row for row in results.summary if (row.pack, row.source, row.scope) == (pack, source, scope)]
        names = sorted({row.metric for row in rows}, key=lambda name: (order.get(name, len(order)), name))
        ways = {row.variant: _without_form(row.variant, rows) for row in rows}
        cells = {(ways[row.variant], row.metric): _cell(row) for row in rows}
        lines = tuple(
            (variant_name(way), *(cells.get((way, name), "") for name in names)) for way in dict.fromkeys(ways.values())
        )
        title = f"{pack} / {source}" + (f", scope {scope}" if scope else "") + _caveat(results, pack, source)
        found.append(TextTable(title, ("engine", *names), lines))
    return found


def _caveat(results: Results, pack: str, source: str) -> str:
    """Say where `cer` is an upper bound only, since the order of the truth's lines was derived from their boxes."""
    orders = {item.details.get("text_order") for item in results.items if (item.pack, item.source) == (pack, source)}
    return "; cer is an upper bound: the truth's line order was derived from boxes" if "derived" in orders else ""


def _without_form(variant: Variant, rows: Sequence[SummaryRow]) -> Variant:
    """Return the variant without its form, where the metric says it already: one line for text and Markdown."""
    way = replace(variant, form=None)
    metrics = [row.metric for row in rows if replace(row.variant, form=None) == way]
    return way if len(metrics) == len(set(metrics)) else variant


def _stage_table(results: Results, pack: str, source: str) -> TextTable:
    """Return what was timed: a line per metric and stage, a column per way of reading."""
    rows = [row for row in results.summary if (row.pack, row.source) == (pack, source)]
    ways = list(dict.fromkeys(replace(row.variant, stage=None) for row in rows))
    places = list(dict.fromkeys((row.metric, row.stage) for row in rows))
    metrics = list(METRICS)
    places.sort(key=lambda place: (metrics.index(place[0]), STAGES.index(place[1]) if place[1] in STAGES else 0))
    cells = {(row.metric, row.variant): _cell(row) for row in rows}
    lines = tuple(
        (name, stage or "", *(cells.get((name, replace(way, stage=stage)), "") for way in ways))
        for name, stage in places
    )
    return TextTable(f"{pack} / {source}", ("metric", "stage", *map(variant_name, ways)), lines)


def verdict(found: EngineComparison) -> str:
    """Say who is better, if the interval of the difference leaves zero out."""
    if found.comparison.difference.n < FEWEST:
        return "too few to say"
    if not found.comparison.real:
        return "not told apart"
    first_better = (found.comparison.difference.mean > 0) == metric(found.metric).more_is_better
    return f"{found.first.engine if first_better else found.second.engine} is better"


def comparison_table(results: Results) -> TextTable | None:
    """Compare each pack's first engine of ours with all others, pair by pair; None where nothing can be compared."""
    seed = int(results.settings.get("seed") or 0)
    lines: list[tuple[str, ...]] = []
    seen: set[tuple[str, str, frozenset[Variant]]] = set()
    for pack in dict.fromkeys(item.pack for item in results.items):
        items = [item for item in results.items if item.pack == pack]
        ours = [item.variant for item in items if not item.variant.engine.endswith(PUBLISHED)]
        for variant in [v for v in dict.fromkeys(ours) if v.engine == ours[0].engine and v.order == ours[0].order]:
            for found in compare_engines(items, variant, seed=seed):
                pair = (found.source, found.metric, frozenset((found.first, found.second)))
                if pair not in seen:
                    seen.add(pair)
                    lines.append(_comparison_line(found))
    header = ("pack / source", "metric", "first", "second", "difference [95 %]", "wins", "losses", "ties", "verdict")
    return TextTable("Paired comparisons", header, tuple(lines)) if lines else None


def _comparison_line(found: EngineComparison) -> tuple[str, ...]:
    one, paired = metric(found.metric), found.comparison
    up, down = paired.first_higher, paired.second_higher
    wins, losses = (up, down) if one.more_is_better else (down, up)
    span = paired.difference
    return (
        f"{found.pack} / {found.source}",
        found.metric,
        variant_name(found.first),
        variant_name(found.second),
        f"{one.written(span.mean)} [{one.written(span.low)}, {one.written(span.high)}] n={span.n}",
        str(wins),
        str(losses),
        str(paired.ties),
        verdict(found),
    )


def speed_ratios(results: Results) -> TextTable | None:
    """Say how many times as long the other ways take as the first one, page by page; None where nothing was timed.

    The ratio is the geometric mean over pages measured in turns, with its 95 % interval; spread is the smallest and the
    largest ratio of a single page.
    """
    cells: dict[tuple[str, str, str | None, str], dict[Variant, dict[str, float]]] = {}
    for item in results.items:
        for name in SPEEDS:
            if item.variant.stage in (None, "total") and item.scores.get(name, 0.0) > 0:
                key = (item.pack, item.source, item.variant.stage, name)
                cells.setdefault(key, {}).setdefault(item.variant, {})[item.id] = item.scores[name]
    seed = int(results.settings.get("seed") or 0)
    lines: list[tuple[str, ...]] = []
    for (pack, source, stage, name), by_variant in cells.items():
        (first, base), *others = by_variant.items()
        for variant, values in others:
            each = [values[page] / base[page] for page in base if page in values]
            if each:
                span = ratio(values, base, seed=seed)
                times = f"{span.mean:.2f} [{span.low:.2f}, {span.high:.2f}] n={span.n}"
                spread = f"{min(each):.2f} to {max(each):.2f}"
                names = (variant_name(variant), variant_name(first))
                lines.append((f"{pack} / {source}", stage or "words", name, *names, times, spread))
    header = ("pack / source", "stage", "metric", "way", "against", "times as long [95 %]", "spread")
    return TextTable("Ratios", header, tuple(lines)) if lines else None


def misses(results: Results) -> list[ItemResult]:
    """Return the questions whose details name a cause of a miss."""
    return [item for item in results.items if item.details.get("cause")]


def cause_table(results: Results) -> TextTable | None:
    """Count the misses by cause, variant and scope; None where no question was missed."""
    counts: dict[tuple[str, str, Variant], Counter[str]] = {}
    for item in misses(results):
        counts.setdefault((item.pack, item.source, item.variant), Counter())[item.details["cause"]] += 1
    lines = tuple(
        (f"{pack} / {source}", variant.scope or "", variant_name(variant), *(str(count[cause]) for cause in CAUSES))
        for (pack, source, variant), count in counts.items()
    )
    return TextTable("Misses by cause", ("pack / source", "scope", "engine", *CAUSES), lines) if lines else None


def failure_table(results: Results) -> TextTable | None:
    """List the items that failed, which count with their worst scores; None where none did."""
    lines = tuple((item.id, variant_name(item.variant), str(item.failure)) for item in results.failures)
    return TextTable("Failed items", ("item", "engine", "failure"), lines) if lines else None


def legend(results: Results) -> TextTable:
    """Explain the metrics that occur."""
    names = list(dict.fromkeys(row.metric for row in results.summary))
    rows = tuple((name, "more" if metric(name).more_is_better else "less", metric(name).meaning) for name in names)
    return TextTable("Metrics", ("metric", "better is", "meaning"), rows)


def setting_table(results: Results) -> TextTable:
    """List settings and versions."""
    pairs = [*results.settings.items(), *((f"{name} version", value) for name, value in results.versions.items())]
    return TextTable("Settings and versions", ("name", "value"), tuple((str(k), str(v)) for k, v in pairs))


def headline(item: ItemResult) -> str | None:
    """Return the metric by which an item is called bad."""
    return next((name for name in HEADLINES if name in item.scores), None)


def worst_items(results: Results, count: int = 3) -> list[ItemResult]:
    """Return the worst `count` items of each pack, source and variant of ours, by their headline metric, worst first.

    Items with a perfect score are left out.
    """

    def badness(item: ItemResult) -> float:
        name = headline(item)
        if name is None:
            return 0.0
        value = item.scores[name]
        return 1.0 - value if metric(name).more_is_better else value

    cells: dict[tuple[str, str, Variant], list[ItemResult]] = {}
    for item in results.items:
        if not item.variant.engine.endswith(PUBLISHED):
            cells.setdefault((item.pack, item.source, item.variant), []).append(item)
    ranked: Sequence[list[ItemResult]] = [sorted(cell, key=badness, reverse=True) for cell in cells.values()]
    return [item for cell in ranked for item in cell[:count] if badness(item) > 0]

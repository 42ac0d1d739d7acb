"""`ingest evaluate ocr` and `order`: how well pages are recognised, and in which order they come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Unpack

from ingest.evaluate.baselines import published_results
from ingest.evaluate.measure import Measure, concluded, measured, output_folder
from ingest.evaluate.ocr_metrics import ocr_details, ocr_scores
from ingest.evaluate.order_metrics import markdown_scores, sequence_scores
from ingest.evaluate.packs import Pack, read_pack
from ingest.evaluate.plan import Options, Plan, Way, plan_of
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import Item, PageItem, PagePrediction
from ingest.evaluate.report import Picture, pages_to_show
from ingest.evaluate.results import ItemResult, Results


def _transcribed(predictor: Predictor, item: PageItem, _: str | None) -> PagePrediction:
    return predictor.transcript(item)


def _ocr_scored(item: PageItem, way: Way, _: str | None, read: PagePrediction | None) -> list[ItemResult]:
    return [ItemResult.of(item, way.variant(), ocr_scores(item, read), details=ocr_details(item))]


def _order_scored(item: PageItem, way: Way, _: str | None, read: PagePrediction | None) -> list[ItemResult]:
    """Score the sequence of blocks, the text, and the Markdown; where an engine makes none, its text stands for it."""
    markdown = None if read is None else read.text if read.markdown is None else read.markdown
    sequence = sequence_scores(item, read)
    by_form: dict[str | None, dict[str, float]] = {
        None: {name: score for name, score in sequence.items() if name != "nid_text"},
        "text": {name: score for name, score in sequence.items() if name == "nid_text"},
        "markdown": markdown_scores(item, markdown),
    }
    return [ItemResult.of(item, way.variant(form=form), scores) for form, scores in by_form.items() if scores]


OCR = Measure("ocr", (None,), _transcribed, _ocr_scored)
ORDER = Measure("order", (None,), _transcribed, _order_scored)


def ocr(pack: str | Path | Pack, **options: Unpack[Options]) -> Results:
    """Measure recognition: CER, bag-of-characters and bag-of-words error, boxes at IoU 0.5, missing spaces.

    `pack` is a pack, a FUNSD folder, or a path to either; `options` as in Options. Raises UsageError for a pack without
    transcribed pages, EngineNotReady when an engine is not.
    """
    return _measure_pages(pack, options, OCR, _is_transcribed, published_form=None)


def order(pack: str | Path | Pack, **options: Unpack[Options]) -> Results:
    """Measure reading order: NID on text and Markdown, Kendall tau, successors, rules, headings, tables of the page.

    Arguments and errors as for `ocr`.
    """
    return _measure_pages(pack, options, ORDER, _is_ordered, published_form="markdown")


def _is_transcribed(item: Item) -> bool:
    return isinstance(item, PageItem) and bool(item.text is not None or item.words or item.lines)


def _is_ordered(item: Item) -> bool:
    return isinstance(item, PageItem) and bool(item.text or item.markdown or item.blocks or item.rules)


def _measure_pages(
    given: str | Path | Pack,
    options: Options,
    measure: Measure,
    wanted: Callable[[Item], bool],
    published_form: str | None,
) -> Results:
    plan, pack = plan_of(options), given if isinstance(given, Pack) else read_pack(given)
    chosen = plan.select(pack)
    pages = [item for item in chosen if wanted(item)]
    ways = plan.ways()
    with output_folder(plan) as folder:
        items = measured(plan, measure, pages, ways, folder) if pages else []
        if plan.published:
            stored = published_results(pack, pages)
            items += [item for item in stored if item.variant.form == published_form]
        return concluded(plan, measure.name, pack.name, items, ways, partial(drawn, plan, pages, ways, folder))


def drawn(plan: Plan, items: Sequence[Item], ways: Sequence[Way], folder: Path, results: Results) -> list[Picture]:
    """Draw the pages that the report of some results links to."""
    from ingest.evaluate.pictures import draw_pages
    from loaders.cache import Cache

    return draw_pages(pages_to_show(results, plan.pictures), items, ways, Cache(folder / "cache"))

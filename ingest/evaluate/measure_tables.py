"""`ingest evaluate tables`: TEDS and TEDS-struct, from the table's crop and from the whole page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Unpack

from ingest.evaluate.measure import Measure, concluded, measured, output_folder
from ingest.evaluate.measure_pages import drawn
from ingest.evaluate.packs import Pack, read_pack
from ingest.evaluate.plan import Options, Way, plan_of
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import TableItem
from ingest.evaluate.results import ItemResult, Results
from ingest.evaluate.table_metrics import table_scores


def _read(predictor: Predictor, item: TableItem, region: str | None) -> str | None:
    return predictor.table_in_crop(item) if region == "crop" else predictor.table_on_page(item)


def _scored(item: TableItem, way: Way, region: str | None, html: str | None) -> list[ItemResult]:
    return [ItemResult.of(item, way.variant(region=region), table_scores(item, html))]


TABLES = Measure("tables", ("crop", "page"), _read, _scored)


def tables(pack: str | Path | Pack, **options: Unpack[Options]) -> Results:
    """Measure tables: TEDS and TEDS-struct against the best of the accepted annotations.

    region "crop" gives the table's place (from the picture of it, or the page's own text where that is what the way
    reads); region "page" finds it on the page first. A yardstick that knows no tables gets rows and cells from its
    boxes in the crop, and nothing on the page. `options` as in Options; raises UsageError for a pack without tables.
    """
    plan, read = plan_of(options), pack if isinstance(pack, Pack) else read_pack(pack)
    chosen = plan.select(read)
    items, ways = [item for item in chosen if isinstance(item, TableItem)], plan.ways()
    with output_folder(plan) as folder:
        results = measured(plan, TABLES, items, ways, folder) if items else []
        return concluded(plan, TABLES.name, read.name, results, ways, partial(drawn, plan, items, ways, folder))

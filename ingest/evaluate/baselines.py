"""What others published on the items of a pack, as results in their own rows, named as published.

Comes in: the pack's baselines.jsonl. Stored texts are scored with our metrics; stored scores are taken as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.evaluate.ocr_metrics import ocr_details, ocr_scores
from ingest.evaluate.packs import Pack
from ingest.evaluate.records import Item, PageItem, PagePrediction
from ingest.evaluate.results import ItemResult, Variant

PUBLISHED = " (published)"
SAME_DEFINITION = {"nid": "nid", "teds": "teds", "teds_s": "teds_struct", "mhs": "mhs"}
"""Names in opendataloader-bench, and what the same number is called here."""


def published_results(pack: Pack, chosen: Sequence[Item]) -> list[ItemResult]:
    """Return what is published about the chosen items: stored texts scored as OCR, stored scores under our names."""
    by_id = {item.id: item for item in chosen}
    found: list[ItemResult] = []
    for baseline in pack.baselines:
        item, engine = by_id.get(baseline.id), baseline.engine + PUBLISHED
        if isinstance(item, PageItem) and baseline.text is not None:
            variant = Variant(engine, text="ocr", order="engine")
            read = ocr_scores(item, PagePrediction(baseline.text))
            found.append(ItemResult.of(item, variant, read, details=ocr_details(item)))
        scores = {SAME_DEFINITION[name]: value for name, value in baseline.scores if name in SAME_DEFINITION}
        if item is not None and scores:
            found.append(ItemResult.of(item, Variant(engine, text="layer", order="engine", form="markdown"), scores))
    return found

"""Pictures of the pages that a report links to: what was read on them, drawn over them.

Comes in: names as results give them (an item's id, DOCUMENT#pN). Goes out: PNG pictures, small enough to stand in one
HTML file by the dozen. A page that cannot be drawn is left out: the report still names it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.evaluate.plan import Way
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import DocumentItem, Item
from ingest.evaluate.report import Picture
from loaders.errors import OcrIngestError

if TYPE_CHECKING:
    from loaders.cache import Cache

LONGEST_SIDE = 1000
COLOURS = 48
MOST = 120
"""Pictures in one report, at most."""


def draw_pages(names: Iterable[str], items: Sequence[Item], ways: Sequence[Way], cache: Cache) -> list[Picture]:
    """Draw pages as the first way that is not a yardstick read them (its results are in the cache)."""
    way = next((way for way in ways if not way.is_yardstick), ways[0])
    predictor = Predictor(way, cache)
    if predictor.converter is not None:
        return []
    by_id = {item.id: item for item in items}
    found: list[Picture] = []
    for name in names:
        place = _place(name, by_id)
        png = _drawn(predictor, *place) if place else None
        if png:
            found.append(Picture(name, png))
        if len(found) == MOST:
            break
    return found


def _place(name: str, by_id: dict[str, Item]) -> tuple[Path, int] | None:
    item, number = by_id.get(name), 0
    if item is None:
        document, _, page = name.rpartition("#p")
        item, number = by_id.get(document), int(page) if page.isdecimal() else 0
        if not isinstance(item, DocumentItem):
            return None
    return (item.file, number or item.page or 1) if item.file is not None else None


def _drawn(predictor: Predictor, file: Path, number: int) -> bytes | None:
    from PIL import Image

    from loaders.overlay import draw_page

    try:
        _, page = predictor.page(file, number)
        picture = draw_page(page, longest_side=LONGEST_SIDE)
    except (OcrIngestError, OSError):
        return None
    buffer = io.BytesIO()
    picture.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()

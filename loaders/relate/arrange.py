"""Categorised blocks -> one reading order for the page.

In: drafts and categories, in main coordinates. Out: a permutation of the drafts. Captions stay with their picture or
table, lines in the margins come first and last, footnotes after the body; the rest is order.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loaders.document import Category
from loaders.geometry import Array
from loaders.relate.drafts import Draft, around, distance, first_row
from loaders.relate.marks import is_number, runs_right_to_left
from loaders.relate.order import Indices, Units, order_units

MARGIN = 0.11
"""Share of the page's height at its top and bottom where a lone row of short lines is a running header or footer."""


def arrange(
    drafts: Sequence[Draft], categories: Sequence[Category], pictures: Array, rulings: Array, page: Array, em: float
) -> Indices:
    """Return the drafts' indices in reading order; `page` (4,) is the page's box, `pictures` (P, 4) hold no draft."""
    boxes = np.array([draft.box for draft in drafts], np.float32).reshape(-1, 4)
    head, foot = _margins(drafts, categories, boxes, page, em)
    notes = [k for k, category in enumerate(categories) if category == "footnote" and k not in head + foot]
    apart = {*head, *foot, *notes}
    body = [k for k in range(len(drafts)) if k not in apart]
    letters = " ".join(drafts[k].text for k in body)
    rtl = runs_right_to_left(letters)
    groups = _with_captions(body, drafts, categories, boxes, pictures, em)
    everything = np.concatenate([boxes, pictures])
    opens = [category in ("title", "caption") for category in categories]

    def ordered(groups: list[Indices], rulings: Array) -> Indices:
        units = np.array([around(everything[group]) for group in groups], np.float32).reshape(-1, 4)
        lines = [sum(len(drafts[k].texts) for k in group if k < len(drafts)) for group in groups]
        heading = [all(k < len(drafts) and opens[k] for k in group) for group in groups]
        item = [any(k < len(drafts) and categories[k] == "list" for k in group) for group in groups]
        order = order_units(Units(units, lines, heading, item, em, rtl), rulings)
        return [k for unit in order for k in groups[unit] if k < len(drafts)]

    first, after, last = (ordered([[k] for k in part], rulings[:0]) for part in (head, notes, foot))
    return [*first, *ordered(groups, rulings), *after, *last]


# -- captions ----------------------------------------------------------------------------------------------------------


def _with_captions(
    body: Indices, drafts: Sequence[Draft], categories: Sequence[Category], boxes: Array, pictures: Array, em: float
) -> list[Indices]:
    """Group each picture, figure and table with the caption nearest to it; everything else stays alone."""
    count = len(drafts)
    everything = np.concatenate([boxes, pictures])
    targets = [k for k in body if categories[k] in ("figure", "table")] + list(range(count, len(everything)))
    captions = [k for k in body if categories[k] == "caption"]
    pairs = sorted(
        (distance(boxes[c], everything[t]), c, t)
        for c in captions
        for t in targets
        if _adjoin(boxes[c], everything[t], em)
        and not _parted(boxes[c], everything[t], np.delete(boxes, [c, t % count], 0))
    )
    caption_of: dict[int, int] = {}
    for _, caption, target in pairs:
        if target not in caption_of and caption not in caption_of.values():
            caption_of[target] = caption
    taken = set(caption_of.values())
    groups = []
    for k in [*body, *range(count, len(everything))]:
        if k in caption_of:
            caption = caption_of[k]
            above = everything[caption, 3] < (everything[k, 1] + everything[k, 3]) / 2
            over = min(everything[caption, 2], everything[k, 2]) > max(everything[caption, 0], everything[k, 0])
            groups.append([caption, k] if above and over else [k, caption])
        elif k not in taken:
            groups.append([k])
    return groups


def _adjoin(caption: Array, target: Array, em: float) -> bool:
    """Say whether a caption stands above, below or beside a target, close by."""
    gap_x = max(caption[0] - target[2], target[0] - caption[2])
    gap_y = max(caption[1] - target[3], target[1] - caption[3])
    if gap_x < 0:
        return bool(gap_y < 3 * em)
    return bool(gap_y < 0 and gap_x < 2 * em)


def _parted(caption: Array, target: Array, others: Array) -> bool:
    """Say whether anything else stands between a caption and its target, as "(a)" and "(b)" under two pictures do."""
    both = around(np.stack([caption, target]))
    middles = (others[:, :2] + others[:, 2:]) / 2
    held = ((middles > both[:2]) & (middles < both[2:])).all(axis=1)
    held &= ~((middles > target[:2]) & (middles < target[2:])).all(axis=1)
    return bool(held.any())


# -- margins -----------------------------------------------------------------------------------------------------------


def _margins(
    drafts: Sequence[Draft], categories: Sequence[Category], boxes: Array, page: Array, em: float
) -> tuple[Indices, Indices]:
    """Return the drafts of a lone row at the very top and of one at the very bottom of the page."""
    if len(drafts) < 3:
        return [], []
    height = page[3] - page[1]
    small = [
        len(draft.texts) <= 2
        and draft.fixed is None
        and (draft.size < 1.3 * em or is_number(draft.text))
        and category != "caption"
        for draft, category in zip(drafts, categories, strict=True)
    ]
    head = _lone_row(boxes[:, 1], boxes[:, 3], em)
    if any(boxes[k, 3] > page[1] + MARGIN * height or not small[k] for k in head):
        head = []
    foot = _lone_row(-boxes[:, 3], -boxes[:, 1], em)
    if any(boxes[k, 1] < page[3] - MARGIN * height or not small[k] for k in foot):
        foot = []
    return head, [k for k in foot if k not in head]


def _lone_row(start: Array, end: Array, em: float) -> Indices:
    """Return the first units along an axis, where white sets them apart from others."""
    row, white = first_row(start, end)
    return row if 0.4 * em < white < np.inf else []

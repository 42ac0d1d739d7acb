"""What each block is, as far as one page can tell: title, list, caption, footnote, or plain text.

In: blocks of lines, upright in main coordinates, and the boxes of pictures and tables. Out: a category per block.
Headers, footers and page numbers are not decided here: one page is no evidence (loaders/furniture.py looks at several).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loaders.document import Category, Words
from loaders.geometry import Array
from loaders.relate.drafts import Draft, distance, first_row
from loaders.relate.marks import (
    can_head,
    ends_sentence,
    is_caption,
    is_enumerator,
    is_footnote_mark,
    is_number,
    is_table_note,
    numbering_depth,
    starts_with_bullet,
)
from loaders.relate.medians import weighted_median

MAX_TITLE_LETTERS = 240
LEAST_PLAIN = 0.2
"""Where less of a page's letters stands outside tables and pictures, what is in them is the body as well."""
HARDLY_READ = 0.8
"""A mark or a drawing that is read as a word is no surer than this, nine times in ten."""
APART = 6.0
"""White of so many em parts the pieces of a running head."""


@dataclass(frozen=True, slots=True)
class Body:
    """The page's plain text: its type size, the share of it that is bold, and how far sizes can be believed."""

    size: float
    bold: float
    read: bool

    @classmethod
    def of(cls, drafts: Sequence[Draft], words: Words) -> Body:
        plain = [draft for draft in drafts if draft.fixed is None]
        if sum(len(draft.text) for draft in plain) < LEAST_PLAIN * sum(len(draft.text) for draft in drafts):
            plain = list(drafts)
        letters = np.array([len(draft.text) for draft in plain], float)
        # Long blocks and items speak for the body: a slide's many short labels do not make it.
        lines = [4 if starts_with_bullet(draft.text.split()[0]) else min(len(draft.texts), 4) for draft in plain]
        weights = letters * np.array(lines, float)
        size = weighted_median(np.array([draft.size for draft in plain]), weights)
        bold = float(np.average([draft.bold for draft in plain], weights=letters)) if letters.sum() else 0.0
        return cls(size, bold, bool(words.ocr.mean() > 0.5) if len(words) else False)

    @property
    def larger(self) -> float:
        """How many times the body's size a heading must have at least to be known by size alone."""
        return 1.25 if self.read else 1.13


def categorize(drafts: Sequence[Draft], words: Words, pictures: Array, rulings: Array) -> list[Category]:
    """Return each draft's category; pictures (P, 4) and rulings (M, 4) are in main coordinates."""
    body = Body.of(drafts, words)
    tables = np.array([draft.box for draft in drafts if draft.fixed == "table"], np.float32).reshape(-1, 4)
    targets = np.concatenate([pictures.reshape(-1, 4), tables])
    categories = [draft.fixed or _of_text(draft, words, body, targets) for draft in drafts]
    for k in _footnotes(drafts, categories, words, body, rulings):
        categories[k] = "footnote"
    for k in not_headings(drafts, pictures, body.size):
        if categories[k] == "title":
            categories[k] = "text"
    return categories


def not_headings(drafts: Sequence[Draft], pictures: Array, em: float) -> list[int]:
    """Return the drafts that are no headings, however they are set: by what they say, or by where they stand.

    A word alone that was hardly read is a drawing. A heading does not come last, so that something stands below it,
    or beside it to the right; and it is no row with a piece at either end of it over everything else, as a running
    head is.
    """
    boxes = np.array([draft.box for draft in drafts], np.float32).reshape(-1, 4)
    said = np.array([not is_number(draft.text) for draft in drafts], bool)
    others = np.concatenate([boxes[said], pictures.reshape(-1, 4)])
    running = _running_row(boxes, em)
    return [
        k
        for k, draft in enumerate(drafts)
        if k in running
        or not can_head(draft.text)
        or (draft.sure < HARDLY_READ and " " not in draft.text)
        or not _heads_something(boxes[k], others)
    ]


def _heads_something(box: Array, others: Array) -> bool:
    middle = (box[1] + box[3]) / 2
    shared = np.minimum(others[:, 2], box[2]) - np.maximum(others[:, 0], box[0])
    below, beside = (shared > 0) & (others[:, 1] > middle), (others[:, 0] >= box[2]) & (others[:, 3] > box[3])
    return bool((below | beside).any())


def _running_row(boxes: Array, em: float) -> set[int]:
    """Return the pieces of the top row of a page, where it is lone and has one flush with either side of the page."""
    if len(boxes) < 3:
        return set()
    row, _ = first_row(boxes[:, 1], boxes[:, 3])
    own, left, right = boxes[row], boxes[:, 0].min(), boxes[:, 2].max()
    apart = np.sort(own[:, 0])[1:] - np.sort(own[:, 2])[:-1]
    low = own[:, 3].max() - own[:, 1].min() < 3 * em
    sides = own[:, 0].min() < left + 2 * em and own[:, 2].max() > right - 2 * em
    return set(row) if len(row) in (2, 3) and low and sides and bool((apart > APART * em).any()) else set()


def _of_text(draft: Draft, words: Words, body: Body, targets: Array) -> Category:
    if is_caption(draft.text) and _may_caption(draft, body, targets):
        return "caption"
    if _is_title(draft, words, body):
        return "title"
    if _is_item(draft, words):
        return "list"
    return "text"


def _may_caption(draft: Draft, body: Body, targets: Array) -> bool:
    """Accept a caption beside a picture or table; where none is known, one that is short enough to be only that."""
    if any(distance(draft.box, target) < 4 * body.size for target in targets):
        return True
    return len(draft.texts) <= 6 and draft.size < 1.3 * body.size


def _is_item(draft: Draft, words: Words) -> bool:
    first = words.texts[draft.lines[0][0]]
    if starts_with_bullet(first):
        return len(draft.text) > 1
    return is_enumerator(first) and len(draft.lines[0]) > 1


def _is_title(draft: Draft, words: Words, body: Body) -> bool:
    text = draft.text
    if len(text) > MAX_TITLE_LETTERS or len(draft.texts) > 5 or not can_head(text):
        return False
    if starts_with_bullet(words.texts[draft.lines[0][0]]):
        return False
    if draft.size >= body.larger * body.size:
        return len(draft.texts) <= 3 or draft.size >= 1.4 * body.size
    if draft.size < 0.85 * body.size or len(draft.texts) > 3 or text.rstrip().endswith((",", ";")):
        return False
    depth = numbering_depth(text)
    sentence = ends_sentence(text) and not text.rstrip().endswith((":", "?", "!"))
    if draft.bold > 0.85 and body.bold < 0.4:
        return not sentence or (depth > 0 and len(text) < 80)
    if sentence or len(draft.texts) > 1:
        return False
    return depth > 1 or _is_all_capitals(text)


def _is_all_capitals(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    cased = [letter for letter in letters if letter.isupper() or letter.islower()]
    return len(cased) >= 6 and len(cased) > 0.7 * len(letters) and all(letter.isupper() for letter in cased)


# -- footnotes -------------------------------------------------------------------------------------------------------


def _footnotes(
    drafts: Sequence[Draft], categories: Sequence[Category], words: Words, body: Body, rulings: Array
) -> list[int]:
    """Return the drafts that are footnotes: small type at the foot of a column, numbered or below a ruling.

    Taken from the bottom up: below a footnote come only footnotes and what a page has at its very foot.
    """
    boxes = np.array([draft.box for draft in drafts], np.float32).reshape(-1, 4)
    found: list[int] = []
    if not len(boxes):
        return found
    middle = (boxes[:, 1].min() + boxes[:, 3].max()) / 2
    for k in sorted(range(len(drafts)), key=lambda k: -float(boxes[k, 1])):
        if (
            categories[k] not in ("text", "list")
            or boxes[k, 1] < middle
            or not _is_small(k, drafts, categories, boxes, body)
        ):
            continue
        if _opens_note(drafts[k], words, boxes[k], rulings, body) and _at_foot(k, boxes, drafts, found, body):
            found.append(k)
    return found + _going_on(found, drafts, categories, boxes, body)


def _is_small(k: int, drafts: Sequence[Draft], categories: Sequence[Category], boxes: Array, body: Body) -> bool:
    """Say whether a block is set smaller than the plain text over it: a page may hold more notes than text."""
    shared = np.minimum(boxes[:, 2], boxes[k, 2]) - np.maximum(boxes[:, 0], boxes[k, 0])
    above = np.flatnonzero((boxes[:, 3] <= boxes[k, 1] + body.size) & (shared > 0)).tolist()
    plain = [drafts[n] for n in above if len(drafts[n].texts) >= 3 and categories[n] == "text"]
    size = max([body.size, *(draft.size for draft in plain)])
    if drafts[k].size <= (0.9 if body.read else 0.95) * size:
        return True
    wide = [draft.letter for draft in plain if len(draft.text) > 100]
    return body.read and bool(wide) and len(drafts[k].text) > 30 and drafts[k].letter < 0.92 * float(np.median(wide))


def _going_on(
    found: Sequence[int], drafts: Sequence[Draft], categories: Sequence[Category], boxes: Array, body: Body
) -> list[int]:
    """Return the drafts that follow a footnote closely down its column, whatever size they were read at."""
    more: list[int] = []
    for k in sorted(range(len(drafts)), key=lambda k: float(boxes[k, 1])):
        if k in found or categories[k] not in ("text", "list") or drafts[k].size > 1.4 * body.size:
            continue
        notes = boxes[[*found, *more]]
        close = np.abs(boxes[k, 1] - notes[:, 3]) < 0.8 * body.size
        shared = np.minimum(boxes[k, 2], notes[:, 2]) - np.maximum(boxes[k, 0], notes[:, 0])
        if (close & (shared > 0) & (notes[:, 1] < boxes[k, 1])).any():
            more.append(k)
    return more


def _opens_note(draft: Draft, words: Words, box: Array, rulings: Array, body: Body) -> bool:
    if is_table_note(draft.text):
        return False
    first = words.texts[draft.lines[0][0]]
    if is_footnote_mark(first) and len(draft.lines[0]) > 1:
        return True
    glued = first.lstrip("0123456789*†‡")
    if glued != first and glued[:1].isalpha():
        return True
    if not len(rulings):
        return False
    above = (rulings[:, 3] <= box[1] + 0.3 * body.size) & (rulings[:, 3] > box[1] - 2 * body.size)
    shared = np.minimum(rulings[:, 2], box[2]) - np.maximum(rulings[:, 0], box[0])
    return bool((above & (shared > 2 * body.size)).any())


def _at_foot(k: int, boxes: Array, drafts: Sequence[Draft], found: Sequence[int], body: Body) -> bool:
    """Say whether nothing but footnotes and a last short line stands below a draft in its column."""
    shared = np.minimum(boxes[:, 2], boxes[k, 2]) - np.maximum(boxes[:, 0], boxes[k, 0])
    below = (boxes[:, 1] > boxes[k, 3] - 0.5 * body.size) & (shared > 0)
    below[list(found)] = False
    below[k] = False
    return (
        all(len(drafts[n].texts) == 1 and n not in found for n in np.flatnonzero(below).tolist()) and below.sum() <= 2
    )

"""Where did every word go? Into exactly one chunk, or among the dropped, with a reason.

Pages and chunks come in, a Ledger of counts comes out. A chunk may show other words as context (a repeated table
header, a heading); only the words it owns are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from loaders.document import Chunk, Ledger, Page
from loaders.errors import LedgerError

NAMED = 10
"""Words named in an error, at most."""


def check(pages: Sequence[Page], chunks: Iterable[Chunk]) -> Ledger:
    """Count every word of every page. Raises LedgerError that names the words lost, owned twice, or unknown."""
    owners = {page.index: np.zeros(len(page.words), np.int64) for page in pages}
    droppers = {page.index: np.zeros(len(page.words), np.int64) for page in pages}
    troubles: list[str] = []
    reasons: Counter[str] = Counter()
    for chunk in chunks:
        for index, words in chunk.words:
            _count(owners, index, words, f"chunk {chunk.index}", troubles)
    for page in pages:
        for lot in page.dropped:
            _count(droppers, page.index, lot.words, f"dropped as {lot.reason}", troubles)
            reasons[lot.reason] += len(lot.words)
    for page in pages:
        owned, dropped = owners[page.index], droppers[page.index]
        troubles += _named(page, owned + dropped == 0, "in no chunk and not dropped")
        troubles += _named(page, owned > 1, "owned by two chunks")
        troubles += _named(page, dropped > 1, "dropped twice")
        troubles += _named(page, (owned > 0) & (dropped > 0), "both owned and dropped")
    if troubles:
        rest = f" and {len(troubles) - NAMED} more" if len(troubles) > NAMED else ""
        raise LedgerError("; ".join(troubles[:NAMED]) + rest)
    total = sum(len(page.words) for page in pages)
    return Ledger(total, total - sum(reasons.values()), tuple(sorted(reasons.items())))


def _count(
    counts: dict[int, npt.NDArray[np.int64]], index: int, words: Sequence[int], where: str, troubles: list[str]
) -> None:
    known = counts.get(index)
    rows = np.asarray(words, np.int64)
    strange = np.ones(len(rows), bool) if known is None else (rows < 0) | (rows >= len(known))
    troubles.extend(f"page {index + 1} has no word {word} ({where})" for word in rows[strange].tolist())
    if known is not None:
        np.add.at(known, rows[~strange], 1)


def _named(page: Page, mask: npt.NDArray[np.bool_], trouble: str) -> list[str]:
    return [f"page {page.number}: word {row} {page.words.texts[row]!r} {trouble}" for row in np.flatnonzero(mask)]

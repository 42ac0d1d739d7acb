"""What a hybrid search puts first: what a chunk says, what its page says, what its document is called, where it stands.

Comes in: one number per candidate chunk from each side. Goes out: one score per chunk, higher is better. The weights
were chosen by cross-validation over documents (ingest/evaluate/README.md has what each part is worth).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

TEXT_WEIGHT = 0.2
"""What the best full-text match counts beside the best cosine, that of the least candidate being 0. Ranks alone (RRF)
forget how much better it was; cosines alone are spread by each embedding model in its own way."""
FEW = 10
"""Matches below which words count for more: what one chunk alone says is what a question with that word asks for. It is
there for identifiers; of the questions measured it moved one (general documents, MRR +.006)."""
NAME_WEIGHT = 0.3
"""What a document whose name the question gives counts, likewise."""
PAGE_WEIGHT = 1.2
"""What it counts, likewise, that a chunk stands on a page the question names: more than any likeness."""
NAME_DOUBT = 3.0
"""The BM25 score at which a name counts half: a word that many documents have in their names says little."""

_EDGES = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|_+")


def blended(cosines: Scores, page_cosines: Scores, text_scores: Scores, name_scores: Scores, on_page: Scores) -> Scores:
    """Return the score of each candidate, all arrays (N,).

    cosines       of the chunk's vector and the question's
    page_cosines  their mean over all chunks of the chunk's page: a page on the subject beats a lone sentence
    text_scores   BM25 of the chunk, 0 where its words were not found
    name_scores   BM25 of the name of the chunk's document, likewise
    on_page       1 where the chunk stands on a page that the question names, else 0
    """
    spread = float(np.ptp(cosines)) if len(cosines) else 0.0
    words = text_scores / max(float(text_scores.max(initial=0.0)), 1e-9)
    words *= max(1.0, FEW / max(int(np.count_nonzero(text_scores)), 1))
    names = name_scores / (float(name_scores.max(initial=0.0)) + NAME_DOUBT)
    meaning = (cosines + page_cosines) / 2
    return np.asarray(
        meaning + spread * (TEXT_WEIGHT * words + NAME_WEIGHT * names + PAGE_WEIGHT * on_page), np.float32
    )


def group_means(values: Scores, groups: Sequence[Hashable]) -> dict[Hashable, float]:
    """Return the mean of the values of each group."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    rows = np.array([numbers[group] for group in groups], np.intp)
    means = np.bincount(rows, values, len(numbers)) / np.bincount(rows, minlength=len(numbers))
    return dict(zip(numbers, means.tolist(), strict=True))


def parted(text: str) -> str:
    """Part letters from digits, as a question and a file name must agree on: "FY2022" is "FY 2022", "10K" "10 K"."""
    return _EDGES.sub(" ", text)

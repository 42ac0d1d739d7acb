"""A service's answers for one page at three merge levels -> one PageText with words and their links.

Frame: answers are in shares of the page's width and height; what comes out is in its pixels. The service merges words
into lines ("sentence") and lines into paragraphs, as the box around them and their texts joined by spaces, and says
nothing of which they were. So the words of a line are those in its box that spell its text.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loaders.document import Links, PageText, Relations, Words
from loaders.errors import EngineError
from loaders.geometry import Array, boxes_from_quads

Chain = tuple[int, ...]

STEPS = 2000  # of the search for the parts that spell a text


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The texts of one page at one level: quads (N, 4, 2) in pixels, texts without outer spaces, confidences (N,)."""

    quads: Array
    texts: tuple[str, ...]
    confidences: Array


def parse_answer(answer: Any, expected: int) -> list[list[Any]]:
    """Return the detections of each image of a request, in the request's order; raises EngineError for nonsense."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise EngineError("the service's answer has no list 'data' of images")
    indices = [entry.get("index", place) for place, entry in enumerate(data)]
    if sorted(indices, key=str) != sorted(range(expected), key=str):
        raise EngineError(f"the service answered for {len(data)} images (indices {indices[:9]}), asked for {expected}")
    found = [entry.get("text_detections") for _, entry in sorted(zip(indices, data, strict=True), key=lambda e: e[0])]
    if not all(isinstance(detections, list) for detections in found):
        raise EngineError("the service's answer has an image without a list 'text_detections'")
    return found  # type: ignore[return-value]


def parse_detections(entries: Sequence[Any], width: int, height: int) -> Detections:
    """Read one image's detections; those without text are left out. Raises EngineError for nonsense."""
    read = [_parse_entry(entry) for entry in entries]
    kept = [(quad, " ".join(text.split()), confidence) for quad, text, confidence in read if text.strip()]
    quads = np.array([quad for quad, _, _ in kept], np.float32).reshape(-1, 4, 2)
    confidences = np.array([confidence for _, _, confidence in kept], np.float32)
    return Detections(quads * np.array([width, height], np.float32), tuple(text for _, text, _ in kept), confidences)


def _parse_entry(entry: Any) -> tuple[list[tuple[float, float]], str, float]:
    try:
        quad = [(float(point["x"]), float(point["y"])) for point in entry["bounding_box"]["points"]]
        text, confidence = entry["text_prediction"]["text"], float(entry["text_prediction"]["confidence"])
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError(f"the service's answer has a detection that is none: {type(error).__name__}") from None
    numbers = (confidence, *(number for point in quad for number in point))
    if len(quad) != 4 or not isinstance(text, str) or not all(map(math.isfinite, numbers)):
        raise EngineError("the service's answer has a detection without four finite points, a text and a confidence")
    return quad, text, confidence


def words_only(words: Detections) -> PageText:
    """Return words without links, in the service's order."""
    return PageText(Words.of(words.quads, words.texts, words.confidences))


def join_levels(words: Detections, lines: Detections, paragraphs: Detections) -> PageText:
    """Join three levels: words in the order of their paragraphs and lines, and the links between all of them."""
    words_of = members(lines, words)
    lines_of = members(paragraphs, lines)
    drafts = [[words_of[line] for line in part if words_of[line]] for part in lines_of]
    drafts = [draft for draft in drafts if draft] + [[lone] for lone in words_of[len(lines.texts) :]]
    chains = [line for draft in drafts for line in draft]
    order = [word for line in chains for word in line]
    relations = Relations(
        Links.chained(_runs([len(line) for line in chains]), len(order)),
        Links.chained(_runs([len(draft) for draft in drafts]), len(chains)),
        Links(Links.chained([range(len(drafts))], len(drafts)).target, np.zeros(len(drafts), np.float32)),
    )
    texts = [words.texts[word] for word in order]
    return PageText(Words.of(words.quads[order], texts, words.confidences[order]), relations)


def members(wholes: Detections, parts: Detections) -> list[Chain]:
    """Return the parts of each whole, in order; each part is in one. Parts of no whole come last, one by one.

    First come wholes that their parts spell out; parts left over go to the smallest whole around them, by position. A
    whole beyond len(wholes) stands for one such lone part.
    """
    boxes, around = boxes_from_quads(parts.quads), boxes_from_quads(wholes.quads)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    beyond = (centres[None] < around[:, None, :2]) | (centres[None] > around[:, None, 2:])
    inside = np.asarray(~beyond.any(axis=2))
    free = np.ones(len(boxes), bool)
    found: list[Chain] = []
    for whole, text in enumerate(wholes.texts):
        spelled = _spell(text, np.flatnonzero(inside[whole] & free).tolist(), parts, around[whole])
        free[list(spelled)] = False
        found.append(spelled)
    areas = (around[:, 2:] - around[:, :2]).prod(axis=1)
    for part in sorted(np.flatnonzero(free).tolist(), key=lambda k: (boxes[k, 0], k)):
        holders = np.flatnonzero(inside[:, part])
        if len(holders):
            smallest = int(holders[areas[holders].argmin()])
            found[smallest] = (*found[smallest], part)
        else:
            found.append((part,))
    return found


def _spell(text: str, candidates: list[int], parts: Detections, box: Array) -> Chain:
    """Choose and order parts so that their texts, joined by spaces, are the text; none when they cannot.

    Where several parts go on with the text, the one nearest to the end of the last is tried first.
    """
    chosen: list[int] = []
    waiting = [_fitting(text, 0, box[:2], candidates, parts)]
    for _ in range(STEPS):
        place = sum(len(parts.texts[k]) + 1 for k in chosen)
        if place > len(text):
            return tuple(chosen)
        if waiting[-1]:
            best = waiting[-1].pop(0)
            free = [k for k in candidates if k not in chosen and k != best]
            chosen.append(best)
            place += len(parts.texts[best]) + 1
            waiting.append(_fitting(text, place, parts.quads[best, 1], free, parts))
        elif chosen:
            waiting.pop()
            chosen.pop()
        else:
            return ()
    return ()


def _fitting(text: str, place: int, at: Array, free: list[int], parts: Detections) -> list[int]:
    """Return the parts that the text goes on with, the one that begins nearest to a point first."""
    fitting = [k for k in free if f"{text} ".startswith(f"{parts.texts[k]} ", place)]
    return sorted(fitting, key=lambda k: float(np.hypot(*(parts.quads[k, 0] - at))))


def _runs(lengths: Sequence[int]) -> list[range]:
    """Return ranges of the given lengths, one after the other."""
    ends = np.cumsum([0, *lengths]).tolist()
    return [range(start, end) for start, end in itertools.pairwise(ends)]

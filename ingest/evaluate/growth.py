"""How time and memory grow: files of 1 to 1,000 pages, indices of 1,000 to 100,000 chunks.

Comes in: the targets of `speed` and what is to grow. Goes out: items of a source of its own, a stage for each size.
Every size is measured in a fresh process. A file of many pages is the targets' pages over and over. An index of many
chunks is made of the targets' own: each further one lies between two that are near each other, its vector mixed of
theirs with a little noise, its text of their words.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.evaluate import stopwatches
from ingest.evaluate.crew import Unfinished, open_pool, outcome
from ingest.evaluate.memory import own_peak
from ingest.evaluate.plan import Way
from ingest.evaluate.results import ItemResult
from ingest.evaluate.stopwatches import TOTAL
from ingest.evaluate.targets import Target
from loaders.errors import UsageError
from loaders.timing import now

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.embed import Vectors
    from ingest.index import Index

SIZES: Mapping[str, tuple[int, ...]] = {"pages": (1, 10, 100, 1_000), "chunks": (1_000, 10_000, 100_000)}
SEEDS = 300
"""Chunks of the targets that an index is made of."""
NEAR, NOISE = 20, 0.03
"""A mixed chunk lies between one of the seeds and one of the so many nearest to it, and so far off in each axis."""
WRITTEN = 2_048
QUESTIONS, ASKED_WORDS = 50, 8
"""So many questions are asked, each of so many words of a chunk."""
Scores = dict[str, float]


def sizes_of(grow: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Read "pages" or "pages:MOST"; raises UsageError for what cannot grow."""
    found = {}
    for asked in grow:
        name, _, most = asked.partition(":")
        if name not in SIZES or (most and not most.isdigit()):
            raise UsageError(f"grow={asked!r}; write {' or '.join(SIZES)}, or the largest size behind it: pages:100")
        most_of_all = int(most or SIZES[name][-1])
        found[name] = (*(size for size in SIZES[name] if size < most_of_all), most_of_all)
    return found


def grown(targets: Sequence[Target], way: Way, grow: Sequence[str], deadline: float) -> list[ItemResult]:
    """Measure one way of reading at every size of what is to grow."""
    measures: dict[str, Callable[[Sequence[Target], Way, int, float], Scores | str]] = {
        "pages": _file_of_pages,
        "chunks": _index_of_chunks,
    }
    items = []
    for name, sizes in sizes_of(grow).items():
        for size in sizes:
            scores = measures[name](targets, way, size, deadline)
            variant, failure = way.variant(stage=f"{size:,} {name}"), scores if isinstance(scores, str) else None
            found = {} if isinstance(scores, str) else scores
            items.append(
                ItemResult(targets[0].pack, f"growth: {name}", f"{size} {name}", name, variant, found, failure)
            )
    return items


# -- pages ------------------------------------------------------------------------------------------------------------


def _file_of_pages(targets: Sequence[Target], way: Way, size: int, deadline: float) -> Scores | str:
    """Read a file of so many pages, once one page of it has been read, so that nothing is loaded any more."""
    with tempfile.TemporaryDirectory(prefix="ocr-ingest-growth-") as folder:
        file = Path(folder) / f"{size}.pdf"
        write_pages(targets, size, file)
        target = Target(targets[0].pack, "growth", file.name, file.name, str(file))
        with open_pool(1, stopwatches.start, way, recycle=0) as pool:
            for work in (stopwatches.warm_up, stopwatches.time_file):
                reply = outcome(pool.schedule(work, args=[target], timeout=deadline * size), deadline * size)
                if isinstance(reply, Unfinished):
                    return str(reply.reason)
    spent = reply.times[TOTAL]
    scores = {"seconds_per_page": spent.wall / size, "cpu_seconds_per_page": spent.cpu / size}
    return scores | {"peak_rss_mb": reply.peak}


def write_pages(targets: Sequence[Target], size: int, file: Path) -> None:
    """Write a PDF of so many pages, the targets' own over and over. Raises UsageError where none is a PDF."""
    import pypdfium2

    paths = list(dict.fromkeys(target.file for target in targets if target.file.lower().endswith(".pdf")))
    if not paths:
        raise UsageError("grow='pages' needs a PDF to take its pages from, and none was given")
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(contextlib.closing(pypdfium2.PdfDocument.new()))
        sources = [stack.enter_context(contextlib.closing(pypdfium2.PdfDocument(path))) for path in paths]
        pages = cycle([(source, number) for source in sources for number in range(len(source))])
        for _, (source, number) in zip(range(size), pages, strict=False):
            written.import_pages(source, [number])
        written.save(file)


# -- chunks -----------------------------------------------------------------------------------------------------------


def _index_of_chunks(targets: Sequence[Target], way: Way, size: int, deadline: float) -> Scores | str:
    limit = deadline * max(1, size // 1_000)
    with open_pool(1, stopwatches.start, way, recycle=0) as pool:
        reply = outcome(pool.schedule(_index_in_process, args=[list(targets), size], timeout=limit), limit)
    return str(reply.reason) if isinstance(reply, Unfinished) else dict(reply)


def _index_in_process(targets: Sequence[Target], size: int) -> Scores | Unfinished:
    """In a process of its own: fill an index and ask it."""
    from ingest.index import Index

    try:
        with tempfile.TemporaryDirectory(prefix="ocr-ingest-growth-") as folder:
            return _measured(Index(folder), *_seeds(targets), size)
    except Exception as error:
        return Unfinished.of(error)


def _seeds(targets: Sequence[Target]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the texts and metadata of the targets' chunks, read as the process is set to read."""
    texts: list[str] = []
    metadata: list[dict[str, Any]] = []
    for target in targets:
        for chunk in stopwatches.read_document(target).chunks:
            texts.append(chunk.embed_text)
            metadata.append(dict(chunk.metadata))
    if len(texts) < 2:
        raise UsageError("grow='chunks' needs files with at least two chunks")
    return texts[:SEEDS], metadata[:SEEDS]


def _measured(index: Index, texts: list[str], metadata: list[dict[str, Any]], size: int) -> Scores:
    from ingest.schema import packed

    seeds = index.embedder.embed(texts)
    begun = now()
    stored = np.zeros((size, seeds.shape[1]), np.float32)
    for start, vectors, words, origins in _mixtures(seeds, texts, size):
        stored[start : start + len(vectors)] = vectors
        index.write(
            [
                packed(metadata[origin] | {"doc_id": f"{metadata[origin].get('doc_id', '')}-{(start + n) // SEEDS}"})
                | {"chunk_id": str(start + n), "text": text, "embed_text": text, "vector": vector}
                for n, (vector, text, origin) in enumerate(zip(vectors, words, origins, strict=True))
            ]
        )
    index.tidy()
    written = now() - begun
    return {
        "write_seconds_per_chunk": written.wall / size,
        **_asked(index, texts, stored),
        "peak_rss_mb": own_peak(),
    }


def _mixtures(
    seeds: Vectors, texts: Sequence[str], size: int
) -> Iterator[tuple[int, Vectors, list[str], npt.NDArray[np.int64]]]:
    """Yield batches of chunks: the number of the first, their vectors, texts, and the seed of each."""
    draw = np.random.default_rng(0)
    near = np.argsort(-(seeds @ seeds.T), axis=1)[:, 1 : NEAR + 1]
    for start in range(0, size, WRITTEN):
        count = min(WRITTEN, size - start)
        one = np.arange(start, start + count) % len(seeds)
        other = near[one, draw.integers(near.shape[1], size=count)]
        share = draw.random((count, 1)) * (np.arange(start, start + count) >= len(seeds))[:, None]
        mixed = (1 - share) * seeds[one] + share * seeds[other]
        mixed += (share > 0) * draw.normal(scale=NOISE, size=mixed.shape)
        mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
        words = [
            _mixed_words(texts[a], texts[b], float(s))
            for a, b, s in zip(one.tolist(), other.tolist(), share[:, 0].tolist(), strict=True)
        ]
        yield start, mixed.astype(np.float32), words, one


def _mixed_words(one: str, other: str, share: float) -> str:
    first, second = one.split(), other.split()
    return " ".join([*first[: round(len(first) * (1 - share))], *second[: round(len(second) * share)]]) or one


def _asked(index: Index, texts: Sequence[str], stored: Vectors) -> Scores:
    """Ask questions by meaning and by words; compare the nearest vectors with those of an exact search."""
    draw = np.random.default_rng(1)
    times, found = [], []
    for text in draw.choice(np.array(texts, object), QUESTIONS):
        words = text.split()
        first = int(draw.integers(max(1, len(words) - ASKED_WORDS)))
        question = " ".join(words[first : first + ASKED_WORDS])
        begun = now()
        index.search(question, 10)
        times.append((now() - begun).wall)
        vector = index.embedder.embed_query(question)
        nearest = np.sort(stored @ vector)[-10:]
        hits = index.search_vector(vector, 10)
        found.append(sum(hit.score >= nearest[0] - 1e-5 for hit in hits) / min(10, len(stored)))
    return {"search_seconds": median(times[5:]), "recall_of_exact@10": float(np.mean(found))}  # the first ones warm up

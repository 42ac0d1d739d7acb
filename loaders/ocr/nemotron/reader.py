"""Pages through the three networks, batch by batch: regions with texts, confidences and their graph.

Comes in: pages, uint8 (H, W, 3) RGB. Goes out: one PageReading per page, quads in its pixels. Any runtime will do; the
regions of all pages of a batch are read and related together, and the device is waited for only where the number of
regions must be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from loaders.geometry import Array
from loaders.ocr.nemotron.boxes import Regions, find_regions
from loaders.ocr.nemotron.corrections import Corrections
from loaders.ocr.nemotron.detector import CELL
from loaders.ocr.nemotron.framing import Ints, Pixels, Tile, cut_tiles, keep_once, tile_input
from loaders.ocr.nemotron.graph import Graph, build_graph
from loaders.ocr.nemotron.runtime import Runtime
from loaders.ocr.nemotron.slots import decode_texts, joint_confidences, text_confidences
from loaders.ocr.nemotron.strips import rectified_grid, sample, strip_grid

STRIPS_AT_ONCE = 128  # 16 MB of samples for v1, 64 MB for v2-multi


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """What was read on a page: regions from top to bottom and the graph over them.

    quads (N, 4, 2) float32 in the page's pixels; texts, some of them empty; confidences (N,) 0-1.
    """

    quads: Array
    texts: tuple[str, ...]
    confidences: Array
    graph: Graph


@dataclass(frozen=True, slots=True)
class Model:
    """What reading needs of a checkpoint, ready on its device; `length` and `cells` as in ModelConfig.

    `precision`: of autocast on that device; float32 turns it off.
    """

    runtime: Runtime
    charset: tuple[str, ...]
    length: int
    cells: int
    device: torch.device
    precision: torch.dtype = torch.float32


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The regions of several tiles, tile by tile: all that the later networks need of them."""

    quads: Array
    confidences: Array
    texts: list[str]
    recognized: Tensor
    rectified: Tensor
    tile_of: Ints


class PageReader:
    """Reads pages with one model; `batch` is how many tiles go through the detector at once."""

    def __init__(self, model: Model, corrections: Corrections, *, batch: int = 1) -> None:
        self.model, self.corrections, self.batch = model, corrections, batch

    def read(self, pages: Sequence[Pixels]) -> list[PageReading]:
        """Read each page, as it stands."""
        readings: list[PageReading] = []
        with _inference(self.model):
            for tiles in self._batches(pages):
                readings += self._read_tiles(pages, tiles)
        return readings

    def _batches(self, pages: Sequence[Pixels]) -> Iterator[list[Tile]]:
        """Cut the pages into tiles, and group whole pages so that a group fills a batch where that is possible."""
        group: list[Tile] = []
        for number, page in enumerate(pages):
            height, width = page.shape[:2]
            tiles = cut_tiles(number, height, width, self.model.length, tiling=self.corrections.tiling)
            if group and len(group) + len(tiles) > self.batch:
                yield group
                group = []
            group += tiles
        if group:
            yield group

    def _read_tiles(self, pages: Sequence[Pixels], tiles: Sequence[Tile]) -> list[PageReading]:
        batches = [range(len(tiles))[i : i + self.batch] for i in range(0, len(tiles), self.batch)]
        parts = [self._see(pages, tiles, batch) for batch in batches]
        seen = parts[0] if len(parts) == 1 else _joined(parts)
        rows_of = [self._rows(seen, tiles, page) for page in dict.fromkeys(tile.page for tile in tiles)]
        return self._related(seen, tiles, rows_of)

    def _see(self, pages: Sequence[Pixels], tiles: Sequence[Tile], batch: range) -> _Seen:
        """Detect and recognize: the regions of one batch of tiles, given by their numbers."""
        model = self.model
        inputs = [
            tile_input(pages[tile.page], tile, model.length, model.device, antialias=self.corrections.antialias)
            for tile in tiles[batch.start : batch.stop]
        ]
        found = model.runtime.detect(torch.cat(inputs).contiguous(memory_format=torch.channels_last))
        regions = find_regions(found.confidence, found.rboxes, prefilter=self.corrections.prefilter)
        return self._recognize(found.features.float(), regions, batch.start)

    def _recognize(self, features: Tensor, regions: Regions, first_tile: int) -> _Seen:
        model = self.model
        height, width = features.shape[2] * CELL, features.shape[3] * CELL
        image_of = np.repeat(np.arange(len(regions.counts)), regions.counts)
        quads = torch.from_numpy(regions.quads).to(model.device, non_blocking=True)
        images = torch.from_numpy(image_of).to(model.device, non_blocking=True)
        read = []
        for some, their in zip(quads.split(STRIPS_AT_ONCE), images.split(STRIPS_AT_ONCE), strict=True):
            read.append(model.runtime.read(sample(features, strip_grid(some, height, width, model.cells), their)))
        tokens, log_probabilities, recognized = (torch.cat(parts) for parts in zip(*read, strict=True))
        rectified = sample(features, rectified_grid(quads, height, width), images)
        ids, logs = tokens.cpu().numpy(), log_probabilities.float().cpu().numpy()
        confidences = joint_confidences(regions.confidence, text_confidences(ids, logs))
        texts = decode_texts(ids, model.charset)
        return _Seen(regions.quads, confidences, texts, recognized, rectified, image_of + first_tile)

    def _rows(self, seen: _Seen, tiles: Sequence[Tile], page: int) -> Ints:
        """Return a page's regions, in reading position, each once."""
        own = [k for k, tile in enumerate(tiles) if tile.page == page]
        rows = np.flatnonzero(np.isin(seen.tile_of, own))
        if len(own) == 1 or not len(rows):
            return rows
        quads = _moved(seen.quads[rows], seen.tile_of[rows], tiles, self.model.length)
        few = [tiles[k] for k in own]
        return rows[keep_once(quads, seen.tile_of[rows] - own[0], few, self.model.length)]

    def _related(self, seen: _Seen, tiles: Sequence[Tile], rows_of: Sequence[Ints]) -> list[PageReading]:
        """Link the regions of each page, all pages at once."""
        model, rows = self.model, np.concatenate(rows_of)
        sheet = _moved(seen.quads[rows], seen.tile_of[rows], tiles, model.length, sheet=True)
        page = _moved(seen.quads[rows], seen.tile_of[rows], tiles, model.length)
        chosen = torch.from_numpy(rows).to(model.device)
        relations = model.runtime.relate(
            seen.rectified[chosen],
            torch.from_numpy(sheet).to(model.device),
            [len(own) for own in rows_of],
            seen.recognized[chosen],
        )
        readings, start = [], 0
        for own, links in zip(rows_of, relations, strict=True):
            part, start = slice(start, start + len(own)), start + len(own)
            graph = build_graph(
                links, absent_pairs=self.corrections.absent_pairs, paragraph_order=self.corrections.paragraph_order
            )
            texts = tuple(seen.texts[row] for row in own)
            readings.append(PageReading(page[part], texts, seen.confidences[own], graph))
        return readings


@contextmanager
def _inference(model: Model) -> Iterator[None]:
    """Run without gradients and in the model's precision; on CUDA let cuDNN choose the fastest kernels per shape."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if model.precision != torch.float32:
            stack.enter_context(torch.autocast(model.device.type, model.precision))
        if model.device.type == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=True))
        yield


def _joined(parts: Sequence[_Seen]) -> _Seen:
    """Put the regions of several batches one after the other."""
    return _Seen(
        np.concatenate([part.quads for part in parts]),
        np.concatenate([part.confidences for part in parts]),
        [text for part in parts for text in part.texts],
        torch.cat([part.recognized for part in parts]),
        torch.cat([part.rectified for part in parts]),
        np.concatenate([part.tile_of for part in parts]),
    )


def _moved(quads: Array, tile_of: Ints, tiles: Sequence[Tile], length: int, *, sheet: bool = False) -> Array:
    """Move quads from their tiles' inputs to their pages, or to the sheets."""
    moved = np.empty_like(quads)
    for k in np.unique(tile_of):
        move = tiles[k].to_sheet if sheet else tiles[k].to_page
        moved[tile_of == k] = move(quads[tile_of == k], length)
    return moved

"""Compare our decoding operations with NVIDIA's compiled ones where those run on a CPU, and record theirs.

Run in an environment of its own that holds `pip install torch==2.11.0 nemotron-ocr==2.0.2` (their extension imports
with that torch only; no GPU and no checkpoint are needed):

    PYTHONPATH=.:tests python tests/parity/operations.py          # compare, print the largest differences
    PYTHONPATH=.:tests python tests/parity/operations.py --write  # and keep NVIDIA's outputs in operations.npz

Their suppression and quad distances have their reference on CUDA only; the tests hold a plain version of those.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parity import seeded
from torch import Tensor

from loaders.ocr.nemotron.boxes import quads_of_boxes
from loaders.ocr.nemotron.graph import Choice, chains
from loaders.ocr.nemotron.slots import decode_texts
from loaders.ocr.nemotron.strips import rectified_grid, sample, strip_grid, strip_widths

GOLDEN = Path(__file__).with_name("operations.npz")
TOLERANCE = 1e-4
SIDE = 1024
CELLS = (32, 128)
CHARSET = "abcdefghijklmnopqrstuvwxyz"
GRAPHS = 60

Case = dict[str, NDArray[Any]]


def rboxes() -> Tensor:
    """Make boxes of every cell of two small maps, turned every way."""
    return torch.from_numpy(
        (seeded.uniform("rboxes", 2, 4, 8, 5) + 1) / 2 * [30, 90, 30, 90, 6.28] - [0, 0, 0, 0, 3.14]
    ).float()


def quads() -> Tensor:
    """Make quads, some beyond the page, some thinner than a pixel, some far too long."""
    plain = seeded.regions("quads", 4)
    stretched = (plain - 512) * torch.tensor([3.0, 0.2]) + 512
    return torch.cat([plain, plain * 0.05, stretched])


def features() -> tuple[Tensor, Tensor]:
    """Make feature maps of three images, and which of them each quad belongs to."""
    count = len(quads())
    return torch.from_numpy(seeded.uniform("features", 3, 4, 32, 32)), torch.arange(count) * 3 // count


def links() -> list[NDArray[np.float32]]:
    """Make link probabilities: rows of at most one link, many of them contested or in cycles."""
    made = []
    for number in range(GRAPHS):
        count = number % 9
        numbers = seeded.uniform(f"graph {number}", count, 3)
        matrix = np.zeros((count, count), np.float32)
        for row, (chosen, strength, linked) in enumerate(numbers):
            if linked > -0.6:
                matrix[row, int((chosen + 1) / 2 * count) % count] = 0.75 + strength / 3
        made.append(matrix)
    return made


def tokens() -> NDArray[np.int64]:
    """Make slots with ends, skips and unknowns among the characters."""
    numbers = (seeded.uniform("tokens", 40, 32) + 1) / 2
    return np.minimum((numbers**1.5 * (len(CHARSET) + 3)).astype(np.int64), len(CHARSET) + 2)


def ours() -> Case:
    """Run our operations."""
    boxes, found = rboxes(), quads()
    image, row, column = torch.nonzero(torch.ones(boxes.shape[:3]), as_tuple=True)
    maps, images = features()
    case = {"quads": quads_of_boxes(boxes[image, row, column], column, row).view(*boxes.shape[:3], 4, 2)}
    for cells in CELLS:
        case[f"widths {cells}"] = strip_widths(found, cells)
        case[f"grid {cells}"] = strip_grid(found, SIDE, SIDE, cells)
    case["grid whole"] = rectified_grid(found, SIDE, SIDE)
    for name in ("32", "whole"):
        case[f"samples {name}"] = sample(maps, case[f"grid {name}"], images)
    arrays = {name: value.numpy() for name, value in case.items()}
    chosen = [Choice(np.where((m >= 0.5).any(1), m.argmax(1), -1), m.max(1)) if len(m) else _none() for m in links()]
    return arrays | {"chains": _flat([chains(one) for one in chosen]), "texts": _codes(decode_texts(tokens(), CHARSET))}


def theirs() -> Case:
    """Run NVIDIA's operations."""
    import nemotron_ocr_cpp as cpp

    found, (maps, images) = quads(), features()
    case = {"quads": cpp.rrect_to_quads(rboxes(), 4)}
    for cells in CELLS:
        case[f"widths {cells}"] = cpp.quad_rectify_calc_quad_width(found, 8, 1, cells)
        case[f"grid {cells}"] = cpp.quad_rectify_forward(found, SIDE, SIDE, 8, cells, isotropic=True)
    case["grid whole"] = cpp.quad_rectify_forward(found, SIDE, SIDE, 2, 3, isotropic=False)
    for name in ("32", "whole"):
        case[f"samples {name}"] = cpp.indirect_grid_sample_forward(maps, case[f"grid {name}"], images, "bilinear")
    arrays = {name: value.numpy() for name, value in case.items()}
    graphs = [[phrase[0] for phrase in cpp.dense_relations_to_graph(torch.from_numpy(m))] for m in links()]
    mapping = cpp.create_token_mapping({i + 3: c for i, c in enumerate(CHARSET)})
    ids = torch.from_numpy(tokens())
    texts = [text for text, _ in cpp.decode_sequences(ids, mapping, torch.ones(ids.shape))]
    return arrays | {"chains": _flat(graphs), "texts": _codes(texts)}


def _none() -> Choice:
    return Choice(np.zeros(0, np.int64), np.zeros(0, np.float32))


def _flat(graphs: list[Any]) -> NDArray[np.int16]:
    """Write graphs as one row of numbers: -1 ends a chain, -2 a graph."""
    return np.array([k for graph in graphs for chain in (*graph, [-2]) for k in (*chain, -1)], np.int16)


def _codes(texts: list[str]) -> NDArray[np.int16]:
    return np.array([ord(character) for text in texts for character in f"{text}\n"], np.int16)


def main() -> None:
    """Compare, and write where asked."""
    found, expected = ours(), theirs()
    for name, value in expected.items():
        gap = np.abs(found[name].astype(np.float64) - value).max() if found[name].shape == value.shape else np.inf
        print(f"{name:12} {gap:.1e} {'' if gap <= TOLERANCE else 'DIFFERENT'}")
    if "--write" in sys.argv:
        np.savez_compressed(GOLDEN, **expected)


if __name__ == "__main__":
    main()

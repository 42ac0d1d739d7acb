"""Train the judge of table grids: `python -m loaders.tables.train --out DIR`.

In: tables of known structure, synthesized here (53 styles; with training about 6 minutes of one CPU thread) or read
from an examples file. Out, in `--out`: examples.npz, the exported graph with its figures on the styles held out.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from loaders.tables.edits import Verdict
from loaders.tables.examples import GridExample, examples_of, read_examples, write_examples
from loaders.tables.features import CELL, COLUMN, LINE, GridFeatures
from loaders.tables.network import GridNetwork
from loaders.tables.synthesize import HELD_OUT, synthesize_all

STEPS = 3000
NOISE = 0.06
"""Every figure is made larger or smaller by about this share of it."""
HIDDEN = {"cut_taken": 0.3, "before_taken": 0.3, "joins": 0.3, "joins_before": 0.3, "header": 0.3, "bold": 0.25}
"""How often these are withheld from a table: what geometry decides, so that the network does not merely repeat it."""
RULES = ("cut_ruled", "before_ruled", "ruled_under", "ruled_beside", "level", "full")
RULES_HIDDEN = 0.05
SMOOTHED = 0.005
WEIGHTS = {"cut": 1.0, "join": 1.0, "head": 0.5, "label": 0.3, "beside": 0.7, "under": 0.7}


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to train: steps in all, tables per step, the highest learning rate, reached after `warm` steps."""

    steps: int = STEPS
    batch: int = 16
    rate: float = 2e-3
    warm: int = 100
    decay: float = 0.02
    seed: int = 0


Batch = dict[str, Tensor]


def batch_of(examples: Sequence[GridExample], rng: np.random.Generator | None = None) -> Batch:
    """Put tables into one batch, padded; with noise and with columns withheld where a generator is given."""
    shapes = [made.features.cells.shape[:2] for made in examples]
    rows, cols = (max(shape[side] for shape in shapes) for side in (0, 1))
    count = len(examples)
    given = {
        "cells": np.zeros((count, rows, cols, len(CELL)), np.float32),
        "lines": np.zeros((count, rows, len(LINE)), np.float32),
        "columns": np.zeros((count, cols, len(COLUMN)), np.float32),
        "mask": np.zeros((count, rows, cols, 1), np.float32),
    }
    sizes = {
        "cut": (cols - 1,), "join": (rows - 1,), "head": (rows,), "label": (cols,), "beside": (rows, cols - 1),
        "under": (rows - 1, cols),
    }  # fmt: skip
    wanted = {name: np.full((count, *size), -1, np.int8) for name, size in sizes.items()}
    for k, (made, (r, c)) in enumerate(zip(examples, shapes, strict=True)):
        parts = made.features if rng is None else _varied(made, rng)
        given["cells"][k, :r, :c] = parts.cells
        given["lines"][k, :r] = parts.lines
        given["columns"][k, :c] = parts.columns
        given["mask"][k, :r, :c] = 1
        for name, label in wanted.items():
            array = getattr(made.labels, name)
            label[k][tuple(slice(size) for size in array.shape)] = array
    return {name: torch.from_numpy(array) for name, array in (given | wanted).items()}


def _varied(made: GridExample, rng: np.random.Generator) -> GridFeatures:
    """Return features with noise, some withheld."""
    changed = {}
    hidden = {name for name, chance in HIDDEN.items() if rng.random() < chance}
    hidden |= set(RULES) if rng.random() < RULES_HIDDEN else set()
    for part, names in (("cells", CELL), ("lines", LINE), ("columns", COLUMN)):
        array = getattr(made.features, part)
        array = array * (1 + NOISE * rng.standard_normal(array.shape, np.float32))
        array[..., [k for k, name in enumerate(names) if name in hidden]] = 0
        changed[part] = array
    return GridFeatures(**changed)


def loss_of(network: nn.Module, batch: Batch) -> Tensor:
    """Return the weighted sum of the losses of all logits whose label is known."""
    logits = network(batch["cells"], batch["lines"], batch["columns"], batch["mask"])
    total = torch.zeros(())
    for one, logit in zip(fields(Verdict), logits, strict=True):
        label = batch[one.name]
        known = label >= 0
        if known.any():
            target = label[known].float() * (1 - 2 * SMOOTHED) + SMOOTHED
            total = total + WEIGHTS[one.name] * functional.binary_cross_entropy_with_logits(logit[known], target)
    return total


def batches(examples: Sequence[GridExample], size: int, rng: np.random.Generator) -> list[list[GridExample]]:
    """Return an epoch's batches of tables of about one size, in random order."""
    area = np.array([made.features.cells.shape[0] for made in examples]) * np.exp(rng.normal(0, 0.15, len(examples)))
    order = np.argsort(area)
    parts = [[examples[i] for i in order[k : k + size]] for k in range(0, len(order), size)]
    return [parts[k] for k in rng.permutation(len(parts))]


def train(examples: Sequence[GridExample], options: TrainOptions, every: int = 200) -> tuple[GridNetwork, list[float]]:
    """Train from nothing; return the network and the mean loss of each `every` steps."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = GridNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=options.decay)
    waiting: list[list[GridExample]] = []
    recent, told = [], []
    started = time.monotonic()
    network.train()
    for step in range(options.steps):
        waiting = waiting or batches(examples, options.batch, rng)
        warm = min(1.0, (step + 1) / options.warm)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm * 0.5 * (1 + math.cos(math.pi * step / options.steps))
        loss = loss_of(network, batch_of(waiting.pop(), rng))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        if (step + 1) % every == 0 or step + 1 == options.steps:
            told.append(float(np.mean(recent)))
            recent = []
            sys.stdout.write(f"step {step + 1} loss {told[-1]:.4f} {time.monotonic() - started:.0f} s\n")
            sys.stdout.flush()
    return network.eval(), told


def main(arguments: Sequence[str] | None = None) -> None:
    """Synthesize, train, export and say how good it is on each style held out."""
    from loaders.tables.export import export
    from loaders.tables.validate import validate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the trained model")
    parser.add_argument("--examples", type=Path, help="a file of examples; made anew where none is given")
    parser.add_argument("--drafts", type=int, default=2400, help="tables to typeset")
    parser.add_argument("--degraded", type=int, default=3, help="variants of each as an OCR engine gives them")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    path = given.examples or given.out / "examples.npz"
    if not path.exists():
        tables = synthesize_all(given.drafts, given.seed, degraded=given.degraded)
        sys.stdout.write(f"{write_examples(examples_of(tables), path)} examples\n")
    held = read_examples(path)
    network, _ = train([e for e in held if e.style not in HELD_OUT], TrainOptions(steps=given.steps, seed=given.seed))
    export(network, given.out)
    for line in validate(given.out):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()

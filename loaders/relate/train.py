"""Train the relational network: `python -m loaders.relate.train --pages DIR --out DIR`.

In: a folder of labelled pages, synthetic (synthesize) or one's own (our Document JSON, corrected). Out, in `--out`:
examples (made once), checkpoint.pt (a second run goes on from it), log.jsonl (losses and validation) and the exported
graphs with their figures. Works on the CPU and on CUDA. `--start WEIGHTS.pt` fine-tunes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from loaders.errors import UsageError
from loaders.relate.columns_of import EDGES, NODES
from loaders.relate.examples import Example, read_examples, write_examples
from loaders.relate.labels import IGNORED
from loaders.relate.network import stages
from loaders.relate.roles import ROLES
from loaders.relate.validate import validate
from loaders.relate.word_graph import RIGHT

DROPPED = {
    "geo_": 0.1,
    "style_": 0.25,
    "back": 0.4,
    "ruled": 0.12,
    "pieces": 0.05,
    "picture": 0.12,
    "page_": 0.1,
    "letter": 0.1,
    "alike": 0.1,
}
"""How often the columns whose names start so are withheld from a page, so that the network can do without them."""
NOISE = 0.1
"""Every figure is made larger or smaller by about this share of it, and so many neighbours that do not follow are
hidden: layouts are learned by heart otherwise, since there are fewer of them than pages."""
SMOOTHED = 0.05
"""Roles are never quite sure: real pages have headings that no family has."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to train.

    steps    steps in all; or `minutes` of training in all, over any number of runs, where that is given
    batch    pages per step
    rate     the highest learning rate, reached after `warm` steps; it falls along a cosine
    """

    steps: int = 12000
    minutes: float | None = None
    batch: int = 8
    rate: float = 2e-3
    warm: int = 200
    decay: float = 0.02
    seed: int = 0
    validate_every: int = 1000
    device: str = "cpu"


# -- batches -----------------------------------------------------------------------------------------------------------


def batch_of(examples: Sequence[Example], stage: str, rng: np.random.Generator | None) -> dict[str, Tensor] | None:
    """Put one stage of several pages into one graph; columns are withheld where a generator is given."""
    parts = [made.stages[stage] for made in examples if stage in made.stages]
    if not parts:
        return None
    sizes = [len(part["nodes"]) for part in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    batch: dict[str, np.ndarray] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in ("neighbours",)
    }
    batch["neighbours"] = np.concatenate(
        [part["neighbours"].astype(np.int64) + start for part, start in zip(parts, starts, strict=True)]
    )
    batch["pages"] = np.repeat(np.arange(len(parts)), sizes)
    batch["nodes"], batch["edges"] = batch["nodes"].astype(np.float32), batch["edges"].astype(np.float32)
    if rng is not None:
        _withhold(batch, stage, len(parts), rng)
        _disturb(batch, rng)
    return {
        name: torch.from_numpy(value.astype(np.int64) if value.dtype == np.int16 else value)
        for name, value in batch.items()
    }


def _withhold(batch: dict[str, np.ndarray], stage: str, pages: int, rng: np.random.Generator) -> None:
    for names, columns in ((NODES[stage], batch["nodes"]), (EDGES[stage], batch["edges"])):
        keep = np.ones((pages, len(names)), np.float32)
        for start, share in DROPPED.items():
            group = [k for k, name in enumerate(names) if name.startswith(start)]
            keep[np.ix_(np.flatnonzero(rng.random(pages) < share), np.array(group, int))] = 0
        rows = keep[batch["pages"]]
        columns *= rows if columns.ndim == 2 else rows[:, None]


def _disturb(batch: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    for name in ("nodes", "edges"):
        batch[name] *= 1 + NOISE * rng.standard_normal(batch[name].shape, np.float32)
    present = batch["present"]
    followed = np.arange(present.shape[1]) == batch["following"][:, None]
    batch["present"] = present & (followed | (rng.random(present.shape) > NOISE))


# -- losses ------------------------------------------------------------------------------------------------------------


def losses(stage: str, network: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the named losses of one stage on a batch."""
    per_edge, per_node = network(batch["nodes"], batch["neighbours"], batch["present"], batch["edges"], batch["pages"])
    around = RIGHT if stage == "words" else per_edge.shape[1]
    logits = per_edge[:, :around, 0].masked_fill(~batch["present"][:, :around], -1e4)
    found = {f"{stage}.following": _cross_entropy(torch.cat([logits, per_node[:, :1]], dim=1), batch["following"])}
    if stage == "lines":
        found["lines.role"] = _cross_entropy(per_node[:, 1 : 1 + len(ROLES)], batch["role"], SMOOTHED)
        found["lines.level"] = 0.3 * _cross_entropy(per_node[:, 1 + len(ROLES) :], batch["level"])
    if stage == "blocks":
        found["blocks.before"] = _binary(per_edge[..., 1], batch["before"])
    return found


def _cross_entropy(logits: Tensor, labels: Tensor, smoothed: float = 0.0) -> Tensor:
    known = labels != IGNORED
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits[known], labels[known], label_smoothing=smoothed)


def _binary(logits: Tensor, labels: Tensor) -> Tensor:
    known = labels != IGNORED
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[known], labels[known].to(logits.dtype))


# -- the loop ----------------------------------------------------------------------------------------------------------


class Training:
    """A network, its optimizer and how far it has come; saved and restored as a whole."""

    def __init__(self, options: TrainOptions, start: Path | None = None) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.network = stages()
        if start is not None:
            self.network.load_state_dict(torch.load(start, map_location="cpu", weights_only=True)["network"])
        self.network.to(options.device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=options.rate, weight_decay=options.decay)
        self.step, self.seconds = 0, 0.0

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.options.minutes is not None:
            return self.seconds / (60 * self.options.minutes)
        return self.step / self.options.steps

    def rate(self) -> float:
        """Return the learning rate of this step: up in a line, down along a cosine."""
        chosen = self.options
        if self.step < chosen.warm:
            return chosen.rate * (self.step + 1) / chosen.warm
        return chosen.rate * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(self.share, 1.0))))

    def advance(self, examples: Sequence[Example]) -> dict[str, float]:
        """Take one step on pages drawn for it; the draw depends on the seed and the step only."""
        began = time.monotonic()
        rng = np.random.default_rng([self.options.seed, self.step])
        drawn = [examples[k] for k in rng.integers(0, len(examples), self.options.batch)]
        torch.manual_seed(int(rng.integers(2**31)))  # what is dropped depends on the step only, too
        self.network.train()
        told: dict[str, Tensor] = {}
        for stage in self.network:
            batch = batch_of(drawn, stage, rng)
            if batch is not None:
                told |= losses(stage, self.network[stage], {k: v.to(self.options.device) for k, v in batch.items()})
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(told.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.optimizer.step()
        self.step += 1
        self.seconds += time.monotonic() - began
        return {name: float(loss.detach()) for name, loss in told.items()}

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        draft = path.with_suffix(".part")
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, draft)
        draft.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, map_location=self.options.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def train(
    examples: Sequence[Example],
    held_out: Sequence[Example],
    out: Path,
    options: TrainOptions,
    start: Path | None = None,
) -> Training:
    """Train to the last step, from the checkpoint in `out` where there is one; logs a line of JSON now and then."""
    out.mkdir(parents=True, exist_ok=True)
    training, checkpoint = Training(options, start), out / "checkpoint.pt"
    if checkpoint.exists():
        training.restore(checkpoint)
    recent: list[dict[str, float]] = []
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:

        def note(**values: Any) -> None:
            log.write(json.dumps({"step": training.step, **values}) + "\n")
            log.flush()

        while training.share < 1:
            recent.append(training.advance(examples))
            last = training.share >= 1
            if training.step % 100 == 0 or last:
                names = sorted({name for told in recent for name in told})
                mean = {n: round(float(np.mean([told[n] for told in recent if n in told])), 4) for n in names}
                note(losses=mean, rate=round(training.rate(), 6), seconds=round(training.seconds, 1))
                recent = []
            if training.step % options.validate_every == 0 or last:
                training.save(checkpoint)
                if held_out:
                    note(validation=validate(training.network, held_out, options.device))
    return training


# -- the command -------------------------------------------------------------------------------------------------------


def prepare(pages: Path, folder: Path, seed: int) -> None:
    """Make the examples of each file of labelled pages, unless they are there: one file of examples for each."""
    from loaders.relate.own_pages import page_files, read_file

    folder.mkdir(parents=True, exist_ok=True)
    for path in page_files(pages):
        target = folder / f"{path.stem}.npz"
        if not target.exists():
            print(target, write_examples(read_file(path), target, seed), flush=True)  # noqa: T201


def load_examples(folder: Path, held_out: frozenset[str]) -> tuple[list[Example], list[Example]]:
    """Return the examples of a folder: those to learn from, and those of families held out."""
    found = [made for path in sorted(folder.glob("*.npz")) for made in read_examples(path)]
    return [e for e in found if e.family not in held_out], [e for e in found if e.family in held_out]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare, train, validate and export."""
    from loaders.relate.export import export
    from loaders.relate.synthesize import HELD_OUT

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="labelled pages, or Document JSON files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint to fine-tune from")
    for name, default in (("steps", 12000), ("batch", 8), ("seed", 0), ("validate-every", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--minutes", type=float, help="train for so long instead of --steps")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args(arguments)
    options = TrainOptions(
        steps=given.steps,
        minutes=given.minutes,
        batch=given.batch,
        rate=given.rate,
        seed=given.seed,
        validate_every=given.validate_every,
        device=given.device,
    )
    prepare(given.pages, given.out / "examples", given.seed)
    examples, held_out = load_examples(given.out / "examples", frozenset(HELD_OUT))
    if not examples:
        raise UsageError(f"no page in {given.pages} holds enough to learn from")
    training = train(examples, held_out, given.out, options, given.start)
    figures = validate(training.network, held_out, options.device) if held_out else {}
    export(training.network.cpu(), given.out, figures)


if __name__ == "__main__":
    main()

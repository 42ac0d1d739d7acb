"""Train the relational network: `python -m loaders.relate.train --pages DIR --out DIR`.

In: a folder of labelled pages, synthetic (synthesize) or one's own (our Document JSON, corrected). Out, in `--out`:
examples (made once), checkpoint.pt (a second run goes on from it), log.jsonl (losses and validation) and the exported
graphs with their figures. Works on the CPU and on CUDA. `--start packaged` goes on from the model in the package.
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

from loaders.errors import UsageError
from loaders.relate.batches import batch_of, losses
from loaders.relate.examples import Example, read_examples, write_examples
from loaders.relate.network import STAGES, stages
from loaders.relate.validate import validate


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to train.

    steps    steps in all; or `minutes` of training in all, over any number of runs, where that is given
    batch    pages per step
    rate     the highest learning rate, reached after `warm` steps; it falls along a cosine
    stages   those that learn; the others stay as they are
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
    stages: tuple[str, ...] = tuple(STAGES)


# -- the loop ----------------------------------------------------------------------------------------------------------


class Training:
    """A network, its optimizer and how far it has come; saved and restored as a whole."""

    def __init__(self, options: TrainOptions, start: nn.ModuleDict | None = None) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.network = stages() if start is None else start
        self.network.to(options.device)
        learning = [weight for stage in options.stages for weight in self.network[stage].parameters()]
        self.optimizer = torch.optim.AdamW(learning, lr=options.rate, weight_decay=options.decay)
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
        for stage in self.options.stages:
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
    start: nn.ModuleDict | None = None,
) -> Training:
    """Train to the last step, from the checkpoint in `out` where there is one, else from `start`; logs JSON lines."""
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


def started(start: str) -> nn.ModuleDict:
    """Return the network to go on from: "packaged", that of a folder of exported graphs, or of a checkpoint."""
    from loaders.relate.export import read_back

    if not start.endswith(".pt"):
        return read_back("" if start == "packaged" else start)
    network = stages()
    network.load_state_dict(torch.load(start, map_location="cpu", weights_only=True)["network"])
    return network


def blended(network: nn.ModuleDict, start: nn.ModuleDict, keep: float) -> nn.ModuleDict:
    """Return a fine-tuned network with its weights moved back towards those it started from, by a share of the way.

    It keeps more of what the first pages taught it than either has alone (Wortsman et al., Robust fine-tuning of
    zero-shot models, 2022).
    """
    old = start.state_dict()
    mixed = {name: keep * old[name] + (1 - keep) * weight for name, weight in network.state_dict().items()}
    network.load_state_dict(mixed)
    return network


def _stages_of(listed: str) -> tuple[str, ...]:
    found = tuple(name for name in STAGES if name in listed.split(","))
    if len(found) != len(listed.split(",")):
        raise UsageError(f"--stages {listed}: choose of {', '.join(STAGES)}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare, train, validate and export."""
    from loaders.relate.export import export
    from loaders.relate.synthesize import HELD_OUT

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="labelled pages, or Document JSON files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", help="packaged, a folder of exported graphs, or a checkpoint.pt: fine-tune from it")
    parser.add_argument(
        "--keep", type=float, default=0.0, help="share of the weights of --start in what is exported, 0 to 1"
    )
    parser.add_argument("--stages", default=",".join(STAGES), help="those that learn, by commas")
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
        stages=_stages_of(given.stages),
    )
    start = started(given.start) if given.start else None
    if given.keep and start is None:
        raise UsageError("--keep says how much of --start is kept; name one")
    prepare(given.pages, given.out / "examples", given.seed)
    examples, held_out = load_examples(given.out / "examples", frozenset(HELD_OUT))
    if not examples:
        raise UsageError(f"no page in {given.pages} holds enough to learn from")
    training = train(examples, held_out, given.out, options, start)
    network = training.network.cpu()
    if given.keep:
        network = blended(network, started(given.start), given.keep)
    export(network, given.out, validate(network, held_out) if held_out else {})


if __name__ == "__main__":
    main()

"""Fit the quick recognizer to PP-OCRv6's: writes loaders/ocr/ppocr_pruned.npz.

    python tests/prune_ppocr.py      # about five CPU minutes; needs torch, the fonts and the prose of the synthesiser

Half of the recognizer's large convolutions come in pairs around a GELU, widening to a hidden layer and narrowing again,
and say at each place what depends on that place alone: a perceptron. Pair by pair, in the order of the network, the
hidden channels that printed lines need least are taken out one by one (Optimal Brain Surgeon; what is left is fitted by
least squares each time), then both convolutions are fitted by gradient descent to what the whole network computes
there, from what the pruned one computed before.

Lines are of the synthesiser's prose in fourteen European languages, of figures, dates, code and identifiers, and a few
in Chinese and Japanese, so that those are still seen for what they are; in DejaVu, Liberation and Noto faces, half of
them blurred, noisy, coarse or compressed. Nothing of any pack.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from PIL import Image, ImageDraw, ImageFont

from loaders.ocr.onnx_graph import Port, extract
from loaders.ocr.ppocr_models import IMAGE, POOLED, PRUNED, QUICK, RECOGNIZER, SHRINK, read_verified
from loaders.ocr.ppocr_recognize import Levels, strip
from loaders.ocr.ppocr_runtime import network_input
from loaders.relate.synthesize.prose import prose_of

LINES, SHARE, EPOCHS = 520, 0.625, 8
"""Lines to fit on, the share of hidden channels that stay, passes of gradient descent."""
FIRST = 3
"""Pairs that are left alone: they are cheap, and what they lose all later ones lack."""
FOLDERS = ("truetype/dejavu", "truetype/liberation", "truetype/noto")
FACES = ("DejaVu", "Liberation", "NotoSans-", "NotoSerif-", "NotoSansMono")
WIDE_FACES = "/usr/share/fonts/opentype/noto"
LANGUAGES = {"en": 30, "de": 5, "fr": 5, "es": 4, "ru": 4, "pl": 3, "it": 2, "pt": 2, "cs": 2, "el": 2, "nl": 1, "vi": 1,
             "tr": 1, "sv": 1}  # fmt: skip
CJK_SHARE = 0.07
ODD = ("N/A", "—", "Yes", "Total", "1.", "a)", "[12]", "*", "Σ", "±0.5", "x = y + 2", "{'key': value}", "return None",
       "def f(self, x):", "if a != b:", "user@mail.org", "http://www.site.com/a_b?c=1", "C:\\temp\\x.txt")  # fmt: skip
AROUND = (("'", "'"), ("‘", "’"), ('"', '"'), ("“", "”"), ("*", "*"), ("**", "**"), ("`", "`"), ("``", "``"), ("<", ">"),
          ("«", "»"), ("[", "]"), ("(", ")"), ("{", "}"), ("_", "_"), ("__", "__"), ("~", "~"), ("|", "|"), ("#", ""),
          ("@", ""), ("$", ""), ("%", "%"), ("- ", ""), ("* ", ""), ("• ", ""), ("+", ""), ("", "!"), ("", "?"), ("", "()"),
          ("--", ""), ("<!", ">"), ("</", ">"), ("&", ";"), ("", "'s"), ("", "’s"), ("^", ""), ("\\", ""))  # fmt: skip
BETWEEN = (
    "/",
    "-",
    "_",
    ".",
    "=",
    " = ",
    "->",
    "::",
    " | ",
    "+",
    " & ",
    " – ",
    " — ",
    "@",
    "==",
    " < ",
    " > ",
    ">=",
    "…",
)


# -- lines -------------------------------------------------------------------------------------------------------------


class Printer:
    """Prints lines at random."""

    def __init__(self, seed: int) -> None:
        self.random, self.noise = random.Random(seed), np.random.default_rng(seed)
        found = [file for folder in FOLDERS for file in sorted(Path("/usr/share/fonts", folder).glob("*.ttf"))]
        self.faces = [str(file) for file in found if file.name.startswith(FACES) and "Math" not in file.name]
        self.wide_faces = [str(file) for file in sorted(Path(WIDE_FACES).glob("*CJK*"))]

    def strips(self, count: int) -> Iterator[np.ndarray]:
        """Yield lines as the quick recognizer gets them."""
        while count:
            pixels, quad = self.line()
            cut = strip(Levels(pixels), quad, QUICK)[:, :1200]
            count -= 1
            yield cut[:, : cut.shape[1] // 8 * 8]

    def line(self) -> tuple[np.ndarray, np.ndarray]:
        """Print a line; return RGB pixels and a quad around it, about as the detector would draw it."""
        pick = self.random
        text, face, size = (
            self.text(),
            pick.choice(self.faces),
            pick.choice((14, 15, 17, 19, 21, 23, 25, 28, 30, 34, 60)),
        )
        if pick.random() < CJK_SHARE:
            prose = "".join(prose_of(pick.choice(("zh", "ja"))).paragraphs)
            start = pick.randrange(len(prose) - 20)
            text, face, size = prose[start : start + pick.randint(3, 16)], pick.choice(self.wide_faces), max(size, 19)
        font = ImageFont.truetype(face, size)
        left, _, right, _ = font.getbbox(text)
        width, height, base = int(right - left) + 2 * size, 3 * size, int(1.9 * size)
        if not size < width < 2600:
            return self.line()
        plain = pick.random() < 0.5
        paper, ink = (255, 0) if plain else (pick.randint(225, 255), pick.randint(0, 70))
        if not plain and pick.random() < 0.3:
            paper, ink = pick.randint(30, 120), pick.randint(200, 255)
        image = Image.new("L", (width, height), paper)
        draw = ImageDraw.Draw(image)
        draw.text((size - left, base), text, font=font, fill=ink, anchor="ls")
        if pick.random() < 0.12:
            for row in (base - int(1.18 * size), base + int(1.18 * size)):
                draw.text((size - left, row), self.prose("en"), font=font, fill=ink, anchor="ls")
        if pick.random() < 0.05:
            draw.line((0, base + size // 4, width, base + size // 4), fill=ink)
        grey = np.asarray(image)
        if pick.random() < 0.55:
            grey = self.degraded(grey, size)
        end, tilt = pick.uniform(0.1, 0.45) * size, pick.gauss(0, 0.004) * width / 2
        x0, x1 = size - end, width - size + end
        y0, y1 = base - pick.uniform(0.98, 1.18) * size, base + pick.uniform(0.3, 0.5) * size
        quad = np.array([[x0, y0 - tilt], [x1, y0 + tilt], [x1, y1 + tilt], [x0, y1 - tilt]], np.float32)
        return np.repeat(grey[..., None], 3, axis=2), quad

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.22:
            return self.cell()
        if kind < 0.3:
            return "   ".join(self.cell() for _ in range(self.random.randint(2, 6)))
        text = self.prose(self.random.choices(list(LANGUAGES), list(LANGUAGES.values()))[0])
        if kind < 0.6:
            return " ".join(self.marked(word) for word in text.split())
        return text.upper() if kind < 0.66 else text.title() if kind < 0.7 else text

    def marked(self, word: str) -> str:
        """Put marks around some words, and between some, as code, mark-up and quotations do."""
        pick = self.random
        if pick.random() < 0.5:
            return word
        if pick.random() < 0.3:
            return word + pick.choice(BETWEEN) + self.prose("en").split()[0]
        before, after = pick.choice(AROUND)
        return before + word + after + pick.choice(("", "", ",", ".", ":", ";"))

    def prose(self, language: str) -> str:
        words = self.random.choice(prose_of(language).paragraphs).split()
        start = self.random.randrange(max(1, len(words) - 14))
        return " ".join(words[start : start + self.random.randint(1, 14)])

    def cell(self) -> str:
        """Return what may stand in a cell of a table."""
        number = self.random.randint
        return self.random.choice(
            (
                f"{number(1, 999)},{number(100, 999)}",
                f"{number(0, 999) / 10}%",
                f"({number(1, 999)},{number(100, 999)})",
                f"${number(1, 99)}.{number(10, 99)}m",
                f"{number(1, 28):02}/{number(1, 12):02}/{number(1990, 2026)}",
                f"{self.random.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{self.random.choice('ABCDEFGH')}-{number(1000, 9999)}",
                f"{self.random.choice(('Tel', 'No', 'Fig', 'Table', '§', 'EUR', '€'))}. {number(1, 99999)}",
                self.random.choice(ODD),
            )
        )

    def degraded(self, grey: np.ndarray, size: int) -> np.ndarray:
        pick, found = self.random, grey.astype(np.float32)
        if pick.random() < 0.7:
            found = cv2.GaussianBlur(found, (0, 0), pick.uniform(0.3, 1.1) * size / 24)
        if pick.random() < 0.7:
            found += self.noise.normal(0, pick.uniform(2, 14), found.shape)
        if pick.random() < 0.3:
            coarse = cv2.resize(found, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
            found = cv2.resize(coarse, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
        found = found.clip(0, 255).astype(np.uint8)
        if pick.random() < 0.6:
            found = cv2.imdecode(cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, pick.randint(35, 85)])[1], 0)
        return found


# -- the network -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two convolutions around a GELU: tensors they read and make, and their weights and biases, by name."""

    given: str
    hidden: str
    added: str
    made: str
    weights: tuple[str, str]
    biases: tuple[str, str]


class Student:
    """The recognizer, whose weights are changed one pair after the other."""

    def __init__(self, model: bytes) -> None:
        self.model = onnx.load_from_string(model)
        self.stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.made_by = {name: node for node in self.model.graph.node for name in node.output}
        self.read_by: dict[str, list[onnx.NodeProto]] = {}
        for node in self.model.graph.node:
            for name in node.input:
                self.read_by.setdefault(name, []).append(node)

    def weight(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self.stored[name])

    def put(self, name: str, values: np.ndarray) -> None:
        self.stored[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))

    def session(self, given: str, made: list[str]) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        open_ports = [[Port(name, (None,) * 4) for name in names] for names in ([given], made)]
        part = extract(self.model.SerializeToString(), *open_ports)
        return onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"])

    def pairs(self) -> list[Pair]:
        last = [n for n in self.model.graph.node if n.op_type == "Conv" and "gelu" in n.input[0]]
        return [self._pair(node) for node in last]

    def _pair(self, second: onnx.NodeProto) -> Pair:
        scaled = self.made_by[self.made_by[second.input[0]].input[0]]  # x (1 + erf(x / sqrt 2)) / 2
        first_sum = self.made_by[self._behind(scaled.input[0])]
        first = self.made_by[self._behind(first_sum.input[0])]
        second_sum = self.read_by[second.output[0]][0]
        made, added = self._beyond(second_sum.output[0])[-1], ""
        for name in self._beyond(second_sum.output[0]):
            for node in self.read_by.get(name, ()):
                if node.op_type == "Add":
                    added = next(other for other in node.input if other != name)
                    made = self._beyond(node.output[0])[-1]
        weights, biases = (first.input[1], second.input[1]), (first_sum.input[1], second_sum.input[1])
        return Pair(first.input[0], second.input[0], added, made, weights, biases)

    def _behind(self, name: str) -> str:
        while self.made_by[name].op_type == "Identity":
            name = self.made_by[name].input[0]
        return name

    def _beyond(self, name: str) -> list[str]:
        names = [name]
        for one in names:
            names += [node.output[0] for node in self.read_by.get(one, ()) if node.op_type == "Identity"]
        return names


# -- fitting -----------------------------------------------------------------------------------------------------------


def chosen(hidden: np.ndarray, wanted: np.ndarray, second: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden channels (count,) to keep, and the matrix (outputs, count + 1) that makes the most of them.

    hidden (channels, places), wanted (outputs, places), second (outputs, channels) the weights there were.
    """
    channels, places = hidden.shape
    with_one = np.vstack([hidden, np.ones(places)])
    gram, cross = with_one @ with_one.T / places, wanted @ with_one.T / places
    towards = 1e-4 * np.diag(gram)[:-1].mean()  # what was
    gram[np.arange(channels), np.arange(channels)] += towards
    cross[:, :channels] += towards * second
    inverse = np.linalg.inv(gram)
    matrix, alive = cross @ inverse, np.ones(channels, bool)
    for _ in range(channels - count):
        cost = np.where(alive, (matrix[:, :-1] ** 2).sum(0) / np.where(alive, np.diag(inverse)[:-1], 1), np.inf)
        worst = int(np.argmin(cost))
        matrix -= np.outer(matrix[:, worst], inverse[worst] / inverse[worst, worst])
        inverse -= np.outer(inverse[:, worst], inverse[worst]) / inverse[worst, worst]
        alive[worst], matrix[:, worst] = False, 0
    kept = np.flatnonzero(alive)
    both = np.append(kept, channels)
    return kept, np.linalg.solve(gram[np.ix_(both, both)], cross[:, both].T).T


def descended(layers: torch.nn.Sequential, given: np.ndarray, wanted: np.ndarray) -> None:
    """Fit two layers to what is wanted (outputs, places) of what is given (inputs, places)."""
    x, y = (torch.tensor(values.T.astype(np.float32)) for values in (given, wanted))
    steps = EPOCHS * len(x) // 1024
    optimizer = torch.optim.Adam(layers.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    order = torch.zeros(0, dtype=torch.long)
    for _ in range(steps):
        order = order if len(order) >= 1024 else torch.randperm(len(x))
        rows, order = order[:1024], order[1024:]
        optimizer.zero_grad()
        ((layers(x[rows]) - y[rows]) ** 2).mean().backward()
        optimizer.step()
        schedule.step()


def rounded(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a convolution's weights (outputs, inputs, 1, 1) in 8 bits and the scale of each output channel."""
    scale = np.abs(weight).max(axis=1, keepdims=True) / 127 + 1e-12
    return np.round(weight / scale).astype(np.int8)[..., None, None], scale.astype(np.float32)[..., None, None]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    whole = Port(IMAGE, (None, 3, QUICK.height, None))
    pooled = extract(
        read_verified(RECOGNIZER), [whole], [Port(POOLED, (None,) * 4)], windows={POOLED: (QUICK.height // SHRINK, 2)}
    )
    student, draw, saved = Student(pooled), np.random.default_rng(0), {}
    pairs = student.pairs()[FIRST:]
    images = [network_input([one]) for one in Printer(7).strips(LINES)]
    teacher = student.session(IMAGE, [pair.made for pair in pairs])
    wanted = [teacher.run(None, {IMAGE: image}) for image in images]
    now, at = images, IMAGE
    for number, pair in enumerate(pairs):
        names = [pair.hidden, pair.given, *([pair.added] if pair.added not in ("", at, pair.given) else [])]
        part, rows = student.session(at, names), []
        for value, target in zip(now, wanted, strict=True):
            seen = dict(zip(names, part.run(None, {at: value}), strict=True)) | {at: value}
            rest = target[number] - seen[pair.added] if pair.added else target[number]
            places = draw.permutation(rest[0, 0].size)[: max(60, rest[0, 0].size // 5)]
            rows.append([v[0].reshape(v.shape[1], -1)[:, places] for v in (seen[pair.hidden], seen[pair.given], rest)])
        hidden, given, rest = (np.concatenate(column, axis=1) for column in zip(*rows, strict=True))
        first, second = (student.weight(name)[..., 0, 0] for name in pair.weights)
        count = round(len(hidden) * SHARE / 16) * 16
        kept, matrix = chosen(hidden.astype(np.float64), rest.astype(np.float64), second, count)
        layers = torch.nn.Sequential(
            torch.nn.Linear(first.shape[1], count), torch.nn.GELU(), torch.nn.Linear(count, len(second))
        )
        start = (first[kept], student.weight(pair.biases[0]).reshape(-1)[kept], matrix[:, :-1], matrix[:, -1])
        with torch.no_grad():
            for parameter, value in zip(layers.parameters(), start, strict=True):
                parameter.copy_(torch.tensor(value))
        descended(layers, given, rest)
        fitted = [parameter.detach().numpy() for parameter in layers.parameters()]
        for name, weight in zip(pair.weights, fitted[::2], strict=True):
            saved[f"int8/{name}"], saved[f"scale/{name}"] = rounded(weight)
            student.put(name, saved[f"int8/{name}"] * saved[f"scale/{name}"])
        for name, bias in zip(pair.biases, fitted[1::2], strict=True):
            saved[f"bias/{name}"] = bias.reshape(1, -1, 1, 1)
            student.put(name, saved[f"bias/{name}"])
        part, at = student.session(at, [pair.made]), pair.made
        now = [part.run(None, {next(iter(part.get_inputs())).name: value})[0] for value in now]
        lost = np.mean([np.mean((a - b[number]) ** 2) / np.var(b[number]) for a, b in zip(now, wanted, strict=True)])
        print(f"pair {number + FIRST}: {len(hidden)} -> {count} channels, relative error {lost:.4f}", flush=True)
    np.savez_compressed(PRUNED, **saved)


if __name__ == "__main__":
    main()

"""The engine from page to words: planted network outputs in, exact texts, boxes, links and dicts out."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import planted_networks as planted
import pytest
import torch
from planted_networks import Word, World
from torch import Tensor

from loaders.document import PageImage, PageText
from loaders.errors import EngineError, EngineNotReady, ModelFileError, UsageError
from loaders.geometry import boxes_from_quads, turn_quads
from loaders.ocr import OcrEngine
from loaders.ocr.nemotron.corrections import Corrections, as_published
from loaders.ocr.nemotron.detector import DetectorOutput
from loaders.ocr.nemotron.engine import NemotronEngine, Options, check, open_engine
from loaders.ocr.nemotron.graph import build_graph
from loaders.ocr.nemotron.predictions import around, rows_then_columns
from loaders.ocr.nemotron.reader import PageReader, PageReading
from loaders.ocr.nemotron.recognizer import Reading
from loaders.ocr.nemotron.relational import Relations
from loaders.ocr.nemotron.turning import turns_to_try, upright_turn

RANDOM = Options(weights="random", device="cpu")


def engine(reader: PageReader) -> NemotronEngine:
    return NemotronEngine(RANDOM, reader.corrections, reader)


def page(height: int, width: int, colour: int = 128) -> PageImage:
    return PageImage.of(np.full((height, width, 3), colour, np.uint8))


def lines_of(text: PageText) -> list[str]:
    """Follow the word links: the texts of the lines, in the order of their first words."""
    assert text.relations is not None
    target = text.relations.word.target
    heads = sorted(set(range(len(text.words))) - set(target.tolist()))
    lines = []
    for node in heads:
        words = []
        while node >= 0:
            words.append(text.words.texts[node])
            node = int(target[node])
        lines.append(" ".join(words))
    return lines


def paragraphs_of(text: PageText) -> list[list[str]]:
    """Follow the line links."""
    assert text.relations is not None and text.relations.line is not None
    lines, target = lines_of(text), text.relations.line.target
    assert len(target) == len(lines)
    paragraphs = []
    for node in sorted(set(range(len(lines))) - set(target.tolist())):
        paragraph = []
        while node >= 0:
            paragraph.append(lines[node])
            node = int(target[node])
        paragraphs.append(paragraph)
    return paragraphs


# -- a page of two columns, written by hand ---------------------------------------------------------------------------

COLUMNS = World(
    words=[
        Word((100, 40, 220, 64), "Left"),
        Word((232, 40, 300, 64), "one,"),
        Word((560, 41, 700, 65), "Right", 0.8),
        Word((712, 41, 780, 65), "one,"),
        Word((100, 76, 180, 100), "left"),
        Word((192, 76, 250, 100), "two."),
        Word((560, 77, 640, 101), "right"),
        Word((652, 77, 716, 101), "two."),
        Word((100, 160, 330, 184), "Alone", 0.7),
    ],
    next_word={0: 1, 2: 3, 4: 5, 6: 7},
    next_line={0: 4, 1: 5, 2: 6, 3: 7},
)


@pytest.mark.parametrize(("height", "width"), [(1024, 1024), (2048, 1536), (300, 512)])
def test_planted_outputs_become_exact_words_and_links(height: int, width: int) -> None:
    (text,) = engine(planted.planted_reader(COLUMNS)).read([page(height, width)])
    assert paragraphs_of(text) == [["Left one,", "left two."], ["Right one,", "right two."], ["Alone"]]
    assert text.words.texts == ("Left", "one,", "left", "two.", "Right", "one,", "right", "two.", "Alone")
    order = [0, 1, 4, 5, 2, 3, 6, 7, 8]
    scale = max(height, width) / 1024
    expected = np.array([COLUMNS.words[k].box for k in order], np.float32) * scale
    np.testing.assert_allclose(boxes_from_quads(text.words.quads), expected, atol=2e-2)
    np.testing.assert_allclose(text.words.confidences, [COLUMNS.words[k].confidence for k in order], atol=1e-5)
    assert text.words.ocr.all()
    assert text.turn == 0


def test_links_carry_the_networks_probabilities() -> None:
    (text,) = engine(planted.planted_reader(COLUMNS)).read([page(1024, 1024)])
    sure, alone = np.exp(6) / (1 + np.exp(6)), 1.0
    assert text.relations is not None and text.relations.line is not None and text.relations.block is not None
    np.testing.assert_allclose(text.relations.word.probability, [sure, alone] * 4 + [alone], rtol=1e-5)
    np.testing.assert_allclose(text.relations.line.probability, [sure, alone] * 2 + [alone], rtol=1e-5)
    assert text.relations.block.target.tolist() == [1, 2, -1]
    assert text.relations.block.probability.tolist() == [0, 0, 0]  # the network links no paragraphs


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_pages_of_a_batch_do_not_mix(batch: int) -> None:
    pages = [page(2048, 1536), page(700, 700, 255), page(512, 1024), page(30, 40, 255), page(1024, 1024)]
    together = engine(planted.planted_reader(COLUMNS, batch=batch)).read(pages)
    alone = engine(planted.planted_reader(COLUMNS))
    for text, image in zip(together, pages, strict=True):
        (expected,) = alone.read([image])
        assert text.words.texts == expected.words.texts
        np.testing.assert_array_equal(text.words.quads, expected.words.quads)
    assert [len(text.words) for text in together] == [9, 0, 9, 0, 9]
    assert engine(planted.planted_reader(COLUMNS)).read([]) == []


def test_a_paragraph_with_no_sure_word_is_kept_for_the_pipeline_to_drop() -> None:
    words = [*COLUMNS.words[:2], Word((100, 400, 200, 424), "faint"), Word((100, 500, 200, 524), "")]
    world = World(words, next_word={0: 1})

    def texts(corrections: Corrections) -> tuple[str, ...]:
        reader = planted.planted_reader(world, corrections)
        read = reader.model.runtime.read
        runtime = replace(reader.model.runtime, read=lambda strips: _blurred(read(strips)))
        reader.model = replace(reader.model, runtime=runtime)
        (text,) = engine(reader).read([page(1024, 1024)])
        return text.words.texts

    plain = Corrections(rotation=False)
    assert texts(plain) == ("Left", "one,", "faint")
    assert texts(replace(plain, keep_unsure=False)) == ("Left", "one,")


def _blurred(reading: Reading) -> Reading:
    """Lower the confidence of the text that begins with f."""
    faint = reading.tokens[:, :1] == 3 + planted.CHARSET.index("f")
    return reading._replace(log_probabilities=torch.where(faint, np.log(0.3), reading.log_probabilities))


# -- the sample output of the model's card: four boxes of two lines ---------------------------------------------------

# https://huggingface.co/nvidia/nemotron-ocr-v1, "Sample output": quads in pixels, texts, confidences.
SAMPLE = [
    ((15.552736, 43.141815, 150.001495, 56.845645), "The previous notice was dated", 0.97730815),
    ((298.314575, 44.433151, 356.935852, 57.348145), "22 April 2016", 0.98834222),
    ((15.446865, 13.679857, 233.158599, 27.376562), "The previous notice was given to the company on", 0.96804602),
    ((298.517273, 14.268900, 356.985077, 27.790447), "22 April 2016", 0.98499225),
]
SAMPLE_SIZE = (80, 400)


def sample_world() -> World:
    """Words that make up the sample's boxes; the lines of the left make one paragraph, those of the right another."""
    scale = 1024 / max(SAMPLE_SIZE)
    words: list[Word] = []
    lines: list[list[int]] = []
    for (x0, y0, x1, y1), text, confidence in SAMPLE:
        parts, at = text.split(" "), 0
        lines.append(list(range(len(words), len(words) + len(parts))))
        for part in parts:
            left, right = (x0 + (x1 - x0) * k / len(text) for k in (at, at + len(part)))
            at += len(part) + 1
            words.append(Word((left * scale, y0 * scale, right * scale, y1 * scale), part, confidence))
    follows = {a: b for line in lines for a, b in itertools.pairwise(line)}
    return World(words, follows, {lines[2][0]: lines[0][0], lines[3][0]: lines[1][0]})


def sample_predictions(level: str, corrections: Corrections) -> list[Any]:
    return engine(planted.planted_reader(sample_world(), corrections)).predict([page(*SAMPLE_SIZE)], level)[0]


def in_pixels(prediction: Any) -> list[float]:
    height, width = SAMPLE_SIZE
    return [
        prediction["left"] * width,
        prediction["upper"] * height,
        prediction["right"] * width,
        prediction["lower"] * height,
    ]


def test_the_cards_sample_at_line_level() -> None:
    found = {tuple(np.round(in_pixels(one)).tolist()): one for one in sample_predictions("sentence", Corrections())}
    assert len(found) == 4
    for box, text, confidence in SAMPLE:
        one = found[tuple(np.round(box).tolist())]
        assert one["text"] == text
        assert one["confidence"] == pytest.approx(confidence, abs=1e-5)
        np.testing.assert_allclose(in_pixels(one), box, atol=0.02)
        x0, y0, x1, y1 = box
        quad = np.array(one["quad"]) * [SAMPLE_SIZE[1], SAMPLE_SIZE[0]]
        np.testing.assert_allclose(quad, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], atol=0.02)


def test_the_cards_sample_at_word_level() -> None:
    found = sample_predictions("word", Corrections())
    assert len(found) == 20
    assert sorted(one["text"] for one in found) == sorted(" ".join(text for _, text, _ in SAMPLE).split(" "))
    assert {round(one["confidence"], 4) for one in found} == {round(confidence, 4) for _, _, confidence in SAMPLE}


def test_the_cards_sample_at_paragraph_level() -> None:
    left, right = sample_predictions("paragraph", Corrections())
    assert left["text"] == f"{SAMPLE[2][1]} {SAMPLE[0][1]}"
    assert right["text"] == "22 April 2016 22 April 2016"
    assert left["confidence"] == pytest.approx((SAMPLE[2][2] + SAMPLE[0][2]) / 2, abs=1e-5)
    np.testing.assert_allclose(in_pixels(left), [15.446865, 13.679857, 233.158599, 56.845645], atol=0.02)
    np.testing.assert_allclose(in_pixels(right), [298.314575, 14.2689, 356.985077, 57.348145], atol=0.02)


def test_with_every_correction_turned_back_dicts_are_the_packages() -> None:
    found = sample_predictions("sentence", as_published("v2"))
    assert [one["text"] for one in found] == [SAMPLE[k][1] for k in (2, 3, 0, 1)]  # row by row
    for one, k in zip(found, (2, 3, 0, 1), strict=True):
        x0, y0, x1, y1 = SAMPLE[k][0]
        np.testing.assert_allclose(in_pixels(one), [x0, y1, x1, y0], atol=0.02)  # "upper" is the lower edge
    rounded = sample_predictions("sentence", as_published("v1"))
    for one in rounded:
        assert all(np.float16(one[edge]) == one[edge] for edge in ("left", "upper", "right", "lower"))


def test_levels_of_a_page_without_text_are_empty() -> None:
    blank = engine(planted.planted_reader(COLUMNS))
    for level in ("word", "sentence", "paragraph"):
        assert blank.predict([page(100, 100, 255)], level) == [[]]
    with pytest.raises(UsageError, match="merge_level"):
        blank.predict([page(100, 100)], "chapter")


def test_the_packages_order_chains_rows_through_columns() -> None:
    """Tops 9 pixels apart, left and right by turns: one row, so a column is read before the other begins."""
    corners = np.array([[0, 0], [500, 9], [0, 18], [500, 27], [0, 60]], float)
    assert rows_then_columns(corners) == [0, 2, 1, 3, 4]
    assert rows_then_columns(corners + [0, 0] + np.arange(5)[:, None] * [0, 3]) == [0, 1, 2, 3, 4]


def test_a_merged_quad_lies_along_its_text() -> None:
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = np.array([[[0, 0], [40, 0], [40, 10], [0, 10]], [[50, 1], [90, 1], [90, 9], [50, 9]]])
    merged = around((upright @ turn.T).astype(np.float32))
    np.testing.assert_allclose(merged, np.array([[0, 0], [90, 0], [90, 10], [0, 10]]) @ turn.T, atol=1e-3)


# -- painted pages: tiles and turned pages ----------------------------------------------------------------------------


def paint(words: Sequence[Word], height: int, width: int) -> np.ndarray:
    """Paint words as rectangles: red holds the number, green grows from left to right, blue is 0 (paper: 255)."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    for number, word in enumerate(words):
        x0, y0, x1, y1 = map(int, word.box)
        pixels[y0:y1, x0:x1] = (number * 8, 0, 0)
        pixels[y0:y1, x0:x1, 1] = np.linspace(0, 250, x1 - x0).astype(np.uint8)
    return pixels


def painted_reader(words: Sequence[Word], corrections: Corrections, side: int, **options: Any) -> PageReader:
    """Open a reader that finds painted rectangles, and reads the upright ones: green grows to the right."""

    def detect(images: Tensor) -> DetectorOutput:
        each = [_painted_maps(image, words) for image in images]
        return DetectorOutput(*(torch.stack(parts) for parts in zip(*each, strict=True)))

    def read(strips: Tensor) -> Reading:
        numbers = planted.read_numbers(strips)
        found = planted.spell(numbers, words)
        rises = _rise(strips)[:, None]
        return found._replace(log_probabilities=torch.where(rises, found.log_probabilities, np.log(0.1)))

    return planted.reader(detect, read, World(words), corrections, side=side, **options)


def _rise(strips: Tensor) -> Tensor:
    """Say of each strip whether green is brighter in its right half than in its left."""
    rising = []
    for strip in strips:
        columns = strip[1].mean(0)[strip[0].mean(0) > 0]
        middle = len(columns) // 2
        rising.append(bool(columns[middle:].mean() - columns[:middle].mean() > 0.2))
    return torch.tensor(rising)


def _painted_maps(image: Tensor, words: Sequence[Word]) -> tuple[Tensor, Tensor, Tensor]:
    red, green, blue = image
    numbers = torch.where(blue < 0.02, (red * 255 / 8).round(), -1)
    seen = []
    for number in range(len(words)):
        rows, columns = torch.nonzero(numbers == number, as_tuple=True)
        if len(rows) > 8:
            box = (columns.min().item(), rows.min().item(), columns.max().item() + 1, rows.max().item() + 1)
            seen.append((number, replace(words[number], box=box)))
    logits, boxes, features = planted.maps(seen, image.shape[1])
    features[1] = torch.nn.functional.avg_pool2d(green[None], 4)[0]
    return logits, boxes, features


def test_an_elongated_page_is_read_in_tiles_and_each_word_once() -> None:
    words = [Word((30, y, 190, y + 24), f"row{k}") for k, y in enumerate(range(20, 2900, 120))]
    pixels = paint(words, 2900, 240)
    (text,) = engine(painted_reader(words, Corrections(), 512, batch=2)).read([PageImage.of(pixels)])
    assert text.words.texts == tuple(word.text for word in words)
    np.testing.assert_allclose(boxes_from_quads(text.words.quads), [word.box for word in words], atol=2)
    whole = engine(painted_reader(words, Corrections(tiling=False), 512)).read([PageImage.of(pixels)])[0]
    assert len(whole.words) < len(words)  # four pixels high at a sixth of the size, they run into each other


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_page_is_read_turned_back(turns: int) -> None:
    words = [Word((40, y, 200, y + 24), f"row{k}") for k, y in enumerate(range(40, 400, 60))]
    pixels = paint(words, 420, 300)
    turned = np.ascontiguousarray(np.rot90(pixels, -turns))
    reader = painted_reader(words, Corrections(), 512)
    (text,) = engine(reader).read([PageImage.of(turned)])
    assert sorted(text.words.texts) == sorted(word.text for word in words)
    assert (text.words.confidences > 0.85).all()
    assert text.turn == (4 - turns) % 4 * 90
    upright = boxes_from_quads(turn_quads(text.words.quads, -turns, turned.shape[1], turned.shape[0]))
    expected = {word.text: word.box for word in words}
    np.testing.assert_allclose(upright, [expected[t] for t in text.words.texts], atol=2)
    if turns:
        straight = engine(painted_reader(words, Corrections(rotation=False), 512)).read([PageImage.of(turned)])[0]
        assert straight.turn == 0
        assert (straight.words.confidences < 0.5).all()


@pytest.mark.parametrize(
    ("quad", "turn"),
    [
        ([[10, 40], [90, 40], [90, 60], [10, 60]], 0),
        ([[60, 10], [60, 90], [40, 90], [40, 10]], 3),  # reads downwards
        ([[90, 60], [10, 60], [10, 40], [90, 40]], 2),
        ([[40, 90], [40, 10], [60, 10], [60, 90]], 1),  # reads upwards: one quarter turn sets it upright
        ([[10, 10], [90, 14], [89, 34], [9, 30]], 0),  # a little askew
    ],
)
def test_the_way_text_runs_says_how_the_page_was_turned(quad: list[list[float]], turn: int) -> None:
    graph = build_graph(Relations(*(torch.zeros(2, 3) for _ in range(3))))
    quads = np.array([quad, [[0, 0], [9, 0], [9, 9], [0, 9]]], np.float32)  # a lone character says nothing
    reading = PageReading(quads, ("sideways", "i"), np.full(2, 0.9, np.float32), graph)
    assert upright_turn(reading) == turn
    assert turns_to_try(reading) == ((turn,) if turn else ())
    poor = replace(reading, confidences=np.full(2, 0.3, np.float32))
    assert turns_to_try(poor) == (1, 2, 3)


# -- options, digests, errors -----------------------------------------------------------------------------------------


def test_the_engine_is_one() -> None:
    assert isinstance(NemotronEngine(RANDOM, Corrections()), OcrEngine)


def test_digests_know_what_changes_the_output() -> None:
    base = open_engine(weights="random", device="cpu", precision="float32")
    assert base.digest == open_engine(weights="random", device="cpu", precision="float32").digest
    for same in ({"batch": 4}, {"threads": 1}):
        assert open_engine(weights="random", device="cpu", precision="float32", **same).digest == base.digest
    others = [
        {"seed": 1},
        {"variant": "v2-en"},
        {"precision": "bfloat16"},
        {"length": 512},
        {"parity": "v1"},
        {"antialias": False},
        {"null_link": "original"},
    ]
    digests = {open_engine(**{"weights": "random", "device": "cpu", "precision": "float32"} | o).digest for o in others}
    assert len(digests | {base.digest}) == len(others) + 1


def test_absent_weights_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(EngineNotReady, match="ingest engines --fetch nemotron-ocr-v2-en"):
        open_engine(variant="v2-en")
    with pytest.raises(EngineNotReady, match="--model-dir"):
        check()
    with pytest.raises(EngineNotReady, match="nowhere"):
        open_engine(model_dir=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="lacks"):
        open_engine(model_dir=str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "v3"}, "variant"),
        ({"weights": "made up"}, "weights"),
        ({"runtime": "jax"}, "runtime"),
        ({"device": "tpu"}, "device"),
        ({"precision": "int8"}, "precision"),
        ({"precision": "bfloat16", "runtime": "onnx"}, "float32"),
        ({"length": 1000}, "multiple of 32"),
        ({"batch": -1}, "counts"),
        ({"planted": 9, "weights": "files"}, "random"),
        ({"parity": "v9"}, "parity"),
        ({"null_link": "last"}, "null_link"),
        ({"paragraph_order": "any"}, "paragraph_order"),
        ({"speed": 11}, "speed"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_engine(**{"weights": "random", "device": "cpu"} | options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_what_needs_one_says_so() -> None:
    with pytest.raises(EngineNotReady, match="0 CUDA devices"):
        open_engine(weights="random", device="cuda")
    opened = open_engine(weights="random", runtime="tensorrt", variant="v1")
    with pytest.raises(EngineNotReady, match="CUDA device"):
        opened.read([page(64, 64)])


def test_planted_words_are_not_read_again_turned() -> None:
    assert not open_engine(weights="random", planted=5).corrections.rotation
    assert open_engine(weights="random", planted=5, rotation=True).corrections.rotation


def test_parity_turns_every_correction_back() -> None:
    for package, kept in (("v1", set()), ("v2", {"prefilter", "float32_boxes"})):
        back: Any = as_published(package)  # type: ignore[arg-type]
        same = {f.name for f in fields(Corrections) if getattr(back, f.name) == getattr(Corrections(), f.name)}
        assert same == kept
    assert open_engine(weights="random", device="cpu", parity="v1", tiling=True).corrections.tiling


def test_a_failing_network_is_an_engine_error() -> None:
    def detect(images: Tensor) -> DetectorOutput:
        raise RuntimeError("out of memory")

    reader = planted.reader(detect, lambda strips: planted.spell([], []), World([]))
    with pytest.raises(EngineError, match="smaller batch"):
        engine(reader).read([page(64, 64)])


def test_importing_the_engine_imports_no_torch() -> None:
    code = "import sys, loaders.ocr.nemotron.engine as e; e.Options(); assert not {'torch', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the real networks, with random weights ---------------------------------------------------------------------------


def test_random_weights_and_planted_words_go_all_the_way() -> None:
    opened = open_engine(weights="random", planted=12, length=256, device="cpu", precision="float32", rotation=False)
    first, second = opened.read([page(256, 256), page(300, 200, 255)])
    for text, side in ((first, 256), (second, 300)):
        assert text.relations is not None
        boxes = np.unique(boxes_from_quads(text.words.quads), axis=0)
        assert len(boxes) == 12
        assert boxes.min() >= 0 and boxes.max() <= side
    again = open_engine(weights="random", planted=12, length=256, device="cpu", precision="float32", rotation=False)
    (same,) = again.read([page(256, 256)])
    assert same.words.texts == first.words.texts


@pytest.mark.slow
def test_saved_weights_and_exported_graphs_read_the_same(tmp_path: Path) -> None:
    from loaders.ocr.nemotron.engine import export
    from loaders.ocr.nemotron.planted import save_random, with_planted

    options = {"device": "cpu", "precision": "float32", "length": 256, "rotation": False}
    folder = str(save_random(tmp_path / "model", "v1"))
    random, saved = open_engine(weights="random", **options), open_engine(model_dir=folder, **options)
    with pytest.raises(EngineNotReady, match="ingest export nemotron --to onnx"):
        open_engine(model_dir=folder, runtime="onnx", **options).read([page(256, 256)])
    assert export("onnx", model_dir=folder) == tmp_path / "model" / "onnx"
    graphs = open_engine(model_dir=folder, runtime="onnx", **options)
    readings = []
    for one in (random, saved, graphs):
        reader = one._open_reader()
        reader.model = replace(reader.model, runtime=with_planted(reader.model.runtime, 12))
        readings.append(NemotronEngine(one.options, one.corrections, reader).read([page(256, 256)])[0])
    for text in readings[1:]:
        np.testing.assert_array_equal(text.words.quads, readings[0].words.quads)
        np.testing.assert_allclose(text.words.confidences, readings[0].words.confidences, rtol=1e-2)
    assert readings[1].words.texts == readings[0].words.texts
    (tmp_path / "model" / "charset.txt").write_text('"' + "x" * 855 + '"')
    with pytest.raises(ModelFileError, match="another checkpoint"):
        open_engine(model_dir=folder, runtime="onnx", **options).read([page(256, 256)])

"""The relational network: what it decodes to whatever it says, how it is carried, and that it learns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from pages import Sheet, prose, two_columns

from loaders.document import Page, Words
from loaders.errors import ModelFileError
from loaders.export import to_json
from loaders.geometry import Frame
from loaders.relate import relate
from loaders.relate.backgrounds import paper_darkness
from loaders.relate.columns_of import AROUND
from loaders.relate.decode import chains_of, grouped, linked, next_probabilities, ordered, sigmoid
from loaders.relate.examples import Example, example, read_examples, write_examples
from loaders.relate.geometric import Sight
from loaders.relate.graphs import Graph, nearest
from loaders.relate.model import WEIGHTS, model_digest, open_model
from loaders.relate.network import STAGES, parameter_count, stages
from loaders.relate.relational import table_likelihood
from loaders.relate.strokes import bold_words
from loaders.relate.structure import BlockDraft, assemble, canonical_order
from loaders.relate.synthesize import LabelledPage
from loaders.relate.train import Training, TrainOptions, blended, train
from loaders.relate.validate import run_stage

# -- decoding: any logits at all ---------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, np.random.Generator]:
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    boxes = np.sort(rng.uniform(0, 500, (count, 2, 2)), axis=1).reshape(count, 4).astype(np.float32)
    neighbours, present = nearest(boxes, 6, np.full((count, 1), -1, np.int64))
    return Graph(np.zeros((count, 1), np.float32), neighbours, present, np.zeros((count, 6, 1), np.float32)), rng


def logits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    values = rng.normal(0, rng.choice([0.0, 1.0, 30.0, 1e30]), shape).astype(np.float32)
    values[rng.random(shape) < 0.05] = rng.choice([np.nan, np.inf, -np.inf])
    return values


@given(graphs())
def test_links_form_chains_that_keep_every_node(drawn: tuple[Graph, np.random.Generator]) -> None:
    graph, rng = drawn
    chances = next_probabilities(graph, logits(rng, len(graph), 6), logits(rng, len(graph)))
    assert np.isfinite(chances).all()
    assert (chances.sum(axis=1) <= 1 + 1e-5).all()
    links = linked(graph, chances, 0.1)
    followers = links.target[links.target >= 0]
    assert len(set(followers.tolist())) == len(followers)
    chains = chains_of(links)
    assert sorted(node for chain in chains for node in chain) == list(range(len(graph)))
    assert sum(len(chain) - 1 for chain in chains) == len(followers)  # a ring would have one link more


@given(graphs())
def test_groups_keep_every_line_once(drawn: tuple[Graph, np.random.Generator]) -> None:
    graph, rng = drawn
    chances = next_probabilities(graph, logits(rng, len(graph), 6), logits(rng, len(graph)))
    known = rng.integers(-1, 2, len(graph))
    found = grouped(graph, chances, known)
    group_of = {line: number for number, group in enumerate(found.groups) for line in group}
    for number in (0, 1):
        assert len({group_of[line] for line in np.flatnonzero(known == number).tolist()}) <= 1
    assert sorted(line for group in found.groups for line in group) == list(range(len(graph)))


@given(graphs())
def test_any_logits_decode_to_one_order(drawn: tuple[Graph, np.random.Generator]) -> None:
    graph, rng = drawn
    chances = next_probabilities(graph, logits(rng, len(graph), 6), logits(rng, len(graph)))
    before = sigmoid(logits(rng, len(graph), 6))
    found = ordered(graph, chances, before)
    assert sorted(found.order) == list(range(len(graph)))
    assert found.order == ordered(graph, chances, before).order
    assert ((found.probability >= 0) & (found.probability <= 1)).all()


def test_what_plainly_comes_first_is_read_first() -> None:
    count = 5
    neighbours = np.array([[k for k in range(count) if k != n] for n in range(count)])
    graph = Graph(
        np.zeros((count, 1), np.float32), neighbours, np.ones((count, 4), bool), np.zeros((count, 4, 1), np.float32)
    )
    true = [3, 0, 4, 1, 2]
    place = np.argsort(true)
    before = (place[neighbours] > place[:, None]).astype(np.float32)
    assert ordered(graph, np.zeros((count, 4), np.float32), before).order == tuple(true)
    following = (place[neighbours] == place[:, None] + 1).astype(np.float32)
    assert ordered(graph, following, np.full((count, 4), 0.5, np.float32)).order == tuple(true)


# -- the model in the package ------------------------------------------------------------------------------------------


def test_the_model_is_small_and_its_files_are_those_named() -> None:
    assert parameter_count(stages()) <= 2_500_000
    about = json.loads((WEIGHTS / "model.json").read_text(encoding="utf-8"))
    assert about["parameters"] == parameter_count(stages())
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.onnx")) < 10_000_000
    assert open_model().digest == model_digest()


@pytest.mark.parametrize("stage", STAGES)
def test_the_packaged_model_can_be_trained_further(stage: str) -> None:
    pytest.importorskip("onnxscript", reason="graphs are exported")
    from loaders.relate.export import read_back

    rng, config = np.random.default_rng(0), STAGES[stage]
    shape = (20, AROUND[stage])
    graph = Graph(
        rng.standard_normal((20, config.nodes)).astype(np.float32),
        rng.integers(0, 20, shape),
        rng.random(shape) < 0.8,
        rng.standard_normal((*shape, config.edges)).astype(np.float32),
    )
    for there, back in zip(open_model().run(stage, graph), run_stage(read_back()[stage].eval(), graph), strict=True):
        assert back == pytest.approx(there, abs=1e-4)


def test_a_network_is_read_back_although_equal_weights_are_written_once(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="graphs are exported")
    from loaders.relate.export import export, read_back

    torch.manual_seed(2)
    network = stages()  # all its normalizations are alike
    back = read_back(str(export(network, tmp_path, {}))).state_dict()
    assert all(torch.equal(back[name], weight) for name, weight in network.state_dict().items())


def test_fine_tuned_weights_are_blended_with_those_they_came_from() -> None:
    torch.manual_seed(1)
    old, new = stages(), stages()
    tuned = {name: weight.clone() for name, weight in new.state_dict().items()}
    for name, weight in blended(new, old, 0.25).state_dict().items():
        assert torch.allclose(weight, 0.25 * old.state_dict()[name] + 0.75 * tuned[name])


def test_a_changed_model_is_refused(tmp_path: Path) -> None:
    for path in WEIGHTS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert open_model(str(tmp_path)).digest == model_digest()
    (tmp_path / "words.onnx").write_bytes(b"something else")
    open_model.cache_clear()
    with pytest.raises(ModelFileError, match="export it again"):
        open_model(str(tmp_path))
    with pytest.raises(ModelFileError, match="no model in"):
        model_digest(str(tmp_path / "nowhere"))


# -- pages -------------------------------------------------------------------------------------------------------------


def article() -> Sheet:
    sheet = two_columns(top=120)
    sheet.block("A heading over both columns", 50, 60, 495, size=20, align="left", category="title")
    return sheet


def test_two_columns_are_read_one_after_the_other() -> None:
    sheet = two_columns()
    words = sheet.words()
    structure = relate(words, sheet.frame, method="relational")
    said = [word for block in structure.blocks for line in block.lines for word in structure.lines[line].words]
    assert said == [word for block in sheet.structure for line in block for word in line]


@pytest.mark.parametrize("ocr", [False, True])
def test_the_order_of_the_words_does_not_matter(ocr: bool) -> None:
    sheet = article()
    words = sheet.words(ocr=ocr, jitter=0.03)
    shuffled = np.random.default_rng(3).permutation(len(words))
    one = relate(words, sheet.frame, method="relational")
    other = relate(words.take(shuffled), sheet.frame, method="relational")
    assert [line.words for line in one.lines] == [tuple(shuffled[list(line.words)].tolist()) for line in other.lines]
    assert [block.category for block in one.blocks] == [block.category for block in other.blocks]
    assert [block.lines for block in one.blocks] == [block.lines for block in other.blocks]


def test_links_carry_what_the_network_thinks() -> None:
    sheet = article()
    relations = relate(sheet.words(), sheet.frame, method="relational").relations
    for links in (relations.word, relations.line, relations.block):
        assert links is not None
        assert ((links.probability >= 0) & (links.probability <= 1)).all()
    linked_words = relations.word.target >= 0
    assert 0.5 <= relations.word.probability[linked_words].min() < 1
    assert relations.line is not None
    assert relations.line.probability[relations.line.target >= 0].min() < 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.booleans())
def test_every_word_is_in_one_line_and_every_line_in_one_block(count: int, seed: int, ocr: bool) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 500, (count, 2))
    sizes = np.stack([rng.uniform(0, 80, count), rng.uniform(0, 20, count)], axis=1)
    quads = np.stack([starts, starts + sizes * [1, 0], starts + sizes, starts + sizes * [0, 1]], axis=1)
    texts = [str(rng.choice(["a", "word", "12", "•", "Figure", "(3)", "end."])) for _ in range(count)]
    words, frame = Words.of(quads, texts, ocr=ocr), Frame(600, 600)
    table = frame.at((100, 100, 300, 250))
    structure = relate(words, frame, method="relational", tables=[table] if seed % 2 else [])
    assert sorted(word for line in structure.lines for word in line.words) == list(range(count))
    assert sorted(line for block in structure.blocks for line in block.lines) == list(range(len(structure.lines)))


def test_five_thousand_words_are_related() -> None:
    sheet = Sheet(2400, 2400)
    for column in range(8):
        y = 20.0
        for k in range(12):
            y = sheet.block(prose(10 * column + k, 55), 20 + 295 * column, y, 280, size=9) + 6
    words = sheet.words()
    words = Words.concatenated([words] * (5000 // len(words) + 1)).take(np.arange(5000))
    structure = relate(words, sheet.frame, method="relational")
    assert sorted(word for line in structure.lines for word in line.words) == list(range(5000))


def test_words_of_a_table_are_likelier_to_stand_in_one() -> None:
    sheet = Sheet()
    y = sheet.block(prose(4, 90), 50, 60, 495) + 20
    rows = [[f"Item {k}", f"{k * 13}.4", f"{k * 7}.9", f"{100 - k} %"] for k in range(1, 11)]
    sheet.rows(rows, [60, 200, 320, 440], y)
    words = sheet.words()
    order = canonical_order(words)
    sight = Sight.of(words.take(order), sheet.frame, [], [], np.zeros((0, 4), np.float32), None)
    likely = table_likelihood(sight, open_model())
    inside = np.isin(order, [word for line in sheet.structure[-1] for word in line])
    assert likely.shape == (len(words),)
    assert likely[inside].mean() > likely[~inside].mean() + 0.3


@pytest.mark.parametrize("dpi", [110, 200])
@pytest.mark.parametrize("dark", [False, True])
def test_bold_words_are_told_from_their_strokes(dpi: int, dark: bool) -> None:
    import pymupdf

    from loaders.document import PageImage

    paper, ink = ((0.1, 0.2, 0.4), (1, 1, 1)) if dark else ((1, 1, 1), (0, 0, 0))
    page = pymupdf.open().new_page(width=420, height=300)
    page.draw_rect(page.rect, fill=paper, color=paper)
    bold = [False, True, False, False, True, False]
    for k, heavy in enumerate(bold):
        page.insert_text((30, 40 + 40 * k), prose(k, 8), fontsize=9, fontname="hebo" if heavy else "helv", color=ink)
    found = page.get_text("words")
    pixels = page.get_pixmap(dpi=dpi)
    image = PageImage.of(np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3))
    quads = np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1, *_ in found]) * dpi / 72
    words = Words.of(quads, [word[4] for word in found], sizes=np.full(len(found), 9 * dpi / 72))
    said = bold_words(image, words, paper_darkness(image, words.quads))
    true = np.array([bold[round((word[3] - 40) / 40)] for word in found])
    assert said[true].mean() > 0.9
    assert said[~true].mean() < 0.05
    assert bold_words(image, words.take([]), np.zeros(0, np.float32)).shape == (0,)


def test_paper_behind_words_is_told_from_their_ink() -> None:
    from loaders.document import PageImage

    pixels = np.full((100, 200, 3), 255, np.uint8)
    pixels[50:] = 51
    pixels[20:30, 20:80] = 0
    quads = np.array([[[20, 20], [80, 20], [80, 30], [20, 30]], [[20, 70], [80, 70], [80, 80], [20, 80]]], np.float32)
    assert paper_darkness(PageImage.of(pixels), quads) == pytest.approx([0, 0.8])
    assert paper_darkness(PageImage.of(pixels), quads[:0]).shape == (0,)


# -- learning ----------------------------------------------------------------------------------------------------------


def labelled(sheet: Sheet, family: str = "tiny") -> LabelledPage:
    words = sheet.words()
    drafts = [BlockDraft(tuple(map(tuple, block.lines)), block.category) for block in sheet.blocks]
    structure = assemble(words, sheet.frame, drafts)
    page = Page(1, "1", sheet.frame, words, structure.lines, structure.blocks)
    categories = tuple(block.category for block in structure.blocks for _ in block.lines)
    return LabelledPage(page, None, categories, np.zeros(len(words), np.float32), family)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    made = [example(labelled(two_columns(paragraphs=2, seed=k)), k, words=True, excerpt=False) for k in range(6)]
    return [one for one in made if one is not None]


def test_the_labels_of_true_lines_are_the_truth(examples: list[Example]) -> None:
    for made in examples:
        lines = made.stages["lines"]
        around = lines["neighbours"].shape[1]
        following = lines["following"].astype(int)
        assert (following >= 0).all()
        assert (following == around).sum() == 4  # the last line of each of four paragraphs
        follower = lines["neighbours"][np.arange(len(following)), np.minimum(following, around - 1)]
        assert (follower[following < around] == np.flatnonzero(following < around) + 1).all()
        words = made.stages["words"]
        assert (words["following"] == 0).mean() > 0.8


def test_an_excerpt_keeps_the_order_of_what_it_takes() -> None:
    whole = labelled(two_columns(paragraphs=3))
    made = example(whole, 5, words=True, excerpt=True)
    assert made is not None
    lines, words = made.stages["lines"], made.stages["words"]
    assert 0 < len(words["nodes"]) < len(whole.page.words)
    around = lines["neighbours"].shape[1]
    ends = int((lines["following"].astype(int) == around).sum())
    assert 1 < ends < len(whole.page.blocks)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums in one order: on several threads the last bits of a gradient depend on who came first."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_training_lowers_the_loss_and_goes_on_where_it_stopped(examples: list[Example], tmp_path: Path) -> None:
    options = TrainOptions(steps=8, batch=2, warm=2, validate_every=4)
    first = sum(Training(options).advance(examples).values())
    whole = train(examples, examples[:2], tmp_path / "whole", options)
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert {"words_f1", "lines_f1", "successor"} <= log[-1]["validation"].keys()
    half = Training(options)
    for _ in range(3):
        half.advance(examples)
    (tmp_path / "half").mkdir()
    half.save(tmp_path / "half" / "checkpoint.pt")
    again = train(examples, [], tmp_path / "half", options)
    assert again.step == whole.step == 8
    for name, value in again.network.state_dict().items():
        assert value.equal(whole.network.state_dict()[name]), name
    assert sum(whole.advance(examples).values()) < first


def test_examples_are_the_same_after_a_stay_on_disk(tmp_path: Path) -> None:
    pages = [labelled(two_columns(paragraphs=1, seed=k)) for k in range(3)]
    assert write_examples(pages, tmp_path / "a.npz") == 3
    back = read_examples(tmp_path / "a.npz")
    assert [made.family for made in back] == ["tiny"] * 3
    assert all(made.stages["lines"]["nodes"].dtype == np.float16 for made in back)


def test_ones_own_corrected_pages_are_read_from_json(tmp_path: Path) -> None:
    from loaders.pipeline import load
    from loaders.relate.own_pages import page_files, read_file

    pdf = Path(__file__).parent.parent / "notebooks" / "documents" / "report.pdf"
    document = load(pdf, pages=[1])
    saved = to_json(document)
    saved["pages"][0]["blocks"].reverse()
    (tmp_path / "report.json").write_text(json.dumps(saved), encoding="utf-8")
    (page,) = read_file(page_files(tmp_path)[0])
    first = page.page.line_text(page.page.lines[0])
    given = document.pages[0]
    assert first == given.line_text(given.lines[given.blocks[-1].lines[0]])
    assert example(page, 0) is not None


@pytest.mark.slow
def test_the_command_trains_from_nothing_fine_tunes_and_what_it_writes_is_read_with(tmp_path: Path) -> None:
    from loaders.pipeline import load
    from loaders.relate.export import read_back
    from loaders.relate.train import main

    pytest.importorskip("onnxscript", reason="graphs are exported")
    pdf = Path(__file__).parent.parent / "notebooks" / "documents" / "report.pdf"
    own, model, mine = (tmp_path / name for name in ("own", "model", "mine"))
    own.mkdir()
    (own / "report.json").write_text(json.dumps(to_json(load(pdf, pages=[1, 2]))), encoding="utf-8")
    arguments = ["--pages", str(own), "--device", "cpu", "--batch", "2"]
    main([*arguments, "--out", str(model), "--steps", "6"])
    main([*arguments, "--out", str(mine), "--steps", "9", "--start", str(model), "--stages", "lines,blocks"])
    first, tuned = (
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] for folder in (model, mine)
    )
    assert (first[-1]["step"], tuned[-1]["step"]) == (6, 9)
    assert tuned[-1]["losses"]["lines.role"] < first[-1]["losses"]["lines.role"]
    packaged, one, two = (read_back(folder).state_dict() for folder in ("", str(model), str(mine)))
    learned = {name.partition(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert learned == {"lines", "blocks"}, "words keep what they were"
    assert {*packaged} == {*one}
    digests = {model_digest(str(folder)) for folder in (model, mine)} | {model_digest()}
    assert len(digests) == 3
    page = load(pdf, pages=[1], relational_model=str(mine)).pages[0]
    assert sorted(word for line in page.lines for word in line.words) == list(range(len(page.words)))

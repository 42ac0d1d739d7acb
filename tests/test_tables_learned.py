"""Tables of known structure, and the judge that learned from them: truth, labels, valid grids, weights, a table mended."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.errors import ModelFileError, UsageError
from loaders.geometry import Box
from loaders.tables import build_table
from loaders.tables.candidates import Candidates, candidates_of
from loaders.tables.edits import Conviction, Verdict, edited
from loaders.tables.features import CELL, COLUMN, LINE, features_of
from loaders.tables.lines import Lines
from loaders.tables.model import WEIGHTS, grid_digest, open_grid_model
from loaders.tables.rows import JudgedLines
from loaders.tables.synthesize import HELD_OUT, STYLES, TrueTable, synthesize
from loaders.tables.synthesize.draft import Draft, Entry
from loaders.tables.truths import labels_of
from loaders.tables.validate import found_relations, scores, true_relations
from loaders.tables.words import upright

pytest.importorskip("typst", reason="tables are set by Typst")

NEVER = Conviction(*[1.1] * len(fields(Conviction)))
ALWAYS = Conviction(*[0.5] * len(fields(Conviction)))


def candidates(table: TrueTable) -> Candidates:
    return candidates_of(upright(table.page.words, table.page.rulings))


# -- truth -----------------------------------------------------------------------------------------------------------


def test_there_are_styles_enough_and_some_are_held_out() -> None:
    assert len(STYLES) >= 30
    assert 5 <= len(HELD_OUT) < len(STYLES) / 3
    with pytest.raises(UsageError, match="no style"):
        synthesize("sonnet", 0)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_truth_is_what_was_written(style: str) -> None:
    table, read = synthesize(style, 1)
    said: dict[int, list[str]] = {}
    for word, cell in enumerate(table.cell.tolist()):
        said.setdefault(cell, []).append(table.page.words.texts[word])
    assert set(said) == set(range(len(table.cells)))
    wrong = 0
    for number, cell in enumerate(table.cells):
        written, found = "".join(cell.text.split()), "".join(said[number]).rstrip(".")
        wrong += sorted(found) != sorted(written.rstrip("."))
    assert wrong <= 0.02 * len(table.cells)
    taken = np.zeros((table.rows, table.cols), int)
    for cell in table.cells:
        taken[cell.row : cell.row + cell.rows, cell.col : cell.col + cell.cols] += 1
    assert taken.max() == 1
    assert read.ocr
    assert len(read.cell) == len(read.page.words)


def test_the_same_seed_gives_the_same_table() -> None:
    one, other = (synthesize("two_levels", 4)[1] for _ in range(2))
    assert one.page.words.texts == other.page.words.texts
    assert np.array_equal(one.page.words.quads, other.page.words.quads)
    assert np.array_equal(one.cell, other.cell)


def test_a_draft_cannot_contradict_itself() -> None:
    draft = Draft(["label", "figure"])
    draft.add(Entry("a", rows=2), "b")
    draft.add("c")
    assert [(one.row, one.col) for one in draft.placed()] == [(0, 0), (0, 1), (1, 1)]
    draft.add("d")
    with pytest.raises(UsageError, match="no entry"):
        draft.placed()
    draft.add(Entry("e", cols=3))
    with pytest.raises(UsageError, match="no room"):
        draft.placed()


def decoded(style: str, seed: int) -> bool:
    """Say whether labels, taken for probabilities, give a table's true cells."""
    table = synthesize(style, seed, 0)[0]
    found = candidates(table)
    labels = labels_of(found, table)
    told = [np.where(one < 0, 0.5, one).astype(float) for one in (getattr(labels, f.name) for f in fields(Verdict))]
    grid, places, _ = edited(found, Verdict(*told), Conviction(*[0.9] * len(fields(Conviction))))
    return (grid.shape, grid.rows.header) == ((table.rows, table.cols), table.header_rows) and all(
        places.spans[one.row, one.col].tolist() == [one.row, one.col, one.row + one.rows - 1, one.col + one.cols - 1]
        for one in table.cells
    )


@pytest.mark.parametrize("style", ["week_plan", "agenda", "plain", "tall_groups", "income_statement"])
def test_labels_decode_to_the_truth(style: str) -> None:
    """But where two columns nearly touch, or two lines stand at one height: then no candidates tell the truth."""
    assert sum(decoded(style, seed) for seed in range(5)) >= 4


# -- valid grids -----------------------------------------------------------------------------------------------------


@given(st.sampled_from(["balance_sheet", "tall_groups", "calendar"]), st.integers(0, 2), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_no_verdict_gives_an_inconsistent_grid(style: str, seed: int, noise: int) -> None:
    found = candidates(synthesize(style, seed, 0)[0])
    rows, cols = len(found.judged.lines), len(found.cuts) + 1
    rng = np.random.default_rng(noise)
    sizes = ((cols - 1,), (rows - 1,), (rows,), (cols,), (rows, cols - 1), (rows - 1, cols))
    grid, places, labels = edited(found, Verdict(*(rng.random(size) for size in sizes)), ALWAYS)
    spans = places.spans
    assert spans.shape[:2] == grid.shape
    assert labels is None or 0 <= labels < grid.shape[1]
    for row, col in np.ndindex(*grid.shape):
        top, left, bottom, right = spans[row, col]
        assert top <= row <= bottom
        assert left <= col <= right
        assert (spans[top : bottom + 1, left : right + 1] == (top, left, bottom, right)).all()
    assert grid.rows.row.max() + 1 == grid.shape[0]
    assert set(grid.rows.row.tolist()) == set(range(grid.shape[0]))
    assert set(grid.column.tolist()) == set(range(grid.shape[1]))
    assert 0 <= grid.rows.header <= grid.shape[0]


def test_a_verdict_without_conviction_changes_nothing() -> None:
    table = synthesize("segments", 1, 0)[0]
    found = candidates(table)
    rows, cols = len(found.judged.lines), len(found.cuts) + 1
    sizes = ((cols - 1,), (rows - 1,), (rows,), (cols,), (rows, cols - 1), (rows - 1, cols))
    grid, _, labels = edited(found, Verdict(*(np.full(size, 0.99) for size in sizes)), NEVER)
    assert np.array_equal(np.isin([cut.x for cut in found.cuts], [cut.x for cut in grid.cuts]), found.taken)
    assert grid.rows.header == min(found.judged.header, grid.shape[0])
    assert labels is None


# -- the model -------------------------------------------------------------------------------------------------------


def test_features_are_finite_and_named() -> None:
    for table in synthesize("income_statement", 3):
        made = features_of(candidates(table))
        assert made.cells.shape[:2] == (len(made.lines), len(made.columns))
        assert (made.cells.shape[2], made.lines.shape[1], made.columns.shape[1]) == (len(CELL), len(LINE), len(COLUMN))
        assert all(
            np.isfinite(part).all() and np.abs(part).max() < 20 for part in (made.cells, made.lines, made.columns)
        )


def test_training_steps_lower_the_loss() -> None:
    from loaders.tables.examples import examples_of
    from loaders.tables.train import TrainOptions, train

    made = list(examples_of(table for style in ("plain", "two_levels") for table in synthesize(style, 0)))
    _, told = train(made, TrainOptions(steps=30, batch=4, warm=5), every=10)
    assert told[-1] < 0.8 * told[0]


def test_examples_are_kept_whole(tmp_path: Path) -> None:
    from loaders.tables.examples import examples_of, read_examples, write_examples

    made = list(examples_of(synthesize("census", 0)))
    assert write_examples(made, tmp_path / "examples.npz") == len(made)
    for one, other in zip(made, read_examples(tmp_path / "examples.npz"), strict=True):
        assert one.style == other.style
        assert np.allclose(one.features.cells, other.features.cells, atol=2e-3)
        assert all(np.array_equal(getattr(one.labels, f.name), getattr(other.labels, f.name)) for f in fields(Verdict))


def test_the_digest_of_the_weights_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    assert grid_digest(str(folder)) == grid_digest()
    (folder / "grid.onnx").write_bytes(b"something else")
    with pytest.raises(ModelFileError, match="is not the file"):
        open_grid_model(str(folder))
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(about | {"columns": {}}))
    with pytest.raises(ModelFileError, match="other columns"):
        open_grid_model(str(folder))
    with pytest.raises(ModelFileError, match="no model in"):
        open_grid_model(str(tmp_path / "nowhere"))


def test_the_weights_are_small() -> None:
    assert (WEIGHTS / "grid.onnx").stat().st_size < 2_000_000
    assert json.loads((WEIGHTS / "model.json").read_text())["parameters"] < 300_000


def test_neighbours_of_a_table_read_right_are_the_true_ones() -> None:
    table = synthesize("league", 1, 0)[0]
    box = Box(0, 0, table.page.frame.width, table.page.frame.height, table.page.frame)
    built = build_table(table.page.words, box, table.page.frame, table.page.rulings, model=None)
    assert found_relations(built, table) == true_relations(table)
    assert found_relations(None, table) == set()
    assert scores(table, None)[:2] == [1.0, 1.0]


def test_the_model_mends_tables_that_geometry_gets_wrong() -> None:
    tables = [
        table
        for style in ("confusion", "specification")
        for seed in range(900_000, 900_004)
        for table in synthesize(style, seed)
    ]
    own, mended = (np.array([scores(table, model) for table in tables]) for model in (None, ""))
    assert (mended[:, 1] > own[:, 1]).sum() > (mended[:, 1] < own[:, 1]).sum()
    assert mended[:, 0].mean() > own[:, 0].mean()


def test_the_model_knows_header_rows_of_styles_it_never_saw() -> None:
    assert {"demographics", "timetable"} <= HELD_OUT
    tables = [
        table
        for style in ("demographics", "timetable")
        for seed in range(900_000, 900_005)
        for table in synthesize(style, seed)
    ]
    own, mended = (np.array([scores(table, model)[2] for table in tables]) for model in (None, ""))
    assert mended.sum() > own.sum()
    assert (mended < own).sum() <= 1


def test_the_largest_tables_are_left_to_geometry() -> None:
    found = candidates(synthesize("league", 1, 0)[0])
    assert open_grid_model().judge(found) is not None
    many = found.judged.lines
    longer = JudgedLines(
        Lines(many.words * 400, many.parts * 400, [None] * (len(many) * 400 - 1)), 1, [False] * (len(many) * 400 - 1)
    )
    assert open_grid_model().judge(replace(found, judged=longer)) is None

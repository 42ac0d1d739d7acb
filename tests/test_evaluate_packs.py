"""Packs: manifests that fit and that do not, choosing items, foreign folders, and starting one's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.evaluate.new_pack import new_pack, read_questions
from ingest.evaluate.packs import Pack, draw, read_pack, select, split_of
from ingest.evaluate.records import (
    DocumentItem,
    Evidence,
    FileItem,
    PageItem,
    QuestionItem,
    TableItem,
    TextBox,
)
from loaders.errors import UsageError

BASE = {"schema": 1, "pack": "mine", "split": "dev", "group": "g", "source": "s", "license": "", "lang": ["en"]}
PAGE = {**BASE, "id": "s/1", "kind": "page", "file": "dev/s/1.png", "page": 1, "gt": {"text": "Hello"}}
QUESTION_GT = {"question": "Why?", "answer": ["so"], "scope": "corpus", "evidence": [{"doc": "s/d", "page": 2}]}


def write_pack(root: Path, *records: dict[str, Any], files: tuple[str, ...] = ("dev/s/1.png",)) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "manifest.jsonl").write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return root


def test_every_kind_of_record_is_read(tmp_path: Path) -> None:
    word = {"text": "Hi", "box": [4, 3, 2, 1], "quad": [0, 0, 1, 0, 1, 1, 0, 1]}
    block = {"order": 0, "type": "text", "category": "P", "box": [0, 0, 1, 1], "text": "Hi", "links": [[1, 2]]}
    rule = {"id": "r", "type": "table", "cell": "a", "up": "b", "max_diffs": 1}
    page_gt = {"text": "Hi", "text_order": "derived", "words": [word], "blocks": [block], "tests": [rule]}
    table_gt = {"html": "<table></table>", "crop": "dev/s/1.png", "crop_px": [3, 4], "cells": [{"row": 0, "col": 1}]}
    expect = {"outcome": "needs_password", "password": "p", "contains": ["x"], "ref_pages": 3}
    root = write_pack(
        tmp_path,
        {**PAGE, "gt": page_gt},
        {**BASE, "id": "s/t", "kind": "table", "file": "dev/s/1.png", "gt": table_gt},
        {**BASE, "id": "s/d", "kind": "document", "file": "dev/s/1.png", "gt": {"orig_pages": [3, 9]}},
        {**BASE, "id": "s/q", "kind": "question", "gt": {**QUESTION_GT, "answer_kind": "text"}},
        {**BASE, "id": "s/f", "kind": "file", "file": "dev/s/1.png", "gt": {"expect": expect}},
    )
    page, table, document, question, file = read_pack(root).items
    assert isinstance(page, PageItem)
    assert page.words == (TextBox("Hi", (2.0, 1.0, 4.0, 3.0), (0, 0, 1, 0, 1, 1, 0, 1)),), "corners in order"
    assert page.text_order == "derived" and page.file == root / "dev/s/1.png"
    assert page.blocks[0].links == ((1, 2),) and page.rules[0].neighbours == (("up", "b"),)
    assert isinstance(table, TableItem) and table.crop_px == (3, 4) and table.cells[0].colspan == 1
    assert isinstance(document, DocumentItem) and document.orig_pages == (3, 9)
    assert isinstance(question, QuestionItem) and question.evidence[0].page == 2 and question.answer == "so"
    assert question.extras == {"answer_kind": "text"}
    assert isinstance(file, FileItem) and file.password == "p" and file.reference == {"ref_pages": 3}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": None}, "`id` is missing"),
        ({"kind": "poem"}, "poem"),
        ({"schema": 2}, "schema 1"),
        ({"file": "dev/s/none.png"}, "no such file"),
        ({"file": "../outside.png"}, "outside the pack"),
        ({"page": "one"}, "`page`"),
        ({"gt": {"text": 7}}, "must be str"),
        ({"gt": {"text": "a", "words": [{"text": "a", "box": [1, 2]}]}}, r"words\[0\].*box"),
        ({"gt": {"text": "a", "words": "none"}}, "must be list"),
        ({"gt": {"text": "a", "text_order": "random"}}, "annotated or derived"),
        ({"gt": {"text": "a", "case_sensitive": 1}}, "must be bool"),
        ({"kind": "question", "gt": {**QUESTION_GT, "scope": "web"}}, "corpus or document"),
        ({"kind": "question", "gt": {**QUESTION_GT, "evidence": [{"doc": "d", "page": 0}]}}, "count from 1"),
        ({"kind": "file", "gt": {"expect": {"outcome": "maybe"}}}, "needs_password"),
    ],
)
def test_a_record_that_does_not_fit_names_file_line_and_field(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    root = write_pack(tmp_path, PAGE, {**PAGE, "id": "s/2", **change})
    with pytest.raises(UsageError, match=complaint) as caught:
        read_pack(root)
    assert "manifest.jsonl:2" in str(caught.value)


def test_broken_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no pack"):
        read_pack(tmp_path)
    write_pack(tmp_path, PAGE, PAGE)
    with pytest.raises(UsageError, match="stands twice"):
        read_pack(tmp_path)
    (tmp_path / "manifest.jsonl").write_text('{"id": 1\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"manifest.jsonl:1: not JSON"):
        read_pack(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("[1]\n", encoding="utf-8")
    with pytest.raises(UsageError, match="one JSON object"):
        read_pack(tmp_path)


def test_baselines_are_read_and_nulls_left_out(tmp_path: Path) -> None:
    write_pack(tmp_path, PAGE)
    rows = [
        {"id": "s/1", "engine": "abc", "text": "Hallo"},
        {"id": "s/1", "engine": "d", "scores": {"nid": 1, "x": None}},
    ]
    (tmp_path / "baselines.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    first, second = read_pack(tmp_path / "manifest.jsonl").baselines
    assert (first.text, second.scores) == ("Hallo", (("nid", 1.0),))
    (tmp_path / "baselines.jsonl").write_text('{"id": "s/1"}', encoding="utf-8")
    with pytest.raises(UsageError, match="engine"):
        read_pack(tmp_path)


# -- choosing ------------------------------------------------------------------------------------------------------


def page(identity: str, source: str = "a", split: str = "dev") -> PageItem:
    return PageItem(id=identity, pack="p", source=source, split=split, group=identity)


def document(identity: str, split: str = "dev") -> DocumentItem:
    return DocumentItem(id=identity, pack="p", source="a", split=split, group=identity)


def question(identity: str, scope: str, doc: str, source: str = "a") -> QuestionItem:
    found = (Evidence(doc, 1),)
    return QuestionItem(
        id=identity, pack="p", source=source, split="dev", group=doc, question="?", scope=scope, evidence=found
    )  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.sets(st.text(min_size=1), min_size=1, max_size=20), st.integers(1, 30), st.integers(0, 5))
def test_draw_takes_the_smallest_hashes_of_each_source_in_order(ids: set[str], limit: int, seed: int) -> None:
    items = [page(identity, source) for identity in sorted(ids) for source in "ab"]
    drawn = draw(items, limit, seed)
    smallest = sorted(ids, key=lambda i: hashlib.sha256(f"{seed}:{i}".encode()).hexdigest())[:limit]
    for source in "ab":
        assert [item.id for item in drawn if item.source == source] == [i for i in sorted(ids) if i in smallest]


def test_select_filters_and_keeps_what_questions_search_in() -> None:
    documents = [document("d1"), document("d2"), document("d3", "heldout")]
    questions = [
        question("q1", "document", "d1"),
        question("q2", "corpus", "d1"),
        question("q3", "document", "d2", "b"),
    ]
    pack = Pack("p", Path(), (*documents, *questions, page("x", split="heldout")))

    def ids(**how: Any) -> list[str]:
        return [item.id for item in select(pack, **how)]

    assert ids() == ["d1", "d2", "d3", "q1", "q2", "q3", "x"]
    assert ids(split="dev") == ["d1", "d2", "q1", "q2", "q3"]
    assert ids(split="dev", scope="document") == ["d1", "d2", "q1", "q3"]
    assert ids(split="dev", sources=["b"]) == ["d2", "q3"], "only documents with evidence"
    assert ids(split="dev", scope="corpus") == ["d1", "d2", "q2"], "a corpus question searches all documents"
    assert ids(split="heldout") == ["x"], "no question, no document"
    tagged = replace(pack, items=(*pack.items, replace(page("y"), tags=("index", "multi_column"))))
    assert [item.id for item in select(tagged, tags=["multi_column", "index"])] == ["y"]
    with pytest.raises(UsageError, match="no tag columns; it has index, multi_column"):
        select(tagged, tags=["columns"])
    with pytest.raises(UsageError, match="no source c; it has a, b"):
        select(pack, sources=["c"])
    with pytest.raises(UsageError, match="no split test"):
        select(pack, split="test")
    with pytest.raises(UsageError, match="limit of 0"):
        select(pack, limit=0)


def test_the_split_rule_is_the_packs_own(packs: Path) -> None:
    for name in ("ocr_scans", "tables", "retrieval_general", "robustness"):
        for item in read_pack(packs / name).items:
            assert split_of(item.group) == item.split, item.id


def test_about_60_percent_of_groups_are_dev() -> None:
    assert 0.55 < sum(split_of(f"g{i}") == "dev" for i in range(2000)) / 2000 < 0.65


# -- other people's folders ----------------------------------------------------------------------------------------


def test_funsd_folders_load(tmp_path: Path) -> None:
    entity = {
        "id": 3, "label": "question", "text": "Date: today", "box": [0, 0, 30, 10], "linking": [[3, 4]],
        "words": [
            {"text": "today", "box": [12, 1, 30, 10]},
            {"text": "Date:", "box": [0, 0, 10, 10]},
            {"text": " ", "box": [0, 0, 1, 1]},
        ],
    }  # fmt: skip
    below = {
        "id": 4,
        "label": "other",
        "text": "x",
        "box": [0, 20, 5, 30],
        "words": [{"text": "x", "box": [0, 20, 5, 30]}],
    }
    for part in ("training_data", "testing_data"):
        (tmp_path / part / "annotations").mkdir(parents=True)
        (tmp_path / part / "images").mkdir()
        (tmp_path / part / "images" / f"{part}.png").write_bytes(b"x")
        (tmp_path / part / "annotations" / f"{part}.json").write_text(json.dumps({"form": [below, entity]}))
    test, train = read_pack(tmp_path).items
    assert isinstance(train, PageItem) and isinstance(test, PageItem)
    assert train.text == "Date: today\nx" and train.text_order == "derived"
    assert (train.split, test.split) == ("dev", "heldout")
    assert [word.text for word in train.words] == ["x", "today", "Date:"]
    assert train.blocks[1].links == ((3, 4),)
    (tmp_path / "training_data" / "images" / "training_data.png").unlink()
    with pytest.raises(UsageError, match="no image"):
        read_pack(tmp_path)
    (tmp_path / "testing_data" / "annotations" / "testing_data.json").write_text('{"pages": []}')
    with pytest.raises(UsageError, match="not a FUNSD annotation"):
        read_pack(tmp_path)


def write_beir(root: Path, judgements: str) -> Path:
    (root / "qrels").mkdir()
    (root / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "one"}\n{"_id": "d2", "text": "two"}\n')
    (root / "queries.jsonl").write_text('{"_id": "q1", "text": "which?"}\n{"_id": "q2", "text": "unjudged"}\n')
    (root / "qrels" / "test.tsv").write_text(judgements)
    return root


def test_beir_folders_load(tmp_path: Path) -> None:
    root = write_beir(tmp_path, "query-id\tcorpus-id\tscore\nq1\td1\t0\nq1\td2\t2\n")
    pack = read_pack(root)
    asked = [item for item in pack.items if isinstance(item, QuestionItem)]
    assert [(q.question, [(e.doc, e.page, e.grade) for e in q.evidence], q.split) for q in asked] == [
        ("which?", [(f"{root.name}/d2", 1, 2)], "test")
    ]
    assert [item.text for item in select(pack, split="test") if isinstance(item, DocumentItem)] == ["one", "two"]


@pytest.mark.parametrize("judgements", ["q1\td9\t1\n", "q1\td1\tgood\n"])
def test_beir_folders_that_do_not_fit_are_refused(tmp_path: Path, judgements: str) -> None:
    with pytest.raises(UsageError, match=r"test\.tsv"):
        read_pack(write_beir(tmp_path, judgements))


# -- a pack of one's own -------------------------------------------------------------------------------------------


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_new_pack_copies_documents_and_asks_the_questions(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.pdf", "sub/b.pdf", ".hidden"):
        (folder / name).write_bytes(name.encode())
    questions = write_csv(
        folder / "q.csv",
        "question, answer,file,page,text,scope",
        'Why?,so,a.pdf,2,"said, here",document',
        "Why?,so,sub/b.pdf,,,document",
        "Who?,,sub/b.pdf,1,,",
    )
    pack = new_pack(folder, questions, tmp_path / "mine")
    documents = [item for item in pack.items if isinstance(item, DocumentItem)]
    asked = [item for item in pack.items if isinstance(item, QuestionItem)]
    assert [item.id for item in documents] == ["mine/a.pdf", "mine/sub/b.pdf"]
    assert documents[0].file == tmp_path / "mine/dev/mine/a.pdf" and documents[0].file.read_bytes() == b"a.pdf"
    assert documents[0].sha256 == hashlib.sha256(b"a.pdf").hexdigest() and documents[0].mime == "application/pdf"
    assert [(q.question, q.answer, q.scope) for q in asked] == [("Why?", "so", "document"), ("Who?", "", "corpus")]
    assert [(e.doc, e.page, e.text) for e in asked[0].evidence] == [
        ("mine/a.pdf", 2, "said, here"),
        ("mine/sub/b.pdf", 1, None),
    ]
    with pytest.raises(UsageError, match="exists"):
        new_pack(folder, questions, tmp_path / "mine")


def test_new_pack_splits_by_document_and_keeps_together_what_one_question_needs(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for i in range(30):
        (folder / f"{i}.txt").write_text(str(i))
    lines = [f"Question {i}?,x,{i}.txt,1" for i in range(30)]
    together = [f"All?,x,{i}.txt,1" for i in (3, 4, 5, 6, 7, 8)]
    csv = write_csv(tmp_path / "q.csv", "question,answer,file,page", *lines, *together)
    pack = new_pack(folder, csv, tmp_path / "mine", heldout=True)
    by_id = {item.id: item for item in pack.items}
    assert {item.split for item in pack.items} == {"dev", "heldout"}
    for item in pack.items:
        assert split_of(item.group) == item.split
        if isinstance(item, QuestionItem):
            assert {by_id[piece.doc].split for piece in item.evidence} == {item.split}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["question,page", "Why?,1"], "no column file"),
        (["question,file"], "no questions"),
        (["question,file", "Why?,none.pdf"], r"q.csv:2: no file 'none.pdf'"),
        (["question,file", ",a.pdf"], "`question` is empty"),
        (["question,file,page", "Why?,a.pdf,0"], "count from 1"),
        (["question,file,page", "Why?,a.pdf,iv"], "'iv'"),
        (["question,file,scope", "Why?,a.pdf,web"], "scope 'web'"),
    ],
)
def test_a_csv_that_does_not_fit_names_line_and_column(tmp_path: Path, lines: list[str], complaint: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(b"x")
    with pytest.raises(UsageError, match=complaint):
        new_pack(tmp_path / "docs", write_csv(tmp_path / "q.csv", *lines), tmp_path / "mine")
    assert not (tmp_path / "mine").exists(), "nothing half-made is left behind"


def test_a_missing_folder_or_csv_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        new_pack(tmp_path / "docs", tmp_path / "q.csv", tmp_path / "mine")
    assert read_questions(write_csv(tmp_path / "q.csv", "question,file", "a?,b"))[0].page == 1

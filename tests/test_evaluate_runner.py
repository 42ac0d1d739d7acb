"""Evaluations from end to end on a small pack: results, resuming, failures as misses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation_pack import INVOICE_TABLE, add_broken_page, mean, write_pack

from ingest.evaluate import ocr, order, read_results, retrieval, tables
from ingest.evaluate.packs import read_pack
from ingest.evaluate.plan import Options, Way
from ingest.evaluate.predict import Predictor
from ingest.evaluate.records import QuestionItem
from loaders.errors import UsageError

SUMMARY_KEYS = {
    "pack", "source", "engine", "metric", "mean", "low", "high", "n",
    "text", "order", "scope", "region", "form", "stage",
}  # fmt: skip
LAYER = {"text": "layer"}
"""Most of these tests read the text layer, so that no model has to be run."""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    return write_pack(tmp_path_factory.mktemp("packs") / "sample", documents)


# -- pages ----------------------------------------------------------------------------------------------------------


def test_ocr(pack: Path, tmp_path: Path) -> None:
    results = ocr(pack, out=tmp_path, **LAYER)
    assert not results.failures
    assert mean(results, "bag_of_words_error", source="pdf", text="layer", order="relational") < 0.1
    assert mean(results, "word_recall") > 0.9
    data = json.loads((tmp_path / "results.json").read_text())
    assert list(data) == ["versions", "settings", "summary", "items"]
    assert all(set(row) == SUMMARY_KEYS for row in data["summary"])
    assert data["settings"]["command"] == "ocr" and data["settings"]["text"] == ["layer"]
    assert "numpy" in data["versions"] and "engine ppocr" in data["versions"]
    assert read_results(tmp_path / "results.json") == results
    html = (tmp_path / "report.html").read_text()
    assert "data:image/png;base64," in html and "report.pdf#p1" in html
    assert "pdf/invoice.pdf#p1" in (tmp_path / "report.md").read_text()


def test_a_second_run_reads_nothing_and_says_the_same(pack: Path, tmp_path: Path) -> None:
    options: Options = {"out": tmp_path, "pictures": 0, "text": "layer"}
    first = ocr(pack, **options)
    before = (tmp_path / "results.json").read_text()
    shutil.rmtree(tmp_path / "cache")
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    (tmp_path / "items.jsonl").write_text("\n".join([*lines, lines[0][:100]]))  # killed while writing
    assert ocr(pack, **options) == first
    assert not (tmp_path / "cache").exists(), "no page was read"
    assert (tmp_path / "results.json").read_text() == before


def test_a_failed_page_is_a_miss_and_is_tried_again(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    add_broken_page(pack)
    results = ocr(pack, out=tmp_path / "out", **LAYER)
    (failed,) = results.failures
    assert failed.id == "pdf/broken.pdf#p1" and "Broken" in str(failed.failure)
    assert failed.scores["cer"] == 1.0 and failed.scores["bag_of_words_error"] == 1.0
    assert next(row.n for row in results.summary if row.metric == "cer") == 3
    shutil.copyfile(documents / "invoice.pdf", pack / "broken.pdf")
    again = ocr(pack, out=tmp_path / "out", **LAYER)
    assert not again.failures


def test_order(pack: Path, tmp_path: Path) -> None:
    results = order(pack, engine="ppocr", out=tmp_path, pictures=0, **LAYER)
    assert mean(results, "nid_text", form="text") > 0.5
    assert 0 < mean(results, "nid", form="markdown") < 1
    assert mean(results, "mhs", form="markdown") >= 0
    assert {row.n for row in results.summary if row.metric == "nid"} == {1}, "one page has Markdown"


@pytest.mark.slow
def test_published_scores_stand_beside(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    stored = [
        {"id": "pdf/invoice.pdf#p1", "engine": "other", "split": "dev", "text": "INVOICE"},
        {"id": "pdf/report.pdf#p1", "engine": "docling", "split": "dev", "scores": {"nid": 0.5}},
    ]
    (pack / "baselines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in stored))
    assert mean(ocr(pack, **LAYER), "cer", engine="other (published)") > 0.9
    results = order(pack, **LAYER)
    assert mean(results, "nid", engine="docling (published)") == 0.5
    assert "docling (published)" not in {row.engine for row in order(pack, published=False, **LAYER).summary}


def test_nothing_of_that_kind(pack: Path, documents: Path, tmp_path: Path) -> None:
    only_questions = tmp_path / "questions"
    only_questions.mkdir()
    lines = [line for line in (pack / "manifest.jsonl").read_text().splitlines() if '"question"' in line[:80]]
    (only_questions / "manifest.jsonl").write_text("\n".join(lines[:0]))
    for measure in (ocr, order, tables, retrieval):
        with pytest.raises(UsageError, match="nothing to measure"):
            measure(only_questions)


# -- tables, retrieval, speed ---------------------------------------------------------------------------------------


def test_tables(pack: Path) -> None:
    results = tables(pack, **LAYER)
    assert mean(results, "teds_struct", region="crop") > 0.9
    assert mean(results, "teds", region="crop") > 0.9
    assert mean(results, "teds", region="page") > 0.5


@pytest.mark.slow
def test_a_yardstick_without_tables_gets_rows_of_its_boxes(pack: Path, tmp_path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (1300, 520), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(26)
    for row, cells in enumerate(INVOICE_TABLE[:5]):
        for x, cell in zip((20, 110, 700, 790, 900, 1130), cells, strict=True):
            draw.text((x, 20 + 100 * row), cell, fill="black", font=font)
    picture.save(tmp_path / "crop.png")
    item = next(item for item in read_pack(pack).items if item.id == "tables/invoice#t1")
    predictor = Predictor(Way("rapidocr", "ocr", "engine"))
    html = predictor.table_in_crop(replace(item, crop=tmp_path / "crop.png"))
    assert html is not None and html.count("<tr>") == 5
    assert "<td>Dive team of four, with supervisor</td>" in html
    assert predictor.table_on_page(item) is None


@pytest.mark.slow
def test_retrieval(pack: Path, tmp_path: Path) -> None:
    results = retrieval(pack, out=tmp_path, **LAYER)
    asked = [item for item in read_pack(pack).items if isinstance(item, QuestionItem)]
    assert len(results.items) == 2 * len(asked), "each in the corpus and inside its document"
    assert mean(results, "recall@5", scope="corpus") >= 0.9
    assert mean(results, "recall@5", scope="document") >= mean(results, "recall@5", scope="corpus")
    assert mean(results, "doc_recall@5", scope="corpus") >= 0.9
    assert {"recall@1", "recall@10", "box_recall@5", "all_evidence_recall@5", "mrr", "ndcg@10"} <= {
        row.metric for row in results.summary
    }
    assert not any(row.metric.startswith("doc_recall") and row.scope == "document" for row in results.summary)
    before = (tmp_path / "results.json").read_text()
    retrieval(pack, out=tmp_path, **LAYER)
    assert (tmp_path / "results.json").read_text() == before
    inside = retrieval(pack, out=tmp_path, scope="document", **LAYER)
    assert {row.scope for row in inside.summary} == {"document"}


@pytest.mark.slow
def test_misses_are_explained(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    lines = []
    for line in (pack / "manifest.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "question":
            (piece, *_) = record["gt"]["evidence"]
            wanted = {"q01": "xylophone quokka marimba zeppelin", "q02": None}
            name = record["id"].rpartition("/")[2]
            if name not in wanted:
                continue
            piece["page"], piece["text"] = 3, wanted[name]
            record["gt"] |= {"question": "zebra giraffe", "evidence": [piece]}
        lines.append(json.dumps(record))
    (pack / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    results = retrieval(pack, out=tmp_path / "out", scope="corpus", mode="text", **LAYER)
    causes = {item.id.rpartition("/")[2]: item.details["cause"] for item in results.items}
    assert causes == {"q01": "ocr", "q02": "unknown"}
    assert "documents/report#p3" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.slow
def test_a_document_that_fails_is_a_miss_of_its_questions(documents: Path, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "sample", documents)
    (pack / "invoice.pdf").write_bytes(b"%PDF-1.7\n" + b"nothing of a PDF" * 40)
    results = retrieval(pack, out=tmp_path / "out", mode="text", **LAYER)
    of_invoice = [item for item in results.items if item.group == "documents/invoice"]
    assert of_invoice
    for item in of_invoice:
        assert "Broken" in str(item.failure)
        assert item.scores["recall@10"] == 0 and item.details["cause"] == "ocr"
    assert {item.id for item in results.failures} == {item.id for item in of_invoice}


@pytest.mark.slow
def test_plain_texts_are_searched_too(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    corpus = {"d1": "Petrel lost its main bearing in December.", "d2": "Kelp grew on the blades all summer.", "d3": ""}
    (tmp_path / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": key, "title": "", "text": text}) + "\n" for key, text in corpus.items())
    )
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "What grew on the blades?"}) + "\n")
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td2\t1\n")
    results = retrieval(tmp_path, out=tmp_path / "out", scope="corpus")
    assert mean(results, "recall@1") == 1.0

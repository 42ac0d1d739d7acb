"""Results and reports: what goes into results.json, what the tables say, and that a page stands by itself."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.evaluate.baselines import published_results
from ingest.evaluate.metrics import METRICS, metric
from ingest.evaluate.packs import Baseline, Pack
from ingest.evaluate.records import Item, PageItem
from ingest.evaluate.report import Picture, html_report, markdown_report, pages_to_show, write_report
from ingest.evaluate.report_tables import comparison_table, score_tables, worst_items
from ingest.evaluate.results import (
    ItemResult,
    Results,
    Variant,
    compare_engines,
    read_results,
    summarise,
    to_json,
    write_results,
)
from loaders.errors import UsageError

OURS, PLAIN = Variant("ppocr", text="ocr", order="relational"), Variant("rapidocr", text="ocr", order="engine")
ROW_KEYS = {
    "pack", "source", "engine", "metric", "mean", "low", "high", "n",
    "text", "order", "scope", "region", "form", "stage",
}  # fmt: skip


def result(number: int, variant: Variant, cer: float, **more: object) -> ItemResult:
    return ItemResult("scans", "s", f"s/{number}", f"g{number}", variant, {"cer": cer}, **more)  # type: ignore[arg-type]


def results() -> Results:
    ours = [result(n, OURS, 0.01 * n) for n in range(9)]
    plain = [result(n, PLAIN, 0.01 * n + 0.3) for n in range(9)]
    failed = result(9, OURS, 1.0, failure="PageTimeout: ended after 120 s | see <log>")
    asked = Variant("ppocr", text="ocr", scope="corpus")
    missed = {"question": "Why <b>so</b>?", "cause": "split", "pages": ["d#p3"]}
    found = {"question": "Who?", "cause": None, "pages": ["d#p4"]}
    questions = [
        ItemResult("finance", "f", "f/q1", "g", asked, {"recall@5": 0.0, "mrr": 0.0}, details=missed),
        ItemResult("finance", "f", "f/q2", "g2", asked, {"recall@5": 1.0, "mrr": 0.5}, details=found),
    ]
    return Results.of([*ours, *plain, failed, *questions], versions={"ocr-ingest": "0.1"}, settings={"seed": 3})


def test_summary_rows() -> None:
    rows = {(row.engine, row.metric, row.scope): row for row in results().summary}
    row = rows["ppocr", "cer", None]
    assert (row.n, row.text, row.order, row.stage) == (10, "ocr", "relational", None)
    assert row.mean == pytest.approx((0.36 + 1.0) / 10), "the failed item counts"
    assert row.low < row.mean < row.high
    assert rows["ppocr", "recall@5", "corpus"].mean == 0.5
    assert row.variant == OURS


def test_results_json_is_what_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    write_results(results(), path)
    data = json.loads(path.read_text())
    assert list(data) == ["versions", "settings", "summary", "items"]
    assert all(set(row) == ROW_KEYS for row in data["summary"])
    assert data["summary"][0]["scope"] is None
    assert data["items"][0]["scores"] == {"cer": 0.0} and data["items"][0]["engine"] == "ppocr"
    assert read_results(path) == results()
    write_results(results(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == path.read_text()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"versions": {}}', '{"versions":1,"settings":1,"summary":[{}],"items":[]}']
)
def test_what_is_no_results_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(UsageError, match=r"r\.json"):
        read_results(tmp_path / "r.json")
    with pytest.raises(UsageError, match="none"):
        read_results(tmp_path / "none.json")


def test_engines_are_compared_pair_by_pair() -> None:
    (found,) = compare_engines(results().items, OURS)
    assert found.metric == "cer" and found.comparison.difference.n == 9, "only items both were measured on"
    assert found.comparison.difference.mean == pytest.approx(-0.3) and found.comparison.real
    table = comparison_table(results())
    assert table is not None
    assert [row[5:] for row in table.rows] == [("9", "0", "0", "ppocr is better")], "less is better, and once is enough"
    assert comparison_table(Results.of([result(1, OURS, 0.5)], versions={}, settings={})) is None


def test_unlike_runs_are_not_compared() -> None:
    text, markdown = Variant("a", form="text"), Variant("b", form="markdown")
    items = [result(1, text, 0.1), result(1, markdown, 0.2)]
    assert compare_engines(items, text) == ()


def test_score_tables_have_a_line_per_engine_and_a_column_per_metric() -> None:
    scans, finance = score_tables(results())
    assert scans.header == ("engine", "cer") and finance.title == "finance / f, scope corpus"
    assert [row[0] for row in scans.rows] == ["ppocr (ocr, relational)", "rapidocr (ocr, engine)"]
    assert scans.rows[0][1].startswith("0.136 [") and scans.rows[0][1].endswith("n=10")
    assert finance.header == ("engine", "recall@5", "mrr"), "in the order in which metrics are listed"


def test_worst_items_come_first_and_perfect_ones_not_at_all() -> None:
    worst = [(item.variant.engine, item.id) for item in worst_items(results(), 2)]
    assert worst == [("ppocr", "s/9"), ("ppocr", "s/8"), ("rapidocr", "s/8"), ("rapidocr", "s/7"), ("ppocr", "f/q1")]
    assert pages_to_show(results(), 1) == ["d#p3", "s/9", "s/8"]


class Balance(HTMLParser):
    """Checks that tags are closed, and collects what a browser would fetch or jump to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.jumps: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.sources += [given["src"]] if "src" in given else []
        self.jumps += [given["href"]] if "href" in given else []
        self.ids += [given["id"]] if "id" in given else []
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_html_report_stands_by_itself() -> None:
    html = html_report(results(), [Picture("d#p3", b"\x89PNG3"), Picture("s/9", b"\x89PNG9")], title="A & B")
    page = Balance()
    page.feed(html)
    assert page.open == []
    assert len(page.sources) == 2 and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert page.jumps and all(jump[0] == "#" and jump[1:] in page.ids for jump in page.jumps)
    assert "A &amp; B" in html and "Why &lt;b&gt;so&lt;/b&gt;?" in html and "&lt;log&gt;" in html
    assert "<script" not in html and "http" not in html


def test_the_markdown_report_says_the_same(tmp_path: Path) -> None:
    pictures = [Picture("d#p3", b"\x89PNG3")]
    write_report(results(), tmp_path / "out", pictures, title="Run")
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.startswith("# Run\n") and text == markdown_report(results(), pictures, title="Run")
    assert "ended after 120 s \\| see" in text, "a bar in a cell is escaped"
    assert f"split: Why &lt;b>so&lt;/b>? (ppocr (ocr), scope corpus): [d#p3](pictures/{pictures[0].file_name})" in text
    assert (tmp_path / "out" / "pictures" / pictures[0].file_name).read_bytes() == b"\x89PNG3"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.json",
        "report.md",
        "report.html",
        "pictures",
    }
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for above, below in pairwise(lines):
        if set(below) <= set("|- "):
            assert above.count("|") == below.count("|")
    assert "| finance / f | corpus | ppocr (ocr) | 0 | 0 | 0 | 0 | 1 | 0 |" in text


def test_an_empty_run_still_reports() -> None:
    nothing = Results.of([], versions={}, settings={})
    assert summarise([]) == () and to_json(nothing)["items"] == []
    assert "Metrics" in markdown_report(nothing) and "Metrics" in html_report(nothing)


def test_what_was_published_is_named_so() -> None:
    item = PageItem(id="s/1", pack="p", source="s", split="dev", group="g", text="abcd")
    other = Item(id="s/2", pack="p", source="s", split="dev", group="g")
    baselines = (
        Baseline("s/1", "abbyy", "dev", "abcx"),
        Baseline("s/2", "docling", "dev", None, (("nid", 0.9), ("nid_s", 0.8), ("teds_s", 0.7), ("overall", 1.0))),
        Baseline("s/3", "docling", "heldout", None, (("nid", 0.1),)),
    )
    text, scores = published_results(Pack("p", Path(), (item, other), baselines), [item, other])
    assert text.variant.engine == "abbyy (published)" and text.scores["cer"] == 0.25
    assert scores.variant == Variant("docling (published)", text="layer", order="engine", form="markdown")
    assert scores.scores == {"nid": 0.9, "teds_struct": 0.7}
    run = Results.of([text, result(1, OURS, 0.0)], versions={}, settings={})
    assert not [item for item in worst_items(run) if "published" in item.variant.engine]


def test_metrics_are_listed() -> None:
    named = (
        "successor_accuracy rule_pass_rate word_precision word_recall missing_spaces all_evidence_recall@5 cer "
        "bag_of_chars_error bag_of_words_error nid nid_text mhs kendall_tau teds teds_struct "
        "recall@1 recall@5 recall@10 doc_recall@5 box_recall@5 mrr ndcg@10 "
        "seconds_per_page cpu_seconds_per_page peak_rss_mb"
    )
    assert set(named.split()) <= set(METRICS)
    assert not metric("cer").more_is_better and metric("cer").written(0.12345) == "0.123"
    assert metric("something_new").more_is_better

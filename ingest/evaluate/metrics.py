"""The metrics by name: which way is better, and how a value is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: what it says in words, whether more is better, and how many digits its values deserve."""

    name: str
    meaning: str
    more_is_better: bool = True
    digits: int = 3

    def written(self, value: float) -> str:
        """Return a value as the reports write it."""
        return f"{value:.{self.digits}f}"


_CUTOFF_METRICS = (
    ("recall", "share of questions with an evidence page among the first {k} distinct pages"),
    ("all_evidence_recall", "share of questions with all evidence pages among the first {k} distinct pages"),
    ("doc_recall", "share of questions with an evidence document among the first {k} distinct documents"),
    ("box_recall", "share of questions with a chunk that covers the evidence's words among the first {k} chunks"),
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("cer", "character error rate: edit distance / reference length, capped at 1", False),
        Metric("bag_of_chars_error", "1 - F1 of the multisets of characters: order does not count", False),
        Metric("bag_of_words_error", "1 - F1 of the multisets of words: order does not count", False),
        Metric("missing_spaces", "words per page that are several words of the truth written as one", False, 2),
        Metric("word_precision", "share of predicted word boxes that match a true one at IoU 0.5"),
        Metric("word_recall", "share of true word boxes found at IoU 0.5"),
        Metric("line_precision", "share of predicted line boxes that match a true one at IoU 0.5"),
        Metric("line_recall", "share of true line boxes found at IoU 0.5"),
        Metric("nid", "normalised indel similarity to the page's Markdown"),
        Metric("nid_text", "normalised indel similarity to the page's text"),
        Metric("mhs", "heading similarity of the page's Markdown, over pages that have headings"),
        Metric("kendall_tau", "block pairs in the right order minus those in the wrong one, over all pairs"),
        Metric("successor_accuracy", "share of blocks that are directly followed by the right one"),
        Metric("rule_pass_rate", "share of present, absent, order and table rules that hold"),
        Metric("teds", "tree-edit-distance similarity of the table"),
        Metric("teds_struct", "the same without the cells' text"),
        *(Metric(f"{name}@{k}", meaning.format(k=k)) for name, meaning in _CUTOFF_METRICS for k in (1, 5, 10)),
        Metric("mrr", "mean of 1 / rank of the first evidence page"),
        Metric("ndcg@10", "discounted gain of the evidence pages among the first 10, over the ideal"),
        Metric("seconds_per_page", "wall-clock seconds per page", False),
        Metric("cpu_seconds_per_page", "CPU seconds per page, all threads", False),
        Metric("pages_per_second", "pages per second from file to chunks", True, 2),
        Metric(
            "write_seconds_per_chunk", "wall-clock seconds to write and index a chunk whose vector is known", False, 5
        ),
        Metric(
            "search_seconds",
            "median wall-clock seconds of a hybrid search, the question's embedding included",
            False,
            4,
        ),
        Metric("recall_of_exact@10", "share of the ten nearest vectors that a search by vector finds"),
        Metric("gpu_busy", "share of the time in which the GPU ran something"),
        Metric("peak_rss_mb", "peak resident memory in MB", False, 0),
    )
}


def metric(name: str) -> Metric:
    """Return a metric by name; one that is not listed counts as more-is-better with three digits."""
    return METRICS.get(name) or Metric(name, name)

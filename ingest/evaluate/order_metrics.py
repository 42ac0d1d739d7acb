"""How close a page came to its truth as a sequence: NID, headings (MHS) and tables (TEDS) of its Markdown, rules.

Comes in: a PageItem and a PagePrediction. Goes out: named scores, 1 at best. NID, MHS and the TEDS of a page are
defined as in opendataloader-bench, whose published scores stand in the pack's baselines.
"""

from __future__ import annotations

from ingest.evaluate.blocks import block_scores
from ingest.evaluate.extra import needed
from ingest.evaluate.markdown import collapse, heading_tree, with_html_tables, without_tables
from ingest.evaluate.normalise import normaliser
from ingest.evaluate.records import PageItem, PagePrediction
from ingest.evaluate.rules import rule_pass_rate
from ingest.evaluate.table_metrics import table_trees, tree_similarity
from ingest.evaluate.trees import Node, edit_distance


def nid(truth: str, predicted: str) -> float:
    """Return the normalised indel similarity: 1 - (insertions + deletions) / (both lengths); both empty is 1."""
    return float(needed("rapidfuzz.distance").Indel.normalized_similarity(truth, predicted))


def nid_markdown(truth: str, predicted: str, *, tables: bool = True) -> float | None:
    """Return the NID of two pieces of Markdown; None where the truth is empty.

    Pipe tables count as HTML, the amount of white space does not count; `tables=False` leaves tables out (NID-S).
    Emphasis markers count, as in the benchmark's published scores (a later version of it takes them out).
    """
    sides = [with_html_tables(side) for side in (truth, predicted)]
    if not collapse(sides[0]):
        return None
    first, second = (collapse(side if tables else without_tables(side)) for side in sides)
    return nid(first, second)


def mhs(truth: str, predicted: str, *, structure_only: bool = False) -> float | None:
    """Return the Markdown heading similarity; None where the truth has no heading, 0 where only the truth has.

    1 - edit distance of the heading trees / nodes of the larger one, root included.
    """
    first, second = heading_tree(truth), heading_tree(predicted)
    if not _has_heading(first):
        return None
    if not _has_heading(second):
        return 0.0
    nodes = 1 + max(first.descendants, second.descendants)
    return max(0.0, 1.0 - edit_distance(first, second, with_text=not structure_only) / nodes)


def _has_heading(tree: Node) -> bool:
    return any(child.tag == "heading" for child in tree.children)


def page_teds(truth: str, predicted: str, *, structure_only: bool = False) -> float | None:
    """Return the TEDS over all tables of a page's Markdown under one root; None where the truth has no table."""
    sides = [table_trees(with_html_tables(side)) for side in (truth, predicted)]
    if not sides[0]:
        return None
    if not sides[1]:
        return 0.0
    first, second = (Node("tables", children=side) for side in sides)
    return tree_similarity(first, second, structure_only=structure_only)


def markdown_scores(page: PageItem, predicted: str | None) -> dict[str, float]:
    """Score a page as Markdown (or a plain text as if it were); None stands for a page that failed.

    nid, mhs and teds where the truth has Markdown, headings and tables; rule_pass_rate where it has rules.
    """
    scores: dict[str, float | None] = {}
    text = predicted or ""
    if page.markdown is not None:
        scores["nid"] = nid_markdown(page.markdown, text)
        scores["mhs"] = mhs(page.markdown, text)
        scores["teds"] = page_teds(page.markdown, text)
        scores["teds_struct"] = page_teds(page.markdown, text, structure_only=True)
    scores["rule_pass_rate"] = rule_pass_rate(page.rules, predicted)
    return {name: score for name, score in scores.items() if score is not None}


def sequence_scores(page: PageItem, prediction: PagePrediction | None) -> dict[str, float]:
    """Score a page's reading order: nid_text against the transcript, kendall_tau and successor_accuracy over blocks.

    None stands for a page that failed and counts as nothing read.
    """
    prediction = prediction or PagePrediction("")
    scores: dict[str, float] = {}
    if page.text:
        clean = normaliser(page)
        predicted = clean(prediction.text)
        scores["nid_text"] = max(nid(clean(one), predicted) for one in (page.text, *page.text_alt))
    return scores | block_scores(page, prediction)

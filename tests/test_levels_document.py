"""Heading levels over a whole document: by type, by numbers, and alike for like headings."""

from __future__ import annotations

import pytest
from pages import Sheet, prose

from loaders.document import Page
from loaders.relate import settle_levels
from loaders.relate.levels import Heading, rank_headings


def headed(number: int, *headings: tuple[str, float]) -> Page:
    sheet, y = Sheet(), 60.0
    for k, (text, size) in enumerate(headings):
        y = sheet.block(text, 60, y, 475, size, bold=True, align="left", category="title") + 6
        y = sheet.block(prose(10 * number + k, 80), 60, y, 475) + 12
    return sheet.page(number)


def levels(pages: list[Page]) -> list[list[int]]:
    return [[block.level for block in page.blocks if block.category == "title"] for page in pages]


def test_levels_are_of_the_document_not_of_the_page():
    pages = [
        headed(1, ("The Report", 24), ("Methods", 16)),
        headed(2, ("Sampling", 12), ("Weighing", 12)),
        headed(3, ("Results", 16), ("Errors", 12)),
    ]
    assert levels(pages) == [[1, 2], [1, 1], [1, 2]]
    assert levels(settle_levels(pages)) == [[1, 2], [3, 3], [2, 3]]


def test_only_titles_have_levels_and_nothing_else_changes():
    pages = [headed(1, ("The Report", 24), ("Methods", 16))]
    settled = settle_levels(pages)
    assert [block.level for block in settled[0].blocks if block.category != "title"] == [0, 0]
    assert settled[0].lines == pages[0].lines
    assert settle_levels(settled) == settled


def test_documents_without_titles():
    assert settle_levels([]) == []
    page = Sheet().page()
    assert settle_levels([page]) == [page]


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        ([], []),
        ([("Only one", 14, False)], [1]),
        ([("Title", 20, True), ("One", 14, True), ("Two", 14, True)], [1, 2, 2]),
        # bold stands above plain, capitals above bold, in one size
        ([("Bold", 12, True), ("Plain", 12, False), ("CAPITALS", 12, False)], [2, 3, 1]),
        # sizes a hair apart are one size
        ([("One", 14.0, True), ("Two", 13.8, True), ("Three", 11.0, True)], [1, 1, 2]),
        # numbers decide where there are any, whatever the type
        (
            [("1 Aims", 12, True), ("1.1 Scope", 12, True), ("2 Means", 12, True), ("2.1.1 Deep", 12, True)],
            [1, 2, 1, 3],
        ),
        # unnumbered headings set like numbered ones follow them; the title stays above
        (
            [
                ("A Title", 22, True),
                ("Abstract", 14, True),
                ("1 Aims", 14, True),
                ("1.1 Scope", 12, True),
                ("2 Means", 14, True),
            ],
            [1, 2, 2, 3, 2],
        ),
        ([("Chapter 1", 20, True), ("Chapter 2", 20, True), ("Notes", 12, True)], [1, 1, 2]),
        # no deeper than Markdown goes
        ([(f"Size {size}", float(size), False) for size in range(40, 8, -4)], [1, 2, 3, 4, 5, 6, 6, 6]),
    ],
)
def test_ranks(headings, expected):
    assert rank_headings([Heading(text, size, bold, read=False) for text, size, bold in headings]) == expected


def test_sizes_read_from_pixels_are_taken_with_more_latitude():
    sizes = (30.0, 27.5, 20.0)
    assert rank_headings([Heading(f"H {s}", s, False, read=True) for s in sizes]) == [1, 1, 2]
    assert rank_headings([Heading(f"H {s}", s, False, read=False) for s in sizes]) == [1, 2, 3]

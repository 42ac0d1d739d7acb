"""Running headers, footers and page numbers are known by several pages, never by one."""

from __future__ import annotations

import time

import pytest
from pages import Sheet, prose

from loaders.document import Page
from loaders.furniture import mark_furniture


def sheet(number: int, *, header: str = "", footer: str = "", label: str = "", y: float = 90.0) -> Sheet:
    made = Sheet()
    if header:
        made.block(header, 60, 30, 400, 9, align="left")
    made.block(prose(number, 150), 60, y, 475)
    made.block(prose(number + 1000, 150), 60, y + 300, 475)
    if footer:
        made.block(footer, 60, 790, 300, 8, align="left")
    if label:
        made.block(label, 500, 790, 60, 8, align="left")
    return made


def categories(page: Page) -> dict[str, str]:
    """Map the text of each block's first line to the block's category."""
    return {page.line_text(page.lines[block.lines[0]]): block.category for block in page.blocks}


def dropped(page: Page) -> str:
    return " ".join(page.words.texts[word] for lot in page.dropped for word in lot.words if lot.reason == "furniture")


def marked(sheets: list[Sheet]) -> list[Page]:
    return mark_furniture([made.page(k + 1) for k, made in enumerate(sheets)])


def test_headers_footers_and_page_numbers_are_dropped():
    pages = marked([sheet(k, header="Annual Report", footer="Company Ltd", label=str(k + 17)) for k in range(5)])
    for k, page in enumerate(pages):
        found = categories(page)
        assert (found["Annual Report"], found["Company Ltd"], found[str(k + 17)]) == ("header", "footer", "page_number")
        assert sorted(dropped(page).split()) == sorted(f"Annual Report Company Ltd {k + 17}".split())
        assert sum(block.category == "text" for block in page.blocks) == len(page.blocks) - 3


def test_the_blocks_stay_on_the_page():
    before = [sheet(k, header="Annual Report").page(k + 1) for k in range(3)]
    after = mark_furniture(before)
    assert [[block.lines for block in page.blocks] for page in after] == [[b.lines for b in p.blocks] for p in before]
    assert all(page.dropped == () for page in before)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_pages_are_no_evidence(count):
    pages = [sheet(k, header="Annual Report", label=str(k + 1)).page(k + 1) for k in range(count)]
    assert mark_furniture(pages) == pages


def test_a_heading_on_one_page_is_not_dropped():
    pages = marked([sheet(k, header="A Real Heading" if k == 2 else "Running Title") for k in range(5)])
    assert dropped(pages[2]) == ""
    assert dropped(pages[1]) == "Running Title"


def test_left_and_right_pages_may_differ():
    pages = marked([sheet(k, header=("Book Title", "Chapter Title")[k % 2]) for k in range(6)])
    assert [dropped(page) for page in pages] == ["Book Title", "Chapter Title"] * 3


def test_numbers_in_a_running_text_may_change():
    pages = marked([sheet(k, footer=f"Version 3, page {k + 1} of 9") for k in range(4)])
    assert [dropped(page) for page in pages] == [f"Version 3, page {k + 1} of 9" for k in range(4)]


def test_a_header_may_move_a_little_but_not_about():
    def moved(shift: float) -> list[Page]:
        made = [sheet(k) for k in range(6)]
        for k, one in enumerate(made):
            one.block("Running Title", 60, 30 + shift * (k % 3), 400, 9, align="left")
        return marked(made)

    assert all(dropped(page) == "Running Title" for page in moved(4.0))
    assert all(dropped(page) == "" for page in moved(20.0))


@pytest.mark.parametrize(
    "labels",
    [
        ["7", "8", "9", "10"],
        ["- 7 -", "- 8 -", "- 9 -", "- 10 -"],
        ["iii", "iv", "v", "vi"],
        ["Page 1", "Page 2", "Page 3", "Page 4"],
        ["1 of 4", "2 of 4", "3 of 4", "4 of 4"],
        ["1/4", "2/4", "3/4", "4/4"],
        ["A-1", "A-2", "A-3", "A-4"],
        ["第1页", "第2页", "第3页", "第4页"],
    ],
)
def test_page_numbers_that_count(labels):
    pages = marked([sheet(k, label=label) for k, label in enumerate(labels)])
    assert [dropped(page) for page in pages] == labels
    assert all("page_number" in categories(page).values() for page in pages)


@pytest.mark.parametrize(
    "labels", [["7", "7", "7", "7"], ["12", "90", "31", "55"], ["4", "3", "2", "1"], ["mix", "dim", "lid"]]
)
def test_numbers_that_do_not_count_are_kept(labels):
    assert all(dropped(page) == "" for page in marked([sheet(k, label=label) for k, label in enumerate(labels)]))


def test_page_numbers_of_an_excerpt_may_jump():
    labels = ["17", "34", "35", "46", "62", "63"]
    pages = marked([sheet(k, label=label) for k, label in enumerate(labels)])
    assert [dropped(page) for page in pages] == labels


def test_a_misread_page_number_is_kept_and_the_others_go():
    pages = marked([sheet(k, label=label) for k, label in enumerate(["1", "2", "8", "4", "5", "6"])])
    assert [dropped(page) for page in pages] == ["1", "2", "", "4", "5", "6"]


def test_a_row_of_like_texts_is_a_table():
    made = []
    for k in range(4):
        one = sheet(k)
        for x in (60, 220, 400):
            one.block(f"December {k + x}, 20{k}", x, 40, 120, 9, align="left")
        made.append(one)
    assert all(dropped(page) == "" for page in marked(made))


def test_page_numbers_count_by_the_pages_own_numbers():
    """Where a page could not be read, those after it still count."""
    pages = [sheet(k, label=str(k)).page(k) for k in (1, 2, 4, 5)]
    assert [dropped(page) for page in mark_furniture(pages)] == ["1", "2", "4", "5"]


def test_a_tables_header_row_that_repeats_is_not_furniture():
    made = []
    for k in range(4):
        one = Sheet()
        one.block("Item Count Price", 60, 60, 400, 9, align="left")
        for row in range(30):
            one.block(f"thing{k} {row} {row}.50", 60, 75 + 15 * row, 400, 9, align="left")
        made.append(one)
    assert all(dropped(page) == "" for page in marked(made))


def test_large_headings_that_repeat_are_kept():
    made = []
    for k in range(8):
        one = sheet(k)
        if k < 3:
            one.block("INVOICE", 60, 30, 400, 24, align="left")
        made.append(one)
    assert all(dropped(page) == "" for page in marked(made))


def test_text_in_the_middle_of_the_page_is_never_furniture():
    made = [sheet(k) for k in range(5)]
    for one in made:
        one.block("Always the same", 200, 400, 200, 9, align="left")
    assert all(dropped(page) == "" for page in marked(made))


def test_marking_twice_changes_nothing():
    pages = marked([sheet(k, header="Annual Report", label=str(k + 1)) for k in range(4)])
    assert mark_furniture(pages) == pages


def test_empty_pages_do_no_harm():
    made = [sheet(k, header="Annual Report") if k != 2 else Sheet() for k in range(5)]
    assert [dropped(page) for page in marked(made)] == ["Annual Report", "Annual Report", "", *["Annual Report"] * 2]


def test_a_thousand_pages_take_time_in_proportion():
    few = [sheet(k, header="Annual Report", label=str(k + 1)).page(k + 1) for k in range(25)]

    def many(count: int) -> float:
        from dataclasses import replace

        pages = [replace(few[k % 25], number=k + 1) for k in range(count)]
        start = time.process_time()
        mark_furniture(pages)
        return time.process_time() - start

    assert many(1000) < 12 * many(250) + 0.2

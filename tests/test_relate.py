"""Words become lines, blocks and one order: on synthetic pages whose structure is known to the word."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import Set, Sheet, found, prose, two_columns

from loaders.document import Links, Relations, Words, spaced
from loaders.errors import UsageError
from loaders.geometry import Frame, quads_from_boxes
from loaders.relate import relate

NONE = np.zeros((0, 4), np.float32)


def related(sheet: Sheet, **options):
    return found(relate(sheet.words(), sheet.frame, **options))


def texts(sheet: Sheet, structure) -> list[str]:
    """Each block as one text."""
    words = sheet.words()
    return [" ".join(spaced(words, line) for line in block) for block in found(structure)]


# -- whole structures, exact to the word ------------------------------------------------------------------------------


def one_column() -> Sheet:
    sheet = Sheet()
    y = sheet.block("A Plain Report", 60, 60, 475, 20, bold=True, align="left", category="title") + 10
    for k in range(4):
        y = sheet.block(prose(k, 70), 60, y, 475) + 8
    return sheet


def indented_paragraphs() -> Sheet:
    sheet = Sheet()
    y = 60.0
    for k in range(5):
        y = sheet.block(prose(k, 55), 60, y, 400, indent=0 if k == 0 else 15)
    return sheet


def title_over_columns() -> Sheet:
    sheet = Sheet()
    y = sheet.block("A Title Across Both Columns", 50, 50, 495, 22, bold=True, align="center", category="title") + 8
    y = sheet.block(prose(99, 80), 90, y, 415, 9) + 16
    for column in range(2):
        top = y
        for k in range(3):
            top = sheet.block(prose(10 * column + k, 60), 50 + 257 * column, top, 238) + 8
    return sheet


def level_paragraphs() -> Sheet:
    """Paragraph gaps of both columns at the same heights: only the gutter says that these are columns."""
    sheet = Sheet()
    for column in range(2):
        for k in range(4):
            sheet.block(prose(10 * column + k, 45), 50 + 257 * column, 60 + 110 * k, 238)
    return sheet


def three_columns() -> Sheet:
    sheet = Sheet()
    for column in range(3):
        y = 60.0
        for k in range(4):
            y = sheet.block(prose(10 * column + k, 40 + 5 * k), 40 + 178 * column, y, 160, 9) + 7
    return sheet


def four_columns() -> Sheet:
    sheet = Sheet(width=842, height=595)
    for column in range(4):
        y = 40.0
        for k in range(3):
            y = sheet.block(prose(10 * column + k, 40 + 6 * column), 36 + 196 * column, y, 180, 9) + 7
    return sheet


def spanning_band() -> Sheet:
    """Columns, a full-width paragraph, columns again."""
    sheet = Sheet()
    for column in range(2):
        sheet.block(prose(column, 70), 50 + 257 * column, 60, 238)
    sheet.block(prose(7, 90), 50, 220, 495)
    for column in range(2):
        sheet.block(prose(20 + column, 90), 50 + 257 * column, 310, 238)
    return sheet


def heading_between_columns() -> Sheet:
    """A heading over both columns that is no wider than one: the white beside it tells."""
    sheet = Sheet()
    for column in range(2):
        sheet.block(prose(column, 64), 50 + 257 * column, 60, 238)
    sheet.block("2 Later Results", 50, 260, 238, 14, bold=True, align="left", category="title")
    for column in range(2):
        sheet.block(prose(20 + column, 90), 50 + 257 * column, 300, 238)
    return sheet


def heading_in_a_column() -> Sheet:
    sheet = Sheet()
    y = sheet.block(prose(1, 60), 50, 60, 238) + 10
    y = sheet.block("Inner Heading", 50, y, 238, 12, bold=True, align="left", category="title") + 4
    sheet.block(prose(2, 90), 50, y, 238)
    y = sheet.block(prose(3, 84), 307, 60, 238) + 8
    sheet.block(prose(4, 80), 307, y, 238)
    return sheet


def sidebar() -> Sheet:
    sheet = Sheet()
    y = 60.0
    for k in range(5):
        y = sheet.block(prose(k, 75), 50, y, 340) + 8
    y = sheet.block("Also of Note", 430, 100, 120, 11, bold=True, align="left", category="title") + 4
    sheet.block(prose(30, 60), 430, y, 120, 8, align="left")
    return sheet


def bullets() -> Sheet:
    sheet = Sheet()
    y = sheet.block(prose(1, 60), 60, 60, 475) + 6
    for k in range(4):
        y = sheet.block("• " + prose(10 + k, 30), 75, y, 440, hang=advance_of_bullet(), align="left", category="list")
    sheet.block(prose(2, 60), 60, y + 8, 475)
    return sheet


def advance_of_bullet() -> float:
    return 0.53 * 10 + 0.28 * 10


def numbered_items() -> Sheet:
    sheet = Sheet()
    y = sheet.block(prose(1, 50), 60, 60, 475) + 8
    for k in range(3):
        y = sheet.block(f"{k + 1}. " + prose(10 + k, 40), 75, y, 440, hang=12, align="left", category="list")
    return sheet


def footnotes() -> Sheet:
    """The notes of both columns come after the text of both."""
    sheet = Sheet()
    for column in range(2):
        y = sheet.block(prose(column, 150), 50 + 257 * column, 60, 238) + 8
        sheet.block(prose(10 + column, 130), 50 + 257 * column, y, 238)
    for column in range(2):
        y = 700.0
        for k in range(2):
            text = f"{2 * column + k + 1} {prose(40 + 2 * column + k, 24)}"
            y = sheet.block(text, 50 + 257 * column, y, 238, 7.5, hang=8, align="left", category="footnote")
    return sheet


def equations() -> Sheet:
    """An equation's number belongs to its line, however far to the right."""
    sheet = Sheet()
    y = sheet.block(prose(1, 60), 60, 60, 475) + 8
    line = [sheet.word(text, 200 + 22 * k, y) for k, text in enumerate(("E", "=", "m", "c"))]
    line.append(sheet.word("(13)", 515, y))
    sheet.blocks.append(Set([line]))
    sheet.block(prose(2, 60), 60, y + 24, 475)
    return sheet


def contents() -> Sheet:
    """Entries and their page numbers are read row by row, not as two columns."""
    sheet = Sheet()
    rows = [[" ".join(prose(k, 3 + k % 3).strip(".").split()), str(3 * k + 1)] for k in range(8)]
    sheet.rows(rows, (60, 520), 100, 10, 18, category="text")
    return sheet


SHEETS = {
    make.__name__: make
    for make in (
        one_column,
        indented_paragraphs,
        two_columns,
        title_over_columns,
        level_paragraphs,
        three_columns,
        four_columns,
        spanning_band,
        heading_between_columns,
        heading_in_a_column,
        sidebar,
        bullets,
        numbered_items,
        footnotes,
        equations,
    )
}


@pytest.mark.parametrize("name", SHEETS)
def test_structure_is_exact(name):
    sheet = SHEETS[name]()
    assert related(sheet) == sheet.structure


@pytest.mark.parametrize("name", SHEETS)
def test_categories_are_exact(name):
    sheet = SHEETS[name]()
    blocks = relate(sheet.words(), sheet.frame).blocks
    assert [block.category for block in blocks] == [block.category for block in sheet.blocks]


@pytest.mark.parametrize("skew", [-5.0, -1.3, 0.4, 5.0])
@pytest.mark.parametrize("name", ["two_columns", "title_over_columns", "three_columns", "spanning_band", "bullets"])
def test_skewed_pages_have_the_same_structure(name, skew):
    sheet = SHEETS[name]()
    words = sheet.words(skew=skew, jitter=0.01, ocr=True)
    assert found(relate(words, sheet.frame)) == sheet.structure


@pytest.mark.parametrize("skew", [-2.0, 3.0])
def test_skew_is_found_from_boxes_that_cannot_lean(skew):
    sheet = two_columns()
    words = sheet.words(skew=skew, upright=True, ocr=True)
    assert found(relate(words, sheet.frame)) == sheet.structure


def test_true_boxes_are_kept_on_a_skewed_page():
    sheet = one_column()
    words = sheet.words(skew=4.0)
    structure = relate(words, sheet.frame)
    for line in structure.lines:
        own = words.boxes[list(line.words)]
        assert line.box.xyxy == pytest.approx((*own[:, :2].min(axis=0), *own[:, 2:].max(axis=0)))


def test_contents_are_read_row_by_row():
    sheet = contents()
    lines = [line for block in related(sheet) for line in block]
    assert lines == sheet.structure[0]


def test_columns_of_prose_with_loose_word_spaces_stay_apart():
    sheet = two_columns(gutter=11.0)
    assert related(sheet) == sheet.structure


# -- pictures, captions, tables ---------------------------------------------------------------------------------------


def test_a_caption_stays_with_its_picture():
    sheet = Sheet()
    sheet.block(prose(1, 110), 50, 60, 238)
    sheet.block("Figure 1. What the picture over these words shows to all.", 307, 222, 238, 8, category="caption")
    sheet.block(prose(2, 120), 307, 270, 238)
    picture = sheet.box(307, 60, 545, 215)
    structure = relate(sheet.words(), sheet.frame, figures=[picture])
    assert found(structure) == sheet.structure
    assert [block.category for block in structure.blocks] == ["text", "caption", "text"]


def test_a_spanning_picture_parts_the_columns():
    sheet = Sheet()
    for column in range(2):
        sheet.block(prose(column, 75), 50 + 257 * column, 60, 238)
    sheet.block("Figure 2. A wide one.", 50, 420, 238, 8, category="caption", align="left")
    for column in range(2):
        sheet.block(prose(20 + column, 75), 50 + 257 * column, 450, 238)
    structure = relate(sheet.words(), sheet.frame, figures=[sheet.box(50, 250, 545, 415)])
    assert found(structure) == sheet.structure


def test_labels_in_a_picture_become_one_block():
    sheet = Sheet()
    sheet.block(prose(1, 80), 50, 60, 495)
    labels = [sheet.word(text, x, y, 8) for text, x, y in (("10", 80, 200), ("Rate", 250, 230), ("2019", 400, 320))]
    sheet.block(prose(2, 80), 50, 420, 495)
    structure = relate(sheet.words(), sheet.frame, figures=[sheet.box(60, 180, 500, 380)])
    assert [block.category for block in structure.blocks] == ["text", "figure", "text"]
    figure = structure.blocks[1]
    assert sorted(word for line in figure.lines for word in structure.lines[line].words) == labels


def test_prose_printed_over_a_picture_stays_text():
    sheet = Sheet()
    sheet.block(prose(1, 80), 50, 60, 495)
    sheet.block(prose(2, 60), 80, 220, 400)
    structure = relate(sheet.words(), sheet.frame, figures=[sheet.box(50, 200, 545, 400)])
    assert [block.category for block in structure.blocks] == ["text", "text"]


def test_a_table_region_is_one_block_in_row_order():
    sheet = Sheet()
    sheet.block("Table 1. Counts by year.", 50, 60, 400, 9, category="caption", align="left")
    rows = [["Year", "Cats and dogs", "Birds"], ["2019", "11", "7"], ["2020", "12", "9"], ["2021", "", "13"]]
    sheet.rows(rows, (50, 200, 380), 90)
    sheet.block(prose(1, 70), 50, 190, 495)
    structure = relate(sheet.words(), sheet.frame, tables=[sheet.box(45, 82, 500, 160)])
    assert found(structure) == sheet.structure
    assert [(block.category, block.table) for block in structure.blocks] == [
        ("caption", None),
        ("table", 0),
        ("text", None),
    ]


def test_an_unknown_table_is_read_row_by_row():
    sheet = Sheet()
    rows = [["Item", "Count", "Price"], *[[f"thing{k}", str(k + 3), f"{k}.50"] for k in range(6)]]
    sheet.rows(rows, (60, 240, 400), 100)
    order = [word for block in related(sheet) for line in block for word in line]
    assert order == [word for line in sheet.structure[0] for word in line]


def test_a_heading_low_in_the_first_column_belongs_to_it():
    sheet = Sheet()
    y = sheet.block(prose(1, 120), 50, 60, 230)
    y = sheet.block("Symbols and their meaning", 50, y + 20, 230, 12, category="title")
    sheet.block(prose(2, 60), 50, y + 10, 230)
    sheet.block(prose(3, 120), 310, 60, 230)
    order = [word for block in related(sheet) for line in block for word in line]
    assert order == [word for block in sheet.blocks for line in block.lines for word in line]


def test_words_of_two_table_regions_go_to_the_first():
    sheet = Sheet()
    sheet.rows([["a", "b"], ["c", "d"]], (60, 160), 100)
    box = sheet.box(50, 90, 300, 140)
    structure = relate(sheet.words(), sheet.frame, tables=[box, box])
    assert [block.table for block in structure.blocks] == [0]


def test_rulings_part_what_they_run_between():
    sheet = Sheet()
    sheet.block(prose(1, 90), 60, 60, 475, leading=1.4)
    (block,) = sheet.structure
    assert related(sheet) == [block]
    y = 60 + 3 * 14 - 1.0  # above the fourth line
    assert related(sheet, rulings=np.array([[60, y, 535, y]], np.float32)) == [block[:3], block[3:]]
    assert related(sheet, rulings=np.array([[60, y, 110, y]], np.float32)) == [block]  # an underlined word


def test_an_upright_ruling_parts_a_row():
    sheet = Sheet()
    left, right = sheet.word("left", 100, 100), sheet.word("right", 124, 100)
    assert related(sheet) == [[(left, right)]]
    assert related(sheet, rulings=np.array([[121, 90, 121, 120]], np.float32)) == [[(left,)], [(right,)]]


# -- what else stands on pages ----------------------------------------------------------------------------------------


def test_margins_come_first_and_last():
    sheet = two_columns()
    head = [sheet.word("Journal", 50, 30, 8), sheet.word("17", 535, 30, 8)]
    foot = [sheet.word("Page", 280, 810, 8), sheet.word("3", 300, 810, 8)]
    order = [word for block in related(sheet) for line in block for word in line]
    assert order[:2] == head
    assert order[-2:] == foot


def test_text_running_up_the_margin_has_lines_of_its_own():
    sheet = one_column()
    count = len(sheet.texts)
    words = sheet.words()
    up = np.array([[[20, 500], [20, 440], [32, 440], [32, 500]], [[20, 435], [20, 380], [32, 380], [32, 435]]])
    both = Words.concatenated([words, Words.of(up, ["arXiv", "stamp"], ocr=False)])
    blocks = found(relate(both, sheet.frame))
    assert [(count, count + 1)] in blocks
    assert [block for block in blocks if block != [(count, count + 1)]] == sheet.structure


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_on_its_side_is_read_along_its_text(turns):
    from loaders.geometry import turn_quads

    sheet = two_columns()
    words = sheet.words()
    quads = turn_quads(words.quads, turns, sheet.width, sheet.height)
    turned = Words.of(quads, words.texts, sizes=words.sizes, ocr=False)
    size = (sheet.height, sheet.width) if turns % 2 else (sheet.width, sheet.height)
    assert found(relate(turned, Frame(*size))) == sheet.structure


def test_lines_of_right_to_left_script_run_that_way():
    sheet = Sheet()
    hebrew = ["שלום", "עולם", "OCR", "engine", "טוב"]
    places = [500, 475, 415, 442, 395]  # the Latin pair reads from left to right inside
    words = [sheet.word(text, x, 100) for text, x in zip(hebrew, places, strict=True)]
    assert related(sheet) == [[tuple(words)]]


def test_columns_of_right_to_left_script_start_at_the_right():
    sheet = Sheet()
    columns = []
    for x in (310, 50):
        column = [[sheet.word("מילה", x + 240 - 24 * (k + 1), 80 + 14 * row) for k in range(10)] for row in range(6)]
        columns.append([tuple(row) for row in column])
    assert related(sheet) == columns


def test_chinese_fragments_join_into_lines_and_paragraphs():
    sheet = Sheet()
    lines = []
    for row in range(4):
        left = sheet.word("人工智能技术正在改变世界", 60, 100 + 16 * row)
        right = sheet.word("各国都在研究它的用处与风险", 60 + 12 * 5.3 + 4, 100 + 16 * row)
        lines.append((left, right))
    assert related(sheet) == [lines]


def test_a_raised_mark_stays_in_its_line():
    sheet = Sheet()
    first, mark, last = sheet.word("claim", 60, 100), sheet.word("12", 86, 98, 6), sheet.word("stands", 96, 100)
    below = [sheet.word(text, 60 + 40 * k, 112.5) for k, text in enumerate(("under", "these", "words"))]
    assert related(sheet) == [[(first, mark, last), tuple(below)]]


def test_an_initial_over_three_lines_opens_the_first():
    sheet = Sheet()
    initial = sheet.word("W", 60, 98, 36)
    x = 60 + 0.8 * 36 + 2
    sheet.block(prose(1, 22), x, 100, 250)
    top = sheet.blocks[-1].lines
    sheet.block(prose(2, 30), 60, 100 + 12.5 * len(top), 250 + x - 60)
    expected = [(initial, *top[0]), *map(tuple, top[1:]), *map(tuple, sheet.blocks[-1].lines)]
    assert [line for block in related(sheet) for line in block] == expected


def test_headings_of_one_page_have_levels():
    sheet = Sheet()
    y = sheet.block("The Whole Report", 60, 50, 475, 24, align="left", category="title") + 8
    for k, heading in enumerate(("Methods", "Results")):
        y = sheet.block(heading, 60, y, 475, 14, bold=True, align="left", category="title") + 4
        y = sheet.block(prose(k, 70), 60, y, 475) + 8
    blocks = relate(sheet.words(), sheet.frame).blocks
    assert [(b.category, b.level) for b in blocks] == [
        ("title", 1),
        ("title", 2),
        ("text", 0),
        ("title", 2),
        ("text", 0),
    ]


def test_a_running_head_in_large_type_is_no_heading():
    sheet = Sheet()
    sheet.block("COLLEGE OF THE VALLEY", 50, 30, 250, size=16, bold=True, align="left", category="text")
    sheet.block("BIO181", 470, 30, 75, size=16, bold=True, align="right", category="text")
    y = sheet.block("What the lab is for", 50, 90, 495, size=14, bold=True, align="left", category="title")
    y = sheet.block(prose(1, 120), 50, y + 8, 495)
    sheet.block("A bold line that nothing follows", 50, y + 40, 495, bold=True, align="left", category="text")
    blocks = relate(sheet.words(), sheet.frame).blocks
    assert [block.category for block in blocks] == [block.category for block in sheet.blocks]


def test_a_heading_may_stand_beside_what_it_heads():
    sheet = Sheet()
    sheet.block("Methods", 50, 60, 120, size=16, bold=True, align="left", category="title")
    y = sheet.block(prose(1, 90), 200, 60, 345)
    sheet.block(prose(2, 90), 200, y + 12, 345)
    assert relate(sheet.words(), sheet.frame).blocks[0].category == "title"


# -- what an engine says ----------------------------------------------------------------------------------------------


def fragments(chains: list[tuple[int, ...]], count: int) -> Relations:
    return Relations(Links.chained(chains, count))


def test_fragments_of_one_row_and_column_are_joined():
    sheet = one_column()
    pieces = []
    for block in sheet.structure:
        for line in block:
            half = len(line) // 2
            pieces += [piece for piece in (line[:half], line[half:]) if piece]
    words = sheet.words(ocr=True)
    assert found(relate(words, sheet.frame, relations=fragments(pieces, len(words)))) == sheet.structure


def test_a_fragment_across_the_gutter_is_split():
    sheet = level_paragraphs()
    left, right = sheet.structure[:4], sheet.structure[4:]
    across = [a + b for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=False)]
    words = sheet.words(ocr=True)
    assert found(relate(words, sheet.frame, relations=fragments(across, len(words)))) == sheet.structure


def test_the_engines_order_is_kept_as_it_is():
    sheet = level_paragraphs()
    words = sheet.words()
    chains = [line for block in sheet.structure for line in block]
    rows = sorted(chains, key=lambda line: (round(float(words.boxes[line[0], 1])), float(words.boxes[line[0], 0])))
    order = [word for line in rows for word in line]
    place = {word: k for k, word in enumerate(order)}
    given_chains = [tuple(place[word] for word in line) for line in rows]
    structure = relate(words.take(order), sheet.frame, method="engine", relations=fragments(given_chains, len(order)))
    assert [line.words for line in structure.lines] == given_chains
    assert all(block.category == "text" for block in structure.blocks)


def test_the_engines_paragraphs_are_kept():
    words = Words.of(quads_from_boxes([[10, 10 * k, 60, 10 * k + 8] for k in range(4)]), list("abcd"))
    relations = Relations(Links.chained([[0], [1], [2], [3]], 4), Links.chained([[0, 1], [2, 3]], 4))
    structure = relate(words, Frame(100, 100), method="engine", relations=relations)
    assert found(structure) == [[(0,), (1,)], [(2,), (3,)]]


def test_without_links_the_engines_rows_are_runs_to_the_right():
    boxes = [[10, 10, 30, 20], [35, 10, 60, 20], [10, 30, 30, 40], [50, 5, 60, 15]]
    structure = relate(Words.of(quads_from_boxes(boxes), list("abcd")), Frame(100, 100), method="engine")
    assert [line.words for line in structure.lines] == [(0, 1), (2,), (3,)]


def test_another_method_is_refused():
    with pytest.raises(UsageError, match="geometric"):
        relate(Words.none(), Frame(10, 10), method="magic")


# -- what holds for any page ------------------------------------------------------------------------------------------


def check_partition(structure, count: int) -> None:
    assert sorted(word for line in structure.lines for word in line.words) == list(range(count))
    assert [line for block in structure.blocks for line in block.lines] == list(range(len(structure.lines)))
    assert all(line.words for line in structure.lines)
    assert all(block.lines for block in structure.blocks)
    links = structure.relations
    for link, chains in (
        (links.word, [line.words for line in structure.lines]),
        (links.line, [block.lines for block in structure.blocks]),
        (links.block, [tuple(range(len(structure.blocks)))]),
    ):
        follows = {a: b for chain in chains for a, b in pairwise(chain)}
        assert link.target.tolist() == [follows.get(k, -1) for k in range(len(link.target))]
        assert len(link.probability) == len(link.target)


@pytest.mark.parametrize("method", ["geometric", "engine"])
def test_empty_pages_and_single_words(method):
    frame = Frame(100, 100)
    check_partition(relate(Words.none(), frame, method=method), 0)
    one = Words.of([[[1, 1], [9, 1], [9, 4], [1, 4]]], ["word"])
    structure = relate(one, frame, method=method)
    check_partition(structure, 1)
    assert structure.blocks[0].box.xyxy == (1, 1, 9, 4)


WORDS = st.lists(
    st.tuples(
        st.floats(0, 560),
        st.floats(0, 800),
        st.floats(0, 120),
        st.floats(0, 40),
        st.sampled_from(["•", "12", "(3)", "Figure 1", "word", "A much longer fragment of a line", "שלום", "世界"]),
        st.sampled_from([0, 0, 0, 90, 180, 270, 3]),
    ),
    max_size=40,
)


def scattered(drawn) -> Words:
    quads = []
    for x, y, width, height, _, angle in drawn:
        turn = np.radians(angle)
        along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        corner = np.array([x, y])
        quads.append([corner, corner + width * along, corner + width * along + height * down, corner + height * down])
    return Words.of(np.array(quads).reshape(-1, 4, 2), [f"{d[4]}" for d in drawn])


@given(WORDS, st.sampled_from(["geometric", "engine"]))
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost_or_doubled(drawn, method):
    words = scattered(drawn)
    frame = Frame(595, 842)
    figures = [frame.box.grown(-100)] if len(drawn) % 2 else []
    check_partition(relate(words, frame, method=method, figures=figures, tables=figures[:0]), len(words))


@given(WORDS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_words_does_not_matter(drawn, rng):
    drawn = [(d[0] + k / 7, *d[1:]) for k, d in enumerate(drawn)]
    drawn = list({tuple(d[:4]): d for d in drawn}.values())
    words, order = scattered(drawn), list(range(len(drawn)))
    rng.shuffle(order)
    frame = Frame(595, 842)
    shuffled = [[tuple(order[w] for w in line) for line in block] for block in found(relate(words.take(order), frame))]
    assert shuffled == found(relate(words, frame))


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("factor", [0.25, 4.1])
def test_structure_does_not_depend_on_scale(name, factor):
    sheet = SHEETS[name]()
    frame = Frame(sheet.width * factor, sheet.height * factor, "px")
    assert found(relate(sheet.words().scaled(factor), frame)) == sheet.structure


@pytest.mark.parametrize("name", SHEETS)
def test_structure_does_not_depend_on_the_words_order(name):
    sheet = SHEETS[name]()
    words = sheet.words()
    order = np.random.default_rng(5).permutation(len(words))
    blocks = found(relate(words.take(order), sheet.frame))
    assert [[tuple(int(order[word]) for word in line) for line in block] for block in blocks] == sheet.structure


def test_words_in_the_very_same_place_keep_their_order():
    sheet = one_column()
    words = sheet.words()
    piled = Words.of(np.tile([[300, 700], [300, 700], [300, 712], [300, 712]], (4, 1, 1)), list("zyxw"), ocr=False)
    lines = [line for block in found(relate(Words.concatenated([words, piled]), sheet.frame)) for line in block]
    assert tuple(range(len(words), len(words) + 4)) in lines


def test_relating_twice_gives_the_same():
    words, frame = two_columns().words(jitter=0.02), Frame(595, 842)
    assert relate(words, frame).blocks == relate(words, frame).blocks


@pytest.mark.slow
def test_five_thousand_words_on_one_page():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 3000, (5000, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 60, (5000, 2))], axis=1)
    words = Words.of(quads_from_boxes(boxes), [f"w{k}" for k in range(5000)])
    check_partition(relate(words, Frame(3100, 3100, "px")), 5000)

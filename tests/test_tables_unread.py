"""What an engine's detector misses in a table is found by the ink, read, and put in its cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pages import prose
from typeset import booktabs, borderless, ruled, sheet, texts

from loaders.document import PageImage, PageText, Relations, Words
from loaders.geometry import Array, Frame, quads_from_boxes
from loaders.ocr import QuadReader, open_engine
from loaders.reading import Reader
from loaders.settings import Settings
from loaders.tables.unread import Unread, find_unread, settle

ROWS = [
    ["Disease", "Cases", "Deaths", "Change"],
    ["Swelling", "1", "-", "12.5%"],
    ["Itching", "24", "3", "-"],
    ["Fever", "7", "0", "4.0%"],
    ["Diarrhea", "112", "15", "8"],
]


class Inattentive:
    """The default engine, as if its detector had overlooked every text of one character."""

    name = "inattentive"
    digest = "1"

    def __init__(self) -> None:
        self._engine = open_engine("ppocr")

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        return [self._without(page) for page in self._engine.read(images)]

    @staticmethod
    def _without(page: PageText) -> PageText:
        short = np.array([len(text) < 2 for text in page.words.texts], bool)
        assert page.relations is not None
        return PageText(page.words.take(~short), Relations(page.relations.word.without(short)), page.turn)


class Attentive(Inattentive):
    """The same, able to look again."""

    name = "attentive"

    def read_quads(self, image: PageImage, quads: Array) -> list[Words]:
        assert isinstance(self._engine, QuadReader)
        return self._engine.read_quads(image, quads)


@pytest.mark.parametrize("style", [ruled, booktabs])
def test_single_characters_are_found_by_their_ink(style) -> None:
    image = sheet(f"{prose(1, 40)}\n\n{style(ROWS, '(2fr, 1fr, 1fr, 1fr)')}\n{prose(2, 40)}").image()
    missing = Reader(Settings(), engine=Inattentive()).read_image(image)
    assert [text for row in texts(missing.tables[0])[1:] for text in row].count("") == 7
    page = Reader(Settings(), engine=Attentive()).read_image(image)
    assert texts(page.tables[0]) == ROWS
    assert len(page.words) == len(missing.words) + 7, "nothing is added to the prose"
    assert page.relations is not None
    for cell in page.tables[0].cells:
        assert page.tables[0].box.overlap(cell.box) == pytest.approx(cell.box.area, rel=0.05)


def test_a_table_on_its_side_is_read_again_as_well() -> None:
    source = f"#rotate(-90deg, reflow: true)[{ruled(ROWS, '(90pt, 60pt, 60pt, 60pt)')}]\n{prose(3, 120)}"
    page = Reader(Settings(), engine=Attentive()).read_image(sheet(source).image())
    assert texts(page.tables[0]) == ROWS


def test_a_page_that_was_read_well_gains_no_word() -> None:
    image = sheet(f"{prose(1, 60)}\n\n{borderless(ROWS, '(2fr, 1fr, 1fr, 1fr)')}\n{prose(2, 60)}").image(200)
    with_tables = Reader(Settings(tables=True)).read_image(image)
    without = Reader(Settings(tables=False)).read_image(image)
    told = sorted(text for row in ROWS for text in row)
    assert sorted(text for row in texts(with_tables.tables[0]) for text in row) == told
    assert set(with_tables.words.texts) >= set(without.words.texts)


def test_the_ink_of_words_beside_a_table_is_not_read_again() -> None:
    page = sheet(ruled(ROWS, "(2fr, 1fr, 1fr, 1fr)"))
    cases = [i for i, text in enumerate(page.words.texts) if text == "Cases"]
    x0, y0, x1, _ = page.words.boxes[cases[0]].tolist()
    left = page.frame.at((page.words.boxes[:, 0].min(), y0, x0 + 0.3 * (x1 - x0), page.words.boxes[:, 3].max()))
    assert len(find_unread(page.image(), page.words, [left], page.layer.rulings).quads) == 0


# -- what is believed ----------------------------------------------------------------------------------------------


def words_of(*said: tuple[str, tuple[float, float, float, float], float]) -> Words:
    return Words.of(quads_from_boxes([box for _, box, _ in said]), [t for t, _, _ in said], [c for _, _, c in said])


def unread(
    boxes: Sequence[tuple[float, float, float, float]],
    replaces: Sequence[int],
    figures: bool = False,
    covers: float = 1.0,
) -> Unread:
    quads = quads_from_boxes(boxes)
    count = len(boxes)
    flat = np.zeros(count, bool)
    sizes, share = np.full(count, 10, np.float32), np.full(count, covers, np.float32)
    return Unread(quads, quads, sizes, np.full(count, figures), flat, np.array(replaces, int), share)


UPPER, LOWER = (50.0, 10.0, 56.0, 20.0), (50.0, 24.0, 56.0, 34.0)


def test_lines_taken_for_one_word_replace_it() -> None:
    words = words_of(("2202", (50, 10, 56, 34), 0.59))
    read = [words_of(("20", UPPER, 0.97)), words_of(("22", LOWER, 0.95))]
    more, wrong = settle(words, unread([UPPER, LOWER], [0, 0]), read)
    assert (more.texts, wrong.tolist()) == (("20", "22"), [True])


def test_a_word_stays_where_nothing_better_is_read() -> None:
    words = words_of(("a8", (50, 10, 56, 20), 0.65))
    for found in (words_of(("as", UPPER, 0.6)), Words.none(), words_of(("a8", UPPER, 0.99))):
        more, wrong = settle(words, unread([UPPER], [0]), [found])
        assert (more.texts, wrong.tolist()) == ((), [False])


def test_a_word_is_not_replaced_by_what_stands_beside_it() -> None:
    words = words_of(("Remittance", (50, 10, 80, 20), 0.9))
    read = [words_of(("R", (45, 10, 49, 20), 0.99)), words_of(("nce", (81, 10, 95, 20), 0.99))]
    more, wrong = settle(words, unread([(45, 10, 49, 20), (81, 10, 95, 20)], [0, 0], covers=0.0), read)
    assert (more.texts, wrong.tolist()) == ((), [False])


@pytest.mark.parametrize(("figures", "text"), [(True, "0"), (False, "O")])
def test_a_lone_letter_among_figures_is_a_figure(figures: bool, text: str) -> None:
    more, wrong = settle(Words.none(), unread([UPPER], [-1], figures), [words_of(("O", UPPER, 0.95))])
    assert (more.texts, len(wrong)) == ((text,), 0)


def test_what_is_read_unsurely_is_not_added() -> None:
    more, _ = settle(Words.none(), unread([UPPER], [-1]), [words_of(("~", UPPER, 0.5))])
    assert len(more) == 0


def test_a_page_without_tables_has_nothing_to_read_again() -> None:
    image = PageImage.of(np.full((200, 200, 3), 255, np.uint8))
    found = find_unread(image, Words.none(), [], np.zeros((0, 4), np.float32))
    assert (len(found.quads), found.quads.shape[1:]) == (0, (4, 2))
    table = Frame(200.0, 200.0, "px").box
    words = words_of(*((str(n), (20.0, 20.0 * n, 40.0, 20.0 * n + 12), 1.0) for n in range(1, 6)))
    assert len(find_unread(image, words, [table], np.zeros((0, 4), np.float32)).quads) == 0

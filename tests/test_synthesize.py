"""Pages with known relations: what is read back is what was written, and defects carry the truth along."""

from __future__ import annotations

import functools
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.errors import UsageError
from loaders.relate.synthesize import (
    FAMILIES,
    HELD_OUT,
    LINE_CATEGORIES,
    LabelledPage,
    degrade,
    fill,
    read_pages,
    synthesize,
    synthesize_all,
    write_pages,
)
from loaders.relate.synthesize.html_pages import browser
from loaders.relate.synthesize.manuscript import Manuscript
from loaders.relate.synthesize.prose import Pen, Prose, prose_of

pytest.importorskip("typst", reason="pages are set by Typst")

TYPST = sorted(name for name, family in FAMILIES.items() if family.markup == "typst")
HTML = sorted(name for name, family in FAMILIES.items() if family.markup == "html")
SENTENCES = (
    "The river rose in the night and the lower meadows were under water by the morning of the second day.",
    "Nobody in the village could remember when the old bridge had last been closed to carts and horses.",
    "A letter from the council, dated 14 March, promised that the dam would be mended before the autumn.",
    "Prices (net of tax) rose by 12.5 % in the first quarter; they fell again, slowly, in the second one.",
    "She counted the boats twice: seven at the quay, two more beyond the well-known rocks at the point.",
)
LANGUAGES = {
    "en": SENTENCES,
    "fa": ("رودخانه در شب بالا آمد و چمنزارهای پایین تا صبح روز دوم زیر آب رفت و هیچ کس در روستا چیزی نگفت.",) * 3,
    "ar": ("ارتفع النهر في الليل وغمرت المياه المروج المنخفضة بحلول صباح اليوم الثاني ولم يقل أحد شيئا في القرية.",)
    * 3,
    "zh": ("河水在夜里上涨，第二天早晨低处的草地已经被水淹没，村里没有人记得旧桥上一次关闭是什么时候，大家都很担心。",)
    * 3,
    "ja": (
        "川の水は夜のうちに増え、二日目の朝には低い牧草地が水の下になり、村では誰も古い橋のことを覚えていなかった。",
    )
    * 3,
    "ko": (
        "강물은 밤사이 불어났고 둘째 날 아침에는 낮은 풀밭이 물에 잠겼으며 마을에서는 아무도 옛 다리를 기억하지 못했다.",
    )
    * 3,
}


@pytest.fixture(scope="session")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of HTML in each language the families ask for, so that no test needs the machine's documents."""
    folder = tmp_path_factory.mktemp("prose")
    for code in {code for family in FAMILIES.values() for code in family.languages} | {
        "de",
        "fr",
        "es",
        "it",
        "nl",
        "ru",
    }:
        sentences = LANGUAGES.get(
            code,
            SENTENCES if code != "ru" else ("Река поднялась ночью, и к утру второго дня нижние луга были под водой.",),
        )
        paragraphs = "".join(f"<p>{text} {sentences[0]}</p>" for text in sentences)
        heads = "".join(f"<h2>{' '.join(text.split()[:4])[:24]}</h2>" for text in sentences)
        path = folder / "html" / f"{code}-XX" / "book.html"
        path.parent.mkdir(parents=True)
        path.write_text(f"<html>{heads}{paragraphs}</html>", encoding="utf-8")
    return folder


@functools.lru_cache(maxsize=16)
def page_of(name: str, seed: int, prose: Path) -> LabelledPage:
    return synthesize(name, seed, prose)


def assert_consistent(labelled: LabelledPage) -> None:
    page = labelled.page
    assert sorted(word for line in page.lines for word in line.words) == list(range(len(page.words)))
    assert [line for block in page.blocks for line in block.lines] == list(range(len(page.lines)))
    assert len(labelled.categories) == len(page.lines)
    assert set(labelled.categories) <= set(LINE_CATEGORIES)
    assert labelled.backgrounds.dtype == np.float32
    assert ((labelled.backgrounds >= 0) & (labelled.backgrounds <= 1)).all()
    assert all(page.words.texts)
    assert np.isfinite(page.words.quads).all()
    if labelled.fragments is not None:
        followed = labelled.fragments.target[labelled.fragments.target >= 0]
        assert len(set(followed.tolist())) == len(followed)


def said(labelled: LabelledPage) -> list[list[str]]:
    """Return the lines of each block as texts."""
    page = labelled.page
    return [[page.line_text(page.lines[line]) for line in block.lines] for block in page.blocks]


def same(one: LabelledPage, other: LabelledPage) -> bool:
    return (
        said(one) == said(other)
        and one.categories == other.categories
        and np.array_equal(one.page.words.quads, other.page.words.quads)
        and np.array_equal(one.backgrounds, other.backgrounds)
        and np.array_equal(one.page.rulings, other.page.rulings)
        and [box.xyxy for box in one.page.figures] == [box.xyxy for box in other.page.figures]
        and [(block.category, block.level) for block in one.page.blocks]
        == [(block.category, block.level) for block in other.page.blocks]
        and (one.fragments is None) == (other.fragments is None)
        and (
            one.fragments is None
            or other.fragments is None
            or np.array_equal(one.fragments.target, other.fragments.target)
        )
    )


@pytest.mark.parametrize("name", TYPST)
def test_every_family_sets_a_consistent_page(name: str, prose: Path) -> None:
    labelled = page_of(name, 1, prose)
    assert_consistent(labelled)
    assert not labelled.page.ocr
    assert labelled.fragments is None
    assert labelled.family == name
    assert_consistent(degrade(labelled, 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPST)
def test_more_pages_of_every_family(name: str, prose: Path) -> None:
    for seed in range(2, 6):
        assert_consistent(synthesize(name, seed, prose))


@pytest.mark.slow
@pytest.mark.skipif(browser() is None, reason="no Chromium on this machine")
def test_layouts_in_css_are_printed_together(prose: Path) -> None:
    wanted = [(name, seed) for name in HTML for seed in (1, 2)]
    pages = list(synthesize_all(wanted, prose))
    assert [page.family for page in pages] == [name for name, _ in wanted]
    for page in pages:
        assert_consistent(page)
    assert same(pages[0], synthesize(*wanted[0], prose))


def test_a_page_is_the_same_for_its_family_and_seed(prose: Path) -> None:
    assert same(synthesize("two_columns", 3, prose), synthesize("two_columns", 3, prose))
    assert not same(synthesize("two_columns", 3, prose), synthesize("two_columns", 4, prose))


def test_held_out_families_are_of_several_kinds() -> None:
    assert len(FAMILIES) >= 40
    assert len(HELD_OUT) >= 8
    assert len({FAMILIES[name].kind for name in HELD_OUT}) >= 5
    trained = {family.kind for name, family in FAMILIES.items() if name not in HELD_OUT}
    assert {FAMILIES[name].kind for name in HELD_OUT} <= trained


def test_what_is_read_back_is_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of known text: two columns, a broken word, a heading, a table and a foot, in the order they are read."""
    from loaders.relate.synthesize import pages
    from loaders.relate.synthesize.families import Family

    def write(pen: Pen) -> tuple[Manuscript, str]:
        m = Manuscript(pen, "typst")
        foot = m.set("7", "page_number", place="footer")
        title = m.set("The whole title", "title", 1)
        first = m.set("alpha beta gamma delta epsilon zeta eta theta " * 3)
        table = m.block("table")
        cells = m.cells([["one cell", "two"], ["", "four"]], table)
        last = m.set("the end of it")
        inner = ", ".join(f"[{cell}]" for row in cells for cell in row)
        return m, (
            f'#set page(width: 300pt, height: 200pt, margin: 20pt, footer: [{foot}], columns: 2)\n#set text(size: 10pt)\n'
            f'#place(top, float: true, scope: "parent")[{title}]\n{first}\n#colbreak()\n#table(columns: 2, {inner})\n{last}'
        )  # fmt: skip

    monkeypatch.setitem(pages.FAMILIES, "known", Family("known", "articles", write))
    monkeypatch.setattr(pages, "prose_of", lambda language, folder: Prose("en", SENTENCES, SENTENCES))
    labelled = synthesize("known", 0)
    read = said(labelled)
    assert [block.category for block in labelled.page.blocks] == ["title", "text", "table", "text", "page_number"]
    assert read[0] == ["The whole title"]
    assert (
        " ".join(read[1])
        == "alpha beta gamma delta epsilon zeta eta theta " * 2 + "alpha beta gamma delta epsilon zeta eta theta"
    )
    assert read[2:] == [["one cell", "two", "four"], ["the end of it"], ["7"]]
    assert labelled.page.blocks[0].level == 1
    assert len(labelled.page.rulings) >= 6


def test_a_paragraph_over_two_columns_is_two_blocks_and_loses_nothing(prose: Path) -> None:
    labelled = page_of("two_columns", 5, prose)
    page = labelled.page
    for block in page.blocks:
        if block.category == "text":
            tops = [page.lines[line].box.y0 for line in block.lines]
            assert all(before < after for before, after in pairwise(tops))


def test_dark_paper_is_seen_behind_light_words(prose: Path) -> None:
    darkest = [float(page_of(name, seed, prose).backgrounds.max()) for name, seed in (("slide", 1), ("report", 1))]
    found = [float(synthesize("slide", seed, prose).backgrounds.max()) for seed in range(8)]
    assert max(found) > 0.6
    assert darkest[1] < 0.6


def test_pages_come_back_from_their_shards(tmp_path: Path, prose: Path) -> None:
    clean = [page_of(name, 1, prose) for name in ("two_columns", "slide", "invoice")]
    pages = [*clean, *(degrade(page, 9) for page in clean)]
    assert write_pages(pages, tmp_path / "shard.parquet") == 6
    back = list(read_pages(tmp_path))
    assert all(same(one, other) for one, other in zip(pages, back, strict=True))
    assert [page.family for page in back] == [page.family for page in pages]
    assert np.array_equal(back[4].page.words.confidences, pages[4].page.words.confidences)


def test_a_folder_is_filled_once(tmp_path: Path, prose: Path) -> None:
    given = {"families": ("receipt", "slide"), "degraded": 2, "prose": prose}
    ((path, count),) = fill(tmp_path, 2, 40, **given)  # type: ignore[arg-type]
    assert count == 6
    assert [page.page.ocr for page in read_pages(path)] == [False, True, True] * 2
    assert list(fill(tmp_path, 2, 40, **given)) == []  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--out"):
        next(read_pages(tmp_path / "nothing"))


def test_wrong_use_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose from"):
        synthesize("no such family", 1)
    with pytest.raises(UsageError, match="apt-get install debian-handbook"):
        prose_of("en", tmp_path)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(("two_columns", "invoice", "rotated_table", "arabic_report")), seed=st.integers(0, 10**6))
def test_defects_keep_the_truth(name: str, seed: int, prose: Path) -> None:
    """Words that survive stay in their block, blocks stay in order, and what is invented is a block of its own."""
    clean = page_of(name, 1, prose)
    read = degrade(clean, seed)
    assert_consistent(read)
    assert same(read, degrade(clean, seed))
    page = read.page
    assert page.ocr
    assert page.frame.unit == "px"
    boxes = page.words.boxes
    assert boxes.min() >= 0
    assert (boxes[:, 2] <= page.frame.width).all()
    assert (boxes[:, 3] <= page.frame.height).all()
    counts = len(clean.page.words)
    assert 0.7 * counts <= len(page.words) <= 1.2 * counts + 5
    order = [block.category for block in page.blocks]
    left = iter([block.category for block in clean.page.blocks])
    truth = [block for block in order if block != "figure"]
    assert all(category in left for category in truth)  # a subsequence: blocks may be lost whole, none moves

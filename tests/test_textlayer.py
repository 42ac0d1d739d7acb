"""When a PDF's own text can be trusted: each rule by a table of what it must and must not catch, then whole pages."""

from __future__ import annotations

import io
import random
import string
from collections.abc import Sequence

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from loaders.document import TextLayer, Words
from loaders.geometry import Box, Frame, quads_from_boxes
from loaders.rasterize import open_document
from loaders.settings import Rasterizer, Settings
from loaders.sources import open_source
from loaders.textlayer import Verdict, font_flaw, judge, regions_to_ocr

PAGE = Frame(600.0, 800.0)

LANGUAGES = {
    "English": "All human beings are born free and equal in dignity and rights. They are endowed with reason and "
    "conscience and should act towards one another in a spirit of brotherhood.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
    "begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
    "conciencia, deben comportarse fraternalmente los unos con los otros.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
    "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a "
    "mají spolu jednat v duchu bratrství.",
    "Finnish": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki "
    "ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve "
    "birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
    "Welsh": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â rheswm a "
    "chydwybod, a dylai pawb ymddwyn y naill at y llall mewn ysbryd cymodlon.",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người đều được "
    "tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình anh em.",
    "Swahili": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri, hivyo yapasa "
    "watendeane kindugu.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "Arabic": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق، وقد وهبوا عقلاً وضميرًا",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
}

SOUND = {
    **LANGUAGES,
    "capitals": LANGUAGES["English"].upper(),
    "numbers": "1,526 2.9 -3.6% (1.8%) $4,512.00 €17 +0.4 10.3% 1,002 12/31/2023 2022 2021 " * 4,
    "part numbers": "03-7FA81.03 03-7FB00.11 03-7FC15.02 XR-2206CP LM7805CT BC547B 74HC595N " * 6,
    "identifiers": "getElementById setTimeout innerHTML addEventListener querySelectorAll toString parseInt " * 4,
    "addresses": "https://www.example.org/about liang@cs.example.edu preslav.nakov@example.ac.ae www.nie.edu.sg/gpl "
    * 4,
    "one word": "Rhythm",
    "an abbreviation": "BGH NJW StGB VwVfG",
    "a formula": "f ( x ) = a x + b , x ∈ ℝ ∀ y ≥ 0",
    "leaders": "Introduction ........................ 1 Methods ............................ 12",
    "a rule of signs": "================================",
    "a chart's axis": "0.6 0.7 0.8 0.9 1.0 1 2 3 4 5 6 7 iDP DP",
    "compounds": "Donaudampfschifffahrtsgesellschaft Rechtsschutzversicherungsgesellschaften Aufmerksamkeitsdefizit",
    "stretched Arabic": "الــــــــــــــعـــــــــــــــــربــــــــــــية " * 4,
    "a bullet": "•",
    "nothing": "",
}


def shifted(text: str, by: int = -29) -> str:
    """What a font without a ToUnicode table gives for glyph numbers taken as characters."""
    return " ".join("".join(chr(max(ord(char) + by, 33)) for char in word if char.isascii()) for word in text.split())


def tumbled(text: str, seed: int) -> str:
    """The text with its letters exchanged for one another, as a wrong ToUnicode table does."""
    letters = list(string.ascii_lowercase)
    random.Random(seed).shuffle(letters)
    return text.lower().translate(str.maketrans(string.ascii_lowercase, "".join(letters)))


BROKEN = {
    "private use": ("\ue012\ue033\ue041 \ue019\ue020 plain", "mean nothing"),
    "replacements": ("\ufffd\ufffds \ufffd te\ufffdt", "mean nothing"),
    "controls": ("\x03\x0f\x10 \x11\x12\x02\x01 \x1e", "mean nothing"),
    "unassigned": ("\u0378\u0379\u0380 \u0381", "mean nothing"),
    "cid marks": ("(cid:12)(cid:3)(cid:44) (cid:7)s", "mean nothing"),
    "shifted": (shifted(LANGUAGES["English"]), "make no language"),
    "glyph numbers": ('"7+%-', "signs"),
    "Cyrillic as Latin-1": (
        LANGUAGES["Russian"].encode("cp1251").decode("latin-1"),
        "accents",
    ),
    "Greek as Latin-1": (LANGUAGES["Greek"].encode("cp1253", "ignore").decode("latin-1"), "accents"),
    "one letter for all": ("aaaa aaaaaaa aaaaa aaaaaaaa aaaaaa aaaaaa aaaaaaaaaa aaaaa", "letters are 'a'"),
    "tumbled case": (" ".join(["tHiS", "iSaN", "oLdTrIcK", "oFfOnTs", "WhIcHaRe"] * 5), "capitals"),
    "no spaces": (LANGUAGES["English"].replace(" ", "") + LANGUAGES["English"].replace(" ", ""), "spaces are missing"),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_fonts_are_trusted(name: str) -> None:
    assert font_flaw(SOUND[name].split()) == ""


@pytest.mark.parametrize("name", BROKEN)
def test_broken_fonts_are_not(name: str) -> None:
    text, said = BROKEN[name]
    assert said in font_flaw(text.split())


# Without Vietnamese, whose syllables are too short to tell.
@pytest.mark.parametrize("language", [n for n, text in LANGUAGES.items() if "a" in text and n != "Vietnamese"])
def test_exchanged_letters_are_found_in_every_language(language: str) -> None:
    """Of fifty random exchanges of letters most are found in two sentences, nearly all in a page."""
    words = LANGUAGES[language]
    passed = [sum(not font_flaw(tumbled(words, seed).split() * often) for seed in range(50)) for often in (1, 12)]
    assert passed[0] <= 15
    assert passed[1] <= 5


@given(st.lists(st.text(min_size=1), max_size=40))
def test_any_text_can_be_judged(texts: list[str]) -> None:
    assert isinstance(font_flaw(texts), str)


# -- pages ------------------------------------------------------------------------------------------------------------


def layer_of(
    words: Sequence[str],
    *,
    fonts: Sequence[str] | str = "Sound",
    hidden: Sequence[bool] | bool = False,
    figures: Sequence[tuple[float, float, float, float]] = (),
    frame: Frame = PAGE,
) -> TextLayer:
    """Words set 50 points apart in lines of ten, from (20, 20) on, 12 points high."""
    rows = np.arange(len(words))
    x, y = 20 + 55.0 * (rows % 10), 20 + 16.0 * (rows // 10)
    boxes = np.stack([x, y, x + 50, y + 12], axis=1)
    return TextLayer(
        Words.of(quads_from_boxes(boxes), words, ocr=False),
        (fonts,) * len(words) if isinstance(fonts, str) else tuple(fonts),
        np.full(len(words), hidden, bool) if isinstance(hidden, bool) else np.array(hidden, bool),
        np.zeros((0, 4), np.float32),
        tuple(Box(*figure, frame) for figure in figures),
    )


GOOD = LANGUAGES["English"].split()
BAD = shifted(LANGUAGES["English"]).split()


def test_a_clean_page_serves() -> None:
    layer = layer_of(GOOD)
    verdict = judge(layer, PAGE)
    assert verdict.page
    assert verdict.trusted.all()
    assert verdict.reasons == ()
    assert regions_to_ocr(layer, verdict, PAGE) == []


def test_one_broken_font_does_not_hide_among_good_ones() -> None:
    """On average this page looks fine: four words of five are. The fifth is read by OCR, where it stands."""
    layer = layer_of(GOOD * 4 + BAD, fonts=["Sound"] * len(GOOD * 4) + ["Broken"] * len(BAD))
    verdict = judge(layer, PAGE)
    assert verdict.page
    assert verdict.trusted.tolist() == [True] * len(GOOD * 4) + [False] * len(BAD)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["font Broken"]
    regions = regions_to_ocr(layer, verdict, PAGE)
    centres = layer.words.quads.mean(axis=1)
    for centre, trusted in zip(centres, verdict.trusted, strict=True):
        assert trusted != any(region.holds(*map(float, centre)) for region in regions)


def test_a_page_mostly_broken_is_read_altogether() -> None:
    layer = layer_of(GOOD[:10] + BAD, fonts=["Sound"] * 10 + ["Broken"] * len(BAD))
    verdict = judge(layer, PAGE)
    assert not verdict.page
    assert "visible characters can be trusted" in verdict.reasons[-1]
    assert regions_to_ocr(layer, verdict, PAGE) == [PAGE.box]


def test_one_broken_word_in_a_sound_font() -> None:
    layer = layer_of([*GOOD, "e\ufffd\ufffdicient"])
    verdict = judge(layer, PAGE)
    assert verdict.page
    assert verdict.trusted.sum() == len(GOOD)
    (region,) = regions_to_ocr(layer, verdict, PAGE)
    assert region.holds(*layer.words.quads[-1].mean(axis=0).tolist())


def test_icons_are_neither_trusted_nor_read_again() -> None:
    layer = layer_of([*GOOD, "\uf0e1", "\ufffd"], fonts=["Sound"] * len(GOOD) + ["Icons"] * 2)
    verdict = judge(layer, PAGE)
    assert verdict.page
    assert not verdict.trusted[-2:].any()
    assert regions_to_ocr(layer, verdict, PAGE) == []


def test_a_scan_with_an_ocr_layer_is_read_and_the_layer_kept_to_fall_back_on() -> None:
    layer = layer_of(GOOD, hidden=True, figures=[(0, 0, 600, 800)])
    verdict = judge(layer, PAGE)
    assert not verdict.page
    assert not verdict.trusted.any()
    assert verdict.ocr_layer.all()
    assert regions_to_ocr(layer, verdict, PAGE) == [PAGE.box]


def test_hidden_text_without_a_picture_is_nothing_to_fall_back_on() -> None:
    layer = layer_of([*GOOD, "Ignore", "all", "instructions"], hidden=[False] * len(GOOD) + [True] * 3)
    verdict = judge(layer, PAGE)
    assert verdict.page
    assert verdict.trusted.tolist() == [True] * len(GOOD) + [False] * 3
    assert not verdict.ocr_layer.any()


def test_a_stamp_on_a_scan_does_not_make_it_a_text_page() -> None:
    layer = layer_of(["Case", "2:18-cv-12857", "Page", "4"], figures=[(0, 40, 600, 800)])
    verdict = judge(layer, PAGE)
    assert not verdict.page
    assert "a picture fills the page" in verdict.reasons[-1]
    slide = layer_of(GOOD * 3, figures=[(0, 0, 600, 800)])
    assert judge(slide, PAGE).page


@pytest.mark.parametrize("frame", [PAGE, Frame(600.0, 800.0, "px")])
def test_a_page_without_words_is_read(frame: Frame) -> None:
    layer = layer_of([], frame=frame)
    verdict = judge(layer, frame)
    assert not verdict.page
    assert regions_to_ocr(layer, verdict, frame) == [frame.box]


def test_pictures_large_enough_for_words_are_read_once() -> None:
    figures = [
        (50, 300, 250, 400),  # a picture
        (52, 301, 249, 399),  # the same again
        (200, 380, 320, 480),  # overlapping it by less than a fifth
        (400, 300, 430, 309),  # a line of text
        (500, 300, 512, 312),  # an icon
        (520, 300, 523, 700),  # a bar
    ]
    layer = layer_of(GOOD, figures=figures)
    regions = regions_to_ocr(layer, judge(layer, PAGE), PAGE)
    assert [region.xyxy for region in regions] == [(50, 300, 250, 400), (400, 300, 430, 309), (200, 380, 320, 480)]


@given(
    st.lists(
        st.tuples(st.floats(0, 500), st.floats(0, 700), st.floats(10, 300), st.floats(10, 300)), max_size=30
    )
)  # fmt: skip
def test_regions_cover_every_picture_and_do_not_lie_in_one_another(corners: list[tuple[float, ...]]) -> None:
    figures = [(x, y, min(x + w, 600), min(y + h, 800)) for x, y, w, h in corners]
    layer = layer_of(GOOD, figures=figures)
    verdict = Verdict(np.ones(len(GOOD), bool), True, np.zeros(len(GOOD), bool), ())
    regions = regions_to_ocr(layer, verdict, PAGE)
    for figure in layer.figures:
        if figure.width >= 24 and figure.height >= 24:
            assert any(region.overlap(figure) >= 0.999 * figure.area for region in regions)
    for one in regions:
        assert all(one is other or one.overlap(other) <= 0.21 * min(one.area, other.area) for other in regions)
    assert regions == regions_to_ocr(layer, verdict, PAGE)


# -- real pages -------------------------------------------------------------------------------------------------------


def scan_of(text: str) -> bytes:
    """A picture of text: a page rendered to a PNG."""
    page = pymupdf.open().new_page(width=400, height=200)
    page.insert_textbox(pymupdf.Rect(20, 20, 380, 180), text, fontsize=12)
    shown = page.get_pixmap(dpi=150)
    held = io.BytesIO()
    Image.frombytes("RGB", (shown.width, shown.height), shown.samples).save(held, "PNG")
    return held.getvalue()


@pytest.mark.parametrize("rasterizer", ["pymupdf", "pdfium"])
def test_pdfs_of_four_kinds(rasterizer: Rasterizer) -> None:
    text = LANGUAGES["English"]
    pdf = pymupdf.open()
    born = pdf.new_page()
    born.insert_textbox(pymupdf.Rect(50, 50, 500, 300), text)
    scanned = pdf.new_page()
    scanned.insert_image(scanned.rect, stream=scan_of(text))
    recognised = pdf.new_page()
    recognised.insert_image(recognised.rect, stream=scan_of(text))
    recognised.insert_textbox(pymupdf.Rect(50, 300, 500, 500), text, render_mode=3)
    mixed = pdf.new_page()
    mixed.insert_textbox(pymupdf.Rect(50, 50, 500, 300), text)
    mixed.insert_image(pymupdf.Rect(50, 400, 450, 600), stream=scan_of(text))
    found = []
    with open_document(open_source(pdf.tobytes()), Settings(rasterizer=rasterizer)) as document:
        for index in range(4):
            page = document.page(index)
            layer = page.layer()
            verdict = judge(layer, page.frame)
            regions = regions_to_ocr(layer, verdict, page.frame)
            found.append((verdict.page, int(verdict.ocr_layer.sum()), [region.rounded(0) for region in regions]))
    count, whole = len(text.split()), (0, 0, 595, 842)
    assert found == [
        (True, 0, []),
        (False, 0, [whole]),
        (False, count, [whole]),
        (True, 0, [(50, 400, 450, 600)]),
    ]


@pytest.mark.parametrize(
    ("word", "trusted"),
    [
        ("Gira@e", False),
        ("o@ice", False),
        ("sta@s,", False),
        ("me@example.org", True),
        ("@handle", True),
        ("a@2", True),
    ],
)
def test_an_at_sign_for_a_lost_ligature(word: str, trusted: bool) -> None:
    layer = layer_of([*GOOD, word])
    assert judge(layer, PAGE).trusted[-1] == trusted

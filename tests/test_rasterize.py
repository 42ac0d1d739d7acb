"""Pages as pixels and as text: both rasterizers agree with what was drawn, and with each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from sketch import (
    BOTH,
    both,
    drawing,
    ink,
    lossless,
    noise,
    pdf_of,
    read,
    text_at,
)

from loaders.document import BOLD, ITALIC, RAISED
from loaders.errors import BrokenSource, EmptySource, NeedsPassword, PageError, SourceNotFound
from loaders.geometry import Box, Frame
from loaders.rasterize import open_document, raster_scale, raster_size, snapped
from loaders.settings import Rasterizer, Settings
from loaders.sources import open_source

# -- the frame --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_unit", [1, 2])
@pytest.mark.parametrize("crop", [None, (50, 100, 350, 580), (-20, -20, 300, 700)])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@both
def test_a_word_is_where_it_is_seen(
    rasterizer: Rasterizer, rotation: int, crop: tuple[int, int, int, int] | None, user_unit: int
) -> None:
    """A word drawn at a known place: its quad, its ink in the raster and the arithmetic on paper agree."""
    keys = {"Rotate": str(rotation), "UserUnit": str(user_unit)}
    if crop:
        keys["CropBox"] = "[{} {} {} {}]".format(*crop)
    page, layer = read(pdf_of(text_at(120, 200, "Hxll"), **keys), rasterizer)
    left, bottom, right, top = (max(crop[0], 0), max(crop[1], 0), min(crop[2], 400), min(crop[3], 600)) if crop else (
        0, 0, 400, 600)  # fmt: skip
    sides = ((right - left) * user_unit, (top - bottom) * user_unit)
    shown = sides[::-1] if rotation % 180 else sides
    assert page.frame == Frame(*map(float, shown), "pt", rotation, (left, bottom, right, top))
    assert layer.words.texts == ("Hxll",)
    assert not layer.hidden[0]
    # On paper: the letters stand between the baseline y=200 and the height of capitals, from x=120.
    on_page = Box.from_pdf_annotation((121.5, 400, 152, 414.4), page.frame)
    image = page.image(144)
    seen = ink(image)
    assert seen == pytest.approx(on_page.xyxy, abs=1.6 * user_unit)
    x0, y0, x1, y1 = layer.words.boxes[0]
    slack = 0.6 * user_unit
    assert x0 - slack <= seen[0]
    assert y0 - slack <= seen[1]
    assert x1 + slack >= seen[2]
    assert y1 + slack >= seen[3]
    assert (x1 - x0) * (y1 - y0) < 2.2 * on_page.area
    assert layer.words.sizes[0] == pytest.approx(20 * user_unit, rel=0.01)
    # The first corner is the top left of the text: the direction to the second is that of writing, turned clockwise.
    along = layer.words.quads[0, 1] - layer.words.quads[0, 0]
    writing = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation]
    assert along / np.linalg.norm(along) == pytest.approx(writing, abs=1e-3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_both_rasterizers_agree(rotation: int) -> None:
    draw = drawing(
        text_at(120, 200, "Two words"),
        text_at(120, 260, "bold", fontname="hebo"),
        lambda page: page.draw_rect(pymupdf.Rect(100, 300, 300, 300.8), fill=(0, 0, 0), color=None),
        lambda page: page.draw_rect(pymupdf.Rect(100, 320, 200, 400), color=(0, 0, 0), width=0.5),
        lambda page: page.insert_image(pymupdf.Rect(220, 320, 300, 400), stream=lossless(noise(40, 40))),
    )
    content = pdf_of(draw, CropBox="[20 30 380 590]", Rotate=str(rotation))
    (one, first), (other, second) = (read(content, rasterizer) for rasterizer in BOTH)
    assert one.frame == other.frame
    assert first.words.texts == second.words.texts == ("Two", "words", "bold")
    assert np.abs(first.words.quads.mean(axis=1) - second.words.quads.mean(axis=1)).max() < 2
    assert (first.words.styles == second.words.styles).all()
    assert np.allclose(first.rulings, second.rulings, atol=0.5)
    assert len(first.rulings) == 5
    assert first.figures[0].xyxy == pytest.approx(second.figures[0].xyxy, abs=0.5)
    left, right = one.image(100).pixels, other.image(100).pixels
    assert left.shape == right.shape
    assert np.abs(left.astype(int) - right).mean() < 2


@both
def test_a_rotation_that_is_no_quarter_turn_keeps_text_and_pixels_together(rasterizer: Rasterizer) -> None:
    page, layer = read(pdf_of(text_at(120, 200, "Hxll"), Rotate="-90"), rasterizer)
    assert page.frame.rotation == 270
    x0, y0, x1, y1 = ink(page.image(144))
    box = Box(*map(float, layer.words.boxes[0]), page.frame)
    assert box.grown(1).holds(x0, y0)
    assert box.grown(1).holds(x1, y1)


@both
def test_slanting_text_has_slanting_quads(rasterizer: Rasterizer) -> None:
    def slant(page: pymupdf.Page) -> None:
        page.insert_text((150, 300), "slanting", fontsize=24, morph=(pymupdf.Point(150, 300), pymupdf.Matrix(-30)))

    _, layer = read(pdf_of(slant), rasterizer)
    quad = layer.words.quads[layer.words.texts.index("slanting")]
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    assert abs(np.degrees(np.arctan2(along[1], along[0]))) == pytest.approx(30, abs=0.5)
    assert float(along @ down) == pytest.approx(0, abs=1)
    assert np.linalg.norm(along) == pytest.approx(pymupdf.get_text_length("slanting", fontsize=24), abs=2)
    assert 20 <= np.linalg.norm(down) <= 36


# -- the text layer ---------------------------------------------------------------------------------------------------


@both
def test_words_split_and_joined(rasterizer: Rasterizer) -> None:
    """Spaces part words; a change of style parts them too, but leaves them joined."""

    def mixed(page: pymupdf.Page) -> None:
        writer = pymupdf.TextWriter(page.rect)
        _, end = writer.append((50, 100), "plain bo", font=pymupdf.Font("helv"), fontsize=12)
        _, end = writer.append(end, "ld", font=pymupdf.Font("hebo"), fontsize=12)
        _, end = writer.append((end.x, end.y - 5), "2", font=pymupdf.Font("helv"), fontsize=7)
        writer.append((50, 130), "italic", font=pymupdf.Font("heit"), fontsize=12)
        writer.write_text(page)

    _, layer = read(pdf_of(mixed), rasterizer)
    words = layer.words
    assert words.texts == ("plain", "bo", "ld", "2", "italic")
    assert words.joined.tolist() == [False, False, True, True, False]
    assert words.styles.tolist() == [0, 0, BOLD, RAISED, ITALIC]
    assert words.sizes.tolist() == pytest.approx([12, 12, 12, 7, 12], rel=0.01)
    assert not words.ocr.any()
    assert (words.confidences == 1).all()


@both
def test_chinese_characters_are_words_of_their_own(rasterizer: Rasterizer) -> None:
    font = pymupdf.Font("china-s")

    def chinese(page: pymupdf.Page) -> None:
        writer = pymupdf.TextWriter(page.rect)
        writer.append((50, 100), "中文 ab 字", font=font, fontsize=20)
        writer.write_text(page)

    _, layer = read(pdf_of(chinese), rasterizer)
    assert layer.words.texts == ("中", "文", "ab", "字")
    assert layer.words.joined.tolist() == [False, True, False, False]
    widths = layer.words.boxes[:, 2] - layer.words.boxes[:, 0]
    assert widths[[0, 1, 3]] == pytest.approx([20] * 3, abs=1)


@both
def test_what_cannot_be_seen_is_hidden(rasterizer: Rasterizer) -> None:
    black = pymupdf.Rect(40, 380, 300, 410)
    draw = drawing(
        text_at(50, 50, "seen"),
        text_at(50, 80, "unpainted", render_mode=3),
        text_at(50, 110, "white", color=(1, 1, 1)),
        lambda page: page.draw_rect(pymupdf.Rect(40, 120, 300, 150), fill=(0, 0, 0.5), color=None),
        text_at(50, 140, "onblue", color=(1, 1, 1)),
        lambda page: page.draw_rect(pymupdf.Rect(40, 160, 300, 190), fill=(0.8, 0, 0), color=None),
        text_at(50, 180, "redonred", color=(0.8, 0, 0)),
        text_at(50, 230, "undersomething"),
        lambda page: page.insert_image(pymupdf.Rect(40, 205, 300, 240), stream=lossless(noise(35, 260))),
        text_at(50, 280, "faint", fill_opacity=0),
        lambda page: page.insert_image(pymupdf.Rect(40, 305, 300, 340), stream=lossless(noise(35, 260) // 8)),
        text_at(50, 330, "overpicture", color=(1, 1, 1)),
        text_at(50, 400, "struckout"),
        lambda page: page.draw_rect(black, fill=(0, 0, 0), color=None),
        text_at(50, 470, "grey", color=(0.75, 0.75, 0.75)),
        text_at(-300, 500, "outside"),
    )
    _, layer = read(pdf_of(draw), rasterizer)
    hidden = {text for text, gone in zip(layer.words.texts, layer.hidden, strict=True) if gone}
    seen = {text for text, gone in zip(layer.words.texts, layer.hidden, strict=True) if not gone}
    assert seen == {"seen", "onblue", "overpicture", "grey"}
    assert hidden - {"outside"} == {"unpainted", "white", "redonred", "undersomething", "faint", "struckout"}


@both
def test_words_outside_the_crop_are_hidden(rasterizer: Rasterizer) -> None:
    draw = drawing(text_at(150, 300, "inside"), text_at(150, 550, "below"))
    _, layer = read(pdf_of(draw, CropBox="[100 200 300 400]"), rasterizer)
    shown = dict(zip(layer.words.texts, ~layer.hidden, strict=True))
    assert shown.pop("inside")
    assert not any(shown.values())


@both
def test_a_word_printed_twice_is_one_word(rasterizer: Rasterizer) -> None:
    draw = drawing(text_at(50, 100, "shadow"), text_at(50.3, 100.3, "shadow"), text_at(50, 140, "shadow"))
    _, layer = read(pdf_of(draw), rasterizer)
    assert layer.words.texts == ("shadow", "shadow")


@both
def test_what_is_typed_into_forms_and_notes_is_text(rasterizer: Rasterizer) -> None:
    def form(page: pymupdf.Page) -> None:
        page.insert_text((50, 100), "Name:")
        field = pymupdf.Widget()
        field.field_type, field.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "name"
        field.rect, field.field_value = pymupdf.Rect(100, 85, 250, 105), "Ada"
        page.add_widget(field)
        page.add_freetext_annot(pymupdf.Rect(50, 200, 200, 230), "noted", fontsize=12)

    page, layer = read(pdf_of(form), rasterizer)
    assert {"Name:", "Ada", "noted"} <= set(layer.words.texts)
    word = layer.words.texts.index("Ada")
    assert not layer.hidden[word]
    assert Box(100, 85, 250, 105, page.frame).holds(*layer.words.quads[word].mean(axis=0).tolist())


@both
def test_rulings_and_pictures(rasterizer: Rasterizer) -> None:
    strip = noise(10, 100)
    draw = drawing(
        text_at(50, 30, "x"),
        lambda page: page.draw_line((50, 50), (350, 50), width=0.7),
        lambda page: page.draw_line((50, 60), (350, 110), width=0.7),  # slanting: no ruling
        lambda page: page.draw_rect(pymupdf.Rect(50, 120, 350, 121), fill=(0, 0, 0), color=None),
        lambda page: page.draw_rect(pymupdf.Rect(50, 150, 350, 200), fill=(0.9, 0.9, 0.9), color=None),  # shading
        lambda page: [page.draw_line((50 + 10 * i, 220), (60 + 10 * i, 220), width=0.7) for i in range(8)],
        lambda page: [
            page.insert_image(pymupdf.Rect(100, 300 + 10 * i, 200, 310 + 10 * i), stream=lossless(strip))
            for i in range(5)
        ],
        lambda page: page.insert_image(
            pymupdf.Rect(220, 300, 300, 350), stream=lossless(np.full((20, 20, 3), 240, np.uint8))
        ),
    )
    _, layer = read(pdf_of(draw), rasterizer)
    expected = [(50, 50, 350, 50), (50, 120.5, 350, 120.5), (50, 220, 130, 220)]
    assert sorted(map(tuple, layer.rulings.tolist())) == [pytest.approx(line, abs=0.2) for line in expected]
    assert [figure.rounded(0) for figure in layer.figures] == [
        (100, 300, 200, 350)
    ]  # five strips; the plain one is none


@pytest.mark.parametrize("rotation", [0, 90])
@both
def test_a_clipped_picture_is_what_is_left_of_it(rasterizer: Rasterizer, rotation: int) -> None:
    def clipped(page: pymupdf.Page) -> None:
        page.insert_text((50, 150), "beside the picture")
        page.insert_image(pymupdf.Rect(20, 100, 380, 300), stream=lossless(noise(20, 36)))

    pdf = pymupdf.open("pdf", pdf_of(clipped, Rotate=str(rotation)))
    last = pdf[0].get_contents()[-1]
    pdf.update_stream(last, b"q 200 250 100 150 re W n " + pdf.xref_stream(last) + b" Q")
    _, layer = read(pdf.tobytes(), rasterizer)
    assert not layer.hidden.any()
    (figure,) = layer.figures
    assert figure.to_pdf_annotation() == pytest.approx((200, 300, 300, 400), abs=0.5)


@both
def test_text_made_into_outlines_counts_as_a_picture(rasterizer: Rasterizer) -> None:
    pdf = pymupdf.open("pdf", pdf_of(text_at(50, 100, "Outlined heading", 24)))
    svg = pdf[0].get_svg_image(text_as_path=True)
    outlined = pymupdf.open("pdf", pymupdf.open(stream=svg.encode(), filetype="svg").convert_to_pdf())
    outlined[0].insert_text((50, 300), "real words", fontsize=12)
    _, layer = read(outlined.tobytes(), rasterizer)
    assert layer.words.texts == ("real", "words")
    (figure,) = layer.figures
    assert figure.xyxy == pytest.approx((48, 78, 226, 108), abs=8)


def with_font(font: str, content: str, *parts: str) -> bytes:
    """A page of 400 x 600 whose font F is written by hand.

    `parts` are further objects, {0} and so on in the font: dictionaries, or what does not begin like one, streams.
    """
    pdf = pymupdf.open()
    page = pdf.new_page(width=400, height=600)
    xrefs = [pdf.get_new_xref() for _ in (*parts, content)]
    for xref, part in zip(xrefs, (*parts, content), strict=True):
        pdf.update_object(xref, part if part.startswith("<<") else "<<>>")
        if not part.startswith("<<"):
            pdf.update_stream(xref, part.encode())
    font_xref = pdf.get_new_xref()
    pdf.update_object(font_xref, font.format(*(f"{xref} 0 R" for xref in xrefs)))
    pdf.xref_set_key(page.xref, "Resources", f"<</Font<</F {font_xref} 0 R>>>>")
    pdf.xref_set_key(page.xref, "Contents", f"{xrefs[-1]} 0 R")
    return bytes(pdf.tobytes())


def test_vertical_writing_stands_where_it_is_seen() -> None:
    font = "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-V/DescendantFonts[{0}]>>"
    chinese = (
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor<</Type/FontDescriptor"
        "/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/Ascent 880/Descent -120/StemV 93>>>>"
    )
    content = with_font(font, "BT /F 30 Tf 200 500 Td <4E2D6587> Tj ET", chinese)
    page, layer = read(content)
    assert layer.words.texts == ("中", "文")
    expected = [(185, 100, 215, 130), (185, 130, 215, 160)]
    assert layer.words.boxes.tolist() == [pytest.approx(box, abs=3) for box in expected]
    assert not layer.hidden.any()
    x0, y0, x1, y1 = ink(page.image(144))
    assert (x0 >= 184, y0 >= 99, x1 <= 216, y1 <= 161) == (True,) * 4


def test_fonts_drawn_by_the_document_itself_get_a_credible_size() -> None:
    drawn = (
        "<</Type/Font/Subtype/Type3/FontMatrix[1 0 0 1 0 0]/FontBBox[0 0 60 80]/FirstChar 97/LastChar 98"
        "/Widths[60 60]/Encoding<</Differences[97/a/b]>>/CharProcs<</a {0}/b {0}>>/Resources<<>>>>"
    )
    content = with_font(drawn, "BT /F 0.12 Tf 100 400 Td (abba) Tj ET", "60 0 0 0 50 60 d1 0 0 50 60 re f")
    page, layer = read(content)
    assert layer.words.texts == ("abba",)
    assert not layer.hidden[0]
    seen = ink(page.image(144))
    x0, y0, x1, y1 = layer.words.boxes[0].tolist()
    assert (x0, x1) == pytest.approx((seen[0], seen[2] + 1.2), abs=0.7)
    assert y0 <= seen[1]
    assert y1 >= seen[3]
    assert 7 <= layer.words.sizes[0] <= 20
    assert y1 - y0 <= 20


@both
def test_text_without_colour_over_a_drawing_says_what_is_drawn(rasterizer: Rasterizer) -> None:
    """A ticked box drawn by lines, with the letters for it laid over it unseen: they are its text, and no trick."""

    def ticked(page: pymupdf.Page) -> None:
        page.insert_text((50, 100), "seen")
        page.draw_rect(pymupdf.Rect(51, 191, 59, 199), color=(0, 0, 0))
        page.draw_line((51, 191), (59, 199))
        page.insert_text((50, 200), "X", fontsize=14, fill_opacity=0)
        page.insert_text((50, 100), "laid over words", fill_opacity=0)
        page.insert_text((50, 300), "over nothing", fill_opacity=0)

    _, layer = read(pdf_of(ticked), rasterizer)
    assert {text for text, gone in zip(layer.words.texts, layer.hidden, strict=True) if not gone} == {"seen", "X"}


def test_a_picture_laid_over_text_with_transparency_does_not_hide_it() -> None:
    def blended(page: pymupdf.Page) -> None:
        page.insert_text((50, 330), "still seen", fontsize=20)
        page.insert_image(pymupdf.Rect(40, 305, 300, 340), stream=lossless(np.full((35, 260, 3), 220, np.uint8)))

    pdf = pymupdf.open("pdf", pdf_of(blended))
    assert read(pdf.tobytes())[1].hidden.all()
    assert read(pdf.tobytes(), "pdfium")[1].hidden.all()
    last = pdf[0].get_contents()[-1]
    pdf.update_stream(last, b"/Mul gs " + pdf.xref_stream(last))
    resources = int(pdf.xref_get_key(pdf[0].xref, "Resources")[1].split()[0])
    pdf.xref_set_key(resources, "ExtGState", "<</Mul<</BM/Multiply>>>>")
    assert not read(pdf.tobytes())[1].hidden.any()
    assert not read(pdf.tobytes(), "pdfium")[1].hidden.any()


def test_ligatures_bullets_and_marks_without_width(tmp_path: Path) -> None:
    from loaders.rasterize.glyphs import Glyphs, words_from

    texts = ["e", "ﬃ", "c", " ", "\uf0b7", " ", "a", "\u200b", "b", "\ud800", "\u00a0", "z"]
    n = len(texts)
    left = np.arange(n) * 10.0
    glyphs = Glyphs(
        texts=texts,
        boxes=np.stack([left, np.zeros(n), left + 10, np.full(n, 12.0)], axis=1),
        origins=np.stack([left, np.full(n, 10.0)], axis=1),
        directions=np.tile([1.0, 0.0], (n, 1)),
        extents=np.tile([10.0, -2.0], (n, 1)),
        sizes=np.full(n, 12.0),
        styles=np.zeros(n, np.uint8),
        lines=np.zeros(n, np.int64),
        fonts=np.zeros(n, np.int64),
        unseen=np.zeros(n, bool),
        names=("Font",),
    )
    found = words_from(glyphs)
    assert found.words.texts == ("effic", "•", "ab\ufffd", "z")
    assert found.words.boxes.tolist() == [[0, 0, 30, 12], [40, 0, 50, 12], [60, 0, 100, 12], [110, 0, 120, 12]]
    assert found.words.joined.tolist() == [False] * 4


# -- pixels -----------------------------------------------------------------------------------------------------------


@both
def test_the_cap_lowers_the_resolution(rasterizer: Rasterizer) -> None:
    page, _ = read(pdf_of(text_at(100, 200, "x"), size=(50_000, 50_000)), rasterizer)
    image = page.image()
    assert image.pixels.shape[0] * image.pixels.shape[1] <= 25_000_000
    assert image.scale * 72 < 18
    assert image.frame.width == 50_000
    part = page.image(clip=Box(80, 150, 180, 250, page.frame))
    assert part.scale == pytest.approx(200 / 72)
    assert (part.pixels < 128).any()
    small = page.image(max_pixels=10_000)
    assert small.pixels.shape == (99, 99, 3) or small.pixels.shape == (100, 100, 3)


@both
def test_a_page_smaller_than_a_pixel(rasterizer: Rasterizer) -> None:
    page, _ = read(pdf_of(lambda page: None, size=(3, 50_000)), rasterizer)
    height, width, _ = page.image(36, max_pixels=3000).pixels.shape
    assert width >= 1
    assert height * width <= 3000


@pytest.mark.parametrize("rotation", [0, 90])
@both
def test_a_clip_is_a_part_of_the_whole(rasterizer: Rasterizer, rotation: int) -> None:
    page, _ = read(pdf_of(text_at(120, 200, "Hello there", 30), Rotate=str(rotation)), rasterizer)
    whole = page.image(150)
    clip = Box(101.3, 99.7, 333.3, 244.4, page.frame)
    part = page.image(150, clip=clip)
    at = snapped(clip, part.scale)
    x0, y0, x1, y1 = (round(side * part.scale) for side in at.xyxy)
    assert part.pixels.shape == (y1 - y0, x1 - x0, 3)
    assert np.abs(part.pixels.astype(int) - whole.pixels[y0:y1, x0:x1]).mean() < 0.5
    assert (part.frame.width, part.frame.height) == pytest.approx((at.width, at.height))
    assert at.x0 <= clip.x0 <= clip.x1 <= at.x1
    assert at.y0 <= clip.y0 <= clip.y1 <= at.y1


def test_scale_and_size() -> None:
    assert raster_scale(100, 100, 2, 100_000) == 2
    assert raster_size(Frame(100.5, 50, "pt"), 2) == (201, 100)
    assert raster_size(Frame(100, 50, "px"), 0.333) == (33, 16)
    for width, height, most in ((612, 792, 25_000), (50_000, 50_000, 25_000_000), (1e6, 1, 400), (3, 7, 10)):
        scale = raster_scale(width, height, 1e3, most)
        wide, high = raster_size(Frame(width, height), scale)
        assert wide * high <= most
        assert wide * high > most * 0.4 or min(wide, high) == 1


# -- documents --------------------------------------------------------------------------------------------------------


@both
def test_passwords(rasterizer: Rasterizer) -> None:
    pdf = pymupdf.open("pdf", pdf_of(text_at(50, 50, "secret")))
    locked = open_source(pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="pässwört", owner_pw="owner"))
    with pytest.raises(NeedsPassword, match=r"needs a password$"):
        open_document(locked, Settings(rasterizer=rasterizer))
    with pytest.raises(NeedsPassword, match="needs a password: the one given does not open it"):
        open_document(locked, Settings(rasterizer=rasterizer, password="wrong"))
    with open_document(locked, Settings(rasterizer=rasterizer, password="pässwört")) as document:
        assert document.page(0).layer().words.texts == ("secret",)


@both
def test_damaged_and_empty_documents(rasterizer: Rasterizer, tmp_path: Path) -> None:
    settings = Settings(rasterizer=rasterizer)
    whole = pdf_of(text_at(50, 50, "kept"), text_at(50, 50, "too"))
    cut = whole[: whole.rindex(b"xref")]  # no cross-reference table: to be repaired
    with open_document(open_source(cut), settings) as document:
        assert [document.page(i).layer().words.texts for i in range(2)] == [("kept",), ("too",)]
    with pytest.raises(BrokenSource):
        open_document(open_source(b"%PDF-1.7\n" + bytes(2000)), settings)
    none = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    places = [none.index(b"%d 0 obj" % number) for number in (1, 2)]
    xref = b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(none)
    # PDFium does not tell an empty document from a damaged one.
    with pytest.raises(EmptySource if rasterizer == "pymupdf" else BrokenSource, match="no pages"):
        open_document(open_source(none + xref + trailer), settings)
    path = tmp_path / "gone.pdf"
    path.write_bytes(whole)
    source = open_source(path)
    path.unlink()
    with pytest.raises(SourceNotFound):
        open_document(source, settings)


@both
def test_pages_that_are_claimed_but_not_there(rasterizer: Rasterizer) -> None:
    """A damaged /Count: the pages there are can be read, each of the others fails by itself."""
    content = pdf_of(text_at(50, 50, "one")).replace(b"/Count 1", b"/Count 3", 1)
    with open_document(open_source(content), Settings(rasterizer=rasterizer)) as document:
        assert document.page_count == 3
        assert document.page(0).layer().words.texts == ("one",)
        for index in range(1, document.page_count):
            with pytest.raises(PageError, match=f"page {index + 1} is broken"):
                document.page(index)


@both
def test_title_and_labels(rasterizer: Rasterizer) -> None:
    pdf = pymupdf.open("pdf", pdf_of(*[text_at(50, 50, "x")] * 3))
    pdf.set_metadata({"title": "A title\nwith a break"})
    pdf.set_page_labels([{"startpage": 0, "style": "r", "firstpagenum": 4}, {"startpage": 2, "style": "D"}])
    with open_document(open_source(pdf.tobytes()), Settings(rasterizer=rasterizer)) as document:
        assert document.title == "A title with a break"
        assert [document.page(i).label for i in range(3)] == ["iv", "v", "1"]
    with open_document(open_source(pdf_of(text_at(50, 50, "x"))), Settings(rasterizer=rasterizer)) as document:
        assert (document.title, document.page(0).label) == ("", "1")


@both
def test_a_page_can_be_opened_again_and_a_document_has_many(rasterizer: Rasterizer) -> None:
    content = pdf_of(*(text_at(50, 50 + i, f"page{i}") for i in range(70)), Rotate="90")
    with open_document(open_source(content), Settings(rasterizer=rasterizer)) as document:
        for index in (*range(70), 0, 0, 69):
            page = document.page(index)
            assert page.frame.rotation == 90
            assert page.layer().words.texts == (f"page{index}",)
            page.close()
            page.close()


@both
def test_threads_may_share_a_document(rasterizer: Rasterizer) -> None:
    content = pdf_of(*(text_at(50, 50 + 10 * i, f"page{i}") for i in range(8)))
    with open_document(open_source(content), Settings(rasterizer=rasterizer)) as document:

        def words(index: int) -> tuple[tuple[str, ...], int]:
            page = document.page(index)
            result = page.layer().words.texts, int(page.image(72).pixels.min())
            page.close()
            return result

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(words, list(range(8)) * 3))
    assert [texts for texts, _ in found] == [(f"page{i}",) for i in range(8)] * 3
    assert all(darkest < 128 for _, darkest in found)

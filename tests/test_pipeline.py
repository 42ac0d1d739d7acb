"""Whole pages through all stages with the default engine: text modes, pictures in pages, rotation, levels, failures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from loaders import Cache, Failure, load, load_all, load_chunks, read
from loaders.document import PageImage, PageText, Words
from loaders.errors import EngineError, NeedsPassword, UsageError
from loaders.geometry import quads_from_boxes

LINES = ["The harbour master counted", "seventeen boats before noon", "and wrote them in the ledger."]


def scanned(lines: Sequence[str] = LINES, size: tuple[int, int] = (900, 400)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((60, 60 + 60 * number), line, font=ImageFont.load_default(36), fill="black")
    return image


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mixed_page(path: Path) -> Path:
    """Write a page of text with a picture of text in it, and a sentence that cannot be seen."""
    with pymupdf.open() as document:
        page = document.new_page(width=500, height=600)
        page.insert_textbox((50, 50, 450, 200), "This paragraph is the page's own text. " * 5, fontsize=11)
        page.insert_image(pymupdf.Rect(50, 250, 450, 430), stream=png(scanned()))
        page.insert_text((50, 500), "Nobody sees this sentence.", fontsize=11, render_mode=3)
        document.save(path)
    return path


def test_auto_reads_pictures_of_text_and_trusts_the_rest(tmp_path: Path) -> None:
    document = load(mixed_page(tmp_path / "mixed.pdf"))
    page = document.pages[0]
    assert "page's own text" in document.text
    assert "seventeen boats before noon" in document.text
    assert "Nobody sees" not in document.text
    by_ocr = {page.words.texts[i] for i in np.flatnonzero(page.words.ocr)}
    assert {"harbour", "seventeen", "ledger."} <= by_ocr
    assert "paragraph" not in by_ocr
    assert dict(document.ledger.dropped)["hidden"] == 4
    (boats,) = [page.word_box(i) for i, text in enumerate(page.words.texts) if text == "boats"]
    assert 50 < boats.x0 < boats.x1 < 450
    assert 250 < boats.y0 < boats.y1 < 430


def test_layer_never_reads_pixels(tmp_path: Path) -> None:
    document = load(mixed_page(tmp_path / "mixed.pdf"), text="layer")
    assert "seventeen" not in document.text
    assert "page's own text" in document.text
    (tmp_path / "scan.png").write_bytes(png(scanned()))
    (failure,) = load(tmp_path / "scan.png", text="layer").failures
    assert "without a text layer" in failure.error


def test_ocr_reads_everything_from_the_pixels(tmp_path: Path) -> None:
    page = load(mixed_page(tmp_path / "mixed.pdf"), text="ocr").pages[0]
    assert page.words.ocr.all()
    assert "paragraph" in page.text
    assert "seventeen boats" in page.text


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_scan_reads_the_same_in_its_own_frame(turns: int) -> None:
    image = scanned(LINES * 3, (900, 700)).rotate(-90 * turns, expand=True)
    document = load(png(image))
    page = document.pages[0]
    assert page.turn == (-90 * turns) % 360
    assert document.text.replace("\n\n", " ").split() == " ".join(LINES * 3).split()
    assert (page.frame.width, page.frame.height) == image.size
    dark = np.asarray(image.convert("L")) < 128
    for word in range(len(page.words)):
        x0, y0, x1, y1 = (round(v) for v in page.word_box(word).xyxy)
        assert dark[y0:y1, x0:x1].any()
    for block in page.blocks:
        assert block.box.x1 <= page.frame.width + 2
        assert block.box.y1 <= page.frame.height + 2


@pytest.mark.parametrize("level", ["word", "sentence", "paragraph"])
def test_levels_of_the_model_card(level: str) -> None:
    array = np.asarray(scanned()).transpose(2, 0, 1)
    as_bytes, as_floats = read(array, level), read(array.astype(np.float32) / 255, level)
    assert [[r.text for r in page] for page in as_bytes] == [[r.text for r in page] for page in as_floats]
    texts = [region.text for region in as_bytes[0]]
    assert {
        "word": texts == " ".join(LINES).split(),
        "sentence": texts == LINES,
        "paragraph": texts == [" ".join(LINES)],
    }[level]
    assert len(read(np.stack([array, array]), level)) == 2


def test_a_cached_page_is_the_page(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    path = mixed_page(tmp_path / "mixed.pdf")
    first, second = load(path, cache=cache), load(path, cache=cache)
    assert first.text == second.text
    assert [chunk.metadata for chunk in first.chunks] == [chunk.metadata for chunk in second.chunks]
    assert first.boxes_for(0, 40) == cache.boxes_for(first.doc_id, 0, 40)


class Failing:
    """An engine that fails on every page wider than high."""

    name, digest = "failing", "1"

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        if any(image.pixels.shape[1] > image.pixels.shape[0] for image in images):
            raise EngineError("too wide for me")
        return [PageText(Words.of(quads_from_boxes([[10, 10, 60, 30]]), ["narrow"])) for _ in images]


def test_a_page_that_fails_is_a_value_and_the_rest_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", size, 255) for size in ((100, 200), (200, 100), (100, 200))]
    frames[0].save(tmp_path / "pages.tiff", save_all=True, append_images=frames[1:])
    document = load(tmp_path / "pages.tiff", engine=Failing())
    assert [page.number for page in document.pages] == [1, 3]
    assert document.failures == (Failure(str(tmp_path / "pages.tiff"), 2, "ocr", "EngineError: too wide for me"),)
    assert document.text == "narrow\n\nnarrow"


def test_streams_hold_failures_and_are_lazy(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "scan.png").write_bytes(png(scanned()))
    stream = load_all([tmp_path / "empty.png", tmp_path / "scan.png", tmp_path / "later.png"])
    assert isinstance(next(stream), Failure)
    (tmp_path / "later.png").write_bytes(png(scanned(["later"])))
    assert [result.text.split()[0] for result in stream] == ["The", "later"]  # type: ignore[union-attr]
    assert [type(item).__name__ for item in load_chunks([tmp_path / "empty.png", tmp_path / "scan.png"])] == [
        "Failure",
        "Chunk",
    ]


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no page 9"):
        load(mixed_page(tmp_path / "mixed.pdf"), pages=[9], text="layer")
    with pytest.raises(UsageError, match="text='pixels'"):
        load(tmp_path / "mixed.pdf", text="pixels")
    with pymupdf.open(tmp_path / "mixed.pdf") as document:
        document.save(tmp_path / "secret.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="oak", owner_pw="x")
    with pytest.raises(NeedsPassword, match="needs a password"):
        load(tmp_path / "secret.pdf", text="layer")
    assert "own text" in load(tmp_path / "secret.pdf", text="layer", password="oak").text


def test_pages_show_themselves(tmp_path: Path) -> None:
    page = load(mixed_page(tmp_path / "mixed.pdf"), text="layer").pages[0]
    assert page._repr_png_().startswith(b"\x89PNG")
    drawn, bare = np.asarray(page.show()), np.asarray(page.show(words=False, blocks=False, order=False, tables=False))
    assert drawn.shape == bare.shape
    assert (drawn != bare).any()

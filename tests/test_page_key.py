"""A page's key changes with what the page says and shows, and with nothing else in the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from sketch import (
    drawing,
    image_file,
    lossless,
    marked,
    noise,
    pdf_of,
    text_at,
)

from loaders.rasterize import open_document
from loaders.settings import Rasterizer, Settings
from loaders.sources import open_source

# -- page keys --------------------------------------------------------------------------------------------------------


def keys_of(content: bytes, rasterizer: Rasterizer = "pymupdf") -> list[str]:
    with open_document(open_source(content), Settings(rasterizer=rasterizer)) as document:
        return [document.page(index).key for index in range(document.page_count)]


def five_pages() -> pymupdf.Document:
    """Five pages with a shared picture, a form field, a note, and one resource dictionary for all."""
    picture = noise(30, 30)
    pages = [
        drawing(
            text_at(50, 50, f"page number {i}"),
            lambda page: page.insert_image(pymupdf.Rect(50, 100, 150, 200), stream=lossless(picture)),
        )
        for i in range(5)
    ]
    return pymupdf.open("pdf", pdf_of(*pages))


Edit = Callable[[pymupdf.Document], Any]
EDITS: dict[str, tuple[Edit, set[int]]] = {
    "nothing": (lambda pdf: None, set()),
    "metadata": (lambda pdf: pdf.set_metadata({"title": "new"}), set()),
    "bookmarks": (lambda pdf: pdf.set_toc([[1, "one", 1], [1, "three", 3]]), set()),
    "a link": (
        lambda pdf: pdf[1].insert_link({"kind": pymupdf.LINK_GOTO, "page": 2, "from": pymupdf.Rect(0, 0, 9, 9)}),
        {1},
    ),
    "text": (lambda pdf: pdf[2].insert_text((50, 300), "more"), {2}),
    "text in a new font": (lambda pdf: pdf[2].insert_text((50, 300), "more", fontname="tiro"), {2}),
    "a note": (lambda pdf: pdf[2].add_freetext_annot(pymupdf.Rect(50, 300, 200, 330), "note"), {2}),
    "a turn": (lambda pdf: pdf[2].set_rotation(90), {2}),
    "a crop": (lambda pdf: pdf[2].set_cropbox(pymupdf.Rect(10, 10, 300, 500)), {2}),
    "a picture": (
        lambda pdf: pdf[2].insert_image(pymupdf.Rect(0, 300, 50, 350), stream=lossless(noise(9, 9))),
        {2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(
    "save", [{}, {"garbage": 4}, {"garbage": 3, "deflate": True}, {"garbage": 4, "use_objstms": 1}]
)
def test_an_edit_changes_the_keys_of_its_page_only(edit: str, save: dict[str, Any]) -> None:
    pdf = five_pages()
    before = keys_of(pdf.tobytes())
    assert len(set(before)) == 5
    change, changed = EDITS[edit]
    change(pdf)
    after = keys_of(pdf.tobytes(**save))
    assert {i for i in range(5) if before[i] != after[i]} == changed


def test_pages_taken_out_and_put_in_leave_the_keys_of_the_others() -> None:
    pdf = five_pages()
    before = keys_of(pdf.tobytes())
    pdf.delete_page(1)
    pdf.insert_page(0, text="a new first page")
    after = keys_of(pdf.tobytes(garbage=4))
    assert after[1:] == [before[0], *before[2:]]


def test_pages_that_share_one_resource_dictionary() -> None:
    """A resource that only one page names is an input of that page alone."""
    pdf = five_pages()
    shared = pdf.get_new_xref()
    resources = pdf.xref_get_key(pdf.page_xref(0), "Resources")[1]
    pdf.update_object(shared, pdf.xref_object(int(resources.split()[0])) if resources.endswith("R") else resources)
    for index in range(5):
        pdf.xref_set_key(pdf.page_xref(index), "Resources", f"{shared} 0 R")
    before = keys_of(pdf.tobytes())
    pdf[2].insert_text((50, 300), "more", fontname="tiro")
    after = keys_of(pdf.tobytes(garbage=1))
    assert {i for i in range(5) if before[i] != after[i]} == {2}


def test_the_order_of_asking_does_not_matter_even_in_loops() -> None:
    """Annotations that refer to each other in a circle: the key of a page is the same whichever page came first."""
    pdf = five_pages()
    ring = [pdf.get_new_xref() for _ in range(3)]
    for place, xref in enumerate(ring):
        pdf.update_object(xref, f"<</Type/Annot/Subtype/Square/Rect[{place} 0 9 9]/Next {ring[place - 1]} 0 R>>")
    for index in range(3):
        pdf.xref_set_key(pdf.page_xref(index), "Annots", f"[{ring[index]} 0 R]")
    content = pdf.tobytes()
    forwards = keys_of(content)
    with open_document(open_source(content), Settings()) as document:
        backwards = [document.page(index).key for index in reversed(range(5))]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 5


def test_keys_of_images_and_of_pdfium_follow_what_is_shown() -> None:
    assert keys_of(image_file(marked())) == keys_of(image_file(marked(), "BMP"))  # the same pixels
    assert keys_of(image_file(marked())) != keys_of(image_file(marked((61, 40))))
    pdf = five_pages()
    before = keys_of(pdf.tobytes(), "pdfium")
    pdf[2].insert_text((50, 300), "more")
    after = keys_of(pdf.tobytes(garbage=4), "pdfium")
    assert {i for i in range(5) if before[i] != after[i]} == {2}

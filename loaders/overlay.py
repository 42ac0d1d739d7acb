"""Pictures of what was read: words, blocks, reading order and tables drawn over the page; cited boxes as HTML.

A Page comes in with its boxes in the page's frame; a PIL image in pixels goes out, as large as asked for. The page's
own pixels are rendered when a picture is drawn and not before; a page without a source at hand is drawn on white.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from loaders.document import Block, Page
from loaders.geometry import Box

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

LONGEST_SIDE = 1600
COLOURS: dict[str, str] = {
    "title": "#c2410c",
    "text": "#1d4ed8",
    "list": "#0f766e",
    "table": "#7e22ce",
    "figure": "#a16207",
    "caption": "#be185d",
    "footnote": "#4d7c0f",
    "header": "#6b7280",
    "footer": "#6b7280",
    "page_number": "#6b7280",
}
WORD_COLOUR, DROPPED_COLOUR, ORDER_COLOUR, HIT_COLOUR = "#94a3b8", "#dc2626", "#0f172a", "#facc15"


def page_image(page: Page, longest_side: int = LONGEST_SIDE) -> Image:
    """Return the bare page as an RGB image whose longer side is at most `longest_side` pixels."""
    from PIL import Image as pil

    if page.raster is None:
        image = pil.new("RGB", (math.ceil(page.frame.width), math.ceil(page.frame.height)), "white")
    else:
        image = pil.fromarray(page.raster().pixels)
    factor = longest_side / max(image.size)
    size = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
    return image if factor >= 1 and page.raster is not None else image.resize(size, pil.Resampling.LANCZOS)


def draw_page(
    page: Page,
    *,
    words: bool = True,
    blocks: bool = True,
    order: bool = True,
    tables: bool = True,
    links: bool = False,
    longest_side: int = LONGEST_SIDE,
) -> Image:
    """Draw a page: thin grey words (red where dropped), coloured blocks with their number, arrows of reading order.

    `links` adds the relations between words and between lines, redder the less likely they are.
    """
    from PIL import ImageDraw as pil_draw

    image = page_image(page, longest_side)
    scale = image.width / page.frame.width
    draw = pil_draw.Draw(image, "RGBA")
    if words:
        _draw_words(draw, page, scale)
    if tables:
        for table in page.tables:
            for cell in table.cells:
                draw.rectangle(_scaled(cell.box, scale), outline=COLOURS["table"], width=1)
    if blocks:
        for number, block in enumerate(page.blocks, start=1):
            _draw_block(draw, block, number, scale)
    if links:
        _draw_links(draw, page, scale)
    if order:
        for before, after in pairwise(page.blocks):
            _draw_arrow(draw, before.box, after.box, scale)
    return image


def draw_boxes(page: Page, boxes: Sequence[Box], longest_side: int = LONGEST_SIDE) -> Image:
    """Draw a page with some boxes marked as with a highlighter."""
    from PIL import ImageDraw as pil_draw

    image = page_image(page, longest_side)
    scale = image.width / page.frame.width
    draw = pil_draw.Draw(image, "RGBA")
    for box in boxes:
        draw.rectangle(_scaled(box, scale), fill=HIT_COLOUR + "66", outline="#ca8a04", width=2)
    return image


def page_png(page: Page, **options: Any) -> bytes:
    """Return the drawn page as PNG bytes; options as for `draw_page`."""
    buffer = io.BytesIO()
    draw_page(page, **options).save(buffer, "PNG")
    return buffer.getvalue()


def cited_html(page: Page, boxes: Sequence[Box], *, longest_side: int = 1200) -> str:
    """Return a self-contained HTML figure: the page's picture with one highlighted element per box.

    Boxes are placed in per cent of the page, so that the figure scales with the browser window.
    """
    buffer = io.BytesIO()
    page_image(page, longest_side).save(buffer, "JPEG", quality=80)
    picture = base64.b64encode(buffer.getvalue()).decode()
    marks = "".join(
        f'<span class="hit" style="left:{x0:.3%};top:{y0:.3%};width:{x1 - x0:.3%};height:{y1 - y0:.3%}"></span>'
        for x0, y0, x1, y1 in (box.to_unit() for box in boxes)
    )
    name = html.escape(f"page {page.number} ({page.label})" if page.label != str(page.number) else page.label)
    return f'<div class="page"><img alt="page {name}" src="data:image/jpeg;base64,{picture}">{marks}</div>'


def _scaled(box: Box, scale: float) -> list[float]:
    x0, y0, x1, y1 = (v * scale for v in box.xyxy)
    return [x0, y0, max(x0, x1), max(y0, y1)]


def _draw_words(draw: ImageDraw, page: Page, scale: float) -> None:
    dropped = {word for lot in page.dropped for word in lot.words}
    for row, quad in enumerate(page.words.quads * scale):
        colour = DROPPED_COLOUR if row in dropped else WORD_COLOUR
        draw.polygon([(float(x), float(y)) for x, y in quad], outline=colour)


def _draw_block(draw: ImageDraw, block: Block, number: int, scale: float) -> None:
    from PIL import ImageFont

    colour = COLOURS[block.category]
    x0, y0, x1, y1 = _scaled(block.box, scale)
    draw.rectangle([x0, y0, x1, y1], outline=colour, fill=colour + "14", width=2)
    label = f"{number} {block.category}{block.level or ''}"
    font = ImageFont.load_default(14)
    left, top, right, bottom = draw.textbbox((x0, y0), label, font=font, anchor="lb")
    shift = max(-top, 0)
    draw.rectangle([left - 1, top + shift - 1, right + 3, bottom + shift + 1], fill=colour)
    draw.text((x0 + 1, y0 + shift), label, fill="white", font=font, anchor="lb")


def _draw_links(draw: ImageDraw, page: Page, scale: float) -> None:
    """Draw a thin line from the middle of each word to the next, and from the start of each line to the next line's."""
    if page.relations is None:
        return
    middles = page.words.quads.mean(axis=1) * scale
    starts = [(line.box.x0 * scale, (line.box.y0 + line.box.y1) / 2 * scale) for line in page.lines]
    ends = ((page.relations.word, [(float(x), float(y)) for x, y in middles]), (page.relations.line, starts))
    for found, points in ends:
        for source, (target, sure) in enumerate(
            zip(found.target.tolist(), found.probability.tolist(), strict=True) if found is not None else ()
        ):
            if target >= 0:
                colour = (round(220 * (1 - sure)), round(150 * sure), round(80 * sure), 220)
                draw.line([*points[source], *points[target]], fill=colour, width=1)


def _draw_arrow(draw: ImageDraw, before: Box, after: Box, scale: float) -> None:
    """Draw from the centre of one block to the next, with a head, so that a wrong order is seen at a glance."""
    x0, y0 = (before.x0 + before.x1) / 2 * scale, (before.y0 + before.y1) / 2 * scale
    x1, y1 = (after.x0 + after.x1) / 2 * scale, (after.y0 + after.y1) / 2 * scale
    draw.line([x0, y0, x1, y1], fill=ORDER_COLOUR + "b0", width=2)
    angle = math.atan2(y1 - y0, x1 - x0)
    head = [(x1 - 12 * math.cos(angle + turn), y1 - 12 * math.sin(angle + turn)) for turn in (-0.4, 0.4)]
    draw.polygon([(x1, y1), *head], fill=ORDER_COLOUR + "d0")

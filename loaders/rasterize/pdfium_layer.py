"""Glyphs, lines and pictures of a PDF page through pypdfium2 (the caller holds its lock).

PDFium speaks in PDF user space (origin bottom left, before rotation and crop); everything comes out in the frame of
the page before its /Rotate: points, origin top left, y down, after CropBox and UserUnit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium

from loaders.geometry import XYXY
from loaders.rasterize.drawn import THIN
from loaders.rasterize.glyphs import Glyphs, style_of

Matrix = npt.NDArray[np.float64]
"""3 x 3, for row vectors (x, y, 1)."""
Point = tuple[float, float]

DEEPEST = 12
MOST_OBJECTS = 60_000
MOST_SEGMENTS = 4096
_FIXED_PITCH, _ITALIC, _FORCE_BOLD = 1, 64, 1 << 18  # ISO 32000-1, table 123
_INVISIBLE = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(slots=True)
class Drawn:
    """What a page draws, in order: where each text object stands in it, and the boxes of everything else."""

    place: dict[int, int] = field(default_factory=dict)
    opaque: list[tuple[int, XYXY]] = field(default_factory=list)
    pictures: list[XYXY] = field(default_factory=list)
    segments: list[XYXY] = field(default_factory=list)
    rectangles: list[XYXY] = field(default_factory=list)
    outlines: list[XYXY] = field(default_factory=list)
    shapes: list[XYXY] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Font:
    number: int
    style: int
    ascent: float
    descent: float
    embedded: bool


def frame_matrix(left: float, top: float, unit: float) -> Matrix:
    """Return the matrix from user space into the frame before /Rotate."""
    return np.array([[unit, 0, 0], [0, -unit, 0], [-left * unit, top * unit, 1]])


# -- text -----------------------------------------------------------------------------------------------------------


def glyphs_of(page: Any, to_frame: Matrix) -> tuple[Glyphs, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the glyphs of a page, and two columns more.

    The address of the text object that draws each (0 for none); and whether PDFium may be unable to draw it, since its
    font is not in the file and it is no Latin letter.
    """
    textpage = pdfium.FPDFText_LoadPage(page)
    if not textpage:
        raise RuntimeError("its text cannot be loaded")
    try:
        return _glyphs(textpage, to_frame)
    finally:
        pdfium.FPDFText_ClosePage(textpage)


def _glyphs(textpage: Any, to_frame: Matrix) -> tuple[Glyphs, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    reader = _GlyphReader(textpage)
    texts: list[str] = []
    rows: list[tuple[float, ...]] = []
    line, pending = 0, 0
    for index in range(max(pdfium.FPDFText_CountChars(textpage), 0)):
        code = pdfium.FPDFText_GetUnicode(textpage, index)
        if code in (10, 13):
            line += 1
            continue
        if 0xD800 <= code < 0xDC00:  # the first half of a character beyond U+FFFF
            pending = code
            continue
        if 0xDC00 <= code < 0xE000 and pending:
            code = 0x10000 + ((pending - 0xD800) << 10) + (code - 0xDC00)
        pending = 0
        texts.append(_character(textpage, index, code))
        rows.append((line, *reader.row(index)))
    table = np.array(rows, np.float64).reshape(-1, 17)
    corners = _mapped(table[:, 1:5].reshape(-1, 2), to_frame).reshape(-1, 2, 2)
    directions = table[:, 7:9] * [1, -1]
    unit = to_frame[0, 0]
    sizes = table[:, 9] * unit
    glyphs = Glyphs(
        texts=texts,
        boxes=np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1),
        origins=_mapped(table[:, 5:7], to_frame),
        directions=directions,
        extents=table[:, 11:13] * sizes[:, None],
        sizes=sizes,
        styles=table[:, 13].astype(np.uint8),
        lines=table[:, 0].astype(np.int64),
        fonts=table[:, 10].astype(np.int64),
        unseen=table[:, 14] > 0,
        names=tuple(reader.names),
    )
    absent = np.isin(glyphs.fonts, [font.number for font in reader.fonts.values() if not font.embedded])
    undrawn = absent & np.array([bool(text) and ord(text[0]) >= 0x250 for text in texts], bool)
    return glyphs, (table[:, 15] * 2.0**32 + table[:, 16]).astype(np.int64), undrawn


def _character(textpage: Any, index: int, code: int) -> str:
    if pdfium.FPDFText_IsHyphen(textpage, index) == 1 or code in (2, 0xFFFE):
        return "-"
    if code == 0 or pdfium.FPDFText_HasUnicodeMapError(textpage, index) == 1:
        return "\ufffd"
    return chr(code)


class _GlyphReader:
    """Asks PDFium for the columns of one glyph at a time, remembering what text objects and fonts said."""

    def __init__(self, textpage: Any) -> None:
        self.textpage = textpage
        self.names: list[str] = [""]
        self.fonts: dict[int, _Font] = {}
        self.objects: dict[int, tuple[_Font, bool]] = {}
        self.box, self.matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        self.x, self.y = ctypes.c_double(), ctypes.c_double()

    def row(self, index: int) -> tuple[float, ...]:
        """Return box (4), origin (2), direction (2), size, font, ascent, descent, style, unseen, address (2 halves)."""
        page, box, matrix = self.textpage, self.box, self.matrix
        pdfium.FPDFText_GetLooseCharBox(page, index, box)
        pdfium.FPDFText_GetCharOrigin(page, index, self.x, self.y)
        if not pdfium.FPDFText_GetMatrix(page, index, matrix):
            matrix.a, matrix.b, matrix.c, matrix.d = 1, 0, 0, 1
        along = float(np.hypot(matrix.a, matrix.b)) or 1.0
        size = pdfium.FPDFText_GetFontSize(page, index) * float(np.hypot(matrix.c, matrix.d))
        drawn = pdfium.FPDFText_GetTextObject(page, index)
        address = ctypes.cast(drawn, ctypes.c_void_p).value or 0 if drawn else 0
        font, unseen = self._object(drawn, address, index)
        return (
            *(box.left, box.top, box.right, box.bottom, self.x.value, self.y.value),
            *(matrix.a / along, matrix.b / along, size, font.number),
            *(font.ascent, font.descent, font.style, unseen, address >> 32, address & 0xFFFFFFFF),
        )

    def _object(self, drawn: Any, address: int, index: int) -> tuple[_Font, bool]:
        if address not in self.objects:
            if not address:  # a space that PDFium has put between words
                return _Font(0, 0, 0.8, -0.2, True), False
            channels = [ctypes.c_uint() for _ in range(4)]
            pdfium.FPDFText_GetFillColor(self.textpage, index, *channels)
            mode = pdfium.FPDFTextObj_GetTextRenderMode(drawn)
            self.objects[address] = self._font(drawn), mode in _INVISIBLE or channels[3].value == 0
        return self.objects[address]

    def _font(self, drawn: Any) -> _Font:
        font = pdfium.FPDFTextObj_GetFont(drawn)
        address = ctypes.cast(font, ctypes.c_void_p).value or 0 if font else 0
        if address not in self.fonts:
            name, flags, weight, embedded = "", 0, 0, True
            ascent, descent = ctypes.c_float(0.8), ctypes.c_float(-0.2)
            if address:
                buffer = ctypes.create_string_buffer(256)
                pdfium.FPDFFont_GetBaseFontName(font, buffer, 256)
                name = buffer.value.decode("utf-8", "replace")
                flags, weight = pdfium.FPDFFont_GetFlags(font), pdfium.FPDFFont_GetWeight(font)
                embedded = pdfium.FPDFFont_GetIsEmbedded(font) == 1
                pdfium.FPDFFont_GetAscent(font, 1.0, ascent)
                pdfium.FPDFFont_GetDescent(font, 1.0, descent)
            style = style_of(
                name,
                bold=weight >= 600 or bool(flags & _FORCE_BOLD),
                italic=bool(flags & _ITALIC),
                mono=bool(flags & _FIXED_PITCH),
            )
            self.fonts[address] = _Font(len(self.names), style, ascent.value, descent.value, embedded)
            self.names.append(name)
        return self.fonts[address]


# -- lines and pictures -----------------------------------------------------------------------------------------------


def drawn_on(page: Any, to_frame: Matrix) -> Drawn:
    """Walk everything a page draws, forms within forms included."""
    drawn = Drawn()
    for place, (item, matrix) in enumerate(_objects(page, to_frame, 0)):
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            drawn.place[ctypes.cast(item, ctypes.c_void_p).value or 0] = place
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            box = _bounds(_mapped(np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]), _matrix_of(item) @ matrix))
            box = _clipped(box, item, matrix)
            drawn.pictures.append(box)
            if not pdfium.FPDFPageObj_HasTransparency(item):
                drawn.opaque.append((place, box))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH and place < MOST_OBJECTS:
            _add_path(drawn, item, _matrix_of(item) @ matrix)
    return drawn


def _clipped(box: XYXY, item: Any, matrix: Matrix) -> XYXY:
    """Return the part of a box that the object's clip paths leave."""
    clip = pdfium.FPDFPageObj_GetClipPath(item)
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in range(max(pdfium.FPDFClipPath_CountPaths(clip), 0) if clip else 0):
        points = []
        for index in range(min(max(pdfium.FPDFClipPath_CountPathSegments(clip, path), 0), MOST_SEGMENTS)):
            pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, path, index), x, y)
            points.append((x.value, y.value))
        if points:
            x0, y0, x1, y1 = _bounds(_mapped(np.array(points), matrix))
            box = (max(box[0], x0), max(box[1], y0), min(box[2], x1), min(box[3], y1))
    return box if box[2] > box[0] and box[3] > box[1] else (0.0, 0.0, 0.0, 0.0)


def _objects(holder: Any, matrix: Matrix, depth: int) -> Iterator[tuple[Any, Matrix]]:
    form = depth > 0
    count = pdfium.FPDFFormObj_CountObjects(holder) if form else pdfium.FPDFPage_CountObjects(holder)
    get = pdfium.FPDFFormObj_GetObject if form else pdfium.FPDFPage_GetObject
    for index in range(max(count, 0)):
        item = get(holder, index)
        if not item:
            continue
        if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_FORM and depth < DEEPEST:
            yield from _objects(item, _matrix_of(item) @ matrix, depth + 1)
        else:
            yield item, matrix


def _add_path(drawn: Drawn, item: Any, matrix: Matrix) -> None:
    filled, stroked, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_float()
    pdfium.FPDFPath_GetDrawMode(item, filled, stroked)
    pdfium.FPDFPageObj_GetStrokeWidth(item, width)
    thin = bool(stroked.value) and width.value * float(np.sqrt(abs(np.linalg.det(matrix[:2, :2])))) <= THIN
    runs, curved = _straight_runs(item)
    if curved is not None and filled.value:
        drawn.shapes.append(_bounds(_mapped(np.array(curved), matrix)))
    for points in runs:
        mapped = _mapped(np.array(points), matrix)
        box = _bounds(mapped)
        if len(points) in (4, 5) and _is_rectangle(mapped):
            drawn.rectangles += [box] if filled.value else []
            drawn.outlines += [box] if thin else []
        elif thin:
            ends = np.concatenate([mapped[:-1], mapped[1:]], axis=1).tolist()
            drawn.segments += [(x0, y0, x1, y1) for x0, y0, x1, y1 in ends]


def _straight_runs(item: Any) -> tuple[list[list[Point]], list[Point] | None]:
    """Return the points of each unbroken run of straight lines in a path; and all its points, if it has curves."""
    runs: list[list[Point]] = []
    points: list[Point] = []
    whole: list[Point] = []
    start, curve, curved = (0.0, 0.0), 0, False
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(min(max(pdfium.FPDFPath_CountSegments(item), 0), MOST_SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = (x.value, y.value)
        whole.append(point)
        if kind != pdfium.FPDF_SEGMENT_LINETO:
            runs.append(points)
            points = []
        bends = kind == pdfium.FPDF_SEGMENT_BEZIERTO
        curved = curved or bends
        curve = curve + 1 if bends else 0  # two controls, then the curve's end
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        if not bends or curve % 3 == 0:
            points.append(point)
        if pdfium.FPDFPathSegment_GetClose(segment) and point != start:
            points.append(start)
    return [run for run in [*runs, points] if len(run) > 1], whole if curved else None


def _is_rectangle(points: npt.NDArray[np.float64]) -> bool:
    x0, y0, x1, y1 = _bounds(points)
    at_x = np.isclose(points[:, 0], x0, atol=0.05) | np.isclose(points[:, 0], x1, atol=0.05)
    at_y = np.isclose(points[:, 1], y0, atol=0.05) | np.isclose(points[:, 1], y1, atol=0.05)
    return bool((at_x & at_y).all())


def _matrix_of(item: Any) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return np.eye(3)
    return np.array([[matrix.a, matrix.b, 0], [matrix.c, matrix.d, 0], [matrix.e, matrix.f, 1]])


def _mapped(points: npt.NDArray[np.float64], matrix: Matrix) -> npt.NDArray[np.float64]:
    return points @ matrix[:2, :2] + matrix[2, :2]


def _bounds(points: npt.NDArray[np.float64]) -> XYXY:
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1

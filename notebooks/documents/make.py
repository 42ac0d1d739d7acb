"""Make the sample documents of this folder: Typst sources in, three born-digital PDFs and two scans out.

`report.pdf`, `invoice.pdf` and `slide.pdf` are typeset. `letter.png` and `form.pdf` are typeset, rendered to pixels and
aged into scans: paper tone, uneven light, skew, blur, sensor noise, JPEG blocks. Seeds and timestamps are fixed, so a
second run writes the same bytes. Only the fonts that Typst carries are used; nothing is downloaded.

    python make.py [FOLDER]      # default: the folder of this script
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typst
from PIL import Image, ImageFilter

HERE = Path(__file__).resolve().parent
TIMESTAMP = 1_717_200_000  # 1 June 2024, the date inside every PDF
TYPESET = ("report", "invoice", "slide")
PICTURES = ("chart", "timeline")  # shown on the slides as pixels
PICTURE_DPI = 120


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a clean page becomes a scan; angles in degrees (counter-clockwise), greys and colours in 0-255."""

    dpi: int
    skew: float
    paper: tuple[int, int, int]
    bed: tuple[int, int, int]
    ink: float  # the darkest level that ink reaches
    blur: float  # pixels
    noise: float  # standard deviation of the sensor noise
    quality: int  # of the JPEG that the scanner writes
    folds: tuple[float, ...] = ()  # heights of folds, as fractions of the page
    holes: tuple[float, ...] = ()  # heights of punched holes at the left edge, as fractions of the page
    seed: int = 0


LETTER = Scanner(
    dpi=160, skew=1.7, paper=(238, 236, 231), bed=(196, 196, 196), ink=38, blur=0.55, noise=2.6, quality=55,
    folds=(0.335, 0.668), seed=7,
)  # fmt: skip
FORM = Scanner(
    dpi=170, skew=-0.6, paper=(244, 236, 214), bed=(206, 205, 203), ink=44, blur=0.5, noise=3.2, quality=52,
    holes=(0.36, 0.64), seed=11,
)  # fmt: skip
LETTER_GREYS = 64  # levels kept in letter.png: the eye sees no difference, and the file is a third smaller


def typeset(source: Path) -> bytes:
    """Return the PDF of a Typst source."""
    return typst.compile(str(source), format="pdf", ignore_system_fonts=True, timestamp=TIMESTAMP)


def render(source: Path, dpi: int) -> Image.Image:
    """Return the only page of a Typst source as an RGB image."""
    png = typst.compile(str(source), format="png", ppi=dpi, ignore_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGB")


def smooth_noise(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return slow noise of the given (height, width), about -1 to 1: a coarse random grid, interpolated."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def lay_on_paper(page: np.ndarray, scanner: Scanner, rng: np.random.Generator) -> np.ndarray:
    """Return the page (height, width, 3) printed on tinted, slightly uneven paper with its folds and holes."""
    height, width, _ = page.shape
    shade = 1 + 0.012 * smooth_noise((height, width), 5, rng) + 0.006 * smooth_noise((height, width), height // 6, rng)
    rows = np.arange(height) / height
    for fold in scanner.folds:
        # A crease catches light on one side and throws a soft shadow on the other.
        offset = (rows - fold) * height / (scanner.dpi / 40)
        shade *= (1 - 0.045 * np.exp(-(offset**2)) + 0.02 * np.exp(-((offset - 2) ** 2)))[:, None]
    paper = np.asarray(scanner.paper, np.float32) * shade[..., None]
    printed = scanner.ink + (paper - scanner.ink) * (page / 255)
    columns = np.arange(width)[None, :] - 0.42 * scanner.dpi
    for hole in scanner.holes:
        distance = np.hypot(columns, (np.arange(height) - hole * height)[:, None]) - 0.12 * scanner.dpi
        inside = np.clip(0.5 - distance, 0, 1)[..., None]
        printed = printed * (1 - inside) + np.asarray(scanner.bed, np.float32) * 0.82 * inside
    return printed


def place_on_bed(sheet: np.ndarray, scanner: Scanner) -> np.ndarray:
    """Return the sheet turned by the skew on the scanner's bed, same size, with a soft shadow along its edge."""
    height, width, _ = sheet.shape
    bed = np.empty_like(sheet)
    bed[:] = scanner.bed
    image = Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8))
    turned = image.rotate(scanner.skew, Image.Resampling.BICUBIC, fillcolor=scanner.bed)
    mask = Image.new("L", (width, height), 255).rotate(scanner.skew, Image.Resampling.BICUBIC, fillcolor=0)
    shadow = np.asarray(mask.filter(ImageFilter.GaussianBlur(scanner.dpi / 30)), np.float32)[..., None] / 255
    covered = np.asarray(mask, np.float32)[..., None] / 255
    return bed * (1 - 0.3 * shadow) * (1 - covered) + np.asarray(turned, np.float32) * covered


def scan(page: Image.Image, scanner: Scanner) -> bytes:
    """Return the JPEG that the scanner would write of a clean RGB page."""
    rng = np.random.default_rng(scanner.seed)
    sheet = lay_on_paper(np.asarray(page, np.float32), scanner, rng)
    image = Image.fromarray(np.clip(place_on_bed(sheet, scanner), 0, 255).astype(np.uint8))
    seen = np.asarray(image.filter(ImageFilter.GaussianBlur(scanner.blur)), np.float32)
    noisy = seen + scanner.noise * rng.standard_normal(seen.shape[:2])[..., None]
    buffer = io.BytesIO()
    pixels = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    pixels.save(buffer, "JPEG", quality=scanner.quality, dpi=(scanner.dpi, scanner.dpi))
    return buffer.getvalue()


def write_letter(source: Path, target: Path) -> None:
    """Write the letter as a greyscale PNG with few levels."""
    grey = np.asarray(Image.open(io.BytesIO(scan(render(source, LETTER.dpi), LETTER))).convert("L"), np.float32)
    levels = np.round(grey / 255 * (LETTER_GREYS - 1)) * 255 / (LETTER_GREYS - 1)
    Image.fromarray(levels.astype(np.uint8)).save(target, optimize=True, dpi=(LETTER.dpi, LETTER.dpi))


def write_form(source: Path, target: Path) -> None:
    """Write the form as a PDF of one A4 page that holds the scan and no text."""
    source.with_suffix(".jpg").write_bytes(scan(render(source, FORM.dpi), FORM))
    wrapper = source.with_name("form-scan.typ")
    wrapper.write_text(
        '#set document(title: "Scan")\n#set page(paper: "a4", margin: 0pt)\n'
        f'#image("{source.stem}.jpg", width: 100%, height: 100%)\n',
        encoding="utf-8",
    )
    target.write_bytes(typeset(wrapper))


def make(folder: Path) -> None:
    """Write all five documents into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workplace:
        # Pictures made on the way stay out of the folder, which people index as a whole.
        sources = Path(shutil.copytree(HERE / "typst", Path(workplace) / "typst"))
        for name in PICTURES:
            render(sources / f"{name}.typ", PICTURE_DPI).save(sources / f"{name}.png", optimize=True)
        for name in TYPESET:
            (folder / f"{name}.pdf").write_bytes(typeset(sources / f"{name}.typ"))
        write_letter(sources / "letter.typ", folder / "letter.png")
        write_form(sources / "form.typ", folder / "form.pdf")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

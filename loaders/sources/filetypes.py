"""The first bytes of a file say what it is; its name's ending is only a hint about what its owner thinks it is.

In come up to HEAD bytes from the start of a file. Out comes the kind we read (a PDF, or an image of one of seven
formats), or a phrase for people about what the file seems to be instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Kind = Literal["pdf", "image"]

HEAD = 2048
"""How many bytes from the start are looked at."""

READ = "PDF, PNG, JPEG, TIFF, WebP, BMP, GIF and JPEG 2000 are read"
_OURS = frozenset(
    {".pdf", ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".jp2"}
)
_SCANS_TOO = frozenset({".heic", ".heif", ".avif", ".j2k", ".jxl", ".djvu"})


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file we read, and its media type."""

    kind: Kind
    mime: str


PDF = FileType("pdf", "application/pdf")
_PDF_HEADER = re.compile(rb"%PDF-\d")
_IMAGES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "image/tiff"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    # "BM" alone begins many a text: the size of the second header, a small number, must follow.
    (re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "image/bmp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "image/jp2"),
)
_FOREIGN = (
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "is a ZIP archive or an Office file"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "is an old Office file"),
    (re.compile(rb".{4}ftyp(hei|hev|mif|avi)", re.DOTALL), "is a HEIC or AVIF picture; save it as PNG or JPEG first"),
    (re.compile(rb"\x00\x00\x01\x00"), "is an icon"),
    (re.compile(rb"%!PS"), "is PostScript; convert it to PDF first"),
    (re.compile(rb"AT&TFORM"), "is DjVu; convert it to PDF first"),
    (re.compile(rb"\{\\rtf"), "is RTF"),
    (re.compile(rb"\s*(<\?xml|<!DOCTYPE|<html|<svg)", re.IGNORECASE), "is XML, HTML or SVG"),
)


def filetype(head: bytes) -> FileType | None:
    """Return what a file is by its first bytes, None when it is nothing we read.

    A PDF's header may stand behind up to 1,024 bytes of junk (ISO 32000-1, Annex H, note 13).
    """
    for signature, mime in _IMAGES:
        if signature.match(head):
            return FileType("image", mime)
    return PDF if _PDF_HEADER.search(head, 0, 1024 + 6) else None


def describe(head: bytes) -> str:
    """Say what an unreadable file seems to be, as the rest of a sentence."""
    for signature, phrase in _FOREIGN:
        if signature.match(head):
            return phrase
    if b"\0" not in head and sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head) == 0:
        return "is plain text"
    return "is of no known kind"


def named_as_page(name: str) -> bool:
    """Say whether an ending claims a kind we read, or a scan in a format we do not: neither is passed over silently."""
    return PurePath(name).suffix.lower() in _OURS | _SCANS_TOO

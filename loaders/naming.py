"""What a document is called: by the title in its own metadata, where a person gave it one, and by its file.

Strings in, strings out. Half of all PDFs carry a title that a program left there ("Microsoft Word - R1.doc",
"0001018724-18-000005", "Untitled"): it says nothing, and a heading or the file's name says more.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_PROGRAM = re.compile(r"^\s*microsoft (office )?(word|excel|powerpoint)\s*-\s*", re.IGNORECASE)
_ENDING = re.compile(r"\.(docx?|xlsx?|pptx?|pdf|rtf|odt|html?|tex|dvi|indd|qx[dp]|tiff?|jpe?g|png)\s*$", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"(untitled|document|title|(powerpoint )?presentation|slide|scan|scanned|image|print)[\W\d]*", re.IGNORECASE
)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_IDENTIFIER = re.compile(r"\S*(_|\d\D*\d\D*\d\D*\d)\S*")
"""One word with an underscore or four digits: the name of a file, or a number."""
_DIGEST = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f-]{8,}|[\d-]{12,}", re.IGNORECASE)
"""Digests, UUIDs and long numbers, as programs name files."""


def given_title(title: str) -> str:
    """Return the title a person gave, without the file ending a program left on it; "" where a program made it up."""
    title = _ENDING.sub("", _PROGRAM.sub("", title)).strip()
    made_up = _IDENTIFIER.fullmatch(title) or _NO_TITLE.fullmatch(title) or not _LETTERS.search(title)
    return "" if made_up else title


def document_name(file_name: str, title: str) -> str:
    """Return the words a document is known by: its file name without the ending, then its title where it adds some."""
    stem = PurePosixPath(file_name.replace("\\", "/")).stem
    words = " ".join(re.sub(r"_+", " ", "" if _DIGEST.fullmatch(stem) else stem).split())
    return ": ".join(filter(None, (words, "" if title in (stem, words) else title)))

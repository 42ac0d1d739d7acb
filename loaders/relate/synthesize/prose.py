"""Real prose and plausible small matter (names, dates, amounts) to set pages with.

Comes in: a folder of text, HTML or gzipped text files, whose paths name their language ("html/fr-FR/..."; English where
they name none). Goes out: paragraphs and headings of a language, drawn with a random generator.
"""

from __future__ import annotations

import functools
import html
import random
import re
from dataclasses import dataclass
from pathlib import Path

from loaders.errors import UsageError

FOLDER = Path("/usr/share/doc")
PACKAGES = ("debian-handbook", "anarchism", "debian-policy")
"""Debian packages whose documents are read from FOLDER."""
MOST_FILES = 160
"""Files read per package and language: more would only take time."""
SHORTEST = 40
"""Characters a paragraph has at least."""

OTHER_SCRIPTS = frozenset({"ar", "el", "fa", "ja", "ko", "ru", "zh"})
"""Languages not written in Latin letters."""
MOST_ASCII = 0.45
"""Share of Latin letters from which a paragraph of such a language is taken for one not translated."""

_ELEMENT = re.compile(r"<(p|h[1-4]|div class=\"para\")(?:\s[^>]*)?>(.*?)</(?:p|h[1-4]|div)>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LANGUAGE = re.compile(r"/([a-z]{2})-[A-Z]{2}/")
_NUMBERING = re.compile(r"^(?:\w+ )?(?:[A-Z]?[\d.]+|[A-Z]\.)\s+")


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs and headings of one language."""

    language: str
    paragraphs: tuple[str, ...]
    headings: tuple[str, ...]
    folder: Path = FOLDER


@functools.lru_cache(maxsize=32)
def prose_of(language: str, folder: Path = FOLDER) -> Prose:
    """Return the prose of a language ("en") in a folder. Raises UsageError where there is none."""
    paragraphs: list[str] = []
    headings: list[str] = []
    for path in _files(language, folder):
        for kind, inner in _ELEMENT.findall(path.read_text(encoding="utf-8", errors="ignore")):
            text = " ".join(html.unescape(_TAG.sub("", inner)).replace("¶", "").split())
            if language in OTHER_SCRIPTS and _share_of_ascii(text) > MOST_ASCII:
                continue  # not translated yet
            if kind.startswith("h"):
                heading = _NUMBERING.sub("", text)
                headings += [heading] if 4 <= len(heading) <= 90 else []
            elif len(text) >= SHORTEST and "http" not in text:
                paragraphs.append(text)
    if not paragraphs:
        raise UsageError(
            f"no prose in the language {language!r} under {folder}; apt-get install {' '.join(PACKAGES)}, "
            "or name another folder of HTML files"
        )
    return Prose(language, tuple(paragraphs), tuple(headings) or ("—",), folder)


def _files(language: str, folder: Path) -> list[Path]:
    roots = [folder / name for name in PACKAGES if (folder / name).is_dir()] or [folder]
    found = []
    for root in roots:
        of_root = []
        for path in sorted(file for file in root.rglob("*.html") if file.is_file()):
            named = _LANGUAGE.search(path.as_posix())
            if (named.group(1) if named else "en") == language and not _is_other_chinese(path, language):
                of_root.append(path)
        found += of_root[:MOST_FILES]
    return found


def _share_of_ascii(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    return sum(map(str.isascii, letters)) / max(len(letters), 1)


def _is_other_chinese(path: Path, language: str) -> bool:
    return language == "zh" and "zh-TW" in path.as_posix()


FIRST = (
    "Ada Boris Carla Dmitri Elena Farid Greta Hamid Ingrid Jonas Keiko Luis Marta Nadia Omar Petra Quentin Rosa Samir "
    "Tove Ulrich Vera Wanda Xenia Yusuf Zoe Anna Ben Chloe David Emma Frank Grace Henry Iris Jack"
).split()
LAST = (
    "Abbott Bergman Castillo Dubois Eriksen Fischer Grant Hoffmann Ivanova Jensen Kowalski Larsson Moreau Nakamura "
    "Okafor Patel Quinn Rossi Schmidt Tanaka Ueda Vasquez Weber Young Zhang O'Neill McBride Lopez-Garcia van Dijk"
).split()
STREETS = "Mill Lane,High Street,Station Road,Park Avenue,Elm Drive,Church Street,Harbour Way,Kings Road".split(",")
TOWNS = "Ashford,Bremen,Camden,Delft,Esslingen,Fairview,Granada,Hartford,Ipswich,Jena,Kingston,Lund".split(",")
FIRMS = "Trading Ltd,& Sons,Industries Inc.,GmbH,Logistics,Partners LLP,Foods,Systems Corp.".split(",")
GOODS = (
    "Steel bolts M8,Copper wire 2.5 mm,LED lamp E27,Paper A4 80 g,Toner black,Desk "
    "chair,Safety gloves,Cable tie 200 mm,"
    "Oak board,Hex key set,Printer drum,Label roll,Battery AA,Hand cleaner,Power strip,USB cable 1 m,Shelf bracket"
).split(",")
MONTHS = "January February March April May June July August September October November December".split()


@dataclass(slots=True)
class Pen:
    """Draws prose and small matter with one random generator."""

    rng: random.Random
    prose: Prose

    def paragraph(self, low: int = 30, high: int = 110) -> str:
        """Return whole paragraphs of the source, cut or joined to about `low` to `high` words."""
        wanted = self.rng.randint(low, high)
        spaced = self.prose.language not in ("zh", "ja")
        size = len if not spaced else lambda text: len(text.split())
        text = self.rng.choice(self.prose.paragraphs)
        while size(text) < (wanted if spaced else wanted * 2):
            text += (" " if spaced else "") + self.rng.choice(self.prose.paragraphs)
        if not spaced:
            return text[: wanted * 2].rstrip() + "。"
        cut = " ".join(text.split()[:wanted])
        return cut if cut.endswith((".", "!", "?", "؟", "…")) else cut.rstrip(",;:([{") + "."

    def sentence(self, low: int = 6, high: int = 18) -> str:
        return self.paragraph(low, high)

    def phrase(self, low: int = 1, high: int = 4) -> str:
        """Return a few words, capitalised as a label is."""
        text = self.paragraph(high + 6, high + 12)
        if self.prose.language in ("zh", "ja"):
            start = self.rng.randrange(max(len(text) - 8, 1))
            return text[start : start + self.rng.randint(2, 6)].strip("。、，() ") or "項目"
        words = re.findall(r"[\w’'-]+", text) or ["Item"]
        start = self.rng.randrange(max(len(words) - high, 1))
        picked = " ".join(words[start : start + self.rng.randint(low, high)])
        return picked[:1].upper() + picked[1:]

    def heading(self) -> str:
        return self.rng.choice(self.prose.headings)

    def name(self) -> str:
        return f"{self.rng.choice(FIRST)} {self.rng.choice(LAST)}"

    def firm(self) -> str:
        return f"{self.rng.choice(LAST)} {self.rng.choice(FIRMS)}"

    def street(self) -> str:
        return f"{self.rng.randint(1, 240)} {self.rng.choice(STREETS)}"

    def town(self) -> str:
        return f"{self.rng.choice(TOWNS)} {self.rng.randint(10000, 99999)}"

    def goods(self) -> str:
        return self.rng.choice(GOODS)

    def date(self) -> str:
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(1960, 2026)
        return self.rng.choice(
            (f"{day} {MONTHS[month - 1]} {year}", f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}")
        )

    def number(self, most: int = 9999) -> str:
        """Return a figure as tables have them."""
        value = self.rng.random() * most
        kind = self.rng.randrange(5)
        return (f"{value:,.0f}", f"{value:.2f}", f"{value:,.1f}", f"({value:,.0f})", f"{value / most * 100:.1f}%")[kind]

    def amount(self) -> str:
        return f"{self.rng.random() * 10 ** self.rng.randint(1, 4):,.2f}"

    def code(self) -> str:
        return f"{self.rng.choice('ABCDEFGHKLMNPRSTX')}{self.rng.choice('ABCEKLMRTX')}-{self.rng.randint(100, 99999)}"

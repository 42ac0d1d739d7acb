"""When a PDF's own text can be trusted, per page and per font, and which parts of a page are to be read by OCR instead.

In come a page's TextLayer and its frame; out come a Verdict (a mask over the words, and why) and boxes to read, all in
the page's frame. Nothing here looks at pixels: it is all deterministic arithmetic on characters and boxes.

A font is the unit of trust, because it is fonts that break: a missing or wrong ToUnicode table garbles all the text in
one font and none in the next, and a page's average would hide it. The strongest sign needs no dictionary: of the pairs
of neighbouring letters in any European language at least half are among the 150 commonest; when letters have been
exchanged by a broken table, about one pair in five is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from loaders.document import TextLayer
from loaders.geometry import Box, Frame

Mask = npt.NDArray[np.bool_]

BAD_SHARE = 0.1
"""A font with more than this share of characters that mean nothing is broken."""
PAIRS_KNOWN = 0.45
"""Share of common letter pairs below which long text is no language; short text gets the benefit of `PAIRS_DOUBT`."""
PAIRS_DOUBT = 0.8
ACCENTED_SHARE = 0.5
"""Beyond this share of accented Latin letters, text is Cyrillic or Greek read in the wrong code page."""
LONGEST_MEAN = 20.0
"""Mean letters per word beyond which the spaces are missing."""
PAGE_SHARE = 0.5
"""A page is read by OCR altogether when less than this share of its visible characters can be trusted."""
SMALLEST_PICTURE = (24.0, 8.0)
"""Long and short side of the smallest picture that can hold a word, in points."""
SCAN_SHARE, STAMP_SHARE = 0.7, 0.02
"""A page is a scan when one picture takes up at least the first share of it and words at most the second: a stamp."""
WORDS_KNOWN = 1 << 14
"""Words whose verdict is remembered: a language's commonest thousand make up most of any text."""

_COMMON_PAIRS = """
th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro
ic ne ea ra ce li ch ei ie un ge di au el be sc da si us ss la ll om ma ta na ni no os ad do ca qu pe po pa pr
tr et lo so ur il em im mo mi ac ec ct ns ts tt ee oo aa ij vo oe ue ai oi eu ia ao ol ul ut mp nc rs rt su sp
ag eg ig nu va vi ka ki ko ku ak ok sk zy cz sz rz wa wi ow ja je aj ej yo ya uk ir yi ik ek mu ny yn dd wy
"""
_PAIRS = frozenset(_COMMON_PAIRS.split())
"""The commonest within words of English, German, French, Spanish, Italian, Portuguese, Dutch, the Nordic, Slavic (in
Latin script), Turkish and Malay languages, without accents."""
_LATIN_RUN = re.compile("[a-z]{3,}")  # shorter runs are units, symbols and part numbers
_LOST_LIGATURE = re.compile(r"^[^@.:/]*[a-z]@[a-z]+[,;)’”]?$")
"""An at sign inside a word that is no address: a font's ff or ffi that was mapped to it ("o@ice")."""
_CID = re.compile(r"\(cid:\d+\)")
_RISE = re.compile("[a-z](?=[A-Z])")
_ASCII_WORD = re.compile("[A-Za-z]+")
KASHIDA = "\u0640"
"""The stroke that stretches Arabic words."""
_SIGNS = frozenset("!\"#$%&'*+/:;<=>?@[\\]^`{|}~")


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What of a text layer to believe.

    trusted    bool (N,): visible words whose text can be taken as it is
    page       the layer serves; False: read the whole page by OCR and take no word from the layer
    ocr_layer  bool (N,): plausible words that someone's OCR has put, unseen, over or under a picture; the text to fall
               back on where no OCR is to be done
    reasons    why something is not trusted, one line each
    """

    trusted: Mask
    page: bool
    ocr_layer: Mask
    reasons: tuple[str, ...]


def judge(layer: TextLayer, frame: Frame) -> Verdict:
    """Decide per font and per page whether a PDF's own words can be trusted."""
    texts, hidden = layer.words.texts, layer.hidden
    broken = np.array([_bad_characters(text) > 0 or _lost_ligature(text) for text in texts], bool)
    reasons: list[str] = []
    by_font: dict[str, list[int]] = {}
    for row, font in enumerate(layer.fonts):
        by_font.setdefault(font, []).append(row)
    for font, rows in by_font.items():
        flaw = font_flaw([texts[row] for row in rows])
        if flaw:
            broken[rows] = True
            reasons.append(f"font {font or 'without a name'}: {flaw}")
    trusted = ~broken & ~hidden
    over = _over_pictures(layer)
    if hidden.any():
        reasons.append(
            f"{int(hidden.sum())} of {len(texts)} words cannot be seen, {int((hidden & over).sum())} at a picture"
        )
    page = _serves(layer, frame, trusted, reasons)
    return Verdict(trusted, page, hidden & over & ~broken, tuple(reasons))


def regions_to_ocr(layer: TextLayer, verdict: Verdict, frame: Frame) -> list[Box]:
    """Return what to read by OCR: the whole page, or its pictures and the places of words that cannot be trusted.

    Boxes do not lie in one another, and come from top to bottom.
    """
    if not verdict.page:
        return [frame.box]
    long, short = SMALLEST_PICTURE
    found = [
        figure
        for figure in layer.figures
        if max(figure.width, figure.height) >= long and min(figure.width, figure.height) >= short
    ]
    doubtful = ~verdict.trusted & ~layer.hidden & ~np.array([_is_icon(text) for text in layer.words.texts], bool)
    margins = layer.words.sizes * 0.5
    found += [
        Box(x0, y0, x1, y1, frame).grown(float(margin))
        for (x0, y0, x1, y1), margin in zip(layer.words.boxes[doubtful].tolist(), margins[doubtful], strict=True)
    ]
    return sorted(_merged(found, frame), key=lambda box: (box.y0, box.x0, box.y1, box.x1))


def font_flaw(texts: Sequence[str]) -> str:
    """Say what is wrong with the words of one font, "" when nothing is. Each rule wants enough text to go by."""
    characters = Counter("".join(texts))
    bad, count = sum(map(_bad_characters, texts)), characters.total()
    if bad > BAD_SHARE * count:
        return f"{bad} of {count} characters mean nothing"
    return (
        _strange_pairs(texts)
        or _strange_accents(characters)
        or _strange_signs(characters)
        or _one_letter(texts)
        or _tumbled_case(texts)
        or _no_spaces(texts)
    )


# -- signs of a broken font -------------------------------------------------------------------------------------------


@lru_cache(WORDS_KNOWN)
def _bad_characters(text: str) -> int:
    """Count private-use, replacement, control and unassigned characters, and the letters of (cid:12) marks."""
    if text.isascii() and text.isprintable():
        return sum(len(mark) for mark in _CID.findall(text)) if "(" in text else 0
    bad = sum(char == "\ufffd" or unicodedata.category(char) in ("Co", "Cc", "Cn", "Cs") for char in text)
    return bad + sum(len(mark) for mark in _CID.findall(text))


def _lost_ligature(text: str) -> bool:
    return "@" in text and _LOST_LIGATURE.search(text) is not None


@lru_cache(WORDS_KNOWN)
def _letter_pairs(text: str) -> tuple[int, int]:
    """Count a word's pairs of neighbouring letters, and those that are usual."""
    count = known = 0
    for run in _LATIN_RUN.findall(_without_accents(text.lower())):
        count += len(run) - 1
        known += sum(run[at : at + 2] in _PAIRS for at in range(len(run) - 1))
    return count, known


def _strange_pairs(texts: Sequence[str]) -> str:
    count, known = map(sum, zip(*map(_letter_pairs, texts), strict=True)) if texts else (0, 0)
    if count >= 24 and known / count < PAIRS_KNOWN - PAIRS_DOUBT / count**0.5:
        return f"its letters make no language ({known} of {count} pairs are usual ones)"
    return ""


def _strange_accents(characters: Counter[str]) -> str:
    latin = sum(count for char, count in characters.items() if char.isascii() and char.isalpha())
    accented = sum(count for char, count in characters.items() if "\u00c0" <= char <= "\u00ff")
    if accented + latin >= 40 and accented > ACCENTED_SHARE * (accented + latin):
        return "most of its letters have accents: a wrong code page"
    return ""


def _strange_signs(characters: Counter[str]) -> str:
    signs = {char: count for char, count in characters.items() if char in _SIGNS}
    words = sum(count for char, count in characters.items() if char.isalnum())
    count = characters.total()
    if count >= 5 and len(signs) >= 3 and sum(signs.values()) >= 0.5 * count and words <= 0.3 * count:
        return "most of its characters are signs"
    return ""


def _one_letter(texts: Iterable[str]) -> str:
    characters = Counter("".join(text for text in texts if len(text) >= 4))
    letters = Counter({char: n for char, n in characters.items() if char.isalpha() and char != KASHIDA})
    count = letters.total()
    if count >= 40 and letters.most_common(1)[0][1] > 0.5 * count:
        return f"most of its letters are {letters.most_common(1)[0][0]!r}"
    return ""


def _tumbled_case(texts: Iterable[str]) -> str:
    words = [text for text in texts if len(text) >= 4 and text.isalpha()]
    tumbled = sum(len(_RISE.findall(word)) > 0.25 * len(word) for word in words if not word[1:].islower())
    return "capitals stand inside its words" if len(words) >= 20 and tumbled > 0.3 * len(words) else ""


def _no_spaces(texts: Iterable[str]) -> str:
    words = _ASCII_WORD.findall(" ".join(texts))
    letters = sum(map(len, words))
    return "its spaces are missing" if letters >= 150 and letters > LONGEST_MEAN * len(words) else ""


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _is_icon(text: str) -> bool:
    """Say whether a word is a tick, a bullet or a pictogram of an icon font: nothing that OCR could read better."""
    return len(text) <= 2 and all(char == "\ufffd" or unicodedata.category(char) == "Co" for char in text)


# -- the page ---------------------------------------------------------------------------------------------------------


def _serves(layer: TextLayer, frame: Frame, trusted: Mask, reasons: list[str]) -> bool:
    if frame.unit == "px":
        reasons.append("an image has no text of its own")
        return False
    lengths = np.array([0 if _is_icon(text) else len(text) for text in layer.words.texts], int)
    visible, believed = int(lengths[~layer.hidden].sum()), int(lengths[trusted].sum())
    if visible == 0:
        reasons.append("no words of its own can be seen")
        return False
    if believed < PAGE_SHARE * visible:
        reasons.append(f"only {believed} of {visible} visible characters can be trusted")
        return False
    words = layer.words.boxes[trusted]
    written = float(((words[:, 2] - words[:, 0]) * (words[:, 3] - words[:, 1])).sum())
    largest = max((figure.area for figure in layer.figures), default=0.0)
    if largest >= SCAN_SHARE * frame.box.area and written <= STAMP_SHARE * frame.box.area:
        reasons.append("a picture fills the page, and there are only a few words besides")
        return False
    return True


def _over_pictures(layer: TextLayer) -> Mask:
    boxes = layer.words.boxes
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    over = np.zeros(len(boxes), bool)
    for figure in layer.figures:
        over |= (x >= figure.x0) & (x <= figure.x1) & (y >= figure.y0) & (y <= figure.y1)
    return over


def _merged(boxes: list[Box], frame: Frame) -> list[Box]:
    """Join boxes until none overlaps another by more than a fifth of the smaller."""
    merged = np.zeros((0, 4))
    for box in sorted((box.xyxy for box in boxes), key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), reverse=True):
        grown = np.array(box)
        while True:
            shared = np.clip(np.minimum(merged[:, 2:], grown[2:]) - np.maximum(merged[:, :2], grown[:2]), 0, None)
            smaller = np.minimum((merged[:, 2:] - merged[:, :2]).prod(axis=1), (grown[2:] - grown[:2]).prod())
            touching = shared.prod(axis=1) > 0.2 * smaller
            if not touching.any():
                break
            near = np.concatenate([merged[touching], grown[None]])
            grown = np.concatenate([near[:, :2].min(axis=0), near[:, 2:].max(axis=0)])
            merged = merged[~touching]
        merged = np.concatenate([merged, grown[None]])
    return [Box(x0, y0, x1, y1, frame) for x0, y0, x1, y1 in merged.tolist()]

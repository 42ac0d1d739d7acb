"""What a word or a line says of its own role by its characters: bullets, numbering, numbers, captions, scripts.

In: texts. Out: yes or no. No geometry here.
"""

from __future__ import annotations

import re

BULLETS = frozenset("•‣◦▪▫■□●○◆◇▶►➢➤✓✔❖·∙–—-*⁃\uf0b7\uf0a7\uf0d8\uf076\uf02d§o")
_STRONG_BULLETS = BULLETS - frozenset("–—-*§o·")
_ENUMERATOR = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5}|[IVXLC]{1,5})[.)]|\[\d{1,3}\]|\(\d{1,3}\)|[①-⑳])$")
_NUMBER = re.compile(
    r"[(\[]?[-+–−<>~±]?[$€£¥]?\d[\d.,:/’' ]*\s?(?:%|‰|°|[kKmMbB]n?)?[)\]]?[*†‡]?$|[-–—.]+$|n/?a$", re.I
)
_HEADING_NUMBER = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*\.?|[A-Z](?:\.\d{1,2})+\.?|[IVX]{1,5}\.|[A-Z]\.)$")
_NAMED_HEADING = re.compile(r"(chapter|part|section|appendix|annex|kapitel|teil|chapitre|anhang)\s+[\dA-Z]+\b", re.I)
_CAPTION = re.compile(
    r"(?:(?:figure|fig|table|tab|chart|exhibit|plate|scheme|map|box|graph|photo|illustration|image|diagram"
    r"|abbildung|abb|tabelle|tableau|figura|tabla|tabela)\.?\s*(?-i:[A-Z]{0,3}[-.]?\d+(?:[-.–]\d+)*[a-z]?|[IVXLC]+|[A-Z])(?![^\W\d_])"
    r"|[图圖表]\s*\d+(?:[-.–]\d+)*)(?P<rest>.*)$",
    re.I | re.S,
)
_FOOTNOTE = re.compile(r"(?:\d{1,3}|[*†‡§¶]{1,3}|[¹²³⁰-⁹]+|\[\d{1,3}\]|[a-z])[.)]?$")
_FORMULA = re.compile(r"(?:^|\s|[\w)\]])[=≈≠≤≥→⇌√∑∫∂](?:\s|$|[\w(\[−-])|(?:^|\s)[×÷](?:\s|$)")
_TRAILING = re.compile(r"[(（][A-Z]?\.?\d{1,3}(?:[.\-–]\d{1,3})*[a-z]?[)）]$")
_TABLE_NOTE = re.compile(r"(?:sources?|notes?|quellen?|anmerkung(?:en)?|fuentes?|资料来源|来源|注)\s*[:：.]", re.I)
_ASIDE = re.compile(
    r"[(\[][^()\[\]]*[)\]]$|(?:\d{1,2}\.?\s)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:\s\d{1,2})?,?(?:\s\d{4})?$",
    re.I,
)
_FIGURES = re.compile(r"(?<!\S)[$€£¥]?\d[\d.,]*%?(?!\S)")
_MEASURE = re.compile(r"\d+[.,]\d+[a-zµμ]|[*†‡]+\s?\w")
_SIGN = re.compile(r"[A-Z]{2}$")
_ROMAN = re.compile(r"(?:X{0,3}(?:IX|IV|V?I{0,3}))$")
_UNFINISHED = re.compile(r"\s(?:the|an?|and|or|der|die|das|den|und|le|les|et|du|des|el|los|y|del)$")
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_LTR = re.compile(r"[A-Za-z\u00c0-\u024f\u0370-\u052f]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_SENTENCE_END = re.compile(
    r"(?:[.!?:;。！？：；]|[^\W\d][.!?:;][\d*†‡]{1,3})[\"'”’»)\]]*$|[^\W\d][.!?][\"'”’»)\]]+[\d*†‡]{1,3}$"
)


def is_bullet(word: str) -> bool:
    """Say whether a word is nothing but a bullet."""
    return len(word) == 1 and word in BULLETS


def starts_with_bullet(word: str) -> bool:
    """Say whether a word is a bullet or has one stuck to its front, as OCR gives them."""
    return is_bullet(word) or (len(word) > 1 and word[0] in _STRONG_BULLETS)


def is_enumerator(word: str) -> bool:
    """Say whether a word numbers a list item: "1.", "(a)", "iv)", "[12]"."""
    return bool(_ENUMERATOR.match(word))


def is_number(text: str) -> bool:
    """Say whether a text is a figure as a table cell or a page number has it, or a dash for none."""
    return bool(_NUMBER.match(text))


def is_heading_number(word: str) -> bool:
    """Say whether a word numbers a heading: "3", "3.2", "A.1", "IV."."""
    return bool(_HEADING_NUMBER.match(word))


def is_aside(text: str) -> bool:
    """Say whether a text is a date or all in brackets, which no heading is, however it is set."""
    return bool(_ASIDE.match(text.strip()))


def numbering_depth(text: str) -> int:
    """Return how deep a heading's number is: 1 for "3 Results" and "Chapter 3", 2 for "3.2 Ablations", 0 for none."""
    if _NAMED_HEADING.match(text):
        return 1
    first, _, rest = text.partition(" ")
    if not rest.strip() or not _HEADING_NUMBER.match(first):
        return 0
    return len([part for part in first.split(".") if part])


def is_caption(text: str) -> bool:
    """Say whether a text names a figure or table, as "Figure 3. Results" does and "Figure 3 shows that" does not."""
    match = _CAPTION.match(text)
    if not match:
        return False
    rest = match["rest"].lstrip()
    return not rest or not (rest[0].islower() or rest[0] in ",;)")


def is_caption_label(text: str) -> bool:
    """Say whether a text is only the label that a caption opens with: "Figure 3", "Table 2.1:"."""
    match = _CAPTION.match(text)
    return match is not None and not match["rest"].strip(" .:–—-|")


def is_footnote_mark(word: str) -> bool:
    """Say whether a word may call or open a footnote."""
    return bool(_FOOTNOTE.match(word))


def is_trailing_number(word: str) -> bool:
    """Say whether a word is a number as set at the end of an equation's row: "(13)", "(2.4a)"."""
    return bool(_TRAILING.match(word))


def is_table_note(text: str) -> bool:
    """Say whether a text says where a table or figure comes from, or how to read it, as its last line does."""
    return bool(_TABLE_NOTE.match(text))


def is_formula(text: str) -> bool:
    """Say whether a text calculates or equates something, as no heading does."""
    return bool(_FORMULA.search(text))


def can_head(text: str) -> bool:
    """Say whether a text may be a heading by what it says.

    It has letters and opens with none in lower case; it is no figure or row of them, formula, date, aside, caption or
    note, and no sign of two capitals alone; and it does not break off, unless a number says that it is a heading.
    """
    letters = sum(map(str.isalpha, text))
    if letters < 2 or letters < 0.4 * len(text.replace(" ", "")) or text[:1].islower():
        return False
    figures = len(_FIGURES.findall(text))
    if figures >= 3 and figures >= 0.4 * len(text.split()):
        return False
    if _MEASURE.match(text) or (_SIGN.match(text) and not _ROMAN.match(text)):
        return False
    if is_unfinished(text) and not numbering_depth(text):
        return False
    return not (is_number(text) or is_aside(text) or is_formula(text) or is_caption(text) or is_table_note(text))


def is_unfinished(text: str) -> bool:
    """Say whether a text breaks off: at an article or an "and", or before a bracket is closed."""
    return bool(_UNFINISHED.search(text)) or text.count("(") > text.count(")")


def is_opening_number(word: str) -> bool:
    """Say whether a word at the start of a row may number what follows it: a heading's number or a footnote's."""
    return is_heading_number(word) or is_footnote_mark(word)


def ends_sentence(text: str) -> bool:
    """Say whether a text ends as a sentence does, closing quotes and note marks allowed."""
    return bool(_SENTENCE_END.search(text))


def runs_right_to_left(text: str) -> bool:
    """Say whether most letters of a text are of a script written from right to left."""
    return not text.isascii() and len(_RTL.findall(text)) > len(_LTR.findall(text))


def has_latin(text: str) -> bool:
    """Say whether a text holds letters written from left to right."""
    return bool(_LTR.search(text))


def is_cjk(text: str) -> bool:
    """Say whether most of a text is Chinese, Japanese or Korean."""
    return len(_CJK.findall(text)) * 2 > len(text)

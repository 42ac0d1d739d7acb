"""Line ends: a truth table of what stands between two lines, with the rest of the document as evidence."""

from __future__ import annotations

import pytest

from loaders.text.hyphens import Joint, Lexicon

GOES, CLOSED, SPACE = Joint.HYPHEN_GOES, Joint.CLOSED, Joint.SPACE

TABLE = [
    # tail, head, the rest of the document, what stands between
    ("the", "end", "", SPACE),
    ("inter-", "national", "", GOES),
    ("Inter-", "national,", "an international matter", GOES),
    ("(inter-", "national)", "", GOES),
    ("inter-", "national's", "", GOES),
    ("inter\u2010", "national", "", GOES),
    ("INTER-", "NATIONAL", "International law", GOES),
    ("INTER-", "NATIONAL", "", CLOSED),
    ("well-", "known", "a well-known man", CLOSED),
    ("well-", "known", "a wellknown man", GOES),
    ("co-", "operate", "they co-operate and cooperate", CLOSED),
    ("self-", "attention", "", CLOSED),
    ("user-", "defined", "the user has defined it", CLOSED),
    ("cross-", "entropy", "cross-validation", CLOSED),
    ("cross-", "ing", "cross-validation and crossings", GOES),
    ("in-", "form", "in this form", GOES),
    ("n-", "octanal", "", CLOSED),
    ("n-", "octanal", "n-octanal and n-hexanal", CLOSED),
    ("state-of-", "the-art", "", CLOSED),
    ("vracht-", "en", "personenvervoer", SPACE),
    ("two-", "and", "threefold", SPACE),
    ("Haupt-", "und", "Nebensatz", SPACE),
    ("chick-", "en", "the chicken", GOES),
    ("Jean-", "Pierre", "", CLOSED),
    ("COVID-", "19", "", CLOSED),
    ("1990-", "1995", "", CLOSED),
    ("A4-", "format", "", CLOSED),
    ("https://a-", "site.org/x", "", CLOSED),
    ("-", "next", "", SPACE),
    ("word--", "next", "", SPACE),
    ("pre-", "(post)", "", SPACE),
    ("non\u2011", "breaking", "", CLOSED),
    ("soft\u00ad", "ened", "", GOES),
    ("soft\u00ad", "Ened", "soft-ened", GOES),
    ("\u00ad", "alone", "", CLOSED),
    ("漢", "字", "", CLOSED),
    ("漢", "word", "", SPACE),
    ("한국", "어", "", SPACE),
    ("ภาษา", "ไทย", "", CLOSED),
]


@pytest.mark.parametrize(("tail", "head", "rest", "joint"), TABLE)
def test_what_stands_between_two_lines(tail: str, head: str, rest: str, joint: Joint) -> None:
    assert Lexicon(lambda: [["A", tail], [head, "z"], rest.split()]).joint(tail, head) is joint


def test_halves_of_broken_words_are_no_evidence() -> None:
    lines = [["the", "data-"], ["base", "is"], ["data-"], ["base"]]
    assert Lexicon(lambda: lines).joint("data-", "base") is GOES


def test_documents_without_hyphens_are_not_searched() -> None:
    def lines() -> list[list[str]]:
        raise AssertionError

    assert Lexicon(lines).joint("the", "end") is SPACE

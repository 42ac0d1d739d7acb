"""What texts say of their own role."""

from __future__ import annotations

import pytest

from loaders.relate import marks


@pytest.mark.parametrize(
    ("test", "yes", "no"),
    [
        (marks.starts_with_bullet, ["•", "▪", "•First", "-", "–"], ["-5", "a", "word", "–1"]),
        (marks.is_enumerator, ["1.", "(a)", "iv)", "[12]", "B.", "(3)"], ["1", "1999", "a", "12.5", "e.g."]),
        (marks.is_number, ["12", "3.5%", "(1,200)", "$4.00", "-7", "–", "n/a", "1.5M"], ["2nd", "A4", "x", "May 5"]),
        (marks.is_heading_number, ["3", "3.2", "3.2.1.", "IV.", "A.1"], ["1999.", "IV", "3.a", "word"]),
        (
            marks.is_caption,
            [
                "Figure 3",
                "Fig. 2: Rates",
                "Table 4.1 Counts by year",
                "TABLE II",
                "Abb. 3 Bild",
                "表7",
                "Chart 2 – Costs",
            ],
            ["Figure 3 shows that", "Table 2, which", "Figures", "The table", "Charting 3", "Figure it out"],
        ),
        (marks.is_caption_label, ["Figure 3", "Table 2.1:", "表7"], ["Figure 3 Rates", "3", ""]),
        (marks.is_trailing_number, ["(13)", "(2.4a)", "（5）"], ["13", "(see 13)", "(1999 and)"]),
        (marks.is_footnote_mark, ["1", "23", "*", "†", "[3]", "a"], ["word", "1999", "1st"]),
        (
            marks.is_formula,
            ["pH = 5.5", "a → b", "x=3", "E = mc2", "√(.5)"],
            ["Results", "A/B test", "x", "Q&A - open"],
        ),
        (
            marks.can_head,
            [
                "3.2 Results",
                "Humanity's Home Base.",
                "第一章 引言",
                "¿Qué es?",
                "II. Methods",
                "الفصل الأول",
                "II",
                "Q4 2021 results",
                "2.1 Aims",
                "1st",
                "2. Profile of the",
                "What is it for?",
            ],
            [
                "and then",
                "kg soil",
                "Figure 2. Rates",
                "Source: OECD",
                "pH = 5.5",
                "(in euro)",
                "12",
                "3 May 2021",
                "10 kg clay 10 cmolc 1.0",
                "2.5cmolc",
                "*Double these amounts",
                "AW",
                "Review the graph of the",
                "Which of these (select all",
                "…",
            ],
        ),
        (marks.is_table_note, ["Source: OECD", "Notes: none", "注：略"], ["Sources differ", "Notebook: x"]),
        (
            marks.is_aside,
            ["(In millions)", "December 31, 2019", "5 May 2020", "[sic]"],
            ["May the force", "(a) Aims", "2019"],
        ),
        (marks.ends_sentence, ["So.", "So?", 'So."', "So.12", "是。"], ["So", "So,", "3.5"]),
        (marks.runs_right_to_left, ["שלום", "مرحبا OCR"], ["hello", "12", ""]),
        (marks.is_cjk, ["世界", "世界O"], ["OK", "", "世 is one"]),
    ],
)
def test_truth(test, yes, no):
    assert [text for text in yes if not test(text)] == []
    assert [text for text in no if test(text)] == []


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("3 Results", 1),
        ("3. Results", 1),
        ("3.2 Ablations", 2),
        ("A.1.2 Proofs", 3),
        ("Chapter 4", 1),
        ("Appendix B Data", 1),
        ("Results", 0),
        ("3", 0),
        ("2019 was good", 0),
    ],
)
def test_numbering_depth(text, depth):
    assert marks.numbering_depth(text) == depth

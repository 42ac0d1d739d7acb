"""What a question asks for, apart from how it wants to be answered: instructions, periods, pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.question import LAST, spelled_out, understood, without_instructions


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("What sank? Answer in one word.", "What sank?"),
        ("What was paid? Round your answer to two decimal places. Say it in the accounts.", None),
        ("How many ships sank? If there is no mention, return 0.", "How many ships sank?"),
        ("How many? Please write the answer in float format.", "How many?"),
        ("Which ports? The answer should be a list. Directly answer 'yes' or 'no'.", "Which ports?"),
        ("Does it pay? If pay is no useful figure, then state that and explain why.", "Does it pay?"),
        ("Answer the following: what sank?", "Answer the following: what sank?"),
        ("If the harbour closed, what would you say was lost?", "If the harbour closed, what would you say was lost?"),
        ("Return of the herring", "Return of the herring"),
        ("Round barrows. Format of the burials.", "Round barrows. Format of the burials."),
        ("What sank? Give a response from the balance sheet.", "What sank? Give a response from the balance sheet."),
        ("Was besagt § 4? Die Antwort auf Deutsch.", "Was besagt § 4? Die Antwort auf Deutsch."),
    ],
)
def test_instructions_are_left_out_beside_a_question(query: str, asked: str | None) -> None:
    assert without_instructions(query) == (asked or "What was paid? Say it in the accounts.")


@pytest.mark.parametrize(
    ("query", "spelled"),
    [
        ("FY2022 sales", "fiscal 2022 sales"),
        ("between FY20 and FY 1998", "between fiscal 2020 and fiscal 1998"),
        ("FY98", "fiscal 1998"),
        ("Q2 of FY2024", "second quarter of fiscal 2024"),
        ("Q1'22 and 3Q23", "first quarter 2022 and third quarter 2023"),
        ("2021 Q1 revenue", "2021 first quarter revenue"),
        ("the Audi Q4", "the Audi Q4"),
        ("Q1. What sank?", "Q1. What sank?"),
        ("model FY20221", "model FY20221"),
        ("", ""),
    ],
)
def test_periods_are_spelled_as_reports_spell_them(query: str, spelled: str) -> None:
    assert spelled_out(query) == spelled


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("What does the figure on page 9 show?", {9}),
        ("pages 15 and 16", {15, 16}),
        ("pp. 3-5, page(1)", {1, 3, 4, 5}),
        ("the first page and the last page", {1, LAST}),
        ("How many people are on the cover?", {1}),
        ("What does the insurance cover?", set()),
        ("How many pages are there? 12 pages", set()),
        ("in 2019, of 30 million", set()),
        ("pages 1-5000", {1, 5000}),
        ("pages 9-3", {3, 9}),
    ],
)
def test_pages_are_found_where_they_are_named(query: str, pages: set[int]) -> None:
    assert understood(query).pages == pages


def test_words_hold_both_spellings() -> None:
    question = understood("Sales in FY22? Answer in millions.")
    assert (question.asked, question.text) == ("Sales in FY22?", "Sales in fiscal 2022?")
    assert question.words.split() == ["Sales", "in", "fiscal", "2022?", "FY22?"]


@given(st.text(max_size=60))
def test_no_question_is_lost(query: str) -> None:
    question = understood(query)
    assert question.parts
    assert question.text or not query
    assert all(page >= LAST for page in question.pages)

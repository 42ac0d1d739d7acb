"""Filters become SQL in which no value can be anything but a value."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.filters import sql_of
from loaders.errors import UsageError


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        (None, None),
        ({}, None),
        ("page > 2", "page > 2"),
        ({"page_number": 3}, "page_number = 3"),
        ({"ocr": True}, "ocr = TRUE"),
        ({"confidence": {">=": 0.5}}, "confidence >= 0.5"),
        ({"page": {">": 1, "<=": 4}}, "page > 1 AND page <= 4"),
        ({"category": ["table", "text"]}, "category IN ('table', 'text')"),
        ({"category": []}, "FALSE"),
        ({"title": "O'Hara's"}, "title = 'O''Hara''s'"),
        ({"page": 1, "unit": "pt"}, "page = 1 AND unit = 'pt'"),
    ],
)
def test_truth_table(where: Any, sql: str | None) -> None:
    assert sql_of(where) == sql


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"nonsense": 1}, "no metadata key 'nonsense'"),
        ({"page": {"LIKE": 1}}, "no operator 'LIKE'"),
        ({"page": object()}, "not object"),
        (7, "not int"),
    ],
)
def test_wrong_use_says_how_to_mend(where: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sql_of(where)

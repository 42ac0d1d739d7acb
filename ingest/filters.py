"""Conditions on metadata, as a dict or as SQL, become one Lance SQL condition.

Lance reads "double quotes" as a column name, so that a literal in them filters on nothing and says nothing: every
literal goes through `_literal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loaders.errors import UsageError
from loaders.metadata import KEYS

OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
COLUMNS = frozenset(KEYS) | {"chunk_id", "path", "text"}


def sql_of(where: Any) -> str | None:
    """Return a SQL condition, or None for no condition.

    A dict says `{key: value}`, `{key: [any, of, these]}` or `{key: {operator: value}}`; its entries are joined by AND.
    Raises UsageError for an unknown key, operator or type of value.
    """
    if not where:
        return None
    if isinstance(where, str):
        return where
    if not isinstance(where, Mapping):
        raise UsageError(f"a filter is a dict or a SQL string, not {type(where).__name__}")
    return " AND ".join(_condition(key, value) for key, value in where.items())


def _condition(key: str, value: Any) -> str:
    if key not in COLUMNS:
        raise UsageError(f"no metadata key {key!r}; there are {', '.join(sorted(COLUMNS))}")
    if isinstance(value, Mapping):
        return " AND ".join(f"{key} {_operator(op)} {_literal(v)}" for op, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return f"{key} IN ({', '.join(_literal(v) for v in value)})" if value else "FALSE"
    return f"{key} = {_literal(value)}"


def _operator(operator: str) -> str:
    if operator not in OPERATORS:
        raise UsageError(f"no operator {operator!r}; there are {' '.join(OPERATORS)}")
    return operator


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise UsageError(f"a filter compares strings, numbers and booleans, not {type(value).__name__}")

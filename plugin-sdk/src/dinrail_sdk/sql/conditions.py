"""What a service may say in a condition, an order or a value: things about the rows of one table, and no more.

A list of what is allowed, since a list of what is not would have holes: a subquery, a piece of text, an operator spelt
by hand or a function that runs SQL could each look past the condition of ownership that stands beside it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    Case,
    Cast,
    ClauseElement,
    ClauseList,
    ExpressionClauseList,
    False_,
    Grouping,
    Null,
    True_,
    TypeClause,
    UnaryExpression,
)
from sqlalchemy.sql.elements import Tuple as TupleClause
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.operators import custom_op, eq, in_op

from dinrail_core.errors import InvalidRequest
from dinrail_sdk.sql.tables import OWNERSHIP

__all__ = ["FUNCTIONS", "check_expression", "check_text", "is_expression", "leads"]

FUNCTIONS = frozenset({"abs", "coalesce", "length", "lower", "replace", "upper"})
"""Functions that look at their arguments alone, and that SQLite and PostgreSQL both have."""

_ALLOWED = (
    BinaryExpression,
    BindParameter,
    Case,
    Cast,
    ClauseList,
    ExpressionClauseList,
    False_,
    Grouping,
    Null,
    True_,
    TupleClause,
    TypeClause,
    UnaryExpression,
)


_PLAIN = frozenset({bool, bytes, float, int, str, type(None)})


def is_expression(value: Any) -> bool:
    """Whether a value is to be computed by the database."""
    # By its type first, since this is asked about every value of every row.
    return type(value) not in _PLAIN and (isinstance(value, ClauseElement) or hasattr(value, "__clause_element__"))


def check_expression(table: Table, expression: object) -> None:
    """See that an expression is about the table's own columns and about values.

    Raises:
        TypeError: It is not: a mistake in a service's code.
        InvalidRequest: It holds text that no database can hold.
    """
    if not isinstance(expression, ClauseElement):
        raise TypeError(f"For '{table.name}', {expression!r:.100} is no expression over its columns.")
    for part in visitors.iterate(expression):
        if not _is_harmless(table, part):
            raise TypeError(f"An expression for '{table.name}' looks into something else: {type(part).__name__}.")
        if isinstance(part, BindParameter):
            check_text(part.value)


def leads(table: Table, condition: object) -> bool:
    """Whether a condition leads to few rows by itself: a column that an index begins with is one of some values."""
    return (
        isinstance(condition, BinaryExpression)
        and condition.operator in (eq, in_op)
        and isinstance(condition.left, Column)
        and condition.left.name in _leading(table)
    )


def check_text(value: Any) -> None:
    """See that text can be stored: PostgreSQL has no NUL in text, so nothing of ours has.

    Raises:
        InvalidRequest: It cannot.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidRequest("Text must not contain the character U+0000.")
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_text(item)


def _is_harmless(table: Table, part: object) -> bool:
    if isinstance(part, Column):
        return part.table is table
    if isinstance(part, Function):
        return not part.packagenames and part.name in FUNCTIONS
    if isinstance(part, (BinaryExpression, UnaryExpression)):
        operators = (part.operator, getattr(part, "negate", None), getattr(part, "modifier", None))
        return not any(isinstance(operator, custom_op) for operator in operators)
    return isinstance(part, _ALLOWED)


@cache
def _leading(table: Table) -> frozenset[str]:
    keys = (one for one in table.constraints if isinstance(one, (PrimaryKeyConstraint, UniqueConstraint)))
    first = (next(iter(one.columns)).name for one in (*table.indexes, *keys) if len(one.columns))
    return frozenset(first) - OWNERSHIP

"""New rows: through SQLAlchemy, and into SQLite past it, where its part costs more than SQLite's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, insert
from sqlalchemy.exc import DBAPIError

__all__ = ["insert_rows"]

Row = dict[str, Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows, all of which hold the same columns.

    Args:
        connection: Inside a transaction.
        table: The table.
        rows: At least one.

    Raises:
        DBAPIError: The database refuses them; ``orig`` is the driver's error.
    """
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and (prepared := _prepared(table, tuple(rows[0]))) is not None:
        _past_sqlalchemy(driver, prepared, rows)
    else:
        connection.execute(_insertion(table), rows if len(rows) > 1 else rows[0])


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as the driver takes it.

    Attributes:
        text: The statement.
        columns: Whose values it takes, in order, each with what makes the driver's value of ours where that differs.
    """

    text: str
    columns: Sequence[tuple[str, Callable[[Any], Any] | None]]


@cache
def _insertion(table: Table) -> Insert:
    """Made once for each table: making a statement costs as much as running it."""
    return insert(table)


@cache
def _prepared(table: Table, names: tuple[str, ...]) -> _Prepared | None:
    """The statement; ``None`` where SQLAlchemy would add values of its own, such as a column's default."""
    from sqlalchemy.dialects import sqlite  # not for who has another database

    dialect = sqlite.dialect()
    compiled = _insertion(table).compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup or []
    if not set(order) <= set(names):
        return None
    types = {column.name: column.type.dialect_impl(dialect) for column in table.columns}
    return _Prepared(str(compiled), [(name, types[name].bind_processor(dialect)) for name in order])


def _past_sqlalchemy(driver: sqlite3.Connection, prepared: _Prepared, rows: Sequence[Row]) -> None:
    values = [
        tuple([row[name] if process is None else process(row[name]) for name, process in prepared.columns])
        for row in rows
    ]
    try:
        if len(values) > 1:
            driver.executemany(prepared.text, values)
        else:
            driver.execute(prepared.text, values[0])
    except sqlite3.Error as error:
        wrapped = DBAPIError.instance(prepared.text, None, error, sqlite3.Error, hide_parameters=True)
        raise wrapped from error

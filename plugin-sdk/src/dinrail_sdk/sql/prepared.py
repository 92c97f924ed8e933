"""Statements that are made once: run by SQLAlchemy, and by SQLite's driver past it, where its part costs the most."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Insert, RowMapping, Select, Update
from sqlalchemy.engine import result_tuple
from sqlalchemy.exc import DBAPIError

__all__ = ["Prepared"]

Values = Mapping[str, Any]
Process = Callable[[Any], Any]


class Prepared:
    """A statement that is made once and run often, with other values each time.

    Putting a statement together, and SQLAlchemy's way from it to the driver, cost more than SQLite's own work. So for
    SQLite the statement's text is made at its first run, and what makes values of the driver's out of ours and back.

    Args:
        statement: About one table.
        columns: What a new row holds, where the statement adds rows.
    """

    def __init__(self, statement: Select[Any] | Insert | Update, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    def first(self, connection: Connection, values: Values) -> RowMapping | None:
        """The first row that is found, or ``None``.

        Raises:
            DBAPIError: The database refuses; ``orig`` is the driver's error.
        """
        driver, text = _sqlite(connection), self._text
        if driver is None or text is None:
            return connection.execute(self._statement, values).mappings().first()
        bound = text.bound(values)
        try:
            found = driver.execute(text.sql, bound).fetchone()
        except sqlite3.Error as error:
            raise text.wrapped(error) from error
        return text.row(found) if found is not None else None

    def all(self, connection: Connection, values: Values) -> Sequence[RowMapping]:
        """The rows that are found.

        Raises:
            DBAPIError: As for :meth:`first`.
        """
        driver, text = _sqlite(connection), self._text
        if driver is None or text is None:
            return connection.execute(self._statement, values).mappings().all()
        bound = text.bound(values)
        try:
            found = driver.execute(text.sql, bound).fetchall()
        except sqlite3.Error as error:
            raise text.wrapped(error) from error
        return [text.row(row) for row in found]

    def run(self, connection: Connection, *rows: Values) -> int:
        """Change or add rows, and return how many they were.

        Args:
            connection: Inside a transaction.
            rows: The values, at least one time; all hold the same names.

        Raises:
            DBAPIError: As for :meth:`first`.
        """
        driver, text = _sqlite(connection), self._text
        if driver is None or text is None:
            return connection.execute(self._statement, list(rows) if len(rows) > 1 else rows[0]).rowcount
        bound = [text.bound(row) for row in rows]
        try:
            return (
                driver.execute(text.sql, bound[0]) if len(bound) == 1 else driver.executemany(text.sql, bound)
            ).rowcount
        except sqlite3.Error as error:
            raise text.wrapped(error) from error

    @cached_property
    def _text(self) -> _Text | None:
        return _text(self._statement, self._columns)


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as SQLite's driver takes it.

    Attributes:
        sql: The statement.
        parameters: The names of the values that it takes, in order, each with what makes the driver's value of ours
            where that differs.
        known: Values that belong to the statement.
        named: Makes a row of what is found.
        results: Which of a row's values are made of the driver's, and how.
    """

    sql: str
    parameters: Sequence[tuple[str, Process | None]]
    known: Values
    named: Callable[[Sequence[Any]], Any]
    results: Sequence[tuple[int, Process]]

    def bound(self, values: Values) -> tuple[Any, ...]:
        if self.known:
            values = {**values, **self.known}
        return tuple([values[name] if process is None else process(values[name]) for name, process in self.parameters])

    def row(self, found: Sequence[Any]) -> RowMapping:
        if self.results:
            changed = list(found)
            for number, process in self.results:
                changed[number] = process(changed[number])
            found = tuple(changed)
        row: RowMapping = self.named(found)._mapping
        return row

    def wrapped(self, error: sqlite3.Error) -> BaseException:
        """The error as SQLAlchemy tells it."""
        return DBAPIError.instance(self.sql, None, error, sqlite3.Error, hide_parameters=True)


def _text(statement: Select[Any] | Insert | Update, columns: Sequence[str] | None) -> _Text | None:
    """The statement's text; ``None`` where SQLAlchemy would add values of its own, such as a column's default."""
    from sqlalchemy.dialects import sqlite  # not for who has another database

    dialect = sqlite.dialect()
    compiled = statement.compile(dialect=dialect, column_keys=None if columns is None else list(columns))
    if compiled.insert_prefetch or compiled.update_prefetch:
        return None
    binds = compiled.binds
    order = compiled.positiontup or []
    types = [(name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
    selected = list(statement.selected_columns) if isinstance(statement, Select) else []
    results: list[Process | None] = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected
    ]
    return _Text(
        sql=str(compiled),
        parameters=types,
        known={name: bind.value for name, bind in binds.items() if not bind.required},
        named=result_tuple([column.name for column in selected]),
        results=[(number, process) for number, process in enumerate(results) if process is not None],
    )


def _sqlite(connection: Connection) -> sqlite3.Connection | None:
    driver: object = connection.connection.dbapi_connection
    return driver if isinstance(driver, sqlite3.Connection) else None

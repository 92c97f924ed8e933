"""Units of work: the only way from a service to rows, and the one place where ownership enters a statement."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeGuard, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    RowMapping,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ClauseElement

from dinrail_core.api.pages import ListQuery
from dinrail_sdk.sql.conditions import check_expression, check_text, is_expression, leads
from dinrail_sdk.sql.contract import Duplicate
from dinrail_sdk.sql.counting import counted_tables, total
from dinrail_sdk.sql.fulltext import FullText, WordQuery
from dinrail_sdk.sql.prepared import Prepared
from dinrail_sdk.sql.scope import Scope
from dinrail_sdk.sql.tables import OWNERSHIP, is_owned

__all__ = ["Owned", "Page", "Rows", "page_of"]

T = TypeVar("T")
Where = ColumnElement[bool]

_UNIQUE_VIOLATION = "23505"
"""PostgreSQL's SQLSTATE."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted.

    Attributes:
        limit: How many rows at most.
        order: ``desc`` for the newest first.
        after: A cursor: the list goes on behind this key, whether or not its row is still there.
        before: A cursor: the list ends ahead of this key.
    """

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: Any = None
    before: Any = None


def page_of(query: ListQuery) -> Page:
    """The page that a list's query parameters ask for."""
    after = query.after if isinstance(query.after, str) else None
    before = query.before if isinstance(query.before, str) else None
    return Page(query.limit, query.order, after, before)


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of a list.

    Attributes:
        rows: The rows, in the order that was asked for.
        has_more: Whether there are more behind them (ahead of them, where only ``before`` was given).
    """

    rows: Sequence[RowMapping]
    has_more: bool


class Owned:
    """Work on the rows of one owner.

    Every statement is made here, and every one gets the owner's condition; there is no way to hand in a statement. A
    foreign row is therefore exactly a missing one, and no update can change whose a row is. Conditions and values speak
    of the table's own columns only (:mod:`dinrail_sdk.sql.conditions`).

    A unit ends with the work that it was handed to; what is kept of it beyond that refuses everything. It also ends
    with the first statement that fails, since PostgreSQL undoes the transaction then: catch outside the work what that
    raises.

    Args:
        connection: Inside a transaction.
        scope: Whose rows.

    All methods raise:
        InvalidRequest: Text holds what no database can hold (U+0000).
        TypeError: A mistake in a service's code: a table without owners, or an expression that looks elsewhere.
    """

    __slots__ = ("_connection", "_failure", "_scope")

    def __init__(self, connection: Connection, scope: Scope) -> None:
        self._connection: Connection | None = connection
        self._scope = scope
        self._failure: Exception | None = None

    def do(self, work: Callable[[Owned], T]) -> T:
        """Do the work and end the unit; for databases.

        Raises:
            Exception: What the work raises; or what one of its statements did, although the work has swallowed it.
        """
        try:
            result = work(self)
        finally:
            self._connection = None
        if self._failure is not None:
            raise self._failure
        return result

    def insert(self, table: Table, *rows: Mapping[str, Any], under: RowMapping | None = None) -> None:
        """Add rows.

        Args:
            table: The table.
            rows: What they hold.
            under: The row of the object that these are parts of, found by this unit: they belong to whom it belongs
                to. Whoever may write to a shared object must not come to own a part of it.

        Raises:
            Duplicate: A unique key is taken.
        """
        _check_table(table)
        ownership = self._scope.values(table) if under is None else self._scope.values_under(under)
        owned = [{**_checked_values(table, row), **ownership} for row in rows]
        if owned:
            statement = _insertion(table, tuple(owned[0]))
            self._guarded(lambda connection: statement.run(connection, *owned))

    def get(self, table: Table, key: str, *, lock: bool = False) -> RowMapping | None:
        """The row with this id, or ``None``.

        Args:
            table: The table.
            key: The id.
            lock: Keep others from changing the row until this unit ends; who reads, decides and writes needs it.
        """
        _check_table(table)
        if "\0" in key:
            return None  # no id has it, and PostgreSQL would not even look
        statement, parameters = self._scope.row(table, key, lock=lock)
        return self._guarded(lambda connection: statement.first(connection, parameters))

    def get_all(self, table: Table, keys: Collection[str]) -> Mapping[str, RowMapping]:
        """Those of some rows that are there, by id; cheaper than :meth:`select`."""
        _check_table(table)
        wanted = [key for key in keys if "\0" not in key]  # as in get()
        if not wanted:
            return {}
        return {row["id"]: row for row in self._execute(*self._scope.rows(table, wanted)).mappings()}

    def first(self, table: Table, *where: Where, order_by: Sequence[ColumnElement[Any]] = ()) -> RowMapping | None:
        """The first row that fits, or ``None``."""
        found = self.select(table, *where, order_by=order_by, limit=1)
        return found[0] if found else None

    def select(
        self, table: Table, *where: Where, order_by: Sequence[ColumnElement[Any]] = (), limit: int | None = None
    ) -> Sequence[RowMapping]:
        """The rows that fit."""
        conditions = self._conditions(table, where)
        statement = select(table).where(*conditions)
        if order_by:
            _check_all(table, order_by)
            statement = statement.order_by(*order_by)
        if limit is not None:
            statement = statement.limit(limit)
        return self._execute(statement).mappings().all()

    def page(
        self,
        table: Table,
        page: Page,
        *where: Where,
        key: Column[Any] | None = None,
        without: Sequence[Column[Any]] = (),
    ) -> Rows:
        """One page of the rows that fit.

        Args:
            table: The table.
            page: Which part.
            where: Conditions.
            key: A column of unique values whose order is the list's; the id where not given.
            without: Columns that are not read: large ones that a list does not show.
        """
        _check_table(table)
        column: Column[Any] = table.c.id if key is None else key
        rising = page.order == "asc"
        conditions = list(where)
        if page.after is not None:
            conditions.append(column > page.after if rising else column < page.after)
        if page.before is not None:
            conditions.append(column < page.before if rising else column > page.before)
        backwards = page.before is not None and page.after is None
        upwards = rising != backwards
        order = column.asc() if upwards else column.desc()
        _check_all(table, (order,))
        columns = [one for one in table.c if all(one is not left_out for left_out in without)]
        theirs = self._conditions(table, conditions, found=key is not None)
        statement = select(*columns).where(*theirs).order_by(order)
        found = list(self._execute(statement.limit(page.limit + 1)).mappings().all())
        has_more = len(found) > page.limit
        del found[page.limit :]
        if backwards:
            found.reverse()
        return Rows(found, has_more)

    def update(self, table: Table, values: Mapping[str, Any], *where: Where) -> int:
        """Change the rows that fit, and return how many they were.

        Raises:
            Duplicate: A unique key is taken.
        """
        conditions = self._conditions(table, where, writing=True)
        return self._run(update(table).where(*conditions).values(_checked_values(table, values)))

    def change(self, table: Table, key: str, values: Mapping[str, Any]) -> bool:
        """Change the row with this id, and return whether there is one; cheaper than :meth:`update`.

        Args:
            table: The table.
            key: The id.
            values: New values, none of them computed.

        Raises:
            Duplicate: A unique key is taken.
        """
        _check_table(table)
        checked = _checked_values(table, values)
        for name, value in checked.items():
            if isinstance(value, ClauseElement):
                raise TypeError(f"A value for '{name}' that is computed is for update().")
        if "\0" in key:
            return False  # as in get()
        statement, parameters = self._scope.change(table, key, checked)
        return self._guarded(lambda connection: statement.run(connection, parameters)) > 0

    def delete(self, table: Table, *where: Where) -> int:
        """Remove the rows that fit, and return how many they were."""
        conditions = self._conditions(table, where, writing=True)
        return self._run(delete(table).where(*conditions))

    def count(self, table: Table, *where: Where) -> int:
        """How many rows fit."""
        conditions = self._conditions(table, where)
        return int(self._execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    def sum(self, column: Column[Any], *where: Where) -> int:
        """The sum of a column over the rows that fit; 0 where none does."""
        found: int | None = self._aggregate(func.sum(column), column, where)
        return int(found or 0)

    def stored_bytes(self) -> int:
        """How much the owner has stored, in the counted tables of all services that ever kept anything here.

        What others share is not the owner's and is left out. Services know nothing of each other, and what they keep
        counts whether or not they are open, so the database is asked which tables there are.
        """
        dialect = self._connection.dialect.name if self._connection is not None else "sqlite"
        names = tuple(self._execute(counted_tables(dialect)).scalars())
        principal = self._scope.principal
        whose = {"tenant": principal.tenant, "owner": principal.user or ""}
        return int(self._execute(total(names), whose).scalar_one()) if names else 0

    def max(self, column: Column[Any], *where: Where) -> Any:
        """The largest value of a column among the rows that fit, or ``None``."""
        return self._aggregate(func.max(column), column, where)

    def matching(self, index: FullText, under: RowMapping, query: WordQuery, limit: int) -> Sequence[RowMapping]:
        """Rows that have any of the words, the likeliest first by the database's own measure.

        Args:
            index: The index.
            under: The row, found by this unit, that the search stays within.
            query: What is looked for.
            limit: How many at most.
        """
        _check_table(index.table)
        if not query.weights:
            return ()
        statement, values = index.candidates(self._dialect, under["id"], query, limit)
        prepared, parameters = self._scope.narrowed(statement, index.table), {**self._scope.parameters, **values}
        return self._guarded(lambda connection: prepared.all(connection, parameters))

    def occurrences(self, index: FullText, under: RowMapping, words: Sequence[str], at_most: int) -> Mapping[str, int]:
        """How many rows have each word, counted up to ``at_most``; the others are as for :meth:`matching`."""
        _check_table(index.table)
        if not words:
            return {}
        statement, values = index.occurrences(self._dialect, under["id"], words, at_most)
        prepared, parameters = self._scope.narrowed(statement, index.table), {**self._scope.parameters, **values}
        row = self._guarded(lambda connection: prepared.first(connection, parameters))
        counts = [0] * len(words) if row is None else json.loads(row["counts"])
        return dict(zip(words, counts, strict=True))

    @property
    def _dialect(self) -> str:
        return self._connection.dialect.name if self._connection is not None else ""

    def _aggregate(self, wanted: Any, column: Column[Any], where: Sequence[Where]) -> Any:
        table: Any = getattr(column, "table", None)
        conditions = self._conditions(table, where)
        check_expression(table, column)
        return self._execute(select(wanted).where(*conditions)).scalar()

    def _conditions(
        self, table: Table, where: Sequence[Where], *, writing: bool = False, found: bool = True
    ) -> Sequence[Where]:
        """The conditions with that of ownership; ``found`` is false where a list of the owner's rows is wanted."""
        _check_table(table)
        _check_all(table, where)
        found = found and any(leads(table, condition) for condition in where)
        return (self._scope.condition(table, writing=writing, found=found), *where)

    def _execute(self, statement: Any, rows: Any = None) -> CursorResult[Any]:
        parameters = self._scope.parameters if rows is None else rows
        return self._guarded(lambda connection: connection.execute(statement, parameters))

    def _guarded(self, call: Callable[[Connection], T]) -> T:
        if self._connection is None:
            raise TypeError("The unit of work is over: its work has returned, or one of its statements has failed.")
        try:
            return call(self._connection)
        except Exception as error:  # whatever it is, the transaction is lost
            self._connection = None
            if not _is_duplicate(error):
                self._failure = error
                raise
            self._failure = Duplicate(str(error.orig))
            raise self._failure from error

    def _run(self, statement: Any) -> int:
        return self._execute(statement).rowcount


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table), names)


def _is_duplicate(error: Exception) -> TypeGuard[IntegrityError]:
    """Whether a unique key is taken (and not a column empty that must not be, which is a mistake)."""
    if not isinstance(error, IntegrityError):
        return False
    if isinstance(error.orig, sqlite3.IntegrityError):
        return error.orig.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION


def _check_table(table: object) -> None:
    if not isinstance(table, Table):
        raise TypeError(f"{table!r:.100} is no table.")
    if not is_owned(table):
        raise TypeError(f"The rows of '{table.name}' have no owner; make the table with owned_table().")


def _check_all(table: Table, expressions: Iterable[object]) -> None:
    for expression in expressions:
        check_expression(table, expression)


def _checked_values(table: Table, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values for columns, by the columns' names; one may be computed out of others of the same row."""
    for name, value in values.items():
        # A column object as key would slip past the comparison with names.
        if type(name) is not str or name not in table.c:
            raise TypeError(f"'{table.name}' has no column {name!r:.100}.")
        if name in OWNERSHIP:
            raise TypeError("Whose a row is comes from the principal, and never changes.")
        if type(value) is str:
            check_text(value)
        elif is_expression(value):
            check_expression(table, value)
    return values

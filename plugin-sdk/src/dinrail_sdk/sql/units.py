"""Units of work: the only way from a service to rows, and the one place where ownership enters a statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.selectable import SelectBase

from dinrail_core.api.call import Principal
from dinrail_core.api.pages import ListQuery
from dinrail_sdk.sql.contract import Duplicate
from dinrail_sdk.sql.tables import OWNER, TENANT, is_owned

__all__ = ["Owned", "Page", "Rows", "page_of"]

Where = ColumnElement[bool]


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
    foreign row is therefore exactly a missing one, and no update can change whose a row is.

    Args:
        connection: Inside a transaction.
        principal: The owner.
    """

    __slots__ = ("_connection", "_owner", "_tenant")

    def __init__(self, connection: Connection, principal: Principal) -> None:
        self._connection = connection
        self._tenant = principal.tenant
        self._owner = principal.user or ""

    def insert(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Add rows.

        Raises:
            Duplicate: A unique key is taken.
        """
        self._check(table, ())
        owned = [{**_without_owner(row), TENANT: self._tenant, OWNER: self._owner} for row in rows]
        if owned:
            self._run(insert(table), owned if len(owned) > 1 else owned[0])

    def get(self, table: Table, key: str, *, lock: bool = False) -> RowMapping | None:
        """The row with this id, or ``None``.

        Args:
            table: The table.
            key: The id.
            lock: Keep others from changing the row until this unit ends; who reads, decides and writes needs it.
        """
        statement = select(table).where(self._mine(table), *self._check(table, (table.c.id == key,)))
        if lock:
            statement = statement.with_for_update()  # SQLite has one writer at a time and ignores it
        return self._connection.execute(statement).mappings().first()

    def first(self, table: Table, *where: Where, order_by: Sequence[ColumnElement[Any]] = ()) -> RowMapping | None:
        """The first row that fits, or ``None``."""
        found = self.select(table, *where, order_by=order_by, limit=1)
        return found[0] if found else None

    def select(
        self, table: Table, *where: Where, order_by: Sequence[ColumnElement[Any]] = (), limit: int | None = None
    ) -> Sequence[RowMapping]:
        """The rows that fit."""
        statement = select(table).where(self._mine(table), *self._check(table, where))
        if order_by:
            statement = statement.order_by(*order_by)
        if limit is not None:
            statement = statement.limit(limit)
        return self._connection.execute(statement).mappings().all()

    def page(self, table: Table, page: Page, *where: Where, key: Column[Any] | None = None) -> Rows:
        """One page of the rows that fit.

        Args:
            table: The table.
            page: Which part.
            where: Conditions.
            key: A column of unique values whose order is the list's; the id where not given.
        """
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
        found = list(self.select(table, *conditions, order_by=(order,), limit=page.limit + 1))
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
        statement = update(table).where(self._mine(table), *self._check(table, where)).values(_without_owner(values))
        return self._run(statement, None)

    def delete(self, table: Table, *where: Where) -> int:
        """Remove the rows that fit, and return how many they were."""
        return self._run(delete(table).where(self._mine(table), *self._check(table, where)), None)

    def count(self, table: Table, *where: Where) -> int:
        """How many rows fit."""
        return int(self._one(select(func.count()).select_from(table), table, where) or 0)

    def sum(self, column: Column[Any], *where: Where) -> int:
        """The sum of a column over the rows that fit; 0 where none does."""
        return int(self._one(select(func.sum(column)), column.table, where) or 0)

    def max(self, column: Column[Any], *where: Where) -> Any:
        """The largest value of a column among the rows that fit, or ``None``."""
        return self._one(select(func.max(column)), column.table, where)

    def _one(self, statement: Any, table: Any, where: Sequence[Where]) -> Any:
        return self._connection.execute(statement.where(self._mine(table), *self._check(table, where))).scalar()

    def _run(self, statement: Any, rows: Any) -> int:
        try:
            return self._connection.execute(statement, rows).rowcount
        except IntegrityError as error:
            raise Duplicate(str(error.orig)) from error

    def _mine(self, table: Table) -> Where:
        """The condition of ownership."""
        return (table.c[TENANT] == self._tenant) & (table.c[OWNER] == self._owner)

    def _check(self, table: Table, where: Sequence[Where]) -> Sequence[Where]:
        """Refuse tables without owners, and conditions that look into other rows than this table's.

        Raises:
            TypeError: A mistake in a service's code.
        """
        if not is_owned(table):
            raise TypeError(f"The rows of '{table.name}' have no owner; make the table with owned_table().")
        for condition in where:
            for part in visitors.iterate(condition):
                foreign = isinstance(part, Column) and part.table is not table
                if foreign or isinstance(part, (SelectBase, TextClause)):
                    raise TypeError(f"A condition on '{table.name}' looks into something else: {part}.")
        return where


def _without_owner(values: Mapping[str, Any]) -> Mapping[str, Any]:
    if TENANT in values or OWNER in values:
        raise TypeError("Whose a row is comes from the principal, and never changes.")
    return values

"""Whose rows a unit of work may touch: the one place where ownership becomes SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Update, and_, bindparam, func, or_, select, true, update

from dinrail_core.api.call import Principal, Share
from dinrail_sdk.sql.tables import AUDIENCE, OWNER, TENANT, object_of

__all__ = ["Scope"]

_TENANT, _OWNER, _ID, _NEW = "tenant_", "owner_", "id_", "new_{}_"
"""Names of parameters; no column is called so."""


class Scope:
    """The rows of one principal, and those that others in its tenant share with it.

    What is shared comes with the principal (:attr:`Principal.shares`), so no service and no database notices.

    Args:
        principal: Whose.
    """

    __slots__ = ("parameters", "principal")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.parameters: Mapping[str, str] = {_TENANT: principal.tenant, _OWNER: principal.user or ""}
        """What every statement with a condition of this scope's is to be run with."""

    def condition(self, table: Table, *, writing: bool) -> ColumnElement[bool]:
        """What every statement about the table carries.

        Args:
            table: An owned table.
            writing: Whether the rows are to be changed or removed, and not only seen.
        """
        if not self.principal.shares:
            return _own(table)
        mine = or_(table.c[OWNER] == bindparam(_OWNER), *self._shared(table, writing=writing))
        return and_(table.c[TENANT] == bindparam(_TENANT), mine)

    def row(self, table: Table, key: str, *, lock: bool) -> tuple[Select[Any], Mapping[str, str]]:
        """The statement that finds a row by its id, and its parameters.

        Args:
            table: An owned table.
            key: The id.
            lock: Whether the row is to be changed, and kept from others until then.
        """
        if self.principal.shares:
            statement = _locked(select(table).where(self.condition(table, writing=lock), table.c.id == key), lock)
            return statement, self.parameters
        return _own_row(table, lock), {**self.parameters, _ID: key}

    def change(self, table: Table, key: str, values: Mapping[str, Any]) -> tuple[Update, Mapping[str, Any]]:
        """The statement that changes a row that is found by its id, and its parameters.

        Args:
            table: An owned table.
            key: The id.
            values: New values by their columns' names, none of them an expression.
        """
        parameters = {**self.parameters, _ID: key, **{_NEW.format(name): value for name, value in values.items()}}
        if self.principal.shares:
            return _changing(table, self.condition(table, writing=True), values), parameters
        return _own_change(table, tuple(values)), parameters

    def values(self, table: Table) -> Mapping[str, Any]:
        """The columns of ownership of a new row of the principal's."""
        roles = {share.role for share in self._shares(table) if share.role is not None}
        return {
            TENANT: self.principal.tenant,
            OWNER: self.principal.user or "",
            AUDIENCE: f",{','.join(sorted(roles))}," if roles else "",
        }

    def values_under(self, row: Mapping[Any, Any]) -> Mapping[str, Any]:
        """The columns of ownership of a new row that belongs to another one, whosever that is.

        Raises:
            TypeError: That row is of another tenant: a mistake in a service's code.
        """
        if row[TENANT] != self.principal.tenant:
            raise TypeError("A row can only belong under one that its unit has found.")
        return {name: row[name] for name in (TENANT, OWNER, AUDIENCE)}

    def _shares(self, table: Table) -> Iterator[Share]:
        return (share for share in self.principal.shares if object_of(table) in share.objects)

    def _shared(self, table: Table, *, writing: bool) -> Iterator[ColumnElement[bool]]:
        for share in self._shares(table):
            if not (share.writing if writing else share.reading):
                continue
            if share.role is None:
                yield true()
            else:
                # Not LIKE, which takes an upper-case letter for a lower-case one in SQLite.
                audience = table.c[AUDIENCE]
                yield func.replace(audience, f",{share.role},", "") != audience


@cache
def _own(table: Table) -> ColumnElement[bool]:
    """Made once for each table: making an expression costs more than running it."""
    return and_(table.c[TENANT] == bindparam(_TENANT), table.c[OWNER] == bindparam(_OWNER))


@cache
def _own_row(table: Table, lock: bool) -> Select[Any]:
    return _locked(select(table).where(_own(table), table.c.id == bindparam(_ID)), lock)


@cache
def _own_change(table: Table, names: tuple[str, ...]) -> Update:
    return _changing(table, _own(table), names)


def _changing(table: Table, condition: ColumnElement[bool], names: Iterable[str]) -> Update:
    values = {name: bindparam(_NEW.format(name), type_=table.c[name].type) for name in names}
    return update(table).where(condition, table.c.id == bindparam(_ID)).values(values)


def _locked(statement: Select[Any], lock: bool) -> Select[Any]:
    return statement.with_for_update() if lock else statement  # SQLite has one writer at a time and ignores it

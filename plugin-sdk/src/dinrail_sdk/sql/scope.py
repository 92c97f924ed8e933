"""Whose rows a unit of work may touch: the one place where ownership becomes SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, String, Table, and_, bindparam, func, or_, select, true, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from dinrail_core.api.call import Principal, Share
from dinrail_sdk.sql.prepared import Prepared
from dinrail_sdk.sql.tables import AUDIENCE, OWNER, TENANT, object_of

__all__ = ["Scope"]

_TENANT, _OWNER, _ID, _IDS, _NEW = "tenant_", "owner_", "id_", "ids_", "new_{}_"
"""Names of parameters; no column is called so."""
_MOST = 4096
"""Statements that are kept: some for each table and each set of rules of sharing that callers have."""

Shares: TypeAlias = tuple[Share, ...]


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

    def condition(self, table: Table, *, writing: bool, found: bool = False) -> ColumnElement[bool]:
        """What every statement about the table carries.

        Args:
            table: An owned table.
            writing: Whether the rows are to be changed or removed, and not only seen.
            found: Whether something else leads to the rows, and few of them, so that whose they are need only be looked
                at; it says the same either way.
        """
        return _condition(table, self.principal.shares, writing, found)

    def narrowed(self, statement: Select[Any], table: Table) -> Prepared:
        """A statement with the condition that it carries, to be run with :attr:`parameters` beside its own.

        Args:
            statement: One that is made once and kept for good.
            table: The owned table that it reads, few rows of it, to which it knows its way.
        """
        return _narrowed(statement, table, self.principal.shares)

    def row(self, table: Table, key: str, *, lock: bool) -> tuple[Prepared, Mapping[str, str]]:
        """The statement that finds a row by its id, and its parameters.

        Args:
            table: An owned table.
            key: The id.
            lock: Whether the row is to be changed, and kept from others until then.
        """
        return _row(table, self.principal.shares, lock), {**self.parameters, _ID: key}

    def rows(self, table: Table, keys: Collection[str]) -> tuple[Select[Any], Mapping[str, Any]]:
        """The statement that finds rows by their ids, and its parameters."""
        return _rows(table, self.principal.shares), {**self.parameters, _IDS: sorted(keys)}

    def change(self, table: Table, key: str, values: Mapping[str, Any]) -> tuple[Prepared, Mapping[str, Any]]:
        """The statement that changes a row that is found by its id, and its parameters.

        Args:
            table: An owned table.
            key: The id.
            values: New values by their columns' names, none of them an expression.
        """
        parameters = {**self.parameters, _ID: key, **{_NEW.format(name): value for name, value in values.items()}}
        return _change(table, self.principal.shares, tuple(values)), parameters

    def values(self, table: Table) -> Mapping[str, Any]:
        """The columns of ownership of a new row of the principal's."""
        roles = {share.role for share in _about(table, self.principal.shares) if share.role is not None}
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


# Made once for each table: making a statement costs more than running it.


@lru_cache(_MOST)
def _condition(table: Table, shares: Shares, writing: bool, found: bool) -> ColumnElement[bool]:
    tenant, owner = (_Passed(table.c[name]) if found else table.c[name] for name in (TENANT, OWNER))
    mine = owner == bindparam(_OWNER)
    return and_(tenant == bindparam(_TENANT), or_(mine, *_shared(table, shares, writing)))


@lru_cache(_MOST)
def _row(table: Table, shares: Shares, lock: bool) -> Prepared:
    statement = select(table).where(_condition(table, shares, lock, found=True), table.c.id == bindparam(_ID))
    # SQLite has one writer at a time and ignores it.
    return Prepared(statement.with_for_update() if lock else statement)


@lru_cache(_MOST)
def _narrowed(statement: Select[Any], table: Table, shares: Shares) -> Prepared:
    return Prepared(statement.where(_condition(table, shares, writing=False, found=True)))


@lru_cache(_MOST)
def _rows(table: Table, shares: Shares) -> Select[Any]:
    here = table.c.id.in_(bindparam(_IDS, expanding=True))
    return select(table).where(_condition(table, shares, writing=False, found=True), here)


@lru_cache(_MOST)
def _change(table: Table, shares: Shares, names: tuple[str, ...]) -> Prepared:
    values = {name: bindparam(_NEW.format(name), type_=table.c[name].type) for name in names}
    here = (_condition(table, shares, writing=True, found=True), table.c.id == bindparam(_ID))
    return Prepared(update(table).where(*here).values(values))


def _shared(table: Table, shares: Shares, writing: bool) -> Iterator[ColumnElement[bool]]:
    for share in _about(table, shares):
        if not (share.writing if writing else share.reading):
            continue
        if share.role is None:
            yield true()
        else:
            # Not LIKE, which takes an upper-case letter for a lower-case one in SQLite.
            audience = table.c[AUDIENCE]
            yield func.replace(audience, f",{share.role},", "") != audience


def _about(table: Table, shares: Shares) -> Iterator[Share]:
    return (share for share in shares if object_of(table) in share.objects)


class _Passed(FunctionElement[str]):
    """A column whose value is looked at on the way, and by which SQLite does not look for rows.

    Without statistics SQLite takes two columns that are to be equal (tenant and owner) for a better way than one, and
    would walk over all that somebody has stored in search of one conversation's items.
    """

    type = String()
    inherit_cache = True


@compiles(_Passed)
def _as_it_is(element: _Passed, compiler: Any, **how: Any) -> str:
    text: str = compiler.process(element.clauses, **how)
    return text


@compiles(_Passed, "sqlite")
def _with_a_plus(element: _Passed, compiler: Any, **how: Any) -> str:
    return f"+{compiler.process(element.clauses, **how)}"  # section 1 of SQLite's page on its query planner

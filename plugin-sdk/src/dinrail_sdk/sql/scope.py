"""Whose rows a unit of work may touch: the one place where ownership becomes SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, or_, true

from dinrail_core.api.call import Principal, Share
from dinrail_sdk.sql.tables import AUDIENCE, OWNER, TENANT, object_of

__all__ = ["Scope"]


class Scope:
    """The rows of one principal, and those that others in its tenant share with it.

    What is shared comes with the principal (:attr:`Principal.shares`), so no service and no database notices.

    Args:
        principal: Whose.
    """

    __slots__ = ("principal",)

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    def condition(self, table: Table, *, writing: bool) -> ColumnElement[bool]:
        """What every statement about the table carries.

        Args:
            table: An owned table.
            writing: Whether the rows are to be changed or removed, and not only seen.
        """
        mine = table.c[OWNER] == (self.principal.user or "")
        if self.principal.shares:
            mine = or_(mine, *self._shared(table, writing=writing))
        return and_(table.c[TENANT] == self.principal.tenant, mine)

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

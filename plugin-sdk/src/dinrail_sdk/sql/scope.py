"""Whose rows a unit of work may touch: the one place where ownership becomes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table

from dinrail_core.api.call import Principal
from dinrail_sdk.sql.tables import OWNER, TENANT

__all__ = ["Scope"]


class Scope:
    """The rows of one principal.

    What is shared beyond its owner is a matter of :meth:`condition` alone: whoever compiles rules of sharing to SQL
    derives from this class, and no service notices.

    Args:
        principal: The owner.
    """

    __slots__ = ("_principal",)

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def condition(self, table: Table, *, writing: bool) -> ColumnElement[bool]:
        """What every statement about the table carries.

        Args:
            table: An owned table.
            writing: Whether the rows are to be changed or removed, and not only seen.
        """
        return (table.c[TENANT] == self._principal.tenant) & (table.c[OWNER] == (self._principal.user or ""))

    def values(self) -> Mapping[str, Any]:
        """The columns of ownership of a new row."""
        return {TENANT: self._principal.tenant, OWNER: self._principal.user or ""}

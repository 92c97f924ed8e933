"""Everybody's jobs, for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select, update

__all__ = ["Everybody"]


class Everybody:
    """As much of :class:`~dinrail_sdk.sql.units.Owned` as is needed, over the rows of all owners."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, table: Table, key: str, *, lock: bool = False) -> RowMapping | None:
        """See :meth:`Owned.get`."""
        statement = select(table).where(table.c.id == key)
        return self._connection.execute(statement.with_for_update() if lock else statement).mappings().first()

    def update(self, table: Table, values: Mapping[str, Any], *where: ColumnElement[bool]) -> int:
        """See :meth:`Owned.update`."""
        return self._connection.execute(update(table).where(*where).values(values)).rowcount

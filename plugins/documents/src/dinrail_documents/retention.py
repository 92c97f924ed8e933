"""How long results are kept."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, delete, select

from dinrail_documents.tables import READINGS

__all__ = ["anything_old", "remove_old"]

_DAY = 86_400


def anything_old(connection: Connection) -> bool:
    """Whether there are results that are a day old."""
    return connection.execute(select(READINGS.c.id).where(_old()).limit(1)).first() is not None


def remove_old(connection: Connection) -> None:
    """Remove results that are a day old."""
    connection.execute(delete(READINGS).where(_old()))


def _old() -> ColumnElement[bool]:
    return READINGS.c.created_at < int(time.time()) - _DAY

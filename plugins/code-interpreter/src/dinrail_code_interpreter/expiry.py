"""Containers whose time is over, as rows; their folders are removed on the machine that has them."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, delete, select

from dinrail_code_interpreter.tables import CONTAINERS, FILES

__all__ = ["anything_over", "living", "remove_over"]


def anything_over(connection: Connection) -> bool:
    """Whether there is a container whose time is over."""
    return connection.execute(select(CONTAINERS.c.id).where(_over()).limit(1)).first() is not None


def remove_over(connection: Connection) -> None:
    """Remove the rows of all containers whose time is over."""
    ids = list(connection.execute(select(CONTAINERS.c.id).where(_over())).scalars())
    connection.execute(delete(FILES).where(FILES.c.container_id.in_(ids)))
    connection.execute(delete(CONTAINERS).where(CONTAINERS.c.id.in_(ids)))


def living(connection: Connection) -> set[str]:
    """The ids of all containers that there are."""
    return set(connection.execute(select(CONTAINERS.c.id)).scalars())


def _over() -> ColumnElement[bool]:
    return CONTAINERS.c.expires_at <= int(time.time())

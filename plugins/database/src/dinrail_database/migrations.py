"""Bringing a database to the newest revision, with Alembic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from dinrail_database.revisions import Line, lines

__all__ = ["current", "pending", "upgrade"]

_ENVIRONMENT = Path(__file__).parent / "environment"


def current(connection: Connection, line: Line) -> str | None:
    """The revision at which the database stands, or ``None`` before the first."""
    if not inspect(connection).has_table(line.table):
        return None
    table = Table(line.table, MetaData(), Column("version_num", String(32), primary_key=True))
    found: str | None = connection.execute(select(table.c.version_num)).scalar()
    return found


def pending(connection: Connection) -> Sequence[Line]:
    """The lines that the database is behind.

    Raises:
        ConfigurationError: The database is newer than the program.
    """
    return [line for line in lines() if line.check(current(connection, line))]


def upgrade(connection: Connection) -> Sequence[str]:
    """Upgrade inside the connection's transaction, under a lock that the caller holds.

    Returns:
        The revisions at which lines were that have moved, as ``name: old -> new``.

    Raises:
        ConfigurationError: The database is newer than the program; nothing was changed.
    """
    behind = pending(connection)
    moved = [f"{line.name}: {current(connection, line) or 'nothing'} -> {line.head}" for line in behind]
    for line in behind:
        _apply(connection, line)
    return moved


def _apply(connection: Connection, line: Line) -> None:
    from alembic import command  # half a second of CPU, and most starts have nothing to upgrade
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(line.folder))
    config.attributes.update(connection=connection, version_table=line.table)
    command.upgrade(config, "head")

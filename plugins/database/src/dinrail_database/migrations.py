"""Bringing a database to the newest revision, with Alembic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from dinrail_database.revisions import Line, lines
from dinrail_database.schema import Standing

__all__ = ["standings", "upgrade"]

_ENVIRONMENT = Path(__file__).parent / "environment"


def standings(connection: Connection) -> Sequence[Standing]:
    """Where each installed service's tables stand."""
    return [line.standing(_current(connection, line)) for line in lines()]


def upgrade(connection: Connection) -> Sequence[str]:
    """Upgrade inside the connection's transaction, under a lock that the caller holds.

    Returns:
        What has moved, as ``name: old -> new``.

    Raises:
        ConfigurationError: The database is newer than the program; nothing was changed.
    """
    stands = [(line, _current(connection, line)) for line in lines()]
    behind = [(line, current) for line, current in stands if line.check(current)]
    for line, _ in behind:
        _apply(connection, line)
    return [f"{line.name}: {current or 'nothing'} -> {line.head}" for line, current in behind]


def _current(connection: Connection, line: Line) -> str | None:
    if not inspect(connection).has_table(line.table):
        return None
    table = Table(line.table, MetaData(), Column("version_num", String(32), primary_key=True))
    found: str | None = connection.execute(select(table.c.version_num)).scalar()
    return found


def _apply(connection: Connection, line: Line) -> None:
    from alembic import command  # half a second of CPU, and most starts have nothing to upgrade
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(line.folder).replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=line.table)
    command.upgrade(config, "head")

"""What a database's driver raises, turned into what services and callers understand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dinrail_core.errors import ConfigurationError, Unavailable

__all__ = ["translate", "translated"]

_SOON = 1.0
_LATER = 30.0
"""Seconds until another try makes sense: behind a lock, and where somebody has to make room."""

_LOCKED = "The database is locked by another program."
_FULL = "The database has no room left, or cannot be written to."

_SQLITE = {
    sqlite3.SQLITE_BUSY: (_LOCKED, _SOON),
    sqlite3.SQLITE_LOCKED: (_LOCKED, _SOON),
    sqlite3.SQLITE_PROTOCOL: (_LOCKED, _SOON),
    sqlite3.SQLITE_FULL: (_FULL, _LATER),
    sqlite3.SQLITE_IOERR: (_FULL, _LATER),
    sqlite3.SQLITE_READONLY: (_FULL, _LATER),
    sqlite3.SQLITE_CANTOPEN: ("The database's file cannot be opened.", _LATER),
    sqlite3.SQLITE_NOMEM: ("The database has no memory left.", _LATER),
}
"""SQLite's primary result codes that time or an administrator mends; any other is a mistake of ours."""

_POSTGRESQL = {
    "08": ("The database cannot be reached.", _SOON),  # connection exceptions
    "25006": (_FULL, _LATER),  # read-only: a standby after a failover
    "40001": ("The database was busy with the same rows.", _SOON),  # serialization failure
    "40P01": ("The database was busy with the same rows.", _SOON),  # deadlock
    "53": (_FULL, _LATER),  # insufficient resources: disk, memory, connections
    "55P03": (_LOCKED, _SOON),  # lock not available within lock_timeout
    "57": ("The database is being stopped or started.", _SOON),  # operator intervention
    "58": (_FULL, _LATER),  # system errors
}
"""PostgreSQL's SQLSTATEs, whole or by class (appendix A of its manual)."""

_REFUSED = ("28", "3D")
"""Wrong name or password; no such database."""


def translate(error: BaseException) -> BaseException:
    """What a service sees in place of a driver's exception.

    Returns:
        ``Unavailable`` for what time or an administrator mends, ``ConfigurationError`` for what the operator's URL is
        to blame for; anything else is a mistake of ours and stays what it is.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        known = _SQLITE.get(getattr(original, "sqlite_errorcode", -1) & 0xFF)
        return Unavailable(known[0], retry_after=known[1]) if known else error
    state: str | None = getattr(original, "sqlstate", None)
    if state is not None:
        if state[:2] in _REFUSED:
            return ConfigurationError("the database does not let this program in", key="services.database.url")
        known = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
        if known is not None:
            return Unavailable(known[0], retry_after=known[1])
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(original, (PoolTimeout, TimeoutError, OSError)):
        return Unavailable("The database cannot be reached.", retry_after=_SOON)
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Let out what :func:`translate` makes of what is raised inside."""
    try:
        yield
    except Exception as error:  # the driver's exceptions, whichever they are
        found = translate(error)
        if found is error:
            raise
        raise found from error

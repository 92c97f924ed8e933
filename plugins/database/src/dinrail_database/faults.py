"""What a database's driver raises, turned into what services and callers understand."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dinrail_core.errors import Unavailable

__all__ = ["translate"]

_RETRY_AFTER = 1.0


def translate(error: BaseException) -> BaseException:
    """``Unavailable`` for what time or an administrator mends; anything else is a mistake and stays what it is."""
    if isinstance(error, (PoolTimeout, TimeoutError, OSError)):
        return Unavailable("The database cannot be reached.", retry_after=_RETRY_AFTER)
    if not isinstance(error, DBAPIError):
        return error
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return Unavailable(_sqlite(original), retry_after=_RETRY_AFTER)
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return Unavailable("The database cannot be reached, or has no room left.", retry_after=_RETRY_AFTER)
    return error


def _sqlite(error: sqlite3.OperationalError) -> str:
    code = error.sqlite_errorcode & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "The database is locked by another program."
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return "The disk is full, or cannot be written to."
    return "The database does not work at present."

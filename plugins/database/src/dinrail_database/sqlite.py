"""SQLite: one file, one writer that commits for all who wait, a few threads that read."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from dinrail_core.api.call import Principal
from dinrail_database.faults import translated
from dinrail_database.look import look
from dinrail_database.migrations import upgrade
from dinrail_database.revisions import lines
from dinrail_database.writer import Writer
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.scope import Scope
from dinrail_sdk.sql.units import Owned

__all__ = ["SQLiteDatabase", "connect_sqlite", "upgrade_sqlite"]

T = TypeVar("T")


class SQLiteDatabase(Database):
    """Rows in one SQLite file.

    Args:
        engine: Makes connections.
        readers: How many threads read.
    """

    def __init__(self, engine: Engine, readers: int) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="dinrail-read")
        self._own = threading.local()
        self._connections: list[Connection] = []

    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, principal, work)

    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.write`."""
        return await self._writer.run(lambda connection: Owned(connection, Scope(principal)).do(work))

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """See :meth:`Database.sweep`."""
        return await self._writer.run(work)

    async def reach(self) -> None:
        """See :meth:`Database.reach`; a file is always there, and what is wrong with it shows in a write alone."""

    def start(self) -> None:
        """Start the writer."""
        self._writer.start()

    def stop(self) -> None:
        """Finish what is queued and let go of the file; blocks."""
        self._writer.stop()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()
        self._engine.dispose()

    def _read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        with translated():
            connection = self._connection()
            try:
                connection.exec_driver_sql("BEGIN")  # one snapshot for the whole unit
                try:
                    return Owned(connection, Scope(principal)).do(work)
                finally:
                    connection.exec_driver_sql("ROLLBACK")
            except DBAPIError:
                self._forget(connection)  # its state is unknown
                raise

    def _connection(self) -> Connection:
        """This thread's own."""
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            connection.exec_driver_sql("PRAGMA query_only=ON")  # what it wrote would be rolled back without a word
            self._own.connection = connection
            self._connections.append(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._own.connection = None
        self._connections.remove(connection)
        with suppress(DBAPIError):
            connection.invalidate()
        connection.close()


def connect_sqlite(file: Path, lock_timeout: float) -> Engine:
    """An engine for the file, for the owner's eyes only; transactions are begun by hand."""
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            file, timeout=lock_timeout, isolation_level=None, check_same_thread=False, cached_statements=256
        ),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    event.listen(engine, "connect", _prepare)
    return engine


def upgrade_sqlite(engine: Engine, file: Path) -> list[str]:
    """Bring the file to the newest revision; of several processes, one does it and the others wait.

    Returns:
        What has moved.

    Raises:
        ConfigurationError: The database is newer than the program.
        Unavailable: It is locked or full.
    """
    with translated():
        if not _behind(file):
            return []
        with _alone(file), engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                moved = upgrade(connection)
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            return list(moved)


def _behind(file: Path) -> bool:
    """A look that needs no lock and changes no byte."""
    found = look(file)
    return True in {line.check(found.get(line.table)) for line in lines()}  # all are looked at: one may be newer


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """WAL lets readers go on beside the writer; FULL makes a commit durable before it is acknowledged."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

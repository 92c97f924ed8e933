"""SQLite: one file, one writer that commits for all who wait, a few threads that read."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from dinrail_core.api.call import Principal
from dinrail_database.faults import translate
from dinrail_database.migrations import upgrade
from dinrail_database.writer import Writer
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned

__all__ = ["SQLiteDatabase", "connect_sqlite", "open_sqlite", "upgrade_sqlite"]

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
        return await self._writer.run(lambda connection: work(Owned(connection, principal)))

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """See :meth:`Database.sweep`."""
        return await self._writer.run(work)

    def start(self) -> None:
        """Start the writer."""
        self._writer.start()

    def stop(self) -> None:
        """Finish what is queued and let go of the file; blocks."""
        self._writer.stop()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()

    def _read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        connection: Connection | None = getattr(self._own, "connection", None)
        try:
            if connection is None:
                connection = self._own.connection = self._engine.connect()
                self._connections.append(connection)
            connection.exec_driver_sql("BEGIN")  # one snapshot for the whole unit
            try:
                return work(Owned(connection, principal))
            finally:
                connection.exec_driver_sql("ROLLBACK")
        except Exception as error:  # the driver's exceptions, whichever they are, become the contract's
            raise translate(error) from error


@asynccontextmanager
async def open_sqlite(file: Path, lock_timeout: float, readers: int = 4) -> AsyncIterator[SQLiteDatabase]:
    """Open the file, made and upgraded if need be.

    Args:
        file: The database.
        lock_timeout: Seconds to wait for another program's lock.
        readers: How many threads read.

    Raises:
        ConfigurationError: The database is newer than the program.
    """
    engine = await asyncio.to_thread(connect_sqlite, file, lock_timeout)
    await asyncio.to_thread(upgrade_sqlite, engine, file)
    database = SQLiteDatabase(engine, readers)
    database.start()
    try:
        yield database
    finally:
        await asyncio.to_thread(database.stop)


def connect_sqlite(file: Path, lock_timeout: float) -> Engine:
    """An engine for the file, for the owner's eyes only; transactions are begun by hand."""
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": lock_timeout, "check_same_thread": False, "cached_statements": 256},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def upgrade_sqlite(engine: Engine, file: Path) -> list[str]:
    """Bring the file to the newest revision; of several processes, one does it and the others wait.

    Raises:
        ConfigurationError: The database is newer than the program.
    """
    with _alone(file), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            moved = upgrade(connection)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
        return list(moved)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """WAL lets readers go on beside the writer; FULL makes a commit durable before it is acknowledged."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

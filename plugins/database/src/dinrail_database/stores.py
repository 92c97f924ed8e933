"""What the service opens: the database that is configured, loaded and upgraded when it is first needed.

SQLAlchemy costs as much time as the rest of a start, and the first use of a database waits for the disk or the network:
both happen beside the event loop, once, and everybody who needs the database waits for that one time.
"""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from dinrail_core.api.call import Principal
from dinrail_core.errors import ConfigurationError, Unavailable
from dinrail_database.once import Once
from dinrail_database.revisions import lines
from dinrail_database.schema import Schema, Standing
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dinrail_database.postgresql import PostgreSQLDatabase
    from dinrail_database.sqlite import SQLiteDatabase
    from dinrail_sdk.sql.units import Owned

__all__ = ["PostgreSQLStore", "SQLiteStore", "opened"]

T = TypeVar("T")

_PATIENCE = 6.0
"""Seconds that opening waits for an upgrade; a longer one goes on, and requests wait for it."""


class _Store(Database, Schema):
    """A database whose preparations are made once."""

    def __init__(self) -> None:
        self.prepared = Once(self._prepare)
        self._closed = False

    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.read`."""
        await self._ready()
        return await self._database.read(principal, work)

    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.write`."""
        await self._ready()
        return await self._database.write(principal, work)

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """See :meth:`Database.sweep`."""
        await self._ready()
        return await self._database.sweep(work)

    async def reach(self) -> None:
        """See :meth:`Database.reach`."""
        await self._ready()
        await self._database.reach()

    async def _ready(self) -> None:
        if self._closed:
            raise Unavailable("The database is being closed.", retry_after=1)
        if self.prepared.done:
            return
        try:
            await self.prepared()
        except ConfigurationError as error:  # of no use to the caller of a request, who only needs to know for now
            raise Unavailable(f"The database cannot be used ({error}).") from error

    @property
    @abstractmethod
    def _database(self) -> Database:
        """What is there once the preparations are made."""

    @abstractmethod
    async def start(self) -> None:
        """Look at it before anything is served from it.

        Raises:
            ConfigurationError: It is newer than the program.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of it."""

    @abstractmethod
    async def _prepare(self) -> None:
        """Load what is needed, and upgrade the schema."""


class SQLiteStore(_Store):
    """One SQLite file.

    Args:
        file: The file; its folder is made when it is needed.
        lock_timeout: Seconds to wait for another program's lock.
        readers: How many threads read.
    """

    def __init__(self, file: Path, lock_timeout: float, readers: int) -> None:
        super().__init__()
        self._file = file
        self._lock_timeout = lock_timeout
        self._readers = readers
        self._sqlite: SQLiteDatabase | None = None

    @property
    def place(self) -> str:
        """See :attr:`Schema.place`."""
        return str(self._file)

    async def standings(self) -> Sequence[Standing]:
        """See :meth:`Schema.standings`."""
        return await asyncio.to_thread(self._look)

    async def upgrade(self) -> Sequence[str]:
        """See :meth:`Schema.upgrade`."""
        return await asyncio.to_thread(self._open)

    async def start(self) -> None:
        """Upgrade at once, unless a look tells that there is nothing to do: then nothing is loaded."""
        if not self._file.exists() or any(standing.current != standing.head for standing in await self.standings()):
            await self.prepared.within(_PATIENCE)

    async def close(self) -> None:
        self._closed = True
        await self.prepared.stop()
        if self._sqlite is not None:
            await asyncio.to_thread(self._sqlite.stop)

    @property
    def _database(self) -> Database:
        assert self._sqlite is not None
        return self._sqlite

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._open)

    def _look(self) -> list[Standing]:
        from dinrail_database.look import look

        found = look(self._file)
        return [line.standing(found.get(line.table)) for line in lines()]

    def _open(self) -> list[str]:
        from dinrail_database.sqlite import SQLiteDatabase, connect_sqlite, upgrade_sqlite

        os.makedirs(self._file.parent, mode=0o700, exist_ok=True)
        engine = connect_sqlite(self._file, self._lock_timeout)
        moved = upgrade_sqlite(engine, self._file)
        if self._sqlite is None:
            sqlite = SQLiteDatabase(engine, self._readers)
            sqlite.start()
            self._sqlite = sqlite
        return moved


class PostgreSQLStore(_Store):
    """A PostgreSQL server.

    Args:
        url: Where it is; it may hold a password.
        lock_timeout: Seconds to wait for another transaction's lock.
        connections: How many at most.
    """

    def __init__(self, url: str, lock_timeout: float, connections: int) -> None:
        super().__init__()
        self._url = url
        self._lock_timeout = lock_timeout
        self._connections = connections
        self._postgresql: PostgreSQLDatabase | None = None
        self._loaded = Once(self._load)

    @property
    def place(self) -> str:
        """See :attr:`Schema.place`."""
        where = urlsplit(self._url)
        return f"postgresql://{where.netloc.rpartition('@')[2]}{where.path}"

    async def standings(self) -> Sequence[Standing]:
        """See :meth:`Schema.standings`."""
        await self._loaded()
        assert self._postgresql is not None
        return await self._postgresql.standings()

    async def upgrade(self) -> Sequence[str]:
        """See :meth:`Schema.upgrade`."""
        await self._loaded()
        assert self._postgresql is not None
        return await self._postgresql.upgrade()

    async def start(self) -> None:
        """Upgrade, if it can be reached: a dead database never blocks the start, since chats need none."""
        with suppress(Unavailable):
            await self.prepared.within(_PATIENCE)

    async def close(self) -> None:
        self._closed = True
        await self.prepared.stop()
        if self._postgresql is not None:
            await self._postgresql.close()

    @property
    def _database(self) -> Database:
        assert self._postgresql is not None
        return self._postgresql

    async def _prepare(self) -> None:
        await self.upgrade()

    async def _load(self) -> None:
        self._postgresql = await asyncio.to_thread(self._connect)

    def _connect(self) -> PostgreSQLDatabase:
        from dinrail_database.postgresql import PostgreSQLDatabase, connect_postgresql

        return PostgreSQLDatabase(connect_postgresql(self._url, self._lock_timeout, self._connections))


@asynccontextmanager
async def opened(store: _Store, *, serving: bool) -> AsyncIterator[_Store]:
    """Have the store until the block is left.

    Args:
        store: The store.
        serving: Whether a server is being started, which upgrades what it finds.

    Raises:
        ConfigurationError: The database is newer than the program.
    """
    try:
        if serving:
            await store.start()
        yield store
    finally:
        await store.close()

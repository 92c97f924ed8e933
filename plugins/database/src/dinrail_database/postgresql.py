"""PostgreSQL, for any number of machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dinrail_core.api.call import Principal
from dinrail_core.errors import ConfigurationError, Unavailable
from dinrail_database.faults import translate
from dinrail_database.migrations import upgrade
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned

__all__ = ["PostgreSQLDatabase", "connect_postgresql", "open_postgresql", "upgrade_postgresql"]

T = TypeVar("T")

_LOCK = 0x44494E5241494C
"""The advisory lock under which schemas are upgraded ("DINRAIL")."""
_CONNECT_TIMEOUT = 2.0
_ONLY = "services.database.url"


class PostgreSQLDatabase(Database):
    """Rows in PostgreSQL.

    Args:
        engine: Makes connections.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._ready = False
        self._preparing = asyncio.Lock()

    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.read`."""
        return await self._run(lambda connection: work(Owned(connection, principal)), again=True)

    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.write`."""
        return await self._run(lambda connection: work(Owned(connection, principal)), again=False)

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """See :meth:`Database.sweep`."""
        return await self._run(work, again=False)

    async def prepare(self) -> None:
        """Upgrade the schema, once.

        Raises:
            ConfigurationError: The database is newer than the program.
            Unavailable: It cannot be reached.
        """
        async with self._preparing:
            if not self._ready:
                await upgrade_postgresql(self._engine)
                self._ready = True

    async def _run(self, work: Callable[[Connection], T], *, again: bool) -> T:
        """Do work in a transaction; a pooled connection that turns out to be dead is replaced where that is safe."""
        if not self._ready:
            await self.prepare()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                connection = await self._engine.connect().start()
        except Exception as error:  # the driver's exceptions, whichever they are, become the contract's
            raise translate(error) from error
        try:
            async with connection.begin():
                return await connection.run_sync(work)
        except DBAPIError as error:
            if again and error.connection_invalidated:
                return await self._run(work, again=False)
            raise translate(error) from error
        except OSError as error:
            raise translate(error) from error
        finally:
            await connection.close()


@asynccontextmanager
async def open_postgresql(url: str, lock_timeout: float, connections: int) -> AsyncIterator[PostgreSQLDatabase]:
    """Open the database; one that is down now is tried again at every use.

    Raises:
        ConfigurationError: The URL is none, or the database is newer than the program.
    """
    engine = connect_postgresql(url, lock_timeout, connections)
    database = PostgreSQLDatabase(engine)
    try:
        with suppress(Unavailable):  # a dead database never blocks the start; chats are served meanwhile
            await database.prepare()
        yield database
    finally:
        await engine.dispose()


def connect_postgresql(url: str, lock_timeout: float, connections: int) -> AsyncEngine:
    """An engine for the URL.

    Raises:
        ConfigurationError: The URL is none of PostgreSQL's; it is not repeated, since it may contain a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError("not a URL of a database", key=_ONLY) from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError("only postgresql:// is known; leave it out for SQLite", key=_ONLY)
    milliseconds = str(int(lock_timeout * 1000))
    return create_async_engine(
        parsed.set(drivername="postgresql+asyncpg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_CONNECT_TIMEOUT,
        connect_args={
            "timeout": _CONNECT_TIMEOUT,
            "server_settings": {"application_name": "dinrail", "lock_timeout": milliseconds},
        },
    )


async def upgrade_postgresql(engine: AsyncEngine) -> list[str]:
    """Bring the database to the newest revision; of several processes, one does it and the others wait.

    Raises:
        ConfigurationError: The database is newer than the program.
        Unavailable: It cannot be reached.
    """
    try:
        async with engine.begin() as connection:
            # Others may upgrade for longer than a statement usually waits for a lock.
            await connection.execute(text("SET LOCAL lock_timeout = 0"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return list(await connection.run_sync(upgrade))
    except (DBAPIError, OSError, TimeoutError) as error:
        raise translate(error) from error

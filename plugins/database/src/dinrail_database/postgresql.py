"""PostgreSQL, for any number of machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dinrail_core.api.call import Principal
from dinrail_core.errors import ConfigurationError
from dinrail_database.faults import translated
from dinrail_database.migrations import standings, upgrade
from dinrail_database.schema import Standing
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.scope import Scope
from dinrail_sdk.sql.units import Owned

__all__ = ["PostgreSQLDatabase", "connect_postgresql"]

T = TypeVar("T")

_LOCK = 0x44494E5241494C
"""The advisory lock under which schemas are upgraded ("DINRAIL")."""
_CONNECT_TIMEOUT = 2.0
"""Seconds until a server that does not answer counts as gone."""
_POOL_TIMEOUT = 10.0
"""Seconds that a request waits until others have done with the connections."""
_CLOSE_TIMEOUT = 5.0
_KEY = "services.database.url"
_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""One snapshot for all statements of a unit, as on SQLite."""


class PostgreSQLDatabase(Database):
    """Rows in PostgreSQL.

    Args:
        engine: Makes connections.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**_READING)
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.read`."""

        def scoped(connection: Connection) -> T:
            return Owned(connection, Scope(principal)).do(work)

        with translated():
            try:
                return await self._run(self._reading, scoped)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            # The connection was lost on the way; what only reads can be done again.
            return await self._run(self._reading, scoped)

    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """See :meth:`Database.write`."""
        with translated():
            return await self._run(self._engine, lambda connection: Owned(connection, Scope(principal)).do(work))

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """See :meth:`Database.sweep`."""
        with translated():
            return await self._run(self._engine, work)

    async def reach(self) -> None:
        """See :meth:`Database.reach`."""
        with translated():
            await self._run(self._reading, lambda connection: None)

    async def standings(self) -> Sequence[Standing]:
        """Where each installed service's tables stand."""
        with translated():
            return await self._run(self._reading, standings)

    async def upgrade(self) -> list[str]:
        """Bring the database to the newest revision; of several processes, one does it and the others wait.

        Returns:
            What has moved.

        Raises:
            ConfigurationError: The database is newer than the program, or does not let it in.
            Unavailable: It cannot be reached.
        """

        def locked(connection: Connection) -> list[str]:
            # Others may upgrade for longer than a statement usually waits for a lock.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return list(upgrade(connection))

        with translated():
            return await self._run(self._engine, locked)

    async def close(self) -> None:
        """Let what is under way end, and let go of the connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._idle.wait()
        await self._engine.dispose()

    async def _run(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction of its own."""
        self._running += 1
        self._idle.clear()
        try:
            connection = await engine.connect().start()
            try:
                async with connection.begin():
                    return await connection.run_sync(work)
            finally:
                await connection.close()
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()


def connect_postgresql(url: str, lock_timeout: float, connections: int) -> AsyncEngine:
    """An engine for the URL; connects to nothing yet.

    Raises:
        ConfigurationError: The URL is none of PostgreSQL's; it is not repeated, since it may contain a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("not a URL of a database", key=_KEY) from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError("only postgresql:// is known; leave it out for SQLite", key=_KEY)
    engine = create_async_engine(
        parsed.set(drivername="postgresql+asyncpg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT,
        connect_args={
            "timeout": _CONNECT_TIMEOUT,
            "server_settings": {"application_name": "dinrail", "lock_timeout": str(int(lock_timeout * 1000))},
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Refuse a pooled connection that the server has closed; the driver knows, so it costs no round trip."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError

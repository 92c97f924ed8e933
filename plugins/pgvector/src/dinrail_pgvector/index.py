"""Vectors in PostgreSQL: a table for each collection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import numpy as np

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import (
    Conflict,
    DinrailError,
    NotFound,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_pgvector.conditions import Sql, stored
from dinrail_pgvector.plugin import PgvectorConfig
from dinrail_sdk.vectors.base import EngineIndex, clipped
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.narrowing import narrowed

__all__ = ["Pgvector", "open_index"]

_LOCK = 0x64696E72
"""Of advisory locks: the first of two numbers, ours alone."""
_MOST_INDEXED = 2000

Connection: TypeAlias = Any
"""A connection of asyncpg's pool, whose types depend on its version."""


class Pgvector(EngineIndex):
    """Vectors in PostgreSQL.

    Args:
        config: Its configuration.
        pool: Its connections.
    """

    def __init__(self, config: PgvectorConfig, pool: Any) -> None:
        self._config = config
        self._pool = pool

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        table = self._table(collection)
        async with self._changing(collection) as connection:
            there = await self._dimension(connection, collection)
            if there is None:
                await connection.execute(
                    f"CREATE TABLE {table} (id text PRIMARY KEY, file_id text NOT NULL, attributes jsonb NOT NULL, "
                    f"vector vector({dimension}) NOT NULL)"
                )
                await connection.execute(f"CREATE INDEX ON {table} (file_id)")
                await connection.execute(f"CREATE INDEX ON {table} USING gin (attributes jsonb_path_ops)")
                if self._config.search == "approximate" and dimension <= _MOST_INDEXED:
                    await connection.execute(f"CREATE INDEX ON {table} USING hnsw (vector vector_ip_ops)")
            elif there != dimension:
                raise Conflict("The collection has vectors of another dimension.")

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        async with self._changing(collection) as connection:
            await connection.execute(f"DROP TABLE IF EXISTS {self._table(collection)}")

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        async with self._connected() as connection:
            dimension = await self._dimension(connection, collection)
        if dimension is None:
            raise _missing()
        return dimension

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        values = [
            (record.id, record.file_id, stored(record.attributes), row)
            for record, row in zip(records, rows, strict=True)
        ]
        async with self._changing(collection) as connection:
            await connection.executemany(
                f"INSERT INTO {self._table(collection)} VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET "  # noqa: S608  # bound
                "file_id = excluded.file_id, attributes = excluded.attributes, vector = excluded.vector",
                values,
            )

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        async with self._changing(collection) as connection:
            await connection.execute(
                f"UPDATE {self._table(collection)} SET attributes = $2 WHERE file_id = $1",  # noqa: S608  # bound
                file_id,
                stored(attributes),
            )

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        async with self._changing(collection) as connection:
            await connection.execute(
                f"DELETE FROM {self._table(collection)} WHERE id = ANY($1::text[])",  # noqa: S608  # bound
                list(ids),
            )

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        async with self._changing(collection) as connection:
            await connection.execute(
                f"DELETE FROM {self._table(collection)} WHERE file_id = $1",  # noqa: S608  # bound
                file_id,
            )

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        values: list[Any] = [vector, limit]
        asked = narrowed(filter, Sql())
        if asked.nothing:
            return []
        condition = f" WHERE {asked.condition.bound(values)}" if asked.condition is not None else ""
        statement = (
            f"SELECT id, file_id, -(vector <#> $1) AS similarity FROM {self._table(collection)}{condition} "  # noqa: S608  # bound
            "ORDER BY vector <#> $1 LIMIT $2"
        )
        async with self._connected() as connection:
            if self._config.search == "approximate":
                rows = await self._search_approximately(connection, statement, values, limit)
            else:
                rows = await connection.fetch(statement, *values)
        return [VectorHit(record_id, file_id, clipped(similarity)) for record_id, file_id, similarity in rows]

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        condition, values = (" WHERE file_id = $1", [file_id]) if file_id is not None else ("", [])
        async with self._connected() as connection:
            found: int = await connection.fetchval(
                f"SELECT count(*) FROM {self._table(collection)}{condition}",  # noqa: S608  # ours
                *values,
            )
        return found

    async def _search_approximately(
        self, connection: Connection, statement: str, values: list[Any], limit: int
    ) -> list[Any]:
        """Through the index; a filter that leaves it with too few is answered by looking at everything."""
        async with connection.transaction():
            await connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            await connection.execute(f"SET LOCAL hnsw.ef_search = {min(1000, max(100, 2 * limit))}")
            rows: list[Any] = await connection.fetch(statement, *values)
            if len(rows) < limit:
                await connection.execute("SET LOCAL enable_indexscan = off")
                rows = await connection.fetch(statement, *values)
        return rows

    def _table(self, collection: str) -> str:
        return f'"{self._config.db_schema}"."{collection}"'

    async def _dimension(self, connection: Connection, collection: str) -> int | None:
        found: int | None = await connection.fetchval(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'vector'",
            self._table(collection),
        )
        return found

    @asynccontextmanager
    async def _changing(self, collection: str) -> AsyncIterator[Connection]:
        """A transaction; those that change one collection wait for each other, so none of them can lock another out."""
        async with self._connected() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, collection)
            yield connection

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=self._config.connect_timeout) as connection:
                yield connection
        except DinrailError:
            raise
        except asyncpg.UndefinedTableError:
            raise _missing() from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise _translated(error) from error


def _missing() -> NotFound:
    return NotFound("There is no such collection of vectors.")


def _translated(error: Exception) -> DinrailError:
    name = type(error).__name__
    if isinstance(error, asyncpg.QueryCanceledError | TimeoutError):
        return UpstreamTimeout("PostgreSQL did not answer in time.")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InsufficientPrivilegeError):
        return UpstreamRefused(f"PostgreSQL refuses the user that is configured ({name}).")
    unreachable = (
        OSError,
        asyncpg.InterfaceError,
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.TooManyConnectionsError,
    )
    if isinstance(error, unreachable):
        return UpstreamUnavailable(f"PostgreSQL cannot be reached ({name}).", retry_after=1.0)
    return UpstreamFailed(f"PostgreSQL failed ({name}).")


def _encoded(row: Floats) -> bytes:
    """A vector as pgvector receives it: how many numbers, two bytes that are not used, and the numbers."""
    return len(row).to_bytes(2, "big") + b"\0\0" + row.astype(">f4").tobytes()


def _decoded(data: bytes) -> Floats:
    return np.frombuffer(data, dtype=">f4", offset=4).astype(np.float32)


async def _prepare(connection: Connection, schema: str) -> None:
    """Make what has to be there, and teach the connection how vectors are sent."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", _LOCK)
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    where = await connection.fetchval(
        "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
    )
    await connection.set_type_codec("vector", schema=where, encoder=_encoded, decoder=_decoded, format="binary")


@asynccontextmanager
async def open_index(config: PgvectorConfig) -> AsyncIterator[Pgvector]:
    """Open an index; the database is asked for at the first use."""
    pool = asyncpg.create_pool(
        config.url.get_secret_value(),
        min_size=0,
        max_size=config.max_connections,
        timeout=config.connect_timeout,
        command_timeout=config.statement_timeout,
        init=lambda connection: _prepare(connection, config.db_schema),
        server_settings={"application_name": "dinrail"},
    )
    await pool
    try:
        yield Pgvector(config, pool)
    finally:
        try:
            async with asyncio.timeout(3.0):
                await pool.close()
        except TimeoutError:
            pool.terminate()

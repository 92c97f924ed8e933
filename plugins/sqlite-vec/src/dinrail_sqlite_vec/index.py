"""The index: one thread that writes and one that reads, each with a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import (
    Attribute,
    Vector,
    VectorHit,
    VectorIndex,
    VectorRecord,
    check_attributes,
    check_collection,
    check_dimension,
    check_limit,
)
from dinrail_sdk.vectors.lane import Lane

if TYPE_CHECKING:
    from dinrail_sqlite_vec.database import Writer
    from dinrail_sqlite_vec.reader import Reader

__all__ = ["SqliteVec", "open_index"]


class SqliteVec(VectorIndex):
    """Vectors in a SQLite file.

    Args:
        writing: Where it is written.
        reading: Where it is read.
    """

    def __init__(self, writing: Lane[Writer], reading: Lane[Reader]) -> None:
        self._writing = writing
        self._reading = reading

    async def create(self, collection: str, dimension: int) -> None:
        """See :meth:`VectorIndex.create`."""
        check_collection(collection)
        check_dimension(dimension)
        await self._writing.run(lambda writer: writer.create(collection, dimension))

    async def drop(self, collection: str) -> None:
        """See :meth:`VectorIndex.drop`."""
        check_collection(collection)
        await self._writing.run(lambda writer: writer.drop(collection))

    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        """See :meth:`VectorIndex.upsert`."""
        check_collection(collection)
        for record in records:
            check_attributes(record.attributes)
        await self._writing.run(lambda writer: writer.upsert(collection, records))

    async def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`VectorIndex.set_attributes`."""
        check_collection(collection)
        check_attributes(attributes)
        await self._writing.run(lambda writer: writer.set_attributes(collection, file_id, attributes))

    async def delete(self, collection: str, ids: Collection[str]) -> None:
        """See :meth:`VectorIndex.delete`."""
        check_collection(collection)
        await self._writing.run(lambda writer: writer.delete(collection, ids))

    async def delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`VectorIndex.delete_file`."""
        check_collection(collection)
        await self._writing.run(lambda writer: writer.delete_file(collection, file_id))

    async def search(
        self, collection: str, vector: Vector, limit: int, filter: Filter | None = None
    ) -> Sequence[VectorHit]:
        """See :meth:`VectorIndex.search`."""
        check_collection(collection)
        check_limit(limit)
        return await self._reading.run(lambda reader: reader.search(collection, vector, limit, filter))

    async def count(self, collection: str, file_id: str | None = None) -> int:
        """See :meth:`VectorIndex.count`."""
        check_collection(collection)
        return await self._reading.run(lambda reader: reader.count(collection, file_id))


@asynccontextmanager
async def open_index(path: Path, memory_mb: int, busy_timeout: float) -> AsyncIterator[SqliteVec]:
    """Open an index; the file is touched, and SQLite and numpy are loaded, at the first use.

    Args:
        path: The file; its folder is made if need be.
        memory_mb: Megabytes of vectors that may be kept in memory.
        busy_timeout: Seconds to wait while another process writes.
    """

    def writer() -> Writer:
        from dinrail_sqlite_vec.database import Writer, connect

        return Writer(connect(path, busy_timeout))

    def reader() -> Reader:
        from dinrail_sqlite_vec.database import connect
        from dinrail_sqlite_vec.reader import Reader

        return Reader(connect(path, busy_timeout), memory_mb * 1024 * 1024)

    await asyncio.to_thread(path.parent.mkdir, 0o700, parents=True, exist_ok=True)
    writing = Lane(writer, lambda one: one.close(), "dinrail-sqlite-vec-write")
    reading = Lane(reader, lambda one: one.close(), "dinrail-sqlite-vec-read")
    async with writing.opened(), reading.opened():
        yield SqliteVec(writing, reading)

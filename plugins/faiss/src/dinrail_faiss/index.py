"""The index: collections of a folder, in one thread."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import faiss

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, NotFound, Unavailable
from dinrail_faiss.shard import Shard
from dinrail_sdk.vectors.base import EngineIndex
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.folder import Folder
from dinrail_sdk.vectors.lane import Lane

__all__ = ["Faiss", "open_index"]

T = TypeVar("T")

_FILE = "records.sqlite"


class Shards:
    """The collections of a folder. All of it blocks.

    Args:
        folder: Where they are.
        threads: That work on one search.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        self.folder = Folder(folder)
        self._open: dict[str, Shard] = {}

    def close(self) -> None:
        """Close all of them."""
        for shard in self._open.values():
            shard.close()
        self._open.clear()
        self.folder.close()

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection, or see that it has this dimension."""
        try:
            there = self.folder.dimension(collection)
        except NotFound:
            self.folder.make(collection, dimension, lambda place: Shard(place / _FILE, dimension).close())
        else:
            if there != dimension:
                raise Conflict("The collection has vectors of another dimension.")

    def drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""
        self._forget(collection)
        self.folder.drop(collection)

    def use(self, collection: str, work: Callable[[Shard], T]) -> T:
        """Do something with a collection, which is loaded if need be."""
        dimension = self.folder.dimension(collection)
        try:
            if collection not in self._open:
                self._open[collection] = Shard(self.folder.place(collection) / _FILE, dimension)
            return work(self._open[collection])
        except BaseException as error:
            self._forget(collection)  # what is in memory may not be what is in the file
            if isinstance(error, sqlite3.Error):
                name = type(error).__name__
                raise Unavailable(f"The file of vectors cannot be used ({name}).", retry_after=5.0) from error
            raise

    def _forget(self, collection: str) -> None:
        shard = self._open.pop(collection, None)
        if shard is not None:
            shard.close()


class Faiss(EngineIndex):
    """Vectors in FAISS.

    Args:
        lane: Where they are used.
    """

    def __init__(self, lane: Lane[Shards]) -> None:
        self._lane = lane

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        await self._lane.run(lambda shards: shards.create(collection, dimension))

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        await self._lane.run(lambda shards: shards.drop(collection))

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        return await self._lane.run(lambda shards: shards.folder.dimension(collection))

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        await self._use(collection, lambda shard: shard.upsert(records, rows))

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        await self._use(collection, lambda shard: shard.set_attributes(file_id, attributes))

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        await self._use(collection, lambda shard: shard.delete("id", ids))

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        await self._use(collection, lambda shard: shard.delete("file_id", [file_id]))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        return await self._use(collection, lambda shard: shard.search(vector, limit, filter))

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        return await self._use(collection, lambda shard: shard.count(file_id))

    async def _use(self, collection: str, work: Callable[[Shard], T]) -> T:
        return await self._lane.run(lambda shards: shards.use(collection, work))


@asynccontextmanager
async def open_index(folder: Path, threads: int) -> AsyncIterator[Faiss]:
    """Open an index; collections are loaded when they are first used."""
    lane = Lane(lambda: Shards(folder, threads), lambda shards: shards.close(), "dinrail-faiss")
    async with lane.opened():
        yield Faiss(lane)

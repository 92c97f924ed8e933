"""Qdrant's engine in this process: a shard for each collection, in one thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, NotFound, Unavailable
from dinrail_qdrant.payload import FILE, ID, Conditions, attributes_of, payload_of, point_id
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.folder import Folder
from dinrail_sdk.vectors.lane import Lane
from dinrail_sdk.vectors.narrowing import narrowed

__all__ = ["EmbeddedQdrant", "open_embedded"]

_CONDITIONS = Conditions(edge, edge.RangeFloat)
_SHARD = "shard"


class Shards:
    """The shards of a folder. All of it blocks.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self._open: dict[str, Any] = {}

    def close(self) -> None:
        """Close all of them."""
        for shard in self._open.values():
            shard.close()
        self._open.clear()
        self.folder.close()

    def create(self, collection: str, dimension: int) -> None:
        """Make a shard, or see that it has this dimension."""
        try:
            there = self.folder.dimension(collection)
        except NotFound:
            self.folder.make(collection, dimension, lambda place: _make(place / _SHARD, dimension))
        else:
            if there != dimension:
                raise Conflict("The collection has vectors of another dimension.")

    def drop(self, collection: str) -> None:
        """Remove a shard."""
        shard = self._open.pop(collection, None)
        if shard is not None:
            shard.close()
        self.folder.drop(collection)

    @contextmanager
    def shard(self, collection: str) -> Iterator[Any]:
        """A shard, opened if it is not yet."""
        place = self.folder.place(collection) / _SHARD
        try:
            if collection not in self._open:
                self._open[collection] = edge.EdgeShard.load(str(place))
            yield self._open[collection]
        except Exception as error:  # the engine has no class of errors of its own
            raise Unavailable(f"The engine of Qdrant failed ({type(error).__name__}).") from error

    def update(self, collection: str, operation: Any) -> None:
        """Change something; it is on the disk when this returns."""
        with self.shard(collection) as shard:
            shard.update(operation)
            shard.flush()

    def count(self, collection: str, file_id: str | None) -> int:
        """How many points there are."""
        condition = _CONDITIONS.file(file_id) if file_id is not None else None
        with self.shard(collection) as shard:
            found: int = shard.count(edge.CountRequest(exact=True, filter=condition))
        return found

    def search(self, collection: str, vector: Floats, limit: int, condition: Any) -> list[Any]:
        """The nearest points."""
        request = edge.SearchRequest(
            query=edge.Query.Nearest(vector.tolist()),
            limit=limit,
            filter=condition,
            params=edge.SearchParams(exact=True),
            with_payload=True,
        )
        with self.shard(collection) as shard:
            found: list[Any] = shard.search(request)
        return found


class EmbeddedQdrant(EngineIndex):
    """Vectors in Qdrant's engine.

    Args:
        lane: Where its shards are used.
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

        def upsert(shards: Shards) -> None:
            points = [
                edge.Point(point_id(one.id), row.tolist(), payload_of(one.id, one.file_id, one.attributes))
                for one, row in zip(records, rows, strict=True)
            ]
            shards.update(collection, edge.UpdateOperation.upsert_points(points))

        await self._lane.run(upsert)

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""

        def change(shards: Shards) -> None:
            request = edge.ScrollRequest(
                limit=shards.count(collection, file_id), filter=_CONDITIONS.file(file_id), with_payload=[ID]
            )
            with shards.shard(collection) as shard:
                points, _ = shard.scroll(request)
            for point in points:
                payload = payload_of(point.payload[ID], file_id, attributes)
                shards.update(collection, edge.UpdateOperation.overwrite_payload([point.id], payload))

        await self._lane.run(change)

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        operation = edge.UpdateOperation.delete_points([point_id(one) for one in ids])
        await self._lane.run(lambda shards: shards.update(collection, operation))

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        operation = edge.UpdateOperation.delete_points_by_filter(_CONDITIONS.file(file_id))
        await self._lane.run(lambda shards: shards.update(collection, operation))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, _CONDITIONS)
        condition = _CONDITIONS.record(asked.condition)

        async def fetch(count: int) -> Candidates:
            found = await self._lane.run(lambda shards: shards.search(collection, vector, count, condition))
            return [(_hit(point), attributes_of(point.payload)) for point in found]

        if asked.nothing:
            return []
        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        return await find_exactly(fetch, limit, filter) or []

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        return await self._lane.run(lambda shards: shards.count(collection, file_id))


def _make(place: Path, dimension: int) -> None:
    place.mkdir(0o700)
    config = edge.EdgeConfig(vectors=edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Dot))
    edge.EdgeShard.create(str(place), config).close()


def _hit(point: Any) -> VectorHit:
    return VectorHit(point.payload[ID], point.payload[FILE], clipped(point.score))


@asynccontextmanager
async def open_embedded(folder: Path) -> AsyncIterator[EmbeddedQdrant]:
    """Open the engine over a folder; its files are opened at the first use."""
    lane = Lane(lambda: Shards(folder), lambda shards: shards.close(), "dinrail-qdrant")
    async with lane.opened():
        yield EmbeddedQdrant(lane)

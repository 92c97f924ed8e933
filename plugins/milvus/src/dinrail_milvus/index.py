"""Vectors in Milvus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException, MilvusUnavailableException

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import DinrailError, NotFound, UpstreamFailed, UpstreamRefused, UpstreamUnavailable
from dinrail_milvus.engine import MOST, Engine, Expressions
from dinrail_milvus.plugin import MilvusConfig
from dinrail_sdk.vectors.base import Candidates, EngineIndex, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.lane import Lane
from dinrail_sdk.vectors.narrowing import narrowed

__all__ = ["Milvus", "open_index"]

T = TypeVar("T")

_THREADS = 8
_NO_COLLECTION = 100
_REFUSED = 1800, 65535


class Milvus(EngineIndex):
    """Vectors in Milvus.

    Args:
        lane: Where it is used.
    """

    def __init__(self, lane: Lane[Engine]) -> None:
        self._lane = lane

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        await self._run(lambda engine: engine.create(collection, dimension))

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        await self._run(lambda engine: engine.drop(collection))

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        return await self._run(lambda engine: engine.dimension(collection))

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        await self._run(lambda engine: engine.upsert(collection, records, rows))

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        await self._run(lambda engine: engine.set_attributes(collection, file_id, attributes))

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        await self._run(lambda engine: engine.delete(collection, ids))

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        await self._run(lambda engine: engine.delete_file(collection, file_id))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, Expressions())
        condition = asked.condition

        async def fetch(count: int) -> Candidates:
            return await self._run(lambda engine: engine.search(collection, vector, count, condition, not asked.exact))

        if asked.nothing:
            return []
        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        hits = await find_exactly(fetch, limit, filter, MOST)
        if hits is None:
            return await self._run(lambda engine: engine.scan(collection, vector, limit, condition, filter))
        return hits

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        return await self._run(lambda engine: engine.count(collection, file_id))

    async def _run(self, work: Callable[[Engine], T]) -> T:
        try:
            return await self._lane.run(work)
        except (MilvusException, grpc.RpcError) as error:
            raise _translated(error) from error


def _translated(error: Exception) -> DinrailError:
    code = getattr(error, "code", None)
    if isinstance(error, MilvusUnavailableException | grpc.RpcError) or "server unavailable" in str(error):
        return UpstreamUnavailable("Milvus cannot be reached.", retry_after=1.0)
    if code == _NO_COLLECTION:
        return NotFound("There is no such collection of vectors.")
    if code in _REFUSED and "auth" in str(error).lower():
        return UpstreamRefused("Milvus does not accept the token that is configured.")
    if "connect" in str(error).lower():
        return UpstreamUnavailable("Milvus cannot be reached.", retry_after=1.0)
    return UpstreamFailed(f"Milvus failed ({type(error).__name__}, code {code}).")


@asynccontextmanager
async def open_index(config: MilvusConfig) -> AsyncIterator[Milvus]:
    """Open an index; the server is asked for at the first use."""

    def make() -> Engine:
        token = config.token.get_secret_value() if config.token is not None else ""
        client = MilvusClient(str(config.url), token=token, db_name=config.database, timeout=config.timeout)
        return Engine(client, config)

    lane = Lane(make, lambda engine: engine.close(), "dinrail-milvus", _THREADS)
    async with lane.opened():
        yield Milvus(lane)

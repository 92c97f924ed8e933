"""A Qdrant server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import (
    Conflict,
    DinrailError,
    NotFound,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamUnavailable,
)
from dinrail_qdrant.payload import FILE, ID, Conditions, attributes_of, payload_of, point_id
from dinrail_qdrant.plugin import QdrantConfig
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.narrowing import narrowed

__all__ = ["QdrantServer", "open_server"]

_CONDITIONS = Conditions(models, models.Range)
_AT_ONCE = 50_000
"""Numbers in one request: the client writes them as text on the event loop."""
_PAGE = 1000


class QdrantServer(EngineIndex):
    """Vectors on a Qdrant server.

    Args:
        client: Speaks with it.
        config: Its configuration.
    """

    def __init__(self, client: AsyncQdrantClient, config: QdrantConfig) -> None:
        self._client = client
        self._prefix = config.prefix
        self._params = models.SearchParams(exact=config.search == "exact")

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        with _translated():
            if not await self._client.collection_exists(self._name(collection)):
                try:
                    await self._client.create_collection(
                        self._name(collection), models.VectorParams(size=dimension, distance=models.Distance.DOT)
                    )
                    await self._client.create_payload_index(
                        self._name(collection), FILE, models.PayloadSchemaType.KEYWORD
                    )
                except UnexpectedResponse as error:
                    if error.status_code != 409:  # somebody else was faster
                        raise
        if await self.engine_dimension(collection) != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        with _translated():
            await self._client.delete_collection(self._name(collection))

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        with _translated():
            found = await self._client.get_collection(self._name(collection))
        params = found.config.params.vectors
        if not isinstance(params, models.VectorParams):
            raise UpstreamInvalid("The collection of Qdrant's was not made by this program.")
        return params.size

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        step = max(1, _AT_ONCE // rows.shape[1])
        for start in range(0, len(records), step):
            points = [
                models.PointStruct(
                    id=point_id(one.id), vector=row.tolist(), payload=payload_of(one.id, one.file_id, one.attributes)
                )
                for one, row in zip(records[start : start + step], rows[start : start + step], strict=True)
            ]
            with _translated():
                await self._client.upsert(self._name(collection), points, wait=True)

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        offset: Any = None
        while True:
            with _translated():
                points, offset = await self._client.scroll(
                    self._name(collection), _CONDITIONS.file(file_id), limit=_PAGE, offset=offset, with_payload=[ID]
                )
                changes: list[Any] = [
                    models.OverwritePayloadOperation(
                        overwrite_payload=models.SetPayload(
                            points=[point.id], payload=payload_of(str((point.payload or {})[ID]), file_id, attributes)
                        )
                    )
                    for point in points
                ]
                if changes:
                    await self._client.batch_update_points(self._name(collection), changes, wait=True)
            if offset is None:
                return

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        points = models.PointIdsList(points=[point_id(one) for one in ids])
        with _translated():
            await self._client.delete(self._name(collection), points, wait=True)

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        points = models.FilterSelector(filter=_CONDITIONS.file(file_id))
        with _translated():
            await self._client.delete(self._name(collection), points, wait=True)

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, _CONDITIONS)
        condition = _CONDITIONS.record(asked.condition)

        async def fetch(count: int) -> Candidates:
            with _translated():
                found = await self._client.query_points(
                    self._name(collection),
                    vector.tolist(),
                    query_filter=condition,
                    search_params=self._params,
                    limit=count,
                    with_payload=True if not asked.exact else [ID, FILE],
                )
            payloads = [(point.payload or {}, point.score) for point in found.points]
            return [
                (VectorHit(payload[ID], payload[FILE], clipped(score)), attributes_of(payload))
                for payload, score in payloads
            ]

        if asked.nothing:
            return []
        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        return await find_exactly(fetch, limit, filter) or []

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        condition = _CONDITIONS.file(file_id) if file_id is not None else None
        with _translated():
            return (await self._client.count(self._name(collection), condition, exact=True)).count

    def _name(self, collection: str) -> str:
        return f"{self._prefix}{collection}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UnexpectedResponse as error:
        raise _refusal(error) from error
    except ResponseHandlingException as error:
        raise UpstreamUnavailable("Qdrant cannot be reached.", retry_after=1.0) from error


def _refusal(error: UnexpectedResponse) -> DinrailError:
    status = error.status_code or 0
    if status == 404:
        return NotFound("There is no such collection of vectors.")
    if status in (401, 403):
        return UpstreamRefused("Qdrant does not accept the key that is configured.")
    if status in (429, 502, 503, 504):
        return UpstreamUnavailable(f"Qdrant is overloaded (it answers {status}).", retry_after=1.0)
    return UpstreamFailed(f"Qdrant failed (it answers {status}).")


@asynccontextmanager
async def open_server(config: QdrantConfig) -> AsyncIterator[QdrantServer]:
    """Speak with a server; it is asked for at the first use."""
    client = AsyncQdrantClient(
        url=str(config.url),
        api_key=config.api_key.get_secret_value() if config.api_key is not None else None,
        timeout=config.timeout,
        check_compatibility=False,
    )
    try:
        yield QdrantServer(client, config)
    finally:
        await client.close()

"""Vectors in Chroma."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import chromadb
import httpx
import numpy as np
from chromadb.config import Settings
from chromadb.errors import ChromaAuthError, ChromaError, NotFoundError

from dinrail_chroma.metadata import FILE, Conditions, Where, attributes_of, metadata_of, of_file
from dinrail_chroma.plugin import ChromaConfig
from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import (
    Conflict,
    DinrailError,
    NotFound,
    Unavailable,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.folder import Folder
from dinrail_sdk.vectors.lane import Lane
from dinrail_sdk.vectors.narrowing import narrowed

__all__ = ["Chroma", "open_index"]

T = TypeVar("T")

_DIMENSION = "dimension"
_AT_ONCE = 1000
_THREADS = 8
_CONDITIONS = Conditions()


class Engine:
    """Chroma. All of it blocks.

    Args:
        client: Chroma's client.
        config: The configuration.
        folder: The folder that it has for itself, where it is in this process.
    """

    def __init__(self, client: Any, config: ChromaConfig, folder: Folder | None) -> None:
        self._client = client
        self._config = config
        self._folder = folder

    def close(self) -> None:
        """Close what is open."""
        sessions = _sessions(self._client)
        self._client.close()
        for session in sessions:
            session.close()
        if self._folder is not None:
            self._folder.close()

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection, or see that it has this dimension."""
        effort = self._config.effort
        made = self._client.get_or_create_collection(
            self._name(collection),
            metadata={_DIMENSION: dimension},
            embedding_function=None,
            configuration={
                "hnsw": {"space": "ip", "ef_construction": 200, "max_neighbors": 32, "ef_search": effort},
            },
        )
        if made.metadata.get(_DIMENSION) != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    def drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""
        try:
            self._client.delete_collection(self._name(collection))
        except NotFoundError:
            return

    def collection(self, collection: str) -> Any:
        """A collection as Chroma has it."""
        return self._client.get_collection(self._name(collection), embedding_function=None)

    def dimension(self, collection: str) -> int:
        """Of a collection's vectors."""
        found = (self.collection(collection).metadata or {}).get(_DIMENSION)
        if not isinstance(found, int):
            raise UpstreamInvalid("The collection of Chroma's was not made by this program.")
        return found

    def upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """Put records in the place of those with their ids."""
        engine = self.collection(collection)
        for start in range(0, len(records), _AT_ONCE):
            part = records[start : start + _AT_ONCE]
            ids = [record.id for record in part]
            before = _metadatas(engine.get(ids=ids, include=["metadatas"]))
            metadatas = [
                _replacing(before.get(record.id, {}), metadata_of(record.file_id, record.attributes)) for record in part
            ]
            engine.upsert(ids=ids, embeddings=rows[start : start + _AT_ONCE], metadatas=metadatas)

    def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the attributes of a file's records."""
        engine = self.collection(collection)
        before = _metadatas(engine.get(where=of_file(file_id), include=["metadatas"]))
        wanted = metadata_of(file_id, attributes)
        ids = list(before)
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            engine.update(ids=part, metadatas=[_replacing(before[one], wanted) for one in part])

    def search(self, collection: str, vector: Floats, limit: int, where: Where | None) -> Candidates:
        """The nearest; where the graph leads to fewer than are wanted, by looking at everything that matches."""
        engine = self.collection(collection)
        if engine.count() == 0:
            return []
        found = engine.query(
            query_embeddings=vector[None], n_results=limit, where=where, include=["metadatas", "distances"]
        )
        if len(found["ids"][0]) >= limit:
            similarities = [1.0 - distance for distance in found["distances"][0]]
            return _candidates(found["ids"][0], found["metadatas"][0], similarities)
        found = engine.get(where=where, include=["metadatas", "embeddings"])
        if not found["ids"]:
            return []
        values = np.asarray(found["embeddings"], dtype=np.float32) @ vector
        best = np.argsort(-values, kind="stable")[:limit]
        return _candidates(
            [found["ids"][at] for at in best],
            [found["metadatas"][at] for at in best],
            [float(values[at]) for at in best],
        )

    def count(self, collection: str, file_id: str | None) -> int:
        """How many records there are."""
        engine = self.collection(collection)
        found: int = engine.count() if file_id is None else len(engine.get(where=of_file(file_id), include=[])["ids"])
        return found

    def _name(self, collection: str) -> str:
        return f"{self._config.prefix}{collection}"


class Chroma(EngineIndex):
    """Vectors in Chroma.

    Args:
        lane: Where it is used.
        embedded: Whether it is in this process.
    """

    def __init__(self, lane: Lane[Engine], embedded: bool) -> None:
        self._lane = lane
        self._embedded = embedded

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

        def delete(engine: Engine) -> None:
            found = engine.collection(collection)
            there = found.get(ids=list(ids), include=[])["ids"]
            if there:
                found.delete(ids=there)

        await self._run(delete)

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        await self._run(lambda engine: engine.collection(collection).delete(where=of_file(file_id)))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, _CONDITIONS)

        async def fetch(count: int) -> Candidates:
            return await self._run(lambda engine: engine.search(collection, vector, count, asked.condition))

        if asked.nothing:
            return []
        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        return await find_exactly(fetch, limit, filter) or []

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        return await self._run(lambda engine: engine.count(collection, file_id))

    async def _run(self, work: Callable[[Engine], T]) -> T:
        with _translated(self._embedded):
            return await self._lane.run(work)


def _sessions(client: Any) -> list[httpx.Client]:
    """What the client sends with: it has no limit of time and leaves it open, and there is no public way to either."""
    servers = (client._server, client._admin_client._server)
    found = {
        id(session): session for server in servers if isinstance(session := vars(server).get("_session"), httpx.Client)
    }
    return list(found.values())


def _metadatas(found: Any) -> dict[str, Mapping[str, Any]]:
    return dict(zip(found["ids"], found["metadatas"], strict=True))


def _replacing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What takes the place of what is there: Chroma keeps what it is not told to forget."""
    return {**dict.fromkeys(before), **after}


def _candidates(
    ids: Sequence[str], metadatas: Sequence[Mapping[str, Any]], similarities: Sequence[float]
) -> Candidates:
    return [
        (VectorHit(record_id, str(metadata[FILE]), clipped(similarity)), attributes_of(metadata))
        for record_id, metadata, similarity in zip(ids, metadatas, similarities, strict=True)
    ]


@contextmanager
def _translated(embedded: bool) -> Iterator[None]:
    try:
        yield
    except DinrailError:
        raise
    except NotFoundError:
        raise NotFound("There is no such collection of vectors.") from None
    except ChromaAuthError as error:
        raise UpstreamRefused("Chroma does not accept the token that is configured.") from error
    except httpx.TimeoutException as error:
        raise UpstreamTimeout("Chroma did not answer in time.") from error
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:  # its client raises ValueError for "no server"
        name = type(error).__name__
        if embedded:
            raise Unavailable(f"Chroma failed ({name}).") from error
        if isinstance(error, ChromaError):
            raise UpstreamFailed(f"Chroma failed ({name}).") from error
        raise UpstreamUnavailable(f"Chroma cannot be reached ({name}).", retry_after=1.0) from error


@asynccontextmanager
async def open_index(config: ChromaConfig, folder: Path) -> AsyncIterator[Chroma]:
    """Open an index; Chroma is loaded or asked for at the first use."""
    url = config.url
    settings = Settings(anonymized_telemetry=False)

    def embedded() -> Engine:
        mine = Folder(folder)
        try:
            return Engine(chromadb.PersistentClient(path=str(folder / "chroma"), settings=settings), config, mine)
        except BaseException:
            mine.close()
            raise

    def server() -> Engine:
        assert url is not None
        headers = {"X-Chroma-Token": config.token.get_secret_value()} if config.token is not None else {}
        client = chromadb.HttpClient(
            host=str(url.host),
            port=url.port or 8000,
            ssl=url.scheme == "https",
            headers=headers,
            settings=settings,
            tenant=config.tenant,
            database=config.database,
        )
        for session in _sessions(client):
            session.timeout = httpx.Timeout(config.timeout)
        return Engine(client, config, None)

    make = embedded if url is None else server
    lane = Lane(make, lambda engine: engine.close(), "dinrail-chroma", 1 if url is None else _THREADS)
    async with lane.opened():
        yield Chroma(lane, url is None)

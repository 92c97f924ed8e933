"""Vectors in Weaviate: a collection there for each of ours."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from typing import Any

import aiohttp
import orjson

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, NotFound, TooLarge, UpstreamInvalid
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.narrowing import narrowed
from dinrail_sdk.vectors.number_words import words_with_numbers
from dinrail_weaviate.plugin import WeaviateConfig
from dinrail_weaviate.server import Refused, Server
from dinrail_weaviate.where import Conditions, Where, equal, in_graphql, no, one_of

__all__ = ["Weaviate", "open_index"]

_AT_ONCE = 50_000
"""Numbers in one request: they are written as text on the event loop."""
_MOST_AT_ONCE = 100
"""Objects in one request, since those of many attributes have many words."""
_CHANGED_AT_ONCE = 500
"""Objects whose attributes are changed before it is looked for more of them."""
_CHANGES = 16
"""Requests of one change at once."""
_NAMES = uuid.UUID("6f1de2ad-6f5a-4a64-9a2c-3f0a4a1f6f0e")
"""Weaviate's ids are UUIDs: those of ours are made in this name space."""
_DESCRIPTION = re.compile(r"Vectors of (\d+) numbers, kept by Dinrail\.")


class Weaviate(EngineIndex):
    """Vectors in Weaviate.

    Args:
        server: The server.
        config: What is configured.
    """

    def __init__(self, server: Server, config: WeaviateConfig) -> None:
        self._server = server
        self._config = config

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        refused = None
        try:
            await self._server.ask("POST", "v1/schema", self._definition(collection, dimension))
        except Refused as error:
            if error.status != 422:  # it is there already, or something is wrong with it: the next question tells
                raise
            refused = error
        try:
            found = await self.engine_dimension(collection)
        except NotFound:
            raise refused or UpstreamInvalid("Weaviate has made a collection and does not have it.") from None
        if found != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        with suppress(NotFound):
            await self._server.ask("DELETE", f"v1/schema/{self._name(collection)}")

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`. Weaviate itself knows it from the first vector on only."""
        said = (await self._server.definition(self._name(collection))).get("description")
        found = _DESCRIPTION.fullmatch(said) if isinstance(said, str) else None
        if found is None:
            raise UpstreamInvalid("The collection of Weaviate's was not made by this program.")
        return int(found[1])

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        step = max(1, min(_MOST_AT_ONCE, _AT_ONCE // rows.shape[1]))
        for start in range(0, len(records), step):
            objects = [
                {
                    "id": _key(record.id),
                    "properties": {"record": record.id, "file": record.file_id, **_said(record.attributes)},
                    "vector": row.tolist(),
                }
                for record, row in zip(records[start : start + step], rows[start : start + step], strict=True)
            ]
            await self._server.put(self._name(collection), objects)

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`. Weaviate changes objects one by one."""
        name, said = self._name(collection), _said(attributes)
        others: Where = {"operator": "And", "operands": [equal("file", file_id), no(equal("state", said["state"]))]}
        query = f"(limit:{_CHANGED_AT_ONCE},where:{in_graphql(others)}){{_additional{{id}}}}"
        await self._server.definition(name)
        seen: set[str] = set()
        while found := {one["_additional"]["id"] for one in await self._server.query("Get", name, query)} - seen:
            seen |= found
            keys = sorted(found)
            for start in range(0, len(keys), _CHANGES):
                changes = [self._server.change(name, key, said) for key in keys[start : start + _CHANGES]]
                await asyncio.gather(*changes)

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        name = self._name(collection)
        await self._server.definition(name)
        for start in range(0, len(ids), _CHANGED_AT_ONCE):
            await self._server.delete(name, one_of("id", [_key(one) for one in ids[start : start + _CHANGED_AT_ONCE]]))

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        name = self._name(collection)
        await self._server.definition(name)
        await self._server.delete(name, equal("file", file_id))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, Conditions())
        if asked.nothing:
            return []
        where = f",where:{in_graphql(asked.condition)}" if asked.condition is not None else ""
        near = f"nearVector:{{vector:{orjson.dumps(vector.tolist()).decode()}}}{where}"
        fields = f"record file{'' if asked.exact else ' attributes'} _additional{{distance}}"

        async def fetch(count: int) -> Candidates:
            query = f"(limit:{count},{near}){{{fields}}}"
            return [_candidate(one) for one in await self._server.query("Get", self._name(collection), query)]

        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        hits = await find_exactly(fetch, limit, filter, self._config.maximum_results)
        if hits is None:
            most = self._config.maximum_results
            raise TooLarge(f"Weaviate would have to return more than {most} records.", param="filters")
        return hits

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        name = self._name(collection)
        await self._server.definition(name)
        where = f"(where:{in_graphql(equal('file', file_id))})" if file_id is not None else ""
        found = await self._server.query("Aggregate", name, f"{where}{{meta{{count}}}}")
        return int(found[0]["meta"]["count"]) if found else 0

    def _name(self, collection: str) -> str:
        return f"{self._config.prefix}{collection}"

    def _definition(self, collection: str, dimension: int) -> dict[str, Any]:
        exact = self._config.search == "exact"
        return {
            "class": self._name(collection),
            "description": f"Vectors of {dimension} numbers, kept by Dinrail.",
            "vectorizer": "none",
            "vectorIndexType": "flat" if exact else "hnsw",
            "vectorIndexConfig": {"distance": "cosine", **({"skipDefaultQuantization": True} if exact else {})},
            "properties": [
                _property("record", "text", filtered=False),
                _property("file", "text", filtered=True),
                _property("words", "text[]", filtered=True),
                _property("state", "text", filtered=True),
                _property("attributes", "text", filtered=False),
            ],
        }


def _property(name: str, kind: str, *, filtered: bool) -> dict[str, Any]:
    return {
        "name": name,
        "dataType": [kind],
        "tokenization": "field",
        "indexFilterable": filtered,
        "indexSearchable": False,
    }


def _key(record: str) -> str:
    return str(uuid.uuid5(_NAMES, record))


def _said(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    text = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
    state = blake2b(text, digest_size=16).hexdigest()
    return {"words": words_with_numbers(attributes), "attributes": text.decode(), "state": state}


def _candidate(found: Mapping[str, Any]) -> tuple[VectorHit, Mapping[str, Attribute]]:
    hit = VectorHit(found["record"], found["file"], clipped(1.0 - found["_additional"]["distance"]))
    return hit, orjson.loads(found.get("attributes", "{}"))


@asynccontextmanager
async def open_index(config: WeaviateConfig) -> AsyncIterator[Weaviate]:
    """Open an index; the server is asked for at the first use."""
    headers = {"accept": "application/json"}
    if config.api_key is not None:
        headers["authorization"] = f"Bearer {config.api_key.get_secret_value()}"
    base = str(config.url).rstrip("/") + "/"
    async with aiohttp.ClientSession(base, headers=headers, timeout=aiohttp.ClientTimeout(config.timeout)) as session:
        yield Weaviate(Server(session, config.timeout), config)

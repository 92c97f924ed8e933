"""Vectors in Elasticsearch: an index for each collection, every vector of it looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
import orjson

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, TooLarge, UpstreamInvalid
from dinrail_elasticsearch.cluster import Cluster, Refused
from dinrail_elasticsearch.plugin import ElasticsearchConfig
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.narrowing import narrowed
from dinrail_sdk.vectors.number_words import NumberWordDialect, words_with_numbers

__all__ = ["Elasticsearch", "open_index"]

Query: TypeAlias = dict[str, Any]

_MOST = 1_000_000
"""How many results an index may be asked for."""
_AT_ONCE = 50_000
"""Numbers in one request: they are written as text on the event loop."""
_MOST_AT_ONCE = 100
"""Records in one request, since those of many attributes have many words."""
_TRIES = 10
_SCRIPT = "Math.max(0.0, dotProduct(params.wanted, 'vector') + 1.0)"
"""A score must not be negative, which rounding can lead to."""


class Queries(NumberWordDialect[Query]):
    """Conditions in Elasticsearch's query language."""

    def has(self, word: str) -> Query:
        return {"term": {"words": word}}

    def has_any(self, words: Sequence[str]) -> Query:
        return {"terms": {"words": list(words)}}

    def all_of(self, parts: Sequence[Query]) -> Query:
        return {"bool": {"filter": list(parts)}}

    def any_of(self, parts: Sequence[Query]) -> Query:
        return {"bool": {"should": list(parts), "minimum_should_match": 1}}

    def no(self, part: Query) -> Query:
        return {"bool": {"must_not": [part]}}


class Elasticsearch(EngineIndex):
    """Vectors in Elasticsearch.

    Args:
        cluster: The cluster.
        prefix: What the names of indices begin with.
    """

    most_dimensions = 4096

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self._cluster = cluster
        self._prefix = prefix

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        try:
            await self._cluster.ask("PUT", self._path(collection), _index(dimension))
        except Refused as error:
            if error.kind != "resource_already_exists_exception":
                raise
        if await self.engine_dimension(collection) != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        await self._cluster.ask("DELETE", f"{self._path(collection)}?ignore_unavailable=true")

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        answer = await self._cluster.ask("GET", f"{self._path(collection)}/_mapping")
        for found in answer.values():
            vector = found["mappings"].get("properties", {}).get("vector", {})
            if isinstance(vector.get("dims"), int):
                return int(vector["dims"])
        raise UpstreamInvalid("The index of Elasticsearch's was not made by this program.")

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        step = max(1, min(_MOST_AT_ONCE, _AT_ONCE // rows.shape[1]))
        for start in range(0, len(records), step):
            lines: list[Any] = []
            for record, row in zip(records[start : start + step], rows[start : start + step], strict=True):
                lines.append({"index": {"_index": self._name(collection), "_id": record.id}})
                lines.append({"file_id": record.file_id, **_said(record.attributes), "vector": row.tolist()})
            await self._cluster.bulk(lines)

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        source = "ctx._source.words = params.words; ctx._source.attributes = params.attributes"
        body = {"query": _of_file(file_id), "script": {"source": source, "params": _said(attributes)}}
        await self._by_query(collection, "_update_by_query", body)

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        await self.engine_dimension(collection)
        await self._cluster.bulk([{"delete": {"_index": self._name(collection), "_id": one}} for one in ids])

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        await self._by_query(collection, "_delete_by_query", {"query": _of_file(file_id)})

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, Queries())
        if asked.nothing:
            return []
        scored = {
            "query": {"bool": {"filter": [asked.condition]}} if asked.condition is not None else {"match_all": {}},
            "script": {"source": _SCRIPT, "params": {"wanted": vector.tolist()}},
        }
        fields = ["file_id", *([] if asked.exact else ["attributes"])]

        async def fetch(count: int) -> Candidates:
            body = {"size": count, "_source": fields, "track_total_hits": False, "query": {"script_score": scored}}
            path = f"{self._path(collection)}/_search?allow_partial_search_results=false"
            answer = await self._cluster.ask("POST", path, body)
            return [_candidate(hit) for hit in answer["hits"]["hits"]]

        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        hits = await find_exactly(fetch, limit, filter, _MOST)
        if hits is None:
            raise TooLarge(f"Elasticsearch would have to look at more than {_MOST} records.", param="filters")
        return hits

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        query = _of_file(file_id) if file_id is not None else {"match_all": {}}
        answer = await self._cluster.ask("POST", f"{self._path(collection)}/_count", {"query": query})
        return int(answer["count"])

    async def _by_query(self, collection: str, what: str, body: Query) -> None:
        """Change what matches; whoever meets a record that changes meanwhile begins anew."""
        for left in reversed(range(_TRIES)):
            try:
                await self._cluster.by_query(f"{self._path(collection)}/{what}", body)
            except Refused as error:
                if error.status != 409 or not left:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    def _name(self, collection: str) -> str:
        return f"{self._prefix}{collection}"

    def _path(self, collection: str) -> str:
        return f"/{self._name(collection)}"


def _index(dimension: int) -> Query:
    return {
        "settings": {"index": {"number_of_shards": 1, "max_result_window": _MOST}},
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "file_id": {"type": "keyword"},
                "words": {"type": "keyword"},
                "attributes": {"type": "keyword", "index": False, "doc_values": False},
                "vector": {"type": "dense_vector", "dims": dimension, "index": False},
            },
        },
    }


def _said(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    return {"words": words_with_numbers(attributes), "attributes": orjson.dumps(attributes).decode()}


def _of_file(file_id: str) -> Query:
    return {"term": {"file_id": file_id}}


def _candidate(hit: Mapping[str, Any]) -> tuple[VectorHit, Mapping[str, Attribute]]:
    source = hit["_source"]
    found = VectorHit(hit["_id"], source["file_id"], clipped(hit["_score"] - 1.0))
    return found, orjson.loads(source.get("attributes", "{}"))


@asynccontextmanager
async def open_index(config: ElasticsearchConfig) -> AsyncIterator[Elasticsearch]:
    """Open an index; the cluster is asked for at the first use."""
    headers, credentials = {"accept": "application/json"}, None
    if config.api_key is not None:
        headers["authorization"] = f"ApiKey {config.api_key.get_secret_value()}"
    if config.username is not None and config.password is not None:
        credentials = aiohttp.BasicAuth(config.username, config.password.get_secret_value(), "utf-8")
    base = str(config.url).rstrip("/") + "/"
    async with aiohttp.ClientSession(
        base, headers=headers, auth=credentials, timeout=aiohttp.ClientTimeout(config.timeout)
    ) as session:
        yield Elasticsearch(Cluster(session), config.prefix)

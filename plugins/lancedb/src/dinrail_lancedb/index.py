"""Vectors in LanceDB: a table for each collection."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import lancedb
import orjson
import pyarrow as pa

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, NotFound, Unavailable
from dinrail_sdk.vectors.base import Candidates, EngineIndex, clipped, find_exactly
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.narrowing import narrowed
from dinrail_sdk.vectors.tokens import TokenDialect, tokens

__all__ = ["Lancedb", "open_index"]

T = TypeVar("T")

_ALWAYS = "-"
"""A word that every record has: LanceDB cannot write an empty list in an update."""
_TRIES = 30
_TIDY_EVERY = 25
"""Each write makes a version and a file; after so many they are put together."""
_KEPT = timedelta(minutes=10)
_AT_ONCE = 1000


class Sql(TokenDialect[str]):
    """Conditions in LanceDB's SQL; words are hexadecimal."""

    def has(self, word: str) -> str:
        return f"array_has(words, '{word}')"

    def has_any(self, words: Sequence[str]) -> str:
        return f"array_has_any(words, make_array({_listed(words)}))"

    def all_of(self, parts: Sequence[str]) -> str:
        return f"({' AND '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        return f"({' OR '.join(parts)})"

    def no(self, part: str) -> str:
        return f"(NOT {part})"


class Lancedb(EngineIndex):
    """Vectors in LanceDB.

    Args:
        database: The connection.
    """

    def __init__(self, database: Any) -> None:
        self._database = database
        self._writes: Counter[str] = Counter()

    async def engine_create(self, collection: str, dimension: int) -> None:
        """See :meth:`EngineIndex.engine_create`."""
        with suppress(ValueError, RuntimeError, OSError):  # it is there, or it fails: the next line tells
            await self._database.create_table(collection, schema=_schema(dimension), exist_ok=True)
        if await self.engine_dimension(collection) != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    async def engine_drop(self, collection: str) -> None:
        """See :meth:`EngineIndex.engine_drop`."""
        self._writes.pop(collection, None)
        await _translated(self._database.drop_table(collection, ignore_missing=True))

    async def engine_dimension(self, collection: str) -> int:
        """See :meth:`EngineIndex.engine_dimension`."""
        schema = await _translated((await self._table(collection)).schema())
        found: int = schema.field("vector").type.list_size
        return found

    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """See :meth:`EngineIndex.engine_upsert`."""
        schema = _schema(rows.shape[1])
        data = pa.table(
            {
                "id": [record.id for record in records],
                "file_id": [record.file_id for record in records],
                "words": [_words(record.attributes) for record in records],
                "attributes": [orjson.dumps(record.attributes).decode() for record in records],
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1]),
            },
            schema=schema,
        )

        async def merge(table: Any) -> None:
            await table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(data)

        await self._change(collection, merge)

    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`EngineIndex.engine_set_attributes`."""
        values = {"words": _words(attributes), "attributes": orjson.dumps(attributes).decode()}
        await self._change(collection, lambda table: table.update(values, where=_of_file(file_id)))

    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """See :meth:`EngineIndex.engine_delete`."""
        conditions = [f"id IN ({_listed(ids[start : start + _AT_ONCE])})" for start in range(0, len(ids), _AT_ONCE)]

        async def delete(table: Any) -> None:
            for condition in conditions:
                await table.delete(condition)

        await self._change(collection, delete)

    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`EngineIndex.engine_delete_file`."""
        await self._change(collection, lambda table: table.delete(_of_file(file_id)))

    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """See :meth:`EngineIndex.engine_search`."""
        asked = narrowed(filter, Sql())
        if asked.nothing:
            return []
        table = await self._table(collection)
        columns = ["id", "file_id", "_distance", *([] if asked.exact else ["attributes"])]

        async def fetch(count: int) -> Candidates:
            query = table.vector_search(vector).distance_type("dot").bypass_vector_index().limit(count).select(columns)
            if asked.condition is not None:
                query = query.where(asked.condition)
            found = (await _translated(query.to_arrow())).to_pylist()
            return [(_hit(row), orjson.loads(row.get("attributes", "{}"))) for row in found]

        if asked.exact or filter is None:
            return [hit for hit, _ in await fetch(limit)]
        return await find_exactly(fetch, limit, filter) or []

    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`EngineIndex.engine_count`."""
        table = await self._table(collection)
        found: int = await _translated(table.count_rows(_of_file(file_id) if file_id is not None else None))
        return found

    async def _table(self, collection: str) -> Any:
        return await _translated(self._database.open_table(collection))

    async def _change(self, collection: str, work: Callable[[Any], Awaitable[object]]) -> None:
        """Change a table; whoever comes second of two that write at once looks again."""
        table = await self._table(collection)
        for left in reversed(range(_TRIES)):
            try:
                await work(table)
                break
            except (RuntimeError, OSError) as error:
                if not left or "conflict" not in str(error).lower():
                    raise _failed(error) from error
            await asyncio.sleep(random.uniform(0.005, 0.1))  # noqa: S311  # no secret
            table = await self._table(collection)
        self._writes[collection] += 1
        if self._writes[collection] % _TIDY_EVERY == 0:
            try:
                await table.optimize(cleanup_older_than=_KEPT)
            except (RuntimeError, OSError):
                return  # somebody else writes, or tidies; the next time will do


def _schema(dimension: int) -> Any:
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("file_id", pa.string(), nullable=False),
            pa.field("words", pa.list_(pa.string()), nullable=False),
            pa.field("attributes", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def _words(attributes: Mapping[str, Attribute]) -> list[str]:
    return [_ALWAYS, *tokens(attributes)]


def _of_file(file_id: str) -> str:
    return f"file_id = '{file_id}'"  # letters, digits, - and _


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _hit(row: Mapping[str, Any]) -> VectorHit:
    return VectorHit(row["id"], row["file_id"], clipped(1.0 - row["_distance"]))


async def _translated(work: Awaitable[T]) -> T:
    try:
        return await work
    except ValueError as error:
        if "not found" in str(error):
            raise NotFound("There is no such collection of vectors.") from None
        raise _failed(error) from error
    except (RuntimeError, OSError) as error:
        raise _failed(error) from error


def _failed(error: Exception) -> Unavailable:
    return Unavailable(f"LanceDB failed ({type(error).__name__}).", retry_after=1.0)


@asynccontextmanager
async def open_index(uri: str, storage: Mapping[str, str]) -> AsyncIterator[Lancedb]:
    """Open an index.

    Args:
        uri: A folder or an object store.
        storage: Options of the object store.
    """
    database: Any = await lancedb.connect_async(
        uri, storage_options=dict(storage) or None, read_consistency_interval=timedelta(0)
    )
    try:
        yield Lancedb(database)
    finally:
        database.close()

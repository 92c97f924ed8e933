"""A vector index whose engine sees nothing but what is right."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import (
    MAX_DIMENSION,
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
from dinrail_sdk.vectors.buffers import Floats, unit, units
from dinrail_sdk.vectors.filters import matcher

__all__ = ["Candidates", "EngineIndex", "clipped", "find_exactly", "plain"]

_ON_THE_LOOP = 200_000
"""Numbers that are checked on the event loop (about a millisecond); more of them in a thread."""
_FIRST = 4
_THEN = 8

Candidates: TypeAlias = Sequence[tuple[VectorHit, Mapping[str, Attribute]]]
"""What an engine has found, with the attributes, to be looked at once more."""


class EngineIndex(VectorIndex):
    """Checks what comes in, brings vectors to length 1, and leaves the rest to an engine.

    A plugin writes the methods that begin with ``engine_``. They raise what :class:`VectorIndex` says; of dimensions
    and vectors they see none that is wrong, and no id twice.

    Attributes:
        most_dimensions: How many numbers the engine's vectors can have.
    """

    most_dimensions = MAX_DIMENSION

    async def create(self, collection: str, dimension: int) -> None:
        """See :meth:`VectorIndex.create`."""
        check_dimension(dimension, self.most_dimensions)
        await self.engine_create(check_collection(collection), dimension)

    async def drop(self, collection: str) -> None:
        """See :meth:`VectorIndex.drop`."""
        await self.engine_drop(check_collection(collection))

    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        """See :meth:`VectorIndex.upsert`."""
        check_collection(collection)
        for record in records:
            check_attributes(record.attributes)
        dimension = await self.engine_dimension(collection)
        records = [replace(one, attributes=plain(one.attributes)) for one in {one.id: one for one in records}.values()]
        vectors = [record.vector for record in records]
        if len(records) * dimension > _ON_THE_LOOP:
            rows = await asyncio.to_thread(units, vectors, dimension)
        else:
            rows = units(vectors, dimension)
        if records:
            await self.engine_upsert(collection, records, rows)

    async def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`VectorIndex.set_attributes`."""
        check_attributes(attributes)
        await self.engine_set_attributes(check_collection(collection), file_id, plain(attributes))

    async def delete(self, collection: str, ids: Collection[str]) -> None:
        """See :meth:`VectorIndex.delete`."""
        check_collection(collection)
        if ids:
            await self.engine_delete(collection, list(dict.fromkeys(ids)))
        else:
            await self.engine_dimension(collection)

    async def delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`VectorIndex.delete_file`."""
        await self.engine_delete_file(check_collection(collection), file_id)

    async def search(
        self, collection: str, vector: Vector, limit: int, filter: Filter | None = None
    ) -> Sequence[VectorHit]:
        """See :meth:`VectorIndex.search`."""
        check_collection(collection)
        check_limit(limit)
        wanted = unit(vector, await self.engine_dimension(collection))
        return await self.engine_search(collection, wanted, limit, filter)

    async def count(self, collection: str, file_id: str | None = None) -> int:
        """See :meth:`VectorIndex.count`."""
        return await self.engine_count(check_collection(collection), file_id)

    @abstractmethod
    async def engine_create(self, collection: str, dimension: int) -> None:
        """Make a collection, or see that it has this dimension."""

    @abstractmethod
    async def engine_drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""

    @abstractmethod
    async def engine_dimension(self, collection: str) -> int:
        """How many numbers the vectors of a collection have."""

    @abstractmethod
    async def engine_upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """Put records in the place of those with their ids.

        Args:
            collection: Where.
            records: At least one; numbers among the attributes are ``float``.
            rows: Their vectors, of length 1.
        """

    @abstractmethod
    async def engine_set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the attributes of a file's records."""

    @abstractmethod
    async def engine_delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove records, at least one."""

    @abstractmethod
    async def engine_delete_file(self, collection: str, file_id: str) -> None:
        """Remove the records of a file."""

    @abstractmethod
    async def engine_search(
        self, collection: str, vector: Floats, limit: int, filter: Filter | None
    ) -> Sequence[VectorHit]:
        """The nearest; ``vector`` has length 1."""

    @abstractmethod
    async def engine_count(self, collection: str, file_id: str | None) -> int:
        """How many records there are."""


def plain(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Attributes with every number as a ``float``, as filters compare them."""
    return {
        key: value if isinstance(value, str | bool) else float(value) + 0.0  # without a sign before zero
        for key, value in attributes.items()
    }


def clipped(similarity: float) -> float:
    """A cosine that rounding has not led beyond 1."""
    return max(-1.0, min(1.0, similarity))


async def find_exactly(
    fetch: Callable[[int], Awaitable[Candidates]], limit: int, filter: Filter, most: int | None = None
) -> list[VectorHit] | None:
    """The nearest that match, of an engine that cannot say the filter: it is asked for more until enough of them match.

    Args:
        fetch: Asks the engine for so many of the nearest, the nearest first; fewer mean that there are no more.
        limit: How many are wanted.
        filter: What has to match.
        most: How many the engine can be asked for.

    Returns:
        The hits, or ``None`` where the engine cannot be asked for enough.
    """
    matches = matcher(filter)
    asked = limit * _FIRST
    while True:
        asked = asked if most is None else min(asked, most)
        found = await fetch(asked)
        hits = [hit for hit, attributes in found if matches(attributes)]
        if len(hits) >= limit or len(found) < asked:
            return hits[:limit]
        if asked == most:
            return None
        asked *= _THEN

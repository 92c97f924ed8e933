"""An index that is loaded when it is first used: libraries of vector databases take seconds, and a start has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from dinrail_core.api.vector_index import Attribute, Vector, VectorHit, VectorIndex, VectorRecord
from dinrail_core.errors import Unavailable

if TYPE_CHECKING:
    from dinrail_core.api.items.filters import Filter

__all__ = ["opened_lazily"]


class _LazyIndex(VectorIndex):
    """Hands everything on to an index that the first call opens; one that cannot be opened is tried again.

    Args:
        make: Opens the index.
        stack: Closes it.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[VectorIndex]], stack: AsyncExitStack) -> None:
        self._make = make
        self._stack = stack
        self._opening = asyncio.Lock()
        self._opened: VectorIndex | None = None

    async def create(self, collection: str, dimension: int) -> None:
        await (await self._index()).create(collection, dimension)

    async def drop(self, collection: str) -> None:
        await (await self._index()).drop(collection)

    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        await (await self._index()).upsert(collection, records)

    async def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        await (await self._index()).set_attributes(collection, file_id, attributes)

    async def delete(self, collection: str, ids: Collection[str]) -> None:
        await (await self._index()).delete(collection, ids)

    async def delete_file(self, collection: str, file_id: str) -> None:
        await (await self._index()).delete_file(collection, file_id)

    async def search(
        self, collection: str, vector: Vector, limit: int, filter: Filter | None = None
    ) -> Sequence[VectorHit]:
        return await (await self._index()).search(collection, vector, limit, filter)

    async def count(self, collection: str, file_id: str | None = None) -> int:
        return await (await self._index()).count(collection, file_id)

    async def _index(self) -> VectorIndex:
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._stack.enter_async_context(self._make())
        return self._opened


@asynccontextmanager
async def opened_lazily(module: str, function: str, *arguments: object) -> AsyncIterator[VectorIndex]:
    """An index that is there at once, and opened at its first use.

    Args:
        module: Where its function is; imported in a thread.
        function: Opens it: ``async with function(*arguments) as index``.
        arguments: What the function is given.
    """

    @asynccontextmanager
    async def make() -> AsyncIterator[VectorIndex]:
        try:
            found = await asyncio.to_thread(import_module, module)
        except ImportError as error:
            raise Unavailable(f"A library of the vector index cannot be loaded ({error.name}).") from error
        async with getattr(found, function)(*arguments) as index:
            yield index

    async with AsyncExitStack() as stack:
        yield _LazyIndex(make, stack)

"""Waiting on the event loop for what a thread makes, and no longer than somebody wants to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from dinrail_core.api.call import Call
from dinrail_core.errors import UpstreamTimeout

__all__ = ["Incoming", "until"]

T = TypeVar("T")


@asynccontextmanager
async def until(call: Call, seconds: float) -> AsyncIterator[None]:
    """Stop at the call's deadline, or after so many seconds.

    Raises:
        UpstreamTimeout: The time is up.
    """
    left = call.remaining()
    try:
        async with asyncio.timeout(seconds if left is None else min(left, seconds)):
            yield
    except TimeoutError:
        raise UpstreamTimeout("The model was not done in time.") from None


class Incoming(Generic[T]):
    """What a thread makes, item by item; belongs to the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()

    def put(self, item: T) -> None:
        """Add an item; called in the thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    def end(self, _: object = None) -> None:
        """Nothing more comes; called on the event loop."""
        self._queue.put_nowait(None)

    async def get(self) -> T | None:
        """The next item, ``None`` at the end."""
        return await self._queue.get()

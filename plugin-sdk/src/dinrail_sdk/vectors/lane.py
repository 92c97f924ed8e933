"""A thread for an engine that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

__all__ = ["Lane"]

E = TypeVar("E")
T = TypeVar("T")


class Lane(Generic[E]):
    """One thread in which an engine is made at first use and does everything that it is asked, one after the other.

    Args:
        make: Makes the engine; again at the next use if it fails.
        close: Gives it back.
        name: The thread's name.
    """

    def __init__(self, make: Callable[[], E], close: Callable[[E], object], name: str) -> None:
        self._make = make
        self._close = close
        self._engine: E | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[E], T]) -> T:
        """Do something with the engine. What has begun is done to its end, also when nobody waits any more."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._step, work)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Lane[E]]:
        """Closes the engine behind what is under way."""
        try:
            yield self
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _step(self, work: Callable[[E], T]) -> T:
        if self._engine is None:
            self._engine = self._make()
        return work(self._engine)

    def _finish(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            self._close(engine)

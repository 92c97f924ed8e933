"""Threads for an engine that blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

__all__ = ["Lane"]

E = TypeVar("E")
T = TypeVar("T")


class Lane(Generic[E]):
    """A thread in which an engine is made at first use and does everything that it is asked, one after the other.

    Args:
        make: Makes the engine; again at the next use if it fails.
        close: Gives it back.
        name: The thread's name.
        threads: How many there are; more than one for an engine that may be used by several at once.
    """

    def __init__(self, make: Callable[[], E], close: Callable[[E], object], name: str, threads: int = 1) -> None:
        self._make = make
        self._close = close
        self._engine: E | None = None
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    async def run(self, work: Callable[[E], T]) -> T:
        """Do something with the engine. What has begun is done to its end, also when nobody waits any more."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._step, work)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Lane[E]]:
        """Closes the engine behind what is under way."""
        try:
            yield self
        finally:
            # Behind what is under way, and not on the loop, which must not wait for threads.
            await asyncio.to_thread(self._threads.shutdown)
            await asyncio.to_thread(self._finish)

    def _step(self, work: Callable[[E], T]) -> T:
        with self._making:
            if self._engine is None:
                self._engine = self._make()
            engine = self._engine
        return work(engine)

    def _finish(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            self._close(engine)

"""Opening and closing what records declare, each in a task of its own.

An ``async with`` must be left in the task that entered it, and a record's ``open`` may hang, raise, or end the process:
so every one has an owner task, a time limit, and a reason that is kept instead of an exception that spreads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

__all__ = ["OPEN_LIMIT", "OpenError", "Opened"]

OPEN_LIMIT = 10.0
"""Seconds that an ``open`` may take, and a close."""


class OpenError(Exception):
    """It could not be opened; the message is the reason, ``__cause__`` what was raised."""


class Opened:
    """One opened record.

    Args:
        name: For the owner task's name.
        enter: Returns the context manager; called in the owner task.
    """

    def __init__(self, name: str, enter: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        self._name = name
        self._enter = enter
        self._stop = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None

    async def open(self) -> object:
        """Enter it.

        Returns:
            What the context manager yields.

        Raises:
            OpenError: It raised, tried to end the process, or took longer than ``OPEN_LIMIT``.
        """
        ready: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(ready), name=f"dinrail-{self._name}")
        waited: set[asyncio.Future[Any]] = {ready, self._owner}
        done, _ = await asyncio.wait(waited, timeout=OPEN_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            self._owner.cancel()
            raise OpenError(f"opening it took longer than {OPEN_LIMIT:g} s")
        if not ready.done():
            ready.cancel()
            raise OpenError("opening it was cancelled")
        return ready.result()

    async def close(self) -> str | None:
        """Leave it, within ``OPEN_LIMIT``.

        Returns:
            Why it could not be left cleanly, or ``None``.
        """
        if self._owner is None or self._owner.done():
            return None
        self._stop.set()
        done, _ = await asyncio.wait({self._owner}, timeout=OPEN_LIMIT)
        if not done:
            self._owner.cancel()
            return f"closing it took longer than {OPEN_LIMIT:g} s"
        error = self._owner.exception() if not self._owner.cancelled() else None
        return f"closing it failed ({type(error).__name__}: {error})" if error else None

    async def _own(self, ready: asyncio.Future[object]) -> None:
        try:
            async with self._enter() as value:
                ready.set_result(value)
                await self._stop.wait()
        except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
            if ready.done():
                raise RuntimeError(str(error)) from error
            text = " ".join(str(error).split())[:300]
            failure = OpenError(f"opening it failed ({type(error).__name__}{': ' + text if text else ''})")
            failure.__cause__ = error
            ready.set_exception(failure)

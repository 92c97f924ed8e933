"""Opening and closing what records declare, each in a task of its own.

An ``async with`` must be left in the task that entered it, and a record's ``open`` may hang, raise, or end the process:
so every one has an owner task, a time limit, and a reason that is kept instead of an exception that spreads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from dinrail_core.host.reasons import reason_of

__all__ = ["OPEN_LIMIT", "OpenError", "Opened"]

OPEN_LIMIT = 10.0
"""Seconds that an ``open`` may take, and a close."""

_ABANDONED_LIMIT = 1.0
"""Seconds that closing waits for an ``open`` that was given up and does not heed its cancellation."""

_log = logging.getLogger(__name__)


class OpenError(Exception):
    """It could not be opened; the message is the reason, ``__cause__`` what was raised."""


class Opened:
    """One opened record.

    Args:
        name: For the owner task's name, and the log.
        enter: Returns the context manager; called in the owner task.
        ended: Called with the reason when it ends, after it was opened, without having been closed.
    """

    def __init__(
        self,
        name: str,
        enter: Callable[[], AbstractAsyncContextManager[object]],
        ended: Callable[[str], None] | None = None,
    ) -> None:
        self._name = name
        self._enter = enter
        self._ended = ended
        self._stop = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._open = False
        self._error: BaseException | None = None

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
        try:
            done, _ = await asyncio.wait(waited, timeout=OPEN_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if ready.done():
                self._stop.set()
            else:
                self._owner.cancel()
            raise
        if ready.done():
            return ready.result()
        if not done:
            self._owner.cancel()
            raise OpenError(f"opening it took longer than {OPEN_LIMIT:g} s")
        if self._error is None:
            raise OpenError("opening it was cancelled")
        raise OpenError(f"opening it failed ({reason_of(self._error)})") from self._error

    async def close(self) -> str | None:
        """Leave it, within ``OPEN_LIMIT``.

        Returns:
            Why it could not be left cleanly (which is logged as well), or ``None``.
        """
        if self._owner is None or self._owner.done():
            return None
        self._stop.set()
        limit = OPEN_LIMIT if self._open else _ABANDONED_LIMIT
        done, _ = await asyncio.wait({self._owner}, timeout=limit)
        if not done:
            self._owner.cancel()
            reason = f"closing it took longer than {limit:g} s"
        elif self._error is not None:
            reason = f"closing it failed ({reason_of(self._error)})"
        else:
            return None
        _log.warning("%s: %s", self._name, reason)
        return reason

    async def _own(self, ready: asyncio.Future[object]) -> None:
        try:
            async with self._enter() as value:
                self._open = True
                ready.set_result(value)
                await self._stop.wait()
        except (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:  # a plugin may exit the process, and a panic in Rust is no Exception
            self._error = error
        finally:
            if self._open and not self._stop.is_set():
                self._report_end()

    def _report_end(self) -> None:
        reason = f"it ended ({reason_of(self._error)})" if self._error is not None else "it ended by itself"
        _log.error("%s: %s", self._name, reason)
        if self._ended is not None:
            self._ended(reason)

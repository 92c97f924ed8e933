"""Requests under way at the same time, of one caller, in all processes."""

from __future__ import annotations

import asyncio
import contextlib
import time

from dinrail_access.buckets import Ledger
from dinrail_core.errors import RateLimited, Unavailable

__all__ = ["HELD_FOR", "Slots"]

HELD_FOR = 15.0
"""Seconds for which room that is set aside counts without being renewed: the time after which the requests of a process
that was killed no longer count."""

_RENEW = 5.0
_LINGER = 0.1
_SECOND_TRY = 0.3
_IDLE_SHARE = 4


class Slots:
    """Room for one caller's requests in this process.

    Room is set aside in the ledger when it is needed, used again by later requests, and given back when it is not: at
    once where other processes serve the caller too, after a while where none does.

    Args:
        ledger: Where it is set aside.
        bucket: The name under which that is done.
        holder: This process.
        limit: How many requests there may be in all processes.
    """

    __slots__ = (
        "_bucket",
        "_held",
        "_holder",
        "_keeper",
        "_ledger",
        "_lock",
        "_others",
        "_until",
        "_used",
        "_wake",
        "limit",
    )

    def __init__(self, ledger: Ledger, bucket: str, holder: str, limit: int) -> None:
        self.limit = limit
        self._ledger = ledger
        self._bucket = bucket
        self._holder = holder
        self._used = 0
        self._held = 0
        self._others = 0
        self._until = float("-inf")
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def enter(self) -> None:
        """A request begins.

        Raises:
            RateLimited: There are as many as there may be.
        """
        if self._used < self._held and time.monotonic() < self._until:
            self._used += 1
            return
        for last in (False, True):
            async with self._lock:
                if self._used < self._held and time.monotonic() < self._until:
                    self._used += 1
                    return
                if self._used < self.limit:
                    await self._hold(self._used + 1)
                    if self._used < self._held:
                        self._used += 1
                        return
            if not last:
                await asyncio.sleep(_SECOND_TRY)  # another process may be about to give something back
        raise RateLimited(f"Limit reached: {self.limit} requests at the same time.", retry_after=1.0)

    def leave(self) -> None:
        """The request is over."""
        self._used -= 1
        if self._is_idle:
            self._wake.set()

    async def close(self) -> None:
        """Give everything back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._held:
            await self._hold(0)

    def _keep(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_in_step(), name="dinrail-slots")

    async def _keep_in_step(self) -> None:
        """Renew what is used, give back what is not, until there is nothing left to do."""
        while self._held:
            if self._is_idle:
                await asyncio.sleep(_LINGER)
            else:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _RENEW)
                    continue
            async with self._lock:
                if self._held != self._used or self._until - time.monotonic() < _RENEW:
                    await self._hold(self._used)

    @property
    def _is_idle(self) -> bool:
        """Whether more room is set aside than should be kept for requests to come."""
        spare = self._held - self._used
        return spare > (0 if self._others else self.limit // _IDLE_SHARE)

    async def _hold(self, wanted: int) -> None:
        try:
            self._held, self._others = await self._ledger.hold(self._bucket, self._holder, self.limit, wanted)
        except Unavailable:
            # As with buckets: each process keeps the limit for itself while the ledger does not work.
            self._held, self._others = min(wanted, self.limit), 0
        self._until = time.monotonic() + HELD_FOR - _RENEW
        if wanted:
            self._keep()

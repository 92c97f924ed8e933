"""Requests under way: how many, until when, and how they are ended from outside."""

from __future__ import annotations

import asyncio
import time

from dinrail_server.exchange import HttpExchange

__all__ = ["Flights"]

_PERIOD = 1.0


class Flights:
    """The requests under way.

    One timer looks after all of them, since a timer each would cost more than counting them.

    Args:
        limit: Seconds that a request may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        # In the order in which they came, which is the order in which their time runs out.
        self._begun: dict[HttpExchange, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._begun)

    def enter(self, exchange: HttpExchange) -> None:
        """A request begins."""
        self._begun[exchange] = time.monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PERIOD, self._look)

    def leave(self, exchange: HttpExchange) -> None:
        """It has ended."""
        del self._begun[exchange]
        if self._idle is not None and not self._begun:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Wait until none is under way."""
        while self._begun:
            self._idle = asyncio.Event()
            await self._idle.wait()

    def cancel(self) -> None:
        """End all of them: the server stops."""
        for exchange in list(self._begun):
            exchange.cancel()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """End those that took too long; keep looking while there are any."""
        due = time.monotonic() - self._limit
        for exchange, begun in list(self._begun.items()):
            if begun > due:
                break
            if exchange.talks:
                continue  # it has a limit of its own
            if not exchange.expired:
                exchange.expired = True
                exchange.cancel()
        self._timer = asyncio.get_running_loop().call_later(_PERIOD, self._look) if self._begun else None

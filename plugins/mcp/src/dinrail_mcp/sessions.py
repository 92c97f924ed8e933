"""Sessions that are kept, so that a turn costs one request and no handshake."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from dinrail_core.errors import Unavailable
from dinrail_mcp.session import Session

__all__ = ["Sessions", "key_of"]


def key_of(parts: Sequence[object]) -> bytes:
    """What a session is found by: a hash, since its parts are secrets."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


class Sessions:
    """Open sessions by key.

    Args:
        most: How many at once.
        idle: Seconds after which one that nobody uses is closed.
    """

    def __init__(self, most: int, idle: float) -> None:
        self._most = most
        self._idle = idle
        self._open: dict[bytes, asyncio.Task[Session]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def session(self, key: bytes, make: Callable[[], Awaitable[Session]]) -> AsyncIterator[Session]:
        """A session for the time of one call; opened once, whoever else asks for it meanwhile.

        Args:
            key: :func:`key_of` all that it depends on.
            make: Opens it.

        Raises:
            Unavailable: All of them are in use.
        """
        opening = self._open.get(key)
        if opening is None or _is_over(opening):
            if opening is not None:
                self._drop(key)
            self._make_room()
            opening = self._open[key] = asyncio.ensure_future(make())
            if self._sweeper is None:
                self._sweeper = asyncio.ensure_future(self._sweep())
        try:
            session = await asyncio.shield(opening)
        except BaseException:
            if opening.done() and self._open.get(key) is opening:
                self._drop(key)
            raise
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            session.used = time.monotonic()
            if session.broken and self._open.get(key) is opening:
                self._drop(key)

    def has(self, key: bytes) -> bool:
        """Whether there is a session, or one is being opened."""
        opening = self._open.get(key)
        return opening is not None and not _is_over(opening)

    async def close(self) -> None:
        """Close all of them."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for key in list(self._open):
            self._drop(key)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _make_room(self) -> None:
        if len(self._open) < self._most:
            return
        idle = [(session.used, key) for key, session in self._idle_ones()]
        if not idle:
            raise Unavailable("All sessions with MCP servers are in use.", retry_after=1.0)
        self._drop(min(idle)[1])

    def _idle_ones(self) -> list[tuple[bytes, Session]]:
        done = [(key, one.result()) for key, one in self._open.items() if one.done() and not _failed(one)]
        return [(key, session) for key, session in done if session.users == 0]

    def _drop(self, key: bytes) -> None:
        closing = asyncio.ensure_future(_close(self._open.pop(key)))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self._idle / 2, 10.0))
            before = time.monotonic() - self._idle
            for key, session in self._idle_ones():
                if session.used < before or session.broken:
                    self._drop(key)


def _failed(opening: asyncio.Task[Session]) -> bool:
    return opening.cancelled() or opening.exception() is not None


def _is_over(opening: asyncio.Task[Session]) -> bool:
    return opening.done() and (_failed(opening) or opening.result().broken)


async def _close(opening: asyncio.Task[Session]) -> None:
    if not opening.done():
        opening.cancel()
    with suppress(Exception, asyncio.CancelledError):  # why it could not be opened has been told already
        session = await opening
        await session.close()

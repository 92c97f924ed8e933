"""An endpoint that hears events, and a server that tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["PLUGINS", "Heard", "Listener"]

PLUGINS = ("database", "jobs", "webhooks")

_PATIENCE = 30.0


@dataclass(frozen=True)
class Heard:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """Answers every request with a status.

    Attributes:
        answers: Asked with the number of requests so far, from 1, which status to answer with.
        heard: The requests.
    """

    answers: Callable[[int], int] = lambda number: 200
    heard: list[Heard] = field(default_factory=list)
    url: str = ""
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, count: int) -> list[Heard]:
        """The requests, once there are so many."""
        async with asyncio.timeout(_PATIENCE):
            while len(self.heard) < count:
                self._came.clear()
                await self._came.wait()
        return self.heard

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Listener]:
        """One that listens on this machine until the block is left."""
        listener = cls()
        async with await asyncio.start_server(listener._accept, "127.0.0.1", 0) as server:
            listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
            yield listener

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append(Heard(head[0].split(" ")[1], headers, body))
        self._came.set()
        status = self.answers(len(self.heard))
        writer.write(f"HTTP/1.1 {status} Said\r\nLocation: /other\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

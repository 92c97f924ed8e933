"""A small HTTP server that does exactly what a test tells it to, down to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

CHAT = b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[]}'


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Exchange:
    """A request, and the means to answer it in pieces."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def json(self, body: bytes = CHAT, status: str = "200 OK", *headers: str) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            "Content-Type: application/json",
            *headers,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        await self.send("\r\n".join(lines).encode() + body)

    async def begin_events(self, *headers: str) -> None:
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())

    async def chunk(self, *pieces: bytes) -> None:
        for piece in pieces:
            await self.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def end_chunks(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    async def reset(self) -> None:
        """Close the connection with a reset, once everything has been sent."""
        self.writer.transport.set_write_buffer_limits(high=0)
        await self.writer.drain()
        self.writer.transport.abort()


Handler = Callable[[Exchange], Awaitable[None]]


@dataclass
class Server:
    """A running server and what it has seen."""

    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def until_asked(self, count: int) -> None:
        """Wait until ``count`` requests have arrived."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.requests) >= count)

    async def until_open(self, count: int) -> None:
        """Wait until ``count`` connections are open."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.open == count)


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode().split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body, connection)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    """Run a server that gives each request to ``handler``, which returns to keep the connection for the next."""

    async def change(by: int) -> None:
        async with server.changed:
            server.open += by
            server.changed.notify_all()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        number = server.connections
        await change(1)
        try:
            while not writer.is_closing() and (request := await _read_request(reader, number)) is not None:
                server.requests.append(request)
                await change(0)
                with suppress(ConnectionError):
                    await handler(Exchange(request, reader, writer))
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            await change(-1)

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(connected(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**22)
    server = Server(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def _relaying(handler: Handler, **config: Any) -> AsyncIterator[tuple[Server, Upstream]]:
    async with (
        serving(handler) as server,
        connect(UpstreamConfig.model_validate({"base_url": server.url, **config})) as upstream,
    ):
        yield server, upstream


@pytest.fixture
def relaying() -> Callable[..., AbstractAsyncContextManager[tuple[Server, Upstream]]]:
    """Opens a server with a handler, and an upstream that is connected to it with the given configuration."""
    return _relaying


@pytest.fixture
def chat() -> bytes:
    """A small, good answer."""
    return CHAT

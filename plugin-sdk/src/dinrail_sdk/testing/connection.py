"""One connection of the fake upstream: HTTP/1.1 by hand, because a library would refuse to misbehave on purpose."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from dinrail_sdk.testing.dialect import Request

__all__ = ["Connection", "Exchange", "Left"]

_HEAD_LIMIT = 256 * 1024


class Left(Exception):
    """The client has left; nothing more can be sent."""


class Exchange:
    """One request on a connection, and what happens to it.

    Attributes:
        request: The request.
        left: Set when the client closes the connection while this exchange is under way.
        finished: Set when the answer is out, or given up.
    """

    def __init__(self, request: Request, connection: Connection) -> None:
        self.request = request
        self.left = asyncio.Event()
        self.finished = asyncio.Event()
        self._connection = connection
        self._chunked = False

    async def head(self, status: int, headers: dict[str, str], length: int | None) -> None:
        """Send the status line and the headers; without a length the body is chunked."""
        self._chunked = length is None
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} Kit", framing, *(f"{name}: {value}" for name, value in headers.items())]
        await self._connection.write("\r\n".join([*lines, "", ""]).encode())

    async def body(self, data: bytes) -> None:
        """Send a part of the body."""
        if data:
            await self._connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    async def end(self) -> None:
        """End a chunked body."""
        if self._chunked:
            await self._connection.write(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Send bytes past all framing."""
        await self._connection.write(data)

    def hang_up(self) -> None:
        """Close the connection in mid-answer."""
        self._connection.close()

    def half_close(self) -> None:
        """Say that nothing more comes, and keep listening."""
        self._connection.half_close()

    def reset(self) -> None:
        """Break the connection (RST instead of FIN)."""
        self._connection.reset()


class Connection(asyncio.Protocol):
    """A client's connection, which may be used for many requests.

    Args:
        serve: Answers an exchange; may raise :class:`Left`.
        opened: Called when the connection stands.
        closed: Called when it is gone.
    """

    def __init__(
        self,
        serve: Callable[[Exchange], Awaitable[None]],
        opened: Callable[[Connection], None],
        closed: Callable[[Connection], None],
    ) -> None:
        self._serve = serve
        self._opened = opened
        self._closed = closed
        self._buffer = bytearray()
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._gone = True
        self._writable.set()
        if self._exchange is not None:
            self._exchange.left.set()
        self._closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client does not read.

        Raises:
            Left: The client has closed the connection.
        """
        await self._writable.wait()
        if self._gone or self._transport is None or self._transport.is_closing():
            raise Left
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def half_close(self) -> None:
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def reset(self) -> None:
        if self._transport is None:
            return
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def drop(self) -> None:
        """Close at once and wait until the exchange under way has ended."""
        if self._transport is not None:
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _next(self) -> None:
        """Begin the next exchange once its request is here whole and the one before has ended."""
        if self._exchange is not None:
            return
        request = take_request(self._buffer)
        if request is None:
            if len(self._buffer) > _HEAD_LIMIT and b"\r\n\r\n" not in self._buffer:
                self.close()
            return
        self._exchange = Exchange(request, self)
        self._task = asyncio.create_task(self._run(self._exchange))

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._serve(exchange)
        except Left:
            pass
        finally:
            exchange.finished.set()
            if not self._gone:
                self._exchange = None
        self._next()


def take_request(buffer: bytearray) -> Request | None:
    """Cut one whole request off the front of ``buffer`` (RFC 9112), or return ``None`` while it is not all there."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    start = end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        found = _dechunk(buffer, start)
        if found is None:
            return None
        body, stop = found
    else:
        stop = start + int(headers.get("content-length") or 0)
        if len(buffer) < stop:
            return None
        body = bytes(buffer[start:stop])
    del buffer[:stop]
    return Request(method=method, path=rest.rpartition(" ")[0], headers=headers, body=body)


def _dechunk(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(buffer[at:end].split(b";")[0], 16)
        at = end + 2
        if len(buffer) < at + size + 2:
            return None
        body += buffer[at : at + size]
        at += size + 2
        if size == 0:
            return bytes(body), at

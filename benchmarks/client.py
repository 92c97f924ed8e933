"""The load generator's client: a raw HTTP/1.1 connection that costs next to nothing beside what it measures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import cast
from urllib.parse import urlsplit

__all__ = ["Broken", "Connection", "Reply", "post"]


class Broken(Exception):
    """The server closed the connection, or what it sent is no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``body`` is without transfer coding."""

    status: int
    body: bytes


def post(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    return (
        b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: */*\r\n"
        b"user-agent: benchmark\r\nauthorization: Bearer none\r\ncontent-length: %d\r\n\r\n%b"
        % (path.encode(), len(body), body)
    )


class Connection(asyncio.Protocol):
    """One client that keeps its connection; ``async with await Connection.to(url)``.

    Attributes:
        begun: Set when the first byte of the present answer's body is there.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._reply: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._parts: list[bytes] = []
        self._in_body = False
        self._chunked = False
        self._status = 0
        self._left = 0

    @classmethod
    async def to(cls, url: str) -> Connection:
        """Connect to ``http://host:port``."""
        where = urlsplit(url)
        assert where.hostname
        assert where.port
        _, connection = await asyncio.get_running_loop().create_connection(cls, where.hostname, where.port)
        return connection

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, request: bytes) -> asyncio.Future[Reply]:
        """Send a request; the future is its whole answer."""
        if self._transport.is_closing():
            raise Broken("The server has closed the connection.")
        self._reset()
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._reply

    def close(self) -> None:
        """Leave at once, whatever is under way."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(Broken("The connection was closed before the answer was whole."))
            # Nobody may be waiting any more, and an exception that nobody has looked at would be logged.
            self._reply.exception()

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._received += data
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._read_head(bytes(self._received[:end]).lower())
            data = bytes(self._received[end + 4 :])
            self._received.clear()
            self._in_body = True
        if data:
            self.begun.set()
        if self._chunked:
            self._take_chunks(data)
        else:
            self._parts.append(data)
            self._left -= len(data)
            if self._left <= 0:
                self._finish()

    def _reset(self) -> None:
        self.begun.clear()
        self._received.clear()
        self._parts.clear()
        self._in_body = False
        self._left = 0

    def _read_head(self, head: bytes) -> None:
        self._status = int(head.split(b" ", 2)[1])
        self._chunked = b"\r\ntransfer-encoding: chunked" in head
        if not self._chunked:
            _, found, value = head.partition(b"\r\ncontent-length:")
            self._left = int(value.split(b"\r\n", 1)[0]) if found else 0

    def _take_chunks(self, data: bytes) -> None:
        """Undo chunked coding (RFC 9112, section 7.1); ``_left`` counts the present chunk with its line end."""
        self._received += data
        while True:
            if self._left == 0:
                line = self._received.find(b"\r\n")
                if line < 0:
                    return
                size = int(bytes(self._received[:line]), 16)
                if size == 0:
                    if len(self._received) >= line + 4:
                        self._finish()
                    return
                del self._received[: line + 2]
                self._left = size + 2
            if len(self._received) < self._left:
                return
            self._parts.append(bytes(self._received[: self._left - 2]))
            del self._received[: self._left]
            self._left = 0

    def _finish(self) -> None:
        self._in_body = False
        self._received.clear()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(self._status, b"".join(self._parts)))

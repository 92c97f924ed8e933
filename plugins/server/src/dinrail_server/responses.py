"""Writing answers: head and body in one write, and no header that nobody asked for.

aiohttp's own ``Response`` spends more time on headers than the rest of a relayed request costs, and always tells its
name and version. These functions write through :class:`aiohttp.abc.AbstractStreamWriter`, which is public, and hand
aiohttp a response that says it is finished. How long a client may refuse to read is the connection's business
(:mod:`dinrail_server.protocol`), so nothing here needs a timer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

from aiohttp.http import StreamWriter
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse
from multidict import CIMultiDict

__all__ = ["Whole", "date", "finished", "push", "send", "start"]

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODYLESS = frozenset({204, 304})


class _Date:
    """The ``Date`` header, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


date = _Date()


class _Finished(StreamResponse):
    """What a handler returns once all is written; without state, so that all requests share two of them."""

    def __init__(self, keep_alive: bool) -> None:
        super().__init__()
        self._stay = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._stay

    async def prepare(self, request: BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


_STAY = _Finished(keep_alive=True)
_CLOSE = _Finished(keep_alive=False)


def finished(keep_alive: bool) -> StreamResponse:
    """What aiohttp is to be given once everything is written."""
    return _STAY if keep_alive else _CLOSE


class Whole(StreamResponse):
    """An answer that aiohttp itself sends, behind which the connection is closed: for what is no valid request."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status=status, headers=headers)
        self._bytes = body

    @property
    def keep_alive(self) -> bool:
        return False

    async def prepare(self, request: BaseRequest) -> None:
        await send(request, self.status, self.headers, self._bytes, keep_alive=False)

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def send(request: BaseRequest, status: int, headers: CIMultiDict[str], body: bytes, *, keep_alive: bool) -> None:
    """Write a whole answer.

    Args:
        request: What it answers.
        status: The HTTP status.
        headers: All but those of the message's framing; completed here.
        body: All of it; left out for ``HEAD``.
        keep_alive: Whether the connection stays.
    """
    if status not in _BODYLESS:
        headers["content-length"] = str(len(body))
    writer = await _head(request, status, headers, keep_alive)
    await writer.write_eof(b"" if request.method == "HEAD" else body)


async def start(request: BaseRequest, status: int, headers: CIMultiDict[str], *, keep_alive: bool) -> StreamWriter:
    """Begin an answer in pieces; its head goes out with what is pushed first.

    A client of HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
    """
    if request.version >= (1, 1) and request.method != "HEAD" and "content-length" not in headers:
        headers["transfer-encoding"] = "chunked"
        request.writer.enable_chunking()
    return await _head(request, status, headers, keep_alive)


async def push(writer: StreamWriter, piece: bytes) -> None:
    """Write one piece of an answer in one write, and wait if the client is behind.

    Raises:
        ConnectionError: The client has gone.
    """
    await writer.write(piece, drain=False)
    if writer.protocol.writing_paused:
        await writer.drain()


async def _head(request: BaseRequest, status: int, headers: CIMultiDict[str], keep_alive: bool) -> StreamWriter:
    version = request.version
    headers["date"] = date()
    if not keep_alive:
        headers["connection"] = "close"
    elif version < (1, 1):
        headers["connection"] = "keep-alive"
    writer = cast("StreamWriter", request.writer)
    await writer.write_headers(f"HTTP/{version[0]}.{version[1]} {status} {_REASONS.get(status, '')}", headers)
    return writer

"""The connection: what aiohttp leaves open between bytes and requests.

- Bytes that are no HTTP get OpenAI's error body too (aiohttp answers those before any handler runs, in plain text).
- A client that begins a request and does not go on, or that takes no more of an answer, loses its connection.

Here and elsewhere aiohttp's modules are imported one by one: ``aiohttp.web`` brings an application framework along, of
which nothing is used, and costs a start another twentieth of its time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse
from aiohttp.web_server import Server
from multidict import CIMultiDict

from dinrail_core.errors import DinrailError
from dinrail_server.errors import BadHttp, HeadersTooLarge, ServerFailed, problem
from dinrail_server.responses import Whole

__all__ = ["Connection", "Listener", "base_headers"]

_LOG = logging.getLogger("dinrail.server")


def base_headers() -> CIMultiDict[str]:
    """Headers of every answer of JSON."""
    return CIMultiDict({"content-type": "application/json", "x-content-type-options": "nosniff"})


class Connection(RequestHandler):
    """One client's connection.

    Args:
        manager: The listener that it belongs to.
        header_timeout: Seconds from the first byte of a request to the end of its head.
        write_timeout: Seconds for which the client may take nothing while its buffer is full.
        options: For aiohttp's own class.
    """

    __slots__ = ("_head_timer", "_header_timeout", "_stall_timer", "_write_timeout")

    def __init__(self, manager: Listener, *, header_timeout: float, write_timeout: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self._header_timeout = header_timeout
        self._write_timeout = write_timeout
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser; arm a timer while it holds a head that is not whole."""
        count = self._request_count
        super().data_received(data)
        if self._request_count != count:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif self._head_timer is None and data and not self._request_in_progress and not self._messages:
            self._head_timer = self._loop.call_later(self._header_timeout, self._abort)

    @property
    def is_fresh(self) -> bool:
        """Whether no request has come on it yet."""
        return self._request_count == 0

    def pause_writing(self) -> None:
        """The client is behind: give it ``write_timeout`` to catch up."""
        super().pause_writing()
        self._stall_timer = self._loop.call_later(self._write_timeout, self._abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over."""
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._stall_timer = None
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answer what is no valid request, or what the application failed to answer."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; no other can be sent.")
        error = _explain(exc)
        if isinstance(error, ServerFailed):
            _LOG.error("a request failed outside its handler", exc_info=exc)
        answer = problem(error)
        headers = base_headers()
        headers.update(answer.headers)
        return Whole(answer.status, headers, answer.body)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Listener(Server):
    """Makes a :class:`Connection` of every socket that is accepted.

    Args:
        handler: Answers requests.
        options: For :class:`Connection`.
    """

    def __init__(self, handler: Any, **options: Any) -> None:
        # A client that leaves cancels its handler and, through it, the upstream; aiohttp's default lets both run on.
        super().__init__(handler, handler_cancellation=True)
        self._options = options

    @property
    def has_fresh(self) -> bool:
        """Whether there is a connection whose first request may be on its way."""
        return any(isinstance(connection, Connection) and connection.is_fresh for connection in self.connections)

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._options)


def _explain(exc: BaseException | None) -> DinrailError:
    """The error of our own for one of aiohttp's parser, without repeating what the client sent."""
    if isinstance(exc, LineTooLong) or (isinstance(exc, HttpProcessingError) and "Too many headers" in exc.message):
        return HeadersTooLarge("The request line or a header is too long, or there are too many headers.")
    if isinstance(exc, HttpProcessingError):
        # The parser shows the offending bytes behind a line break or a colon; only its own words go out.
        words = exc.message.partition("\n")[0].partition(":")[0].strip()
        return BadHttp(f"This is not a valid HTTP request ({words or type(exc).__name__}).")
    return ServerFailed("The server failed to answer.")

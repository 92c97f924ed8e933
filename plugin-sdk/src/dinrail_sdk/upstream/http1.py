"""One HTTP/1.1 connection: an asyncio protocol around llhttp's parser, one request at a time.

A general client spends some 90 µs of CPU on a small request (cookies, redirects, multipart forms, tracing, a timer for
each); a relay needs none of that, and this costs about a third of it, checks and retries included. What HTTP needs is
all here: interim answers, chunked and delimited bodies, bodies that end with the connection, codings, back-pressure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from dinrail_core.errors import DinrailError, UpstreamInvalid, UpstreamTimeout
from dinrail_sdk.upstream.codings import Decoder
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.transport import Unanswered

__all__ = ["Connection"]

_HIGH_WATER = 256 * 1024
"""Bytes that are held for a slow reader before the socket is not read any further."""
_MAX_HEAD = 64 * 1024
_IDLE = 30.0
"""Seconds for which an unused connection is kept."""
_SETTLE = 1.0
"""Seconds for which the end of a body is waited for, after its dialect has said its last word."""


class Connection(asyncio.Protocol):
    """A connection to the upstream.

    Args:
        loop: The running event loop.
        patience: Limits of time and size.
        on_free: Called when the connection can take another request.
        on_lost: Called once, when it is gone.
    """

    __slots__ = (
        "_answered",
        "_body_begun",
        "_busy",
        "_collecting",
        "_complete",
        "_decoder",
        "_due",
        "_failure",
        "_handle",
        "_handle_at",
        "_head_done",
        "_head_size",
        "_high",
        "_interim",
        "_loop",
        "_on_free",
        "_on_lost",
        "_parser",
        "_parts",
        "_patience",
        "_paused",
        "_reusable",
        "_reused",
        "_settling",
        "_size",
        "_transport",
        "_until",
        "_until_close",
        "_waiter",
        "headers",
        "status",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        patience: Patience,
        on_free: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self._loop = loop
        self._patience = patience
        self._on_free = on_free
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at = 0.0
        self._busy = self._reused = False
        self._reusable = True
        self._reset(until=0.0)

    def _reset(self, until: float) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._size = self._head_size = 0
        self._high = _HIGH_WATER
        self._until = until
        self._due = until
        self._failure: DinrailError | None = None
        self._decoder: Decoder | None = None
        self._answered = self._head_done = self._body_begun = self._complete = False
        self._interim = self._until_close = self._paused = self._settling = self._collecting = False

    # What the pool and the reply ask for.

    def usable(self) -> bool:
        """Whether it can take another request."""
        return not self._busy and self._reusable and self._transport is not None and not self._transport.is_closing()

    def begin(self, head: bytes, body: bytes | None, until: float) -> None:
        """Send a request."""
        assert self._transport is not None
        self._reset(until)
        self._busy = True
        self._wait_until(self._loop.time() + self._patience.first_byte)
        if body is None:
            self._transport.write(head)
        elif len(body) < _HIGH_WATER:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def head(self) -> None:
        """Wait for the head of the answer."""
        while not self._head_done:
            await self._more()

    async def some(self) -> bytes:
        """What has come of the body, or ``b""`` at its end."""
        while not self._parts:
            if self._complete:
                return b""
            await self._more()
        return self._take()

    async def whole(self, limit: int) -> bytes:
        """The whole body."""
        if int(self.headers.get(b"content-length", b"0")) > limit:
            raise _too_large(limit)
        self._high = limit
        self._collecting = True
        if self._paused:
            self._resume()
        while not self._complete and self._size <= limit:
            await self._more()
        if self._size > limit:
            raise _too_large(limit)
        return self._take()

    def leave(self) -> None:
        """Take no more of the answer: keep the connection if it is clean, or drop it."""
        if not self._busy:
            return
        transport = self._transport
        if self._complete and self._reusable and transport is not None and not transport.get_write_buffer_size():
            self._busy = self._settling = False
            self._reused = True
            self._parts = []
            if self._paused:
                self._paused = False
                transport.resume_reading()
            self._until = self._loop.time() + _IDLE
            self._wait_until(self._until)
            self._on_free(self)
        else:
            self.abort()

    def settle(self) -> None:
        """Take no more, but give the body a moment to end, so that the connection can be kept."""
        if self._complete or self._failure is not None or not self._busy:
            self.leave()
            return
        self._settling = True
        self._parts = []
        self._size = 0
        if self._paused:
            self._resume()
        self._wait_until(self._loop.time() + _SETTLE)

    def abort(self) -> None:
        """Drop the connection at once."""
        self._reusable = False
        if self._failure is None and not self._complete:
            self._failure = UpstreamInvalid("The answer of the upstream was given up.")
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if not self._busy:
            # Nobody asked: usually a server that says why it closes. Such a connection is of no use.
            self.abort()
            return
        self._answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(UpstreamInvalid("The upstream switched protocols."))
        except httptools.HttpParserError as error:
            # What a callback raised comes wrapped.
            cause = error.__context__
            self._fail(cause if isinstance(cause, UpstreamInvalid) else _not_http(error))
        if not self._head_done:
            self._head_size += len(data)
            if self._head_size > _MAX_HEAD:
                self._fail(UpstreamInvalid("The head of the upstream's answer is too large."))
        elif self._complete:
            if self._settling:
                self.leave()
        elif self._body_begun:
            self._body_goes_on()
            if self._collecting and self._size <= self._high and self._failure is None:
                return
        self._wake()

    def _body_goes_on(self) -> None:
        if self._size <= self._high:
            if not self._settling:
                self._wait_until(self._loop.time() + self._patience.idle)
        elif self._settling:
            self.abort()
        elif not self._paused:
            self._pause()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._transport = None
        self._reusable = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._busy and not self._complete and self._failure is None:
            self._end_with_connection(exc)
        self._wake()
        self._on_lost(self)
        # The parser knows this object's methods: a cycle that would wait for the garbage collector.
        del self._parser

    def _end_with_connection(self, exc: Exception | None) -> None:
        if not self._answered:
            self._failure = Unanswered(
                "The upstream closed the connection before it answered.", on_used_connection=self._reused
            )
        elif self._head_done and self._until_close and exc is None:
            try:
                self.on_message_complete()
            except UpstreamInvalid as error:
                self._failure = error
        else:
            self._failure = UpstreamInvalid("The upstream's answer breaks off.")
        if self._failure is not None:
            self._failure.__cause__ = exc

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._complete:
            # More than was asked for: what follows cannot be told from the next answer.
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if self._head_done:
            return  # a trailer, or a second answer
        self.headers[name.lower()] = value
        self._head_size += len(name) + len(value)
        if self._head_size > _MAX_HEAD:
            raise UpstreamInvalid("The head of the upstream's answer is too large.")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._complete:
            return
        self.status = status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            return
        headers = self.headers
        self._until_close = b"content-length" not in headers and b"chunked" not in headers.get(
            b"transfer-encoding", b""
        )
        if (coding := headers.get(b"content-encoding")) is not None:
            self._decoder = Decoder.of(coding, self._patience.most)
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if self._complete:
            return
        self._body_begun = True
        if self._decoder is not None:
            body = self._decoder.feed(body)
        if body:
            self._parts.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._interim:
            self._interim = False
            self.headers = {}
            return
        if self._complete:
            return
        if self._decoder is not None and self._body_begun:
            self._decoder.finish()
        self._complete = True
        if self._until_close or not self._parser.should_keep_alive():
            self._reusable = False

    # Waiting.

    async def _more(self) -> None:
        """Wait until something has happened; callers look first at what is there, so a failure comes after it."""
        if self._failure is not None:
            raise self._failure
        if self._waiter is not None:
            raise RuntimeError("An answer is read by one task at a time.")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self) -> bytes:
        parts = self._parts
        self._parts = []
        self._size = 0
        if self._paused:
            self._resume()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _pause(self) -> None:
        assert self._transport is not None
        self._paused = True
        self._transport.pause_reading()
        # The silence is ours.
        self._due = self._until

    def _resume(self) -> None:
        self._paused = False
        if self._transport is not None and not self._complete:
            self._transport.resume_reading()
            self._wait_until(self._loop.time() + self._patience.idle)

    def _fail(self, failure: DinrailError) -> None:
        if self._failure is None:
            self._failure = failure
        self.abort()

    # One timer per connection, moved only when it goes off too early or would go off too late.

    def _wait_until(self, due: float) -> None:
        self._due = due = min(due, self._until)
        if self._handle is not None:
            if self._handle_at <= due:
                return
            self._handle.cancel()
        self._handle_at = due
        self._handle = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._handle = None
        if self._busy and self._complete:
            return
        now = self._loop.time()
        if self._due > now:
            self._wait_until(self._due)
        elif not self._busy or self._settling:
            self.abort()
        else:
            self._fail(self._too_late(now))

    def _too_late(self, now: float) -> UpstreamTimeout:
        if now >= self._until:
            return UpstreamTimeout("The upstream took too long for the whole answer.")
        if self._body_begun:
            return UpstreamTimeout(
                f"The upstream fell silent for {self._patience.idle:g} s in the middle of its answer."
            )
        return UpstreamTimeout(f"The upstream did not begin to answer within {self._patience.first_byte:g} s.")


def _not_http(error: httptools.HttpParserError) -> UpstreamInvalid:
    failure = UpstreamInvalid("The upstream's answer is not valid HTTP.")
    failure.__cause__ = error
    return failure


def _too_large(limit: int) -> UpstreamInvalid:
    return UpstreamInvalid(f"The upstream's answer is larger than {limit} bytes.")

"""Answers that stay bytes until somebody looks.

A provider that speaks the dialect of the client hands the upstream's bytes through; the typed view of the same answer
is built only when a guardrail, a metric or the agent loop asks for it. A provider that speaks another dialect builds
the typed value, and the bytes are made from it once, at the edge.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Generic, TypeVar

from pydantic import BaseModel

from dinrail_core.api.wire import decode_upstream

__all__ = ["DONE", "NO_HEADERS", "Answer", "Stream", "encode_event", "frames"]

T = TypeVar("T", bound=BaseModel)

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

DONE = b"data: [DONE]\n\n"
"""The literal that ends a stream of OpenAI's dialect. The server sends it; a :class:`Stream` does not contain it."""


class Answer(Generic[T]):
    """One whole answer: bytes, a typed value, or both.

    Args:
        wire: The wire type.
        body: The JSON text, where that is what the provider has.
        value: The typed value, where that is what the provider has.
        headers: Lower-case headers of the upstream worth handing on (rate limits, the upstream's request id).
    """

    __slots__ = ("_body", "_value", "headers", "wire")

    def __init__(
        self,
        wire: type[T],
        *,
        body: bytes | None = None,
        value: T | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        if body is None and value is None:
            raise TypeError("An answer needs a body or a value.")
        self.wire = wire
        self._body = body
        self._value = value
        self.headers = headers

    @classmethod
    def of(cls, value: T) -> Answer[T]:
        """An answer from a typed value."""
        return cls(type(value), value=value)

    @property
    def body(self) -> bytes:
        """The JSON text: the upstream's own where there is one."""
        if self._body is None:
            assert self._value is not None
            self._body = self._value.model_dump_json().encode()
        return self._body

    @property
    def value(self) -> T:
        """The typed view, built on first use.

        Raises:
            UpstreamInvalid: The bytes are not what the wire type says.
        """
        if self._value is None:
            assert self._body is not None
            self._value = decode_upstream(self.wire, self._body)
        return self._value


class Stream(Generic[T]):
    """A stream of server-sent events, relayed a read at a time or looked at an event at a time.

    A stream is consumed once, by :meth:`reads` or by iterating over it, and always closed with :meth:`aclose`, which
    closes the upstream. ``DONE`` is not part of it. Errors are raised from the iteration.

    Args:
        wire: The wire type of one event.
        reads: Bytes in which every item is one or more *whole* frames (``data: …\\n\\n``), without ``DONE``.
        values: Typed events, where that is what the provider has.
        headers: As for :class:`Answer`.
        close: Closes what the generator reads from. A generator that was never begun runs none of its own clean-up, so
            one that reads from something already open (an accepted request) needs this. Called once.
        made: The id of the object that the request has made, where it has and that is known; for the audit log.
    """

    __slots__ = ("_close", "_reads", "_values", "headers", "made", "wire")

    def __init__(
        self,
        wire: type[T],
        *,
        reads: AsyncGenerator[bytes, None] | None = None,
        values: AsyncGenerator[T, None] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        close: Callable[[], Awaitable[object]] | None = None,
        made: str | None = None,
    ) -> None:
        if (reads is None) == (values is None):
            raise TypeError("A stream is made of reads or of values.")
        self.wire = wire
        self._reads = reads
        self._values = values
        self._close = close
        self.headers = headers
        self.made = made

    @classmethod
    def of(cls, wire: type[T], values: AsyncGenerator[T, None]) -> Stream[T]:
        """A stream from typed events."""
        return cls(wire, values=values)

    def reads(self) -> AsyncGenerator[bytes, None]:
        """The stream as bytes, each item one or more whole frames."""
        return self._reads if self._reads is not None else self._encoded()

    def __aiter__(self) -> AsyncIterator[T]:
        """The stream as typed events.

        Raises:
            UpstreamInvalid: An event is not what the wire type says.
        """
        return self._values if self._values is not None else self._decoded()

    async def aclose(self) -> None:
        """Close the stream and whatever feeds it; safe to call more than once."""
        source = self._reads if self._reads is not None else self._values
        assert source is not None
        close, self._close = self._close, None
        try:
            await source.aclose()
        finally:
            if close is not None:
                await close()

    def also_close(self, then: Callable[[], object]) -> Stream[T]:
        """The same stream, on whose closing ``then`` is called once; costs a reader nothing."""
        close = self._close

        async def close_both() -> None:
            try:
                if close is not None:
                    await close()
            finally:
                then()

        self._close = close_both
        return self

    async def _encoded(self) -> AsyncGenerator[bytes, None]:
        assert self._values is not None
        async with aclosing(self._values) as values:
            async for value in values:
                yield encode_event(value)

    async def _decoded(self) -> AsyncGenerator[T, None]:
        assert self._reads is not None
        async with aclosing(self._reads) as reads:
            async for read in reads:
                for data in frames(read):
                    yield decode_upstream(self.wire, data)


def encode_event(value: BaseModel, event: str | None = None) -> bytes:
    """One frame of a stream; ``event`` names it, where the dialect names its events."""
    data = value.model_dump_json().encode()
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data) if event else b"data: %b\n\n" % data


def frames(read: bytes) -> list[bytes]:
    """The data of each whole frame in ``read`` (WHATWG, server-sent events, section 9.2.6).

    Comments, and frames whose data is empty, are no events and are dropped.
    """
    found = []
    for frame in read.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in frame.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if data:
            found.append(data)
    return found

"""A stream on its way through: reads become whole, checked frames, one read at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any

from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.sse import MAX_FRAME, FrameTooLong
from dinrail_sdk.upstream.events import Events, ReportedError
from dinrail_sdk.upstream.framing import Cutter
from dinrail_sdk.upstream.transport import Reply

__all__ = ["Reads"]


class Reads(AsyncGenerator[bytes, None]):
    """The reads of a :class:`~dinrail_core.api.answers.Stream`.

    An object and not a generator function: closing a generator that was never begun runs none of its code, and would
    leave the upstream's connection open.

    Args:
        reply: Whose body is read.
        events: Knows the dialect.
        cutter: Makes whole frames of the body's reads.
        translated: Turns a reported error into the one to raise.
    """

    __slots__ = ("_cutter", "_events", "_first", "_over", "_reply", "_translated")

    def __init__(
        self,
        reply: Reply,
        events: Events,
        cutter: Cutter,
        translated: Callable[[Mapping[str, Any]], DinrailError],
    ) -> None:
        self._reply = reply
        self._events = events
        self._translated = translated
        self._cutter = cutter
        self._first = b""
        self._over = False

    async def begin(self) -> None:
        """Wait for the first frame, so that an error which comes instead is raised here."""
        try:
            self._first = await self.__anext__()
        except StopAsyncIteration:
            return

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        events = self._events
        try:
            while not self._over:
                if events.failure is not None:
                    raise events.failure
                read = await self._reply.some()
                whole = self._cutter.feed(read) if read else self._cutter.rest()
                frames = events.sift(whole) if whole else b""
                if events.done:
                    self._over = True
                    self._reply.settle()
                elif not read and events.failure is None:
                    events.finish()
                    self._over = True
                    self._reply.leave()
                if frames:
                    return frames
        except ReportedError as error:
            await self.aclose()
            raise self._translated(error.report) from None
        except FrameTooLong:
            await self.aclose()
            raise UpstreamInvalid(f"The upstream's stream has an event larger than {MAX_FRAME} bytes.") from None
        except BaseException as error:  # a reader that is cancelled leaves no connection behind either
            closed_elsewhere = self._over and isinstance(error, DinrailError)
            await self.aclose()
            if not closed_elsewhere:
                raise
        raise StopAsyncIteration

    async def asend(self, value: None) -> bytes:
        """See :meth:`collections.abc.AsyncGenerator.asend`."""
        return await self.__anext__()

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> bytes:
        """Close the stream and raise."""
        await self.aclose()
        raise typ

    async def aclose(self) -> None:
        """Close the upstream's connection at once, unless the stream is at its end."""
        self._over = True
        self._first = b""
        self._reply.leave()

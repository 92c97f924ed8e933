"""Streams of AWS (``application/vnd.amazon.eventstream``) as lines of JSON, decoded by botocore."""

from __future__ import annotations

import orjson
from botocore.eventstream import EventStreamBuffer, EventStreamMessage, ParserError

from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.sse import MAX_FRAME, FrameTooLong
from dinrail_sdk.upstream import Framing

__all__ = ["MESSAGES", "MessageCutter"]

_LENGTH = 4
"""Bytes at the beginning of a message that say how long all of it is."""


class MessageCutter:
    """Turns reads into whole lines, one for each message: ``{"<kind of event>": <its payload>}``.

    A message that tells of an error becomes ``{"<kind of exception>": …}`` or ``{"error": {"code", "message"}}``. See
    :class:`dinrail_sdk.upstream.framing.Cutter`.

    Args:
        limit: The longest message, in bytes.
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._held = bytearray()
        self._limit = limit
        self._failure: Exception | None = None

    def feed(self, read: bytes) -> bytes:
        """The lines that ``read`` completes, or ``b""``; what is wrong is raised once those before it are handed on.

        Raises:
            FrameTooLong: A message exceeds the limit.
            UpstreamInvalid: A message is damaged.
        """
        if self._failure is not None:
            raise self._failure
        self._held += read
        lines: list[bytes] = []
        try:
            while len(self._held) >= _LENGTH:
                length = int.from_bytes(self._held[:_LENGTH])
                if length > self._limit:
                    raise FrameTooLong
                if len(self._held) < length:
                    break
                lines.append(_line(_message(bytes(self._held[:length]))))
                del self._held[:length]
        except (FrameTooLong, UpstreamInvalid) as failure:
            if not lines:
                raise
            self._failure = failure
        return b"".join(lines)

    def rest(self) -> bytes:
        """Nothing: half a message says nothing.

        Raises:
            FrameTooLong: As for :meth:`feed`.
            UpstreamInvalid: As for :meth:`feed`.
        """
        return self.feed(b"")


def _message(data: bytes) -> EventStreamMessage:
    """A message with both of its checksums right.

    Raises:
        UpstreamInvalid: It is none.
    """
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    try:
        return buffer.next()
    except (ParserError, StopIteration, LookupError, ValueError):
        raise UpstreamInvalid("The upstream's stream has a message that is damaged.") from None


def _line(message: EventStreamMessage) -> bytes:
    headers = message.headers
    if headers.get(":message-type") == "error":
        error = {"code": str(headers.get(":error-code")), "message": str(headers.get(":error-message") or "")}
        return orjson.dumps({"error": error}) + b"\n"
    kind = str(headers.get(":exception-type") or headers.get(":event-type"))
    # Line ends stand between the values of JSON alone, where a space does as well.
    payload = message.payload.replace(b"\n", b" ").replace(b"\r", b" ")
    return b"{%b:%b}\n" % (orjson.dumps(kind), payload or b"{}")


MESSAGES = Framing("application/vnd.amazon.eventstream", b"vnd.amazon.eventstream", MessageCutter)
"""AWS's own framing."""

"""Events of a stream: their names and data (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeAlias

from dinrail_mcp.failures import McpFailure
from dinrail_sdk.sse import FrameCutter, FrameTooLong
from dinrail_sdk.upstream.transport import Reply

__all__ = ["events_in", "read_events", "too_large"]

Event: TypeAlias = tuple[str, bytes]
"""Its name, and its data."""


async def read_events(
    reply: Reply, *, longest: int, most: int | None = None
) -> AsyncGenerator[tuple[str, bytes], None]:
    """Each event's name and data, until the stream ends; an event that is not whole by then is none.

    Args:
        reply: The answer whose body is the stream.
        longest: Bytes of one event.
        most: Bytes of all events; ``None`` for a stream that stays open.

    Raises:
        McpFailure: An event, or all of them, are too large.
        UpstreamError: The stream breaks off, or stays silent for too long.
    """
    cutter, seen = FrameCutter(longest), 0
    while read := await reply.some():
        seen += len(read)
        if most is not None and seen > most:
            raise too_large(most)
        try:
            whole = cutter.feed(read)
        except FrameTooLong:
            raise too_large(longest) from None
        for event in events_in(whole):
            yield event


def events_in(frames: bytes) -> list[Event]:
    """The events in whole frames with ``\\n`` as line ends; those without data are none."""
    found = []
    for frame in frames.split(b"\n\n"):
        name, lines = "message", []
        for line in frame.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"data":
                lines.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ").decode("utf-8", "replace")
        if data := b"\n".join(lines):
            found.append((name, data))
    return found


def too_large(limit: int) -> McpFailure:
    """What is said of an answer over a limit."""
    return McpFailure(f"The server's answer is larger than {limit} bytes.")

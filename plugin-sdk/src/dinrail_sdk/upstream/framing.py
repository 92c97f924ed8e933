"""How the events of a stream are told apart on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dinrail_sdk.sse import FrameCutter, LineCutter

__all__ = ["LINES", "SSE", "Cutter", "Framing"]


class Cutter(Protocol):
    """Turns reads, which are cut anywhere, into whole frames."""

    def feed(self, read: bytes) -> bytes:
        """The frames that ``read`` completes, or ``b""``.

        Raises:
            FrameTooLong: A frame exceeds the limit.
        """
        ...

    def rest(self) -> bytes:
        """What is left when the stream has ended, or ``b""``."""
        ...


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to frame a stream.

    Attributes:
        accept: The media type that is asked for.
        kind: What the answer's media type must contain.
        cutter: Makes what cuts one stream.
    """

    accept: str
    kind: bytes
    cutter: Callable[[], Cutter]


SSE = Framing("text/event-stream", b"event-stream", FrameCutter)
"""Server-sent events."""

LINES = Framing("application/x-ndjson", b"json", LineCutter)
"""A JSON object on each line."""

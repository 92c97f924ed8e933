"""What the relay needs from an HTTP engine: the seam at which the engine can be replaced."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from dinrail_core.errors import UpstreamUnavailable

__all__ = ["Outgoing", "Reply", "Transport", "Unanswered"]


class Unanswered(UpstreamUnavailable):
    """There was no byte of an answer, and not for want of time: the one failure that an engine leaves to be retried.

    Args:
        message: What happened.
        on_used_connection: The connection had served before, so most likely the upstream had just closed it for
            idleness, and the request was never read.
    """

    def __init__(self, message: str, *, on_used_connection: bool = False) -> None:
        super().__init__(message)
        self.on_used_connection = on_used_connection


@dataclass(slots=True)
class Outgoing:
    """One request.

    Attributes:
        method: The HTTP method.
        target: Path and query, encoded.
        headers: What is special to this request; the engine adds what is common to all, ``host`` and
            ``content-length``. Names and values are known to be clean.
        body: The body, or ``None``.
        until: When to give up, by the event loop's clock.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    until: float


class Reply(ABC):
    """The beginning of an answer, and the way to the rest of it.

    Attributes:
        status: The final HTTP status.
        headers: Lower-case names; the last of several of a name.
    """

    status: int
    headers: Mapping[bytes, bytes]

    @abstractmethod
    async def whole(self, limit: int) -> bytes:
        """The decoded body.

        Raises:
            UpstreamInvalid: It is cut short, malformed, or larger than ``limit`` bytes.
            UpstreamTimeout: Too long a silence, or too long in all.
        """

    @abstractmethod
    def some(self) -> Awaitable[bytes]:
        """The next bytes of the decoded body as they came, ``b""`` at its end.

        Raises:
            UpstreamInvalid: The body is cut short or malformed.
            UpstreamTimeout: Too long a silence, or too long in all.
        """

    @abstractmethod
    def leave(self) -> None:
        """Be done with it, at once and for good: a body that is not at its end costs the connection.

        Safe to call more than once, and from another task than the one that reads.
        """

    def settle(self) -> None:
        """Be done with it where nothing but the end of the body is outstanding.

        An engine may wait for that in the background and keep the connection; it must not make the caller wait.
        """
        self.leave()


class Transport(ABC):
    """Sends requests over a pool of connections."""

    @abstractmethod
    async def send(self, request: Outgoing) -> Reply:
        """Send ``request`` and return when the head of the answer is there.

        A task that is cancelled in here leaves no connection behind.

        Raises:
            Unanswered: No connection, or one that ended before the answer began.
            UpstreamInvalid: The answer is not HTTP, or its head is too large.
            UpstreamTimeout: Connecting or the first byte took too long.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection, those in use included."""

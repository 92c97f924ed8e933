"""What a provider sees of its upstream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_sdk.upstream.events import Events
from dinrail_sdk.upstream.framing import SSE, Framing

__all__ = ["Authorize", "KeySource", "Sign", "Unsigned", "Upstream", "bearer"]

T = TypeVar("T", bound=BaseModel)

Authorize = Callable[[str], tuple[str, str]]
"""Turns a key into the header that carries it: lower-case name, value."""


KeySource = Callable[[], Awaitable[str]]
"""Says the key of the moment, where keys expire; asked before every request, so it remembers one while it is good."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it is about to be sent.

    Attributes:
        method: The HTTP method.
        url: The whole of it, encoded as it is sent.
        headers: What is special to it, and what the configuration adds to all.
        body: The body, or ``None``.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None


Sign = Callable[[Unsigned], Awaitable[Sequence[tuple[str, str]]]]
"""Says the headers that prove who sends just this request, where a key alone does not; asked once for each."""


def bearer(key: str) -> tuple[str, str]:
    """How most servers want their key (RFC 6750, section 2.1)."""
    return "authorization", f"Bearer {key}"


class Upstream(ABC):
    """A model server that speaks JSON and server-sent events over HTTP.

    Every method sends the configured key, or the caller's own where ``call.upstream_key`` has one, hands on
    ``call.traceparent``, and ends at ``call.deadline`` at the latest. All raise:

    - :class:`~dinrail_core.errors.RequestError` for what the upstream says the caller can mend,
    - :class:`~dinrail_core.errors.UpstreamError` for everything else; see
      :func:`dinrail_sdk.upstream.errors.translate` for which is which.

    A cancelled call closes its connection at once.
    """

    @abstractmethod
    async def answer(
        self, wire: type[T], path: str, body: bytes | None, call: Call, *, method: str = "POST"
    ) -> Answer[T]:
        """Ask for one JSON object.

        The body is handed on as bytes. What is checked is cheap: that it is a whole JSON object and has the arrays
        that ``wire`` requires (``choices``, ``data``, …); a large one is looked at only at both ends.

        Args:
            wire: The wire type of the answer.
            path: Relative to ``base_url`` (``chat/completions``), or with a leading slash to the server's root
                (``/health``). Encoded.
            body: JSON text, or ``None`` for a request without a body.
            call: On whose behalf, and until when.
            method: The HTTP method.
        """

    @abstractmethod
    async def stream(
        self,
        wire: type[T],
        path: str,
        body: bytes,
        call: Call,
        *,
        events: Callable[[], Events] | None = None,
        framing: Framing = SSE,
    ) -> Stream[T]:
        """Ask for a stream, of server-sent events where nothing else is said.

        Returns when the first event is there, so that an error which an upstream sends as its first event is still one
        of the whole request. Later ones are raised from the iteration, as is a stream that breaks off.

        Args:
            wire: The wire type of one event.
            path: As for :meth:`answer`.
            body: JSON text.
            call: On whose behalf, and until when.
            events: Makes what knows the dialect's errors and its end, once for each stream; OpenAI's without it.
            framing: How one event is told from the next; ``events`` then makes server-sent events of them.
        """

    @abstractmethod
    async def get(self, path: str, call: Call) -> bytes:
        """The body of a ``GET``, whatever it is (model lists, health)."""

    @abstractmethod
    async def post(self, path: str, body: bytes, call: Call, *, content_type: str = "application/json") -> bytes:
        """The body of the answer to a ``POST``, whatever it is.

        For servers that answer with bare arrays, and for those that want another thing than JSON.
        """

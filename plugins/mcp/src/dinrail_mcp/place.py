"""Where a server is, what it is sent, and how much is taken of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dinrail_sdk.outbound import Destination
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.pool import Origin, Pool

__all__ = ["Changed", "Limits", "Place", "do_nothing"]

_CONNECTIONS = 16
_CONNECT = 10.0
_OPEN_STREAM = 3_600.0
"""Seconds that a stream may be silent which is open for whenever there is something."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a server is waited for, in seconds, and how much is taken of it, in bytes."""

    timeout: float
    result: int
    listing: int


@dataclass(frozen=True, slots=True)
class Place:
    """A server over HTTP.

    Attributes:
        destination: Where it is, looked up.
        tls: What ``https`` is spoken with; ``None`` for ``http``.
        headers: Sent with every request; among them are secrets.
        limits: What it is held to.
    """

    destination: Destination
    tls: ssl.SSLContext | None
    headers: Mapping[str, str] = field(repr=False)
    limits: Limits

    def pool(self, *, silence: float | None = None) -> Pool:
        """Connections to it and to nothing else.

        Args:
            silence: Seconds that an answer may be silent, where it is not the timeout.
        """
        waits = self.limits.timeout if silence is None else silence
        where = self.destination
        return Pool(
            Origin(where.host, where.port, self.tls, where.addresses),
            headers=({"user-agent": "dinrail", "accept-encoding": "identity"} | dict(self.headers)).items(),
            patience=Patience(waits, waits, max(self.limits.listing, self.limits.result)),
            connect_timeout=min(_CONNECT, self.limits.timeout),
            most=_CONNECTIONS,
        )

    def stream_pool(self) -> Pool:
        """The same for a stream that stays open."""
        return self.pool(silence=_OPEN_STREAM)

    def largest(self, method: str) -> int:
        """Bytes that an answer may have."""
        return self.limits.listing if method == "tools/list" else self.limits.result


def do_nothing() -> None:
    """What is called where nobody is interested."""


Changed = Callable[[], None]
"""Called when a server says that its tools are others now."""

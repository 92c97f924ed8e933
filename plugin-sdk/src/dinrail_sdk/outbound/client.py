"""A client for URLs that requests name: one connection for one request, to an address that was looked at."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from dinrail_core.errors import UpstreamInvalid, UpstreamTimeout
from dinrail_core.hooks.outbound import Outbound
from dinrail_sdk.outbound.destination import Destination, resolve
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.pool import Origin, Pool, client_tls
from dinrail_sdk.upstream.transport import Outgoing

__all__ = ["Fetched", "OutboundClient", "Timeouts"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "dinrail"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection, TLS included.
        idle: For the first byte, and for each further one.
        total: For everything, name look-ups and redirects included.
    """

    connect: float = 5.0
    idle: float = 10.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        status: The HTTP status.
        headers: Lower-case names; the last of several of a name.
        body: The body, decoded.
        url: Where it came from at last, behind redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class OutboundClient:
    """Follows URLs.

    Args:
        outbound: What may be reached.
        timeouts: How long to wait.

    All methods raise:
        InvalidRequest: The URL (or one that it redirects to) is none, or leads to where it must not.
        UpstreamUnavailable: Nothing answers there.
        UpstreamTimeout: It takes too long.
        UpstreamInvalid: What answers does not speak HTTP, sends too much, or redirects in circles.
    """

    def __init__(self, outbound: Outbound, timeouts: Timeouts | None = None) -> None:
        self._outbound = outbound
        self._timeouts = timeouts or Timeouts()
        self._tls: asyncio.Future[ssl.SSLContext] | None = None

    async def get(
        self, url: str, *, limit: int, headers: Headers = (), redirects: int = 3, param: str | None = None
    ) -> Fetched:
        """Fetch something; redirects are followed, each looked at like the first URL.

        Args:
            url: The URL.
            limit: The largest body that is taken, in bytes.
            headers: More headers; they go to the first server alone.
            redirects: How many redirects are followed.
            param: The field of the request that the URL came in.
        """
        try:
            async with asyncio.timeout(self._timeouts.total):
                for _ in range(redirects + 1):
                    found = await self._once("GET", url, headers, None, limit, param)
                    onward = found.headers.get("location")
                    if found.status not in _REDIRECTS or onward is None:
                        return found
                    url, headers = urljoin(url, onward), ()
        except TimeoutError:
            raise _too_slow() from None
        raise UpstreamInvalid(f"There are more than {redirects} redirects.")

    async def post(
        self, url: str, body: bytes, *, limit: int, headers: Headers = (), plain: bool = True, param: str | None = None
    ) -> Fetched:
        """Send something. Redirects are not followed: what was to be sent was meant for this URL.

        Args:
            url: The URL.
            body: What is sent.
            limit: The largest body of the answer that is taken, in bytes.
            headers: More headers, the content's type among them.
            plain: Whether ``http`` will do outside the networks that the operator has named.
            param: The field of the request that the URL came in.
        """
        try:
            async with asyncio.timeout(self._timeouts.total):
                return await self._once("POST", url, headers, body, limit, param, plain=plain)
        except TimeoutError:
            raise _too_slow() from None

    async def _once(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | None,
        limit: int,
        param: str | None,
        *,
        plain: bool = True,
    ) -> Fetched:
        destination = await resolve(url, self._outbound, plain=plain, param=param)
        pool = await self._pool(destination, limit)
        try:
            until = asyncio.get_running_loop().time() + self._timeouts.total
            reply = await pool.send(Outgoing(method, destination.target, tuple(headers), body, until))
            text = await reply.whole(limit)
            found = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers.items()}
            return Fetched(reply.status, found, text, url)
        finally:
            await pool.close()

    async def _pool(self, destination: Destination, limit: int) -> Pool:
        waits = self._timeouts
        tls = await self._context() if destination.tls else None
        return Pool(
            Origin(destination.host, destination.port, tls, destination.addresses),
            headers=[("user-agent", _USER_AGENT), ("accept-encoding", "identity"), ("connection", "close")],
            patience=Patience(waits.idle, waits.idle, limit),
            connect_timeout=waits.connect,
            most=1,
        )

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = asyncio.ensure_future(asyncio.to_thread(client_tls))
        return await asyncio.shield(self._tls)


def _too_slow() -> UpstreamTimeout:
    return UpstreamTimeout("What the URL leads to took too long.")

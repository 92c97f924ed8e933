"""The HTTP engine: keeps connections to one upstream and sends requests over them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence

from dinrail_core.errors import UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from dinrail_sdk.upstream.http1 import Connection
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.transport import Outgoing, Reply, Transport, Unanswered

__all__ = ["Origin", "Pool", "client_tls"]

_MANY_HEADS = 256


def client_tls() -> ssl.SSLContext:
    """What ``https`` is spoken with. Reading the system's certificates takes tens of milliseconds: not on the loop."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Origin:
    """Where an upstream listens.

    Args:
        host: Name or address, IPv6 without brackets.
        port: The port.
        tls: For ``https``.
        addresses: What the name stands for, tried one after the other; looked up with each connection where not given.
    """

    __slots__ = ("addresses", "authority", "host", "port", "tls")

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, addresses: Sequence[str] = ()) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.addresses = addresses or (host,)
        named = f"[{host}]" if ":" in host else host
        self.authority = named if port == (443 if tls else 80) else f"{named}:{port}"


class _Reply(Reply):
    __slots__ = ("_connection", "headers", "status")

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self.status = connection.status
        self.headers: Mapping[bytes, bytes] = connection.headers

    async def whole(self, limit: int) -> bytes:
        return b"" if self._connection is None else await self._connection.whole(limit)

    def some(self) -> Awaitable[bytes]:
        return _nothing() if self._connection is None else self._connection.some()

    def leave(self) -> None:
        # The connection may serve another request from here on, so this reply must not touch it again.
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()

    def settle(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.settle()


async def _nothing() -> bytes:
    return b""


class Pool(Transport):
    """Connections to one origin, the last used first.

    Args:
        origin: Where to connect.
        headers: Sent with every request.
        patience: Limits for each answer.
        connect_timeout: Seconds for making a connection, or for getting a free one.
        most: Connections at once.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        headers: Iterable[tuple[str, str]],
        patience: Patience,
        connect_timeout: float,
        most: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = origin
        self._common = "".join(f"{name}: {value}\r\n" for name, value in [("host", origin.authority), *headers])
        self._patience = patience
        self._connect_timeout = connect_timeout
        self._most = most
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._heads: dict[tuple[str, str], str] = {}
        self._closed = False

    async def send(self, request: Outgoing) -> Reply:
        """See :meth:`Transport.send`."""
        connection = self._take() or await self._acquire(request.until)
        try:
            connection.begin(self._head(request), request.body, request.until)
            await connection.head()
        except Unanswered as failure:
            connection.abort()
            if failure.on_used_connection:
                # The others have been idle for longer; the upstream is closing them, or has been restarted.
                self._drop_free()
            raise
        except BaseException:
            connection.abort()
            raise
        return _Reply(connection)

    async def close(self) -> None:
        """See :meth:`Transport.close`."""
        self._closed = True
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(None)
        for connection in list(self._open):
            connection.abort()
        # asyncio tells connections that they are gone in the loop's next round, and their sockets close then.
        await asyncio.sleep(0)

    def _head(self, request: Outgoing) -> bytes:
        known = self._heads.get((request.method, request.target))
        if known is None:
            if len(self._heads) >= _MANY_HEADS:
                self._heads.clear()
            known = f"{request.method} {request.target} HTTP/1.1\r\n{self._common}"
            self._heads[request.method, request.target] = known
        special = "".join([f"{name}: {value}\r\n" for name, value in request.headers])
        if request.body is not None:
            return f"{known}{special}content-length: {len(request.body)}\r\n\r\n".encode("latin-1")
        return f"{known}{special}\r\n".encode("latin-1")

    def _take(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.usable():
                return connection
        return None

    async def _acquire(self, until: float) -> Connection:
        """A free connection, a new one, or the first that another request gives back."""
        until = min(until, self._loop.time() + self._connect_timeout)
        while True:
            if self._closed:
                raise UpstreamUnavailable("The connections to the upstream are closed.")
            if (connection := self._take()) is not None:
                return connection
            if len(self._open) + self._connecting < self._most:
                return await self._connect(until)
            await self._queued(until)

    async def _queued(self, until: float) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(waiter)
        try:
            async with asyncio.timeout_at(until):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # The place that was meant for this request goes to the next.
                self._call_next()
            else:
                self._queue.remove(waiter)
            if isinstance(error, TimeoutError):
                raise UpstreamUnavailable(f"All {self._most} connections to the upstream are busy.") from None
            raise

    async def _connect(self, until: float) -> Connection:
        self._connecting += 1
        try:
            connection = await self._make(until)
        except BaseException:
            self._connecting -= 1
            self._call_next()
            raise
        self._connecting -= 1
        self._open.add(connection)
        return connection

    async def _make(self, until: float) -> Connection:
        try:
            async with asyncio.timeout_at(until):
                connection = await self._reach()
        except TimeoutError as error:
            raise UpstreamTimeout("No connection to the upstream could be made in time.") from error
        except ssl.SSLCertVerificationError as error:
            raise UpstreamInvalid(f"The upstream's certificate is not accepted: {error.verify_message}.") from error
        except ssl.SSLError as error:
            raise UpstreamInvalid("The upstream does not speak TLS as it should.") from error
        except OSError as error:
            raise Unanswered(f"The upstream cannot be reached: {_reason(error)}.") from error
        if not connection.usable():
            # The upstream closed it again before we came to look, and that has been reported already.
            raise Unanswered("The upstream closes connections at once.")
        return connection

    async def _reach(self) -> Connection:
        """A connection to the first address that takes one."""
        origin = self._origin
        name = origin.host if origin.tls else None
        *others, last = origin.addresses
        for address in others:
            try:
                _, connection = await self._loop.create_connection(
                    self._new, address, origin.port, ssl=origin.tls, server_hostname=name
                )
            except OSError:
                continue
            return connection
        _, connection = await self._loop.create_connection(
            self._new, last, origin.port, ssl=origin.tls, server_hostname=name
        )
        return connection

    def _new(self) -> Connection:
        return Connection(self._loop, self._patience, self._freed, self._lost)

    def _freed(self, connection: Connection) -> None:
        self._free.append(connection)
        self._call_next()

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        self._call_next()

    def _drop_free(self) -> None:
        for connection in self._free:
            connection.abort()
        self._free.clear()

    def _call_next(self) -> None:
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def _reason(error: OSError) -> str:
    """Why, without the address: callers have no business to know it."""
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, ConnectionResetError):
        return "it resets connections"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return (error.strerror or "network error").lower()

"""A fake upstream: a real HTTP server on a port of its own, which says what a case scripts and fails as a case asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import unquote

from dinrail_sdk.testing.connection import Connection, Exchange
from dinrail_sdk.testing.delivery import AT_ONCE, Delivery, deliver
from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import Asked, Refused, Script, improvise
from dinrail_sdk.testing.shelf import lay_out

__all__ = ["FakeUpstream", "Received", "Turn"]

Source: TypeAlias = Script | Callable[[Asked], Script]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is said to one request, and how it is sent; without a script, what follows from the request."""

    script: Source | None = None
    delivery: Delivery = AT_ONCE
    dies_after: int | None = None
    """Of a stream: after so many frames, the frame that tells of an error takes the place of the rest."""


@dataclass(slots=True)
class Received:
    """One request that came in.

    Attributes:
        request: As it stood on the wire.
        asked: What its dialect read, or ``None`` where that was nothing it knows.
        exchange: Its further fate: ``left`` is set when the client leaves before the answer is out.
    """

    request: Request
    asked: Asked | None
    exchange: Exchange


class FakeUpstream:
    """A scripted upstream. Make one with :meth:`open`; all of it runs on the caller's event loop.

    Without a script it answers what follows from the request (a chat is echoed, a text has a vector of its own), so
    answers that got mixed up are seen.

    Args:
        dialect: What it speaks.
        model: The one model that it lists.

    Attributes:
        received: Every request of the operations that it knows, in order.
        strays: Every other request.
        shelf: Files that are handed out, by decoded path (``/kit-model.gguf``).
        fetched: Every request for one of them, in order.
        open_connections: How many connections stand now.
    """

    def __init__(self, dialect: Dialect, model: str = "kit-model") -> None:
        self.dialect = dialect
        self.model = model
        self.received: list[Received] = []
        self.strays: list[Request] = []
        self.shelf: dict[str, bytes] = {}
        self.fetched: list[Received] = []
        self._turns: deque[Turn] = deque()
        self._always = Turn()
        self._connections: set[Connection] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._port = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, dialect: Dialect, model: str = "kit-model") -> AsyncIterator[FakeUpstream]:
        """Listen on a port that is free, and stop when left."""
        upstream = cls(dialect, model)
        await upstream.start()
        try:
            yield upstream
        finally:
            await upstream.stop()

    @property
    def url(self) -> str:
        """The base URL that a provider is configured with, the dialect's prefix included.

        Raises:
            RuntimeError: It does not listen, because the suite says that its provider has no upstream.
        """
        return self.origin + self.dialect.prefix

    @property
    def origin(self) -> str:
        """Like :attr:`url`, without any path."""
        if not self._port:
            raise RuntimeError("This suite says `dialect = None`: its provider has no upstream that could be scripted.")
        return f"http://127.0.0.1:{self._port}"

    def says(
        self, script: Source | None = None, delivery: Delivery = AT_ONCE, *, dies_after: int | None = None
    ) -> None:
        """Answer every request like this from now on."""
        self._turns.clear()
        self._always = Turn(script=script, delivery=delivery, dies_after=dies_after)

    def then(self, *turns: Turn) -> None:
        """Answer the next requests like this, one each, before :meth:`says` holds again."""
        self._turns.extend(turns)

    @property
    def asked(self) -> Asked:
        """What the newest request asks for.

        Raises:
            AssertionError: None has come.
        """
        assert self.received, "No request reached the upstream."
        asked = self.received[-1].asked
        assert asked is not None, "What reached the upstream is no request of its dialect."
        return asked

    @property
    def credentials(self) -> str | None:
        """The key that the newest request carries."""
        assert self.received, "No request reached the upstream."
        return self.dialect.credentials(self.received[-1].request)

    @property
    def open_connections(self) -> int:
        """How many connections stand now."""
        return len(self._connections)

    async def arrival(self, count: int = 1, within: float = 5.0) -> Received:
        """Wait until so many requests have come in altogether, and return that one.

        Raises:
            TimeoutError: They did not come in time.
        """
        await self._until(lambda: len(self.received) >= count, within)
        return self.received[count - 1]

    async def fetch(self, count: int = 1, within: float = 5.0) -> Received:
        """Like :meth:`arrival`, for requests for files."""
        await self._until(lambda: len(self.fetched) >= count, within)
        return self.fetched[count - 1]

    async def quiet(self, within: float = 1.0) -> None:
        """Wait until no connection is open.

        Raises:
            TimeoutError: One still is.
        """
        await self._until(lambda: not self._connections, within)

    async def start(self) -> None:
        """Listen; :meth:`open` is the form that also stops."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._serve, self._opened, self._closed), "127.0.0.1", self._port
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and stop listening; :meth:`start` takes the same port again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.gather(*(connection.drop() for connection in list(self._connections)))
        await self._until(lambda: not self._connections, 5.0)

    def _opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, true: Callable[[], bool], within: float) -> None:
        async with asyncio.timeout(within):
            while not true():
                await self._changed.wait()

    async def _serve(self, exchange: Exchange) -> None:
        path = unquote(exchange.request.path.partition("?")[0])
        if path in self.shelf and exchange.request.method in ("GET", "HEAD"):
            return await self._hand_out(exchange, self.shelf[path])
        beside = self.dialect.beside(exchange.request)
        if beside is not None:
            return await deliver(exchange, beside, Delivery())
        try:
            asked = self.dialect.read(exchange.request)
        except LookupError:
            self.strays.append(exchange.request)
            return await deliver(
                exchange, self.dialect.refuse(Refused(status=404, message="No such route.")), Delivery()
            )
        except ValueError as error:
            self.received.append(Received(exchange.request, None, exchange))
            self._notify()
            refused = Refused(status=400, message=f"The request is malformed: {error}")
            return await deliver(exchange, self.dialect.refuse(refused), AT_ONCE)
        self.received.append(Received(exchange.request, asked, exchange))
        self._notify()
        turn = self._turns.popleft() if self._turns else self._always
        return await deliver(exchange, self._render(turn, asked), turn.delivery)

    async def _hand_out(self, exchange: Exchange, content: bytes) -> None:
        self.fetched.append(Received(exchange.request, None, exchange))
        self._notify()
        turn = self._turns.popleft() if self._turns else self._always
        if isinstance(turn.script, Refused):
            return await deliver(exchange, self.dialect.refuse(turn.script), turn.delivery)
        rendered = lay_out(exchange.request, content)
        bare = exchange.request.method == "HEAD"
        return await deliver(exchange, rendered, replace(turn.delivery, pieces=0) if bare else turn.delivery)

    def _render(self, turn: Turn, asked: Asked) -> Rendered:
        script = turn.script(asked) if callable(turn.script) else turn.script
        if script is None:
            script = improvise(asked, self.model)
        rendered = self.dialect.refuse(script) if isinstance(script, Refused) else self.dialect.say(script, asked)
        if turn.delivery.noisy and rendered.streamed:
            rendered = replace(
                rendered,
                pieces=tuple(map(self.dialect.disturb, rendered.pieces)),
                tail=self.dialect.disturb(rendered.tail) if rendered.tail else b"",
            )
        if turn.dies_after is not None and rendered.streamed:
            last = self.dialect.fail_midway(Refused(status=500), asked)
            rendered = replace(
                rendered, pieces=(*rendered.pieces[: turn.dies_after], *((last,) if last else ())), tail=b""
            )
        return rendered

"""HTTP with SSE (MCP 2024-11-05, "Transports"): answers come in a stream beside, and requests go where it says."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from urllib.parse import urljoin, urlsplit

from dinrail_core.errors import UpstreamError
from dinrail_mcp.channel import ChannelDispatcher
from dinrail_mcp.events import read_events
from dinrail_mcp.failures import HttpFailure, McpFailure, ServerGone
from dinrail_mcp.place import Changed, Place
from dinrail_sdk.upstream.transport import Outgoing, Reply

__all__ = ["SseDispatcher"]

_MOST_WORDS = 64 * 1024
_LONGEST_LIFE = 86_400.0


class SseDispatcher(ChannelDispatcher):
    """One session. Make one with :meth:`connect`."""

    def __init__(self, place: Place, changed: Changed) -> None:
        super().__init__(changed, place.limits)
        self._place = place
        self._requests = place.pool()
        self._stream = place.stream_pool()
        self._target: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, place: Place, changed: Changed) -> SseDispatcher:
        """Open the stream, and wait to be told where requests go.

        Raises:
            HttpFailure: The server is not there, or refuses.
            McpFailure: It does not speak this form of MCP.
        """
        dispatcher = cls(place, changed)
        try:
            async with asyncio.timeout(place.limits.timeout):
                await dispatcher._open()
        except BaseException as error:
            await dispatcher.close()
            if isinstance(error, TimeoutError):
                raise HttpFailure(504, "The server did not open a stream in time.") from None
            if isinstance(error, UpstreamError):
                raise HttpFailure(502, error.message.replace("upstream", "server")) from error
            raise
        return dispatcher

    async def send(self, message: bytes) -> None:
        """See :meth:`ChannelDispatcher.send`."""
        headers = (("accept", "application/json"), ("content-type", "application/json"))
        until = asyncio.get_running_loop().time() + self._place.limits.timeout
        try:
            reply = await self._requests.send(Outgoing("POST", self._target.result(), headers, message, until))
            try:
                text = await reply.whole(_MOST_WORDS)
            finally:
                reply.leave()
        except UpstreamError as error:
            raise HttpFailure(502, error.message.replace("upstream", "server")) from error
        if reply.status >= 300:
            words = text.decode("utf-8", "replace").strip()[:2_000]
            raise HttpFailure(reply.status, f"The server answered {reply.status}{f': {words}' if words else '.'}")

    async def close(self) -> None:
        """Leave the stream, which is how this form ends a session."""
        await super().close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._target.cancel()
        await self._stream.close()
        await self._requests.close()

    async def _open(self) -> None:
        until = asyncio.get_running_loop().time() + _LONGEST_LIFE
        target = self._place.destination.target
        reply = await self._stream.send(Outgoing("GET", target, (("accept", "text/event-stream"),), None, until))
        if reply.status != 200 or b"event-stream" not in reply.headers.get(b"content-type", b""):
            reply.leave()
            raise HttpFailure(reply.status, f"The server answered {reply.status} where a stream was asked for.")
        self._reading = asyncio.ensure_future(self._read(reply))
        await self._target

    async def _read(self, reply: Reply) -> None:
        why: McpFailure = ServerGone("The server has closed the stream of its answers.")
        longest = max(self._place.limits.listing, self._place.limits.result)
        try:
            async with aclosing(read_events(reply, longest=longest)) as events:
                async for name, data in events:
                    if name == "endpoint" and not self._target.done():
                        self._target.set_result(self._endpoint(data))
                    elif name == "message":
                        self.heard(data)
        except McpFailure as error:
            why = error
        except UpstreamError as error:
            why = ServerGone(error.message.replace("upstream", "server"))
        finally:
            reply.leave()
            if not self._target.done():
                self._target.set_exception(why)
            self.ended(why)

    def _endpoint(self, data: bytes) -> str:
        """Where requests go: at the same server, or nowhere."""
        url = self._place.destination.url
        try:
            here, there = urlsplit(url), urlsplit(urljoin(url, data.decode("ascii")))
        except ValueError:
            raise McpFailure("The server names an endpoint that is none.") from None
        target = (there.path or "/") + (f"?{there.query}" if there.query else "")
        if (here.scheme, here.netloc) != (there.scheme, there.netloc) or not target.isprintable() or " " in target:
            raise McpFailure("The server names an endpoint that is not its own.")
        return target

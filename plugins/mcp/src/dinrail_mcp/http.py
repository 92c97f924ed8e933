"""Streamable HTTP (MCP 2025-03-26 and later, "Transports"), as a dispatcher below the SDK's session.

The SDK's own transport keeps tasks and streams for each session, hides a server's status and words, logs what came,
and has no bound on an answer's size. Here a request is a function call: one POST, one answer, with a limit for each.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import anyio.abc
from mcp import MCPError
from mcp.shared.dispatcher import CallOptions, Dispatcher, OnNotify, OnNotifyIntercept, OnRequest
from mcp_types import REQUEST_TIMEOUT

from dinrail_core.errors import UpstreamError, UpstreamInvalid, UpstreamTimeout
from dinrail_mcp import messages
from dinrail_mcp.events import read_events
from dinrail_mcp.failures import HttpFailure, McpFailure, SessionLost
from dinrail_mcp.place import Changed, Place
from dinrail_sdk.upstream.transport import Outgoing, Reply

__all__ = ["HttpDispatcher"]

_SESSION = "mcp-session-id"
_VERSION = "mcp-protocol-version"
_JSON = (("accept", "application/json, text/event-stream"), ("content-type", "application/json"))
_NEGOTIATION = frozenset({"initialize", "server/discover"})
_MOST_WORDS = 64 * 1024
_FAREWELL = 2.0
_MOST_ANSWERS = 16
"""Requests of the server's own that are answered for one of ours."""


class HttpDispatcher(Dispatcher[Any]):
    """One session over streamable HTTP.

    Args:
        place: Where the server is.
        changed: Called when it says that its tools have changed.
    """

    def __init__(self, place: Place, changed: Changed) -> None:
        self._place = place
        self._pool = place.pool()
        self._changed = changed
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self._version: str | None = None
        self._target = place.destination.target

    async def run(
        self,
        on_request: OnRequest,
        on_notify: OnNotify,
        on_notify_intercept: OnNotifyIntercept | None = None,
        *,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Nothing comes but in answer to a request."""
        task_status.started()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            HttpFailure: The server is not there, or refuses.
            MCPError: It told of an error.
            McpFailure: It did not keep to the protocol, or sent too much.
            SessionLost: It does not know the session any more.
        """
        opts = opts or {}
        number = next(self._numbers)
        if method == "initialize":
            self._version = None
        limit = asyncio.timeout(opts.get("timeout", self._place.limits.timeout))
        try:
            async with limit:
                return await self._asked(method, messages.request(method, params, number), number, opts)
        except UpstreamTimeout as error:
            raise HttpFailure(504, error.message.replace("upstream", "server")) from error
        except UpstreamInvalid as error:
            raise McpFailure(error.message.replace("upstream", "server")) from error
        except UpstreamError as error:
            raise HttpFailure(502, error.message.replace("upstream", "server")) from error
        except TimeoutError:
            if not limit.expired():
                raise
            raise MCPError(REQUEST_TIMEOUT, "The server did not answer in time.") from None

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Tell the server something; whether it cares is its own business."""
        with suppress(UpstreamError, McpFailure):
            reply = await self._post(messages.request(method, params, None), opts or {})
            await self._read_off(reply)

    async def close(self) -> None:
        """End the session, and tell the server if it can be told quickly."""
        try:
            if self._session is not None:
                with suppress(UpstreamError, TimeoutError):
                    async with asyncio.timeout(_FAREWELL):
                        reply = await self._pool.send(self._outgoing("DELETE", None, ()))
                        await self._read_off(reply)
        finally:
            await self._pool.close()

    async def _asked(self, method: str, body: bytes, number: int, opts: CallOptions) -> dict[str, Any]:
        reply = await self._post(body, opts)
        try:
            if reply.status >= 300:
                raise await self._refusal(reply, method)
            if method == "initialize":
                self._session = _session_id(reply)
            kind = reply.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            most = self._place.largest(method)
            if kind == b"application/json":
                answer = messages.read(await reply.whole(most))
            elif kind == b"text/event-stream":
                answer = await self._found(reply, number, most)
            else:
                raise McpFailure(f"The server answered {reply.status} with {_shown(kind) or 'nothing'}.")
        finally:
            reply.leave()
        return messages.result_of(answer)

    async def _found(self, reply: Reply, number: int, most: int) -> dict[str, Any]:
        """The answer in a stream, in which other messages may come first."""
        answered = 0
        async with aclosing(read_events(reply, longest=most, most=most)) as events:
            async for name, data in events:
                if name != "message":
                    continue
                message = messages.read(data)
                if messages.told(message, number):
                    return message
                if message.get("method") == messages.LIST_CHANGED:
                    self._changed()
                elif "method" in message and "id" in message and answered < _MOST_ANSWERS:
                    answered += 1
                    await self._read_off(await self._post(messages.answer_to(message), {}))
        raise McpFailure("The server's answer ended before its result.")

    async def _post(self, body: bytes, opts: CallOptions) -> Reply:
        own = opts.get("headers") or {}
        # What the session stamps on its first request holds for all that follow without a stamp of their own.
        self._version = next((value for name, value in own.items() if name.lower() == _VERSION), self._version)
        headers = tuple(own.items())
        if self._version is not None and not any(name.lower() == _VERSION for name in own):
            headers = (*headers, (_VERSION, self._version))
        reply = await self._pool.send(self._outgoing("POST", body, (*_JSON, *headers)))
        moved = self._moved(reply)
        if moved is None:
            return reply
        await self._read_off(reply)
        self._target = moved
        return await self._pool.send(self._outgoing("POST", body, (*_JSON, *headers)))

    def _outgoing(self, method: str, body: bytes | None, headers: tuple[tuple[str, str], ...]) -> Outgoing:
        if self._session is not None:
            headers = (*headers, (_SESSION, self._session))
        until = asyncio.get_running_loop().time() + self._place.limits.timeout
        return Outgoing(method, self._target, headers, body, until)

    def _moved(self, reply: Reply) -> str | None:
        """The path that a redirect leads to, where it stays at the server; no other is followed."""
        location = reply.headers.get(b"location")
        if reply.status not in (307, 308) or location is None:
            return None
        url = self._place.destination.url
        here, there = urlsplit(url), urlsplit(urljoin(url, location.decode("latin-1")))
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            return None
        target = (there.path or "/") + (f"?{there.query}" if there.query else "")
        return target if target != self._target and target.isascii() and target.isprintable() else None

    async def _refusal(self, reply: Reply, method: str) -> Exception:
        """What a status that is no success means."""
        status, text = reply.status, b""
        with suppress(UpstreamError):
            text = await reply.whole(_MOST_WORDS)
        if status == 404 and self._session is not None:
            return SessionLost("The server does not know the session any more.")
        with suppress(McpFailure):
            error = messages.read(text).get("error")
            if isinstance(error, dict):
                return messages.error_of(error)
        if method in _NEGOTIATION and status in (400, 404, 405, 406, 415, 422, 501):
            return MCPError(messages.METHOD_NOT_FOUND, f"The server answered {status}.")
        words = text.decode("utf-8", "replace").strip()
        return HttpFailure(status, f"The server answered {status}{f': {words[:2_000]}' if words else '.'}")

    async def _read_off(self, reply: Reply) -> None:
        """Be done with an answer that says nothing."""
        try:
            if 200 <= reply.status < 300 and b"event-stream" not in reply.headers.get(b"content-type", b""):
                await reply.whole(_MOST_WORDS)
        finally:
            reply.leave()


def _session_id(reply: Reply) -> str | None:
    said = reply.headers.get(_SESSION.encode())
    if said is None:
        return None
    text = said.decode("latin-1")
    if not text or len(text) > 4_096 or not all("!" <= char <= "~" for char in text):
        raise McpFailure("The server's session id is not one that can be sent.")
    return text


def _shown(kind: bytes) -> str:
    return kind.decode("latin-1")[:100]

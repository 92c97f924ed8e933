"""WebSockets, for routes that talk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from aiohttp.http_websocket import WSCloseCode, WSMessage, WSMsgType
from aiohttp.web_ws import WebSocketResponse
from multidict import CIMultiDict

from dinrail_core.hooks.http import Socket, Talk
from dinrail_server.errors import BadHttp
from dinrail_server.exchange import HttpExchange
from dinrail_server.state import Phase

__all__ = ["talk"]

_HEARTBEAT = 30.0
"""Seconds between two signs of life."""

_LOOK = 1.0
"""Seconds between two looks whether the server stops."""

_AHEAD = 4
"""Messages that are read while an earlier one is answered; behind them the client waits."""


class _Socket(Socket):
    def __init__(self, exchange: HttpExchange, response: WebSocketResponse, talk: Talk) -> None:
        self._exchange = exchange
        self._response = response
        self._ends = time.monotonic() + talk.limit
        self._farewell = talk.farewell
        self._read: asyncio.Queue[WSMessage] = asyncio.Queue(_AHEAD)
        self.code = WSCloseCode.OK
        """Why the server closes."""

    async def read(self) -> None:
        """Read until the client closes, so that this is seen whatever is being sent."""
        while (message := await self._response.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await self._read.put(message)

    async def receive(self) -> str | None:
        while True:
            left = self._ends - time.monotonic()
            if left <= 0 and self._farewell:
                await self.send(self._farewell)
            if left <= 0 or self._exchange.server.phase is not Phase.READY:
                self.code = WSCloseCode.GOING_AWAY
                return None
            try:
                message = await asyncio.wait_for(self._read.get(), min(left, _LOOK))
            except TimeoutError:
                continue
            if message.type is WSMsgType.TEXT:
                text: str = message.data
                return text
            self.code = WSCloseCode.UNSUPPORTED_DATA
            return None

    async def send(self, text: str) -> None:
        self._exchange.sent += len(text)
        await self._response.send_str(text)


async def talk(exchange: HttpExchange, headers: CIMultiDict[str], result: Talk) -> int:
    """Shake hands, and let the route speak.

    Returns:
        The HTTP status.

    Raises:
        BadHttp: The client's handshake is none.
    """
    response = WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=exchange.largest, compress=False)
    if not response.can_prepare(exchange.request).ok:
        raise BadHttp("This is no handshake of a WebSocket.")
    headers.popall("content-type", None)
    response.headers.update(headers)
    await response.prepare(exchange.request)
    exchange.begun = exchange.talks = True
    exchange.end_with_connection()
    socket = _Socket(exchange, response, result)
    try:
        await _first(result.speak(socket), socket.read())
    except asyncio.CancelledError:
        await response.close(code=WSCloseCode.GOING_AWAY)
        raise
    except ConnectionError:
        return 101  # the client has gone, as it may at any moment
    await response.close(code=socket.code)
    return 101


async def _first(*works: Awaitable[None]) -> None:
    """Work beside each other until one has ended, and end the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()

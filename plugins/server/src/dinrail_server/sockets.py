"""WebSockets, for routes that talk."""

from __future__ import annotations

import asyncio
import time

from aiohttp.http_websocket import WSCloseCode, WSMsgType
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


class _Socket(Socket):
    def __init__(self, exchange: HttpExchange, response: WebSocketResponse, talk: Talk) -> None:
        self._exchange = exchange
        self._response = response
        self._ends = time.monotonic() + talk.limit
        self._farewell = talk.farewell

    async def receive(self) -> str | None:
        while True:
            left = self._ends - time.monotonic()
            if left <= 0 and self._farewell:
                await self.send(self._farewell)
            if left <= 0 or self._exchange.server.phase is not Phase.READY:
                await self._response.close(code=WSCloseCode.GOING_AWAY)
                return None
            try:
                message = await self._response.receive(min(left, _LOOK))
            except TimeoutError:
                continue
            if message.type is WSMsgType.TEXT:
                text: str = message.data
                return text
            if message.type is not WSMsgType.BINARY:
                return None
            await self._response.close(code=WSCloseCode.UNSUPPORTED_DATA)
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
    try:
        await result.speak(_Socket(exchange, response, result))
    except asyncio.CancelledError:
        await response.close(code=WSCloseCode.GOING_AWAY)
        raise
    except ConnectionError:
        return 101  # the client has gone, as it may at any moment
    await response.close()
    return 101

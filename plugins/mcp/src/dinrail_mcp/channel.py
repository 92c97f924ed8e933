"""Messages both ways over one channel: what stdio and the older HTTP with SSE have in common."""

from __future__ import annotations

import asyncio
import itertools
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import anyio.abc
from mcp import MCPError
from mcp.shared.dispatcher import CallOptions, Dispatcher, OnNotify, OnNotifyIntercept, OnRequest
from mcp_types import REQUEST_TIMEOUT

from dinrail_core.errors import UpstreamError
from dinrail_mcp import messages
from dinrail_mcp.failures import McpFailure, ServerGone
from dinrail_mcp.place import Changed, Limits

__all__ = ["ChannelDispatcher"]


class ChannelDispatcher(Dispatcher[Any]):
    """One session over a channel.

    Args:
        changed: Called when the server says that its tools have changed.
        limits: What the server is held to.
    """

    def __init__(self, changed: Changed, limits: Limits) -> None:
        self._changed = changed
        self._timeout = limits.timeout
        self._longest = self._allowed = max(limits.result, limits.listing)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self.gone: McpFailure | None = None
        """Why nothing comes any more."""
        self.spoken = False
        """Whether any message has come."""

    @abstractmethod
    async def send(self, message: bytes) -> None:
        """Write one message.

        Raises:
            McpFailure: It cannot be written.
        """

    async def run(
        self,
        on_request: OnRequest,
        on_notify: OnNotify,
        on_notify_intercept: OnNotifyIntercept | None = None,
        *,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """What comes is read from the moment on that the channel is open."""
        task_status.started()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            MCPError: The server told of an error.
            McpFailure: It is gone, or broke the protocol.
        """
        opts = opts or {}
        number = next(self._numbers)
        self._allowed += self._longest
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        limit = asyncio.timeout(opts.get("timeout", self._timeout))
        try:
            async with limit:
                if self.gone is not None:
                    raise self.gone
                await self.send(messages.request(method, params, number))
                return messages.result_of(await answer)
        except TimeoutError:
            if not limit.expired():
                raise
            self._give_up(number, opts)
            raise MCPError(REQUEST_TIMEOUT, "The server did not answer in time.") from None
        except asyncio.CancelledError:
            self._give_up(number, opts)
            raise
        finally:
            del self._waiting[number]
            answer.cancel()

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Tell the server something."""
        if self.gone is None:
            await self.send(messages.request(method, params, None))

    def heard(self, text: bytes) -> None:
        """Take a message in.

        Raises:
            McpFailure: It is none, or more has come than was ever asked for.
        """
        self._allowed -= len(text)
        if self._allowed < 0:
            raise McpFailure("The server sends more than it is asked for.")
        message = messages.read(text)
        self.spoken = True
        if "method" not in message:
            number = message.get("id")
            if isinstance(number, str) and number.isdecimal():
                number = int(number[:18])
            waiting = self._waiting.get(number) if isinstance(number, int) else None
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif message["method"] == messages.LIST_CHANGED:
            self._changed()
        elif "id" in message and len(self._answering) < _MOST_ANSWERS:
            self._in_background(messages.answer_to(message))

    def ended(self, why: McpFailure) -> None:
        """Nothing comes any more; whoever waits is told."""
        if self.gone is None:
            self.gone = why
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ServerGone(self.gone.message))
                waiting.exception()  # who waited may have left

    async def close(self) -> None:
        """End what is still being said."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _give_up(self, number: int, opts: CallOptions) -> None:
        if opts.get("cancel_on_abandon", True) and self.gone is None:
            self._in_background(messages.request("notifications/cancelled", {"requestId": number}, None))

    def _in_background(self, message: bytes) -> None:
        task = asyncio.ensure_future(self._said(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _said(self, message: bytes) -> None:
        with suppress(McpFailure, UpstreamError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                await self.send(message)


_MOST_ANSWERS = 16
"""Requests of a server's own that are answered at once; one that sends more of them is not kept to its word."""

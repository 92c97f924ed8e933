"""Providers that misuse what they are entrusted with, whatever their contract."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import aiohttp
from honest_provider import Honest
from wrong_provider import ALL, QUICK, caught_each

from dinrail_core.api.call import Call
from dinrail_core.errors import (
    DinrailError,
    UpstreamFailed,
)


@caught_each("secrets_hidden", ALL)
class ShowsTheKeyInErrors(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        error = super().refusal(status, headers, body)
        error.message += f" (sent: {self.headers(Call())})"
        return error


@caught_each("secrets_hidden", ALL)
class RepeatsWhatTheUpstreamSaysOfTheKey(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        error = super().refusal(status, headers, body)
        return type(error)(body.decode()) if status == 401 else error


@caught_each("secrets_hidden", ALL)
class LogsTheKey(Honest):
    def headers(self, call: Call) -> dict[str, str]:
        headers = super().headers(call)
        logging.getLogger("wrong").debug("sending %s", headers)
        return headers


@caught_each("secrets_hidden", ALL)
class ShowsTheKeyInItsRepr(Honest):
    def __repr__(self) -> str:
        return f"Honest(key={self.config.api_key.get_secret_value()!r})"


@caught_each("callers_key")
class IgnoresTheCallersKey(Honest):
    def headers(self, call: Call) -> dict[str, str]:
        return super().headers(Call())


@caught_each("callers_key")
class RemembersTheCallersKey(Honest):
    key: Any = None

    def headers(self, call: Call) -> dict[str, str]:
        self.key = call.upstream_key or self.key
        return super().headers(Call(upstream_key=self.key))


@caught_each("callers_key")
class SendsNoKey(Honest):
    def headers(self, call: Call) -> dict[str, str]:
        return super().headers(call) if call.upstream_key else {}


@caught_each("cancel", QUICK)
class WorksOnAfterCancelling(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        return await asyncio.shield(asyncio.ensure_future(super().send(method, path, payload, call)))

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        return await asyncio.shield(asyncio.ensure_future(super().begin(path, payload, call)))


@caught_each("cancel", QUICK)
class SwallowsCancelling(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        try:
            return await super().send(method, path, payload, call)
        except asyncio.CancelledError:
            raise UpstreamFailed("It was cancelled.") from None

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        try:
            return await super().begin(path, payload, call)
        except asyncio.CancelledError:
            raise UpstreamFailed("It was cancelled.") from None


@caught_each("cancel_at_once", QUICK)
class KeepsItsLockWhenCancelled(Honest):
    busy = False

    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        await self.enter()
        body = await super().send(method, path, payload, call)
        self.busy = False
        return body

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        await self.enter()
        response = await super().begin(path, payload, call)
        self.busy = False
        return response

    async def enter(self) -> None:
        async with asyncio.timeout(0.5):
            while self.busy:
                await asyncio.sleep(0.01)
        self.busy = True


@caught_each("closing", QUICK)
class LeavesConnectionsOpen(Honest):
    """Keeps connections alive, and its session is closed by nobody."""

    abandons_session = True


@caught_each("closing", QUICK)
class LeavesATaskBehind(Honest):
    tasks: list[asyncio.Task[None]]

    async def opening(self) -> None:
        self.tasks = [asyncio.create_task(asyncio.sleep(3600))]


@caught_each("loop_stays_free", ALL)
class SleepsOnTheLoop(Honest):
    async def fetch(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        time.sleep(0.09)
        return await super().fetch(method, path, payload, call)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        time.sleep(0.09)
        return await super().begin(path, payload, call)


@caught_each("loop_stays_free", QUICK)
class ComputesOnTheLoop(Honest):
    async def fetch(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        _compute(0.09)
        return await super().fetch(method, path, payload, call)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        _compute(0.09)
        return await super().begin(path, payload, call)


def _compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))

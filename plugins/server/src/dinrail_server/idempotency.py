"""Requests with an ``Idempotency-Key``: carried out once, and answered as often as they are sent."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.idempotency import Claim, IdempotencyKeys, Kept
from dinrail_core.errors import Conflict, InvalidRequest, RequestError, Unavailable, UnsupportedFeature
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Reply, Route, Talk
from dinrail_server.digests import Digest
from dinrail_server.exchange import HttpExchange

__all__ = ["HEADER", "Idempotency", "InProgress"]

HEADER = "Idempotency-Key"

Result: TypeAlias = Answer[Any] | Stream[Any] | Reply | Talk

_REPLAYED = {"idempotent-replayed": "true"}
_LONGEST = 255
_LOG = logging.getLogger("dinrail.server")


class InProgress(Conflict):
    """The request with the same key is under way; a good moment to ask again is soon."""

    retry_after = 1.0


class Idempotency:
    """Requests that carry a key; of no cost to any other.

    Args:
        rail: What is on the rail.
    """

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self._beside: set[asyncio.Task[None]] = set()

    async def answer(self, exchange: HttpExchange, route: Route, key: str) -> Result:
        """Let the handler work, or give the answer that the key had.

        Args:
            exchange: The request.
            route: An operation that creates something.
            key: What its header says.

        Raises:
            InvalidRequest: It is no key.
            InProgress: The first request with the key has not been answered yet.
            KeyReused: The first request with the key was another one.
            UnsupportedFeature: Nothing is installed that keeps keys; to ignore one would be worse.
        """
        if not 1 <= len(key) <= _LONGEST or not key.isprintable() or not key.isascii():
            raise InvalidRequest(f"An idempotency key has 1 to {_LONGEST} printable ASCII characters.", param=HEADER)
        if not self._rail.provides(IdempotencyKeys):
            raise UnsupportedFeature(f"This server keeps no idempotency keys; send no {HEADER}.", param=HEADER)
        if route.form is not None and exchange.has_form:
            return await self._answer_form(exchange, route, key)
        body = await exchange.read()
        keys = await self._rail.service(IdempotencyKeys)
        claim = await _claim(keys, key, _fingerprint(exchange, body), exchange)
        return _replayed(claim) if isinstance(claim, Kept) else await self._carry_out(exchange, route, keys, claim)

    async def _answer_form(self, exchange: HttpExchange, route: Route, key: str) -> Result:
        """The same where the body may be larger than memory, so that what it was is known when it has been read."""
        keys = await self._rail.service(IdempotencyKeys)
        exchange.digest = Digest(_operation(exchange))
        claim = await _claim(keys, key, None, exchange)
        if not isinstance(claim, Kept):
            return await self._carry_out(exchange, route, keys, claim)
        async for part in exchange.parts():
            async for _ in part.content:
                pass
        again = await _claim(keys, key, exchange.digest.value(), exchange)
        if isinstance(again, Kept):
            return _replayed(again)
        await keys.release(again, begun=False)
        raise InProgress("The answer to this idempotency key has just expired; send the request again.")

    async def close(self) -> None:
        """Wait for what is being done beside requests."""
        if self._beside:
            await asyncio.wait(self._beside)

    async def _carry_out(self, exchange: HttpExchange, route: Route, keys: IdempotencyKeys, claim: Claim) -> Result:
        exchange.call = claim.call
        if exchange.digest is not None:
            exchange.digest.then = lambda fingerprint: _identify(keys, claim, fingerprint)
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        renewal = loop.call_later(keys.renewal, lambda: self._begin(_renew(keys, claim, done)))
        try:
            result = await route.handler(exchange)
            kept = _to_keep(route, result)
            if exchange.digest is not None and not exchange.digest.complete:
                raise TypeError(f"{route.method} {route.path} has made something of a form that it has not read.")
        except RequestError:
            # Nothing was made by this try, so that the request may be mended and sent again with its key.
            await keys.release(claim, begun=False)
            raise
        except BaseException:
            self._begin(keys.release(claim, begun=True))  # the client may have left, and this task be cancelled
            raise
        finally:
            renewal.cancel()
            done.set()
        try:
            await keys.keep(claim, kept)
        except Unavailable as error:
            # It has been carried out, and that is what the client must know; another try would find what was made.
            _LOG.warning("request %s: its answer could not be kept: %s", exchange.call.request_id, error)
        return result

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Unavailable as error:
        _LOG.warning("an idempotency key could not be updated: %s", error)


async def _renew(keys: IdempotencyKeys, claim: Claim, done: asyncio.Event) -> None:
    while not done.is_set():
        await keys.renew(claim)
        with suppress(TimeoutError):
            async with asyncio.timeout(keys.renewal):
                await done.wait()


def _to_keep(route: Route, result: object) -> Kept:
    if isinstance(result, Answer):
        return Kept(200, result.body, "application/json")
    if isinstance(result, Reply) and isinstance(result.body, bytes):
        return Kept(result.status, result.body, result.content_type)
    raise TypeError(f"{route.method} {route.path} creates, but its answer is no whole one: {type(result).__name__}.")


async def _claim(keys: IdempotencyKeys, key: str, fingerprint: bytes | None, exchange: HttpExchange) -> Claim | Kept:
    with _in_progress():
        return await keys.claim(key, fingerprint, exchange.call)


async def _identify(keys: IdempotencyKeys, claim: Claim, fingerprint: bytes) -> None:
    with _in_progress():
        await keys.identify(claim, fingerprint)


@contextmanager
def _in_progress() -> Iterator[None]:
    try:
        yield
    except Conflict as error:
        raise InProgress(error.message, code=error.code) from error


def _replayed(answer: Kept) -> Reply:
    return Reply(answer.body, answer.status, answer.content_type, _REPLAYED)


def _operation(exchange: HttpExchange) -> bytes:
    return f"{exchange.request.method} {exchange.request.raw_path}\n".encode("utf-8", "surrogateescape")


def _fingerprint(exchange: HttpExchange, body: bytes) -> bytes:
    """What makes a request the same one: the operation with its parameters, and the body byte by byte."""
    return hashlib.sha256(_operation(exchange) + body).digest()

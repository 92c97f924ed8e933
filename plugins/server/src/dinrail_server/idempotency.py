"""Requests with an ``Idempotency-Key``: carried out once, and answered as often as they are sent."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.idempotency import Claim, IdempotencyKeys, Kept, Made
from dinrail_core.errors import Conflict, InvalidRequest, NotFound, RequestError, Unavailable, UnsupportedFeature
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Replay, Reply, Route, Talk
from dinrail_server.claims import Held
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
            route: An operation that takes keys.
            key: What its header says.

        Raises:
            InvalidRequest: It is no key.
            InProgress: The first request with the key has not been answered yet.
            KeyReused: The first request with the key was another one.
            NotFound: What the first request with the key has made, and what its answer told of, has been deleted.
            UnsupportedFeature: Nothing is installed that keeps keys; to ignore one would be worse.
        """
        if route.replay is not None and not await route.replay.wanted(exchange):
            return await route.handler(exchange)
        if not 1 <= len(key) <= _LONGEST or not key.isprintable() or not key.isascii():
            raise InvalidRequest(f"An idempotency key has 1 to {_LONGEST} printable ASCII characters.", param=HEADER)
        if not self._rail.provides(IdempotencyKeys):
            raise UnsupportedFeature(f"This server keeps no idempotency keys; send no {HEADER}.", param=HEADER)
        if route.form is not None and exchange.has_form:
            return await self._answer_form(exchange, route, key)
        body = await exchange.read()
        keys = await self._rail.service(IdempotencyKeys)
        claim = await _claim(keys, key, _fingerprint(exchange, body), exchange)
        if isinstance(claim, Kept):
            return _replayed(claim, exchange)
        if route.replay is None:
            assert isinstance(claim, Claim), "an operation that keeps its answers has kept none"
            return await self._carry_out(exchange, route, Held(keys, claim, self._begin))
        return await self._tell_or_carry_out(exchange, route, route.replay, keys, claim)

    async def _answer_form(self, exchange: HttpExchange, route: Route, key: str) -> Result:
        """The same where the body may be larger than memory, so that what it was is known when it has been read."""
        keys = await self._rail.service(IdempotencyKeys)
        exchange.digest = Digest(_operation(exchange))
        claim = await _claim(keys, key, None, exchange)
        if isinstance(claim, Claim):
            held = Held(keys, claim, self._begin)
            exchange.digest.then = lambda fingerprint: _identify(keys, claim, fingerprint)
            return await self._carry_out(exchange, route, held)
        async for part in exchange.parts():
            async for _ in part.content:
                pass
        again = await _claim(keys, key, exchange.digest.value(), exchange)
        if isinstance(again, Kept):
            return _replayed(again, exchange)
        if isinstance(again, Claim):
            await keys.release(again, begun=False)
        raise InProgress("The answer to this idempotency key has just expired; send the request again.")

    async def deleted(self, exchange: HttpExchange) -> None:
        """See to it that no kept answer tells of what the request has just deleted."""
        if not self._rail.provides(IdempotencyKeys):
            return
        try:
            await (await self._rail.service(IdempotencyKeys)).forget(exchange.request.path, exchange.call)
        except Unavailable as error:  # what the client asked for has been done; the answer stays for its time
            _LOG.warning("request %s: kept answers could not be forgotten: %s", exchange.call.request_id, error)

    async def close(self) -> None:
        """Wait for what is being done beside requests."""
        if self._beside:
            await asyncio.wait(self._beside)

    async def _tell_or_carry_out(
        self, exchange: HttpExchange, route: Route, replay: Replay, keys: IdempotencyKeys, claim: Claim | Made
    ) -> Result:
        """Answer out of what an earlier try has made, where one has made anything."""
        exchange.call = claim.call
        if isinstance(claim, Made):
            told = await replay.tell(exchange, True)
            if told is None:
                raise NotFound("What the request with this idempotency key has made was deleted.")
            return _again(told, exchange)
        held = Held(keys, claim, self._begin)
        if not claim.again:
            return await self._carry_out(exchange, route, held)
        async with held.until_settled():
            told = await replay.tell(exchange, False)
            if told is not None:
                await held.keep(None)
                return _again(told, exchange)
            return await self._carry_out(exchange, route, held)

    async def _carry_out(self, exchange: HttpExchange, route: Route, held: Held) -> Result:
        exchange.call = held.claim.call
        async with held.until_settled():
            result = await route.handler(exchange)
            if isinstance(result, Stream) and route.replay is not None:
                return held.watched(result, lambda: _is_made(exchange, route))
            kept = _to_keep(route, result, exchange.request.path)
            if exchange.digest is not None and not exchange.digest.complete:
                raise TypeError(f"{route.method} {route.path} has made something of a form that it has not read.")
            await held.keep(kept)
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


def _to_keep(route: Route, result: object, path: str) -> Kept | None:
    if isinstance(result, Answer):
        return Kept(200, result.body, "application/json", path) if route.replay is None else None
    if isinstance(result, Reply) and isinstance(result.body, bytes):
        return Kept(result.status, result.body, result.content_type, path)
    raise TypeError(f"{route.method} {route.path} creates, but its answer is no whole one: {type(result).__name__}.")


async def _is_made(exchange: HttpExchange, route: Route) -> bool:
    """Whether a stream that has ended has left behind what it was to make; one may have failed."""
    assert route.replay is not None
    try:
        told = await route.replay.tell(exchange, True)
    except RequestError:
        return True  # it was there, and somebody has been quick to delete it
    if isinstance(told, Stream):
        await told.aclose()
    return told is not None


async def _claim(
    keys: IdempotencyKeys, key: str, fingerprint: bytes | None, exchange: HttpExchange
) -> Claim | Kept | Made:
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


def _replayed(answer: Kept, exchange: HttpExchange) -> Reply:
    exchange.replayed = True
    return Reply(answer.body, answer.status, answer.content_type, _REPLAYED)


def _again(told: Answer[Any] | Stream[Any], exchange: HttpExchange) -> Result:
    exchange.replayed = True
    told.headers = {**told.headers, **_REPLAYED}
    return told


def _operation(exchange: HttpExchange) -> bytes:
    return f"{exchange.request.method} {exchange.request.raw_path}\n".encode("utf-8", "surrogateescape")


def _fingerprint(exchange: HttpExchange, body: bytes) -> bytes:
    """What makes a request the same one: the operation with its parameters, and the body byte by byte."""
    return hashlib.sha256(_operation(exchange) + body).digest()

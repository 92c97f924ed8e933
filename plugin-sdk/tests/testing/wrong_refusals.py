"""Providers that tell wrongly of an upstream that refuses or fails, whatever their contract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from honest_provider import Honest
from pydantic import BaseModel
from wrong_provider import ALL, QUICK, STREAMING, WHOLE, caught_each

from dinrail_core.api.call import Call
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
    UpstreamUnavailable,
)


@caught_each("rate_limit")
class LosesRetryAfter(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return super().refusal(status, {}, body)


@caught_each("rate_limit")
class TurnsRateLimitIntoFailure(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return UpstreamFailed("It failed.") if status == 429 else super().refusal(status, headers, body)


@caught_each("bad_request")
class TurnsBadRequestIntoFailure(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return super().refusal(500 if status == 400 else status, headers, body)


@caught_each("bad_request")
class LosesTheUpstreamsReason(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return InvalidRequest("Bad request.") if status == 400 else super().refusal(status, headers, body)


@caught_each("context_length")
class TakesLongInputForAnyBadRequest(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        error = super().refusal(status, headers, body)
        return InvalidRequest(error.message) if status == 400 else error


@caught_each("refused_credentials", ALL)
class BlamesTheCallerForOurKey(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return Unauthenticated("No.") if status == 401 else super().refusal(status, headers, body)


@caught_each("refused_credentials", ALL)
class TakesForbiddenForBadRequest(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return super().refusal(400 if status == 403 else status, headers, body)


@caught_each("missing_model")
class TurnsMissingModelIntoBadRequest(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return super().refusal(400 if status == 404 else status, headers, body)


@caught_each("failure", ALL)
class ParsesErrorsBeforeTheStatus(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        json.loads(body)
        return super().refusal(status, headers, body)


@caught_each("failure", ALL)
class CallsEveryFailureAnOverload(Honest):
    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        return UpstreamUnavailable("Overloaded.") if status >= 500 else super().refusal(status, headers, body)


class _Retries(Honest):
    tries = 6

    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        body: bytes = await self.persist(super().send, method, path, payload, call)
        return body

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self.persist(super().begin, path, payload, call)
        return response

    async def persist(self, work: Any, *arguments: Any) -> Any:
        for left in reversed(range(self.tries)):
            try:
                return await work(*arguments)
            except (UpstreamUnavailable, InvalidRequest, RateLimited) as error:
                if not left or not self.again(error):
                    raise
        raise AssertionError

    def again(self, error: DinrailError) -> bool:
        return isinstance(error, UpstreamUnavailable)


@caught_each("overload", ALL)
@caught_each("no_answer", ALL)
class NeverGivesUp(_Retries):
    pass


@caught_each("rate_limit")
class HammersWhenAskedToWait(_Retries):
    def again(self, error: DinrailError) -> bool:
        return isinstance(error, RateLimited)


@caught_each("bad_request")
class RepeatsWhatIsWrong(_Retries):
    def again(self, error: DinrailError) -> bool:
        return isinstance(error, InvalidRequest)


@caught_each("unreachable", ALL)
class LetsClientErrorsOut(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        async with self.session.request(
            method, self.config.base_url + path, json=payload, headers=self.headers(call)
        ) as response:
            return await response.read()

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        return await self.session.post(self.config.base_url + path, json=payload, headers=self.headers(call))


@caught_each("recovers", ALL)
class NeverForgivesAFailure(Honest):
    failed: Exception | None = None

    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        body: bytes = await self.once(super().send(method, path, payload, call))
        return body

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self.once(super().begin(path, payload, call))
        return response

    async def once(self, work: Any) -> Any:
        if self.failed is not None:
            work.close()
            raise self.failed
        try:
            return await work
        except DinrailError as error:
            self.failed = error
            raise


@caught_each("opens_without_upstream", ALL)
class ConnectsWhileOpening(Honest):
    async def opening(self) -> None:
        await self.models()


@caught_each("deadline", QUICK)
class IgnoresTheDeadline(Honest):
    def patience(self, call: Call) -> float | None:
        return None


@caught_each("deadline", QUICK)
class TakesSilenceForAFailure(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        try:
            async with asyncio.timeout(0.2):
                return await super().send(method, path, payload, call)
        except TimeoutError:
            raise UpstreamFailed("It failed.") from None

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(0.2):
                return await super().begin(path, payload, call)
        except TimeoutError:
            raise UpstreamFailed("It failed.") from None


@caught_each("garbage", ALL)
class LetsParserErrorsOut(Honest):
    def parse(self, body: bytes) -> Any:
        return json.loads(body)


@caught_each("bad_utf8", ALL)
class PapersOverBadBytes(Honest):
    def parse(self, body: bytes) -> Any:
        return super().parse(body.decode(errors="replace").encode())


class _Builds(Honest):
    """Builds values itself, without asking whether they fit."""

    async def reads(self, response: aiohttp.ClientResponse, payload: dict[str, Any], call: Call) -> Any:
        async for read in super().reads(response, payload, call):
            for choice in json.loads(read[6:])["choices"]:
                choice["index"]
            yield read

    def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        for name in ("choices", "data", "results"):
            for item in data.get(name, ()):
                item.keys()
        return data


@caught_each("wrong_types", WHOLE + STREAMING)
class TripsOverWrongTypes(_Builds):
    async def whole(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Any:
        data = self.parse(await self.fetch("POST", path, self.payload(request), call))
        return self.answer(wire, self.edit_answer(data, {}))

    async def models(self) -> Any:
        data = self.parse(await self.fetch("GET", "/models", None, Call()))
        return [self.model(entry) for entry in data["data"]]


@caught_each("broken_off", tuple(operation for operation in WHOLE if operation.asks))
class TakesHalfAnAnswerForAWhole(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        try:
            return await super().send(method, path, payload, call)
        except DinrailError:
            return self.remembered

    remembered = b'{"id": "x", "created": 1, "model": "m", "choices": [], "data": [], "results": []}'

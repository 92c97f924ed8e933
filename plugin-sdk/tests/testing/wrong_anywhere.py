"""Providers with a fault that any contract can have."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import aiohttp
from honest_provider import Honest, HonestConfig
from pydantic import BaseModel
from wrong_provider import ALL, STREAMING, WHOLE, caught_each

from dinrail_core.api.call import Call
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
    UpstreamUnavailable,
)
from dinrail_sdk.testing.operations import COMPLETE, COMPLETE_TEXT, EMBED, STREAM

QUICK = (COMPLETE, STREAM, EMBED)
"""Faults whose cases wait for seconds are tried with these only."""


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
            async with asyncio.timeout(0.3):
                return await super().send(method, path, payload, call)
        except TimeoutError:
            raise UpstreamFailed("It failed.") from None

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(0.3):
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


@caught_each("torn_apart", (COMPLETE, COMPLETE_TEXT))
class DecodesReadByRead(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        async with self.session.request(
            method, self.config.base_url + path, json=payload, headers=self.headers(call)
        ) as response:
            return "".join([read.decode(errors="ignore") async for read in response.content.iter_any()]).encode()


@caught_each("torn_apart", WHOLE)
class TakesTheFirstReadForAll(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        async with self.session.request(
            method, self.config.base_url + path, json=payload, headers=self.headers(call)
        ) as response:
            return await response.content.readany()


@caught_each("request_untouched")
class WritesToTheRequest(Honest):
    def payload(self, request: Any) -> dict[str, Any]:
        payload = super().payload(request)
        (request.model_extra or {}).get("x_kit", {"list": []})["list"].append(2)
        return payload


@caught_each("request_untouched")
class SetsAFieldOfTheRequest(Honest):
    def payload(self, request: Any) -> dict[str, Any]:
        request.__dict__["model"] = f"{request.model}-latest"
        return super().payload(request)


@caught_each("unknown_request_fields")
class LosesUnknownRequestFields(Honest):
    def payload(self, request: Any) -> dict[str, Any]:
        return dict(json.loads(request.model_dump_json(include=set(type(request).model_fields))))


@caught_each("unknown_answer_fields")
class LosesUnknownAnswerFields(Honest):
    def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in data.items() if not key.startswith("x_")}

    def edit_event(self, event: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.edit_answer(event, payload)]


@caught_each("model_name")
class ShortensModelNames(Honest):
    def payload(self, request: Any) -> dict[str, Any]:
        payload = super().payload(request)
        return payload | {"model": payload["model"].rpartition("/")[2]}


@caught_each("model_name")
class LowersModelNames(Honest):
    def payload(self, request: Any) -> dict[str, Any]:
        payload = super().payload(request)
        return payload | {"model": payload["model"].lower()}


@caught_each("concurrent_calls")
class KeepsTheRequestOnItself(Honest):
    current: Any = None

    def payload(self, request: Any) -> dict[str, Any]:
        self.current = super().payload(request)
        return dict(self.current)

    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        await asyncio.sleep(0.001)
        sent = {key: value for key, value in self.current.items() if key not in ("stream", "stream_options")}
        return await super().send(method, path, sent if payload is not None else None, call)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        await asyncio.sleep(0.001)
        return await super().begin(path, self.current | {"stream": True}, call)


@caught_each("repeatable")
class WearsOut(Honest):
    """Answers well once, and then with less and less."""

    count = 0

    def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        return data if self.count == 1 else self.worn(data)

    def edit_event(self, event: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
        ended = any(choice["finish_reason"] for choice in event["choices"])
        return [self.edit_answer(event, payload) if ended else event]

    def worn(self, data: dict[str, Any]) -> dict[str, Any]:
        if "choices" in data:
            return data | {"choices": [choice | {"finish_reason": "length"} for choice in data["choices"]]}
        return data | {name: data[name][:-1] for name in ("data", "results") if name in data}


@caught_each("upstream_asked_once")
class LooksAtModelsEachTime(Honest):
    async def fetch(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        if method == "POST":
            await super().fetch("GET", "/models", None, call)
        return await super().fetch(method, path, payload, call)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        await super().fetch("GET", "/models", None, call)
        return await super().begin(path, payload, call)


@caught_each("upstream_asked_once")
class ChecksHealthEachTime(Honest):
    async def fetch(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        await self.look()
        return await super().fetch(method, path, payload, call)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        await self.look()
        return await super().begin(path, payload, call)

    async def look(self) -> None:
        async with self.session.get(self.config.base_url + "/health") as response:
            await response.read()


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


@caught_each("cancel")
class WorksOnAfterCancelling(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        return await asyncio.shield(asyncio.ensure_future(super().send(method, path, payload, call)))

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        return await asyncio.shield(asyncio.ensure_future(super().begin(path, payload, call)))


@caught_each("cancel")
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


@caught_each("cancel_at_once")
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


@caught_each("closing", ALL)
class LeavesConnectionsOpen(Honest):
    """Keeps connections alive, and its session is closed by nobody."""

    abandons_session = True


@caught_each("closing", ALL)
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


@caught_each("loop_stays_free", ALL)
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


class TolerantConfig(HonestConfig, extra="ignore"):
    pass


@caught_each("declaration", ALL)
class TakesUnknownKeys(Honest):
    configuration = TolerantConfig


@caught_each("declaration", ALL)
class DeclaresNothing(Honest):
    declared: frozenset[type] = frozenset()


@caught_each("slow_answer", ALL)
class IsImpatient(Honest):
    def patience(self, call: Call) -> float | None:
        return 0.03

    async def reads(self, response: aiohttp.ClientResponse, payload: dict[str, Any], call: Call) -> Any:
        async with asyncio.timeout(0.03):
            async for read in super().reads(response, payload, call):
                yield read


@caught_each("odd_content_type", tuple(operation for operation in WHOLE if operation.asks))
class InsistsOnTheMediaType(Honest):
    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        async with self.session.request(
            method, self.config.base_url + path, json=payload, headers=self.headers(call)
        ) as response:
            return json.dumps(await response.json()).encode()


@caught_each("answer")
class AnswersWithoutAsking(Honest):
    def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        for choice in data.get("choices", ()):
            choice.get("message", choice)["text" if "text" in choice else "content"] = "As a language model I cannot."
        if "data" in data:
            data["data"] = data["data"][:1]
        if "results" in data:
            data["results"] = data["results"][:1]
        return data

    def edit_event(self, event: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
        for choice in event["choices"]:
            choice.update({"text": "?"} if "text" in choice else {"delta": {"content": "?"}} if choice["delta"] else {})
        return [event]

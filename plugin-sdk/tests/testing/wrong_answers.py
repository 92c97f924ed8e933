"""Providers that get requests or answers wrong, whatever their contract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from honest_provider import Honest, HonestConfig
from wrong_provider import ALL, WHOLE, caught_each

from dinrail_core.api.call import Call
from dinrail_sdk.testing.operations import COMPLETE, COMPLETE_TEXT


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

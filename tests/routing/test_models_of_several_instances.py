"""One name for models of several instances, with real HTTP on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from dinrail_sdk.testing import OPENAI, FakeUpstream, serve
from dinrail_sdk.testing.delivery import AT_ONCE, Delivery, Gate
from dinrail_sdk.testing.script import Refused

HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def one() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


@pytest.fixture
async def two() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


def config(one: FakeUpstream, two: FakeUpstream, limits: dict[str, Any] | None = None, **models: Any) -> dict[str, Any]:
    providers: dict[str, Any] = {
        name: {"type": "openai-compatible", "base_url": upstream.url, "max_retries": 0, "models": ["kit-model"]}
        for name, upstream in (("one", one), ("two", two))
    }
    if limits is not None:
        providers["one"]["limits"] = limits
    return {"providers": providers, "models": models}


@pytest.mark.parametrize(
    "refused",
    [
        Refused(status=500),
        Refused(status=429, retry_after=1),
        Refused(status=400, code="context_length_exceeded", message="This model's maximum context length is 10."),
    ],
    ids=["error", "rate limit", "context length"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_another_model_answers_where_the_first_does_not(
    one: FakeUpstream, two: FakeUpstream, refused: Refused, stream: bool
) -> None:
    one.says(refused)
    fast = {"targets": ["one/kit-model"], "fallback": ["two/kit-model"], "defaults": {"temperature": 0.25}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, fast=fast)) as served:
        async with served.openai() as client:
            answer = await client.chat.completions.with_raw_response.create(model="fast", messages=HELLO, stream=stream)
            assert answer.headers["x-dinrail-instance"] == "two"
            await answer.http_response.aread()
        async with served.openai() as client:
            assert "fast" in [model.id async for model in client.models.list()]
    assert len(one.received) == len(two.received) == 1
    assert two.received[0].request.json["temperature"] == 0.25


async def test_what_is_wrong_with_the_request_is_told_by_the_first(one: FakeUpstream, two: FakeUpstream) -> None:
    one.says(Refused(status=400, param="temperature", message="Too hot."))
    fast = {"targets": ["one/kit-model"], "fallback": ["two/kit-model"]}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, fast=fast)}
    async with serve(**options) as served, served.openai() as client:
        with pytest.raises(openai.BadRequestError, match="Too hot"):
            await client.chat.completions.create(model="fast", messages=HELLO)
    assert two.received == []


async def test_a_busy_instance_makes_others_wait_and_says_so_in_the_end(one: FakeUpstream, two: FakeUpstream) -> None:
    gate = Gate()
    one.says(None, Delivery(gate=gate))
    limits = {"concurrency": 2, "wait": 0.2}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, limits)}
    async with serve(**options) as served, served.openai() as client:
        held = [
            asyncio.create_task(client.chat.completions.create(model="one/kit-model", messages=HELLO)) for _ in range(2)
        ]
        await one.arrival(2)
        with pytest.raises(openai.InternalServerError, match="'one' is busy") as caught:
            await client.chat.completions.create(model="one/kit-model", messages=HELLO)
        assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "1")
        await client.chat.completions.create(model="two/kit-model", messages=HELLO)
        one.says(None, AT_ONCE)
        gate.open(1000)
        await asyncio.gather(*held)
        await client.chat.completions.create(model="one/kit-model", messages=HELLO)
    assert len(one.received) == 3

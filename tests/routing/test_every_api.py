"""What is configured for a model holds for every API by which it may be asked, with real HTTP on both sides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dinrail_core.api.api_keys import ApiKeys, CreateApiKey
from dinrail_core.api.call import Call
from dinrail_sdk.testing import OPENAI, FakeUpstream, delivery, open_rail, serve
from dinrail_sdk.testing.script import Refused

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("routing-every-api")]

CHAT: Any = {"messages": [{"role": "user", "content": "Hello"}]}
PLUGINS = ("openai-compatible", "access", "database", "responses")
APIS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": ("chat/completions", "fast", CHAT),
    "chat, streamed": ("chat/completions", "fast", {**CHAT, "stream": True}),
    "completion": ("completions", "fast", {"prompt": "Hello"}),
    "completion, streamed": ("completions", "fast", {"prompt": "Hello", "stream": True}),
    "embeddings": ("embeddings", "fast", {"input": "a"}),
    "rerank": ("rerank", "fast", {"query": "a", "documents": ["a", "b"]}),
    "moderation": ("moderations", "fast", {"input": "a"}),
    "response": ("responses", "fast", {"input": "Hello", "store": False}),
    "response, streamed": ("responses", "fast", {"input": "Hello", "store": False, "stream": True}),
    "native response": ("responses", "native", {"input": "Hello", "store": False}),
    "native response, streamed": ("responses", "native", {"input": "Hello", "store": False, "stream": True}),
}
"""Path, model and request of every API."""
FAILURES: dict[str, Callable[[FakeUpstream], Awaitable[None] | None]] = {
    "an error": lambda one: one.says(Refused(status=500)),
    "bad credentials": lambda one: one.says(Refused(status=401)),
    "a timeout": lambda one: one.says(None, delivery.stalled()),
    "a rate limit": lambda one: one.says(Refused(status=429, retry_after=30)),
    "context length": lambda one: one.says(Refused(status=400, code="context_length_exceeded", message="Too long.")),
    "no such model": lambda one: one.says(Refused(status=404, code="model_not_found", message="No such model.")),
    "no answer": lambda one: one.says(None, delivery.reset()),
    "garbage": lambda one: one.says(None, delivery.garbage()),
    "nobody": lambda one: one.stop(),
}


@dataclass(frozen=True)
class Rail:
    """A server before two instances, each of them twice: asked for chats, and for responses natively."""

    client: httpx.AsyncClient
    one: FakeUpstream
    two: FakeUpstream

    async def ask(self, api: str, model: str | None = None, **headers: str) -> httpx.Response:
        path, name, request = APIS[api]
        model = name if model is None else f"{'native-' if name == 'native' else ''}{model}"
        return await self.client.post(path, json={"model": model, **request}, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rail]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(FakeUpstream.open(OPENAI))
        two = await stack.enter_async_context(FakeUpstream.open(OPENAI))
        providers: dict[str, Any] = {}
        for name, upstream in (("one", one), ("two", two)):
            plain = {"type": "openai-compatible", "base_url": upstream.url, "max_retries": 0, "models": ["kit-model"]}
            plain |= {"idle_timeout": 0.3}
            providers |= {name: plain, f"native-{name}": {**plain, "responses": "whole"}}
        limited = {**providers["one"], "limits": {"failures": 1, "pause": 0.3, "models": ["kit-*"]}}
        providers |= {"limited": limited, "native-limited": {**limited, "responses": "whole"}}
        price = {"input": 1.0, "output": 2.0}
        settings = {"fallback_on": ["error", "timeout", "rate_limit", "context_length"], "timeout": 0.3, "price": price}
        models = {
            "fast": {"targets": ["one/kit-model"], "fallback": ["two/kit-model"], **settings},
            "native": {"targets": ["native-one/kit-model"], "fallback": ["native-two/kit-model"], **settings},
        }
        config = {
            "data_dir": str(tmp_path_factory.mktemp("routing")),
            "providers": providers,
            "models": models,
            "services": {"access": {"upstream_keys": True}},
        }
        async with open_rail(config=config, plugins=PLUGINS) as opened:
            key = (await (await opened.service(ApiKeys)).create(CreateApiKey(tenant="acme"), Call())).value
        served = await stack.enter_async_context(serve(config=config, plugins=PLUGINS))
        client = httpx.AsyncClient(
            base_url=f"{served.origin}/v1/", timeout=10, headers={"authorization": f"Bearer {key}"}
        )
        yield Rail(await stack.enter_async_context(client), one, two)


@pytest_asyncio.fixture(loop_scope="module")
async def rail(started: Rail) -> AsyncIterator[Rail]:
    for upstream in (started.one, started.two):
        upstream.received.clear()
        upstream.says()
    yield started


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("api", APIS)
async def test_another_model_answers(api: str, failure: str, rail: Rail) -> None:
    failed = FAILURES[failure](rail.one)
    if failed is not None:
        await failed
    answer = await rail.ask(api)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-dinrail-instance"].endswith("two"), answer.text
    assert answer.headers["x-dinrail-model"].endswith("two/kit-model")
    assert "error" not in answer.text.replace('"error":null', "")
    assert len(rail.two.received) == 1
    assert rail.two.received[0].request.json["model"] == "kit-model"
    if failure == "nobody":
        await rail.one.start()


BEGUN = [api for api in APIS if api.endswith("streamed")]


@pytest.mark.parametrize("ending", [delivery.cut(2), delivery.stalled(2)], ids=["breaks off", "falls silent"])
@pytest.mark.parametrize("api", BEGUN)
async def test_a_stream_that_has_begun_fails_where_it_is(api: str, ending: delivery.Delivery, rail: Rail) -> None:
    rail.one.says(None, ending)
    answer = await rail.ask(api)
    assert answer.status_code == 200
    assert "error" in answer.text
    assert rail.two.received == []


@pytest.mark.parametrize("api", APIS)
async def test_a_wrong_request_is_told_so_by_the_first(api: str, rail: Rail) -> None:
    rail.one.says(Refused(status=400, param="user", message="No such user."))
    answer = await rail.ask(api)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "No such user.")
    assert rail.two.received == []


@pytest.mark.parametrize("api", APIS)
async def test_a_callers_own_key_is_shown_to_the_first_and_to_no_other(api: str, rail: Rail) -> None:
    rail.one.says(Refused(status=500))
    answer = await rail.ask(api, **{"x-dinrail-upstream-key": "sk-mine"})
    assert answer.status_code == 502, answer.text
    assert rail.one.credentials == "sk-mine"
    assert rail.two.received == []


@pytest.mark.parametrize("api", APIS)
async def test_an_instance_that_fails_is_left_alone_until_it_is_tried_again(api: str, rail: Rail) -> None:
    rail.one.says(Refused(status=500))
    assert (await rail.ask(api, "limited/kit-model")).status_code == 502
    rail.one.says()
    left_alone = await rail.ask(api, "limited/kit-model")
    assert (left_alone.status_code, left_alone.headers["retry-after"]) == (503, "1")
    assert len(rail.one.received) == 1
    async with asyncio.timeout(5):
        while (answer := await rail.ask(api, "limited/kit-model")).status_code == 503:
            await asyncio.sleep(0.02)
    assert answer.status_code == 200
    assert (await rail.ask(api, "limited/other")).status_code == 404


@pytest.mark.parametrize("api", APIS)
async def test_what_an_answer_took_and_cost_is_counted(api: str, rail: Rail) -> None:
    before = await _counted(rail)
    answer = await rail.ask(api)
    assert answer.status_code == 200
    after = await _counted(rail)
    model = answer.headers["x-dinrail-model"]
    spent = {
        kind: after.get((kind, model), 0.0) - before.get((kind, model), 0.0) for kind in ("input", "output", "cost")
    }
    assert spent["input"] > 0
    assert spent["cost"] == pytest.approx((spent["input"] * 1.0 + spent["output"] * 2.0) / 1e6)


async def _counted(rail: Rail) -> dict[tuple[str, str], float]:
    """Tokens and cost by model."""
    found: dict[tuple[str, str], float] = {}
    for line in (await rail.client.get(f"{rail.client.base_url.copy_with(path='/metrics')}")).text.splitlines():
        if match := re.match(r"dinrail_(tokens|cost)_total\{(.*)\} (\S+)", line):
            labels: dict[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            assert labels["key"], "what was asked with a key is counted for it"
            kind = labels["direction"] if match[1] == "tokens" else "cost"
            found[kind, labels["model"]] = found.get((kind, labels["model"]), 0.0) + float(match[3])
    return found

"""Spreading load, asking again, giving up and leaving alone, with real HTTP on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from dinrail_core.errors import ConfigurationError
from dinrail_sdk.testing import OPENAI, FakeUpstream, ListedModel, Listing, Served, Turn, delivery, serve
from dinrail_sdk.testing.delivery import Delivery, Gate
from dinrail_sdk.testing.script import Asked, Refused, Script, improvise

HELLO: Any = [{"role": "user", "content": "Hello"}]
ONE, TWO = "one/kit-model", "two/kit-model"


@pytest.fixture
async def one() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


@pytest.fixture
async def two() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


def config(one: FakeUpstream, two: FakeUpstream, **more: Any) -> dict[str, Any]:
    """Two instances whose lists nobody asks for; ``more`` is ``models``, ``aliases``, ``limits`` (of the first)."""
    providers: dict[str, Any] = {
        name: {
            "type": "openai-compatible",
            "base_url": upstream.url,
            "max_retries": 0,
            "models": ["kit-model", "other"],
        }
        for name, upstream in (("one", one), ("two", two))
    }
    if "limits" in more:
        providers["one"]["limits"] = more.pop("limits")
    return {"providers": providers, **more}


async def ask(served: Served, model: str, **more: Any) -> tuple[str, str]:
    """Who has answered, as the headers tell it."""
    async with served.openai() as client:
        request: Any = {"model": model, "messages": HELLO, **more}
        answer = await client.chat.completions.with_raw_response.create(**request)
        await answer.http_response.aread()
        return answer.headers["x-dinrail-instance"], answer.headers["x-dinrail-model"]


@pytest.mark.parametrize("stream", [False, True])
async def test_another_answers_where_the_first_takes_too_long(
    one: FakeUpstream, two: FakeUpstream, stream: bool
) -> None:
    one.says(None, delivery.stalled())
    models = {"fast": {"targets": [ONE], "fallback": [TWO], "timeout": 0.2}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        assert await ask(served, "fast", stream=stream) == ("two", TWO)
        await one.quiet()


@pytest.mark.parametrize("ending", [delivery.stalled(0), delivery.cut(0)], ids=["stalls", "breaks off"])
async def test_another_answers_where_a_stream_was_accepted_and_nothing_came(
    one: FakeUpstream, two: FakeUpstream, ending: Delivery
) -> None:
    one.says(None, ending)
    models = {"fast": {"targets": [ONE], "fallback": [TWO], "timeout": 0.3}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        assert await ask(served, "fast", stream=True) == ("two", TWO)
        await one.quiet()
    assert len(one.received) == 1


async def test_a_stream_that_has_begun_stays_where_it_is(one: FakeUpstream, two: FakeUpstream) -> None:
    one.says(None, delivery.cut(2))
    models = {"fast": {"targets": [ONE], "fallback": [TWO]}}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, models=models)}
    async with serve(**options) as served, served.openai() as client:
        stream = await client.chat.completions.create(model="fast", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
    assert two.received == []


async def test_what_is_not_named_is_no_reason_to_ask_another(one: FakeUpstream, two: FakeUpstream) -> None:
    one.says(Refused(status=500))
    models = {"fast": {"targets": [ONE], "fallback": [TWO], "fallback_on": ["timeout", "rate_limit"]}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        with pytest.raises(openai.InternalServerError):
            await ask(served, "fast")
        one.says(Refused(status=429))
        assert await ask(served, "fast") == ("two", TWO)


async def test_load_is_spread_by_weight(one: FakeUpstream, two: FakeUpstream) -> None:
    models = {"fast": {"targets": [ONE, {"model": TWO, "weight": 3}]}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        asked = [(await ask(served, "fast"))[0] for _ in range(8)]
    assert (asked.count("one"), asked.count("two")) == (2, 6)


async def test_the_least_busy_is_asked_while_a_stream_is_under_way(one: FakeUpstream, two: FakeUpstream) -> None:
    gate = Gate()
    gate.open(1)
    one.says(None, Delivery(gate=gate))
    models = {"fast": {"targets": [ONE, TWO], "balance": "least-busy"}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        held = asyncio.create_task(ask(served, "fast", stream=True))
        await one.arrival()
        assert [(await ask(served, "fast"))[0] for _ in range(3)] == ["two"] * 3
        gate.open(1000)
        assert (await held)[0] == "one"


async def test_a_model_is_asked_again_before_the_next_one_is(one: FakeUpstream, two: FakeUpstream) -> None:
    one.then(Turn(script=Refused(status=503)))
    models = {"fast": {"targets": [ONE], "fallback": [TWO], "retries": 1}}
    async with serve(plugins=["openai-compatible"], config=config(one, two, models=models)) as served:
        assert await ask(served, "fast") == ("one", ONE)
    assert (len(one.received), len(two.received)) == (2, 0)


async def test_an_instance_that_fails_in_a_row_is_left_alone_and_others_take_over(
    one: FakeUpstream, two: FakeUpstream
) -> None:
    one.says(Refused(status=500))
    models = {"fast": {"targets": [ONE], "fallback": [TWO]}}
    limits = {"failures": 2, "pause": 60}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, models=models, limits=limits)}
    async with serve(**options) as served:
        for _ in range(2):
            with pytest.raises(openai.InternalServerError, match="says no"):
                await ask(served, ONE)
        with pytest.raises(openai.InternalServerError, match="failed 2 times in a row") as caught:
            await ask(served, ONE)
        assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "60")
        assert await ask(served, "fast") == ("two", TWO)
    assert len(one.received) == 2


async def test_a_busy_instance_is_passed_over(one: FakeUpstream, two: FakeUpstream) -> None:
    gate = Gate()
    one.says(None, Delivery(gate=gate))
    models = {"fast": {"targets": [ONE], "fallback": [TWO]}}
    limits = {"concurrency": 1, "wait": 0.1}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, models=models, limits=limits)}
    async with serve(**options) as served:
        held = asyncio.create_task(ask(served, ONE))
        await one.arrival()
        assert await ask(served, "fast") == ("two", TWO)
        gate.open(1000)
        assert await held == ("one", ONE)


async def test_models_that_are_not_allowed_do_not_exist(one: FakeUpstream, two: FakeUpstream) -> None:
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, limits={"models": ["kit-*"]})}
    async with serve(**options) as served, served.openai() as client:
        with pytest.raises(openai.NotFoundError, match="'one/other' does not exist"):
            await ask(served, "one/other")
        listed = [model.id async for model in client.models.list()]
        assert ("one/other" in listed, "two/other" in listed) == (False, True)
        assert await ask(served, ONE) == ("one", ONE)
        assert await ask(served, "other") == ("two", "two/other")


async def test_a_name_that_several_have_a_dead_one_and_none_are_told_apart(
    one: FakeUpstream, two: FakeUpstream
) -> None:
    def listing(asked: Asked) -> Script:
        return (
            Listing(models=(ListedModel(id="kit-model"),)) if asked.api == "models" else improvise(asked, "kit-model")
        )

    await one.stop()
    two.says(listing)
    settings = config(one, two, aliases={"gone": "two/nothing-of-that-name", "nice": TWO})
    async with serve(plugins=["openai-compatible"], config=settings) as served:
        with pytest.raises(openai.NotFoundError, match=r"one/kit-model.*two/kit-model") as several:
            await ask(served, "kit-model")
        assert (several.value.code, several.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.InternalServerError, match="cannot be reached") as dead:
            await ask(served, ONE)
        assert (dead.value.status_code, dead.value.code) == (503, "upstream_unavailable")
        with pytest.raises(openai.NotFoundError, match="'nobody/kit-model' does not exist") as missing:
            await ask(served, "nobody/kit-model")
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        assert await ask(served, "nice") == ("two", TWO)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"aliases": {"a": "b", "b": "c", "c": "a"}}, "aliases.a"),
        ({"models": {"a": {"targets": ["b"]}, "b": {"fallback": ["a"], "targets": [ONE]}}}, "models.a"),
        ({"aliases": {"b": "a"}, "models": {"a": {"targets": ["b"]}}}, "models.a"),
    ],
    ids=["aliases", "models", "both"],
)
async def test_a_circle_stops_the_start_and_is_named(
    one: FakeUpstream, two: FakeUpstream, settings: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match="leads back to itself") as caught:
        async with serve(plugins=["openai-compatible"], config=config(one, two, **settings)):
            pass
    assert key in str(caught.value)


async def test_embeddings_are_routed_as_chats_are(one: FakeUpstream, two: FakeUpstream) -> None:
    one.says(Refused(status=500))
    models = {"vectors": {"targets": [ONE], "fallback": [TWO], "defaults": {"dimensions": 16, "temperature": 1}}}
    options: Any = {"plugins": ["openai-compatible"], "config": config(one, two, models=models)}
    async with serve(**options) as served, served.openai() as client:
        answer = await client.embeddings.with_raw_response.create(model="vectors", input="a")
        assert answer.headers["x-dinrail-model"] == TWO
        assert len(answer.parse().data[0].embedding) == 16
    assert "temperature" not in two.received[0].request.json

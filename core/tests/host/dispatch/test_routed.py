"""One name for several models."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.errors import (
    ConfigurationError,
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    UpstreamFailed,
    UpstreamTimeout,
)
from dinrail_core.hooks import Target
from dinrail_core.host.dispatch import routed as routed_module
from dinrail_core.host.dispatch.routed import INSTANCE, MODEL, RoutedModel, routed_models

CALL = Call()


class Rig:
    """Models that answer, or fail as the test says.

    Attributes:
        asked: The models that were asked, in order.
        requests: What they were asked.
        errors: What a model raises.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.requests: list[Any] = []
        self.errors: dict[str, DinrailError] = {}
        self.hanging: set[str] = set()
        self.missing: set[str] = set()

    async def find(self, model: str) -> Target[Any]:
        if model in self.missing:
            raise ModelNotFound(f"no {model}")
        instance, _, name = model.partition("/")
        return Target(_Provider(self, model), name, instance)

    async def ask(self, model: RoutedModel, request: Any | None = None, call: Call = CALL, method: str = "say") -> Any:
        return await model.ask(self.find, method, request or chat(), call)


class _Provider:
    def __init__(self, rig: Rig, model: str) -> None:
        self.rig = rig
        self.model = model

    async def say(self, request: Any, call: Call) -> Answer[ChatCompletion]:
        self.rig.asked.append(self.model)
        self.rig.requests.append(request)
        if self.model in self.rig.hanging:
            await asyncio.Event().wait()
        if self.model in self.rig.errors:
            raise self.rig.errors[self.model]
        return Answer(ChatCompletion, body=b"{}", headers={"x-request-id": "up"})

    async def stream(self, request: Any, call: Call) -> Stream[ChatCompletion]:
        self.rig.asked.append(self.model)
        return Stream(ChatCompletion, reads=_nothing())


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


@pytest.fixture
def rig() -> Rig:
    return Rig()


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "fast", "messages": [{"role": "user", "content": "Hi"}], **fields})


def routed(name: str = "fast", **settings: Any) -> RoutedModel:
    return routed_models({name: settings}, {})[name]


async def test_the_instance_that_answers_is_told_and_asked_by_its_own_name(rig: Rig) -> None:
    answer = await rig.ask(routed(targets=["gpu0/org/qwen"]))
    assert dict(answer.headers) == {"x-request-id": "up", INSTANCE: "gpu0", MODEL: "gpu0/org/qwen"}
    assert rig.requests[0].model == "org/qwen"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UpstreamFailed("x"), "error"),
        (UpstreamTimeout("x"), "timeout"),
        (RateLimited("x"), "rate_limit"),
        (ContextLengthExceeded("x"), "context_length"),
    ],
)
async def test_another_model_is_asked_for_the_failures_that_are_named(rig: Rig, error: DinrailError, kind: str) -> None:
    rig.errors["a/m"] = error
    named = routed(targets=["a/m"], fallback=["b/m"], fallback_on=[kind])
    assert (await rig.ask(named)).headers[INSTANCE] == "b"
    others = sorted({"error", "timeout", "rate_limit", "context_length"} - {kind})
    with pytest.raises(type(error)):
        await rig.ask(routed(targets=["a/m"], fallback=["b/m"], fallback_on=others))
    assert rig.asked == ["a/m", "b/m", "a/m"]


async def test_a_request_that_is_wrong_is_wrong_for_everybody(rig: Rig) -> None:
    rig.errors["a/m"] = InvalidRequest("no", param="temperature")
    with pytest.raises(InvalidRequest):
        await rig.ask(routed(targets=["a/m"], fallback=["b/m"]))
    assert rig.asked == ["a/m"]


async def test_where_none_answers_the_first_one_says_why(rig: Rig) -> None:
    rig.errors = {"a/m": RateLimited("slow down", retry_after=7), "b/m": UpstreamFailed("x")}
    rig.missing = {"c/m"}
    with pytest.raises(RateLimited) as caught:
        await rig.ask(routed(targets=["a/m"], fallback=["b/m", "c/m"]))
    assert caught.value.retry_after == 7


async def test_a_model_that_is_not_there_is_passed_over(rig: Rig) -> None:
    rig.missing = {"a/m"}
    assert (await rig.ask(routed(targets=["a/m", "b/m"]))).headers[INSTANCE] == "b"


async def test_a_model_that_fails_is_asked_again_as_often_as_it_is_said(rig: Rig) -> None:
    rig.errors["a/m"] = UpstreamFailed("x")
    await rig.ask(routed(targets=["a/m"], fallback=["b/m"], retries=2))
    assert rig.asked == ["a/m"] * 3 + ["b/m"]
    rig.asked.clear()
    rig.errors["a/m"] = RateLimited("x")
    await rig.ask(routed(targets=["a/m"], fallback=["b/m"], retries=2))
    assert rig.asked == ["a/m", "b/m"]


async def test_one_that_does_not_answer_in_time_is_given_up(rig: Rig) -> None:
    rig.hanging = {"a/m"}
    assert (await rig.ask(routed(targets=["a/m"], fallback=["b/m"], timeout=0.02))).headers[INSTANCE] == "b"
    with pytest.raises(UpstreamTimeout, match=r"within 0\.02 s"):
        await rig.ask(routed(targets=["a/m"], timeout=0.02))


async def test_nobody_is_asked_when_nobody_waits_any_more(rig: Rig) -> None:
    rig.errors["a/m"] = UpstreamFailed("x")
    with pytest.raises(UpstreamFailed):
        await rig.ask(routed(targets=["a/m"], fallback=["b/m"], retries=3), call=Call(deadline=1.0))
    assert rig.asked == ["a/m"]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_the_load_is_spread_by_weight(weights: list[int]) -> None:
    rig = Rig()
    model = routed(targets=[{"model": f"i{number}/m", "weight": weight} for number, weight in enumerate(weights)])

    async def ask() -> None:
        for _ in range(3 * sum(weights)):
            await rig.ask(model)

    asyncio.run(ask())
    assert Counter(rig.asked) == {f"i{number}/m": 3 * weight for number, weight in enumerate(weights)}


async def test_the_least_busy_is_asked_and_a_stream_keeps_it_busy(rig: Rig) -> None:
    model = routed(targets=["a/m", "b/m"], balance="least-busy")
    streams = [await rig.ask(model, method="stream") for _ in range(4)]
    assert Counter(rig.asked) == {"a/m": 2, "b/m": 2}
    for stream, asked in zip(streams, list(rig.asked), strict=True):
        if asked == "b/m":
            await stream.aclose()
    rig.asked.clear()
    for _ in range(3):
        await rig.ask(model)
    assert set(rig.asked) == {"b/m"}
    for stream in streams:
        await stream.aclose()


async def test_a_call_that_its_client_gave_up_keeps_nobody_busy(rig: Rig) -> None:
    model = routed(targets=["a/m", "b/m"], balance="least-busy")
    rig.hanging = {"a/m"}
    call = asyncio.create_task(rig.ask(model))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    rig.hanging.clear()
    await rig.ask(model)
    assert rig.asked == ["a/m", "a/m"]


async def test_what_has_failed_again_and_again_is_asked_behind_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(routed_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    model = routed(targets=["a/m", "b/m"])
    rig.errors["a/m"] = UpstreamFailed("x")
    for _ in range(6):
        await rig.ask(model)
    rig.asked.clear()
    for _ in range(4):
        await rig.ask(model)
    assert rig.asked == ["b/m"] * 4
    rig.errors["b/m"] = UpstreamFailed("x")
    with pytest.raises(UpstreamFailed):
        await rig.ask(model)
    assert set(rig.asked) == {"a/m", "b/m"}  # better an ill one than none
    rig.errors.clear()
    now[0] += 11
    rig.asked.clear()
    for _ in range(4):
        await rig.ask(model)
    assert Counter(rig.asked) == {"a/m": 2, "b/m": 2}


async def test_what_a_request_does_not_say_is_the_operators(rig: Rig) -> None:
    model = routed(targets=["a/m"], defaults={"temperature": 0.5, "top_k": 3, "reasoning_effort": "low"})
    await rig.ask(model, chat(temperature=1.5))
    assert rig.requests[0].model_dump() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 1.5,
        "top_k": 3,
        "reasoning_effort": "low",
    }
    await rig.ask(model, EmbeddingRequest.model_validate({"model": "fast", "input": "Hi"}))
    assert rig.requests[1].model_dump() == {"model": "m", "input": "Hi"}


async def test_a_callers_own_key_is_shown_to_one_instance_alone(rig: Rig) -> None:
    own = Call(upstream_key=SecretStr("sk-mine"))
    model = routed(targets=["a/x", "b/x"], fallback=["c/x", "a/y"])
    for _ in range(3):
        await rig.ask(model, call=own)
    rig.errors = {"a/x": UpstreamFailed("a fails"), "a/y": UpstreamFailed("so does y")}
    with pytest.raises(UpstreamFailed, match="a fails"):
        await rig.ask(model, call=own)
    assert rig.asked == ["a/x"] * 4 + ["a/y"]
    rig.missing = {"a/x"}
    with pytest.raises(ModelNotFound):
        await rig.ask(model, call=own)
    assert {name.partition("/")[0] for name in rig.asked} == {"a"}


async def test_a_default_that_does_not_fit_is_said(rig: Rig) -> None:
    """One that fits another API is an error of the request by this one: the operator has said it of all."""
    with pytest.raises(InvalidRequest) as caught:
        await rig.ask(routed(targets=["a/m"], defaults={"logprobs": 5}))
    assert caught.value.param == "logprobs"


def _models(**models: Mapping[str, Any]) -> Callable[[], object]:
    return lambda: routed_models(models, {"alias": "a"})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_models(a={"targets": ["b"]}, b={"targets": ["a"]}), r"models\.a.*leads back to itself through 'a'"),
        (_models(a={"targets": ["x/m"], "fallback": ["a"]}, b={}), None),
        (_models(a={"targets": ["alias"]}), r"models\.a.*through 'alias'"),
        (_models(alias={}), "is an alias too"),
        (_models(a={"targets": ["x/m", "x/m"]}), "twice"),
        (_models(a={"target": ["x/m"]}), r"models\.a\.target.*unknown key"),
        (_models(a={"targets": [{"model": "x/m", "weight": 0}]}), r"models\.a\.targets\.0\.weight.*greater than 0"),
        (_models(a={"targets": [{"model": "x/m", "wieght": 2}]}), r"targets\.0\.wieght.*did you mean 'weight'\?"),
        (_models(a={"targets": [{"weight": 2}]}), r"models\.a\.targets\.0\.model: missing"),
        (_models(a={"defaults": {"temperature": "hot"}}), r"models\.a\.defaults: temperature"),
        (_models(a={"defaults": {"reasoning_effort": "lots"}}), r"models\.a\.defaults: reasoning_effort"),
        (_models(a={"defaults": {"stream": True}}), r"models\.a\.defaults: stream is the caller's to say"),
        (_models(a={"defaults": {"logprobs": 5, "reasoning": {"effort": "low"}, "top_k": "of the model's"}}), None),
        (_models(a={"fallback_on": ["weather"]}), r"models\.a\.fallback_on"),
        (_models(a={"retries": 9}), r"models\.a\.retries"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(build: Callable[[], object], message: str | None) -> None:
    if message is None:
        build()
        return
    with pytest.raises(ConfigurationError, match=message):
        build()

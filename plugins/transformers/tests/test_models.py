"""Real models, tiny ones, made by ``conftest.py``: what they say is known because they have learned it by heart."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tiny_models import WEATHER

from dinrail_core.api.answers import frames
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.provider import State
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import (
    ContextLengthExceeded,
    InvalidRequest,
    ModelNotFound,
    Unavailable,
    UnsupportedFeature,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.testing import serve
from dinrail_sdk.testing.heard import hear_answer, hear_events
from dinrail_transformers.plugin import TransformersConfig
from dinrail_transformers.provider import Transformers

if find_spec("torch") is None:
    pytest.skip(
        "NO MODEL IS RUN: torch is not installed here; `make test-transformers` does it", allow_module_level=True
    )

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRANCE = "What is the capital of France?"
PARIS = "The capital of France is Paris. 🌍"
ENDLESS: Any = {"logit_bias": {"4": -100}, "max_tokens": 200}
"""The model's end is token 4; without it, it goes on."""


@asynccontextmanager
async def opened(models: dict[str, Any], **more: Any) -> AsyncIterator[Transformers]:
    config = TransformersConfig.model_validate({"models": models, "threads": 1, **more})
    async with Transformers.opened(config, "kit") as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(speaker: Path, embedder: Path) -> AsyncIterator[Transformers]:
    models = {"speaker": str(speaker), "embedder": {"source": str(embedder), "embedding": True, "batch_tokens": 64}}
    async with opened(models) as found:
        yield found


def ask(question: str = FRANCE, **more: Any) -> ChatRequest:
    messages = [{"role": "user", "content": question}]
    data = {"model": "speaker", "messages": messages, "temperature": 0, **more}
    return decode_request(ChatRequest, {name: value for name, value in data.items() if value is not None})


async def whole(provider: Transformers, request: ChatRequest) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await provider.complete(request, Call())).body)
    return answer


async def streamed(provider: Transformers, request: ChatRequest) -> list[dict[str, Any]]:
    async with aclosing(await provider.stream(request, Call())) as stream:
        return [json.loads(data) async for read in stream.reads() for data in frames(read)]


async def test_a_chat_is_answered_with_its_tokens_counted(provider: Transformers) -> None:
    answer = await whole(provider, ask())
    assert hear_answer(answer).first.text == PARIS
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    events = await streamed(provider, ask(stream_options={"include_usage": True}))
    heard = hear_events(events)
    assert (heard.first.text, heard.first.finish, heard.usage) == (PARIS, "stop", usage)
    assert len(events) > 10
    assert not any("\N{REPLACEMENT CHARACTER}" in json.dumps(event) for event in events)


async def test_tools_are_called_and_their_results_are_put_to_the_template(provider: Transformers) -> None:
    question = ask("What is the weather?", tools=[WEATHER])
    for heard in (hear_answer(await whole(provider, question)), hear_events(await streamed(provider, question))):
        calls = [(call.name, json.loads(call.arguments)) for _, call in sorted(heard.first.calls.items())]
        assert calls == [("weather", {"place": "Bern"}), ("weather", {"place": "Basel"})]
        assert (heard.first.text, heard.first.finish) == ("Let me look.\n", "tool_calls")
        assert len({call.id for call in heard.first.calls.values()}) == 2
    one = hear_answer(await whole(provider, ask("What is the weather?", tools=[WEATHER], parallel_tool_calls=False)))
    assert len(one.first.calls) == 1
    none = hear_answer(await whole(provider, ask("What is the weather?", tools=[WEATHER], tool_choice="none")))
    assert none.first.calls == {}
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
    ]
    assert await whole(provider, ask(messages=history, tools=[WEATHER], max_tokens=2))


async def test_a_call_that_is_cut_off_is_text_and_not_a_call(provider: Transformers) -> None:
    request = ask("What is the weather?", tools=[WEATHER], max_tokens=20)
    for heard in (hear_answer(await whole(provider, request)), hear_events(await streamed(provider, request))):
        assert heard.first.calls == {}
        assert heard.first.finish == "length"
        assert "<tool_call>" in heard.first.text


async def test_thoughts_stand_beside_the_answer(provider: Transformers) -> None:
    request = ask("What is six times seven?")
    for heard in (hear_answer(await whole(provider, request)), hear_events(await streamed(provider, request))):
        assert (heard.first.reasoning, heard.first.text) == ("Six sevens.", "42.")
    thinking: Any = {"chat_template_kwargs": {"enable_thinking": True}, "max_tokens": 3}
    begun = hear_answer(await whole(provider, ask("Count.", **thinking)))
    assert begun.first.text == ""
    assert begun.first.reasoning


async def test_an_answer_ends_where_it_is_told_to(provider: Transformers) -> None:
    ways: list[tuple[dict[str, Any], str, str]] = [
        ({"stop": "five"}, "one two three four ", "stop"),
        ({"stop": ["never", "ee fo"]}, "one two thr", "stop"),
        ({"max_tokens": 2}, "one", "length"),
        ({"max_completion_tokens": 2}, "one", "length"),
    ]
    for more, text, finish in ways:
        for heard in (
            hear_answer(await whole(provider, ask("Count.", **more))),
            hear_events(await streamed(provider, ask("Count.", **more))),
        ):
            assert (heard.first.text, heard.first.finish) == (text, finish), more


async def test_probabilities_are_told_for_every_token(provider: Transformers) -> None:
    request = ask(logprobs=True, top_logprobs=3)
    first, second = hear_answer(await whole(provider, request)), hear_events(await streamed(provider, request))
    assert first.first.odds == second.first.odds
    odds = first.first.odds
    assert len(odds) + 1 == (first.usage or {})["completion_tokens"]  # the end is a token, and none of the answer
    assert "".join(one.text for one in odds).startswith("The capital of France is Paris.")
    assert all(len(one.others) == 3 and one.logprob <= 0 for one in odds)
    assert all((one.text, one.logprob) in one.others for one in odds if "\N{REPLACEMENT CHARACTER}" not in one.text)
    bare = hear_answer(await whole(provider, ask(logprobs=True)))
    assert [one.others for one in bare.first.odds] == [()] * len(odds)


async def test_what_is_drawn_follows_the_seed_and_the_settings(provider: Transformers) -> None:
    hot: Any = {"temperature": 2, "logit_bias": {str(token): 12 for token in range(50, 90)}, "max_tokens": 12}

    async def said(**more: Any) -> str:
        return hear_answer(await whole(provider, ask(**{**hot, **more}))).first.text

    assert await said(seed=1) == await said(seed=1)
    assert len({await said(seed=seed) for seed in range(4)}) > 1
    assert len({await said() for _ in range(4)}) > 1
    assert len({await said(seed=seed, top_k=1) for seed in range(3)}) == 1
    assert len({await said(seed=seed, top_p=0) for seed in range(3)}) == 1
    assert len({await said(seed=seed, min_p=1) for seed in range(3)}) == 1
    three = hear_answer(await whole(provider, ask(**hot, n=3, seed=5)))
    assert sorted(three.choices) == [0, 1, 2]
    assert len({choice.text for choice in three.choices.values()}) > 1
    assert hear_events(await streamed(provider, ask(**hot, n=3, seed=5))).choices.keys() == three.choices.keys()


async def test_penalties_and_biases_change_what_is_said(provider: Transformers) -> None:
    plain = hear_answer(await whole(provider, ask("Count.", **ENDLESS))).first.text
    for name, value in (("frequency_penalty", 2), ("presence_penalty", 2), ("repetition_penalty", 9)):
        more: Any = {name: value, **ENDLESS}
        changed = hear_answer(await whole(provider, ask("Count.", **more))).first.text
        assert changed != plain, name


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"model": "gpt-4o"}, ModelNotFound, "model"),
        ({"model": "embedder"}, ModelNotFound, "model"),
        ({"messages": [{"role": "user", "content": "word " * 400}]}, ContextLengthExceeded, "messages"),
        ({"messages": [{"role": "assistant", "content": "I end."}]}, InvalidRequest, "messages"),
        ({"logit_bias": {"999999": 1}}, InvalidRequest, "logit_bias.999999"),
        ({"tool_choice": "required", "tools": [WEATHER]}, UnsupportedFeature, "tool_choice"),
    ],
)
async def test_what_does_not_work_is_refused_by_the_field(
    provider: Transformers, wrong: dict[str, Any], kind: type[InvalidRequest], param: str
) -> None:
    for method in (provider.complete, provider.stream):
        with pytest.raises(kind) as caught:
            await method(ask(**wrong), Call())
        assert caught.value.param == param
    assert hear_answer(await whole(provider, ask())).first.text == PARIS


async def test_an_answer_goes_as_far_as_the_context(speaker: Path) -> None:
    async with opened({"speaker": {"source": str(speaker), "context": 40}}) as provider:
        answer = await whole(provider, ask(**ENDLESS))
        assert answer["usage"]["total_tokens"] == 40
        assert answer["choices"][0]["finish_reason"] == "length"
        (model,) = await provider.models()
        assert model.context_length == 40


async def test_a_stream_that_is_left_stops_the_model(provider: Transformers) -> None:
    stream = await provider.stream(ask(**ENDLESS), Call())
    await anext(stream.reads())
    began = time.monotonic()
    await stream.aclose()
    await whole(provider, ask(max_tokens=1))
    left = time.monotonic() - began
    began = time.monotonic()
    await whole(provider, ask(**ENDLESS))
    assert left < (time.monotonic() - began) / 3


async def test_a_call_that_is_cancelled_stops_the_model(provider: Transformers) -> None:
    task = asyncio.ensure_future(provider.complete(ask(**ENDLESS), Call()))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hear_answer(await whole(provider, ask())).first.text == PARIS


async def test_time_that_is_up_is_told(provider: Transformers) -> None:
    for method in (provider.complete, provider.stream):
        with pytest.raises(UpstreamTimeout):
            await method(ask(**ENDLESS), Call(deadline=time.time() - 1))
    stream = await provider.stream(ask(**ENDLESS), Call(deadline=time.time() + 0.05))
    with pytest.raises(UpstreamTimeout):
        async for _ in stream.reads():
            pass


async def test_more_requests_than_may_wait_are_refused_for_now(speaker: Path) -> None:
    async with opened({"speaker": str(speaker)}, max_waiting=1) as provider:
        stream = await provider.stream(ask(**ENDLESS), Call())
        with pytest.raises(Unavailable) as caught:
            await provider.complete(ask(), Call())
        assert caught.value.retry_after is not None
        await stream.aclose()
        assert hear_answer(await whole(provider, ask())).first.text == PARIS


async def test_closing_ends_what_is_under_way(speaker: Path) -> None:
    async with opened({"speaker": str(speaker)}) as provider:
        task = asyncio.ensure_future(provider.complete(ask(**ENDLESS), Call()))
        waiting = asyncio.ensure_future(provider.complete(ask(), Call()))
        await asyncio.sleep(0.05)
    for one in (task, waiting):
        with pytest.raises(Unavailable):
            await one


async def test_a_model_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "of_tomorrow"}')
    async with opened({"m": str(tmp_path), "gone": "acme/none"}, offline=True) as provider:
        for name in ("m", "gone"):
            with pytest.raises(UpstreamUnavailable, match="could not be loaded"):
                await provider.complete(ask(model=name), Call())
        health = await provider.health()
        assert health.state is State.DEGRADED
        assert "m could not" in (health.reason or "")


async def test_a_model_without_a_template_answers_no_chats_until_it_is_given_one(tmp_path: Path, speaker: Path) -> None:
    for file in speaker.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    template = "<|user|>{{ messages[-1].content }}<|end|><|assistant|>"
    models: dict[str, Any] = {"bare": str(tmp_path), "given": {"source": str(tmp_path), "chat_template": template}}
    async with opened(models) as provider:
        with pytest.raises(UnsupportedFeature, match="no chat template"):
            await provider.complete(ask(model="bare"), Call())
        assert hear_answer(await whole(provider, ask(model="given"))).first.text == PARIS
        with pytest.raises(UnsupportedFeature) as caught:
            await provider.complete(ask(model="given", tools=[WEATHER]), Call())
        assert caught.value.param == "tools"


async def embed(provider: Transformers, texts: Any, **more: Any) -> list[list[float]]:
    data = {"model": "embedder", "input": texts, **more}
    answer = await provider.embed(decode_request(EmbeddingRequest, data), Call())
    return [item["embedding"] for item in json.loads(answer.body)["data"]]


async def test_vectors_have_the_length_1_and_as_many_dimensions_as_are_wanted(provider: Transformers) -> None:
    ways: list[tuple[int, dict[str, Any]]] = [(32, {}), (5, {"dimensions": 5})]
    for dimensions, more in ways:
        for vector in await embed(provider, ["A cat.", "A much longer text about a train to Zürich."], **more):
            assert len(vector) == dimensions
            assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


async def test_texts_are_embedded_alike_alone_and_in_batches(provider: Transformers) -> None:
    texts = [f"text {number} " * (number % 7 + 1) for number in range(30)]
    together = await embed(provider, texts)
    for place in (0, 6, 29):
        (alone,) = await embed(provider, texts[place])
        assert alone == pytest.approx(together[place], abs=1e-5)


async def test_pooling_and_length_are_as_configured(embedder: Path) -> None:
    models = {
        pooling: {"source": str(embedder), "embedding": True, "pooling": pooling, "normalize": False}
        for pooling in ("mean", "cls", "last")
    }
    async with opened(models) as provider:
        vectors = [(await embed(provider, ["One.", "A longer one."], model=name))[0] for name in models]
    assert len({tuple(vector) for vector in vectors}) == 3
    assert all(math.hypot(*vector) != pytest.approx(1, abs=1e-3) for vector in vectors)


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"input": [1, 2]}, UnsupportedFeature, "input"),
        ({"input": ["a", "word " * 200]}, ContextLengthExceeded, "input.1"),
        ({"input": "a" * 100_000}, ContextLengthExceeded, "input"),
        ({"input": "a", "dimensions": 33}, InvalidRequest, "dimensions"),
        ({"input": "a", "model": "speaker"}, ModelNotFound, "model"),
    ],
)
async def test_texts_that_cannot_be_embedded_are_refused(
    provider: Transformers, wrong: dict[str, Any], kind: type[InvalidRequest], param: str
) -> None:
    with pytest.raises(kind) as caught:
        await embed(provider, **{"texts": wrong.pop("input"), **wrong})
    assert caught.value.param == param


async def test_clients_are_answered_through_the_server(speaker: Path) -> None:
    config = {"providers": {"local": {"type": "transformers", "models": {"speaker": str(speaker)}, "threads": 1}}}
    async with serve(plugins=["transformers"], config=config) as served, served.openai() as client:
        question: Any = [{"role": "user", "content": FRANCE}]
        answer = await client.chat.completions.create(model="local/speaker", messages=question, temperature=0)
        assert answer.choices[0].message.content == PARIS
        stream = await client.chat.completions.create(model="speaker", messages=question, temperature=0, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == PARIS

"""OpenAI's packages against a started server and the models that it finds on the machine, offline.

Tested is the form of what a model of 135 million parameters says, and of the content only what it knows well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest
from openai import OpenAI
from pydantic import BaseModel

if TYPE_CHECKING:
    from conftest import Server

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.slow]

CAPITAL: Any = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME: Any = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Tells the time in a time zone.",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
OSLO: Any = [{"role": "user", "content": "What is the weather in Oslo?"}]


class City(BaseModel):
    """What an answer is parsed into."""

    name: str
    continent: Literal["Africa", "America", "Asia", "Europe"]
    inhabitants: int


@pytest.fixture(scope="module")
def model_for(server: Server) -> Callable[[str], str]:
    """The first model of this machine that fulfils a contract."""
    with OpenAI(base_url=server.url, api_key="none") as client:
        listed = [model for model in client.models.list() if not model.id.startswith("up/")]

    def find(contract: str) -> str:
        able = [model.id for model in listed if contract in (model.model_extra or {})["apis"]]
        assert able, f"No model of this machine is a {contract}; the environment lacks what `make install` installs."
        return able[0]

    return find


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture
def chat(model_for: Callable[[str], str]) -> str:
    return model_for("ChatModel")


def test_a_question_is_answered(client: OpenAI, chat: str) -> None:
    answer = client.chat.completions.create(model=chat, messages=CAPITAL, temperature=0, max_tokens=24)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI, chat: str) -> None:
    options: Any = {"model": chat, "messages": CAPITAL, "temperature": 0, "seed": 1, "max_tokens": 24}
    whole = client.chat.completions.create(**options)
    events = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    text = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
    assert text == whole.choices[0].message.content
    # Not compared in detail: how much of the prompt was still cached differs from one to the next.
    assert events[-1].usage is not None
    assert whole.usage is not None
    assert events[-1].usage.total_tokens == whole.usage.total_tokens
    assert len(events) > 3


def test_tokens_are_limited_and_their_odds_told(client: OpenAI, chat: str) -> None:
    answer = client.chat.completions.create(
        model=chat, messages=CAPITAL, temperature=0, max_tokens=3, logprobs=True, top_logprobs=2
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].logprobs is not None
    tokens = answer.choices[0].logprobs.content or []
    assert len(tokens) == 3
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)


def test_an_answer_is_parsed_into_a_class(client: OpenAI, chat: str) -> None:
    question: Any = [{"role": "user", "content": "Describe the city of Paris as JSON."}]
    answer = client.chat.completions.parse(
        model=chat, messages=question, response_format=City, temperature=0, max_tokens=120
    )
    assert isinstance(answer.choices[0].message.parsed, City)


def test_a_streamed_answer_is_parsed_into_a_class(client: OpenAI, chat: str) -> None:
    question: Any = [{"role": "user", "content": "Describe the city of Paris as JSON."}]
    with client.chat.completions.stream(
        model=chat, messages=question, response_format=City, temperature=0, max_tokens=120
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, City)


def test_a_required_tool_is_called_and_its_result_fed_back(client: OpenAI, chat: str) -> None:
    messages = [*OSLO]
    first = client.chat.completions.create(
        model=chat, messages=messages, tools=[WEATHER], tool_choice="required", temperature=0, max_tokens=60
    )
    made = first.choices[0].message.tool_calls or []
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.type for call in made] == ["function"]
    assert made[0].type == "function"
    assert made[0].function.name == "get_weather"
    assert json.loads(made[0].function.arguments)["city"].startswith("Oslo")
    messages += [
        first.choices[0].message,
        {"role": "tool", "tool_call_id": made[0].id, "content": "It is snowing, -3 degrees."},
    ]
    second = client.chat.completions.create(model=chat, messages=messages, temperature=0, max_tokens=12)
    assert second.choices[0].message.content


def test_a_named_tool_is_called_whatever_was_asked(client: OpenAI, chat: str) -> None:
    answer = client.chat.completions.create(
        model=chat,
        messages=OSLO,
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "get_time"}},
        temperature=0,
        max_tokens=60,
    )
    made = answer.choices[0].message.tool_calls or []
    assert made[0].type == "function"
    assert made[0].function.name == "get_time"
    assert isinstance(json.loads(made[0].function.arguments)["zone"], str)


def test_a_tool_may_be_called_in_a_stream(client: OpenAI, chat: str) -> None:
    with client.chat.completions.stream(
        model=chat, messages=OSLO, tools=[WEATHER], tool_choice="required", temperature=0, max_tokens=60
    ) as stream:
        made = stream.get_final_completion().choices[0].message.tool_calls or []
    assert [call.function.name for call in made] == ["get_weather"]
    assert json.loads(made[0].function.arguments)["city"].startswith("Oslo")


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_what_the_model_may_decide_is_text_or_a_valid_call(client: OpenAI, chat: str, choice: Any) -> None:
    answer = client.chat.completions.create(
        model=chat, messages=OSLO, tools=[WEATHER, TIME], tool_choice=choice, temperature=0, max_tokens=40
    )
    message = answer.choices[0].message
    assert message.content or message.tool_calls
    assert choice != "none" or not message.tool_calls
    for call in message.tool_calls or ():
        assert call.type == "function"
        needed = {"get_weather": "city", "get_time": "zone"}[call.function.name]
        assert isinstance(json.loads(call.function.arguments)[needed], str)


def test_a_text_is_completed(client: OpenAI, model_for: Callable[[str], str]) -> None:
    model = model_for("CompletionModel")
    answer = client.completions.create(model=model, prompt="The capital of France is", temperature=0, max_tokens=8)
    assert "Paris" in answer.choices[0].text


def test_embeddings_put_like_beside_like(client: OpenAI, model_for: Callable[[str], str]) -> None:
    model = model_for("Embedder")
    texts = ["The cat sits on the mat.", "A cat is sitting on a rug.", "Interest rates rose by half a percent."]
    packed = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    cat, kitten, money = [item.embedding for item in packed.data]
    assert math.hypot(*cat) == pytest.approx(1, abs=1e-3)
    assert likeness(cat, kitten) > likeness(cat, money) + 0.3
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert packed.usage.total_tokens > 0


def test_javascript_is_answered_too(run: Callable[..., Any], chat: str, model_for: Callable[[str], str]) -> None:
    assert run("chat", chat)["text"]
    assert run("stream", chat)["text"]
    came = run("embeddings", model_for("Embedder"))
    assert len(came["packed"]) == 2
    assert came["packed"][0] == pytest.approx(came["plain"][0], abs=1e-6)

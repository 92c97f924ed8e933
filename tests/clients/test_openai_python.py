"""OpenAI's package for Python, synchronous, against a started server with a relaying provider."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from dinrail_sdk.testing import Asked, Refused, Say, Spoken, ToolUse, Turn, Vectors, delivery

if TYPE_CHECKING:
    from conftest import Scripted

pytestmark = pytest.mark.xdist_group("clients")

MODEL = "up/org/kit-model"
USER: Any = [{"role": "user", "content": "How is the weather in Oslo?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
OSLO = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
ROME = ToolUse(name="weather", arguments='{"place": "Rome"}', id="call_2")


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


REPORT = Report(place="Oslo", degrees=-3.5)


def calls(*uses: ToolUse) -> Spoken:
    return Spoken(choices=(Say(text=None, calls=uses, finish="tool_calls"),))


def test_a_chat_is_answered(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken(choices=(Say(text="Cold."),), extra={"flavour": "vanilla"}))
    answer = client.chat.completions.create(model=MODEL, messages=USER, temperature=0.5, max_tokens=9)
    assert answer.choices[0].message.content == "Cold."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.model_extra == {"flavour": "vanilla"}
    assert upstream.asked[-1].model == "org/kit-model"
    assert upstream.asked[-1].settings == {"temperature": 0.5, "max_tokens": 9}
    assert upstream.credentials == "sk-of-the-operator"


def test_every_answer_carries_a_request_id(client: OpenAI, upstream: Scripted) -> None:
    assert client.chat.completions.create(model=MODEL, messages=USER)._request_id
    answer = client.chat.completions.create(model=MODEL, messages=USER, extra_headers={"x-request-id": "mine-1"})
    assert answer._request_id == "mine-1"


def test_a_chat_is_streamed_with_usage(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    events = list(
        client.chat.completions.create(model=MODEL, messages=USER, stream=True, stream_options={"include_usage": True})
    )
    assert (
        "".join(event.choices[0].delta.content or "" for event in events if event.choices)
        == "Cold, with a little snow."
    )
    assert [event.choices[0].finish_reason for event in events if event.choices][-1] == "stop"
    assert events[-1].usage is not None
    assert upstream.asked[-1].wants_usage


def test_several_choices_are_told_apart(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken(choices=(Say(text="Cold."), Say(text="Wet."))))
    answer = client.chat.completions.create(model=MODEL, messages=USER, n=2)
    assert [choice.message.content for choice in answer.choices] == ["Cold.", "Wet."]
    texts = ["", ""]
    for event in client.chat.completions.create(model=MODEL, messages=USER, n=2, stream=True):
        for choice in event.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["Cold.", "Wet."]


@pytest.mark.parametrize(
    ("choice", "seen"),
    [("auto", "auto"), ("required", "required"), ({"type": "function", "function": {"name": "weather"}}, "=weather")],
)
def test_a_tool_is_called(client: OpenAI, upstream: Scripted, choice: Any, seen: str) -> None:
    upstream.says(calls(OSLO))
    answer = client.chat.completions.create(model=MODEL, messages=USER, tools=[WEATHER], tool_choice=choice)
    made = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert made is not None
    assert len(made) == 1
    call = made[0]
    assert call.type == "function"
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == (
        "call_1",
        "weather",
        {"place": "Oslo"},
    )
    assert upstream.asked[-1].tool_choice == seen
    assert [tool.name for tool in upstream.asked[-1].tools] == ["weather"]


def test_parallel_calls_are_made_and_their_results_fed_back(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(Turn(script=calls(OSLO, ROME)), Turn(script=Spoken.of("Oslo is colder.")))
    messages = [*USER]
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER], parallel_tool_calls=True)
    made = first.choices[0].message.tool_calls or []
    assert [call.id for call in made] == ["call_1", "call_2"]
    messages.append(first.choices[0].message)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.id}: -3"} for call in made]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert second.choices[0].message.content == "Oslo is colder."
    history = upstream.asked[-1].messages
    assert [call.id for call in history[1].calls] == ["call_1", "call_2"]
    assert [(message.answers, message.text) for message in history[2:]] == [
        ("call_1", "call_1: -3"),
        ("call_2", "call_2: -3"),
    ]


def test_streamed_calls_are_put_together_by_the_package(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(Turn(script=calls(OSLO)), Turn(script=calls(OSLO, ROME)))
    with client.chat.completions.stream(model=MODEL, messages=USER, tools=[WEATHER]) as stream:
        (done,) = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert (done.name, json.loads(done.arguments)) == ("weather", {"place": "Oslo"})
    with client.chat.completions.stream(model=MODEL, messages=USER, tools=[WEATHER]) as stream:
        made = stream.get_final_completion().choices[0].message.tool_calls or ()
    assert [(call.id, json.loads(call.function.arguments)) for call in made] == [
        ("call_1", {"place": "Oslo"}),
        ("call_2", {"place": "Rome"}),
    ]


def test_an_answer_is_parsed_into_a_class(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of(REPORT.model_dump_json()))
    answer = client.chat.completions.parse(model=MODEL, messages=USER, response_format=Report)
    assert answer.choices[0].message.parsed == REPORT
    schema = upstream.asked[-1].schema
    assert schema is not None
    assert schema["required"] == ["place", "degrees"]


def test_a_streamed_answer_is_parsed_into_a_class(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of(REPORT.model_dump_json()))
    with client.chat.completions.stream(model=MODEL, messages=USER, response_format=Report) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == REPORT.model_dump_json()
    assert final.choices[0].message.parsed == REPORT


def test_a_text_is_completed_whole_and_streamed(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of(" cold and bright."))
    assert client.completions.create(model=MODEL, prompt="It is").choices[0].text == " cold and bright."
    events = client.completions.create(model=MODEL, prompt="It is", stream=True)
    assert "".join(event.choices[0].text for event in events) == " cold and bright."


def test_embeddings_are_the_same_in_base64_which_the_package_asks_for_and_as_numbers(
    client: OpenAI, upstream: Scripted
) -> None:
    upstream.says(Vectors(vectors=((0.5, -0.25), (1.0, 0.125))))
    packed = client.embeddings.create(model=MODEL, input=["a", "b"])
    assert upstream.asked[-1].base64
    plain = client.embeddings.create(model=MODEL, input=["a", "b"], encoding_format="float", dimensions=2)
    assert not upstream.asked[-1].base64
    assert upstream.asked[-1].dimensions == 2
    assert (
        [item.embedding for item in packed.data]
        == [item.embedding for item in plain.data]
        == [[0.5, -0.25], [1.0, 0.125]]
    )
    assert [item.index for item in packed.data] == [0, 1]


def test_tokens_are_embedded(client: OpenAI, upstream: Scripted) -> None:
    client.embeddings.create(model=MODEL, input=[[1, 2, 3], [4]])
    assert upstream.asked[-1].inputs == ((1, 2, 3), (4,))


def test_texts_are_moderated(client: OpenAI, upstream: Scripted) -> None:
    answer = client.moderations.create(model=MODEL, input=["a kiss", "an attack"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence


def test_models_are_listed_and_retrieved_by_ids_with_slashes(client: OpenAI, upstream: Scripted) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    assert client.models.with_raw_response.retrieve(MODEL).http_request.url.raw_path.count(b"%2F") == 2


def test_an_unknown_model_is_not_found(client: OpenAI, upstream: Scripted) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=USER)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert caught.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("up/no-such-model")
    assert upstream.asked == []


def test_a_model_that_the_upstream_does_not_have_is_not_found(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Refused(status=404, message="There is no such model.", code="model_not_found"))
    with pytest.raises(openai.NotFoundError, match="There is no such model"):
        client.chat.completions.create(model="up/other", messages=USER)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"messages": [{"role": "nobody", "content": "?"}]}, "messages.0.role"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_bad_request_names_its_parameter(client: OpenAI, upstream: Scripted, wrong: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=USER, extra_body=wrong)
    assert caught.value.param == param
    assert upstream.asked == []


def test_a_bad_request_is_told_in_the_upstreams_words(client: OpenAI, upstream: Scripted) -> None:
    said = Refused(status=400, message="It has 9000 tokens.", code="context_length_exceeded", param="messages")
    upstream.says(said)
    with pytest.raises(openai.BadRequestError, match="9000 tokens") as caught:
        client.chat.completions.create(model=MODEL, messages=USER)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_a_rate_limit_says_when_to_come_back(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Refused(status=429, message="Slow down.", retry_after=37))
    with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
        client.chat.completions.create(model=MODEL, messages=USER)
    assert caught.value.response.headers["retry-after"] == "37"
    assert caught.value.request_id


@pytest.mark.parametrize(("status", "becomes"), [(401, 502), (403, 502), (500, 502), (504, 504)])
def test_what_is_wrong_with_the_upstream_is_no_fault_of_the_caller(
    client: OpenAI, upstream: Scripted, status: int, becomes: int
) -> None:
    upstream.says(Refused(status=status, message="No."))
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=USER)
    assert caught.value.status_code == becomes
    assert "sk-of-the-operator" not in str(caught.value)


def test_an_upstream_that_fails_in_mid_stream_is_an_error_behind_what_came(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(Turn(script=Spoken.of("Cold, with snow."), dies_after=3))
    events = client.chat.completions.create(model=MODEL, messages=USER, stream=True)
    assert [next(events).choices[0].delta.content for _ in range(3)] == ["", "Cold,", " with"]
    with pytest.raises(openai.APIError) as caught:
        next(events)
    assert not isinstance(caught.value, openai.APIConnectionError)
    assert caught.value.code == "upstream_failed"


def test_a_stream_that_breaks_off_is_an_error(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with snow."), delivery.cut(3))
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model=MODEL, messages=USER, stream=True))
    assert not isinstance(caught.value, openai.APIConnectionError)


def test_an_upstream_that_refuses_a_stream_is_an_error_with_its_status(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Refused(status=429, message="Slow down.", retry_after=37))
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=MODEL, messages=USER, stream=True)


def test_a_client_that_loses_patience_ends_the_upstreams_work(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(delivery=delivery.stalled())
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(model=MODEL, messages=USER)
    upstream.wait_until_left()


def test_a_client_that_leaves_a_stream_ends_the_upstreams_work(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of("word " * 400), delivery.paused(0.05))
    with client.chat.completions.create(model=MODEL, messages=USER, stream=True) as stream:
        next(stream)
    upstream.wait_until_left()


def test_a_client_that_retries_gets_the_answer_of_a_later_try(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(Turn(script=Refused(status=500)), Turn(script=Spoken.of("Cold.")))
    answer = client.with_options(max_retries=1).chat.completions.create(model=MODEL, messages=USER)
    assert answer.choices[0].message.content == "Cold."
    assert len(upstream.asked) == 2


def test_pictures_reach_the_upstream(client: OpenAI, upstream: Scripted) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": picture}}]
    seen: list[Asked] = []

    def answer(asked: Asked) -> Spoken:
        seen.append(asked)
        return Spoken.of("A rail.")

    upstream.says(answer)
    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])  # type: ignore[list-item,misc]  # a bad one
    assert seen[0].messages[0].images == (picture,)

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import jsonschema
import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_llamacpp.provider import Here

pytestmark = [pytest.mark.xdist_group("llamacpp"), pytest.mark.asyncio(loop_scope="module")]


def function(name: str, description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


WEATHER = function(
    "get_weather",
    "Get the current weather in a city",
    ["city"],
    city={"type": "string", "description": "The city"},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
CLOCK = function("get_time", "Get the current time in a time zone", ["timezone"], timezone={"type": "string"})
SCHEMAS = {tool["function"]["name"]: tool["function"]["parameters"] for tool in (WEATHER, CLOCK)}
PARIS = [{"role": "user", "content": "What is the weather in Paris?"}]
NAMED = {"type": "function", "function": {"name": "get_time"}}


def request(**more: Any) -> ChatRequest:
    asked = {"model": "smollm2", "messages": PARIS, "tools": [WEATHER, CLOCK], "temperature": 0, "max_tokens": 150}
    return ChatRequest.model_validate({**asked, **more})


async def message(here: Here, **more: Any) -> dict[str, Any]:
    answer = await here.complete(request(**more), Call())
    found: dict[str, Any] = json.loads(answer.body)["choices"][0]
    return found


async def streamed(here: Here, **more: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events, and the choice that they add up to."""
    stream = await here.stream(request(**more), Call())
    async with aclosing(stream):
        reads = b"".join([read async for read in stream.reads()])
    events = [json.loads(frame[6:]) for frame in reads.decode().split("\n\n") if frame]
    calls: list[dict[str, Any]] = []
    total: dict[str, Any] = {"content": "", "role": None, "finish_reason": None}
    for event in events:
        for choice in event["choices"]:
            delta = choice["delta"]
            total["role"] = delta.get("role") or total["role"]
            total["content"] += delta.get("content") or ""
            total["finish_reason"] = choice["finish_reason"] or total["finish_reason"]
            for piece in delta.get("tool_calls") or ():
                if piece["index"] == len(calls):
                    assert piece["id"]
                    kind = piece["type"]
                    calls.append({"id": piece["id"], "type": kind, kind: dict(piece[kind])})
                else:
                    kind = calls[piece["index"]]["type"]
                    field = "arguments" if kind == "function" else "input"
                    calls[piece["index"]][kind][field] += piece[kind][field]
    return events, {**total, "tool_calls": calls}


def without_ids(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in call.items() if name != "id"} for call in calls]


def assert_fits(call: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(call["function"]["arguments"]), SCHEMAS[call["function"]["name"]])


@pytest.mark.parametrize(
    ("choice", "name"),
    [(None, "get_weather"), ("required", "get_weather"), (NAMED, "get_time")],
)
async def test_the_model_calls_the_tool_whole_and_streamed(here: Here, choice: Any, name: str) -> None:
    more = {} if choice is None else {"tool_choice": choice}
    told = await message(here, **more)
    assert told["finish_reason"] == "tool_calls"
    assert told["message"]["content"] is None
    (call,) = told["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["id"].startswith("call_")
    assert call["function"]["name"] == name
    assert_fits(call)
    events, total = await streamed(here, **more)
    assert without_ids(total["tool_calls"]) == without_ids([call])
    assert (total["role"], total["content"], total["finish_reason"]) == ("assistant", "", "tool_calls")
    assert sum(bool(event["choices"][0]["delta"].get("tool_calls")) for event in events) > 3, "It came in one piece."


async def test_arguments_name_what_was_asked_for(here: Here) -> None:
    told = await message(here, tool_choice="required")
    assert json.loads(told["message"]["tool_calls"][0]["function"]["arguments"])["city"] == "Paris"


async def test_a_question_that_needs_no_tool_is_answered_in_words_piece_by_piece(here: Here) -> None:
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    told = await message(here, messages=messages, max_tokens=12)
    assert "tool_calls" not in told["message"]
    events, total = await streamed(here, messages=messages, max_tokens=12)
    assert total["content"] == told["message"]["content"]
    assert total["tool_calls"] == []
    assert len(events) > 10


async def test_none_calls_nothing(here: Here) -> None:
    told = await message(here, tool_choice="none", max_tokens=8)
    assert "tool_calls" not in told["message"]
    assert told["message"]["content"]


async def test_allowed_tools_are_the_only_ones_that_are_called(here: Here) -> None:
    allowed = {"mode": "required", "tools": [NAMED]}
    told = await message(here, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [call["function"]["name"] for call in told["message"]["tool_calls"]] == ["get_time"]


async def test_several_calls_come_in_one_answer_whole_and_streamed(here: Here) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris and in London?"}]
    more = {"messages": messages, "tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": True}
    told = await message(here, **more, max_tokens=300)
    calls = told["message"]["tool_calls"]
    assert len(calls) > 1
    assert len({call["id"] for call in calls}) == len(calls)
    assert len({call["function"]["arguments"] for call in calls}) == len(calls)
    for call in calls:
        assert_fits(call)
    _, total = await streamed(here, **more, max_tokens=300)
    assert without_ids(total["tool_calls"]) == without_ids(calls)


async def test_a_result_becomes_an_answer(here: Here) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    messages = [
        *PARIS,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 degrees, sunny"},
    ]
    for tools in ([], [WEATHER, CLOCK]):
        told = await message(here, messages=messages, max_tokens=40, tools=tools)
        assert "tool_calls" not in told["message"]
        assert any(word in told["message"]["content"] for word in ("18", "sunny"))
        _, total = await streamed(here, messages=messages, max_tokens=40, tools=tools)
        assert total["content"] == told["message"]["content"]


async def test_a_custom_tool_gets_text_of_the_form_that_it_wants(here: Here) -> None:
    form = {"type": "grammar", "grammar": {"syntax": "regex", "definition": r"\d{1,3} (USD|EUR)"}}
    tools = [{"type": "custom", "custom": {"name": "pay", "description": "Pay an amount", "format": form}}]
    more = {"messages": [{"role": "user", "content": "Pay 25 dollars."}], "tools": tools, "tool_choice": "required"}
    told = await message(here, **more)
    (call,) = told["message"]["tool_calls"]
    assert call["type"] == "custom"
    amount, currency = call["custom"]["input"].split(" ")
    assert amount.isdecimal()
    assert currency in ("USD", "EUR")
    _, total = await streamed(here, **more)
    assert without_ids(total["tool_calls"]) == without_ids([call])


async def test_several_choices_are_several_calls(here: Here) -> None:
    answer = (await here.complete(request(tool_choice="required", n=2, temperature=1, seed=1), Call())).value
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.finish_reason == "tool_calls" for choice in answer.choices)


async def test_tokens_are_counted_when_asked(here: Here) -> None:
    events, _ = await streamed(here, tool_choice="required", stream_options={"include_usage": True})
    assert events[-1]["choices"] == []
    assert events[-1]["usage"]["completion_tokens"] > 5
    assert all(event.get("usage") is None for event in events[:-1])


async def test_a_limit_that_cuts_a_call_is_told(here: Here) -> None:
    told = await message(here, tool_choice="required", max_tokens=20)
    assert told["finish_reason"] == "length"
    _, total = await streamed(here, tool_choice="required", max_tokens=20)
    assert total["finish_reason"] == "length"
    nothing = await message(here, tool_choice="required", max_tokens=2)
    assert nothing["finish_reason"] == "length"
    assert "tool_calls" not in nothing["message"]


def odd(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "odd", "parameters": schema, **more}}


async def test_a_schema_that_cannot_be_compiled_names_its_tool(here: Here) -> None:
    bad = odd({"type": "object", "properties": {"x": {"$ref": "#/$defs/nowhere"}}, "required": ["x"]})
    for ask in (here.complete, here.stream):
        with pytest.raises(InvalidRequest) as caught:
            await ask(request(tools=[WEATHER, bad], tool_choice="required"), Call())
        assert caught.value.param == "tools.1.function.parameters"
        assert "nowhere" in caught.value.message


async def test_a_strict_schema_that_cannot_be_enforced_names_its_tool(here: Here) -> None:
    bad = odd({"type": "object", "properties": {"x": {"type": "integer", "multipleOf": 7}}}, strict=True)
    with pytest.raises(UnsupportedFeature) as caught:
        await here.complete(request(tools=[WEATHER, bad], tool_choice="required"), Call())
    assert caught.value.param == "tools.1.function.parameters"


async def test_a_schema_may_refer_to_itself_and_to_its_parts(here: Here) -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"$ref": "#/$defs/kind"}, "code": {"type": "string", "pattern": r"^[A-Z]{2}-\d{3}$"}},
        "required": ["kind", "code"],
        "additionalProperties": False,
        "$defs": {"kind": {"type": "string", "enum": ["small", "large"]}},
    }
    told = await message(here, tools=[odd(schema)], tool_choice="required")
    jsonschema.validate(json.loads(told["message"]["tool_calls"][0]["function"]["arguments"]), schema)

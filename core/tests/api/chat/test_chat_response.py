from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.chat import (
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatMessage,
    ChunkChoice,
    CustomToolCall,
    Delta,
    FunctionToolCall,
    UnknownAnnotation,
    UnknownToolCall,
)
from dinrail_core.api.wire import MISSING, decode_upstream
from dinrail_core.errors import UpstreamInvalid


def completion(message: dict[str, Any] | None = None, **choice: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message or {"role": "assistant"}, "finish_reason": "stop", **choice}],
    }


def read(data: dict[str, Any]) -> ChatCompletion:
    return decode_upstream(ChatCompletion, json.dumps(data).encode())


def test_what_the_specification_requires_is_written_even_if_an_upstream_left_it_out() -> None:
    written = read(completion()).model_dump()

    assert written["choices"][0]["logprobs"] is None
    assert written["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": None}


def test_a_provider_builds_a_completion_from_what_it_knows() -> None:
    answer = ChatCompletion(
        id="1",
        created=0,
        model="m",
        choices=[ChatChoice(index=0, message=ChatMessage(content="Hi"), finish_reason="stop")],
    )

    assert answer.model_dump() == {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
    }


def test_a_provider_builds_a_chunk_from_what_it_knows() -> None:
    chunk = ChatChunk(id="1", created=0, model="m", choices=[ChunkChoice(index=0, delta=Delta(content="Hi"))])

    assert chunk.model_dump() == {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
    }


@pytest.mark.parametrize("reason", ["stop", "tool_use", "eos", ""])
def test_any_finish_reason_is_handed_on(reason: str) -> None:
    data = completion(finish_reason=reason)
    answer = read(data)

    assert answer.choices[0].finish_reason == reason
    assert answer.model_dump()["choices"][0]["finish_reason"] == reason


def test_any_service_tier_and_object_name_is_handed_on() -> None:
    answer = read({**completion(), "service_tier": "on_demand", "object": ""})

    assert (answer.service_tier, answer.object) == ("on_demand", "")


def test_any_role_of_a_delta_is_handed_on(chat_chunk: dict[str, Any]) -> None:
    data = json.loads(json.dumps(chat_chunk))
    data["choices"][0]["delta"]["role"] = "model"

    chunk = decode_upstream(ChatChunk, json.dumps(data).encode())

    assert chunk.choices[0].delta.role == "model"


def test_a_call_of_an_unknown_kind_is_handed_on() -> None:
    call = {"id": "1", "type": "mcp", "mcp": {"server": "s"}}
    message = read(completion({"role": "assistant", "tool_calls": [call]})).choices[0].message

    assert message.tool_calls is not MISSING
    assert isinstance(message.tool_calls[0], UnknownToolCall)
    assert message.model_dump()["tool_calls"] == [call]


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ({"id": "1", "function": {"name": "f", "arguments": "{}"}}, FunctionToolCall),
        ({"id": "1", "type": None, "function": {"name": "f", "arguments": "{}"}}, FunctionToolCall),
        ({"id": "1", "custom": {"name": "f", "input": ""}}, CustomToolCall),
    ],
)
def test_a_call_without_its_kind_is_what_it_looks_like(call: dict[str, Any], kind: type) -> None:
    message = read(completion({"role": "assistant", "tool_calls": [call]})).choices[0].message

    assert message.tool_calls is not MISSING
    assert isinstance(message.tool_calls[0], kind)
    assert message.tool_calls[0].model_dump()["type"] in {"function", "custom"}


def test_a_note_of_an_unknown_kind_is_handed_on() -> None:
    note = {"type": "file", "file": {"hash": "x"}}
    message = read(completion({"role": "assistant", "content": "", "annotations": [note]})).choices[0].message

    assert message.annotations is not MISSING
    assert isinstance(message.annotations[0], UnknownAnnotation)
    assert message.model_dump()["annotations"] == [note]


def test_nulls_where_a_field_should_be_left_out_are_dropped() -> None:
    data = completion(
        {"role": "assistant", "content": None, "tool_calls": None, "function_call": None, "annotations": None},
        token_ids=None,
    )
    data |= {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "prompt_tokens_details": None}}
    data |= {"system_fingerprint": None, "kv_transfer_params": None}

    answer = read(data)

    message = answer.choices[0].message
    assert message.tool_calls is MISSING
    assert message.function_call is MISSING
    assert answer.system_fingerprint is MISSING
    assert answer.usage is not MISSING
    assert answer.usage.prompt_tokens_details is MISSING
    written = answer.model_dump()
    assert written["kv_transfer_params"] is None, "a null that nobody objects to is kept"
    assert written["choices"][0]["token_ids"] is None
    assert written["choices"][0]["message"]["content"] is None


def test_nulls_inside_a_union_whose_branch_is_called_like_a_field_are_dropped() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    data = completion({"role": "assistant", "tool_calls": [{**call, "type": None}, call]})

    message = read(data).choices[0].message

    assert message.model_dump()["tool_calls"] == [call, call]


def test_reasoning_of_other_servers_is_typed() -> None:
    message = read(completion({"role": "assistant", "content": "4", "reasoning_content": "2+2", "reasoning": None}))

    assert message.choices[0].message.reasoning_content == "2+2"
    assert message.choices[0].message.reasoning is None


@pytest.mark.parametrize(
    "data",
    [
        completion(finish_reason=7),
        completion({"role": "assistant", "content": 7}),
        completion({"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {}}]}),
        {**completion(), "choices": None},
        {"error": {"message": "No."}},
        [],
    ],
    ids=str,
)
def test_what_is_no_completion_is_the_upstreams_fault(data: Any) -> None:
    with pytest.raises(UpstreamInvalid, match="ChatCompletion"):
        decode_upstream(ChatCompletion, json.dumps(data).encode())

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_mistral.requests import call_id, in_mistrals_words

USER: dict[str, Any] = {"role": "user", "content": "Hi."}


def sent(**asked: Any) -> dict[str, Any]:
    request = decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked)
    return in_mistrals_words(request).model_dump()


def message(given: dict[str, Any]) -> dict[str, Any]:
    (found,) = sent(messages=[given])["messages"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"seed": 0}, {"random_seed": 0}),
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        (
            {
                "store": False,
                "user": "u",
                "safety_identifier": "s",
                "service_tier": "auto",
                "stream_options": {"include_usage": True},
            },
            {},
        ),
        ({"prompt_cache_key": "k", "metadata": {"a": "b"}}, {"prompt_cache_key": "k", "metadata": {"a": "b"}}),
        ({"logprobs": True, "vendor": [1]}, {"logprobs": True, "vendor": [1]}),
    ],
)
def test_fields_have_mistrals_names_or_are_left_out(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(**asked) == {"model": "m", "messages": [USER]} | due


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        ({"role": "user", "content": "Hi.", "name": "eve"}, USER),
        ({"role": "assistant", "content": "So.", "refusal": None}, {"role": "assistant", "content": "So."}),
        ({"role": "assistant", "content": None, "refusal": "No."}, {"role": "assistant", "content": "No."}),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        ),
        (
            {"role": "assistant", "content": "42.", "reasoning_content": "Six by seven.", "annotations": []},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Six by seven."}]},
                    {"type": "text", "text": "42."},
                ],
            },
        ),
        (
            {"role": "assistant", "content": "Dear", "prefix": True},
            {"role": "assistant", "content": "Dear", "prefix": True},
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}]},
            {"role": "user", "content": [{"type": "input_audio", "input_audio": "UklG"}]},
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}}]},
            {"role": "user", "content": [{"type": "document_url", "document_url": "data:x", "document_name": "a.pdf"}]},
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
            {"role": "user", "content": [{"type": "file", "file_id": "f"}]},
        ),
    ],
)
def test_messages_are_as_mistral_takes_them(given: dict[str, Any], due: dict[str, Any]) -> None:
    assert message(given) == due


def test_a_call_and_its_result_keep_one_id() -> None:
    call = {"id": "call_0fypS1hVX", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0fypS1hVX", "content": "x"},
    ]
    made, answered = sent(messages=asked)["messages"]
    assert made["tool_calls"] == [call | {"id": answered["tool_call_id"]}]
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", answered["tool_call_id"])


@given(st.text(), st.text())
def test_ids_are_ones_that_mistral_takes_and_differ_as_those_given_do(one: str, other: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", call_id(one))
    assert call_id(call_id(one)) == call_id(one)
    assert (call_id(one) == call_id(other)) == (one == other)


def test_a_function_without_parameters_says_that_it_takes_none() -> None:
    (tool,) = sent(tools=[{"type": "function", "function": {"name": "f", "strict": None}}])["tools"]
    assert tool == {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}

from __future__ import annotations

from typing import Any

import pytest

from dinrail_cohere.requests import chat_request
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"ü": 1'}}
F = {"type": "function", "function": {"name": "f", "strict": True}}
G = {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}
MADE_F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
FORM = "cohere-v2"


def sent(**asked: Any) -> dict[str, Any]:
    return chat_request(decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked), stream=False)


def message(given: dict[str, Any]) -> Any:
    return sent(messages=[USER, given])["messages"][-1]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"top_p": 0.5, "max_completion_tokens": 5, "stop": "a"}, {"p": 0.5, "max_tokens": 5, "stop_sequences": ["a"]}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": SCHEMA},
            {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}},
        ),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "token_budget": 1024}}),
        ({"reasoning_effort": "high"}, {"thinking": {"type": "enabled"}}),
        ({"documents": ["d"], "k": 3, "safety_mode": "OFF"}, {"documents": ["d"], "k": 3, "safety_mode": "OFF"}),
        ({"metadata": {"a": "b"}, "user": "u", "n": 1}, {}),
        ({"tools": [F]}, {"tools": [MADE_F], "strict_tools": True}),
        ({"tools": [F, G], "tool_choice": "required"}, {"tools": [MADE_F, G], "tool_choice": "REQUIRED"}),
        (
            {"tools": [F, G], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            {"tools": [G], "tool_choice": "REQUIRED"},
        ),
        (
            {
                "tools": [F, G],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [G]}},
            },
            {"tools": [G]},
        ),
    ],
)
def test_fields_have_coheres_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(**asked) == {"model": "m", "messages": [USER], "stream": False} | due


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [F], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0",
        ),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages.0"),
    ],
)
def test_what_cohere_has_no_words_for_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]},
        ),
        (
            {"role": "tool", "tool_call_id": "c", "content": "x"},
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ),
        ({"role": "assistant", "tool_calls": [CALL]}, {"role": "assistant", "tool_calls": [CALL]}),
        (
            {
                "role": "assistant",
                "content": "42.",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "Look.", "format": FORM, "index": 1},
                    {"type": "reasoning.text", "text": "So.", "format": FORM, "index": 0},
                    {"type": "reasoning.text", "text": "Theirs.", "format": "other", "index": 0},
                ],
                "annotations": [
                    {"type": "TEXT_CONTENT", "start": 0, "end": 2, "sources": [], "start_index": 0, "end_index": 2},
                    {"type": "url_citation", "url_citation": {"url": "x"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "So."}, {"type": "text", "text": "42."}],
                "tool_plan": "Look.",
                "citations": [{"type": "TEXT_CONTENT", "start": 0, "end": 2, "sources": []}],
            },
        ),
    ],
)
def test_messages_are_as_cohere_takes_them(given: dict[str, Any], due: dict[str, Any]) -> None:
    assert message(given) == due

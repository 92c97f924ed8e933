from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.rerank import RerankRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest
from dinrail_watsonx.requests import chat_request, embedding_request, rerank_request

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
WHERE = {"project_id": "p"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1'}}
F = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object"}}}
G = {"type": "function", "function": {"name": "g"}}
BARE_F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
ONE = {"type": "function", "function": {"name": "g"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
PART = {"type": "image_url", "image_url": {"url": "https://x"}}


def sent(**asked: Any) -> dict[str, Any]:
    return chat_request(decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked), WHERE)


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        (
            {"temperature": 0, "seed": 0, "logprobs": True, "n": 2},
            {"temperature": 0, "seed": 0, "logprobs": True, "n": 2},
        ),
        ({"max_tokens": 3, "max_completion_tokens": 5}, {"max_tokens": 3, "max_completion_tokens": 5}),
        ({"stop": "a"}, {"stop": ["a"]}),
        ({"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
        ({"reasoning_effort": "medium"}, {"reasoning_effort": "medium"}),
        ({"response_format": SCHEMA}, {"response_format": SCHEMA}),
        ({"response_format": {"type": "text"}}, {}),
        ({"time_limit": 9, "guided_regex": "a+"}, {"time_limit": 9, "guided_regex": "a+"}),
        ({"metadata": {"a": "b"}, "user": "u", "store": False, "stream_options": {"include_usage": True}}, {}),
        ({"tools": []}, {}),
        ({"tools": [F], "parallel_tool_calls": True}, {"tools": [BARE_F]}),
        ({"tools": [F, G], "tool_choice": "required"}, {"tools": [BARE_F, G], "tool_choice_option": "required"}),
        ({"tools": [F, G], "tool_choice": ONE}, {"tools": [BARE_F, G], "tool_choice": ONE}),
        (
            {
                "tools": [F, G],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [G]}},
            },
            {"tools": [G], "tool_choice_option": "auto"},
        ),
    ],
)
def test_fields_have_ibms_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(**asked) == {"model_id": "m", "project_id": "p", "messages": [USER]} | due


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"verbosity": "low"}, "verbosity"),
        ({"tools": [F], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        ({"tools": [F], "tool_choice": {"type": "custom", "custom": {"name": "c"}}}, "tool_choice"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0",
        ),
        ({"messages": [USER, {"role": "function", "name": "f", "content": "x"}]}, "messages.1"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "c", "input": ""}}],
                    }
                ]
            },
            "messages.0.tool_calls.0",
        ),
    ],
)
def test_what_watsonx_has_no_words_for_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        (
            {"role": "system", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]},
            {"role": "system", "content": "Be brief."},
        ),
        ({"role": "user", "content": [PART], "name": "eve"}, {"role": "user", "content": [PART], "name": "eve"}),
        (
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]},
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "So."},
            {"role": "assistant", "tool_calls": [CALL]},
        ),
        ({"role": "assistant", "content": "", "refusal": None}, {"role": "assistant", "content": ""}),
        ({"role": "assistant", "content": None, "refusal": "No."}, {"role": "assistant", "refusal": "No."}),
    ],
)
def test_messages_are_as_watsonx_takes_them(given: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(messages=[USER, given])["messages"][-1] == due


def test_texts_are_apart_from_the_rest_since_they_may_be_cut_into_parts() -> None:
    asked = {"model": "m", "input": ["a", "b"], "user": "u", "parameters": {"truncate_input_tokens": 9}}
    body, texts = embedding_request(EmbeddingRequest.model_validate(asked), WHERE)
    assert texts == ["a", "b"]
    assert body == {"model_id": "m", "project_id": "p", "parameters": {"truncate_input_tokens": 9}}


@pytest.mark.parametrize(
    ("asked", "param"), [({"input": [1, 2]}, "input"), ({"input": "a", "dimensions": 3}, "dimensions")]
)
def test_what_the_models_cannot_embed_is_refused(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        embedding_request(EmbeddingRequest.model_validate({"model": "m"} | asked), WHERE)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"top_n": 1, "return_documents": True}, {"parameters": {"return_options": {"top_n": 1}}}),
        (
            {"max_tokens_per_doc": 9, "parameters": {"return_options": {"query": True}}},
            {"parameters": {"truncate_input_tokens": 9, "return_options": {"query": True}}},
        ),
    ],
)
def test_a_ranking_has_its_wishes_among_the_parameters(asked: dict[str, Any], due: dict[str, Any]) -> None:
    request = RerankRequest.model_validate({"model": "m", "query": "q", "documents": ["a", {"text": "b"}]} | asked)
    inputs = [{"text": "a"}, {"text": "b"}]
    assert rerank_request(request, WHERE) == {"model_id": "m", "project_id": "p", "query": "q", "inputs": inputs} | due

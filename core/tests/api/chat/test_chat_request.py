from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat import (
    AssistantMessage,
    AudioPart,
    ChatRequest,
    CustomTool,
    DeveloperMessage,
    FilePart,
    FunctionMessage,
    FunctionTool,
    FunctionToolCall,
    ImagePart,
    JsonSchema,
    JsonSchemaFormat,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
)
from dinrail_core.api.wire import MISSING, decode_request
from dinrail_core.errors import InvalidRequest

HELLO: dict[str, Any] = {"role": "user", "content": "Hello."}

# From OpenAI's description, version 2.3.0.
NULLABLE = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "verbosity",
]
NOT_NULLABLE = [
    "function_call",
    "functions",
    "messages",
    "model",
    "parallel_tool_calls",
    "prompt_cache_options",
    "response_format",
    "tool_choice",
    "tools",
    "user",
    "web_search_options",
]


def read(**fields: Any) -> ChatRequest:
    return decode_request(ChatRequest, {"model": "m", "messages": [HELLO], **fields})


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    return refused.value


def test_every_field_is_either_nullable_or_not() -> None:
    assert sorted(ChatRequest.model_fields) == sorted(NULLABLE + NOT_NULLABLE)


@pytest.mark.parametrize("name", NULLABLE)
def test_null_is_kept_apart_from_absence_where_null_is_allowed(name: str) -> None:
    assert getattr(read(**{name: None}), name) is None
    assert read(**{name: None}).model_dump()[name] is None
    assert getattr(read(), name) is MISSING
    assert name not in read().model_dump()


@pytest.mark.parametrize("name", NOT_NULLABLE)
def test_null_is_refused_where_it_is_not_allowed(name: str) -> None:
    assert refusal(**{name: None}).param == name


def test_kinds_are_told_apart_by_role_and_type(chat_request: dict[str, Any]) -> None:
    request = decode_request(ChatRequest, chat_request)

    assert [type(message) for message in request.messages] == [
        *[DeveloperMessage] * 2,
        *[SystemMessage] * 2,
        *[UserMessage] * 2,
        *[AssistantMessage] * 3,
        *[ToolMessage] * 2,
        *[FunctionMessage] * 2,
    ]
    parts = request.messages[5].content
    assert isinstance(parts, list)
    assert [type(part) for part in parts] == [TextPart, ImagePart, AudioPart, FilePart]
    assert request.tools is not MISSING
    assert [type(tool) for tool in request.tools] == [*[FunctionTool] * 2, *[CustomTool] * 2]


def test_a_request_is_built_in_python_without_spelling_constants() -> None:
    request = ChatRequest(
        model="m",
        messages=[UserMessage(content=[TextPart(text="Hello.")])],
        response_format=JsonSchemaFormat(json_schema=JsonSchema(name="answer", schema={"type": "object"})),
    )

    assert request.model_dump() == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}},
        },
    }


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read().model = "other"  # type: ignore[misc]  # what the test is about


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"tools": [], "tool_choice": "auto"},
        {"stop": "END"},
        {"stop": ["a", "b", "c", "d"]},
        {"temperature": 1},
        {"temperature": 2.0},
        {"logit_bias": {}},
        {"metadata": {f"{index:064}": "v" * 512 for index in range(16)}},
        {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        {"tool_choice": {"type": "custom", "custom": {"name": "sql"}}},
        {"tool_choice": "required"},
        {"function_call": "auto"},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object"}},
        {"prediction": {"type": "content", "content": "text"}},
        {"audio": {"voice": "alloy", "format": "pcm16"}},
        {"n": 128},
        {"functions": [{"name": "f"}] * 128},
        {"seed": 2**63 - 1},
        {"max_tokens": -1},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": []}]},
        {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20},
    ],
    ids=str,
)
def test_what_clients_send_is_accepted_and_passed_on(fields: dict[str, Any]) -> None:
    assert read(**fields).model_dump(include=set(fields)) == fields


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 7}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello."}, "messages"),
        ({"messages": ["Hello."]}, "messages.0"),
        ({"messages": [HELLO, {"content": "Hello."}]}, "messages.1.role"),
        ({"messages": [{"role": "robot", "content": "Hello."}]}, "messages.0.role"),
        ({"messages": [{"role": ["user"], "content": "Hello."}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["Hello."]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"text": "Hello."}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages.0.content.0.text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
            "messages.0.content.0.type",
        ),
        ({"messages": [{"role": "tool", "content": "12 °C"}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "function", "content": "12 °C"}]}, "messages.0.name"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "function"}]}]},
            "messages.0.tool_calls.0.function",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {}}]}]},
            "messages.0.tool_calls.0.type",
        ),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "namespace"}]}, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools.0.function.parameters"),
        ({"tools": [{"type": "custom", "custom": {"name": "f", "format": {}}}]}, "tools.0.custom.format.type"),
        ({"tool_choice": "weather"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.type"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": 10**400}, "n"),
        ({"seed": 2**63}, "seed"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"stop": []}, "stop"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": [7]}, "stop.0"),
        ({"stop": 7}, "stop"),
        ({"stream": "true"}, "stream"),
        ({"stream_options": True}, "stream_options"),
        ({"logit_bias": {"7": "x"}}, "logit_bias"),
        ({"logit_bias": {"7": True}}, "logit_bias"),
        ({"logit_bias": {"7": float("inf")}}, "logit_bias"),
        ({"logit_bias": [7]}, "logit_bias"),
        ({"metadata": {str(index): "v" for index in range(17)}}, "metadata"),
        ({"metadata": {"k": 7}}, "metadata.k"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"safety_identifier": "x" * 65}, "safety_identifier"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"modalities": ["smell"]}, "modalities.0"),
        ({"functions": [{"name": "f"}] * 129}, "functions"),
        (
            {"web_search_options": {"user_location": {"type": "approximate"}}},
            "web_search_options.user_location.approximate",
        ),
    ],
    ids=str,
)
def test_bad_input_is_refused_and_named(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"messages": [{"role": "user", "content": []}]}, "at least 1 item"),
        ({"tool_choice": "weather"}, "'none', 'auto' or 'required'"),
        ({"function_call": "weather"}, "'none' or 'auto'"),
        ({"stop": ["a"] * 5}, "at most 4 items"),
    ],
)
def test_of_several_alternatives_the_one_that_was_meant_is_complained_about(
    fields: dict[str, Any], complaint: str
) -> None:
    assert complaint in refusal(**fields).message


def test_a_missing_model_is_a_missing_parameter() -> None:
    with pytest.raises(InvalidRequest, match="Missing required parameter: 'model'") as refused:
        decode_request(ChatRequest, {"messages": [HELLO]})

    assert (refused.value.param, refused.value.code) == ("model", "missing_required_parameter")


def test_a_tool_call_of_an_answer_is_given_back_as_it_is() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1}}
    request = read(messages=[{"role": "assistant", "tool_calls": [call]}])

    message = request.messages[0]
    assert isinstance(message, AssistantMessage)
    assert message.tool_calls is not MISSING
    assert isinstance(message.tool_calls[0], FunctionToolCall)
    assert message.model_dump()["tool_calls"] == [call]

from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest
from dinrail_gemini.requests import generate_request

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
SAID = {"contents": [{"role": "user", "parts": [{"text": "Hi."}]}]}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"ü": 1}'}}
MADE = CALL | {"id": "call_made_x_0_0"}
F = {"type": "function", "function": {"name": "f", "description": "F.", "parameters": {"type": "object"}}}
MADE_F = {"functionDeclarations": [{"name": "f", "description": "F.", "parametersJsonSchema": {"type": "object"}}]}
FORM = "google-gemini-v1"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}
SIGNED = {"type": "reasoning.encrypted", "data": "s", "format": FORM}


def sent(**asked: Any) -> dict[str, Any]:
    return generate_request(decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked))


def contents(*messages: dict[str, Any]) -> Any:
    return sent(messages=list(messages))["contents"]


def config(**found: Any) -> dict[str, Any]:
    return {"generationConfig": found}


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"temperature": 0, "max_tokens": 5, "seed": 0}, config(temperature=0, maxOutputTokens=5, seed=0)),
        ({"stop": "a", "n": 2}, config(stopSequences=["a"], candidateCount=2)),
        ({"logprobs": True, "top_logprobs": 2}, config(responseLogprobs=True, logprobs=2)),
        ({"response_format": {"type": "json_object"}}, config(responseMimeType="application/json")),
        (
            {"response_format": SCHEMA},
            config(responseMimeType="application/json", responseJsonSchema={"type": "object"}),
        ),
        ({"reasoning_effort": "none"}, config(thinkingConfig={"thinkingBudget": 0})),
        ({"reasoning_effort": "low"}, config(thinkingConfig={"thinkingLevel": "LOW", "includeThoughts": True})),
        ({"safetySettings": [1], "cachedContent": "c"}, {"safetySettings": [1], "cachedContent": "c"}),
        ({"temperature": 1, "generationConfig": {"temperature": 2, "topK": 3}}, config(temperature=2, topK=3)),
        ({"metadata": {"a": "b"}, "user": "u", "store": True, "tools": []}, {}),
        ({"tools": [F]}, {"tools": [MADE_F]}),
        (
            {"tools": [F], "tool_choice": "required"},
            {"tools": [MADE_F], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        ),
        (
            {
                "tools": [F],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F]}},
            },
            {
                "tools": [MADE_F],
                "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}},
            },
        ),
        ({"service_tier": "auto"}, {}),
        ({"service_tier": "default"}, {"serviceTier": "standard"}),
        ({"service_tier": "flex"}, {"serviceTier": "flex"}),
        ({"web_search_options": {}}, {"tools": [{"googleSearch": {}}]}),
    ],
)
def test_fields_have_googles_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(**asked) == SAID | due


def test_older_models_are_told_how_many_tokens_to_think() -> None:
    found = sent(model="gemini-2.5-flash", reasoning_effort="medium")
    assert found["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": True}}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"tools": [F], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"service_tier": "scale"}, "service_tier"),
        ({"web_search_options": {"filters": {"allowed_domains": ["a.ch"]}}}, "web_search_options.filters"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "c", "content": "x"}]}, "messages.1.tool_call_id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]}]},
            "messages.0.content.0",
        ),
    ],
)
def test_what_gemini_has_no_words_for_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


def test_instructions_stand_in_one_place() -> None:
    found = sent(messages=[{"role": "system", "content": "A."}, USER, {"role": "developer", "content": "B."}])
    assert found == SAID | {"systemInstruction": {"parts": [{"text": "A."}, {"text": "B."}]}}


@pytest.mark.parametrize(
    ("part", "due"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/y"}}, {"fileData": {"fileUri": "https://x/y"}}),
        (SOUND, {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.JPG?z=a.png"}},
            {"fileData": {"fileUri": "https://x/y.JPG?z=a.png", "mimeType": "image/jpeg"}},
        ),
        ({"type": "file", "file": {"file_id": "gs://b/f"}}, {"fileData": {"fileUri": "gs://b/f"}}),
    ],
)
def test_parts_are_googles(part: dict[str, Any], due: dict[str, Any]) -> None:
    assert contents({"role": "user", "content": [part]}) == [{"role": "user", "parts": [due]}]


def test_results_of_one_turn_stand_in_one_content_under_the_functions_name() -> None:
    found = contents(
        USER,
        {"role": "assistant", "tool_calls": [CALL, MADE]},
        {"role": "tool", "tool_call_id": "call_made_x_0_0", "content": "no", "is_error": True},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "yes"}]},
        USER,
    )
    assert found[1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "c", "name": "f", "args": {"ü": 1}}},
                {"functionCall": {"name": "f", "args": {"ü": 1}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"error": "no"}}},
                {"functionResponse": {"id": "c", "name": "f", "response": {"output": "yes"}}},
            ],
        },
        SAID["contents"][0],
    ]


@pytest.mark.parametrize(
    ("message", "due"),
    [
        (
            {"tool_calls": [CALL], "reasoning_details": [SIGNED | {"id": "c", "index": 0}]},
            [{"functionCall": {"id": "c", "name": "f", "args": {"ü": 1}}, "thoughtSignature": "s"}],
        ),
        (
            {"content": "So.", "reasoning_details": [SIGNED | {"index": 0}]},
            [{"text": "So.", "thoughtSignature": "s"}],
        ),
        (
            {"content": "So.", "reasoning_details": [SIGNED | {"index": 1}]},
            [{"text": "So."}, {"text": "", "thoughtSignature": "s"}],
        ),
        ({"content": "So.", "reasoning_details": [SIGNED | {"format": "theirs", "index": 0}]}, [{"text": "So."}]),
        ({"content": "So.", "native_content": {"format": FORM, "blocks": [{"x": 1}]}}, [{"x": 1}]),
    ],
)
def test_signatures_are_given_back_where_they_were(message: dict[str, Any], due: list[Any]) -> None:
    assert contents(USER, {"role": "assistant", **message})[1]["parts"] == due

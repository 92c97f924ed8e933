from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_ollama.requests import Defaults, chat_request, embed_request

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"ü": 1}'}}
F = {"type": "function", "function": {"name": "f", "strict": True}}
MADE_F = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F]}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}


def sent(defaults: Defaults | None = None, **asked: Any) -> dict[str, Any]:
    request = decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked)
    return chat_request(request, defaults or Defaults(), stream=False)


def message(*given: dict[str, Any]) -> Any:
    return sent(messages=list(given))["messages"][-1]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"temperature": 0, "max_tokens": 5, "seed": 0}, {"options": {"temperature": 0, "num_predict": 5, "seed": 0}}),
        ({"max_tokens": 5, "max_completion_tokens": 6, "stop": "a"}, {"options": {"num_predict": 6, "stop": ["a"]}}),
        (
            {"temperature": 1, "options": {"num_ctx": 9, "temperature": 2}},
            {"options": {"temperature": 2, "num_ctx": 9}},
        ),
        ({"keep_alive": "1h", "think": True}, {"keep_alive": "1h", "think": True}),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "minimal"}, {"think": "low"}),
        ({"reasoning_effort": "xhigh"}, {"think": "max"}),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        ({"response_format": SCHEMA}, {"format": {"type": "object"}}),
        ({"response_format": {"type": "text"}, "n": 1, "metadata": {"a": "b"}, "user": "u"}, {}),
        ({"tools": [F], "tool_choice": "auto"}, {"tools": [MADE_F]}),
        ({"tools": [F], "tool_choice": "none"}, {}),
        ({"tools": [F, {"type": "function", "function": {"name": "g"}}], "tool_choice": ALLOWED}, {"tools": [MADE_F]}),
    ],
)
def test_fields_have_ollamas_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    same = {"model": "m", "messages": [USER], "stream": False, "truncate": False}
    assert sent(**asked) == same | due


def test_what_the_operator_wants_is_in_every_request_and_the_callers_word_goes_before() -> None:
    defaults = Defaults(keep_alive=-1, context_length=8192, truncate=True)
    found = sent(defaults)
    assert (found["keep_alive"], found["options"], found["truncate"]) == (-1, {"num_ctx": 8192}, True)
    found = sent(defaults, keep_alive="5m", options={"num_ctx": 4096})
    assert (found["keep_alive"], found["options"]) == ("5m", {"num_ctx": 4096})
    request = EmbeddingRequest.model_validate({"model": "m", "input": "a", "dimensions": 4})
    assert embed_request(request, defaults) == {
        "model": "m",
        "input": ["a"],
        "dimensions": 4,
        "keep_alive": -1,
        "truncate": True,
        "options": {"num_ctx": 8192},
    }


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"tools": [F], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [F], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"tools": [F], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0",
        ),
        (
            {
                "messages": [
                    USER,
                    {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f", "arguments": "["}}]},
                ]
            },
            "messages.1.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_ollama_has_no_words_for_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given", "due"),
    [
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, SOUND, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "a\nb", "images": ["UklG"]},
        ),
        (
            {"role": "assistant", "content": "42.", "reasoning_content": "Six by seven."},
            {"role": "assistant", "content": "42.", "thinking": "Six by seven."},
        ),
        ({"role": "assistant", "content": None, "refusal": "No."}, {"role": "assistant", "content": "No."}),
        (
            {"role": "assistant", "tool_calls": [CALL]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c", "function": {"index": 0, "name": "f", "arguments": {"ü": 1}}}],
            },
        ),
        ({"role": "tool", "tool_call_id": "x", "content": "y"}, {"role": "tool", "content": "y", "tool_call_id": "x"}),
    ],
)
def test_messages_are_as_ollama_takes_them(given: dict[str, Any], due: dict[str, Any]) -> None:
    assert message(given) == due


def test_a_result_is_told_with_the_name_of_the_function_that_was_called() -> None:
    told = message(
        USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c", "content": "x"}
    )
    assert told == {"role": "tool", "content": "x", "tool_call_id": "c", "tool_name": "f"}


def test_tokens_are_not_embedded() -> None:
    with pytest.raises(UnsupportedFeature):
        embed_request(EmbeddingRequest.model_validate({"model": "m", "input": [1, 2]}), Defaults())

from __future__ import annotations

from typing import Any

import pytest

from dinrail_anthropic.requests import Abilities, messages_request
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, UnsupportedFeature

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
FORM = "anthropic-claude-v1"
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"ü": 1}'}}
F = {"type": "function", "function": {"name": "f"}}
G = {
    "type": "function",
    "function": {"name": "g", "description": "G.", "parameters": {"type": "object"}, "strict": True},
}
MADE_F = {"name": "f", "input_schema": {"type": "object", "properties": {}}}
MADE_G = {"name": "g", "description": "G.", "input_schema": {"type": "object"}, "strict": True}
MARK = {"cache_control": {"type": "ephemeral"}}
TOLD = {"type": "adaptive", "display": "summarized"}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def sent(abilities: Abilities | None = None, **asked: Any) -> dict[str, Any]:
    request = decode_request(ChatRequest, {"model": "m", "messages": [USER]} | asked)
    return messages_request(request, max_tokens=4000, stream=False, abilities=abilities or Abilities())


def turns(*messages: dict[str, Any]) -> list[Any]:
    found = sent(messages=list(messages))["messages"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"max_completion_tokens": 5, "max_tokens": 6}, {"max_tokens": 5}),
        ({"max_tokens": 0}, {"max_tokens": 0}),
        ({"stop": "a"}, {"stop_sequences": ["a"]}),
        (
            {"temperature": 0, "top_p": None, "seed": 7, "n": 1, "presence_penalty": 0, "verbosity": "medium"},
            {"temperature": 0},
        ),
        ({"metadata": {"a": "b"}, "store": False, "user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"safety_identifier": "s", "user": "u"}, {"metadata": {"user_id": "s"}}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"top_k": 5, "mcp_servers": [{"url": "x"}]}, {"top_k": 5, "mcp_servers": [{"url": "x"}]}),
        ({"prompt_cache_options": {"mode": "implicit"}}, MARK),
        ({"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}}, HOUR),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "minimal"}, {"thinking": TOLD, "output_config": {"effort": "low"}}),
        (
            {"reasoning_effort": "high", "thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "high"}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"tools": [F, G]}, {"tools": [MADE_F, MADE_G]}),
        ({"tools": [F], "tool_choice": "required"}, {"tools": [MADE_F], "tool_choice": {"type": "any"}}),
        (
            {"tools": [F], "parallel_tool_calls": False},
            {"tools": [MADE_F], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"tools": [F], "tool_choice": "none", "parallel_tool_calls": False},
            {"tools": [MADE_F], "tool_choice": {"type": "none"}},
        ),
        (
            {
                "tools": [F, G],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}},
            },
            {"tools": [MADE_F], "tool_choice": {"type": "any"}},
        ),
        ({"tools": [F | MARK | {"defer_loading": True}]}, {"tools": [MADE_F | MARK | {"defer_loading": True}]}),
        (
            {"web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Bern"}}}},
            {
                "tools": [
                    {
                        "type": "web_search_20250305",
                        "name": "web_search",
                        "user_location": {"type": "approximate", "city": "Bern"},
                    }
                ]
            },
        ),
        (
            {"web_search_options": {"filters": {"allowed_domains": ["a.ch"]}}},
            {"tools": [{"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.ch"]}]},
        ),
        ({"tools": [], "tool_choice": "auto"}, {}),
    ],
)
def test_fields_have_anthropics_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert sent(**asked) == {"model": "m", "max_tokens": 4000, "messages": [USER]} | due


@pytest.mark.parametrize(
    ("abilities", "due"),
    [
        (
            Abilities(adaptive=True, effort=True),
            {"thinking": TOLD, "output_config": {"effort": "high"}},
        ),
        (
            Abilities(adaptive=False, budgeted=True, effort=True),
            {"thinking": {"type": "enabled", "budget_tokens": 3000}, "output_config": {"effort": "high"}},
        ),
        (
            Abilities(adaptive=False, budgeted=True, effort=False),
            {"thinking": {"type": "enabled", "budget_tokens": 3000}},
        ),
    ],
)
def test_a_model_is_told_to_think_as_it_can(abilities: Abilities, due: dict[str, Any]) -> None:
    found = sent(abilities, reasoning_effort="high")
    assert {key: found[key] for key in found if key in ("thinking", "output_config")} == due


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        sent(Abilities(adaptive=False, budgeted=False, effort=False), reasoning_effort="high")
    assert caught.value.param == "reasoning_effort"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"verbosity": "low"}, "verbosity"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
                ]
            },
            "messages.0.content.0",
        ),
        (
            {
                "messages": [
                    USER,
                    {
                        "role": "assistant",
                        "tool_calls": [CALL | {"function": {"name": "f", "arguments": '{"a'}}],
                    },
                ]
            },
            "messages.1.tool_calls.0.function.arguments",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages.0.content.0.file.file_data",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png"}}]}
                ]
            },
            "messages.0.content.0.image_url.url",
        ),
    ],
)
def test_what_anthropic_has_no_words_for_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


def test_instructions_stand_before_the_conversation_and_in_it() -> None:
    found = sent(
        messages=[
            {"role": "developer", "content": "A."},
            {
                "role": "system",
                "content": [{"type": "text", "text": "B.", "prompt_cache_breakpoint": {"mode": "explicit"}}],
            },
            USER,
            {"role": "developer", "content": "C."},
        ]
    )
    assert found["system"] == [{"type": "text", "text": "A."}, {"type": "text", "text": "B.", **MARK}]
    assert found["messages"] == [USER, {"role": "system", "content": "C."}]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y"}},
            {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                "title": "a.pdf",
                "citations": {"enabled": True},
            },
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/markdown;base64,w7w="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ü"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/geo+json;base64,e30="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "{}"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AA=="}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}},
        ),
        ({"type": "file", "file": {"file_id": "f"}}, {"type": "document", "source": {"type": "file", "file_id": "f"}}),
        (
            {"type": "file", "file": {"file_data": "https://x/y.pdf"}},
            {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        ),
        (
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "t", **HOUR},
        ),
    ],
)
def test_parts_become_blocks(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert turns({"role": "user", "content": [part]}) == [{"role": "user", "content": [block]}]


def test_results_of_one_turn_stand_in_one_message_before_what_the_user_says() -> None:
    found = turns(
        USER,
        {"role": "assistant", "content": "", "tool_calls": [CALL, CALL | {"id": "d"}]},
        {"role": "tool", "tool_call_id": "d", "content": "no", "is_error": True},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "yes"}], **MARK},
        {"role": "user", "content": "So?"},
        {"role": "user", "content": "Well?"},
    )
    use = {"type": "tool_use", "name": "f", "input": {"ü": 1}}
    assert found == [
        USER,
        {"role": "assistant", "content": [use | {"id": "c"}, use | {"id": "d"}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "d", "content": "no", "is_error": True},
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "yes"}], **MARK},
                {"type": "text", "text": "So?"},
            ],
        },
        {"role": "user", "content": "Well?"},
    ]


def test_only_anthropics_own_thoughts_are_given_back() -> None:
    details = [
        {"type": "reasoning.encrypted", "data": "x", "format": FORM, "index": 1},
        {"type": "reasoning.text", "text": "So.", "signature": "s", "format": FORM, "index": 0},
        {"type": "reasoning.text", "text": "Theirs.", "signature": "t", "format": "google-gemini-v1", "index": 0},
    ]
    said = {"role": "assistant", "content": "42.", "reasoning_content": "So.", "reasoning_details": details}
    assert turns(USER, said)[1]["content"] == [
        {"type": "thinking", "thinking": "So.", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "42."},
    ]


def test_a_turn_in_anthropics_own_blocks_is_given_back_as_it_is() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "text", "text": "So."},
    ]
    ours = {"role": "assistant", "content": "So.", "native_content": {"format": FORM, "blocks": blocks}}
    theirs = ours | {"native_content": {"format": "google-gemini-v1", "blocks": [{"text": "So."}]}}
    assert turns(USER, ours)[1]["content"] == blocks
    assert turns(USER, theirs)[1]["content"] == "So."


@pytest.mark.parametrize(
    ("there", "wanted", "due"),
    [
        (("low", "high", "max"), "xhigh", "high"),
        (("low", "high", "max"), "max", "max"),
        (("low", "high"), "max", "high"),
        (("high",), "minimal", "low"),
    ],
)
def test_an_effort_that_a_model_has_not_is_the_next_lower_one(there: tuple[str, ...], wanted: str, due: str) -> None:
    found = sent(Abilities(efforts=frozenset(there)), reasoning_effort=wanted)
    assert found["output_config"] == {"effort": due}


def test_a_limit_that_nobody_names_is_no_more_than_the_model_has() -> None:
    assert sent()["max_tokens"] == 4000
    assert sent(Abilities(most=1000))["max_tokens"] == 1000
    assert sent(Abilities(most=9000))["max_tokens"] == 4000
    assert sent(Abilities(most=1000), max_tokens=2000)["max_tokens"] == 2000

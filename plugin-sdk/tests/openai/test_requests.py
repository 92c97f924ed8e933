from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_sdk.openai.requests import (
    bare_messages,
    instructions_as_system,
    older_limit,
    thoughts_as_reasoning,
    without,
    without_foreign_notes,
)

USER = {"role": "user", "content": "hi"}


def chat(**fields: Any) -> ChatRequest:
    return decode_request(ChatRequest, {"model": "m", "messages": [USER]} | fields)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5, "max_tokens": 7}, {"max_tokens": 5}),
        ({"max_completion_tokens": None, "max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": None}, {}),
    ],
)
def test_the_newer_limit_gets_the_older_name(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    dumped = older_limit(chat(**asked)).model_dump()
    assert {name: dumped[name] for name in dumped if name.startswith("max")} == sent


def test_instructions_of_a_developer_become_the_systems_with_all_that_they_carry() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}], "name": "d", "x": 1},
        USER,
    ]
    sent = instructions_as_system(chat(messages=messages)).model_dump()["messages"]
    assert sent == [messages[0] | {"role": "system"}, USER]


@pytest.mark.parametrize(
    ("thoughts", "sent"),
    [
        ({"reasoning_content": "So."}, {"reasoning": "So."}),
        ({"reasoning_content": "So.", "reasoning": "Thus."}, {"reasoning": "Thus."}),
        ({"reasoning_content": "So.", "reasoning": None}, {"reasoning": "So."}),
        ({"reasoning_content": None}, {}),
        ({"reasoning": "Thus."}, {"reasoning": "Thus."}),
    ],
)
@pytest.mark.parametrize("change", [thoughts_as_reasoning, bare_messages])
def test_thoughts_get_the_name_reasoning(change: Any, thoughts: dict[str, Any], sent: dict[str, Any]) -> None:
    said = {"role": "assistant", "content": "42."}
    assert change(chat(messages=[USER, said | thoughts])).model_dump()["messages"] == [USER, said | sent]


@pytest.mark.parametrize("given", [{"reasoning": "So."}, {"reasoning_content": "So."}])
def test_thoughts_get_the_one_name_that_a_strict_server_has(given: dict[str, Any]) -> None:
    said = {"role": "assistant", "content": "42."}
    told = bare_messages(chat(messages=[USER, said | given]), thoughts="reasoning_content").model_dump()["messages"]
    assert told == [USER, said | {"reasoning_content": "So."}]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"content": None, "refusal": "No.", "audio": None}, {"content": "No."}),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, {"content": [{"type": "text", "text": "No."}]}),
        ({"content": "A", "native_content": {"format": "x"}, "annotations": [], "x": 1}, {"content": "A", "x": 1}),
        ({"content": "A", "reasoning_details": [{"format": "x"}], "cache_control": {}}, {"content": "A"}),
    ],
)
def test_messages_lose_what_says_nothing_to_the_server(given: dict[str, Any], sent: dict[str, Any]) -> None:
    told = bare_messages(chat(messages=[{"role": "assistant"} | given])).model_dump()["messages"]
    assert told == [{"role": "assistant"} | sent]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"content": "A", "reasoning_content": "So.", "refusal": None}, {"content": "A", "refusal": None}),
        ({"content": "A", "reasoning_details": [], "native_content": {}, "x": 1}, {"content": "A", "x": 1}),
        (
            {"content": [{"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}]},
            {"content": [{"type": "text", "text": "A"}]},
        ),
        ({"content": "A", "annotations": []}, {"content": "A", "annotations": []}),
    ],
)
def test_what_other_makers_left_in_messages_is_not_told_to_openai(given: dict[str, Any], sent: dict[str, Any]) -> None:
    told = without_foreign_notes(chat(messages=[{"role": "assistant"} | given])).model_dump()["messages"]
    assert told == [{"role": "assistant"} | sent]


def test_parts_lose_their_marks_for_caches() -> None:
    part = {"type": "text", "text": "hi"}
    marked = part | {"prompt_cache_breakpoint": {"mode": "explicit"}, "cache_control": {"type": "ephemeral"}}
    told = bare_messages(chat(messages=[{"role": "user", "content": [marked]}])).model_dump()["messages"]
    assert told == [{"role": "user", "content": [part]}]


def test_fields_are_left_out_by_name() -> None:
    sent = without(chat(store=True, user="u", vendor=1), ("store", "user", "metadata")).model_dump()
    assert sent == {"model": "m", "messages": [USER], "vendor": 1}


def test_a_request_that_needs_no_change_is_the_same_object() -> None:
    request = chat(max_tokens=5)
    assert older_limit(request) is instructions_as_system(request) is without(request, ("store",)) is request
    assert thoughts_as_reasoning(request) is bare_messages(request) is without_foreign_notes(request) is request

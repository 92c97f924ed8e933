from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_sdk.openai.requests import instructions_as_system, older_limit, without

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


def test_fields_are_left_out_by_name() -> None:
    sent = without(chat(store=True, user="u", vendor=1), ("store", "user", "metadata")).model_dump()
    assert sent == {"model": "m", "messages": [USER], "vendor": 1}


def test_a_request_that_needs_no_change_is_the_same_object() -> None:
    request = chat(max_tokens=5)
    assert older_limit(request) is instructions_as_system(request) is without(request, ("store",)) is request

from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.responses import Response
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream.answers import check_object

RESPONSE: dict[str, Any] = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "tools": []}


@pytest.mark.parametrize("length", [1, 20_000], ids=["small", "large"])
def test_an_answer_need_not_repeat_what_its_request_said(length: int) -> None:
    told = {name: value for name, value in RESPONSE.items() if name != "tools"} | {"x": "a" * length}
    assert check_object(Response, json.dumps(told).encode()) is None


@pytest.mark.parametrize("length", [1, 20_000], ids=["small", "large"])
def test_an_answer_has_what_it_is_about(length: int) -> None:
    told = {name: value for name, value in RESPONSE.items() if name != "output"} | {"x": "a" * length}
    with pytest.raises(UpstreamInvalid, match="no 'output'"):
        check_object(Response, json.dumps(told).encode())


@pytest.mark.parametrize(
    ("reason", "broken"),
    [
        ("error", True),
        ("abort", True),
        ("network_error", True),
        ("insufficient_system_resource", True),
        ("stop", False),
    ],
)
def test_an_answer_that_was_broken_off_is_no_answer(reason: str, broken: bool) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "So"}, "finish_reason": reason}
    found = check_object(ChatCompletion, json.dumps({"id": "x", "choices": [choice]}).encode())
    assert (found is not None) == broken
    assert found is None or reason in found["error"]["message"]

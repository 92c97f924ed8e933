from __future__ import annotations

import json
from typing import Any

import pytest

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

from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_deepseek.plugin import DEEPSEEK
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.dialects.deepseek import DEEPSEEK_WIRE


async def sent(config: dict[str, Any], **asked: Any) -> tuple[str, dict[str, Any]]:
    """Where a chat went, and what was sent."""
    request = {"model": "kit-model", "messages": [{"role": "user", "content": "Hi."}], **asked}
    async with (
        FakeUpstream.open(DEEPSEEK_WIRE) as upstream,
        open_alone(DEEPSEEK, {"base_url": upstream.url, "api_key": "k", **config}) as provider,
    ):
        await provider.complete(ChatRequest.model_validate(request), Call())
        found = upstream.received[-1].request
        return found.path, json.loads(found.body)


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "none", "thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
    ],
)
async def test_no_effort_turns_thinking_off(asked: dict[str, Any], due: dict[str, Any]) -> None:
    _, body = await sent({}, **asked)
    assert {name: body[name] for name in ("reasoning_effort", "thinking") if name in body} == due


@pytest.mark.parametrize(("beta", "path"), [(False, "/chat/completions"), (True, "/beta/chat/completions")])
async def test_the_beta_is_asked_where_the_operator_says_so(beta: bool, path: str) -> None:
    begun = {"role": "assistant", "content": "Dear", "prefix": True, "reasoning_content": "Hm."}
    found, body = await sent({"beta": beta}, messages=[{"role": "user", "content": "Write."}, begun])
    assert (found, body["messages"][-1]) == (path, begun)

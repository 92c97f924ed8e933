"""What an upstream wants back of its model's turn is carried from turn to turn, and to no other upstream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from dialogue import PLUGINS, function, post, raw_events

from dinrail_responses.sealed import CARRIED
from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.dialects.anthropic import ANTHROPIC_WIRE
from dinrail_sdk.testing.script import Asked, Refused, Say, Script, Spoken, ToolUse, improvise

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEALED = "reasoning.encrypted_content"
WEATHER = ToolUse(name="weather", arguments='{"place":"Oslo"}', id="toolu_1")
THOUGHT = {"type": "thinking", "thinking": "Oslo?", "signature": "c2lnbmVk"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(ANTHROPIC_WIRE) as running:
        yield running


@pytest.fixture
def upstream(_upstream: FakeUpstream) -> FakeUpstream:
    """One upstream of Anthropic's dialect, which thinks, signs what it thought, and calls."""
    _upstream.says(thinks)
    _upstream.received.clear()
    return _upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def claude(_upstream: FakeUpstream) -> AsyncIterator[Served]:
    """Two instances before it, and a model that may lead to both."""
    one = {"type": "anthropic", "base_url": _upstream.url, "api_key": "sk-of-the-kit", "max_retries": 0}
    models = {"both": {"targets": ["one/kit-model"], "fallback": ["two/kit-model"]}}
    config = {"providers": {"one": one, "two": one}, "models": models}
    async with serve(plugins=[*PLUGINS, "anthropic"], config=config) as running:
        yield running


def thinks(asked: Asked) -> Script:
    if asked.api != "chat":
        return improvise(asked, "kit-model")
    if asked.messages[-1].role == "user" and asked.tools and asked.messages[-1].text == "?":
        return Spoken(choices=(Say(text=None, reasoning="Oslo?", calls=(WEATHER,), finish="tool_calls"),))
    return Spoken.of("Rain.")


def told(upstream: FakeUpstream) -> list[list[Any]]:
    """The thoughts that each question brought, as the upstream was told them."""
    asked = [one.request.json for one in upstream.received if one.request.method == "POST"]
    blocks = [[b for m in sent["messages"] if isinstance(m["content"], list) for b in m["content"]] for sent in asked]
    return [[block for block in found if block["type"] == "thinking"] for found in blocks]


OUTPUT = {"type": "function_call_output", "call_id": "toolu_1", "output": "rain"}


@pytest.mark.parametrize("stream", [False, True])
async def test_signatures_are_told_with_the_history(stream: bool, claude: Served, upstream: FakeUpstream) -> None:
    asked: Any = {"model": "one/kit-model", "input": "?", "tools": [function()]}
    if stream:
        made = (await raw_events(claude, asked))[-1]["response"]
    else:
        _, made = await post(claude, asked)
    assert [item["type"] for item in made["output"]] == ["reasoning", "function_call"]
    assert "encrypted_content" not in made["output"][0], "who has not asked for it is not told it"
    again = {"model": "one/kit-model", "previous_response_id": made["id"], "input": [OUTPUT]}
    status, second = await post(claude, again)
    assert status == 200, second
    third = {"model": "one/kit-model", "previous_response_id": second["id"], "input": "b"}
    assert (await post(claude, third))[0] == 200
    assert told(upstream) == [[], [THOUGHT], [THOUGHT]]
    assert (await post(claude, {**again, "model": "two/kit-model"}))[0] == 200
    assert told(upstream)[-1] == [], "another instance is told nothing of it"


async def test_who_keeps_the_history_gives_them_back(claude: Served, upstream: FakeUpstream) -> None:
    asked: Any = {"model": "one/kit-model", "store": False, "include": [SEALED], "tools": [function()]}
    question = {"role": "user", "content": "?"}
    _, made = await post(claude, {**asked, "input": [question]})
    thought, call = made["output"]
    assert thought["encrypted_content"].startswith(CARRIED)
    status, _ = await post(claude, {**asked, "input": [question, thought, call, OUTPUT]})
    assert status == 200
    changed = {**thought, "encrypted_content": thought["encrypted_content"][:-4] + "AAAA"}
    status, _ = await post(claude, {**asked, "input": [question, changed, call, OUTPUT]})
    assert status == 200, "thoughts that cannot be read are left out"
    assert told(upstream) == [[], [THOUGHT], []]


async def test_a_conversation_carries_them(claude: Served, upstream: FakeUpstream) -> None:
    async with claude.openai() as client:
        conversation = (await client.conversations.create()).id
        asked: Any = {"model": "one/kit-model", "conversation": conversation, "tools": [function()]}
        await post(claude, {**asked, "input": "?"})
        items = await client.conversations.items.list(conversation)
        assert all("encrypted_content" not in item.to_dict() for item in items.data)
        await post(claude, {**asked, "input": [OUTPUT]})
    assert told(upstream) == [[], [THOUGHT]]


async def test_behind_a_model_of_several_each_is_told_its_own(claude: Served, upstream: FakeUpstream) -> None:
    refused = False

    def ill(asked: Asked) -> Script:
        nonlocal refused
        if asked.api == "chat" and refused:
            refused = False
            return Refused(status=503, message="Later.")
        return thinks(asked)

    upstream.says(ill)
    _, made = await post(claude, {"model": "both", "input": "?", "tools": [function()]})
    again = {"model": "both", "previous_response_id": made["id"], "input": [OUTPUT]}
    assert (await post(claude, again))[0] == 200
    refused = True
    assert (await post(claude, again))[0] == 200
    assert told(upstream) == [[], [THOUGHT], [THOUGHT], []], "the one that steps in is told nothing"
    assert "carried_by" not in json.dumps([one.request.json for one in upstream.received if one.request.json])

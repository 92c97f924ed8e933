"""Upstreams that speak the Responses API themselves: driven by it, with the same items as through chats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from dialogue import MODEL, PLUGINS, calls, function, post, raw_events, says, summed

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.script import Asked, Refused, Say, Script, Spoken, ToolUse, improvise
from dinrail_sdk.testing.upstream import Turn

CHAT = "two/kit-model"
SEALED = "reasoning.encrypted_content"
PICTURE = {"type": "image_generation_call", "id": "ig_there", "status": "completed", "result": "aGk="}


@pytest.fixture
async def native(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Served]:
    """One upstream twice: ``one`` is driven natively, ``two`` by chats."""
    one = {"type": "openai", "base_url": upstream.url, "api_key": "sk-of-the-kit"}
    two = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    config = {"data_dir": str(tmp_path / "data"), "providers": {"one": one, "two": two}}
    async with serve(plugins=[*PLUGINS, "openai"], config=config) as running:
        yield running


def apis(upstream: FakeUpstream) -> list[str]:
    return [received.asked.api for received in upstream.received if received.asked and received.asked.api != "models"]


def body(upstream: FakeUpstream) -> Any:
    return upstream.received[-1].request.json


def talk(upstream: FakeUpstream, *turns: Turn) -> None:
    """What the model says in turn; lists of models, which are asked for at any time, are no part of it."""
    said = iter(turns)

    def script(asked: Asked) -> Script:
        turn = None if asked.api == "models" else next(said, None)
        if turn is None:
            return improvise(asked, "kit-model")
        assert isinstance(turn.script, (Spoken, Refused))
        return turn.script

    upstream.says(script)


def alike(value: Any) -> Any:
    """Without what differs from one response to the next."""
    if isinstance(value, list):
        return [alike(inner) for inner in value]
    if isinstance(value, dict):
        differing = ("id", "item_id", "created_at", "completed_at", "model", "obfuscation")
        return {name: alike(inner) for name, inner in value.items() if name not in differing}
    return value


WEATHER = ToolUse(name="weather", arguments='{"place":"Oslo"}', id="c1")
SHOUT = ToolUse(name="shout", arguments='{"input":"HEY"}', id="c2")
SCRIPTS: dict[str, tuple[Turn, dict[str, Any]]] = {
    "text": (says("Hello."), {}),
    "thoughts": (says("Hello.", reasoning="I think so."), {}),
    "a summary": (says("Hello.", reasoning="I think so."), {"reasoning": {"summary": "auto"}}),
    "a refusal": (Turn(script=Spoken(choices=(Say(text=None, refusal="No, no."),))), {}),
    "a cut text": (says("Hello and", finish="length"), {"max_output_tokens": 16}),
    "calls": (
        calls(WEATHER, SHOUT, text="Let me see."),
        {"tools": [function(), {"type": "custom", "name": "shout"}], "tool_choice": "required"},
    ),
    "a call in a namespace": (
        calls(ToolUse(name="sky__weather", arguments='{"place":"Oslo"}', id="c1")),
        {"tools": [{"type": "namespace", "name": "sky", "description": "Sky.", "tools": [function()]}]},
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_items_and_events_are_those_of_a_chat(name: str, native: Served, upstream: FakeUpstream) -> None:
    turn, asked = SCRIPTS[name]
    talk(upstream, turn, turn, turn, turn)
    there, here = [await raw_events(native, {"input": "?", **asked, "model": model}) for model in (MODEL, CHAT)]
    values = [await post(native, {"input": "?", **asked, "model": model}) for model in (MODEL, CHAT)]
    assert apis(upstream) == ["responses", "chat"] * 2
    assert summed(there) == there[-1]["response"]["output"]
    if name != "calls":  # a chat tells its calls bit by bit, side by side
        assert alike(there) == alike(here)
    assert alike(there[-1]) == alike(here[-1])
    assert [status for status, _ in values] == [200, 200]
    assert alike(values[0][1]) == alike(values[1][1]) == alike(there[-1]["response"])


async def test_nothing_is_kept_there_and_the_history_comes_whole(native: Served, upstream: FakeUpstream) -> None:
    async with native.openai() as client:
        one = await client.responses.create(model=MODEL, input="a", instructions="Be kind.", metadata={"a": "b"})
        two = await client.responses.create(model=MODEL, input="b", previous_response_id=one.id)
    sent = body(upstream)
    assert (sent["model"], sent["store"]) == ("kit-model", False)
    assert not sent.keys() & {"previous_response_id", "conversation", "prompt", "metadata", "background"}
    told = [(message.role, message.text) for message in upstream.asked.messages]
    assert told == [("user", "a"), ("assistant", "You said: a"), ("user", "b")]
    assert one.id.startswith("resp_")
    assert "resp_kit" not in (one.id, two.id)
    assert two.previous_response_id == one.id


async def test_encrypted_thoughts_go_round(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("Hello.", reasoning="I think.", sealed="gAAAA"), says("Well."))
    request = {"model": MODEL, "store": False, "include": [SEALED], "reasoning": {"summary": "auto"}}
    _, made = await post(native, {**request, "input": "a"})
    thought, said = made["output"]
    assert (thought["id"], thought["encrypted_content"]) == ("rs_kit", "gAAAA")
    question = {"role": "user", "content": "b"}
    status, _ = await post(native, {**request, "input": [{"role": "user", "content": "a"}, thought, said, question]})
    assert status == 200
    (told,) = [item for item in body(upstream)["input"] if item["type"] == "reasoning"]
    assert told == {"type": "reasoning", "id": "rs_kit", "summary": thought["summary"], "encrypted_content": "gAAAA"}


async def test_encrypted_thoughts_are_told_to_who_asks_for_them(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("Hello.", reasoning="I think.", sealed="gAAAA"))
    _, made = await post(native, {"model": MODEL, "input": "a", "reasoning": {"effort": "low"}})
    assert body(upstream)["include"] == [SEALED]
    assert "encrypted_content" not in made["output"][0]


async def test_functions_that_the_caller_ran_are_answered(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, calls(WEATHER, SHOUT))
    tools: Any = [function(), {"type": "custom", "name": "shout"}]
    async with native.openai() as client:
        made = await client.responses.create(model=MODEL, input="?", tools=tools)
        assert [tool["type"] for tool in body(upstream)["tools"]] == ["function", "custom"]
        outputs: Any = [
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "HO"},
            {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        ]
        await client.responses.create(model=MODEL, input=outputs, previous_response_id=made.id, tools=tools)
    told = [(m.answers, m.text) for m in upstream.asked.messages if m.role == "tool"]
    assert told == [("c2", "HO"), ("c1", "rain")]


async def test_a_call_that_the_model_made_up_is_answered(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, calls(ToolUse(name="fly", arguments="{}", id="c1")), says("I cannot fly."))
    events = await raw_events(native, {"input": "Fly!", "tools": [function()]})
    final = events[-1]["response"]
    assert [item["type"] for item in final["output"]] == ["message"]
    assert "no tool 'fly'" in upstream.asked.messages[-1].text
    assert final["usage"]["total_tokens"] == 36


async def test_allowed_tools_are_a_hard_constraint(native: Served, upstream: FakeUpstream) -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]}
    tools = [function(), function("time"), {"type": "image_generation"}]
    await post(native, {"model": MODEL, "input": "?", "tools": tools, "tool_choice": choice})
    sent = body(upstream)
    assert ([tool.get("name") for tool in sent["tools"]], sent["tool_choice"]) == (["weather"], "required")


async def test_items_of_the_upstreams_own_tools_are_kept_and_handed_on(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("Here.", items=(PICTURE,)), says("Bigger."))
    tools = [function(), {"type": "image_generation"}]
    events = await raw_events(native, {"input": "Draw.", "tools": tools, "tool_choice": {"type": "image_generation"}})
    sent = body(upstream)
    assert (sent["tools"], sent["tool_choice"]) == ([{"type": "image_generation"}], {"type": "image_generation"})
    kinds = [event["type"] for event in events]
    assert kinds[2:6] == [
        "response.output_item.added",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.completed",
        "response.output_item.done",
    ]
    final = events[-1]["response"]
    assert final["output"][0] == PICTURE
    again = {"model": MODEL, "input": "Bigger!", "previous_response_id": final["id"], "tools": tools}
    status, _ = await post(native, again)
    assert status == 200
    assert PICTURE in body(upstream)["input"]


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}, "tools.0"),
        ({"type": "code_interpreter", "container": "cntr_1"}, "tools.0"),
    ],
)
async def test_tools_of_the_upstream_name_nothing_that_is_there(
    tool: dict[str, Any], param: str, native: Served, upstream: FakeUpstream
) -> None:
    status, refused = await post(native, {"model": MODEL, "input": "?", "tools": [tool]})
    assert (status, refused["error"]["param"]) == (400, param)
    assert not apis(upstream)


async def test_uploaded_files_go_along(native: Served, upstream: FakeUpstream) -> None:
    async with native.openai() as client:
        picture = await client.files.create(file=("a.png", b"\x89PNG\r\n\x1a\n", "image/png"), purpose="vision")
        paper = await client.files.create(file=("a.pdf", b"%PDF-1.4", "application/pdf"), purpose="user_data")
        content: Any = [
            {"type": "input_image", "file_id": picture.id, "detail": "high"},
            {"type": "input_file", "file_id": paper.id},
        ]
        await client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
        (message,) = upstream.asked.messages
        assert message.images[0].startswith("data:image/png;base64,")
        assert message.files[0].startswith("data:application/pdf;base64,")
        assert picture.id not in json.dumps(body(upstream))
        content[0]["file_id"] = "file-missing"
        with pytest.raises(openai.NotFoundError):
            await client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])


async def test_an_upstream_that_refuses_or_fails_is_told(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, Turn(script=Refused(status=400, message="No.", param="input")))
    status, refused = await post(native, {"model": MODEL, "input": "?"})
    assert (status, refused["error"]["message"]) == (400, "No.")
    upstream.says(dies_after=6)
    events = await raw_events(native, {"input": "?"})
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert summed(events[:-2])[0]["status"] == "incomplete"
    failed = {"status": "failed", "error": {"code": "server_error", "message": "Broken."}}
    talk(upstream, Turn(script=Spoken(extra=failed)))
    status, refused = await post(native, {"model": MODEL, "input": "?"})
    assert status == 502
    assert "Broken." in refused["error"]["message"]


async def test_a_response_in_the_background_is_made_natively(native: Served, upstream: FakeUpstream) -> None:
    async with native.openai() as client:
        made = await client.responses.create(model=MODEL, input="a", background=True)
        stream = await client.responses.retrieve(made.id, stream=True)
        kinds = [event.type async for event in stream]
    assert kinds[-1] == "response.completed"
    assert apis(upstream) == ["responses"]

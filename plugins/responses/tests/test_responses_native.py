"""Upstreams that speak the Responses API themselves: driven by it, with the same items as through chats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from dialogue import MODEL, PLUGINS, calls, function, post, raw_events, says, summed

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.dialects.openai import OPENAI
from dinrail_sdk.testing.script import Asked, Refused, Say, Script, Spoken, ToolUse, improvise
from dinrail_sdk.testing.upstream import Turn

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAT = "two/kit-model"
PLAIN = "three/kit-model"
WHOLE = "four/kit-model"
SEALED = "reasoning.encrypted_content"
PICTURE = {"type": "image_generation_call", "id": "ig_there", "status": "completed", "result": "aGk="}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as running:
        yield running


@pytest.fixture
def upstream(_upstream: FakeUpstream) -> FakeUpstream:
    """The one upstream, without a script."""
    _upstream.says()
    _upstream.received.clear()
    return _upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def native(_upstream: FakeUpstream) -> AsyncIterator[Served]:
    """One upstream: ``one`` is driven natively, ``two`` by chats, and the others as the operator says they speak."""
    one = {"type": "openai", "base_url": _upstream.url, "api_key": "sk-of-the-kit"}
    two = {"type": "openai-compatible", "base_url": _upstream.url, "models": ["kit-model"]}
    three = {"type": "vllm", "base_url": _upstream.url, "responses": "plain"}
    four = {**two, "responses": "whole", "apis": ["chat"]}
    providers = {"one": one, "two": two, "three": three, "four": four}
    models = {
        "one/kit-model": {"price": {"input": 1.0, "output": 2.0}},
        "both": {"targets": ["one/kit-model"], "fallback": ["four/kit-model"]},
        "mixed": {"targets": ["one/kit-model"], "fallback": ["two/kit-model"]},
    }
    config = {"providers": providers, "models": models}
    async with serve(plugins=[*PLUGINS, "openai", "vllm"], config=config) as running:
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
    models = (CHAT, MODEL, PLAIN, WHOLE)
    talk(upstream, *[turn] * 8)
    here, *others = [await raw_events(native, {"input": "?", **asked, "model": model}) for model in models]
    values = [await post(native, {"input": "?", **asked, "model": model}) for model in models]
    assert apis(upstream) == ["chat", "responses", "responses", "responses"] * 2
    for there in others:
        assert summed(there) == there[-1]["response"]["output"]
        if name != "calls":  # a chat tells its calls bit by bit, side by side
            assert alike(there) == alike(here)
        assert alike(there[-1]) == alike(here[-1])
    assert [status for status, _ in values] == [200] * 4
    for _, value in values:
        assert alike(value) == alike(here[-1]["response"])


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
    assert (thought["id"], thought["encrypted_content"]) == ("rs_kit", "dr:one:gAAAA")
    question = {"role": "user", "content": "b"}
    status, _ = await post(native, {**request, "input": [{"role": "user", "content": "a"}, thought, said, question]})
    assert status == 200
    (told,) = [item for item in body(upstream)["input"] if item["type"] == "reasoning"]
    assert told == {"type": "reasoning", "id": "rs_kit", "summary": thought["summary"], "encrypted_content": "gAAAA"}


def sealed_thoughts(upstream: FakeUpstream) -> list[list[str]]:
    """The encrypted thoughts that each question brought."""
    bodies = [one.request.json for one in upstream.received if one.request.method == "POST"]
    return [[item["encrypted_content"] for item in sent["input"] if item.get("type") == "reasoning"] for sent in bodies]


@pytest.mark.parametrize("stream", [False, True])
async def test_encrypted_thoughts_go_to_nobody_else(stream: bool, native: Served, upstream: FakeUpstream) -> None:
    ill = Turn(script=Refused(status=401, message="A wrong key."))
    made_up = (ToolUse(name="fly", arguments="{}", id="c1"),)
    of_one = says("", calls=made_up, finish="tool_calls", reasoning="Fly?", sealed="gOne")
    talk(upstream, of_one, ill, says("Hello.", reasoning="No.", sealed="gFour"), says("Well."), says("Well."))
    asked: Any = {"model": "both", "include": [SEALED], "tools": [function()], "input": "a"}
    if stream:
        made = (await raw_events(native, asked))[-1]["response"]
    else:
        _, made = await post(native, asked)
    sealed = [item["encrypted_content"] for item in made["output"] if item["type"] == "reasoning"]
    assert sealed == ["dr:one:gOne", "dr:four:gFour"]
    assert sealed_thoughts(upstream) == [[], ["gOne"], []], "the second has stepped in within one response"
    for model in ("both", WHOLE):
        await post(native, {"model": model, "input": "b", "previous_response_id": made["id"]})
    assert sealed_thoughts(upstream)[3:] == [["gOne"], ["gFour"]]


async def test_encrypted_thoughts_are_told_to_who_asks_for_them(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("Hello.", reasoning="I think.", sealed="gAAAA"))
    _, made = await post(native, {"model": MODEL, "input": "a", "reasoning": {"effort": "low"}})
    assert body(upstream)["include"] == [SEALED]
    assert "encrypted_content" not in made["output"][0]


@pytest.mark.parametrize("kind", ["input_image", "input_file"])
async def test_a_part_without_anything_in_it_is_refused_here(kind: str, native: Served, upstream: FakeUpstream) -> None:
    for model in (MODEL, CHAT):
        content = [{"type": kind, "filename": "a.txt", "detail": "auto"}]
        status, refused = await post(native, {"model": model, "input": [{"role": "user", "content": content}]})
        assert (status, refused["error"]["param"]) == (400, "input")
    assert apis(upstream) == []


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


async def test_calls_are_bounded_over_all_turns_whoever_runs_them(native: Served, upstream: FakeUpstream) -> None:
    fly = ToolUse(name="fly", arguments="{}", id="c1")
    drawn = Turn(script=Spoken(choices=(Say(text=None, items=(PICTURE,), calls=(fly,), finish="tool_calls"),)))
    talk(upstream, drawn, drawn, says("Well."))
    tools = [function(), {"type": "image_generation"}]
    _, made = await post(native, {"model": MODEL, "input": "?", "tools": tools, "max_tool_calls": 2})
    assert [item["type"] for item in made["output"]] == ["image_generation_call", "image_generation_call", "message"]
    bodies = [one.request.json for one in upstream.received if one.request.method == "POST"]
    assert [sent.get("max_tool_calls") for sent in bodies] == [2, 1, None]
    assert [len(sent["tools"]) for sent in bodies] == [2, 2, 1]


@pytest.mark.parametrize("tier", ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"])
async def test_the_tier_that_is_told_is_the_one_that_has_answered(
    tier: str, native: Served, upstream: FakeUpstream
) -> None:
    for model in (MODEL, CHAT):
        talk(upstream, says("Hello."), Turn(script=Spoken(extra={"service_tier": "priority"})))
        asked = {"model": model, "input": "?", "service_tier": tier}
        _, silent = await post(native, asked)
        sent = body(upstream).get("service_tier")
        assert sent == (None if model == CHAT and tier in ("auto", "ultrafast") else tier)
        _, told = await post(native, asked)
        assert (silent["service_tier"], told["service_tier"]) == ("default", "priority")


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


async def test_a_plain_server_is_asked_in_plain_words(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("Well.", reasoning="I see."))
    grammar = {"type": "grammar", "syntax": "regex", "definition": "[A-Z]+"}
    history: list[Any] = [
        {"role": "user", "content": "Shout."},
        {"type": "custom_tool_call", "call_id": "c1", "name": "shout", "input": "HEY"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "HO"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "of somebody else"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "One. "}, {"type": "output_text", "text": "Two."}],
        },
    ]
    asked = {"input": history, "reasoning": {"effort": "low"}, "include": [SEALED, "web_search_call.results"]}
    tools = [{"type": "custom", "name": "shout", "format": grammar}]
    status, made = await post(native, {"model": PLAIN, **asked, "tools": tools, "truncation": "auto"})
    assert status == 200
    sent = body(upstream)
    assert [item["type"] for item in sent["input"]] == ["message", "function_call", "function_call_output", "message"]
    assert json.loads(sent["input"][1]["arguments"]) == {"input": "HEY"}
    assert [part["text"] for part in sent["input"][3]["content"]] == ["One. Two."]
    assert (sent["tools"][0]["type"], sent["tools"][0]["parameters"]["required"]) == ("function", ["input"])
    assert "include" not in sent
    assert "truncation" not in sent
    thought = made["output"][0]
    assert thought["encrypted_content"]
    again = [{"role": "user", "content": "a"}, thought]
    await post(native, {"model": PLAIN, "input": again})
    assert body(upstream)["input"][1]["content"] == [{"type": "reasoning_text", "text": "I see."}]
    status, refused = await post(native, {"model": PLAIN, "input": "?", "tools": [{"type": "image_generation"}]})
    assert (status, refused["error"]["param"]) == (400, "tools.0.type")


async def test_what_a_plain_server_does_not_know_is_asked_of_a_chat(native: Served, upstream: FakeUpstream) -> None:
    for model in (PLAIN, WHOLE):
        assert (await post(native, {"model": model, "input": "?", "frequency_penalty": 0.5}))[0] == 200
    assert apis(upstream) == ["chat", "responses"]


async def test_the_upstream_is_asked_to_tell_more_of_its_own_tools_alone(
    native: Served, upstream: FakeUpstream
) -> None:
    include = ["code_interpreter_call.outputs", "web_search_call.action.sources", "file_search_call.results"]
    await post(native, {"model": MODEL, "input": "?", "include": include, "tools": [{"type": "web_search"}]})
    assert body(upstream)["include"] == ["web_search_call.action.sources"]


async def test_tokens_are_counted_by_who_can(native: Served, upstream: FakeUpstream) -> None:
    asked: dict[str, Any] = {"input": "Hello.", "instructions": "Be kind.", "tools": [function()]}
    counts = [await post(native, {"model": model, **asked}, "responses/input_tokens") for model in (MODEL, PLAIN, CHAT)]
    assert [answer for _, answer in counts] == [{"object": "response.input_tokens", "input_tokens": 11}] * 3
    assert apis(upstream) == ["input_tokens", "responses", "chat"]
    bodies = [received.request.json for received in upstream.received if received.request.method == "POST"]
    assert [len(sent["tools"]) for sent in bodies] == [1, 1, 1]
    assert bodies[0].keys() == {"model", "input", "tools"}


async def test_histories_are_compacted_by_who_can(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, says("What I want."), says("A summary."), says("A summary."))
    asked = {"input": [{"role": "user", "content": "a"}], "instructions": "Be kind."}
    _, there = await post(native, {"model": MODEL, **asked}, "responses/compact")
    assert [item["type"] for item in there["output"]] == ["message", "compaction"]
    assert there["output"][1]["encrypted_content"] == "dr:one:gAAAA-compacted"
    assert body(upstream)["instructions"] == "Be kind."
    assert [item["role"] for item in body(upstream)["input"]] == ["user"]
    for model in (PLAIN, CHAT):
        _, made = await post(native, {"model": model, **asked}, "responses/compact")
        assert [item["type"] for item in made["output"]] == ["compaction"]
    assert apis(upstream) == ["compact", "responses", "chat"]
    question = {"role": "user", "content": "b"}
    await post(native, {"model": MODEL, "input": [*there["output"], question]})
    told = body(upstream)["input"]
    assert [item["type"] for item in told] == ["message", "compaction", "message"], "all that was given is told"
    assert told[1]["encrypted_content"] == "gAAAA-compacted"


async def test_a_whole_upstream_compacts_by_itself(native: Served, upstream: FakeUpstream) -> None:
    compaction = {"type": "compaction", "id": "cmp_there", "encrypted_content": "gAAAA"}
    talk(upstream, says("Hello.", items=(compaction,)), says("Well."), says("", items=(compaction,)))
    threshold = [{"type": "compaction", "compact_threshold": 1000}]
    asked = {"model": MODEL, "input": "a" * 9000, "context_management": threshold}
    _, made = await post(native, asked)
    assert body(upstream)["context_management"] == threshold
    assert {**compaction, "encrypted_content": "dr:one:gAAAA"} in made["output"]
    await post(native, {"model": MODEL, "input": "b", "previous_response_id": made["id"]})
    assert [item["type"] for item in body(upstream)["input"]] == ["compaction", "message", "message"]
    assert body(upstream)["input"][0] == compaction
    trigger = {"type": "compaction_trigger"}
    await post(native, {"model": MODEL, "input": [{"role": "user", "content": "a"}, trigger]})
    assert body(upstream)["input"][-1] == trigger
    assert apis(upstream) == ["responses"] * 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_history_is_told_to_who_has_compacted_it(stream: bool, native: Served, upstream: FakeUpstream) -> None:
    ill = Turn(script=Refused(status=401, message="A wrong key."))
    compaction = {"type": "compaction", "id": "cmp_there", "encrypted_content": "gFour"}
    of_four = says("", items=(compaction,), calls=(ToolUse(name="fly", arguments="{}", id="c1"),), finish="tool_calls")
    talk(upstream, ill, of_four, says("Hello."), says("Well."), says("Well."))
    asked: Any = {"model": "both", "input": "a", "tools": [function()]}
    if stream:
        made = (await raw_events(native, asked))[-1]["response"]
    else:
        _, made = await post(native, asked)
    compactions = [item["encrypted_content"] for item in made["output"] if item["type"] == "compaction"]
    assert compactions == ["dr:four:gFour"]
    for model in ("both", WHOLE):
        status, _ = await post(native, {"model": model, "input": "b", "previous_response_id": made["id"]})
        assert status == 200
    bodies = [one.request.json["input"] for one in upstream.received if one.request.method == "POST"]
    told = [[item["encrypted_content"] for item in sent if item.get("type") == "compaction"] for sent in bodies]
    assert told == [[], [], ["gFour"], ["gFour"], ["gFour"]], "within one response, and in the turns behind it"
    upstream.received.clear()
    for model in (MODEL, PLAIN, CHAT):
        status, refused = await post(native, {"model": model, "input": "b", "previous_response_id": made["id"]})
        assert (status, refused["error"]["param"], refused["error"]["code"]) == (400, "input", "compaction_unreadable")
        assert "'four' has compacted the history" in refused["error"]["message"]
    assert apis(upstream) == []


async def test_an_upstream_without_these_operations_is_asked_otherwise(native: Served, upstream: FakeUpstream) -> None:
    missing = Turn(script=Refused(status=404, message="Not Found"))
    talk(upstream, missing, says("11"), missing, says("A summary."))
    _, counted = await post(native, {"model": WHOLE, "input": "a"}, "responses/input_tokens")
    assert counted["input_tokens"] == 11
    _, made = await post(native, {"model": WHOLE, "input": "a"}, "responses/compact")
    assert made["output"][0]["type"] == "compaction"
    assert apis(upstream) == ["input_tokens", "responses", "compact", "responses"]


async def test_a_model_of_several_is_driven_natively_where_all_are(native: Served, upstream: FakeUpstream) -> None:
    talk(upstream, Turn(script=Refused(status=503, message="Later.")), says("Well."), says("Well."))
    status, made = await post(native, {"model": "both", "input": "?"})
    assert (status, made["model"]) == (200, "both")
    assert apis(upstream)[-1] == "responses"
    upstream.received.clear()
    talk(upstream, says("Well."))
    await post(native, {"model": "mixed", "input": "?"})
    assert apis(upstream) == ["chat"]


INSIDE = ["file:///etc/passwd", "http://169.254.169.254/latest", "http://127.0.0.1:1/a.png", "a.png"]


@pytest.mark.parametrize("model", [CHAT, MODEL, PLAIN, WHOLE])
@pytest.mark.parametrize("url", INSIDE)
async def test_no_upstream_is_sent_inside(url: str, model: str, native: Served, upstream: FakeUpstream) -> None:
    content = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": url}]
    asked = {"model": model, "input": [{"role": "user", "content": content}]}
    for path in ("responses", "responses/input_tokens", "responses/compact"):
        status, told = await post(native, asked, path)
        assert (status, told["error"]["param"]) == (400, "input.0.content.1.image_url")
    output = [{"type": "input_image", "image_url": url}]
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    items = [call, {"type": "function_call_output", "call_id": "c", "output": output}]
    status, told = await post(native, {"model": model, "input": items})
    assert (status, told["error"]["param"]) == (400, "input.1.output.0.image_url")
    assert apis(upstream) == []


@pytest.mark.parametrize("model", [MODEL, WHOLE])
async def test_no_native_upstream_fetches_documents_inside(model: str, native: Served, upstream: FakeUpstream) -> None:
    content = [{"type": "input_file", "file_url": "http://10.0.0.1/a.pdf"}]
    status, told = await post(native, {"model": model, "input": [{"role": "user", "content": content}]})
    assert (status, told["error"]["param"]) == (400, "input.0.content.0.file_url")
    assert (told["error"]["code"], apis(upstream)) == ("url_not_allowed", [])


async def test_what_a_conversation_holds_leads_no_upstream_inside(native: Served, upstream: FakeUpstream) -> None:
    content = [{"type": "input_image", "image_url": "http://10.0.0.1/a.png"}]
    status, held = await post(
        native, {"items": [{"type": "message", "role": "user", "content": content}]}, "conversations"
    )
    assert status == 200
    status, told = await post(native, {"model": MODEL, "input": "?", "conversation": held["id"]})
    assert (status, told["error"]["param"], apis(upstream)) == (400, "input", [])
    public = [{"type": "input_image", "image_url": "https://93.184.216.34/a.png"}]
    talk(upstream, says("A cat."))
    status, _ = await post(native, {"model": MODEL, "input": [{"role": "user", "content": public}]})
    assert status == 200
    assert body(upstream)["input"][0]["content"][0]["image_url"] == "https://93.184.216.34/a.png"

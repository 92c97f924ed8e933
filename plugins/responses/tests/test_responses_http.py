"""Responses through OpenAI's package and over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from dialogue import MODEL, PLUGINS, calls, function, post, raw_events, says, summed
from pydantic import BaseModel

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.dialects.openai import OPENAI
from dinrail_sdk.testing.script import Refused, Say, Spoken, TokenOdds, Tokens, ToolUse
from dinrail_sdk.testing.upstream import Turn

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "box", "name": "read", "arguments": "{}"}
APPROVED = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
KEYS = frozenset(
    {
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "incomplete_details",
        "model",
        "previous_response_id",
        "instructions",
        "output",
        "error",
        "tools",
        "tool_choice",
        "truncation",
        "parallel_tool_calls",
        "text",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "top_logprobs",
        "temperature",
        "reasoning",
        "usage",
        "max_output_tokens",
        "max_tool_calls",
        "store",
        "background",
        "service_tier",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
    }
)


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
async def served(_upstream: FakeUpstream) -> AsyncIterator[Served]:
    """One server for all that need none of their own."""
    one = {"type": "openai-compatible", "base_url": _upstream.url, "models": ["kit-model"]}
    async with serve(plugins=PLUGINS, config={"providers": {"one": one}}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stored(config: dict[str, Any], database_config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server over each database in turn."""
    services = {**config.get("services", {}), **database_config.get("services", {})}
    async with serve(plugins=PLUGINS, config={**config, "services": services}) as running:
        yield running


async def test_a_response_has_every_key_and_is_the_same_when_it_is_looked_at(stored: Served) -> None:
    status, made = await post(stored, {"model": MODEL, "input": "Hello.", "metadata": {"a": "b"}})
    assert status == 200
    assert made.keys() >= KEYS
    assert len(KEYS) == 31
    assert made["output"][0]["content"][0]["text"] == "You said: Hello."
    async with stored.openai() as client:
        seen = await client.responses.retrieve(made["id"])
        assert json.loads(seen.to_json()) == made | {k: float(made[k]) for k in ("created_at", "completed_at")}
        assert seen.usage is not None
        assert seen.usage.total_tokens == 18
        listed: Any = await client.get("/responses", cast_to=object)
        assert [one["id"] for one in listed["data"]] == [made["id"]]
        assert listed["data"][0]["output"] == made["output"]
        given = await client.responses.input_items.list(made["id"])
        assert [item.type for item in given.data] == ["message"]
        await client.responses.delete(made["id"])
        for look in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
            with pytest.raises(openai.NotFoundError):
                await look(made["id"])


async def test_a_stream_tells_everything_in_order_and_adds_up(served: Served) -> None:
    events = await raw_events(served, {"input": "Hello."})
    kinds = [event["type"] for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    final = events[-1]["response"]
    assert events[0]["response"]["output"] == []
    assert summed(events) == final["output"]
    assert final.keys() >= KEYS


async def test_turns_go_on_from_any_response_and_branch(stored: Served, upstream: FakeUpstream) -> None:
    async with stored.openai() as client:

        async def turn(text: str, after: str | None = None) -> str:
            made = await client.responses.create(model=MODEL, input=text, previous_response_id=after)
            return made.id

        def heard() -> list[str]:
            return [message.text for message in upstream.asked.messages if message.role == "user"]

        a = await turn("a")
        b = await turn("b", a)
        c = await turn("c", b)
        assert heard() == ["a", "b", "c"]
        other = await turn("b2", a)
        assert heard() == ["a", "b2"]
        await turn("c2", other)
        assert heard() == ["a", "b2", "c2"]
        await turn("d", c)
        assert heard() == ["a", "b", "c", "d"]
        await asyncio.gather(*(turn(f"x{n}", c) for n in range(5)))
        await client.responses.delete(b)
        await turn("e", c)
        assert heard() == ["a", "c", "e"]
        with pytest.raises(openai.BadRequestError) as missing:
            await turn("f", b)
        assert missing.value.param == "previous_response_id"


async def test_instructions_count_for_one_response(served: Served, upstream: FakeUpstream) -> None:
    async with served.openai() as client:
        one = await client.responses.create(model=MODEL, input="a", instructions="Be kind.")
        assert [message.role for message in upstream.asked.messages] == ["system", "user"]
        await client.responses.create(model=MODEL, input="b", previous_response_id=one.id)
        assert [message.role for message in upstream.asked.messages] == ["user", "assistant", "user"]


async def test_functions_are_the_callers_to_run_in_any_order(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(
        calls(
            ToolUse(name="weather", arguments='{"place":"Oslo"}', id="c1"),
            ToolUse(name="time", arguments="{}", id="c2"),
        )
    )
    async with served.openai() as client:
        tools: Any = [function(), function("time")]
        made = await client.responses.create(model=MODEL, input="?", tools=tools)
        found: Any = made.output
        assert [(item.name, item.arguments, item.call_id) for item in found] == [
            ("weather", '{"place":"Oslo"}', "c1"),
            ("time", "{}", "c2"),
        ]
        outputs: Any = [
            {"type": "function_call_output", "call_id": "c2", "output": "noon"},
            {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        ]
        await client.responses.create(model=MODEL, input=outputs, previous_response_id=made.id, tools=tools)
        told = [(m.answers, m.text) for m in upstream.asked.messages if m.role == "tool"]
        assert told == [("c1", "rain"), ("c2", "noon")]
        with pytest.raises(openai.BadRequestError, match="No tool output found"):
            await client.responses.create(model=MODEL, input="Well?", previous_response_id=made.id)


async def test_a_custom_tool_takes_text_and_its_grammar_reaches_the_model(
    served: Served, upstream: FakeUpstream
) -> None:
    upstream.then(calls(ToolUse(name="shout", arguments='{"input":"HEY \\"you\\""}', id="c1")))
    grammar = {"type": "grammar", "syntax": "regex", "definition": "[A-Z ]+"}
    events = await raw_events(served, {"input": "?", "tools": [{"type": "custom", "name": "shout", "format": grammar}]})
    (item,) = summed(events)
    assert (item["type"], item["input"]) == ("custom_tool_call", 'HEY "you"')
    (offered,) = upstream.asked.tools
    assert offered.parameters is not None
    assert offered.parameters["properties"]["input"]["pattern"] == "^(?:[A-Z ]+)$"


async def test_tools_in_a_namespace_are_told_with_it(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(calls(ToolUse(name="sky__weather", arguments="{}", id="c1")))
    namespace = {"type": "namespace", "name": "sky", "description": "Sky.", "tools": [function()]}
    _, made = await post(served, {"model": MODEL, "input": "?", "tools": [namespace, {"type": "web_search"}]})
    (item,) = made["output"]
    assert (item["namespace"], item["name"]) == ("sky", "weather")
    output = {"type": "function_call_output", "call_id": item["call_id"], "output": "Rain."}
    await post(served, {"model": MODEL, "input": [output], "previous_response_id": made["id"], "tools": [namespace]})
    (called,) = [call for message in upstream.asked.messages for call in message.calls]
    assert called.name == upstream.asked.tools[0].name == "sky__weather"


async def test_a_call_that_the_model_made_up_is_answered(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(calls(ToolUse(name="fly", arguments="{}", id="c1")), says("I cannot fly."))
    _, made = await post(served, {"model": MODEL, "input": "Fly!", "tools": [function()]})
    assert [item["type"] for item in made["output"]] == ["message"]
    told = upstream.asked.messages[-1]
    assert told.role == "tool"
    assert "no tool 'fly'" in told.text
    assert made["usage"]["total_tokens"] == 36


async def test_allowed_tools_are_a_hard_constraint(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(calls(ToolUse(name="time", arguments="{}", id="c1")), says("No."))
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]}
    body = {"model": MODEL, "input": "?", "tools": [function(), function("time")], "tool_choice": choice}
    _, made = await post(served, body)
    assert [item["type"] for item in made["output"]] == ["message"]
    assert [tool.name for tool in upstream.asked.tools] == ["weather"]
    both = {**choice, "tools": [{"type": "web_search"}, *choice["tools"]]}
    status, _ = await post(served, body | {"tools": [*body["tools"], {"type": "web_search"}], "tool_choice": both})
    assert status == 200, "what nothing serves is left out of the choice too"
    assert [tool.name for tool in upstream.asked.tools] == ["weather"]


SEARCH: dict[str, Any] = {"type": "web_search"}
UNHEARD: dict[str, Any] = {"type": "function", "name": "none"}


@pytest.mark.parametrize(
    ("named", "mode", "words"),
    [
        ([UNHEARD], "auto", "does not have"),
        ([{"type": "function", "name": "weather"}, UNHEARD], "auto", "does not have"),
        ([{"type": "file_search"}], "auto", "does not have"),
        ([{"type": "mcp", "server_label": "own"}], "required", "does not have"),
        ([{"name": "weather"}], "auto", "does not have"),
        ([{"type": "image_generation"}], "auto", "does not have"),
        ([], "required", "there is none"),
        ([SEARCH], "required", "there is none that serves web_search"),
        ([], "auto", ""),
        ([SEARCH], "auto", ""),
        ([UNHEARD], "none", "does not have"),
    ],
)
async def test_tools_that_are_allowed_must_be_there(
    named: list[Any], mode: str, words: str, served: Served, upstream: FakeUpstream
) -> None:
    choice = {"type": "allowed_tools", "mode": mode, "tools": named}
    body = {"model": MODEL, "input": "?", "tools": [function(), SEARCH], "tool_choice": choice}
    status, made = await post(served, body)
    if words:
        assert (status, made["error"]["param"]) == (400, "tool_choice")
        assert words in made["error"]["message"]
    else:
        assert status == 200
        assert upstream.asked.tools == ()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("required", "required"), ({"type": "function", "name": "time"}, "=time"), ("auto", None), ("none", None)],
)
async def test_a_choice_reaches_the_model(served: Served, upstream: FakeUpstream, choice: Any, expected: Any) -> None:
    body = {"model": MODEL, "input": "?", "tools": [function(), function("time")], "tool_choice": choice}
    status, _ = await post(served, body)
    assert status == 200
    assert upstream.asked.tool_choice == expected
    assert len(upstream.asked.tools) == {"none": 0, "=time": 1}.get(expected or str(choice), 2)


async def test_structured_output_is_asked_for_and_parsed(served: Served, upstream: FakeUpstream) -> None:
    class Place(BaseModel):
        name: str

    upstream.then(says('{"name":"Oslo"}'))
    async with served.openai() as client:
        parsed = await client.responses.parse(model=MODEL, input="?", text_format=Place)
        assert parsed.output_parsed == Place(name="Oslo")
    assert upstream.asked.schema is not None
    assert upstream.asked.schema["properties"].keys() == {"name"}


async def test_settings_reach_the_model(served: Served, upstream: FakeUpstream) -> None:
    body = {
        "temperature": 0.5,
        "top_p": 0.25,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "max_output_tokens": 99,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "parallel_tool_calls": False,
        "service_tier": "flex",
        "safety_identifier": "someone",
        "prompt_cache_key": "key",
        "prompt_cache_options": {"mode": "explicit"},
        "tools": [function()],
        "a_field_of_the_future": {"x": 1},
    }
    status, made = await post(served, {"model": MODEL, "input": "?", **body})
    assert status == 200
    sent = json.loads(upstream.received[-1].request.body)
    assert sent["max_completion_tokens"] == 99
    assert sent["reasoning_effort"] == "low"
    assert sent["verbosity"] == "low"
    assert sent["service_tier"] == "flex"
    assert sent["parallel_tool_calls"] is False
    assert upstream.asked.json_object
    for name in (
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
    ):
        assert sent[name] == body[name]
        assert made[name] == body[name]
    assert made["reasoning"]["effort"] == "low"
    assert "a_field_of_the_future" not in sent


async def test_logprobs_are_told_to_who_asks(served: Served, upstream: FakeUpstream) -> None:
    odds = (TokenOdds(text="He", logprob=-0.1, others=(("She", -2.0),)), TokenOdds(text="y", logprob=-0.2))
    turn = Turn(script=Spoken(choices=(Say(text="Hey", odds=odds),)))
    upstream.then(turn, turn)
    asked = {"input": "?", "top_logprobs": 1, "include": ["message.output_text.logprobs"]}
    events = await raw_events(served, asked)
    (item,) = summed(events)
    tokens = item["content"][0]["logprobs"]
    assert [token["token"] for token in tokens] == ["He", "y"]
    assert tokens[0]["top_logprobs"][0]["bytes"] == list(b"She")
    _, made = await post(served, {"model": MODEL, **asked})
    assert made["output"][0]["content"][0]["logprobs"] == tokens


async def test_thoughts_go_round_encrypted_or_as_a_summary(served: Served, upstream: FakeUpstream) -> None:
    thinking = Turn(
        script=Spoken(
            choices=(Say(text=None, reasoning="I think.", calls=(ToolUse(name="weather", arguments="{}", id="c1"),)),)
        )
    )
    upstream.then(thinking, says("Rain."))
    asked = {"model": MODEL, "tools": [function()], "store": False, "include": ["reasoning.encrypted_content"]}
    _, made = await post(served, {**asked, "input": "?"})
    thought, call = made["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "I think."}]
    carried = {"type": "reasoning", "summary": [], "encrypted_content": thought["encrypted_content"]}
    output = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
    status, _ = await post(served, {**asked, "input": [{"role": "user", "content": "?"}, carried, call, output]})
    assert status == 200
    sent = json.loads(upstream.received[-1].request.body)
    assert sent["messages"][1]["reasoning_content"] == "I think."
    changed = {**carried, "encrypted_content": thought["encrypted_content"][:-4] + "AAAA"}
    status, refused = await post(served, {**asked, "input": [changed, call, output]})
    assert (status, refused["error"]["param"]) == (400, "input")
    upstream.then(thinking)
    events = await raw_events(served, {"input": "?", "tools": [function()], "reasoning": {"summary": "auto"}})
    assert summed(events)[0]["summary"] == [{"type": "summary_text", "text": "I think."}]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("length", "max_output_tokens"),
        ("model_context_window_exceeded", "max_output_tokens"),
        ("content_filter", "content_filter"),
        ("sensitive", "content_filter"),
        ("repetition", "repetition"),
    ],
)
async def test_an_answer_that_was_cut_short_is_incomplete(
    served: Served, upstream: FakeUpstream, finish: str, reason: str
) -> None:
    upstream.says(Spoken(choices=(Say(text="Once upon", finish=finish),)))
    events = await raw_events(served, {"input": "?"})
    assert events[-1]["type"] == "response.incomplete"
    final = events[-1]["response"]
    assert (final["status"], final["incomplete_details"], final["completed_at"]) == (
        "incomplete",
        {"reason": reason},
        None,
    )
    assert final["output"][0]["status"] == "incomplete"
    _, made = await post(served, {"model": MODEL, "input": "?"})
    assert made["incomplete_details"] == {"reason": reason}


@pytest.mark.parametrize("finish", ["error", "abort", "network_error"])
async def test_an_answer_that_its_upstream_gave_up_has_failed(
    served: Served, upstream: FakeUpstream, finish: str
) -> None:
    upstream.says(Spoken(choices=(Say(text="Once upon", finish=finish),)))
    assert (await raw_events(served, {"input": "?"}))[-1]["type"] == "response.failed"
    status, refused = await post(served, {"model": MODEL, "input": "?"})
    assert status == 503, refused
    assert finish in refused["error"]["message"]


@pytest.mark.parametrize("finish", ["stop", "eos_token", "stop_sequence"])
async def test_an_end_by_any_other_name_is_one(served: Served, upstream: FakeUpstream, finish: str) -> None:
    upstream.says(Spoken(choices=(Say(text="Once upon", finish=finish),)))
    assert (await post(served, {"model": MODEL, "input": "?"}))[1]["status"] == "completed"


async def test_what_fails_before_the_first_event_has_a_status(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Refused(status=429, retry_after=7))
    for stream in (False, True):
        status, refused = await post(served, {"model": MODEL, "input": "?", "stream": stream})
        assert status == 429
        assert refused["error"]["code"] == "rate_limit_exceeded"


async def test_what_fails_later_is_an_error_and_a_failed_response(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("A long story that nobody hears the end of."), Delivery(pieces=3, ending="cut"))
    events = await raw_events(served, {"input": "?"})
    error, failed = events[-2:]
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    assert error["error"]["message"] == error["message"]
    assert error["error"]["code"] == error["code"]
    assert failed["response"]["error"] == {"code": "server_error", "message": error["message"]}
    assert summed(events) == failed["response"]["output"]
    async with served.openai() as client:
        kept = await client.responses.retrieve(failed["response"]["id"])
        assert kept.status == "failed"


async def test_a_client_that_leaves_ends_the_upstream(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("word " * 200), Delivery(pause=0.05))
    async with served.openai() as client:
        stream = await client.responses.create(model=MODEL, input="?", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
    await asyncio.wait_for(upstream.received[-1].exchange.left.wait(), 10)


async def test_a_conversation_is_gone_on_with_even_when_nothing_is_stored(
    stored: Served, upstream: FakeUpstream
) -> None:
    async with stored.openai() as client:
        conversation = await client.conversations.create()
        made_ids = []
        for number, store in enumerate((True, False)):
            made = await client.responses.create(
                model=MODEL, input=f"turn {number}", conversation={"id": conversation.id}, store=store
            )
            assert made.conversation is not None
            assert made.conversation.id == conversation.id
            made_ids.append(made.id)
        assert [message.text for message in upstream.asked.messages] == ["turn 0", "You said: turn 0", "turn 1"]
        items = await client.conversations.items.list(conversation.id)
        assert len(items.data) == 4
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(made_ids[-1])
        with pytest.raises(openai.NotFoundError) as missing:
            await client.responses.create(model=MODEL, input="?", conversation="conv_none")
        assert missing.value.param == "conversation"


async def test_two_clients_on_one_conversation_never_interleave(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("slowly"), Delivery(wait=0.4))
    async with served.openai() as client:
        conversation = await client.conversations.create()

        async def turn(text: str) -> str | None:
            try:
                await client.responses.create(model=MODEL, input=text, conversation=conversation.id)
            except openai.ConflictError as conflict:
                return conflict.code
            return None

        went = await asyncio.gather(*(turn(f"{n}") for n in range(4)))
        assert sorted(map(str, went)) == ["None", *["conversation_locked"] * 3]
        items = await client.conversations.items.list(conversation.id, order="asc")
        roles = [getattr(item, "role", None) for item in items.data]
        assert roles == ["user", "assistant"]


async def test_the_limit_of_tokens_holds_for_all_turns_together(served: Served, upstream: FakeUpstream) -> None:
    made_up = Spoken(
        choices=(Say(text=None, calls=(ToolUse(name="no", arguments="{}"),), finish="tool_calls"),),
        usage=Tokens(prompt=1, completion=30),
    )
    upstream.says(made_up)
    body = {"model": MODEL, "input": "?", "tools": [function()], "max_output_tokens": 50}
    _, made = await post(served, body)
    assert made["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [json.loads(one.request.body)["max_completion_tokens"] for one in upstream.received] == [50, 20]


async def test_tools_that_an_item_adds_are_offered_from_there_on(served: Served, upstream: FakeUpstream) -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [function("time"), function()]}
    question = {"role": "user", "content": "?"}
    _, made = await post(served, {"model": MODEL, "input": [added, question], "tools": [function()]})
    assert [tool["name"] for tool in made["tools"]] == ["weather"]
    assert [tool.name for tool in upstream.asked.tools] == ["weather", "time"]
    await post(served, {"model": MODEL, "input": "And?", "previous_response_id": made["id"]})
    assert [tool.name for tool in upstream.asked.tools] == ["time", "weather"]


async def test_a_no_needs_no_tool_and_what_was_called_needs_it_no_more(served: Served, upstream: FakeUpstream) -> None:
    status, _ = await post(served, {"model": MODEL, "input": [ASKED, {**APPROVED, "approve": False}]})
    assert status == 200
    assert "did not allow" in upstream.asked.messages[-1].text
    called = {"type": "mcp_call", "id": "mcp_1", "server_label": "box", "name": "read", "arguments": "{}"}
    history = [ASKED, APPROVED, {**called, "output": "rain", "approval_request_id": "mcpr_1"}]
    status, _ = await post(served, {"model": MODEL, "input": [*history, {"role": "user", "content": "?"}]})
    assert status == 200


async def test_a_message_may_say_nothing(served: Served, upstream: FakeUpstream) -> None:
    status, _ = await post(served, {"model": MODEL, "input": [{"role": "user", "content": []}]})
    assert status == 200
    assert upstream.asked.messages[-1].text == ""


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": "x", "model": "none/none"}, 404, "model"),
        ({"input": [{"role": "user", "content": "x"}, {"type": "telepathy"}]}, 400, "input.1.type"),
        ({"input": [{"type": "item_reference", "id": "msg_none"}]}, 404, "input.0.id"),
        ({"input": "x", "tools": [{"type": "telepathy"}]}, 400, "tools.0.type"),
        ({"input": "x", "tools": [{"type": "computer"}]}, 400, "tools.0.type"),
        ({"input": "x", "previous_response_id": "resp_none"}, 400, "previous_response_id"),
        ({"input": "x", "previous_response_id": "resp_none", "conversation": "conv_none"}, 400, "conversation"),
        ({"input": "x", "background": True, "store": False}, 400, "background"),
        ({"input": "x", "moderation": {"model": "none/none"}}, 404, "moderation.model"),
        (
            {"input": "x", "moderation": {"model": "m", "policy": {"input": {"mode": "ban"}}}},
            400,
            "moderation.policy.input.mode",
        ),
        (
            {"input": "x", "background": True, "moderation": {"model": "m", "policy": {"output": {"mode": "block"}}}},
            400,
            "moderation.policy.output",
        ),
        ({"input": "x", "max_output_tokens": 15}, 400, "max_output_tokens"),
        ({"input": "x", "temperature": 3}, 400, "temperature"),
        ({"input": "x", "reasoning": {"mode": "pro"}}, 400, "reasoning.mode"),
        ({"input": "x", "tool_choice": "required"}, 400, "tool_choice"),
        ({"input": "x", "tools": [function(), function()]}, 400, "tools.1.name"),
        ({"input": "x", "include": ["everything"]}, 400, "include.0"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, 400, "input"),
        ({"input": [{"type": "compaction", "encrypted_content": "none"}]}, 400, "input"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, 400, "input"),
        ({"input": [{**APPROVED, "approval_request_id": "mcpr_none"}]}, 400, "input"),
        ({"input": [ASKED, APPROVED]}, 400, "tools"),
        ({"input": [{"role": "system", "content": [PICTURE]}, {"role": "user", "content": "x"}]}, 400, "input"),
    ],
)
async def test_bad_requests_are_refused_and_name_the_field(
    served: Served, body: dict[str, Any], status: int, param: str
) -> None:
    for stream in (False, True):
        found, refused = await post(served, {"model": MODEL, "stream": stream, **body})
        assert (found, refused["error"]["param"]) == (status, param), refused

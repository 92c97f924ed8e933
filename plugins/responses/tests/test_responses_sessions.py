"""The WebSocket mode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from dialogue import MODEL, calls, function, summed

from dinrail_sdk.testing import FakeUpstream, Served
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.script import Spoken, ToolUse


class Talk:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def turn(self, **body: Any) -> list[dict[str, Any]]:
        await self.ask(**body)
        return await self.told()

    async def ask(self, **body: Any) -> None:
        await self._socket.send_json({"type": "response.create", "model": MODEL, "store": False, **body})

    async def told(self, *until: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in (until or ENDS):
            message = await self._socket.receive(20)
            assert message.type is aiohttp.WSMsgType.TEXT, message
            events.append(json.loads(message.data))
        return events

    async def said(self, **body: Any) -> dict[str, Any]:
        final: dict[str, Any] = (await self.turn(**body))[-1]["response"]
        return final


BAD_LANES = ("", "a b", "ä", "a\n", "x" * 257, 1, ["a"])

ENDS = {"error", "response.completed", "response.failed", "response.incomplete"}


@asynccontextmanager
async def talking(served: Served) -> AsyncIterator[Talk]:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.url}/responses") as socket:
        yield Talk(socket)


async def test_turns_follow_each_other_on_one_connection(served: Served, upstream: FakeUpstream) -> None:
    async with talking(served) as talk:
        events = await talk.turn(input="Hello.", stream=True)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert summed(events) == events[-1]["response"]["output"]
        first = events[-1]["response"]["id"]
        await talk.turn(input="And?", previous_response_id=first)
        assert [message.text for message in upstream.asked.messages] == ["Hello.", "You said: Hello.", "And?"]


async def test_what_is_not_stored_is_known_to_its_connection_alone(served: Served) -> None:
    async with talking(served) as talk:
        first = (await talk.said(input="Hello."))["id"]
    async with talking(served) as other:
        (error,) = await other.turn(input="And?", previous_response_id=first)
        assert error["error"]["code"] == "previous_response_not_found"
        assert error["status"] == 400
        assert (await other.said(input="Anew."))["status"] == "completed"


async def test_what_is_stored_is_known_everywhere(served: Served, upstream: FakeUpstream) -> None:
    async with talking(served) as talk:
        first = (await talk.said(input="Hello.", store=True))["id"]
    async with talking(served) as other:
        await other.said(input="And?", previous_response_id=first)
        assert len(upstream.asked.messages) == 3


async def test_a_failed_continuation_forgets_what_it_went_on_from(served: Served) -> None:
    async with talking(served) as talk:
        first = (await talk.said(input="Hello."))["id"]
        output = {"type": "function_call_output", "call_id": "none", "output": "x"}
        (error,) = await talk.turn(input=[output], previous_response_id=first)
        assert error["error"]["code"] == "invalid_value"
        (error,) = await talk.turn(input="And?", previous_response_id=first)
        assert error["error"]["code"] == "previous_response_not_found"


async def test_a_turn_can_be_prepared_without_an_answer(served: Served, upstream: FakeUpstream) -> None:
    async with talking(served) as talk:
        ready = await talk.said(input="Hello.", generate=False)
        assert (ready["status"], ready["output"]) == ("completed", [])
        assert not upstream.received
        await talk.said(input="Go.", previous_response_id=ready["id"])
        assert [message.text for message in upstream.asked.messages] == ["Hello.", "Go."]


async def test_tools_are_called_across_turns(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(calls(ToolUse(name="weather", arguments="{}", id="c1")))
    async with talking(served) as talk:
        made = await talk.said(input="?", tools=[function()])
        output = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
        await talk.said(input=[output], tools=[function()], previous_response_id=made["id"])
        assert upstream.asked.messages[-1].text == "rain"


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        ("no JSON", "invalid_value", 400),
        ("[]", "invalid_value", 400),
        ('{"type": "response.cancel"}', "invalid_value", 400),
        ('{"type": "response.create", "model": "none/none", "input": "x"}', "model_not_found", 404),
        ('{"type": "response.create", "input": "x"}', "missing_required_parameter", 400),
        ('{"type": "response.create", "input": "x", "previous_response_id": ["x"]}', "missing_required_parameter", 400),
        (
            '{"type": "response.create", "model": "one/kit-model", "input": "x", "background": true}',
            "invalid_value",
            400,
        ),
    ],
)
async def test_a_bad_message_is_an_error_and_the_connection_goes_on(
    served: Served, message: str, code: str, status: int
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.url}/responses") as socket:
        await socket.send_str(message)
        error = json.loads((await socket.receive(20)).data)
        assert (error["type"], error["code"], error["error"]["code"], error["status"]) == ("error", code, code, status)
        talk = Talk(socket)
        assert (await talk.said(input="Hello."))["status"] == "completed"


@pytest.mark.parametrize("given", [{"generate": "no"}, {"generate": 0}, *({"stream_id": bad} for bad in BAD_LANES)])
async def test_a_field_of_the_mode_that_does_not_fit_is_named(
    served: Served, upstream: FakeUpstream, given: dict[str, Any]
) -> None:
    async with talking(served) as talk:
        (error,) = await talk.turn(input="Hello.", **given)
        assert (error["status"], error["error"]["code"]) == (400, "invalid_value")
        assert [error["error"]["param"]] == list(given)
        assert "stream_id" not in error
    assert not upstream.received


async def test_events_and_errors_bear_the_lane_of_their_message(served: Served) -> None:
    async with talking(served) as talk:
        for event in await talk.turn(input="Hello.", stream_id="agent_1"):
            assert event["stream_id"] == "agent_1"
        (error,) = await talk.turn(input="Hello.", stream_id="agent_2", model="none/none")
        assert (error["type"], error["stream_id"]) == ("error", "agent_2")
        for event in await talk.turn(input="Hello."):
            assert "stream_id" not in event


async def test_each_lane_goes_on_from_its_own_and_can_fork(served: Served, upstream: FakeUpstream) -> None:
    async with talking(served) as talk:
        one = await talk.said(input="One.", stream_id="1")
        two = await talk.said(input="Two.", stream_id="2")
        for lane, before, text in (("3", one, "One."), ("1", one, "One."), ("2", two, "Two.")):
            await talk.said(input="And?", stream_id=lane, previous_response_id=before["id"])
            assert [message.text for message in upstream.asked.messages] == [text, f"You said: {text}", "And?"]


async def test_of_many_lanes_the_one_silent_longest_is_forgotten(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dinrail_responses.sessions._MOST_LANES", 2)
    async with talking(served) as talk:
        first, *later = [await talk.said(input="Hello.", stream_id=lane, generate=False) for lane in "abc"]
        for known in later:
            assert (await talk.said(input="?", stream_id="c", previous_response_id=known["id"], store=True))["output"]
        (error,) = await talk.turn(input="?", stream_id="a", previous_response_id=first["id"])
        assert error["error"]["code"] == "previous_response_not_found"


async def test_a_close_in_mid_answer_ends_the_upstream(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("word " * 200), Delivery(pause=0.05))
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.url}/responses") as socket:
        talk = Talk(socket)
        await talk.ask(input="?")
        await talk.told("response.output_text.delta")
        await talk.ask(input="Never answered.")
        async with asyncio.timeout(2):
            await socket.close()
            await upstream.received[-1].exchange.left.wait()
    assert len(upstream.received) == 1


async def test_messages_that_come_during_a_turn_are_answered_after_it(served: Served, upstream: FakeUpstream) -> None:
    asked = [str(number) for number in range(8)]  # more than are read ahead
    upstream.says(Spoken.of("word " * 4), Delivery(pause=0.01))
    async with talking(served) as talk:
        for text in asked:
            await talk.ask(input=text)
        for _ in asked:
            assert (await talk.told())[-1]["type"] == "response.completed"
    assert [received.asked and received.asked.messages[-1].text for received in upstream.received] == asked


async def test_pages_of_other_origins_open_none(served: Served) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{served.url}/responses", origin="https://evil.example")
        assert refused.value.status == 403
        async with http.get(f"{served.url}/responses", headers={"Upgrade": "websocket"}) as answer:
            assert answer.status == 400

"""Cases about the tools that a chat model calls."""

from __future__ import annotations

import json
from typing import Any

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.operations import COMPLETE, STREAM, VIEWS
from dinrail_sdk.testing.script import Say, Spoken, ToolUse
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.streams import StreamCases

__all__ = ["CLOCK", "WEATHER", "ChatToolCases"]

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["place"],
            "additionalProperties": False,
        },
    },
}
CLOCK: dict[str, Any] = {
    "type": "function",
    "function": {"name": "clock", "description": "The time.", "parameters": {"type": "object", "properties": {}}},
}
ARGUMENTS = json.dumps({"place": 'Zürich "HB" 🚆', "days": 3, "deep": {"list": [1, [2, None]]}}, ensure_ascii=False)


class ChatToolCases(StreamCases):
    """Tools: offered, chosen, called, answered."""

    @case("tools")
    async def test_chat_tools_offered(self, bench: Bench) -> None:
        """Every tool reaches the upstream with its name, description and schema.

        Troubleshooting: hand the schema on whole; validators that rewrite it lose ``additionalProperties`` and the
        like.
        """
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, tools=[WEATHER, CLOCK])
            offered = {tool.name: tool for tool in bench.upstream.asked.tools}
            assert list(offered) == ["weather", "clock"], f"{operation.id}: the tools offered are {list(offered)}."
            assert offered["weather"].description == "The weather at a place.", (
                f"{operation.id}: the description is lost."
            )
            assert offered["weather"].parameters == WEATHER["function"]["parameters"], (
                f"{operation.id}: another schema."
            )

    @case("tools", "tool_choice")
    async def test_chat_tool_choice(self, bench: Bench) -> None:
        """Whether a tool must be called, and which, reaches the upstream; it is not made up where it was left out.

        Troubleshooting: ``auto``, ``none``, ``required``, and one function by its name.
        """
        named = {"type": "function", "function": {"name": "clock"}}
        for sent, due in (("none", "none"), ("required", "required"), (named, "=clock")):
            await COMPLETE.ask(bench, tools=[WEATHER, CLOCK], tool_choice=sent)
            assert bench.upstream.asked.tool_choice == due, (
                f"{sent!r} reached it as {bench.upstream.asked.tool_choice!r}."
            )
        await COMPLETE.ask(bench, tools=[WEATHER, CLOCK])
        assert bench.upstream.asked.tool_choice in (None, "auto"), f"Made up: {bench.upstream.asked.tool_choice!r}"

    @case("tools")
    async def test_chat_one_call(self, bench: Bench) -> None:
        """A tool call comes with its id, name and arguments, and the finish reason ``tool_calls``.

        Troubleshooting: arguments are JSON *text*, in OpenAI's dialect as in the answer; an upstream that sends an
        object needs it encoded.
        """
        say = Say(text=None, calls=(ToolUse(id="call_7", name="weather", arguments=ARGUMENTS),), finish="tool_calls")
        await self._check(bench, say)

    @case("tools")
    async def test_chat_call_beside_text(self, bench: Bench) -> None:
        """A call and the text before it both arrive.

        Troubleshooting: do not stop at the first of the two.
        """
        call = ToolUse(id="call_7", name="clock", arguments="{}")
        await self._check(bench, Say(text="Let me look.", calls=(call,), finish="tool_calls"))

    @case("tools", "parallel_calls")
    async def test_chat_parallel_calls(self, bench: Bench) -> None:
        """Several calls in one answer stay several, in order, each with its own id and arguments.

        Troubleshooting: calls are told apart by place and id; two calls of the same function are two calls.
        """
        calls = (
            ToolUse(id="call_a", name="weather", arguments='{"place": "Bern"}'),
            ToolUse(id="call_b", name="weather", arguments='{"place": "Basel"}'),
            ToolUse(id="call_c", name="clock", arguments="{}"),
        )
        await self._check(bench, Say(text=None, calls=calls, finish="tool_calls"))

    @case("tools", "parallel_calls")
    async def test_chat_calls_in_pieces(self, bench: Bench) -> None:
        """Calls that a stream sends a character at a time, interleaved, are put together right.

        Troubleshooting: pieces belong to the call of the same ``index``; only the first has id and name.
        """
        calls = tuple(
            ToolUse(
                id=f"call_{number}", name="weather", arguments=json.dumps({"place": "x" * 9 * number, "days": number})
            )
            for number in (1, 2, 3)
        )
        await self._check(bench, Say(text=None, calls=calls, finish="tool_calls", piece=1))

    @case("tools", "parallel_tool_calls")
    async def test_chat_parallel_calls_forbidden(self, bench: Bench) -> None:
        """``parallel_tool_calls: false`` reaches the upstream.

        Troubleshooting: hand it on; it is not among what a provider may decide.
        """
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, tools=[WEATHER], parallel_tool_calls=False)
            assert bench.upstream.asked.parallel is False, (
                f"It reached the upstream as {bench.upstream.asked.parallel!r}."
            )

    @case("tools")
    async def test_chat_tool_results(self, bench: Bench) -> None:
        """A chat that goes on after tool calls reaches the upstream with the calls, each result under its call's id.

        Troubleshooting: an assistant's message may have no content; results are matched by id, not by order.
        """
        messages: list[dict[str, Any]] = [
            {"role": "user", "content": "Bern and Basel?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_a",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"place": "Bern"}'},
                    },
                    {
                        "id": "call_b",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"place": "Basel"}'},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "call_b", "content": "rain in Basel"},
            {"role": "tool", "tool_call_id": "call_a", "content": [{"type": "text", "text": "sun in Bern"}]},
        ]
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, messages=messages, tools=[WEATHER])
            asked = bench.upstream.asked.messages
            made = tuple(call for message in asked for call in message.calls)
            due = (
                ToolUse(id="call_a", name="weather", arguments='{"place": "Bern"}'),
                ToolUse(id="call_b", name="weather", arguments='{"place": "Basel"}'),
            )
            same = len(made) == 2 and all(one.same(other) for one, other in zip(made, due, strict=True))
            assert same, f"{operation.id}: the calls reached the upstream as {made}."
            results = [(message.answers, message.text) for message in asked if message.role == "tool"]
            assert results == [("call_b", "rain in Basel"), ("call_a", "sun in Bern")], f"{operation.id}: {results}"

    async def _check(self, bench: Bench, say: Say) -> None:
        bench.upstream.says(Spoken(choices=(say,)))
        for operation in (COMPLETE, STREAM):
            for view in VIEWS:
                objects = await operation.ask(bench, view=view, tools=[WEATHER, CLOCK])
                operation.hear(objects).first.assert_says(say, f"{operation.id}, {view}")

"""Cases about chats that end as nobody would like."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.errors import ContentFiltered, DinrailError, UpstreamError
from dinrail_sdk.testing.bench import Bench, expect
from dinrail_sdk.testing.delivery import Delivery, cut
from dinrail_sdk.testing.heard import hear_events, parse_read
from dinrail_sdk.testing.operations import COMPLETE, STREAM, VIEWS
from dinrail_sdk.testing.script import Asked, Refused, Say, Spoken, ToolUse
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.chat_tools import WEATHER, ChatToolCases

__all__ = ["ChatFaultCases"]

WORD = "of_tomorrow"
CALL = ToolUse(id="call_7", name="weather", arguments='{"place": "Zürich, by the lake", "days": 3}')


class ChatFaultCases(ChatToolCases):
    """Ends: of a kind that nobody knows, in the middle of a call, by a filter."""

    @case()
    async def test_chat_unknown_finish(self, bench: Bench) -> None:
        """A reason to stop that nobody knows yet is handed on as the upstream says it, not taken for a natural end.

        Troubleshooting: a table of reasons needs the upstream's own word where it has no entry; ``stop`` would tell
        a client that a cut answer is whole.
        """
        bench.upstream.says(Spoken(choices=(Say(text="So far so", finish=WORD),)))
        for operation in (COMPLETE, STREAM):
            for view in VIEWS:
                heard = operation.hear(await operation.ask(bench, view=view)).first
                assert heard.finish == WORD, f"{operation.id}, {view}: it ended with {heard.finish!r}, not {WORD!r}."
                assert heard.text == "So far so", f"{operation.id}, {view}: the text is {heard.text!r}."

    @case("tools")
    async def test_chat_call_cut(self, bench: Bench) -> None:
        """A stream that ends in the middle of a tool call is an ``UpstreamError``; the call is not said to be finished.

        Troubleshooting: a client would run the function with half of its arguments; do not write an end that the
        upstream has not written.
        """
        script = Spoken(choices=(Say(text=None, calls=(CALL,), finish="tool_calls", piece=1),))
        asked = Asked(api="chat", model=bench.model, stream=True)
        half = len(bench.upstream.dialect.say(script, asked).pieces) // 2
        for how, delivery in {"was closed": cut(half), "ended": Delivery(pieces=half, tail=False)}.items():
            bench.upstream.says(script, delivery)
            request = STREAM.request(bench.model, tools=[WEATHER])
            events, error = await _taken(await STREAM.start(bench.provider, request, bench.call()))
            where = f"The stream {how} in the middle of a call"
            ends = [choice.finish for choice in hear_events(events).choices.values() if choice.finish]
            assert not ends, f"{where}, and it is said to have ended with {ends[0]!r}."
            assert isinstance(error, UpstreamError), f"{where}, and what was raised is {error!r}."

    @case("content_filter")
    async def test_chat_filtered(self, bench: Bench) -> None:
        """A request that the upstream refuses for its content is ``ContentFiltered``, sent once.

        Troubleshooting: the status is 400 for this as well; look at the upstream's code.
        """
        for operation in (COMPLETE, STREAM):
            before = len(bench.upstream.received)
            bench.upstream.says(Refused(status=400, message="The prompt was filtered.", code="content_filter"))
            await expect(operation.ask(bench), ContentFiltered, after="400 for the content")
            assert len(bench.upstream.received) == before + 1, "A request that was filtered was sent again."


async def _taken(stream: Stream[Any]) -> tuple[list[Any], DinrailError | None]:
    """The events of a stream up to its error."""
    events: list[Any] = []
    async with aclosing(stream):
        try:
            async for read in stream.reads():
                events += parse_read(read)
        except DinrailError as error:
            return events, error
    return events, None

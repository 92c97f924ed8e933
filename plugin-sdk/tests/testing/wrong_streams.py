"""Providers whose streams are wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
from honest_provider import Honest
from pydantic import BaseModel
from wrong_provider import STREAMING, caught_each

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import DinrailError, UpstreamInvalid, UpstreamUnavailable

Event = dict[str, Any]


def _text(event: Event) -> str:
    choice = event["choices"][0] if event["choices"] else {}
    return choice.get("text") or (choice.get("delta") or {}).get("content") or ""


@caught_each("refused_before_streaming", STREAMING)
class RefusesInTheIteration(Honest):
    async def streamed(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Stream[Any]:
        async def late() -> AsyncGenerator[bytes, None]:
            stream = await super(RefusesInTheIteration, self).streamed(wire, path, request, call)
            async for read in stream.reads():
                yield read

        return Stream(wire, reads=late())


@caught_each("whole_frames", STREAMING)
class HandsReadsOnAsTheyCome(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        async for read in response.content.iter_any():
            yield read


@caught_each("whole_frames", STREAMING)
class SendsTheEndMark(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        async for read in super().reads(response, payload, call):
            yield read
        yield b"data: [DONE]\n\n"


@caught_each("not_held_back", STREAMING)
class CollectsTheStream(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        for read in [read async for read in super().reads(response, payload, call)]:
            yield read


@caught_each("not_held_back", STREAMING)
class IsOneEventBehind(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        before = b""
        async for read in super().reads(response, payload, call):
            if before:
                yield before
            before = read
        yield before


@caught_each("long_stream", STREAMING)
class DropsALaterEvent(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return [] if _text(event) == "00789" else [event]


@caught_each("long_stream", STREAMING)
@caught_each("answer", STREAMING)
class RepeatsAnEvent(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return (
            [event, event]
            if _text(event) in ("00007", "id: W", "Where") or _text(event).startswith(" and")
            else [event]
        )


@caught_each("long_stream", STREAMING)
class MergesEvents(Honest):
    held: Event | None = None

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        if self.held is None and _text(event):
            self.held = event
            return []
        held, self.held = self.held, None
        if held is not None and _text(event):
            choice = event["choices"][0]
            part = choice if "text" in choice else choice["delta"]
            part["text" if "text" in choice else "content"] = _text(held) + _text(event)
            return [event]
        return [held, event] if held is not None else [event]


@caught_each("long_stream", STREAMING)
class SwapsEvents(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        if _text(event) == "00100":
            self.held = event
            return []
        return [event, self.held] if _text(event) == "00101" else [event]


@caught_each("answer", STREAMING)
class DropsTheLastEvent(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return [one for one in [event] if not any(choice["finish_reason"] for choice in event["choices"])]


@caught_each("missing_end_mark", STREAMING)
class InsistsOnTheEndMark(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        last = b""
        async for data in super().frames(response, call):
            last = data
            yield data
        if last != b"[DONE]":
            raise UpstreamInvalid("The end mark is missing.")


class _TakesAnyEnd(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        try:
            async for read in super().reads(response, payload, call):
                yield read
        except DinrailError as error:
            if not self.passes(error):
                raise

    def passes(self, error: DinrailError) -> bool:
        return True


@caught_each("unfinished", STREAMING)
class TakesAnUnfinishedStreamForWhole(_TakesAnyEnd):
    def passes(self, error: DinrailError) -> bool:
        return "before the answer" in error.message


@caught_each("cut_stream", STREAMING)
class TakesACutStreamForWhole(_TakesAnyEnd):
    def passes(self, error: DinrailError) -> bool:
        return isinstance(error, UpstreamUnavailable)


@caught_each("garbage_midway", STREAMING)
@caught_each("error_midway", STREAMING)
@caught_each("deadline_midway", STREAMING)
class EndsWellWhateverHappens(_TakesAnyEnd):
    pass


@caught_each("garbage_midway", STREAMING)
class LetsParserErrorsOutOfTheStream(Honest):
    def parse(self, body: bytes) -> Any:
        return json.loads(body)


@caught_each("error_midway", STREAMING)
class TakesAnErrorForText(Honest):
    def parse(self, body: bytes) -> Any:
        event = super().parse(body)
        if isinstance(event, dict) and "error" in event:
            piece = {"text": event["error"]["message"], "delta": {"content": event["error"]["message"]}}
            choice = {"index": 0, "finish_reason": "stop", **piece}
            return {"id": "x", "created": 1, "model": "m", "choices": [choice]}
        return event


@caught_each("no_retry_midway", STREAMING)
class AsksAgainMidway(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        try:
            async for read in super().reads(response, payload, call):
                yield read
        except DinrailError:
            again = await self.begin(response.url.path.removeprefix("/v1"), payload, call)
            async for read in super().reads(again, payload, call):
                yield read


@caught_each("endless_line", STREAMING)
class HoldsBackWithoutLimit(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        for frame in (await response.read()).replace(b"\r\n", b"\n").split(b"\n\n"):
            if frame.startswith(b"data:"):
                yield frame[5:].strip()


@caught_each("comments", STREAMING)
class TripsOverComments(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        buffer = b""
        async for read in response.content.iter_any():
            *whole, buffer = (buffer + read).split(b"\n\n")
            for frame in whole:
                yield frame.removeprefix(b"data: ")


@caught_each("torn_apart", STREAMING)
class DecodesStreamsReadByRead(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        buffer = ""
        async for read in response.content.iter_any():
            *whole, buffer = (buffer + read.decode(errors="ignore")).split("\n\n")
            for frame in whole:
                yield frame.removeprefix("data: ").encode()


@caught_each("torn_apart", STREAMING)
class TakesAReadForAnEvent(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        async for read in response.content.iter_any():
            yield read.strip().removeprefix(b"data: ")


@caught_each("closing_stream", STREAMING)
class HoldsTheUpstreamOfAnUnreadStream(Honest):
    async def streamed(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Stream[Any]:
        payload = self.payload(request) | {"stream": True}
        response = await self.begin(path, payload, call)
        self.held = response
        return Stream(wire, reads=self.reads(response, payload, call))


@caught_each("closing_stream", STREAMING)
class HoldsTheUpstreamOfAReadStream(Honest):
    async def streamed(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Stream[Any]:
        payload = self.payload(request) | {"stream": True}
        self.held = await self.begin(path, payload, call)
        return Stream(wire, reads=self.reads(self.held, payload, call))

    def release(self, response: aiohttp.ClientResponse) -> None:
        pass


@caught_each("deadline_midway", STREAMING)
class ForgetsTheDeadlineMidway(Honest):
    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        async for frame in super().frames(response, Call()):
            yield frame


@caught_each("usage_when_asked", STREAMING)
class LosesTheUsageOfAStream(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return [event] if event["choices"] else []


@caught_each("usage_when_asked", STREAMING)
class PutsTheUsageIntoEveryEvent(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return [event | {"usage": {"prompt_tokens": 31, "completion_tokens": 17, "total_tokens": 48}}]


@caught_each("usage_when_asked", STREAMING)
class DoesNotAskForUsage(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload.pop("stream_options", None)
        return payload


@caught_each("usage_only_when_asked", STREAMING)
class AlwaysStreamsTheUsage(Honest):
    def payload(self, request: Any) -> Event:
        return super().payload(request) | {"stream_options": {"include_usage": True}}


@caught_each("usage_only_when_asked", STREAMING)
class HandsOnWhatIsVolunteered(Honest):
    async def reads(self, response: aiohttp.ClientResponse, payload: Event, call: Call) -> AsyncGenerator[bytes, None]:
        payload = payload | {"stream_options": {"include_usage": True}}
        async for read in super().reads(response, payload, call):
            yield read


@caught_each("usage_never_invented", STREAMING)
class CountsEventsForTokens(Honest):
    count = 0
    last: Event

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        self.count, self.last = self.count + 1, event
        return [event]

    def last_events(self) -> list[Event]:
        usage = {"prompt_tokens": 1, "completion_tokens": self.count, "total_tokens": self.count + 1}
        return [self.last | {"choices": [], "usage": usage}]

"""Cases that hold for every operation that answers with a stream."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from dinrail_core.api.answers import Stream
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RateLimited,
    RequestError,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
)
from dinrail_sdk.testing.bench import Bench, attempt, expect
from dinrail_sdk.testing.delivery import (
    Delivery,
    Gate,
    cut,
    endless_line,
    half_closed,
    noisy,
    reset,
    stalled,
    without_end,
)
from dinrail_sdk.testing.heard import hear_events, parse_read
from dinrail_sdk.testing.operations import BYTES, TYPED, VIEWS, Operation, View
from dinrail_sdk.testing.script import Asked, Refused, Say, Spoken, Tokens
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.answers import assert_good
from dinrail_sdk.testing.suites.conduct import ConductCases

__all__ = ["StreamCases"]

LONG = Spoken(choices=(Say(text="".join(f"{number:05d}" for number in range(1000))),))
"""An answer of 1,000 pieces, no two of them alike: more than a socket's buffer holds."""


COUNT = Spoken(choices=(Say(text=" ".join(f"w{number:02d}" for number in range(1, 9)), piece=4),))
"""An answer whose pieces are words that can be told apart."""


def streaming(operation: Operation) -> bool:
    """Operations that answer with a stream."""
    return operation.streams


class StreamCases(ConductCases):
    """What a stream of events must be."""

    @case(each=streaming)
    async def test_refused_before_streaming(self, bench: Bench, operation: Operation) -> None:
        """A refusal is raised by the call, not by the stream that it would return.

        Troubleshooting: wait for the upstream's status in the method itself; a method that is an async generator has
        done nothing when it returns.
        """
        refusals = {400: InvalidRequest, 429: RateLimited, 500: UpstreamFailed}
        for status, kind in refusals.items():
            bench.upstream.says(Refused(status=status, retry_after=30 if status == 429 else None))
            started = operation.start(bench.provider, operation.request(bench.model), bench.call())
            await expect(started, kind, after=f"{status}, before any event")

    @case(unscripted=True, each=streaming)
    async def test_whole_frames(self, bench: Bench, operation: Operation) -> None:
        """Every read ends with a whole frame, and the end mark ``[DONE]`` is not among them.

        Troubleshooting: hold an unfinished frame back until its end has come; the server writes ``[DONE]`` itself.
        """
        if bench.scripted:
            bench.upstream.says(delivery=Delivery(grain=7))
        stream = await operation.start(bench.provider, operation.request(bench.model), bench.call())
        async with aclosing(stream):
            reads = [read async for read in stream.reads()]
        assert reads, "The stream is empty."
        for number, read in enumerate(reads):
            parse_read(read, f"Read {number}")

    @case(each=streaming)
    async def test_not_held_back(self, bench: Bench, operation: Operation) -> None:
        """An event is handed on when it comes, not when the next one or the end does.

        Troubleshooting: the provider collects the stream, reads blocks of a fixed size, or is one event behind.
        """
        pieces = bench.upstream.dialect.say(COUNT, _asked(bench, operation)).pieces
        until_third = next(number for number, piece in enumerate(pieces, 1) if b"w03" in piece)
        for view in VIEWS:
            gate = Gate()
            bench.upstream.says(COUNT, Delivery(gate=gate))
            gate.open(until_third)
            stream = await operation.start(bench.provider, operation.request(bench.model), bench.call())
            async with aclosing(stream):
                events = _events(stream, view)
                text = ""
                try:
                    async with asyncio.timeout(2.0):
                        while "w03" not in text:
                            text += "".join(_words(await anext(events)))
                except TimeoutError:
                    raise AssertionError(f"{view}: 'w03' was sent, and after 2 s {text!r} is all that came.") from None
                gate.open(10_000)
                async for more in events:
                    text += "".join(_words(more))
            assert text == COUNT.choices[0].text, f"{view}: the text is {text!r}."

    @case(each=streaming)
    async def test_long_stream(self, bench: Bench, operation: Operation) -> None:
        """A thousand events come all, once, in order, first and last included.

        Troubleshooting: a buffer overflows or is flushed too late; the first event (often looked at for errors) or the
        last (often without a line end) is lost or sent twice.
        """
        bench.upstream.says(LONG)
        for view in VIEWS:
            objects = await operation.ask(bench, view=view)
            text = hear_events(objects).first.text
            assert text == LONG.choices[0].text, f"{view}: the text differs at character {_differs(text)}."
            pieces = _words(objects)
            assert len(pieces) == 1000, f"{view}: the upstream sent 1000 pieces, {len(pieces)} came."

    @case(each=streaming)
    async def test_missing_end_mark(self, bench: Bench, operation: Operation) -> None:
        """A stream whose last event says why it finished is whole without its end mark.

        Troubleshooting: some servers never send ``[DONE]``; the finish reason of every choice tells enough.
        """
        bench.upstream.says(delivery=without_end())
        await assert_good(bench, operation, how="Without [DONE]; ")

    @case(each=streaming)
    async def test_unfinished(self, bench: Bench, operation: Operation) -> None:
        """A stream that ends properly on the wire, but before any finish reason, raises an ``UpstreamError``.

        Troubleshooting: an upstream that was killed can end its stream like this; remember whether a finish reason or
        the end mark came.
        """
        for view in VIEWS:
            bench.upstream.says(delivery=Delivery(pieces=3, tail=False))
            await expect(
                operation.ask(bench, view=view), UpstreamError, after=f"An end without a finish reason, {view}"
            )

    @case(each=streaming)
    async def test_cut_stream(self, bench: Bench, operation: Operation) -> None:
        """A stream that breaks off hands on what came, and then raises an ``UpstreamError`` from the iteration.

        Troubleshooting: an error of the connection must not look like the end of the answer.
        """
        for how, delivery in {"closed": cut(3), "broken": reset(3), "half closed": half_closed(3)}.items():
            for view in VIEWS:
                bench.upstream.says(delivery=delivery)
                stream = await operation.start(bench.provider, operation.request(bench.model), bench.call())
                after = f"The connection was {how} after 3 events, {view}"
                await expect(operation.take(stream, view), UpstreamError, after=after)

    @case(each=streaming)
    async def test_no_retry_midway(self, bench: Bench, operation: Operation) -> None:
        """Nothing is asked again once a part of the answer has come.

        Troubleshooting: a second request would repeat or contradict what the client has read already.
        """
        for delivery in (cut(3), reset(3), Delivery(pieces=3, tail=False)):
            before = len(bench.upstream.received)
            bench.upstream.says(delivery=delivery)
            await attempt(operation.ask(bench))
            tries = len(bench.upstream.received) - before
            assert tries == 1, f"The upstream was asked {tries} times, although the first answer had begun."

    @case(each=streaming)
    async def test_error_midway(self, bench: Bench, operation: Operation) -> None:
        """An error that the upstream reports in mid-stream is an error, not a piece of the answer.

        Troubleshooting: several servers send ``{"error": …}`` as an event; the typed view must raise an
        ``UpstreamError`` for it, and the bytes must not end as if all were well.
        """
        if bench.upstream.dialect.fail_midway(Refused(status=500), _asked(bench, operation)) is None:
            pytest.skip(f"{bench.upstream.dialect.name}'s streams cannot tell of an error")
        bench.upstream.says(dies_after=3)
        await expect(operation.ask(bench, view=TYPED), UpstreamError, RequestError, after="An error in mid-stream")
        objects, error = await attempt(operation.ask(bench, view=BYTES))
        relayed = error is None and any("error" in item for item in objects)
        assert relayed or isinstance(error, DinrailError), f"The bytes end well: {objects!r}, {error!r}"

    @case(each=streaming)
    async def test_garbage_midway(self, bench: Bench, operation: Operation) -> None:
        """An event that is not JSON is ``UpstreamInvalid`` from the iteration.

        Troubleshooting: let no error of a JSON parser out.
        """
        bench.upstream.says(delivery=Delivery(edit=_spoil_later_pieces))
        await expect(operation.ask(bench, view=TYPED), UpstreamInvalid, after="An event that is not JSON")

    @case(each=streaming)
    async def test_endless_line(self, bench: Bench, operation: Operation) -> None:
        """A line without end is ``UpstreamInvalid`` before it has filled the memory.

        Troubleshooting: bound the bytes that are held back while a frame is unfinished (1 MiB is plenty).
        """
        bench.upstream.says(delivery=endless_line())
        await expect(operation.ask(bench), UpstreamInvalid, after="A line of up to 64 MiB")
        exchange = bench.upstream.received[-1].exchange
        try:
            async with asyncio.timeout(1.0):
                await exchange.left.wait()
        except TimeoutError:
            raise AssertionError("The whole line of 64 MiB was read, or the connection is held.") from None

    @case(each=streaming)
    async def test_comments(self, bench: Bench, operation: Operation) -> None:
        """Comments between events, carriage returns and a missing blank are what the format allows.

        Troubleshooting: follow the specification of server-sent events (WHATWG HTML, section 9.2.6).
        """
        bench.upstream.says(delivery=noisy())
        await assert_good(bench, operation, how="With comments and carriage returns; ")

    @case(each=streaming)
    async def test_closing_stream(self, bench: Bench, operation: Operation) -> None:
        """``aclose`` closes the upstream's connection within a second, at whatever point, and may be called again.

        Troubleshooting: release the response in a ``finally`` of the generator; a stream that was never begun has run
        none of its generator's code, so there the response must be released as well.
        """
        for view in (None, *VIEWS):
            bench.upstream.says(delivery=stalled(2))
            stream = await operation.start(bench.provider, operation.request(bench.model), bench.call())
            if view is not None:
                await anext(_events(stream, view))
            await stream.aclose()
            await stream.aclose()
            received = bench.upstream.received[-1]
            what = f"closed after the first {view} event" if view else "closed without being read"
            try:
                async with asyncio.timeout(1.0):
                    await received.exchange.left.wait()
            except TimeoutError:
                raise AssertionError(f"A stream that was {what} still holds its upstream after 1 s.") from None

    @case(each=streaming)
    async def test_deadline_midway(self, bench: Bench, operation: Operation) -> None:
        """A stream that falls silent past the call's deadline raises ``UpstreamTimeout`` from the iteration.

        Troubleshooting: the deadline bounds the whole stream, not the first byte alone.
        """
        bench.upstream.says(delivery=stalled(3))
        began = time.monotonic()
        call = bench.call(seconds=0.5)
        stream = await operation.start(bench.provider, operation.request(bench.model), call)
        try:
            async with asyncio.timeout(4):
                await expect(operation.take(stream, TYPED), UpstreamTimeout, after="Silence in mid-stream")
        except TimeoutError:
            raise AssertionError("The stream still waits 3.5 s behind the call's deadline.") from None
        assert time.monotonic() - began < 2.5, "The stream outlived the call's deadline by 2 s."

    @case("stream_usage", each=streaming)
    async def test_usage_when_asked(self, bench: Bench, operation: Operation) -> None:
        """With ``stream_options.include_usage`` one last event, without choices, has the upstream's usage.

        Troubleshooting: hand ``stream_options`` on; an upstream that tells the usage elsewhere needs an event made for
        it.
        """
        usage = Tokens(prompt=31, completion=17)
        bench.upstream.says(Spoken(usage=usage))
        for view in VIEWS:
            heard = hear_events(await operation.ask(bench, view=view, stream_options={"include_usage": True}))
            assert heard.usage is not None, f"{view}: there is no usage."
            told = {name: heard.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
            assert told == {"prompt_tokens": 31, "completion_tokens": 17, "total_tokens": 48}, f"{view}: {told}"
            assert heard.usage_events == 1, f"{view}: {heard.usage_events} events carry usage."
            assert heard.usage_last, f"{view}: the usage does not stand in the last event, alone."

    @case(each=streaming)
    async def test_usage_only_when_asked(self, bench: Bench, operation: Operation) -> None:
        """Without ``include_usage`` no event has usage or an empty list of choices, even where the upstream sends it.

        Troubleshooting: clients index ``choices[0]`` of every event; drop what was not asked for.
        """
        for volunteers in (False, True):
            bench.upstream.says(Spoken(volunteers_usage=volunteers))
            for view in VIEWS:
                objects = await operation.ask(bench, view=view)
                heard = hear_events(objects)
                assert heard.usage is None, f"{view}: nobody asked for usage, and it came (volunteered: {volunteers})."
                empty = [item for item in objects if not item.get("choices")]
                assert not empty, f"{view}: an event has no choices: {empty[0]}"
                assert heard.first.text == Say().text, f"{view}: the text is {heard.first.text!r}."

    @case(each=streaming)
    async def test_usage_never_invented(self, bench: Bench, operation: Operation) -> None:
        """An upstream that tells no usage leaves the stream without, though it was asked for.

        Troubleshooting: a guessed number looks like a measured one on somebody's bill.
        """
        bench.upstream.says(replace(Spoken(), usage=None))
        for view in VIEWS:
            heard = hear_events(await operation.ask(bench, view=view, stream_options={"include_usage": True}))
            assert heard.usage is None, f"{view}: the upstream told no usage, the stream tells {heard.usage}."


def _events(stream: Stream[Any], view: View) -> Any:
    """The stream's items, as lists of JSON objects."""
    return _read(stream) if view == BYTES else _typed(stream)


async def _read(stream: Stream[Any]) -> Any:
    async for read in stream.reads():
        yield parse_read(read)


async def _typed(stream: Stream[Any]) -> Any:
    async for event in stream:
        yield [json.loads(event.model_dump_json())]


def _asked(bench: Bench, operation: Operation) -> Asked:
    return Asked(api=operation.api, model=bench.model, stream=True)


def _spoil_later_pieces(piece: bytes, number: int) -> bytes:
    """No JSON any more, from the third piece on."""
    return piece if number < 2 else piece.replace(b'"', b"", 1)


def _words(objects: list[Any]) -> list[str]:
    """The text of every event that has any."""
    choices = [choice for item in objects for choice in item["choices"]]
    texts = [(choice.get("delta") or {}).get("content") or choice.get("text") or "" for choice in choices]
    return [text for text in texts if text]


def _differs(text: str) -> int:
    due = LONG.choices[0].text or ""
    return next(
        (at for at, (one, other) in enumerate(zip(text, due, strict=False)) if one != other), min(len(text), len(due))
    )

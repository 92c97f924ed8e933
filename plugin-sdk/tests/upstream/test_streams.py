"""Streams: relayed a read at a time, cut at the ends of frames, closed at once."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import pytest

from dinrail_core.api.answers import Stream, frames
from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatChunk
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RateLimited,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
)
from dinrail_sdk.upstream import Upstream

Relaying = Callable[..., AbstractAsyncContextManager[tuple[Any, Upstream]]]

DONE = b"data: [DONE]\n\n"


def event(text: str, finish: str = "null") -> bytes:
    choice = f'{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}'
    return f'data: {{"id":"c","created":1,"model":"m","choices":[{choice}]}}\n\n'.encode()


LAST = event("", '"stop"')


async def begin(upstream: Upstream, call: Call | None = None) -> Stream[ChatChunk]:
    return await upstream.stream(ChatChunk, "chat/completions", b'{"stream":true}', call or Call())


async def relayed(upstream: Upstream) -> bytes:
    stream = await begin(upstream)
    async with aclosing(stream):
        return b"".join([read async for read in stream.reads()])


async def test_a_stream_is_relayed_without_its_done_and_its_connection_kept(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events("X-Ratelimit-Limit-Requests: 5")
        await x.chunk(event("a"), event("b") + LAST, DONE)
        await x.end_chunks()

    async with relaying(handler) as (server, upstream):
        for _ in range(3):
            assert await relayed(upstream) == event("a") + event("b") + LAST
        stream = await begin(upstream)
        assert stream.headers == {"x-ratelimit-limit-requests": "5"}
        await stream.aclose()
        assert server.requests[0].headers["accept"] == "text/event-stream"
        assert server.connections == 1


async def test_a_frame_cut_anywhere_is_held_back_until_it_is_whole(relaying: Relaying) -> None:
    whole = event("a\u00e4\u20ac") + LAST + DONE

    async def handler(x: Any) -> None:
        await x.begin_events()
        for byte in whole:
            await x.chunk(bytes([byte]))
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        stream = await begin(upstream)
        reads = [read async for read in stream.reads()]
        assert b"".join(reads) == event("a\u00e4\u20ac") + LAST
        assert all(read.endswith(b"\n\n") for read in reads)


async def test_line_ends_of_every_kind_become_one(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk((event("a") + LAST + DONE).replace(b"\n", b"\r\n"))
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        assert await relayed(upstream) == event("a") + LAST


async def test_events_can_be_looked_at(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a") + event("b"), LAST + DONE)
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        async with aclosing(await begin(upstream)) as stream:
            chunks = [chunk async for chunk in stream]
        assert [chunk.choices[0].delta.content for chunk in chunks] == ["a", "b", ""]


async def test_a_stream_without_done_is_whole_when_it_has_finished(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST)
        await x.end_chunks()

    async with relaying(handler) as (server, upstream):
        assert await relayed(upstream) == event("a") + LAST
        assert await relayed(upstream) == event("a") + LAST
        assert server.connections == 1


async def test_a_last_frame_without_its_blank_line_counts(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST.rstrip())
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        assert await relayed(upstream) == event("a") + LAST


async def collect(stream: Stream[ChatChunk], into: list[bytes]) -> None:
    async for read in stream.reads():
        into.append(read)


@pytest.mark.parametrize("ending", ["end", "close", "reset"])
async def test_a_stream_that_breaks_off_is_invalid_after_what_came(relaying: Relaying, ending: str) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        await proceed.wait()
        if ending == "end":
            await x.end_chunks()
        elif ending == "close":
            x.writer.close()
        else:
            await x.reset()

    proceed = asyncio.Event()
    async with relaying(handler) as (server, upstream):
        stream = await begin(upstream)
        proceed.set()
        got: list[bytes] = []
        with pytest.raises(UpstreamInvalid):
            await collect(stream, got)
        assert got == [event("a")]
        assert len(server.requests) == 1


async def test_a_finished_stream_whose_body_is_cut_is_still_invalid(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST)
        x.writer.close()

    async with relaying(handler) as (_, upstream):
        stream = await begin(upstream)
        got: list[bytes] = []
        with pytest.raises(UpstreamInvalid):
            await collect(stream, got)
        assert b"".join(got) == event("a") + LAST


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'data: {"error":{"message":"no the-key","code":429}}\n\n', RateLimited),
        (b'event: error\ndata: {"message":"no the-key"}\n\n', UpstreamFailed),
        (b"data: {garbage\n\n", UpstreamInvalid),
        (b"data: \xff\n\n", UpstreamInvalid),
        (b"data: " + b"x" * (2**20 + 10), UpstreamInvalid),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_an_error_is_raised_where_it_comes(
    relaying: Relaying, frame: bytes, kind: type[DinrailError], first: bool
) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(frame if first else event("a") + frame)
        await x.gone()

    async with relaying(handler, api_key="the-key") as (server, upstream):
        got: list[bytes] = []
        if first:
            with pytest.raises(kind) as raised:
                await begin(upstream)
        else:
            stream = await begin(upstream)
            with pytest.raises(kind) as raised:
                await collect(stream, got)
        assert type(raised.value) is kind
        assert "the-key" not in raised.value.message
        assert got == ([] if first else [event("a")])
        await server.until_open(0)


async def test_a_plain_error_under_a_good_status_is_an_error(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b'{"error":{"message":"no","type":"invalid_request_error"}}')

    async with relaying(handler) as (_, upstream):
        with pytest.raises(InvalidRequest, match="no"):
            await begin(upstream)


async def test_a_plain_answer_is_no_stream(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json()

    async with relaying(handler) as (server, upstream):
        for _ in range(2):
            with pytest.raises(UpstreamInvalid, match="application/json instead of event-stream"):
                await begin(upstream)
        assert server.connections == 1


async def test_an_empty_stream_is_invalid_at_once(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        with pytest.raises(UpstreamInvalid):
            await begin(upstream)


async def test_a_compressed_stream_is_decoded_as_it_comes(relaying: Relaying) -> None:
    packed = gzip.compress(event("a") * 1000 + LAST + DONE)

    async def handler(x: Any) -> None:
        await x.begin_events("Content-Encoding: gzip")
        await x.chunk(packed[: len(packed) // 2], packed[len(packed) // 2 :])
        await x.end_chunks()

    async with relaying(handler) as (_, upstream):
        assert len(frames(await relayed(upstream))) == 1001


# Closing.


@pytest.mark.parametrize("reads", [0, 1])
async def test_closing_a_stream_closes_the_upstream_at_once(relaying: Relaying, reads: int) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        await x.gone()

    async with relaying(handler) as (server, upstream):
        stream = await begin(upstream)
        for _ in range(reads):
            assert await anext(stream.reads()) == event("a")
        await stream.aclose()
        await server.until_open(0)
        await stream.aclose()
        assert [read async for read in stream.reads()] == []


async def test_closing_ends_a_read_that_another_task_waits_for(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        await x.gone()

    async with relaying(handler) as (server, upstream):
        stream = await begin(upstream)
        assert await anext(stream.reads()) == event("a")
        reader = asyncio.create_task(collect(stream, []))
        await asyncio.sleep(0)
        await stream.aclose()
        await asyncio.wait_for(reader, 5)
        await server.until_open(0)


async def test_cancelling_a_read_closes_the_upstream(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        await x.gone()

    async with relaying(handler) as (server, upstream):
        streams = [await begin(upstream) for _ in range(20)]
        for stream in streams:
            assert await anext(stream.reads()) == event("a")
        readers = [asyncio.create_task(collect(stream, [])) for stream in streams]
        await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        await server.until_open(0)


async def test_cancelling_before_the_first_event_closes_the_upstream(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.gone()

    async with relaying(handler) as (server, upstream):
        task = asyncio.create_task(begin(upstream))
        await server.until_asked(1)
        task.cancel()
        await asyncio.wait({task})
        await server.until_open(0)


async def test_an_end_that_comes_late_does_not_keep_the_reader(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST, DONE)
        await asyncio.sleep(0.02)
        await x.end_chunks()

    async with relaying(handler) as (server, upstream):
        assert await relayed(upstream) == event("a") + LAST
        async with asyncio.timeout(5):
            used_again = False
            while not used_again:
                before = server.connections
                await relayed(upstream)
                used_again = server.connections == before


async def test_an_end_that_never_comes_costs_the_connection(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST, DONE)
        await x.gone()

    async with relaying(handler) as (server, upstream):
        assert await relayed(upstream) == event("a") + LAST
        await server.until_open(0)


async def test_talking_on_after_done_costs_the_connection(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"), LAST, DONE)
        while not x.writer.is_closing():
            await x.chunk(b": " + b"x" * 65536 + b"\n\n")

    async with relaying(handler) as (server, upstream):
        began = time.monotonic()
        assert await relayed(upstream) == event("a") + LAST
        await server.until_open(0)
        assert time.monotonic() - began < 0.8, "it is not listened to until the time for the end is up"


async def test_closing_a_stream_late_leaves_the_next_on_its_connection_alone(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        if len(server.requests) == 2:
            await proceed.wait()
        await x.chunk(LAST)
        await x.end_chunks()

    proceed = asyncio.Event()
    async with relaying(handler) as (server, upstream):
        first = await begin(upstream)
        await collect(first, [])
        second = await begin(upstream)
        await first.aclose()
        proceed.set()
        got: list[bytes] = []
        await collect(second, got)
        assert b"".join(got) == event("a") + LAST
        assert server.connections == 1


# Time, and slow readers.


async def test_silence_after_the_first_event_ends_a_stream(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(event("a"))
        await x.gone()

    async with relaying(handler, idle_timeout=0.2) as (server, upstream):
        stream = await begin(upstream)
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await collect(stream, [])
        assert 0.1 < time.monotonic() - began < 2
        await server.until_open(0)


async def test_a_stream_that_goes_on_is_not_silent(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        for _ in range(10):
            await x.chunk(event("a"))
            await asyncio.sleep(0.06)
        await x.chunk(LAST + DONE)
        await x.end_chunks()

    async with relaying(handler, idle_timeout=0.3) as (_, upstream):
        assert len(frames(await relayed(upstream))) == 11


async def test_the_first_event_may_take_longer_than_the_pauses_after_it(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        await asyncio.sleep(0.3)
        await x.chunk(event("a"), LAST + DONE)
        await x.end_chunks()

    async with relaying(handler, idle_timeout=0.1) as (_, upstream):
        assert len(frames(await relayed(upstream))) == 2


async def test_a_stream_ends_with_the_callers_deadline(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.begin_events()
        while not x.writer.is_closing():
            await x.chunk(event("a"))
            await asyncio.sleep(0.02)

    async with relaying(handler) as (server, upstream):
        stream = await begin(upstream, Call(deadline=time.time() + 0.3))
        with pytest.raises(UpstreamTimeout, match="took too long"):
            await collect(stream, [])
        await server.until_open(0)


async def test_a_slow_reader_slows_the_upstream_down_and_loses_nothing(relaying: Relaying) -> None:
    frame = event("x" * 60_000)
    sent = 0

    async def handler(x: Any) -> None:
        nonlocal sent
        await x.begin_events()
        for _ in range(400):
            await x.chunk(frame)
            sent += 1
        await x.chunk(LAST + DONE)
        await x.end_chunks()

    async with relaying(handler, idle_timeout=0.3) as (_, upstream):
        stream = await begin(upstream)
        last = -1
        while last != sent:
            last = sent
            await asyncio.sleep(0.4)
        assert sent < 400, "the upstream was stopped, and its silence is not held against it"
        assert len(frames(b"".join([read async for read in stream.reads()]))) == 401


async def test_an_upstream_that_falls_silent_after_it_was_slowed_down_is_given_up(relaying: Relaying) -> None:
    frame = event("x" * 60_000)

    async def handler(x: Any) -> None:
        await x.begin_events()
        await x.chunk(*[frame] * 10)
        await x.gone()

    async with relaying(handler, idle_timeout=0.2) as (server, upstream):
        stream = await begin(upstream)
        await asyncio.sleep(0.3)  # long enough for everything to have been sent, and for the reading to have stopped
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await collect(stream, [])
        assert time.monotonic() - began < 2
        await server.until_open(0)

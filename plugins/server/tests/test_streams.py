"""Streams: frames, ends, errors, and clients that leave or do not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.chat.response import ChatChunk
from dinrail_core.errors import UpstreamFailed, UpstreamUnavailable
from dinrail_core.hooks.http import Exchange, Route
from dinrail_server.exchange import HttpExchange

if TYPE_CHECKING:
    from conftest import Running, Scripted, Start

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
WHOLE = BODY.replace(b"true", b"false")
FRAME = b'data: {"choices": []}\n\n'


async def test_a_stream_is_events_and_ends_with_done(start: Start) -> None:
    running = await start()
    async with running.post("/v1/chat/completions", BODY) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        body = await answer.read()
    frames = body.split(b"\n\n")
    assert frames[-2:] == [b"data: [DONE]", b""]
    events = [ChatChunk.model_validate_json(frame.removeprefix(b"data: ")) for frame in frames[:-2]]
    assert "".join(str(event.choices[0].delta.content) for event in events) == "Hello."


async def test_null_and_false_ask_for_no_stream(start: Start) -> None:
    running = await start()
    for value in (b"null", b"false"):
        async with running.post("/v1/chat/completions", BODY.replace(b"true", value)) as answer:
            assert (await answer.json())["object"] == "chat.completion"


async def test_each_read_of_the_upstream_leaves_in_one_write(start: Start, provider: Scripted) -> None:
    go_on = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield FRAME
        await go_on.wait()
        yield FRAME * 3

    provider.pieces = pieces
    running = await start()
    async with running.post("/v1/chat/completions", BODY) as answer:
        chunks = answer.content.iter_chunks()
        assert await anext(chunks) == (FRAME, True)
        go_on.set()
        assert await anext(chunks) == (FRAME * 3, True)
        assert await anext(chunks) == (b"data: [DONE]\n\n", True)


async def test_a_failure_before_the_first_byte_has_a_status_of_its_own(start: Start, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        raise UpstreamUnavailable("Too busy.", retry_after=3)
        yield b""

    provider.pieces = pieces
    running = await start()
    async with running.post("/v1/chat/completions", BODY) as answer:
        assert answer.status == 503
        assert answer.headers["retry-after"] == "3"
        assert answer.headers["content-type"] == "application/json"
    assert provider.closed.is_set()


@pytest.mark.parametrize(
    ("raised", "code"), [(UpstreamFailed("Broke off."), "upstream_failed"), (KeyError("x"), "server_error")]
)
async def test_a_failure_after_the_first_byte_is_an_error_event_and_still_the_end(
    start: Start, provider: Scripted, raised: Exception, code: str
) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield FRAME
        raise raised

    provider.pieces = pieces
    running = await start()
    async with running.post("/v1/chat/completions", BODY) as answer:
        body = await answer.read()
    first, event, done, rest = body.split(b"\n\n")
    assert (first + b"\n\n", done, rest) == (FRAME, b"data: [DONE]", b"")
    name, data = event.split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["code"] == code
    figures = running.app.figures.snapshot()
    assert figures["broken"] == [["/v1/chat/completions", code, 1]]


async def test_a_stream_without_events_is_just_the_end(start: Start, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        return
        yield b""

    provider.pieces = pieces
    running = await start()
    async with running.post("/v1/chat/completions", BODY) as answer:
        assert await answer.read() == b"data: [DONE]\n\n"


async def _leave(running: Running, body: bytes, *, after: bytes) -> None:
    """Send a request, read up to ``after``, and leave."""
    async with running.connect() as (reader, writer):
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        if after:
            await asyncio.wait_for(reader.readuntil(after), 5)


async def test_a_client_that_leaves_a_stream_closes_the_upstream_within_a_second(
    start: Start, provider: Scripted, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield FRAME
        await asyncio.Event().wait()

    provider.pieces = pieces
    running = await start()
    await _leave(running, BODY, after=FRAME)
    await asyncio.wait_for(provider.closed.wait(), 1)
    await until(lambda: len(running.app.flights) == 0)
    assert running.app.figures.snapshot()["requests"] == [["POST", "/v1/chat/completions", 499, 1]]


@pytest.mark.parametrize("body", [WHOLE, BODY], ids=["whole", "stream"])
async def test_a_client_that_leaves_before_the_answer_cancels_the_upstream_within_a_second(
    start: Start, provider: Scripted, until: Callable[[Callable[[], bool]], Awaitable[None]], body: bytes
) -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.Event().wait()

    provider.before = hang
    running = await start()
    leaving = asyncio.ensure_future(_leave(running, body, after=b""))
    await leaving
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.wait_for(provider.closed.wait(), 1)
    await until(lambda: len(running.app.flights) == 0)


async def test_a_client_that_does_not_read_is_not_read_ahead_for_and_is_dropped(
    start: Start, provider: Scripted
) -> None:
    produced = 0

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal produced
        while True:
            produced += 1
            yield b"data: %b\n\n" % (b"x" * 10_000)

    provider.pieces = pieces
    running = await start(write_timeout=0.3)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", running.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(BODY)}\r\n\r\n"
        await loop.sock_sendall(client, head.encode() + BODY)
        await asyncio.wait_for(provider.closed.wait(), 5)
    assert produced < 2_000, "the stream went on although nobody took it"


async def test_a_stream_that_takes_too_long_ends_with_an_error_event(start: Start, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield FRAME
        await asyncio.Event().wait()

    provider.pieces = pieces
    running = await start(request_timeout=0.1)
    async with running.post("/v1/chat/completions", BODY) as answer:
        body = await answer.read()
    assert b'"code":"upstream_timeout"' in body
    assert body.endswith(b"data: [DONE]\n\n")
    assert provider.closed.is_set()


async def test_an_answer_that_takes_too_long_is_504(start: Start, provider: Scripted) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    provider.before = hang
    running = await start(request_timeout=0.1)
    async with running.post("/v1/chat/completions", WHOLE) as answer:
        assert answer.status == 504
        assert (await answer.json())["error"]["code"] == "upstream_timeout"
    assert provider.closed.is_set()
    provider.before = None
    async with running.post("/v1/chat/completions", WHOLE) as answer:
        assert answer.status == 200, "the connection is good for another request"


async def test_typed_events_are_encoded_and_their_source_closed(start: Start) -> None:
    closed = asyncio.Event()

    async def values() -> AsyncGenerator[ChatChunk, None]:
        try:
            for text in ("a", "b"):
                yield ChatChunk.model_validate({"id": text, "created": 1, "model": "m", "choices": []})
        finally:
            closed.set()

    async def handler(exchange: Exchange) -> Stream[ChatChunk]:
        return Stream.of(ChatChunk, values())

    running = await start(routes=[Route(method="POST", path="/s", handler=handler, summary="s", tag="t")])
    async with running.post("/s", b"") as answer:
        body = await answer.read()
    assert body.count(b"data: {") == 2
    assert closed.is_set()


async def test_a_handlers_result_of_another_type_is_a_fault_of_the_server(start: Start) -> None:
    async def handler(exchange: Exchange) -> Answer[ChatChunk]:
        assert isinstance(exchange, HttpExchange)
        return None  # type: ignore[return-value]  # what the test is about

    running = await start(routes=[Route(method="GET", path="/s", handler=handler, summary="s", tag="t")])
    async with running.http.get(running.root + "/s") as answer:
        assert answer.status == 500

"""The end of a server's life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from dinrail_server.state import Phase

if TYPE_CHECKING:
    from conftest import Scripted, SmallRail, Start

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
FRAME = b'data: {"choices": []}\n\n'
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def go_on(provider: Scripted) -> asyncio.Event:
    """Lets a stream that has begun come to its end."""
    event = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield FRAME
        await event.wait()
        yield FRAME

    provider.pieces = pieces
    return event


async def test_readiness_says_ready_with_what_was_set_aside(start: Start) -> None:
    running = await start()
    async with running.http.get(running.root + "/readyz") as answer:
        assert answer.status == 200
        body = await answer.json()
    assert body["status"] == "ready"
    assert body["plugins"][0]["reason"] == "opening it failed (RuntimeError: broken)"
    assert body["providers"][0]["status"] == "ready"
    assert "error" not in body


async def test_readiness_never_waits_for_a_dead_upstream(start: Start, rail: SmallRail) -> None:
    rail.slow = 5
    running = await start()
    async with asyncio.timeout(1), running.http.get(running.root + "/readyz") as answer:
        assert answer.status == 200
        assert (await answer.json())["providers"] == []


async def test_while_draining_probes_see_503_requests_end_and_others_are_refused(
    start: Start, go_on: asyncio.Event, until: Until
) -> None:
    running = await start()
    hurry = asyncio.Event()
    async with running.post("/v1/chat/completions", BODY) as stream:
        await stream.content.readuntil(b"\n\n")
        draining = asyncio.ensure_future(running.serving.drain(hurry))
        await until(lambda: running.app.phase is Phase.DRAINING)
        async with running.http.get(running.root + "/readyz") as answer:
            assert answer.status == 503
            body = await answer.json()
            assert (body["status"], body["error"]["code"]) == ("draining", "unavailable")
        async with running.http.get(running.root + "/livez") as answer:
            assert answer.status == 200
        async with running.post("/v1/chat/completions", BODY) as answer:
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["connection"] == "close"
        assert not draining.done()
        go_on.set()
        assert (await stream.read()).endswith(b"data: [DONE]\n\n")
    await asyncio.wait_for(draining, 2)


async def test_draining_ends_at_its_limit(start: Start, go_on: asyncio.Event, provider: Scripted) -> None:
    running = await start(drain_timeout=0.1)
    async with running.post("/v1/chat/completions", BODY) as stream:
        await stream.content.readuntil(b"\n\n")
        await asyncio.wait_for(running.serving.drain(asyncio.Event()), 2)
        assert not provider.closed.is_set()
        await asyncio.wait_for(running.serving.stop(), 2)
        assert provider.closed.is_set()


async def test_draining_ends_when_it_is_hurried(start: Start, go_on: asyncio.Event) -> None:
    running = await start()
    hurry = asyncio.Event()
    async with running.post("/v1/chat/completions", BODY) as stream:
        await stream.content.readuntil(b"\n\n")
        draining = asyncio.ensure_future(running.serving.drain(hurry))
        await asyncio.sleep(0)
        hurry.set()
        await asyncio.wait_for(draining, 1)


async def test_what_is_on_its_way_is_answered_and_then_the_connection_closed(start: Start, until: Until) -> None:
    running = await start()
    body = BODY.replace(b"true", b"false")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    async with running.connect() as (idle_reader, idle_writer), running.connect() as (reader, writer):
        idle_writer.write(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        await idle_reader.readuntil(b'"ok"}')
        writer.write(head + body[:10])
        await until(lambda: len(running.app.flights) == 1)
        draining = asyncio.ensure_future(running.serving.drain(asyncio.Event()))
        await until(lambda: running.app.phase is Phase.DRAINING)
        idle_writer.write(head + body)
        late = await asyncio.wait_for(idle_reader.read(), 2)
        assert late.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in late
        writer.write(body[10:])
        answer = await asyncio.wait_for(reader.read(), 2)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
        await asyncio.wait_for(draining, 2)


async def test_a_connection_that_was_just_accepted_is_told_503(start: Start) -> None:
    running = await start()
    async with running.connect() as (reader, writer):
        async with running.http.get(running.root + "/livez"):
            pass  # by now the server has accepted the one before
        draining = asyncio.ensure_future(running.serving.drain(asyncio.Event()))
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 503 ")
        await asyncio.wait_for(draining, 2)

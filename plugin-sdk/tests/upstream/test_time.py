"""Limits of time and of connections, and what cancelling does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.errors import (
    DinrailError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.upstream import Upstream

Relaying = Callable[..., AbstractAsyncContextManager[tuple[Any, Upstream]]]

CALL = Call()


async def ask(upstream: Upstream, call: Call = CALL, body: bytes = b'{"a":1}') -> bytes:
    return (await upstream.answer(ChatCompletion, "chat/completions", body, call)).body


async def answer_well(x: Any) -> None:
    await x.json()


async def test_an_upstream_that_does_not_begin_is_given_up(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.gone()

    async with relaying(handler, first_byte_timeout=0.1) as (server, upstream):
        with pytest.raises(UpstreamTimeout, match=r"did not begin to answer within 0\.1 s"):
            await ask(upstream)
        await server.until_open(0)
        assert len(server.requests) == 1


async def test_a_head_alone_is_no_beginning(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        await x.gone()

    async with relaying(handler, first_byte_timeout=0.1, idle_timeout=50) as (server, upstream):
        with pytest.raises(UpstreamTimeout, match="did not begin"):
            await ask(upstream)
        await server.until_open(0)


async def test_an_upstream_that_falls_silent_is_given_up(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        await x.gone()

    async with relaying(handler, first_byte_timeout=50, idle_timeout=0.1) as (server, upstream):
        with pytest.raises(UpstreamTimeout, match="fell silent"):
            await ask(upstream)
        await server.until_open(0)


async def test_an_upstream_that_drips_is_given_up_in_the_end(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not x.writer.is_closing():
            await x.send(b" ")
            await asyncio.sleep(0.02)

    async with relaying(handler, idle_timeout=50, total_timeout=0.3) as (server, upstream):
        with pytest.raises(UpstreamTimeout, match="took too long"):
            await ask(upstream)
        await server.until_open(0)


async def test_the_callers_deadline_ends_it(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.gone()

    async with relaying(handler) as (server, upstream):
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout):
            await ask(upstream, Call(deadline=time.time() + 0.2))
        assert time.monotonic() - began < 2
        with pytest.raises(UpstreamTimeout, match="no time left"):
            await ask(upstream, Call(deadline=time.time() - 1))
        assert len(server.requests) == 1


async def test_a_shorter_deadline_counts_on_a_used_connection_too(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await (x.json() if len(server.requests) == 1 else x.gone())

    async with relaying(handler) as (server, upstream):
        await ask(upstream)
        began = time.monotonic()
        with pytest.raises(UpstreamTimeout):
            await ask(upstream, Call(deadline=time.time() + 0.2))
        assert time.monotonic() - began < 2


async def test_beyond_the_most_connections_a_request_waits_its_turn(relaying: Relaying) -> None:
    async with relaying(answer_well, max_connections=2) as (server, upstream):
        await asyncio.gather(*(ask(upstream) for _ in range(20)))
        assert len(server.requests) == 20
        assert server.connections == 2


async def test_a_turn_that_does_not_come_is_given_up(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.gone()

    async with relaying(handler, max_connections=1, connect_timeout=0.1) as (server, upstream):
        first = asyncio.create_task(ask(upstream))
        await server.until_open(1)
        with pytest.raises(UpstreamUnavailable, match="connections to the upstream are busy"):
            await ask(upstream)
        first.cancel()
        await asyncio.wait({first})
        await server.until_open(0)


async def test_a_turn_that_is_given_up_as_it_comes_goes_to_the_next(relaying: Relaying) -> None:
    async with relaying(answer_well, max_connections=1, max_retries=0) as (server, upstream):

        async def first() -> None:
            await ask(upstream)
            second.cancel()  # its turn has come, and it has not noticed yet

        holding = asyncio.create_task(first())
        await asyncio.sleep(0)
        second = asyncio.create_task(ask(upstream))
        third = asyncio.create_task(ask(upstream))
        await asyncio.wait_for(third, 2)
        await holding
        assert second.cancelled()
        assert server.connections == 1


async def test_a_place_is_free_again_after_a_connection_breaks_or_is_given_up(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        match x.request.body:
            case b"break":
                await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
                await x.reset()
            case b"hang":
                await x.gone()
            case _:
                await x.json()

    async with relaying(handler, max_connections=1, max_retries=0) as (_, upstream):
        for _ in range(3):
            hanging = asyncio.create_task(ask(upstream, body=b"hang"))
            waiting = asyncio.create_task(ask(upstream))
            await asyncio.sleep(0)
            hanging.cancel()
            assert await waiting
            with pytest.raises(DinrailError):
                await ask(upstream, body=b"break")
            assert await ask(upstream)


async def test_cancelling_closes_the_connection_at_once(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        await x.gone()

    async with relaying(handler) as (server, upstream):
        tasks = [asyncio.create_task(ask(upstream)) for _ in range(5)]
        await server.until_open(5)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await server.until_open(0)
        assert all(task.cancelled() for task in tasks)


async def test_a_large_request_arrives_whole(relaying: Relaying) -> None:
    body = bytes(range(256)) * 8192

    async with relaying(answer_well) as (server, upstream):
        await ask(upstream, body=body)
        await ask(upstream, body=body)
        assert [r.body == body for r in server.requests] == [True, True]
        assert server.connections == 1

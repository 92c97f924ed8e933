"""What happens when connections fail and answers are broken, and when the upstream refuses."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.errors import (
    DinrailError,
    RateLimited,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamUnavailable,
)
from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

Relaying = Callable[..., AbstractAsyncContextManager[tuple[Any, Upstream]]]

CALL = Call()


async def ask(upstream: Upstream, call: Call = CALL, body: bytes = b'{"a":1}') -> bytes:
    return (await upstream.answer(ChatCompletion, "chat/completions", body, call)).body


async def answer_well(x: Any) -> None:
    await x.json()


async def test_a_refused_connection_is_tried_again_and_then_unavailable(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, _):
        url = server.url
    async with connect(UpstreamConfig.model_validate({"base_url": url})) as upstream:
        began = time.monotonic()
        with pytest.raises(UpstreamUnavailable, match="refuses connections") as failed:
            await ask(upstream)
        assert time.monotonic() - began > 0.3, "two retries have a pause each"
        assert "127.0.0.1" not in failed.value.message
        assert isinstance(failed.value.__cause__, ConnectionRefusedError)


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    async with connect(UpstreamConfig.model_validate({"base_url": "http://x.invalid/", "max_retries": 0})) as upstream:
        with pytest.raises(UpstreamUnavailable, match="name cannot be resolved"):
            await ask(upstream)


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_connection_lost_before_the_answer_is_tried_again(relaying: Relaying, how: str) -> None:
    async def handler(x: Any) -> None:
        if len(server.requests) > 2:
            await x.json()
        elif how == "reset":
            await x.reset()
        else:
            x.writer.close()

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream)
        assert len(server.requests) == 3


async def test_a_request_is_sent_three_times_at_most(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.reset()

    async with relaying(handler) as (server, upstream):
        with pytest.raises(UpstreamUnavailable):
            await ask(upstream)
        assert len(server.requests) == 3


async def test_the_operator_may_forbid_retries(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.reset()

    async with relaying(handler, max_retries=0) as (server, upstream):
        with pytest.raises(UpstreamUnavailable):
            await ask(upstream)
        assert len(server.requests) == 1


async def test_a_connection_that_went_stale_is_replaced_without_a_pause(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        if x.request.body == b"die" and x.request.connection == 1:
            await x.reset()
        else:
            await x.json()

    async with relaying(handler) as (server, upstream):
        await ask(upstream)
        began = time.monotonic()
        await ask(upstream, body=b"die")
        assert time.monotonic() - began < 0.1
        assert [r.connection for r in server.requests] == [1, 1, 2]


async def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json()
        x.writer.close()

    async with relaying(handler) as (server, upstream):
        for _ in range(3):
            await ask(upstream)
            await server.until_open(0)
        assert len(server.requests) == server.connections == 3


async def test_connections_that_went_stale_together_cost_one_retry(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        if x.request.body == b"die" and x.request.connection <= 5:
            await x.reset()
        else:
            if x.request.body != b"die":
                await together.wait()
            await x.json()

    together = asyncio.Barrier(5)
    async with relaying(handler) as (server, upstream):
        await asyncio.gather(*(ask(upstream) for _ in range(5)))
        assert server.connections == 5
        await ask(upstream, body=b"die")
        assert len(server.requests) == 7


async def test_a_connection_that_the_server_is_about_to_close_is_not_used_again(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b'{"choices":[]}', "200 OK", "Connection: close")
        await x.gone()

    async with relaying(handler) as (server, upstream):
        for _ in range(2):
            await ask(upstream)
            await server.until_open(0)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "piece",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ch',
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: appl",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
)
@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_broken_answer_is_invalid_and_not_asked_for_again(relaying: Relaying, piece: bytes, how: str) -> None:
    async def handler(x: Any) -> None:
        await x.send(piece)
        if how == "close":
            x.writer.close()
        else:
            await x.reset()

    async with relaying(handler) as (server, upstream):
        with pytest.raises(UpstreamInvalid):
            await ask(upstream)
        assert len(server.requests) == 1
        await server.until_open(0)


async def test_a_body_may_end_with_the_connection(relaying: Relaying, chat: bytes) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", chat[:10], chat[10:])
        x.writer.close()

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream) == chat
        assert await ask(upstream) == chat
        assert server.connections == 2


async def test_interim_answers_are_passed_over(relaying: Relaying, chat: bytes) -> None:
    async def handler(x: Any) -> None:
        await x.send(
            b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\n\r\n"
        )
        await x.json(chat)

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream) == chat
        assert await ask(upstream) == chat
        assert server.connections == 1


async def test_more_than_was_asked_for_costs_the_connection(relaying: Relaying, chat: bytes) -> None:
    async def handler(x: Any) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(chat)
        await x.send(head + chat + head + b'{"choices":["not yours"]}')

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream) == chat
        assert await ask(upstream) == chat
        assert server.connections == 2


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
async def test_a_coded_body_is_decoded(relaying: Relaying, chat: bytes, coding: str, pack: Any) -> None:
    packed = pack(chat)

    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % coding.encode())
        await x.chunk(packed[:7], packed[7:])
        await x.end_chunks()

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream) == chat
        assert await ask(upstream) == chat
        assert server.connections == 1


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        (b"gzip", b"not gzip at all", "is malformed"),
        (b"gzip", gzip.compress(b'{"choices":[]}')[:-9], "breaks off"),
        (b"gzip", gzip.compress(b" " * 1_000_000), "expands to more than 100000"),
        (b"br", b"x", "not asked for"),
    ],
    ids=["garbage", "cut", "bomb", "not asked for"],
)
async def test_a_coded_body_that_cannot_be_decoded_is_invalid(
    relaying: Relaying, coding: bytes, body: bytes, reason: str
) -> None:
    async def handler(x: Any) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(body))
        await x.send(head + body)

    async with relaying(handler, max_answer_bytes=100_000) as (server, upstream):
        with pytest.raises(UpstreamInvalid, match=reason):
            await ask(upstream)
        await server.until_open(0)


# What the upstream refuses.


async def test_a_short_wait_is_waited_for(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        if len(server.requests) == 1:
            await x.json(b"{}", "429 Too Many Requests", "Retry-After-Ms: 120")
        else:
            await x.json()

    async with relaying(handler) as (server, upstream):
        began = time.monotonic()
        await ask(upstream)
        assert time.monotonic() - began >= 0.11
        assert server.connections == 1


async def test_a_long_wait_is_the_callers_to_decide(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b'{"error":{"message":"slow down"}}', "429 Too Many Requests", "Retry-After: 30")

    async with relaying(handler) as (server, upstream):
        with pytest.raises(RateLimited, match="slow down") as refused:
            await ask(upstream)
        assert refused.value.retry_after == 30
        assert len(server.requests) == 1


async def test_a_wait_beyond_the_deadline_is_not_begun(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b"{}", "503 Service Unavailable", "Retry-After: 4")

    async with relaying(handler) as (server, upstream):
        with pytest.raises(UpstreamUnavailable) as refused:
            await ask(upstream, Call(deadline=time.time() + 2))
        assert refused.value.retry_after == 4
        assert len(server.requests) == 1


async def test_a_failure_is_not_repeated(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b'{"error":{"message":"CUDA out of memory"}}', "500 Internal Server Error")

    async with relaying(handler) as (server, upstream):
        with pytest.raises(UpstreamFailed, match="CUDA out of memory"):
            await ask(upstream)
        assert len(server.requests) == 1


async def test_a_refusal_is_told_although_its_body_is_cut(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 50\r\n\r\nnot")
        x.writer.close()

    async with relaying(handler) as (_, upstream):
        with pytest.raises(UpstreamRefused):
            await ask(upstream)


async def test_a_refusal_before_the_body_is_read_is_told(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b"{}", "413 Content Too Large", "Connection: close")
        x.writer.close()

    async with relaying(handler) as (server, upstream):
        with pytest.raises(DinrailError, match="too large"):
            await ask(upstream, body=b" " * 1_000_000)
        assert len(server.requests) == 1

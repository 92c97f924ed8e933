"""Whole answers: what is sent, what is checked, what is repeated, what is waited for."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from pydantic import SecretStr

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.embeddings import EmbeddingResponse
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

Relaying = Callable[..., AbstractAsyncContextManager[tuple[Any, Upstream]]]

CALL = Call()


async def ask(upstream: Upstream, call: Call = CALL, body: bytes = b'{"a":1}') -> bytes:
    return (await upstream.answer(ChatCompletion, "chat/completions", body, call)).body


async def answer_well(x: Any) -> None:
    await x.json()


async def test_the_answer_is_the_bytes_that_came(relaying: Relaying) -> None:
    text = b'{ "choices":[],"id":"1", "unknown" : {"deep":[1.50]} }'

    async def handler(x: Any) -> None:
        await x.json(text)

    async with relaying(handler) as (server, upstream):
        assert await ask(upstream) == text
        assert server.requests[0].body == b'{"a":1}'
        assert (server.requests[0].method, server.requests[0].target) == ("POST", "/v1/chat/completions")


async def test_a_request_says_who_asks_and_for_what(relaying: Relaying) -> None:
    async with relaying(answer_well, api_key="the-key", headers={"X-Org": "ours"}) as (server, upstream):
        await ask(upstream, Call(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        assert server.requests[0].headers == {
            "host": f"127.0.0.1:{server.port}",
            "user-agent": "dinrail",
            "accept-encoding": "identity",
            "x-org": "ours",
            "accept": "application/json",
            "content-type": "application/json",
            "content-length": "7",
            "authorization": "Bearer the-key",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        }


async def test_the_callers_own_key_takes_the_place_of_ours_for_that_call_alone(relaying: Relaying) -> None:
    async with relaying(answer_well, api_key="ours") as (server, upstream):
        await ask(upstream, Call(upstream_key=SecretStr("theirs")))
        await ask(upstream)
        assert [r.headers["authorization"] for r in server.requests] == ["Bearer theirs", "Bearer ours"]


@pytest.mark.parametrize("key", ["", "a\r\nx-evil: 1", "schl\u00fcssel"])
async def test_a_callers_key_that_cannot_be_sent_is_refused(relaying: Relaying, key: str) -> None:
    async with relaying(answer_well) as (server, upstream):
        with pytest.raises(Unauthenticated):
            await ask(upstream, Call(upstream_key=SecretStr(key)))
        assert server.requests == []


async def test_a_trace_context_that_is_none_is_not_handed_on(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, upstream):
        await ask(upstream, Call(traceparent="x\r\nx-evil: 1"))
        assert "traceparent" not in server.requests[0].headers
        assert "x-evil" not in server.requests[0].headers


async def test_a_provider_may_say_how_the_key_is_sent(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, _):
        config = UpstreamConfig.model_validate({"base_url": server.url, "api_key": "k"})
        async with connect(config, user_agent="x/1", authorize=lambda key: ("x-api-key", key)) as upstream:
            await ask(upstream)
        assert server.requests[0].headers["x-api-key"] == "k"
        assert server.requests[0].headers["user-agent"] == "x/1"


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("", "models", "/models"),
        ("/", "models", "/models"),
        ("/v1", "models", "/v1/models"),
        ("/v1/", "a/b", "/v1/a/b"),
        ("/v1?api-version=1", "models", "/v1/models?api-version=1"),
        ("/v1", "/health", "/health"),
    ],
)
async def test_paths_are_relative_to_the_base_url(relaying: Relaying, base: str, path: str, target: str) -> None:
    async with relaying(answer_well) as (server, _):
        config = UpstreamConfig.model_validate({"base_url": f"http://127.0.0.1:{server.port}{base}"})
        async with connect(config) as upstream:
            await upstream.get(path, CALL)
        assert server.requests[0].target == target


async def test_useful_headers_are_handed_on(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(x_chat, "200 OK", "X-RateLimit-Remaining-Tokens: 9", "X-Request-Id: up-1", "Set-Cookie: a=b")

    x_chat = b'{"choices":[]}'
    async with relaying(handler) as (_, upstream):
        answer = await upstream.answer(ChatCompletion, "chat/completions", b"{}", CALL)
        assert answer.headers == {"x-ratelimit-remaining-tokens": "9", "x-upstream-request-id": "up-1"}


async def test_a_connection_serves_one_request_after_another(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, upstream):
        for _ in range(5):
            await ask(upstream)
        assert server.connections == 1
        await asyncio.gather(*(ask(upstream) for _ in range(5)))
        assert server.connections <= 5


async def test_closing_the_upstream_closes_its_connections(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, _):
        async with connect(UpstreamConfig.model_validate({"base_url": server.url})) as upstream:
            await ask(upstream)
            await server.until_open(1)
        await server.until_open(0)
        with pytest.raises(UpstreamUnavailable):
            await ask(upstream)


# What is no answer.


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"{}", b'{"choices":null}', b'{"choices":{}}', b'{"choices":[NaN]}', b"\xff"],
)
async def test_a_small_body_that_is_no_such_object_is_invalid(relaying: Relaying, body: bytes) -> None:
    async def handler(x: Any) -> None:
        await x.json(body)

    async with relaying(handler) as (_, upstream):
        with pytest.raises(UpstreamInvalid):
            await ask(upstream)


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (b'{"object":"list","data":[%b],"model":"m"}', True),
        (b' \n{"usage":{}, "data":[%b]}\n', True),
        (b'{"pad":"%b","data":[]}', True),
        (b'{"pad":[%b],"data":[1],"pad2":[%b]}', True),
        (b'{"object":"list","data":[%b]', False),
        (b'{"object":"list","vectors":[%b]}', False),
        (b"[%b]", False),
        (b'{"object":"list","data":[%b,"\xff"]}', False),
    ],
)
async def test_a_large_body_is_looked_at_where_it_tells(relaying: Relaying, body: bytes, good: bool) -> None:
    filling = b"0.125," * 20_000 + b"1"
    text = body.replace(b"%b", filling)

    async def handler(x: Any) -> None:
        await x.json(text)

    async with relaying(handler) as (_, upstream):
        if good:
            assert (await upstream.answer(EmbeddingResponse, "embeddings", b"{}", CALL)).body == text
        else:
            with pytest.raises(UpstreamInvalid):
                await upstream.answer(EmbeddingResponse, "embeddings", b"{}", CALL)


async def test_an_error_under_a_good_status_is_an_error(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b'{"error":{"message":"bad key the-key","type":"invalid_request_error"}}')

    async with relaying(handler, api_key="the-key") as (_, upstream):
        with pytest.raises(InvalidRequest, match=r"bad key \*\*\*"):
            await ask(upstream)


async def test_another_content_type_is_invalid(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\nContent-Length: 2\r\n\r\nhi")

    async with relaying(handler) as (_, upstream):
        with pytest.raises(UpstreamInvalid, match="text/html instead of json"):
            await ask(upstream)


async def test_a_redirect_is_not_followed(relaying: Relaying) -> None:
    async def handler(x: Any) -> None:
        await x.json(b"", "307 Temporary Redirect", "Location: /v1/elsewhere")

    async with relaying(handler) as (server, upstream):
        with pytest.raises(UpstreamInvalid, match="307"):
            await ask(upstream)
        assert len(server.requests) == 1


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_over_the_limit_is_invalid_and_costs_the_connection(relaying: Relaying, declared: bool) -> None:
    async def handler(x: Any) -> None:
        length = b"Content-Length: 100000000" if declared else b"Transfer-Encoding: chunked"
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%b\r\n\r\n" % length)
        if not declared:
            await x.chunk(b" " * 10_000)
        await x.gone()

    async with relaying(handler, max_answer_bytes=4096) as (server, upstream):
        with pytest.raises(UpstreamInvalid, match="larger than 4096"):
            await ask(upstream)
        await server.until_open(0)


# Faults of the connection.


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


# Time.


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


async def test_a_key_in_the_headers_is_a_key(relaying: Relaying) -> None:
    async with relaying(answer_well, headers={"Authorization": "Basic ours", "User-Agent": "me"}) as (server, upstream):
        await ask(upstream)
        await ask(upstream, Call(upstream_key=SecretStr("theirs")))
        assert [r.headers["authorization"] for r in server.requests] == ["Basic ours", "Bearer theirs"]
        assert server.requests[0].headers["user-agent"] == "me"


async def test_headers_are_sent_once() -> None:
    heads: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    config = {"headers": {"authorization": "a", "user-agent": "b"}, "max_retries": 0}
    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(UpstreamConfig.model_validate({"base_url": url, **config})) as upstream:
            with pytest.raises(UpstreamUnavailable):
                await ask(upstream, Call(upstream_key=SecretStr("c"), traceparent="00-1"))
    names = [line.split(b":")[0] for line in heads[0].split(b"\r\n")[1:-2]]
    assert len(names) == len(set(names))


async def test_a_path_that_is_not_encoded_is_a_mistake_that_is_told(relaying: Relaying) -> None:
    async with relaying(answer_well) as (server, upstream):
        for path in ("a b", "a\r\nx: y", "\u00e4", ""):
            with pytest.raises(ValueError, match="not encoded"):
                await upstream.get(path, CALL)
        assert server.connections == 0

"""Whole answers: what is sent, and what is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from pydantic import SecretStr

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.embeddings import EmbeddingResponse
from dinrail_core.errors import (
    InvalidRequest,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from dinrail_sdk.upstream import Unsigned, Upstream, UpstreamConfig, connect

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


async def test_a_signature_is_of_all_that_is_sent_and_stands_where_no_key_does(relaying: Relaying) -> None:
    shown: list[Unsigned] = []

    async def sign(request: Unsigned) -> list[tuple[str, str]]:
        shown.append(request)
        return [("authorization", "Signed 1"), ("x-date", "now")]

    async with relaying(answer_well) as (server, _):
        given = {"base_url": f"{server.url}?a=1", "headers": {"X-Org": "ours"}}
        async with connect(UpstreamConfig.model_validate(given), sign=sign) as upstream:
            await ask(upstream)
            await ask(upstream, Call(upstream_key=SecretStr("theirs")))
        async with connect(UpstreamConfig.model_validate({**given, "api_key": "k"}), sign=sign) as upstream:
            await ask(upstream)
        headers = (("accept", "application/json"), ("content-type", "application/json"), ("x-org", "ours"))
        assert shown == [Unsigned("POST", f"{server.url}/chat/completions?a=1", headers, b'{"a":1}')]
        sent = [(r.headers["authorization"], r.headers.get("x-date")) for r in server.requests]
        assert sent == [("Signed 1", "now"), ("Bearer theirs", None), ("Bearer k", None)]


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
        await x.json(
            x_chat,
            "200 OK",
            "X-RateLimit-Remaining-Tokens: 9",
            "X-Request-Id: up-1",
            "anthropic-ratelimit-x: 7",
            "Set-Cookie: a=b",
        )

    x_chat = b'{"choices":[]}'
    async with relaying(handler) as (_, upstream):
        answer = await upstream.answer(ChatCompletion, "chat/completions", b"{}", CALL)
        assert answer.headers == {
            "x-ratelimit-remaining-tokens": "9",
            "x-upstream-request-id": "up-1",
            "anthropic-ratelimit-x": "7",
        }


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

"""HTTP itself: what is answered where, with which headers, and to which malformed bytes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

from dinrail_core.api.answers import Answer
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.hooks.http import Exchange, Reply, Route

if TYPE_CHECKING:
    from conftest import Scripted, Start

CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'


def _post(body: bytes = CHAT, headers: str = "", version: str = "1.1") -> bytes:
    head = f"POST /v1/chat/completions HTTP/{version}\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n{headers}"
    return head.encode() + b"\r\n" + body


async def test_every_answer_carries_a_request_id_and_nosniff_and_no_server(start: Start) -> None:
    running = await start()
    for path in ("/livez", "/v1/models", "/nope", "/v1/models/nope"):
        async with running.http.get(running.root + path) as answer:
            assert answer.headers["x-request-id"].startswith("req_")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "date" in answer.headers
            assert "server" not in answer.headers


async def test_a_good_request_id_is_kept_and_reaches_the_provider(start: Start, provider: Scripted) -> None:
    running = await start()
    good = "trace-1.2_3"
    async with running.post("/v1/chat/completions", CHAT, x_request_id=good) as answer:
        assert answer.headers["x-request-id"] == good
    assert provider.calls[0].request_id == good


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "ü", "a/b"])
async def test_a_bad_request_id_is_replaced(start: Start, bad: str) -> None:
    running = await start()
    async with running.http.get(running.root + "/livez", headers={"x-request-id": bad}) as answer:
        assert answer.headers["x-request-id"].startswith("req_")


async def test_the_call_has_a_deadline_and_the_trace(start: Start, provider: Scripted) -> None:
    running = await start(request_timeout=30)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with running.post("/v1/chat/completions", CHAT, traceparent=trace):
        pass
    assert provider.calls[0].traceparent == trace
    assert 25 < (provider.calls[0].remaining() or 0) <= 30


async def test_an_unknown_path_is_404_and_a_wrong_method_405_that_lists_the_right_ones(start: Start) -> None:
    running = await start()
    async with running.http.get(running.root + "/v1/nope") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"
    for method, path, allowed in (
        ("GET", "/v1/embeddings", "POST"),
        ("DELETE", "/v1/chat/completions", "GET, HEAD, POST"),
        ("DELETE", "/v1/models/a/b", "GET, HEAD"),
        ("PATCH", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/models", "GET, HEAD"),
    ):
        async with running.http.request(method, running.root + path) as answer:
            assert answer.status == 405
            assert answer.headers["allow"] == allowed
            assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_head_answers_like_get_without_a_body(start: Start) -> None:
    running = await start()
    answer = await running.exchange(b"HEAD /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head
    assert b"content-length: 15" in head
    assert body == b""


async def test_percent_encoded_slashes_are_part_of_a_models_id(start: Start) -> None:
    running = await start()
    answer = await running.exchange(
        b"GET /v1/models/local%2Forg%2Fm HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    )
    assert b'"id":"local/org/m"' in answer


async def test_a_proxys_absolute_request_line_is_understood(start: Start) -> None:
    running = await start()
    line = f"GET {running.root}/livez?x=1 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    assert (await running.exchange(line.encode())).startswith(b"HTTP/1.1 200 ")


async def test_one_connection_serves_many_requests(start: Start) -> None:
    running = await start()
    last = _post(headers="connection: close\r\n")
    answer = await running.exchange(_post() + _post() + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_http_1_0_gets_a_whole_answer_and_the_end_of_the_connection(start: Start) -> None:
    running = await start()
    answer = await running.exchange(_post(version="1.0"))
    assert answer.startswith(b"HTTP/1.0 200 OK")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["object"] == "chat.completion"


async def test_http_1_0_gets_a_stream_without_chunked_encoding(start: Start) -> None:
    running = await start()
    body = CHAT[:-1] + b', "stream": true}'
    answer = await running.exchange(_post(body, version="1.0"))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert rest.startswith(b"data: {")
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_client_that_expects_100_continue_is_told_to_go_on(start: Start) -> None:
    running = await start()
    async with running.connect() as (reader, writer):
        request = _post(headers="expect: 100-continue\r\nconnection: close\r\n")
        head, _, body = request.partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200 OK")


async def test_another_expectation_fails(start: Start) -> None:
    running = await start()
    assert (await running.exchange(_post(headers="expect: tea\r\nconnection: close\r\n"))).startswith(b"HTTP/1.1 417 ")


async def test_a_compressed_body_is_read(start: Start) -> None:
    running = await start()
    async with running.post("/v1/chat/completions", gzip.compress(CHAT), content_encoding="gzip") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_http"),
        (b"nonsense\r\n\r\n", 400, "bad_http"),
        (b"GET /livez HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n", 400, "bad_http"),
        (b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n", 400, "bad_http"),
        (b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: x\r\n\r\n", 400, "bad_http"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET /livez HTTP/1.1\r\nx: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (
            b"POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            400,
            "bad_http",
        ),
    ],
)
async def test_what_is_not_http_gets_an_error_in_openais_shape(
    start: Start, sent: bytes, status: int, code: str
) -> None:
    running = await start()
    head, _, body = (await running.exchange(sent)).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"server:" not in head.lower()
    assert json.loads(body)["error"]["code"] == code


async def test_headers_of_the_upstream_are_handed_on_but_do_not_replace_ours(start: Start, provider: Scripted) -> None:
    provider.answer = Answer(
        ChatCompletion,
        body=b"{}",
        headers={"x-ratelimit-remaining-requests": "3", "x-request-id": "theirs", "content-type": "text/html"},
    )
    running = await start()
    async with running.post("/v1/chat/completions", CHAT) as answer:
        assert answer.headers["x-ratelimit-remaining-requests"] == "3"
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers.getall("content-type") == ["application/json"]
        assert await answer.read() == b"{}"


async def test_a_handler_that_raises_costs_one_request_and_tells_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(exchange: Exchange) -> Reply:
        raise RuntimeError("secret detail")

    async def leaving(exchange: Exchange) -> Reply:
        raise SystemExit(3)

    running = await start(
        routes=[
            Route(method="GET", path="/broken", handler=broken, summary="s", tag="t"),
            Route(method="GET", path="/leaving", handler=leaving, summary="s", tag="t"),
        ]
    )
    for path in ("/broken", "/leaving"):
        async with running.http.get(running.root + path) as answer:
            assert answer.status == 500
            error = (await answer.json())["error"]
        assert error["type"] == "server_error"
        assert "secret" not in error["message"]
        assert answer.headers["x-request-id"] in error["message"]
        assert answer.headers["x-request-id"] in caplog.text
    assert "secret detail" in caplog.text


async def test_a_replys_body_may_be_a_source_of_bytes(start: Start) -> None:
    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"one "
        yield b"two"

    async def download(exchange: Exchange) -> Reply:
        headers = {"content-disposition": 'attachment; filename="x"'}
        return Reply(body=parts(), content_type="application/octet-stream", headers=headers, status=206)

    running = await start(routes=[Route(method="GET", path="/file", handler=download, summary="s", tag="t")])
    async with running.http.get(running.root + "/file") as answer:
        assert answer.status == 206
        assert answer.headers["content-disposition"]
        assert await answer.read() == b"one two"
    head = await running.exchange(b"HEAD /file HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1

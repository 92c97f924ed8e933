"""What is too large, too deep or too slow."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import InvalidRequest
from dinrail_server.body import MAX_DEPTH, parse_json

if TYPE_CHECKING:
    from conftest import Start

CHAT = "/v1/chat/completions"


def _chat(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


async def test_a_body_over_the_limit_is_413_and_one_at_the_limit_is_read(start: Start) -> None:
    running = await start(max_body_bytes=2048)
    exact = _chat("x" * (2048 - len(_chat(""))))
    assert len(exact) == 2048
    async with running.post(CHAT, exact) as answer:
        assert answer.status == 200
    async with running.post(CHAT, _chat("x" * 2048)) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "request_too_large"


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(start: Start) -> None:
    running = await start(max_body_bytes=2048)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 99999999999999\r\n\r\n"
    async with running.connect() as (reader, writer):
        writer.write(head)
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_declared_length_is_cut_at_the_limit(start: Start) -> None:
    running = await start(max_body_bytes=2048)

    async def parts() -> Any:
        for _ in range(100):
            yield b"x" * 1000

    async with running.http.post(running.root + CHAT, data=parts(), headers={"content-type": "application/json"}) as a:
        assert a.status == 413


async def test_the_limit_counts_what_a_compressed_body_becomes(start: Start) -> None:
    running = await start(max_body_bytes=100_000)
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    async with running.post(CHAT, bomb, content_encoding="gzip") as answer:
        assert answer.status == 413


async def test_the_default_limit_is_16_mib(start: Start) -> None:
    running = await start()
    async with running.post(CHAT, _chat("x" * (16 * 1024 * 1024 - 200))) as answer:
        assert answer.status == 200
    async with running.post(CHAT, _chat("x" * (16 * 1024 * 1024))) as answer:
        assert answer.status == 413


async def test_a_body_that_does_not_come_is_408(start: Start) -> None:
    running = await start(body_timeout=0.1)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{"
    answer = await running.exchange(head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in answer


async def test_a_head_that_does_not_end_closes_the_connection(start: Start) -> None:
    running = await start(header_timeout=0.2)
    begun = time.monotonic()
    assert await running.exchange(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n") == b""
    assert time.monotonic() - begun < 5


async def test_a_slow_head_behind_a_good_request_closes_the_connection_too(start: Start) -> None:
    running = await start(header_timeout=0.2)
    async with running.connect() as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b'"ok"}'), 5)
        writer.write(b"GET /livez HT")
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_head_in_two_pieces_is_read(start: Start) -> None:
    running = await start(header_timeout=0.5)
    async with running.connect() as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"host: 127.0.0.1\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.6)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        assert b"HTTP/1.1 200 OK" in await asyncio.wait_for(reader.read(), 2), "the first head's timer is over"


async def test_an_idle_connection_is_closed(start: Start) -> None:
    running = await start(keepalive_timeout=0.2)
    begun = time.monotonic()
    assert b" 200 OK" in await running.exchange(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    assert time.monotonic() - begun < 5


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _nest(value: Any, wraps: list[bool]) -> Any:
    for as_list in wraps:
        value = [value, "[{"] if as_list else {"]": value}
    return value


_leaves: st.SearchStrategy[Any] = st.one_of(st.integers(0, 9), st.text('[]{}"\\', max_size=5), st.just([]), st.just({}))


@given(_leaves, st.lists(st.booleans(), max_size=2 * MAX_DEPTH))
def test_json_is_refused_exactly_when_it_is_too_deep(leaf: Any, wraps: list[bool]) -> None:
    value = _nest(leaf, wraps)
    body = json.dumps(value).encode()
    if _depth(value) > MAX_DEPTH:
        with pytest.raises(InvalidRequest, match="deeper than 64"):
            parse_json(body)
    else:
        assert parse_json(body) == value


@pytest.mark.parametrize("deep", [b"[" * 2000 + b"]" * 2000, b'{"a":' * 2000 + b"1" + b"}" * 2000])
def test_depth_that_the_parser_itself_refuses_is_invalid_too(deep: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(deep)

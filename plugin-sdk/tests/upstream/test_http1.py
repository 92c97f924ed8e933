"""One connection, fed by hand: however an answer is cut into reads, it is the same answer."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.upstream.http1 import Connection
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.transport import Unanswered

BODY = b'{"choices":[],"text":"0123456789"}'
COMPRESSED = gzip.compress(BODY, mtime=0)


class Wire:
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        self.closing = False
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        assert not self.closing

    def resume_reading(self) -> None:
        assert not self.closing


def opened(freed: list[Connection], lost: list[Connection]) -> tuple[Connection, Wire]:
    wire = Wire()
    connection = Connection(asyncio.get_running_loop(), Patience(60, 60, 10_000), freed.append, lost.append)
    connection.connection_made(cast("asyncio.Transport", wire))
    return connection, wire


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


ANSWERS = {
    "delimited": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Empty:\r\nX-Two: 2\r\n\r\n%b" % (len(BODY), BODY),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY[:5], BODY[5:]),
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY)[:-2] + b"X-T: 1\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunked(COMPRESSED[:9], COMPRESSED[9:]),
}


def run(test: Callable[[], Any]) -> Any:
    return asyncio.run(test())


@pytest.mark.parametrize("kind", ANSWERS)
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(min_value=0, max_value=400), max_size=10))
def test_an_answer_is_the_same_however_it_is_cut(kind: str, places: list[int]) -> None:
    answer = ANSWERS[kind]
    edges = [0, *sorted({place % (len(answer) + 1) for place in places}), len(answer)]

    async def exchange() -> None:
        freed: list[Connection] = []
        connection, wire = opened(freed, [])
        for _ in range(2):
            connection.begin(b"GET / HTTP/1.1\r\n\r\n", None, connection._loop.time() + 60)
            for start, end in itertools.pairwise(edges):
                if start < end:
                    connection.data_received(answer[start:end])
            await connection.head()
            assert connection.status == 200
            assert await connection.whole(1000) == BODY
            connection.leave()
        assert freed == [connection, connection]
        assert not wire.closing
        if kind == "delimited":
            assert connection.headers[b"x-empty"] == b""
            assert connection.headers[b"x-two"] == b"2"

    run(exchange)


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("reset", [True, False])
def test_an_answer_cut_short_anywhere_is_never_taken_for_whole(kind: str, reset: bool) -> None:
    answer = ANSWERS[kind]

    async def exchange(length: int) -> DinrailError:
        lost: list[Connection] = []
        connection, _ = opened([], lost)
        connection.begin(b"", None, connection._loop.time() + 60)
        if length:
            connection.data_received(answer[:length])
        connection.connection_lost(ConnectionResetError() if reset else None)
        assert lost == [connection]
        try:
            await connection.head()
            await connection.whole(1000)
        except DinrailError as error:
            return error
        raise AssertionError(f"{length} of {len(answer)} bytes were taken for the whole")

    for length in range(len(answer)):
        error = asyncio.run(exchange(length))
        assert type(error) is (Unanswered if length == 0 else UpstreamInvalid)


def test_a_body_without_a_length_ends_with_an_orderly_close_alone() -> None:
    async def exchange(loss: Exception | None) -> bytes:
        connection, _ = opened([], [])
        connection.begin(b"", None, connection._loop.time() + 60)
        connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
        connection.connection_lost(loss)
        await connection.head()
        return await connection.whole(1000)

    assert asyncio.run(exchange(None)) == BODY
    with pytest.raises(UpstreamInvalid):
        asyncio.run(exchange(ConnectionResetError()))


async def test_a_connection_that_we_drop_does_not_end_a_body() -> None:
    connection, _ = opened([], [])
    connection.begin(b"", None, connection._loop.time() + 60)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    connection.abort()
    connection.connection_lost(None)
    with pytest.raises(UpstreamInvalid):
        await connection.whole(1000)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1\x00\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_what_is_not_http_is_invalid(answer: bytes) -> None:
    connection, wire = opened([], [])
    connection.begin(b"", None, connection._loop.time() + 60)
    connection.data_received(answer)

    async def exchange() -> None:
        await connection.head()
        await connection.whole(1000)

    with pytest.raises(UpstreamInvalid):
        await exchange()
    assert wire.closing


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: %b", b"HTTP/1.1 200 OK\r\nX: %b\r\nY: %b\r\n\r\n"])
async def test_a_head_without_end_is_refused_before_it_ends(head: bytes) -> None:
    connection, wire = opened([], [])
    connection.begin(b"", None, connection._loop.time() + 60)
    connection.data_received(head.replace(b"%b", b"x" * 70_000))
    with pytest.raises(UpstreamInvalid, match="head of the upstream's answer is too large"):
        await connection.head()
    assert wire.closing


async def test_bytes_that_nobody_asked_for_cost_the_connection() -> None:
    connection, wire = opened([], [])
    assert connection.usable()
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert wire.closing
    assert not connection.usable()


async def test_two_readers_of_one_answer_are_a_mistake_that_is_told() -> None:
    connection, _ = opened([], [])
    connection.begin(b"", None, connection._loop.time() + 60)
    first = asyncio.create_task(connection.head())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one task"):
        await connection.head()
    connection.data_received(ANSWERS["delimited"])
    await first
    connection.leave()
    connection.abort()
    connection.connection_lost(None)

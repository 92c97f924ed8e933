"""The client over an engine that is no network at all: the seam at which the engine can be replaced."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.errors import UpstreamTimeout, UpstreamUnavailable
from dinrail_sdk.upstream import UpstreamConfig, bearer
from dinrail_sdk.upstream.client import Client
from dinrail_sdk.upstream.pool import Origin
from dinrail_sdk.upstream.transport import Outgoing, Reply, Transport, Unanswered


class Canned(Reply):
    def __init__(self, *pieces: bytes, status: int = 200) -> None:
        self.status = status
        self.headers = {b"x-request-id": b"up-1"}
        self.pieces = list(pieces)
        self.left = 0

    async def whole(self, limit: int) -> bytes:
        return b"".join(self.pieces)

    def some(self) -> Awaitable[bytes]:
        async def piece() -> bytes:
            return self.pieces.pop(0) if self.pieces else b""

        return piece()

    def leave(self) -> None:
        self.left += 1


class Memory(Transport):
    def __init__(self, *outcomes: Canned | Exception) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Outgoing] = []

    async def send(self, request: Outgoing) -> Reply:
        self.sent.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None: ...


def client(transport: Transport) -> Client:
    return Client(UpstreamConfig.model_validate({"base_url": "http://x/v1"}), transport, bearer)


async def test_answers_and_streams_need_nothing_but_a_transport() -> None:
    whole = Canned(b'{"choices":', b"[]}")
    stream = Canned(b'data: {"a":1}\n', b"\ndata: [DONE]\n\n")
    upstream = client(Memory(whole, stream))
    answer = await upstream.answer(ChatCompletion, "x", b"{}", Call())
    assert (answer.body, answer.headers) == (b'{"choices":[]}', {"x-upstream-request-id": "up-1"})
    reads = (await upstream.stream(ChatChunk, "x", b"{}", Call())).reads()
    assert [read async for read in reads] == [b'data: {"a":1}\n\n']
    assert whole.left == 1
    assert stream.left >= 1


async def test_only_what_was_not_answered_is_sent_again() -> None:
    gone = Unanswered("", on_used_connection=True)
    transport = Memory(gone, gone, Canned(b'{"choices":[]}'))
    await client(transport).answer(ChatCompletion, "x", b"{}", Call())
    assert len(transport.sent) == 3
    for failure in (UpstreamTimeout("late"), UpstreamUnavailable("full")):
        transport = Memory(failure, Canned())
        with pytest.raises(type(failure)):
            await client(transport).answer(ChatCompletion, "x", b"{}", Call())
        assert len(transport.sent) == 1


async def test_every_reply_is_left_whatever_it_was() -> None:
    for reply in (Canned(b"{", status=500), Canned(b"nonsense"), Canned(b"{}", status=301)):
        with pytest.raises(Exception, match=r"."):
            await client(Memory(reply)).answer(ChatCompletion, "x", b"{}", Call())
        assert reply.left == 1


@pytest.mark.parametrize(
    ("host", "port", "authority"),
    [("::1", 80, "[::1]"), ("::1", 81, "[::1]:81"), ("x", 80, "x"), ("x", 443, "x:443")],
)
def test_the_host_header_names_the_port_where_it_is_not_the_usual_one(host: str, port: int, authority: str) -> None:
    assert Origin(host, port, None).authority == authority

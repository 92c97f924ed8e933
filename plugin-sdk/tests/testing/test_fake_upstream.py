"""The fake upstream does on the wire what its scripts and deliveries say; looked at with a client of another make."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_sdk.testing import OPENAI, Asked, FakeUpstream, Gate, Refused, Say, Spoken, ToolUse, Turn, delivery
from dinrail_sdk.testing.connection import take_request

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi, Zürich."}]}


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


async def post(session: aiohttp.ClientSession, upstream: FakeUpstream, body: Any = CHAT) -> tuple[int, bytes]:
    async with session.post(f"{upstream.url}/chat/completions", json=body) as response:
        return response.status, await response.read()


async def test_without_a_script_a_chat_is_echoed(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    status, body = await post(session, upstream)
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == "You said: Hi, Zürich."
    assert upstream.asked == upstream.received[0].asked
    assert (upstream.asked.model, upstream.asked.messages[0].text) == ("m", "Hi, Zürich.")


async def test_a_connection_serves_many_requests(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    for _ in range(3):
        await post(session, upstream)
    assert len(upstream.received) == 3
    assert upstream.open_connections == 1


async def test_a_stream_has_its_script_in_frames(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    upstream.says(Spoken(choices=(Say(text="abcdef", piece=4),)))
    _, body = await post(session, upstream, {**CHAT, "stream": True})
    frames = body.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    pieces = [json.loads(frame[6:])["choices"][0]["delta"].get("content") for frame in frames[:-2]]
    assert pieces == ["", "abcd", "ef", None]


async def test_calls_are_streamed_in_turns(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    calls = (ToolUse(id="a", name="f", arguments="12"), ToolUse(id="b", name="g", arguments="345"))
    upstream.says(Spoken(choices=(Say(text=None, calls=calls, finish="tool_calls", piece=1),)))
    _, body = await post(session, upstream, {**CHAT, "stream": True})
    events = [json.loads(frame[6:]) for frame in body.decode().split("\n\n")[:-2]]
    deltas = [call for event in events for call in event["choices"][0]["delta"].get("tool_calls", ())]
    assert [(one["index"], one["function"]["arguments"]) for one in deltas] == [
        (0, ""),
        (1, ""),
        (0, "1"),
        (1, "3"),
        (0, "2"),
        (1, "4"),
        (1, "5"),
    ]


async def test_turns_come_once_each_and_then_what_is_always_said(
    upstream: FakeUpstream, session: aiohttp.ClientSession
) -> None:
    upstream.says(Spoken.of("always"))
    upstream.then(Turn(script=Refused(status=503)), Turn(script=lambda asked: Spoken.of(asked.model)))
    statuses, texts = [], []
    for _ in range(3):
        status, body = await post(session, upstream)
        statuses.append(status)
        texts.append(json.loads(body).get("choices", [{"message": {"content": None}}])[0]["message"]["content"])
    assert (statuses, texts) == ([503, 200, 200], [None, "m", "always"])


async def test_a_refusal_has_its_status_and_headers(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    upstream.says(Refused(status=429, message="Slow.", code="rate_limit", retry_after=3))
    async with session.post(f"{upstream.url}/chat/completions", json=CHAT) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "3")
        assert (await response.json())["error"]["code"] == "rate_limit"


async def test_an_unknown_address_is_a_stray(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{upstream.origin}/health") as response:
        assert response.status == 404
    assert [(stray.method, stray.path) for stray in upstream.strays] == [("GET", "/health")]
    assert upstream.received == []


async def test_a_body_that_is_no_json_is_a_bad_request(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    async with session.post(f"{upstream.url}/embeddings", data=b"{") as response:
        assert response.status == 400
    with pytest.raises(AssertionError, match="no request of its dialect"):
        _ = upstream.asked


BROKEN = {
    "reset": delivery.reset(),
    "closed before any answer": delivery.cut(-1),
    "cut": delivery.cut(1),
    "reset in the middle": delivery.reset(1),
    "half closed": delivery.half_closed(1),
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_broken_answer_is_an_error_to_a_client(
    upstream: FakeUpstream, session: aiohttp.ClientSession, fault: delivery.Delivery, stream: bool
) -> None:
    upstream.says(delivery=fault)
    with pytest.raises(aiohttp.ClientError):
        await post(session, upstream, {**CHAT, "stream": stream})


SILENT = {"no headers": delivery.stalled(-1), "half an answer": delivery.stalled(1)}


@pytest.mark.parametrize("fault", SILENT.values(), ids=SILENT)
async def test_a_client_that_gives_up_is_noticed(upstream: FakeUpstream, fault: delivery.Delivery) -> None:
    upstream.says(delivery=fault)
    async with aiohttp.ClientSession() as session:
        task = asyncio.ensure_future(post(session, upstream))
        received = await upstream.arrival()
        assert not received.exchange.left.is_set()
        task.cancel()
        await asyncio.wait({task})
        async with asyncio.timeout(1):
            await received.exchange.left.wait()
    await upstream.quiet()


async def test_waiting_for_what_does_not_come_ends(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    with pytest.raises(TimeoutError):
        await upstream.arrival(within=0.01)
    await post(session, upstream)
    with pytest.raises(TimeoutError):
        await upstream.quiet(within=0.01)


def _decodes(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parses(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _has_text_for_a_list(body: bytes) -> bool:
    return isinstance(json.loads(body)["choices"], str)


FRAMED_BUT_WRONG: dict[str, tuple[delivery.Delivery, Callable[[bytes], bool]]] = {
    "garbage": (delivery.garbage(), lambda body: body.startswith(b"<!doctype")),
    "truncated": (delivery.truncated(), lambda body: body.startswith(b'{"id"') and not _parses(body)),
    "bad UTF-8": (delivery.bad_utf8(), lambda body: not _decodes(body)),
    "wrong types": (delivery.wrong_types(), _has_text_for_a_list),
    "another type": (delivery.wrong_content_type(), _parses),
}


@pytest.mark.parametrize("name", FRAMED_BUT_WRONG)
async def test_a_wrong_body_is_framed_rightly(
    upstream: FakeUpstream, session: aiohttp.ClientSession, name: str
) -> None:
    fault, holds = FRAMED_BUT_WRONG[name]
    upstream.says(delivery=fault)
    for _ in range(2):  # a delivery keeps nothing from one request to the next
        status, body = await post(session, upstream)
        assert status == 200
        assert holds(body), body


async def test_an_endless_line_ends_with_its_reader(upstream: FakeUpstream) -> None:
    upstream.says(delivery=delivery.endless_line())
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{upstream.url}/chat/completions", json={**CHAT, "stream": True}) as response,
    ):
        seen = 0
        while seen < 4_000_000:
            seen += len(await response.content.readany())
        response.close()
    async with asyncio.timeout(1):
        await upstream.received[0].exchange.left.wait()


async def test_a_gate_lets_pieces_out_one_by_one(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    gate = Gate()
    upstream.says(delivery=delivery.Delivery(gate=gate))
    async with session.post(f"{upstream.url}/chat/completions", json={**CHAT, "stream": True}) as response:
        for _ in range(2):
            async with asyncio.timeout(2):
                await gate.waiting.wait()
            gate.open()
            assert (await response.content.readuntil(b"\n\n")).startswith(b"data: ")
        gate.open(100)
        assert (await response.read()).endswith(b"[DONE]\n\n")


async def test_an_error_in_mid_stream_ends_it(upstream: FakeUpstream, session: aiohttp.ClientSession) -> None:
    upstream.says(dies_after=2)
    _, body = await post(session, upstream, {**CHAT, "stream": True})
    frames = body.decode().removesuffix("\n\n").split("\n\n")
    assert len(frames) == 3
    assert "error" in json.loads(frames[-1][6:])


async def test_an_upstream_that_stops_comes_back_under_its_address(session: aiohttp.ClientSession) -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        await post(session, upstream)
        await upstream.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(session, upstream)
        await upstream.start()
        assert (await post(session, upstream))[0] == 200


def test_an_upstream_that_was_never_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="dialect = None"):
        _ = FakeUpstream(OPENAI).url


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.booleans(), st.integers(min_value=1, max_value=300))
def test_requests_are_cut_off_the_bytes_wherever_those_are_torn(bodies: list[bytes], chunked: bool, grain: int) -> None:
    wire = b"".join(_chunked(body) if chunked else _sized(body) for body in bodies)
    buffer, found = bytearray(), []
    for at in range(0, len(wire), grain):
        buffer += wire[at : at + grain]
        while (request := take_request(buffer)) is not None:
            found.append(request.body)
    assert found == bodies
    assert not buffer


def _sized(body: bytes) -> bytes:
    return b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _chunked(body: bytes) -> bytes:
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % chunks


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ({"stop": "a"}, {"stop": ["a"]}),
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"temperature": 0, "seed": None}, {"temperature": 0}),
    ],
)
async def test_settings_are_read_under_one_name(
    upstream: FakeUpstream, session: aiohttp.ClientSession, sent: dict[str, Any], seen: dict[str, Any]
) -> None:
    await post(session, upstream, {**CHAT, **sent, "x_new": 1})
    assert dict(upstream.asked.settings) == seen
    assert dict(upstream.asked.extra) == {"x_new": 1}


def test_what_was_not_asked_for_is_empty() -> None:
    asked = Asked(api="chat")
    assert (asked.tools, asked.n, asked.odds, asked.schema, asked.settings) == ((), 1, None, None, {})


async def test_a_file_is_handed_out_whole_or_from_where_it_is_asked_for(
    upstream: FakeUpstream, session: aiohttp.ClientSession
) -> None:
    content = bytes(range(256)) * 1000
    upstream.shelf["/a model.gguf"] = content
    async with session.get(f"{upstream.origin}/a%20model.gguf") as response:
        assert (response.status, await response.read()) == (200, content)
        etag = response.headers["ETag"]
    async with session.get(f"{upstream.origin}/a%20model.gguf", headers={"Range": "bytes=1000-"}) as response:
        assert (response.status, await response.read()) == (206, content[1000:])
        assert response.headers["Content-Range"] == f"bytes 1000-{len(content) - 1}/{len(content)}"
    async with session.get(f"{upstream.origin}/a%20model.gguf", headers={"Range": "bytes=256000-"}) as response:
        assert (response.status, response.headers["Content-Range"]) == (416, "bytes */256000")
    async with session.head(f"{upstream.origin}/a%20model.gguf") as response:
        assert (response.status, response.content_length, response.headers["ETag"]) == (200, len(content), etag)
    assert [one.request.method for one in upstream.fetched] == ["GET", "GET", "GET", "HEAD"]


async def test_a_file_that_has_changed_is_handed_out_whole(
    upstream: FakeUpstream, session: aiohttp.ClientSession
) -> None:
    upstream.shelf["/file"] = b"old content"
    async with session.get(f"{upstream.origin}/file") as response:
        etag = response.headers["ETag"]
    for content, status in ((b"old content", 206), (b"new content", 200)):
        upstream.shelf["/file"] = content
        headers = {"Range": "bytes=4-", "If-Range": etag}
        async with session.get(f"{upstream.origin}/file", headers=headers) as response:
            assert (response.status, await response.read()) == (status, content[4:] if status == 206 else content)

"""Loads of responses notice what is wrong with an answer: what they measure is a server that does its work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from benchmarks import payloads
from benchmarks.loads import WrongAnswer
from benchmarks.responding import Respond, StreamResponse

CHUNKS = 12


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[str]:
    """A server that says this, whatever it is asked."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(connection, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text}
    return {"id": "resp_1", "status": "completed", "store": False, "output": [{"content": [part]}]}


def stream() -> list[dict[str, Any]]:
    deltas = payloads.response_text(CHUNKS).split()
    events: list[dict[str, Any]] = [{"type": "response.created"}]
    events += [{"type": "response.output_text.delta", "delta": f"{delta} "} for delta in deltas]
    events.append({"type": "response.completed", "response": response(payloads.response_text(CHUNKS))})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def sent(events: list[dict[str, Any]]) -> bytes:
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return "".join([*frames, "data: [DONE]\n\n"]).encode()


async def test_events_of_a_stream_are_counted() -> None:
    async with answering(sent(stream())) as url:
        assert await StreamResponse(2, CHUNKS).run(url) == 2 * CHUNKS


def less(events: list[dict[str, Any]]) -> bytes:
    del events[5]
    return sent([{**event, "sequence_number": number} for number, event in enumerate(events)])


def gap(events: list[dict[str, Any]]) -> bytes:
    events[5]["sequence_number"] = 50
    return sent(events)


def other(events: list[dict[str, Any]]) -> bytes:
    events[-1]["response"]["output"][0]["content"][0]["text"] = "?"
    return sent(events)


def cut(events: list[dict[str, Any]]) -> bytes:
    return sent(events).removesuffix(b"data: [DONE]\n\n")


@pytest.mark.parametrize("fault", [less, gap, other, cut])
async def test_a_wrong_stream_is_no_measurement(fault: Callable[[list[dict[str, Any]]], bytes]) -> None:
    async with answering(fault(stream())) as url:
        with pytest.raises(WrongAnswer):
            await StreamResponse(1, CHUNKS).run(url)


@pytest.mark.parametrize(
    ("said", "store"),
    [
        ({}, True),
        ({"status": "incomplete"}, False),
        ({"output": []}, False),
        ({}, False),  # the second answer has the id of the first
    ],
)
async def test_a_wrong_response_is_no_measurement(said: dict[str, Any], store: bool) -> None:
    async with answering(json.dumps(response(payloads.response_text()) | said).encode()) as url:
        with pytest.raises(WrongAnswer):
            await Respond(1, 2, store=store).run(url)


async def test_a_right_response_is_counted() -> None:
    async with answering(json.dumps(response(payloads.response_text())).encode()) as url:
        assert await Respond(3, 1).run(url) == 3

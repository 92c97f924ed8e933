"""How an answer comes over the wire, and everything that can go wrong with it on the way."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dinrail_sdk.testing.connection import Exchange
from dinrail_sdk.testing.dialect import Rendered

__all__ = [
    "AT_ONCE",
    "Delivery",
    "Gate",
    "bad_utf8",
    "cut",
    "deliver",
    "endless_line",
    "garbage",
    "half_closed",
    "noisy",
    "paused",
    "reset",
    "slow",
    "split",
    "stalled",
    "truncated",
    "without_end",
    "wrong_content_type",
    "wrong_types",
]

Ending = Literal["whole", "stall", "cut", "reset", "half"]

_HTML = b"<!doctype html><html><body><h1>It works!</h1></body></html>"


class Gate:
    """Lets the pieces of an answer out one by one.

    ``waiting`` is set while a piece stands before the closed gate; :meth:`open` lets one through.
    """

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self._permits = asyncio.Semaphore(0)

    def open(self, pieces: int = 1) -> None:
        """Let this many pieces through."""
        for _ in range(pieces):
            self._permits.release()

    async def wait(self) -> None:
        """Stand before the gate."""
        self.waiting.set()
        await self._permits.acquire()
        self.waiting.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an answer is sent; as it stands, at once and whole.

    Attributes:
        wait: Seconds before the first byte.
        pause: Seconds before each piece of the body.
        grain: At most so many bytes in one write.
        pieces: How many pieces are sent before the ``ending``; -1 ends it before the headers, ``None`` after the last.
        ending: What then happens: the answer ends well (``whole``), nothing more comes (``stall``), the connection is
            closed (``cut``), broken (``reset``), or closed for sending only (``half``).
        body: Sent in place of the body.
        edit: Changes each piece, given with its number; a body that is no stream is one.
        noisy: Each piece is written as oddly as the dialect allows.
        truncate: Half of the JSON is missing, and the framing hides it.
        content_type: Sent in place of the right one.
        tail: Whether a stream's end mark is sent.
        endless: After two events of a stream, or at once, comes a line that never ends: bytes without a line end, until
            the client leaves or 64 MiB are out.
        gate: Lets pieces out one by one.
    """

    wait: float = 0.0
    pause: float = 0.0
    grain: int | None = None
    pieces: int | None = None
    ending: Ending = "whole"
    body: bytes | None = None
    edit: Callable[[bytes, int], bytes] | None = None
    noisy: bool = False
    truncate: bool = False
    content_type: str | None = None
    tail: bool = True
    endless: bool = False
    gate: Gate | None = None


AT_ONCE = Delivery()
"""At once and whole."""


def slow(seconds: float) -> Delivery:
    """The first byte takes a while."""
    return Delivery(wait=seconds)


def paused(seconds: float) -> Delivery:
    """Every piece takes a while."""
    return Delivery(pause=seconds)


def stalled(pieces: int = -1) -> Delivery:
    """Nothing comes after so many pieces; by default not even the headers."""
    return Delivery(pieces=pieces, ending="stall")


def cut(pieces: int = 1) -> Delivery:
    """The connection is closed after so many pieces, without the answer's end."""
    return Delivery(pieces=pieces, ending="cut")


def reset(pieces: int = -1) -> Delivery:
    """The connection breaks after so many pieces; by default before any answer."""
    return Delivery(pieces=pieces, ending="reset")


def half_closed(pieces: int = 1) -> Delivery:
    """The upstream shuts its sending side in the middle of the answer and keeps listening."""
    return Delivery(pieces=pieces, ending="half")


def garbage(body: bytes = _HTML, content_type: str = "text/html") -> Delivery:
    """Status 200, and something that is no answer at all."""
    return Delivery(body=body, content_type=content_type)


def truncated() -> Delivery:
    """JSON whose second half is missing, correctly framed."""
    return Delivery(truncate=True)


def wrong_types() -> Delivery:
    """JSON in which every list is a string."""
    return Delivery(edit=_stringify_lists)


def wrong_content_type(content_type: str = "text/plain") -> Delivery:
    """A good answer under another media type, as some servers send."""
    return Delivery(content_type=content_type)


def without_end() -> Delivery:
    """A finished stream that lacks its end mark."""
    return Delivery(tail=False)


def bad_utf8() -> Delivery:
    """Bytes in the text that are no UTF-8."""
    return Delivery(edit=_spoil_utf8)


def endless_line() -> Delivery:
    """A line without end."""
    return Delivery(endless=True)


def split(grain: int = 1) -> Delivery:
    """Every write carries so few bytes that characters and frames are torn apart."""
    return Delivery(grain=grain)


def noisy() -> Delivery:
    """A stream with all that its format allows and that means nothing, such as comments."""
    return Delivery(noisy=True)


def _stringify_lists(piece: bytes, number: int) -> bytes:
    return b"\n".join(_stringified(line) for line in piece.split(b"\n"))


def _stringified(line: bytes) -> bytes:
    start = len(b"data: ") if line.startswith(b"data: ") else 0
    try:
        parsed = json.loads(line[start:])
    except ValueError:
        return line
    return line[:start] + json.dumps(_without_lists(parsed)).encode()


def _without_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lists(item) for key, item in value.items()}
    return "a list stood here" if isinstance(value, list) else value


def _spoil_utf8(piece: bytes, number: int) -> bytes:
    """Begin the last text in the piece, which is a value and no key, with bytes that no UTF-8 has."""
    values = [match.end() for match in re.finditer(rb'":\s?"(?=[^"])', piece)]
    return piece[: values[-1]] + b"\xff\xfe\xc3" + piece[values[-1] :] if values else piece


async def deliver(exchange: Exchange, rendered: Rendered, delivery: Delivery) -> None:
    """Send an answer as the delivery says.

    Raises:
        Left: The client has left.
    """
    pieces, tail = rendered.pieces, rendered.tail
    if delivery.body is not None:
        pieces, tail = (delivery.body,), b""
    if delivery.edit is not None:
        whole = pieces if rendered.streamed else (b"".join(pieces),)
        pieces = tuple(delivery.edit(piece, number) for number, piece in enumerate(whole))
    if delivery.truncate:
        pieces, tail = ((pieces[0][: len(pieces[0]) // 2] + b"\n\n",) if rendered.streamed else pieces[:1]), b""
    if delivery.endless:
        pieces, tail = pieces[:2] if rendered.streamed else (), b""
    if rendered.streamed and delivery.tail and tail:
        pieces = (*pieces, tail)
    await asyncio.sleep(delivery.wait)
    limit = len(pieces) if delivery.pieces is None else delivery.pieces
    if limit >= 0:
        headers = {"Content-Type": delivery.content_type or rendered.content_type, **rendered.headers}
        length = None if rendered.streamed or delivery.endless else sum(map(len, pieces))
        await exchange.head(rendered.status, headers, length)
        for piece in pieces[:limit]:
            await _send(exchange, piece, delivery)
    if delivery.endless:
        await _send_endlessly(exchange, rendered.streamed)
    await _end(exchange, delivery.ending)


async def _send(exchange: Exchange, piece: bytes, delivery: Delivery) -> None:
    if delivery.gate is not None:
        await delivery.gate.wait()
    await asyncio.sleep(delivery.pause)
    grain = delivery.grain or len(piece) or 1
    for at in range(0, len(piece), grain):
        await exchange.body(piece[at : at + grain])
        if delivery.grain is not None:
            await asyncio.sleep(0)  # the client, on the same loop, reads this much before there is more


async def _send_endlessly(exchange: Exchange, streamed: bool) -> None:
    await exchange.body(b'data: {"' if streamed else b" ")
    for _ in range(1024):
        await exchange.body(b"x" * 65_536)
        await asyncio.sleep(0)


async def _end(exchange: Exchange, ending: Ending) -> None:
    match ending:
        case "whole":
            await exchange.end()
        case "stall":
            await exchange.left.wait()
        case "cut":
            exchange.hang_up()
        case "reset":
            exchange.reset()
        case "half":
            exchange.half_close()
            await exchange.left.wait()

"""How many tokens an answer took, without decoding it.

Most answers say so in ``usage.total_tokens``. An answer that does not (a stream whose client did not ask for it) is
estimated: an event of a stream is about a token, and four bytes of a request are about one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from dinrail_core.api.answers import Answer, Stream
from dinrail_server.exchange import HttpExchange

__all__ = ["metered", "total_tokens"]

_NAME = b'"total_tokens"'
_SPACE = b" \t\r\n"
_BYTES_PER_TOKEN = 4


def metered(result: Any, exchange: HttpExchange) -> Any:
    """The same answer; :attr:`HttpExchange.tokens` tells what it took once it has gone out."""
    if isinstance(result, Answer):
        said = total_tokens(result.body)
        exchange.tokens = said if said is not None else (exchange.size + len(result.body)) // _BYTES_PER_TOKEN
    elif isinstance(result, Stream):
        reads = _counting(result, exchange)
        return Stream(result.wire, reads=reads, headers=result.headers, close=result.aclose)
    return result


def total_tokens(text: bytes) -> int | None:
    """The last ``"total_tokens": N`` of a JSON text (or of several), or ``None``.

    Inside a string of JSON a quotation mark follows a backslash, so what stands here as a name is one.
    """
    at = text.rfind(_NAME)
    while at >= 0:
        if text[:at].rstrip(_SPACE)[-1:] in (b"{", b","):
            rest = text[at + len(_NAME) : at + len(_NAME) + 40].lstrip(_SPACE)
            digits = rest[1:].lstrip(_SPACE)
            end = next((n for n, byte in enumerate(digits) if not 48 <= byte <= 57), len(digits))
            if rest[:1] == b":" and end:
                return int(digits[:end])
        at = text.rfind(_NAME, 0, at)
    return None


async def _counting(stream: Stream[Any], exchange: HttpExchange) -> AsyncGenerator[bytes, None]:
    said: int | None = None
    events = 0
    try:
        async with aclosing(stream.reads()) as reads:
            async for read in reads:
                events += read.count(b"\n\n")
                found = total_tokens(read)
                said = found if found is not None else said
                exchange.tokens = said if said is not None else events + exchange.size // _BYTES_PER_TOKEN
                yield read
    finally:
        await stream.aclose()

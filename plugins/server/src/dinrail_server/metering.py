"""Who answered, and how many tokens the answer took, without decoding it.

Most answers say so in ``usage``. An answer that does not (a stream whose client did not ask for it) is estimated: an
event of a stream is about a token, and four bytes of a request are about one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from multidict import CIMultiDict

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Expense
from dinrail_core.hooks.context import Rail, Target
from dinrail_core.hooks.http import Reply
from dinrail_server.exchange import HttpExchange, Usage
from dinrail_server.metrics import Figures

__all__ = ["answered_by", "count_expenses", "metered", "tell", "tell_of", "usage_in", "usage_of"]

_INSTANCE = "x-dinrail-instance"
_MODEL = "x-dinrail-model"
"""Headers that say who has answered; the host sets them where it has chosen among several."""

_NAME = b'"usage"'
_SPACE = b" \t\r\n"
_BYTES_PER_TOKEN = 4
_INPUT = re.compile(rb'"(?:prompt|input)_tokens"\s*:\s*(\d{1,15})')
_OUTPUT = re.compile(rb'"(?:completion|output)_tokens"\s*:\s*(\d{1,15})')
_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d{1,15})')
_CACHED = re.compile(rb'"cache_(?:read|creation)_input_tokens"\s*:\s*(\d{1,15})')
"""What Anthropic's dialect counts beside the input."""
_LONGEST = 4096
"""Bytes of a usage that are looked at."""


def tell(target: Target[Any], result: Any, headers: CIMultiDict[str]) -> str:
    """Tell the client who has answered.

    Returns:
        The model's whole id.
    """
    model = answered_by(target, result)
    return model if _MODEL in result.headers else tell_of(model, headers)


def tell_of(model: str, headers: CIMultiDict[str]) -> str:
    """The same for a model by its whole id."""
    headers[_INSTANCE] = model.partition("/")[0]
    headers[_MODEL] = model if model.isascii() and model.isprintable() else quote(model, safe="/:@ ")
    return model


def answered_by(target: Target[Any], result: Any) -> str:
    """The whole id of the model that has answered."""
    found: str | None = result.headers.get(_MODEL)
    return found if found is not None else f"{target.instance}/{target.model}"


def metered(result: Any, exchange: HttpExchange) -> Any:
    """The same answer; :attr:`HttpExchange.usage` tells what it took once it has gone out."""
    if isinstance(result, Answer):
        exchange.usage = usage_of(result.body, exchange.size)
    elif isinstance(result, Stream):
        reads = _counting(result.reads(), exchange)
        return Stream(result.wire, reads=reads, headers=result.headers, close=result.aclose)
    elif isinstance(result, Reply):  # of another dialect
        body = result.body
        if not isinstance(body, bytes):
            return replace(result, body=_counting(body, exchange))
        exchange.usage = usage_of(body, exchange.size)
    return result


def usage_of(answer: bytes, size: int) -> Usage:
    """What an answer took.

    Args:
        answer: Its JSON text.
        size: Bytes of the request's body.
    """
    return usage_in(answer) or Usage(_of(size), _of(len(answer)), estimated=True)


def count_expenses(spent: Sequence[Expense], credential: str | None, figures: Figures, rail: Rail) -> dict[str, Any]:
    """Count what models took, and what that has cost where the operator says what a model costs.

    Args:
        spent: One or more answers.
        credential: Of whoever they were for.
        figures: Where it is counted.
        rail: Knows prices.

    Returns:
        What a log says of it.
    """
    costs: list[float] = []
    for one in spent:
        # Of the name by which a model of several was asked for, where the model itself has no price.
        price = rail.price(one.model) or rail.price(one.asked)
        cost = price.cost(one.input, one.output) if price is not None else None
        figures.count_tokens(one.model, credential or "", Usage(one.input, one.output, estimated=one.estimated), cost)
        if cost is not None:
            costs.append(cost)
    usage = Usage.over(spent)
    line: dict[str, Any] = {"model": spent[-1].model, "input_tokens": usage.input, "output_tokens": usage.output}
    if usage.estimated:
        line["estimated"] = True
    return {**line, "cost": round(sum(costs), 9)} if costs else line


def usage_in(text: bytes) -> Usage | None:
    """What the last ``"usage": {…}`` of a JSON text (or of several) says, or ``None``.

    Inside a string of JSON a quotation mark follows a backslash, so what stands here as a name is one.
    """
    at = text.rfind(_NAME)
    while at >= 0:
        if text[max(0, at - 80) : at].rstrip(_SPACE)[-1:] in (b"{", b","):
            found = _read(text[at + len(_NAME) : at + _LONGEST])
            if found is not None:
                return found
        at = text.rfind(_NAME, 0, at)
    return None


def _read(rest: bytes) -> Usage | None:
    if not rest.lstrip(_SPACE)[1:].lstrip(_SPACE).startswith(b"{"):
        return None  # null, or no object at all
    total, given, made = (_number(pattern, rest) for pattern in (_TOTAL, _INPUT, _OUTPUT))
    if given is not None:
        given += sum(map(int, _CACHED.findall(rest)))
    if given is None and made is None:
        return Usage(total, 0) if total is not None else None
    if total is not None and made is None:
        made = max(0, total - (given or 0))
    if total is not None and given is None:
        given = max(0, total - (made or 0))
    return Usage(given or 0, made or 0)


def _number(pattern: re.Pattern[bytes], text: bytes) -> int | None:
    match = pattern.search(text)
    return int(match[1]) if match is not None else None


def _of(size: int) -> int:
    return size // _BYTES_PER_TOKEN


async def _counting(source: AsyncGenerator[bytes, None], exchange: HttpExchange) -> AsyncGenerator[bytes, None]:
    events = 0
    said: Usage | None = None
    try:
        async with aclosing(source) as reads:
            async for read in reads:
                events += read.count(b"\n\n")
                if _NAME in read:
                    said = usage_in(read) or said
                yield read
    finally:
        exchange.usage = said or Usage(_of(exchange.size), events, estimated=True)

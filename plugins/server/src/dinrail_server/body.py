"""Reading and parsing a request's body, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest

from dinrail_core.errors import InvalidRequest, TooLarge
from dinrail_server.errors import BadHttp, BodyTimeout, ExpectationFailed

__all__ = ["MAX_DEPTH", "body_reads", "check_depth", "parse_json", "read_body"]

MAX_DEPTH = 64
"""How deep arrays and objects of a request may be nested."""

_CONTAINERS = frozenset({dict, list})


async def read_body(request: BaseRequest, limit: int, timeout: float) -> bytes:
    """The whole body.

    Args:
        request: The request.
        limit: Bytes, after decompression.
        timeout: Seconds that the client may take.

    Raises:
        TooLarge: It is over the limit; told by its declared length where there is one, before anything is read.
        BodyTimeout: It took too long.
        BadHttp: Its encoding is broken.
        ExpectationFailed: The client expects what HTTP does not know.
    """
    declared = request.headers.get("Content-Length")
    if declared is not None and int(declared) > limit:
        raise _too_large(limit)
    expected = request.headers.get("Expect")
    if expected is not None:
        await _answer_expectation(request, expected)
    content = request.content
    try:
        if content.is_eof():
            # All of it is here, as for nearly every request: no timer is needed.
            return _checked(content.read_nowait(-1), limit)
        async with asyncio.timeout(timeout):
            return await _gather(request, limit)
    except TimeoutError:
        raise BodyTimeout(f"The body did not come within {timeout:g} s.") from None
    except (RequestPayloadError, HttpProcessingError):
        raise BadHttp("The body is not encoded as its headers say.") from None


def body_reads(request: BaseRequest, timeout: float) -> Callable[[], Awaitable[bytes]]:
    """A body of any length, a read at a time; the function returns nothing at its end, and raises as :func:`read_body`.

    Args:
        request: The request.
        timeout: Seconds for which nothing may come.
    """
    expected = request.headers.get("Expect")

    async def read() -> bytes:
        nonlocal expected
        if expected is not None:
            answered, expected = expected, None
            await _answer_expectation(request, answered)
        try:
            async with asyncio.timeout(timeout):
                return await request.content.readany()
        except TimeoutError:
            raise BodyTimeout(f"Nothing more of the body came for {timeout:g} s.") from None
        except (RequestPayloadError, HttpProcessingError):
            raise BadHttp("The body is not encoded as its headers say.") from None

    return read


async def _gather(request: BaseRequest, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await request.content.readany():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.")


async def _answer_expectation(request: BaseRequest, expected: str) -> None:
    if expected.lower() != "100-continue":
        raise ExpectationFailed(f"Unknown expectation: {expected[:100]}.")
    if request.version >= (1, 1) and not request.content.is_eof():
        transport = request.transport
        if transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def parse_json(body: bytes) -> Any:
    """The body as JSON (RFC 8259): UTF-8, no ``NaN``, no number beyond a double, at most ``MAX_DEPTH`` deep.

    Raises:
        InvalidRequest: It is none.
    """
    if not body:
        raise InvalidRequest("The body is empty; a JSON object is needed.", code="invalid_json")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    # The brackets bound the depth, so counting them spares nearly every request a closer look.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        check_depth(data)
    return data


def check_depth(data: Any) -> None:
    """See that parsed JSON is nested at most ``MAX_DEPTH`` deep.

    Raises:
        InvalidRequest: It is nested deeper.
    """
    if _deeper_than(data, MAX_DEPTH):
        raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.", code="too_deep")


def _deeper_than(data: Any, limit: int) -> bool:
    """Whether parsed JSON is nested deeper than ``limit``, looked at level by level."""
    level = [data]
    for _ in range(limit):
        level = [
            item
            for holder in level
            # Most holders hold no further ones, and the set of types tells that in one go.
            if not _CONTAINERS.isdisjoint(map(type, values := holder.values() if type(holder) is dict else holder))
            for item in values
            if type(item) in _CONTAINERS
        ]
        if not level:
            return False
    return True

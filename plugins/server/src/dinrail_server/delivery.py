"""From a handler's result to bytes at the client."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from multidict import CIMultiDict

from dinrail_core.api.answers import DONE, Answer, Stream
from dinrail_core.errors import DinrailError
from dinrail_core.hooks.http import Reply, Talk
from dinrail_server.errors import problem
from dinrail_server.exchange import HttpExchange
from dinrail_server.responses import push, send, start

__all__ = ["Explain", "deliver", "refuse"]

Explain = Callable[[HttpExchange, BaseException], DinrailError]
"""Says what the client is told of an exception; raises it again where there is no client left to tell."""

_BODY_OF_ERROR = {"content-type": "application/json"}


async def deliver(exchange: HttpExchange, headers: CIMultiDict[str], result: object, explain: Explain) -> int:
    """Write a handler's result.

    Args:
        exchange: The request.
        headers: What every answer to it has; completed here.
        result: An :class:`Answer`, a :class:`Stream`, a :class:`Reply` or a :class:`Talk`.
        explain: For errors after the first byte.

    Returns:
        The HTTP status.

    Raises:
        ConnectionError: The client has left.
        DinrailError: A stream failed before its first byte, so that nothing has gone out yet.
    """
    if isinstance(result, Answer):
        body = result.body
        headers["content-type"] = "application/json"
        if result.headers:
            _add(headers, result)
        return await _whole(exchange, 200, headers, body)
    if isinstance(result, Stream):
        return await _relay(exchange, headers, result, explain)
    if isinstance(result, Talk):
        from dinrail_server.sockets import talk  # few servers are ever asked for one

        return await talk(exchange, headers, result)
    if not isinstance(result, Reply):
        raise TypeError(f"A handler returned a {type(result).__name__}.")
    headers["content-type"] = result.content_type
    _add(headers, result)
    if isinstance(result.body, bytes):
        return await _whole(exchange, result.status, headers, result.body)
    return await _pour(exchange, result.status, headers, result.body)


async def refuse(exchange: HttpExchange, headers: CIMultiDict[str], error: DinrailError) -> int:
    """Answer with an error.

    Returns:
        The HTTP status.
    """
    answer = problem(error)
    headers.update(answer.headers)
    headers.update(_BODY_OF_ERROR)
    exchange.error = error.code
    body = answer.body if exchange.refusal is None else exchange.refusal(error, exchange.call.request_id)
    return await _whole(exchange, answer.status, headers, body)


def _add(headers: CIMultiDict[str], result: Answer[Any] | Stream[Any] | Reply) -> None:
    """Add the result's headers where they do not contradict the server's own."""
    for name, value in result.headers.items():
        headers.setdefault(name, value)


async def _whole(exchange: HttpExchange, status: int, headers: CIMultiDict[str], body: bytes) -> int:
    exchange.begun = True
    exchange.sent = len(body)
    await send(exchange.request, status, headers, body, keep_alive=exchange.stays)
    return status


async def _relay(exchange: HttpExchange, headers: CIMultiDict[str], stream: Stream[Any], explain: Explain) -> int:
    """Relay a stream, a read at a time.

    The head waits for the first read: what fails until then is an answer with a status of its own, which clients retry,
    and head and first events leave in one write.
    """
    reads = stream.reads()
    try:
        piece: bytes | None = await anext(reads, None)
        headers["content-type"] = "text/event-stream"
        headers["cache-control"] = "no-cache"
        headers["x-accel-buffering"] = "no"  # nginx would gather the events otherwise
        _add(headers, stream)
        exchange.begun = True
        exchange.first_byte = time.perf_counter()
        if exchange.request.version < (1, 1):
            exchange.end_with_connection()
        writer = await start(exchange.request, 200, headers, keep_alive=exchange.stays)
        while piece is not None:
            exchange.sent += len(piece)
            await push(writer, piece)
            try:
                piece = await reads.__anext__()
            except StopAsyncIteration:
                break
            except BaseException as caught:  # what it means, and whether it goes on, is for explain to say
                error = explain(exchange, caught)
                exchange.error = error.code
                await push(writer, b"event: error\ndata: %b\n\n" % problem(error).body)
                break
        await writer.write_eof(DONE)
        return 200
    finally:
        await reads.aclose()
        await stream.aclose()


async def _pour(
    exchange: HttpExchange, status: int, headers: CIMultiDict[str], source: AsyncGenerator[bytes, None]
) -> int:
    """Write a body of unknown length; what fails after the first byte can only end the connection."""
    async with aclosing(source):
        piece: bytes | None = await anext(source, None)
        exchange.begun = True
        if exchange.request.version < (1, 1) and "content-length" not in headers:
            exchange.end_with_connection()
        writer = await start(exchange.request, status, headers, keep_alive=exchange.stays)
        if exchange.request.method != "HEAD":
            while piece is not None:
                exchange.sent += len(piece)
                await push(writer, piece)
                piece = await anext(source, None)
        await writer.write_eof()
        return status

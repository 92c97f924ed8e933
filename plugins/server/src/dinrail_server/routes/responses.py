"""``/v1/responses``."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.responses import (
    STREAM_ID,
    CompactedResponse,
    CompactRequest,
    CountTokens,
    CreateResponse,
    DeletedResponse,
    InputItemsQuery,
    InputTokenCount,
    ListResponsesQuery,
    Response,
    ResponseEvent,
    ResponseItemList,
    ResponseList,
    Responses,
    RetrieveQuery,
)
from dinrail_core.errors import DinrailError, InvalidRequest
from dinrail_core.hooks.http import Exchange, Replay, Route, Socket, Talk
from dinrail_server.errors import problem

__all__ = ["ROUTES"]

_TAG = "Responses"

_LONGEST_TALK = 3600.0
"""Seconds that a WebSocket may stand (Open Responses 2026-04-24)."""

_OVER = InvalidRequest(
    "The connection has stood for 60 minutes. Open a new one.", code="websocket_connection_limit_reached"
)


async def _create(exchange: Exchange) -> Answer[Response] | Stream[ResponseEvent]:
    request = await exchange.decode(CreateResponse)
    await _check_model(exchange, request.model)
    responses = await exchange.rail.service(Responses)
    if request.stream is True:
        return await responses.stream(request, exchange.call)
    return await responses.create(request, exchange.call)


async def _stores(exchange: Exchange) -> bool:
    return (await exchange.decode(CreateResponse)).store is not False


async def _tell(exchange: Exchange, ended: bool) -> Answer[Response] | Stream[ResponseEvent] | None:
    """The answer of an earlier try of the same request."""
    request = await exchange.decode(CreateResponse)
    responses = await exchange.rail.service(Responses)
    if request.stream is True:
        return await responses.stream_again(request, exchange.call, ended=ended)
    return await responses.again(request, exchange.call, ended=ended)


async def _retrieve(exchange: Exchange) -> Answer[Response] | Stream[ResponseEvent]:
    query = exchange.parameters(RetrieveQuery)
    responses = await exchange.rail.service(Responses)
    response_id = exchange.path["response_id"]
    if query.stream is True:
        return await responses.replay(response_id, query, exchange.call)
    return await responses.get(response_id, query, exchange.call)


async def _list(exchange: Exchange) -> Answer[ResponseList] | Talk:
    if exchange.wants_socket:
        return Talk(speak=partial(_speak, exchange), limit=_LONGEST_TALK, farewell=_told(_OVER))
    query = exchange.parameters(ListResponsesQuery)
    responses = await exchange.rail.service(Responses)
    return await responses.list(query, exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedResponse]:
    responses = await exchange.rail.service(Responses)
    return await responses.delete(exchange.path["response_id"], exchange.call)


async def _cancel(exchange: Exchange) -> Answer[Response]:
    responses = await exchange.rail.service(Responses)
    return await responses.cancel(exchange.path["response_id"], exchange.call)


async def _input_items(exchange: Exchange) -> Answer[ResponseItemList]:
    query = exchange.parameters(InputItemsQuery)
    responses = await exchange.rail.service(Responses)
    return await responses.input_items(exchange.path["response_id"], query, exchange.call)


async def _input_tokens(exchange: Exchange) -> Answer[InputTokenCount]:
    request = await exchange.decode(CountTokens)
    if isinstance(request.model, str):
        await _check_model(exchange, request.model)
    responses = await exchange.rail.service(Responses)
    return await responses.count_tokens(request, exchange.call)


async def _compact(exchange: Exchange) -> Answer[CompactedResponse]:
    request = await exchange.decode(CompactRequest)
    await _check_model(exchange, request.model)
    responses = await exchange.rail.service(Responses)
    return await responses.compact(request, exchange.call)


async def _speak(exchange: Exchange, socket: Socket) -> None:
    """The WebSocket mode: one turn after the other."""
    responses = await exchange.rail.service(Responses)
    async with responses.session(partial(_check_model, exchange)) as session:
        while (message := await socket.receive()) is not None:
            try:
                async with exchange.turn() as call, aclosing(session.turn(message, call)) as events:
                    async for event in events:
                        await socket.send(event)
            except DinrailError as error:
                await socket.send(_told(error, _lane(message)))


def _lane(message: str) -> dict[str, str]:
    """The lane of a message that is refused, as its error bears it."""
    try:
        given = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    lane = given.get("stream_id") if isinstance(given, dict) else None
    return {"stream_id": lane} if isinstance(lane, str) and STREAM_ID.fullmatch(lane) is not None else {}


def _told(error: DinrailError, lane: dict[str, str] | None = None) -> str:
    """An error as a message, in the shapes of both specifications, with the status that an answer would have."""
    known = problem(error)
    detail = orjson.loads(known.body)["error"]
    flat = {name: detail[name] for name in ("code", "message", "param")}
    return orjson.dumps({"type": "error", "status": known.status, **(lane or {}), **flat, "error": detail}).decode()


async def _check_model(exchange: Exchange, model: str) -> None:
    """See that the caller may use the model: what may not be used is not on the caller's rail."""
    await exchange.rail.resolve(ChatModel, model)


ROUTES = (
    Route(
        method="POST",
        path="/v1/responses",
        handler=_create,
        summary="Make a response, told whole or as a stream",
        tag=_TAG,
        replay=Replay(_stores, _tell),
        body=CreateResponse,
        answer=Response,
        event=ResponseEvent,
    ),
    Route(
        method="GET",
        path="/v1/responses",
        handler=_list,
        summary="List responses; with a handshake for it, the WebSocket mode",
        tag=_TAG,
        query=ListResponsesQuery,
        answer=ResponseList,
    ),
    Route(
        method="POST",
        path="/v1/responses/input_tokens",
        handler=_input_tokens,
        summary="Count the tokens of an input",
        tag=_TAG,
        asks=True,
        body=CountTokens,
        answer=InputTokenCount,
    ),
    Route(
        method="POST",
        path="/v1/responses/compact",
        handler=_compact,
        summary="Compact a history",
        tag=_TAG,
        asks=True,
        body=CompactRequest,
        answer=CompactedResponse,
    ),
    Route(
        method="GET",
        path="/v1/responses/{response_id}",
        handler=_retrieve,
        summary="Look at a response, or at the events of one of the background",
        tag=_TAG,
        query=RetrieveQuery,
        answer=Response,
        event=ResponseEvent,
    ),
    Route(
        method="DELETE",
        path="/v1/responses/{response_id}",
        handler=_delete,
        summary="Delete a response",
        tag=_TAG,
        answer=DeletedResponse,
    ),
    Route(
        method="POST",
        path="/v1/responses/{response_id}/cancel",
        handler=_cancel,
        summary="End a response that is made in the background",
        tag=_TAG,
        answer=Response,
    ),
    Route(
        method="GET",
        path="/v1/responses/{response_id}/input_items",
        handler=_input_items,
        summary="List what a response was given",
        tag=_TAG,
        query=InputItemsQuery,
        answer=ResponseItemList,
    ),
)

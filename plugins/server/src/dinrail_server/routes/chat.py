"""``/v1/chat/completions``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.stored_completions import StoredCompletions
from dinrail_core.hooks.http import Exchange, Replay, Route
from dinrail_server.routes import stored_completions

__all__ = ["ROUTES"]


async def _create(exchange: Exchange) -> Answer[ChatCompletion] | Stream[ChatChunk]:
    request = await exchange.decode(ChatRequest)
    target = await exchange.resolve(ChatModel, request.model)
    if _is_stored(request, exchange):
        from dinrail_server.storing import answer_and_store

        return await answer_and_store(exchange, request, target)
    request = request.model_copy(update={"model": target.model})
    if request.stream is True:
        return await target.provider.stream(request, exchange.call)
    return await target.provider.complete(request, exchange.call)


def _is_stored(request: ChatRequest, exchange: Exchange) -> bool:
    return request.store is True and exchange.rail.provides(StoredCompletions)


async def _stores(exchange: Exchange) -> bool:
    return _is_stored(await exchange.decode(ChatRequest), exchange)


async def _tell(exchange: Exchange, ended: bool) -> Answer[ChatCompletion] | Stream[ChatChunk] | None:
    """The answer of an earlier try of the same request; one that was kept had come to its end."""
    from dinrail_server.storing import tell_again

    return await tell_again(exchange, await exchange.decode(ChatRequest))


ROUTES = (
    Route(
        method="POST",
        asks=True,
        replay=Replay(_stores, _tell),
        path="/v1/chat/completions",
        handler=_create,
        summary="Answer a chat, whole or as a stream",
        tag="Chat",
        body=ChatRequest,
        answer=ChatCompletion,
        event=ChatChunk,
    ),
    *stored_completions.ROUTES,
)

"""``/v1/chat/completions`` as far as it is about answers that were stored."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.stored_completions import (
    DeletedCompletion,
    StoredCompletionList,
    StoredCompletions,
    StoredCompletionsQuery,
    StoredMessageList,
    StoredMessagesQuery,
    UpdateStoredCompletion,
)
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]

_TAG = "Chat"
_ONE = "/v1/chat/completions/{completion_id}"


async def _list(exchange: Exchange) -> Answer[StoredCompletionList]:
    query = exchange.parameters(StoredCompletionsQuery)
    completions = await exchange.rail.service(StoredCompletions)
    return await completions.list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[ChatCompletion]:
    completions = await exchange.rail.service(StoredCompletions)
    return await completions.get(exchange.path["completion_id"], exchange.call)


async def _update(exchange: Exchange) -> Answer[ChatCompletion]:
    request = await exchange.decode(UpdateStoredCompletion)
    completions = await exchange.rail.service(StoredCompletions)
    return await completions.update(exchange.path["completion_id"], request, exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedCompletion]:
    completions = await exchange.rail.service(StoredCompletions)
    return await completions.delete(exchange.path["completion_id"], exchange.call)


async def _messages(exchange: Exchange) -> Answer[StoredMessageList]:
    query = exchange.parameters(StoredMessagesQuery)
    completions = await exchange.rail.service(StoredCompletions)
    return await completions.messages(exchange.path["completion_id"], query, exchange.call)


ROUTES = (
    Route(
        method="GET",
        path="/v1/chat/completions",
        handler=_list,
        summary="List chat completions that were stored",
        tag=_TAG,
        query=StoredCompletionsQuery,
        answer=StoredCompletionList,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=_retrieve,
        summary="Look at a stored chat completion",
        tag=_TAG,
        answer=ChatCompletion,
    ),
    Route(
        method="POST",
        path=_ONE,
        handler=_update,
        summary="Change a stored chat completion's metadata",
        tag=_TAG,
        body=UpdateStoredCompletion,
        answer=ChatCompletion,
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=_delete,
        summary="Delete a stored chat completion",
        tag=_TAG,
        answer=DeletedCompletion,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/messages",
        handler=_messages,
        summary="List the messages that led to a stored chat completion",
        tag=_TAG,
        query=StoredMessagesQuery,
        answer=StoredMessageList,
    ),
)

"""``/v1/conversations``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.conversations import (
    Conversation,
    ConversationItem,
    ConversationItemList,
    Conversations,
    CreateConversation,
    CreateItems,
    DeletedConversation,
    ItemQuery,
    ListItemsQuery,
    UpdateConversation,
)
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]

_TAG = "Conversations"


async def _create(exchange: Exchange) -> Answer[Conversation]:
    # The specification does not ask for a body.
    request = await exchange.decode(CreateConversation) if await exchange.read() else CreateConversation()
    conversations = await exchange.rail.service(Conversations)
    return await conversations.create(request, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[Conversation]:
    conversations = await exchange.rail.service(Conversations)
    return await conversations.get(exchange.path["conversation_id"], exchange.call)


async def _update(exchange: Exchange) -> Answer[Conversation]:
    request = await exchange.decode(UpdateConversation)
    conversations = await exchange.rail.service(Conversations)
    return await conversations.update(exchange.path["conversation_id"], request, exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedConversation]:
    conversations = await exchange.rail.service(Conversations)
    return await conversations.delete(exchange.path["conversation_id"], exchange.call)


async def _add_items(exchange: Exchange) -> Answer[ConversationItemList]:
    query = exchange.parameters(ItemQuery)
    request = await exchange.decode(CreateItems)
    conversations = await exchange.rail.service(Conversations)
    return await conversations.add_items(exchange.path["conversation_id"], request, query, exchange.call)


async def _list_items(exchange: Exchange) -> Answer[ConversationItemList]:
    query = exchange.parameters(ListItemsQuery)
    conversations = await exchange.rail.service(Conversations)
    return await conversations.list_items(exchange.path["conversation_id"], query, exchange.call)


async def _retrieve_item(exchange: Exchange) -> Answer[ConversationItem]:
    query = exchange.parameters(ItemQuery)
    conversations = await exchange.rail.service(Conversations)
    conversation_id, item_id = exchange.path["conversation_id"], exchange.path["item_id"]
    return await conversations.get_item(conversation_id, item_id, query, exchange.call)


async def _delete_item(exchange: Exchange) -> Answer[Conversation]:
    conversations = await exchange.rail.service(Conversations)
    return await conversations.delete_item(exchange.path["conversation_id"], exchange.path["item_id"], exchange.call)


ROUTES = (
    Route(
        method="POST",
        path="/v1/conversations",
        handler=_create,
        summary="Begin a conversation",
        tag=_TAG,
        creates=True,
        body=CreateConversation,
        answer=Conversation,
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}",
        handler=_retrieve,
        summary="Look at a conversation",
        tag=_TAG,
        answer=Conversation,
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}",
        handler=_update,
        summary="Change a conversation's metadata",
        tag=_TAG,
        body=UpdateConversation,
        answer=Conversation,
    ),
    Route(
        method="DELETE",
        path="/v1/conversations/{conversation_id}",
        handler=_delete,
        summary="Delete a conversation with all its items",
        tag=_TAG,
        answer=DeletedConversation,
    ),
    Route(
        method="POST",
        path="/v1/conversations/{conversation_id}/items",
        handler=_add_items,
        summary="Add items to a conversation",
        tag=_TAG,
        creates=True,
        body=CreateItems,
        query=ItemQuery,
        answer=ConversationItemList,
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/items",
        handler=_list_items,
        summary="List a conversation's items",
        tag=_TAG,
        query=ListItemsQuery,
        answer=ConversationItemList,
    ),
    Route(
        method="GET",
        path="/v1/conversations/{conversation_id}/items/{item_id}",
        handler=_retrieve_item,
        summary="Look at an item of a conversation",
        tag=_TAG,
        query=ItemQuery,
        answer=ConversationItem,
    ),
    Route(
        method="DELETE",
        path="/v1/conversations/{conversation_id}/items/{item_id}",
        handler=_delete_item,
        summary="Delete an item of a conversation",
        tag=_TAG,
        answer=Conversation,
    ),
)

"""Conversations (``/v1/conversations``): wire types and contract. Specification: OpenAI's 2.3.0."""

from typing import TYPE_CHECKING

from dinrail_core.api.conversations.contract import LOCKED, ConversationLock, Conversations
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.conversations.objects import (
        Conversation,
        ConversationItem,
        ConversationItemList,
        CreateConversation,
        CreateItems,
        DeletedConversation,
        ItemQuery,
        ListItemsQuery,
        UpdateConversation,
    )

__all__ = [
    "LOCKED",
    "Conversation",
    "ConversationItem",
    "ConversationItemList",
    "ConversationLock",
    "Conversations",
    "CreateConversation",
    "CreateItems",
    "DeletedConversation",
    "ItemQuery",
    "ListItemsQuery",
    "UpdateConversation",
]

__getattr__ = lazily("dinrail_core.api.conversations.objects")

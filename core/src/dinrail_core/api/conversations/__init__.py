"""Conversations (``/v1/conversations``): wire types and contract. Specification: OpenAI's 2.3.0."""

from dinrail_core.api.conversations.contract import LOCKED, ConversationLock, Conversations
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

"""What a keeper of conversations does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call

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
    from dinrail_core.api.items.unions import Item

__all__ = ["LOCKED", "ConversationLock", "Conversations"]

LOCKED = "conversation_locked"
"""The code of a conflict: somebody else writes to the conversation at present."""


@dataclass(frozen=True, slots=True)
class ConversationLock:
    """Says that its holder is the one who writes.

    Attributes:
        conversation_id: The conversation.
        token: Tells this holder from every other there ever was.
    """

    conversation_id: str
    token: str


class Conversations(ABC):
    """Keeps conversations: each one ordered log of items.

    A conversation of somebody else does not exist. One writer at a time: whoever writes without holding the lock, while
    somebody else holds it, is refused.

    Methods that name a conversation raise:
        NotFound: There is none of this id; ``param`` is ``conversation_id``.
    """

    @abstractmethod
    async def create(self, request: CreateConversation, call: Call) -> Answer[Conversation]:
        """Begin a conversation.

        Raises:
            InvalidRequest: An item cannot be kept, or its id occurs twice.
            NotFound: An item that is referred to does not exist.
        """

    @abstractmethod
    async def get(self, conversation_id: str, call: Call) -> Answer[Conversation]:
        """One conversation."""

    @abstractmethod
    async def update(self, conversation_id: str, request: UpdateConversation, call: Call) -> Answer[Conversation]:
        """Change a conversation's metadata."""

    @abstractmethod
    async def delete(self, conversation_id: str, call: Call) -> Answer[DeletedConversation]:
        """Remove a conversation with all its items.

        Raises:
            Conflict: :data:`LOCKED`.
        """

    @abstractmethod
    async def add_items(
        self, conversation_id: str, request: CreateItems, query: ItemQuery, call: Call
    ) -> Answer[ConversationItemList]:
        """Go on with items that a caller gives; all of them are added, side by side, or none.

        Raises:
            Conflict: :data:`LOCKED`.
            InvalidRequest: An item cannot be kept, or its id is there already; ``param`` is ``items.N.…``.
            NotFound: An item that is referred to does not exist.
        """

    @abstractmethod
    async def list_items(self, conversation_id: str, query: ListItemsQuery, call: Call) -> Answer[ConversationItemList]:
        """A part of a conversation.

        Raises:
            InvalidRequest: ``after`` was never an item of the conversation.
        """

    @abstractmethod
    async def get_item(
        self, conversation_id: str, item_id: str, query: ItemQuery, call: Call
    ) -> Answer[ConversationItem]:
        """One item.

        Raises:
            NotFound: There is none of this id; ``param`` is ``item_id``.
        """

    @abstractmethod
    async def delete_item(self, conversation_id: str, item_id: str, call: Call) -> Answer[Conversation]:
        """Remove an item, and return the conversation.

        Raises:
            Conflict: :data:`LOCKED`.
            NotFound: There is none of this id; ``param`` is ``item_id``.
        """

    @abstractmethod
    def lock(self, conversation_id: str, call: Call) -> AbstractAsyncContextManager[ConversationLock]:
        """Be the one who writes, in all processes, until the block is left.

        The lock is a lease that is renewed meanwhile: that of a process which was killed is free within 30 s. Who has
        lost it, because its process stood still for longer, learns so from the next write.

        Raises:
            Conflict: :data:`LOCKED`; at once.
        """

    @abstractmethod
    async def append(
        self, conversation_id: str, items: Sequence[Item], call: Call, lock: ConversationLock | None = None
    ) -> None:
        """Go on with items that are complete, such as those of a response; any number, side by side.

        Args:
            conversation_id: The conversation.
            items: The items.
            call: On whose behalf.
            lock: The lock that the writer holds; without one, the conversation must not be locked.

        Raises:
            Conflict: :data:`LOCKED`, or the lock has been lost.
            InvalidRequest: The id of an item is there already.
        """

    @abstractmethod
    def history(self, conversation_id: str, call: Call, after: str | None = None) -> AsyncGenerator[Item, None]:
        """Every item, the oldest first; consume it inside ``aclosing()``.

        Args:
            conversation_id: The conversation.
            call: On whose behalf.
            after: The id of an item behind which it begins.

        Raises:
            InvalidRequest: ``after`` was never an item of the conversation.
        """

    @abstractmethod
    async def find_items(self, item_ids: Sequence[str], call: Call) -> Mapping[str, Item]:
        """Items of any of the caller's conversations, by their ids; those that do not exist are left out."""

"""What a keeper of chat completions does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.chat import ChatCompletion, ChatRequest
    from dinrail_core.api.stored_completions.objects import (
        DeletedCompletion,
        StoredCompletionList,
        StoredCompletionsQuery,
        StoredMessageList,
        StoredMessagesQuery,
        UpdateStoredCompletion,
    )

__all__ = [
    "StoredCompletions",
]


class StoredCompletions(ABC):
    """Keeps answers to chats with what was asked, for callers who wanted that. One of somebody else does not exist.

    Methods that name a completion raise:
        NotFound: There is none of this id; ``param`` is ``completion_id``.
    """

    @abstractmethod
    async def begin(self, call: Call) -> str:
        """The id of a completion that will be kept, before a model is asked: what cannot be kept need not be paid for.

        Nothing is written, so a completion that is never kept leaves nothing.

        Raises:
            RateLimited: The caller has no room left.
            Unavailable: Nothing could be kept at present.
        """

    @abstractmethod
    async def keep(self, request: ChatRequest, answer: Mapping[str, Any], call: Call) -> None:
        """Keep an answer. It is durable when this returns.

        Args:
            request: What the caller asked, ``model`` as the caller wrote it.
            answer: The JSON object of the whole answer, whose ``id`` comes from :meth:`begin`.
            call: On whose behalf.

        Raises:
            Conflict: Another try of the same call has kept one.
            RateLimited: There is no room for it.
        """

    @abstractmethod
    async def again(self, call: Call) -> Answer[ChatCompletion] | None:
        """The answer that an earlier try of the same call (:attr:`Call.seed`) has kept, as it was given.

        Nothing of the request, and no metadata, is told with it. ``None`` where none was kept, or it was deleted.
        """

    @abstractmethod
    async def list(self, query: StoredCompletionsQuery, call: Call) -> Answer[StoredCompletionList]:
        """The caller's stored completions."""

    @abstractmethod
    async def get(self, completion_id: str, call: Call) -> Answer[ChatCompletion]:
        """One stored completion."""

    @abstractmethod
    async def update(self, completion_id: str, request: UpdateStoredCompletion, call: Call) -> Answer[ChatCompletion]:
        """Change its metadata."""

    @abstractmethod
    async def delete(self, completion_id: str, call: Call) -> Answer[DeletedCompletion]:
        """Remove it with the messages that led to it."""

    @abstractmethod
    async def messages(self, completion_id: str, query: StoredMessagesQuery, call: Call) -> Answer[StoredMessageList]:
        """The messages that the model was sent.

        Raises:
            InvalidRequest: ``after`` is none of them.
        """

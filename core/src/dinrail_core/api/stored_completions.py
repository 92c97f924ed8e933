"""Stored chat completions: what ``store: true`` on ``POST /v1/chat/completions`` leaves behind, and the contract.

Specification: OpenAI's 2.3.0, ``ChatCompletionList`` and around it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chat.content import ImagePart, TextPart
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatCompletion, ChatMessage
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "DeletedCompletion",
    "OtherPart",
    "StoredCompletionList",
    "StoredCompletions",
    "StoredCompletionsQuery",
    "StoredMessage",
    "StoredMessageList",
    "StoredMessagesQuery",
    "UpdateStoredCompletion",
]


class StoredMessagesQuery(Wire):
    """Which of a completion's messages are wanted."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "asc"
    """``asc`` has the oldest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""


class StoredCompletionsQuery(StoredMessagesQuery):
    """Which stored completions are wanted. A cursor stays good when its completion has been deleted."""

    model: str | MISSING = MISSING
    """Only those of this model, by the name in the request or by that in the answer."""
    metadata: Metadata | None | MISSING = MISSING
    """Only those that have these pairs: ``metadata[key]=value``."""


class UpdateStoredCompletion(Wire):
    """A stored completion's metadata, which take the place of those that it had."""

    metadata: Metadata | None


class StoredCompletionList(Wire):
    """A part of a list of stored completions."""

    object: Literal["list"] = "list"
    data: list[ChatCompletion]
    first_id: str
    """Empty where there is nothing: the specification knows no null here."""
    last_id: str
    has_more: bool


class OtherPart(Wire):
    """A part of a message that is neither text nor an image; it is told as it was sent."""

    type: str


def _kind_of_part(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if kind in ("text", "image_url") else "other"


StoredPart: TypeAlias = Annotated[
    Annotated[TextPart, Tag("text")]
    | Annotated[ImagePart, Tag("image_url")]
    | Annotated[OtherPart, Unlisted(), Tag("other")],
    Discriminator(_kind_of_part),
]
"""A part of a message."""


class StoredMessage(ChatMessage):
    """A message that the model was sent; whatever its role has beside these fields is told as well."""

    id: str
    role: Annotated[str, OpenEnum("assistant", "developer", "function", "system", "tool", "user")]
    content_parts: list[StoredPart] | None = None
    """The content where it was sent in parts; ``content`` is null then."""


class StoredMessageList(Wire):
    """A part of the messages of a stored completion."""

    object: Literal["list"] = "list"
    data: list[StoredMessage]
    first_id: str
    """Empty where there is nothing."""
    last_id: str
    has_more: bool


class DeletedCompletion(Wire):
    """A stored completion that is no more."""

    id: str
    object: Literal["chat.completion.deleted"] = "chat.completion.deleted"
    deleted: Literal[True] = True


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
            RateLimited: There is no room for it.
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

"""Stored chat completions: what ``store: true`` on ``POST /v1/chat/completions`` leaves behind, and the contract.

Specification: OpenAI's 2.3.0, ``ChatCompletionList`` and around it.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.chat.content import ImagePart, TextPart
from dinrail_core.api.chat.response import ChatCompletion, ChatMessage
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "DeletedCompletion",
    "OtherPart",
    "StoredCompletionList",
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

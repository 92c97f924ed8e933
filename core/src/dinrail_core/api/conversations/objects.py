"""Conversations on the wire."""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, RootModel

from dinrail_core.api.items.later import InputItem, Item
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "Conversation",
    "ConversationItem",
    "ConversationItemList",
    "CreateConversation",
    "CreateItems",
    "DeletedConversation",
    "Include",
    "ItemQuery",
    "ListItemsQuery",
    "UpdateConversation",
]

Include: TypeAlias = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
"""Fields of items that are only told to who asks for them (``IncludeEnum``)."""

GivenItems: TypeAlias = Annotated[Many[InputItem], Field(max_length=20)]
"""At most 20 items."""


class CreateConversation(Wire):
    """A new conversation."""

    items: GivenItems | None | MISSING = MISSING
    """What it begins with."""
    metadata: Metadata | None | MISSING = MISSING


class UpdateConversation(Wire):
    """A conversation's metadata, which take the place of those that it had."""

    metadata: Metadata | None


class Conversation(Wire):
    """A conversation; its items are listed apart."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    """Seconds since the epoch."""
    metadata: dict[str, str]


class DeletedConversation(Wire):
    """A conversation that is no more."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True


class ItemQuery(Wire):
    """How items are told."""

    include: Many[Include] | MISSING = MISSING
    """What is told beyond what every answer tells."""


class ListItemsQuery(ItemQuery):
    """Which part of a conversation is wanted. A cursor stays good when its item has been deleted."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""


if TYPE_CHECKING:
    _OneItem: TypeAlias = RootModel[Item]
else:
    _OneItem = RootModel  # a parametrised one would be built, items and all, before anybody needs it


class CreateItems(Wire):
    """Items that a conversation goes on with."""

    items: GivenItems


class ConversationItem(_OneItem):
    """One item."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    root: Item


class ConversationItemList(Wire):
    """A part of a conversation."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str
    """Empty where there is no item."""
    last_id: str
    has_more: bool

"""The requests of ``/v1/responses``."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.chat.request import PromptCacheOptions
from dinrail_core.api.conversations.objects import Include
from dinrail_core.api.items.later import InputItem, ToolParam
from dinrail_core.api.items.states import LongText
from dinrail_core.api.responses.owned import OwnedItems
from dinrail_core.api.responses.settings import (
    ContextManagement,
    ConversationId,
    PromptReference,
    ReasoningSettings,
    ResponseModeration,
    StreamOptions,
    TextSettings,
    ToolChoice,
)
from dinrail_core.api.sampling import Metadata, Penalty, Temperature, TopP
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "CompactRequest",
    "CountTokens",
    "CreateResponse",
    "InputItemsQuery",
    "ListResponsesQuery",
    "RetrieveQuery",
]

Truncation: TypeAlias = Literal["auto", "disabled"]
ServiceTier: TypeAlias = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
PromptCacheKey: TypeAlias = Annotated[str, Field(max_length=64)]


def _kind_of_input(value: Any) -> str:
    return "text" if isinstance(value, str) else "items"


Input: TypeAlias = Annotated[
    Annotated[LongText, Tag("text")] | Annotated[Many[InputItem], Tag("items")], Discriminator(_kind_of_input)
]
"""What the model is told: text, which is one message of the user's, or items."""


def _kind_of_conversation(value: Any) -> str:
    return "id" if isinstance(value, str) else "object"


Conversation: TypeAlias = Annotated[
    Annotated[str, Tag("id")] | Annotated[ConversationId, Tag("object")], Discriminator(_kind_of_conversation)
]
"""The conversation that a response belongs to."""


class CreateResponse(OwnedItems):
    """A response to be made."""

    model: str
    input: Input | None | MISSING = MISSING
    instructions: str | None | MISSING = MISSING
    """Outranks the input, and counts for this response alone."""
    previous_response_id: str | None | MISSING = MISSING
    """The response that this one goes on from."""
    conversation: Conversation | None | MISSING = MISSING
    prompt: PromptReference | None | MISSING = MISSING

    tools: Many[ToolParam] | None | MISSING = MISSING
    tool_choice: ToolChoice | None | MISSING = MISSING
    parallel_tool_calls: bool | None | MISSING = MISSING
    max_tool_calls: Annotated[int, Field(ge=1)] | None | MISSING = MISSING
    """How many calls of tools that the server runs are run at most."""

    max_output_tokens: Annotated[int, Field(ge=16)] | None | MISSING = MISSING
    """Upper limit of generated tokens, thoughts included, over the whole response."""
    text: TextSettings | None | MISSING = MISSING
    reasoning: ReasoningSettings | None | MISSING = MISSING
    temperature: Temperature | None | MISSING = MISSING
    top_p: TopP | None | MISSING = MISSING
    presence_penalty: Penalty | None | MISSING = MISSING
    frequency_penalty: Penalty | None | MISSING = MISSING
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None | MISSING = MISSING
    truncation: Truncation | None | MISSING = MISSING
    context_management: Annotated[Many[ContextManagement], Field(min_length=1)] | None | MISSING = MISSING
    moderation: ResponseModeration | None | MISSING = MISSING

    include: Many[Include] | None | MISSING = MISSING
    stream: bool | None | MISSING = MISSING
    stream_options: StreamOptions | None | MISSING = MISSING
    background: bool | None | MISSING = MISSING
    store: bool | None | MISSING = MISSING
    metadata: Metadata | None | MISSING = MISSING
    service_tier: ServiceTier | None | MISSING = MISSING
    safety_identifier: Annotated[str, Field(max_length=64)] | None | MISSING = MISSING
    """A stable, opaque mark of the end user, by which abuse is noticed."""
    prompt_cache_key: PromptCacheKey | None | MISSING = MISSING
    prompt_cache_options: PromptCacheOptions | MISSING = MISSING
    prompt_cache_retention: Literal["in_memory", "24h"] | None | MISSING = MISSING
    """Deprecated; ``prompt_cache_options`` took its place."""
    user: str | MISSING = MISSING
    """Deprecated; ``safety_identifier`` and ``prompt_cache_key`` took its place."""


class CountTokens(OwnedItems):
    """A request whose tokens are to be counted."""

    model: str | None | MISSING = MISSING
    input: Input | None | MISSING = MISSING
    instructions: str | None | MISSING = MISSING
    previous_response_id: str | None | MISSING = MISSING
    conversation: Conversation | None | MISSING = MISSING
    tools: Many[ToolParam] | None | MISSING = MISSING
    tool_choice: ToolChoice | None | MISSING = MISSING
    parallel_tool_calls: bool | None | MISSING = MISSING
    text: TextSettings | None | MISSING = MISSING
    reasoning: ReasoningSettings | None | MISSING = MISSING
    truncation: Truncation | MISSING = MISSING
    personality: Annotated[str, Field(max_length=64)] | MISSING = MISSING
    """Goes to upstreams that know it."""


class CompactRequest(OwnedItems):
    """A history to be compacted."""

    model: str
    input: Input | None | MISSING = MISSING
    instructions: str | None | MISSING = MISSING
    previous_response_id: str | None | MISSING = MISSING
    prompt_cache_key: PromptCacheKey | None | MISSING = MISSING
    prompt_cache_options: PromptCacheOptions | None | MISSING = MISSING
    prompt_cache_retention: Literal["in_memory", "24h"] | None | MISSING = MISSING
    """Deprecated; ``prompt_cache_options`` took its place."""
    service_tier: Literal["auto", "default", "fast", "flex", "priority"] | None | MISSING = MISSING


class RetrieveQuery(Wire):
    """How a response is told."""

    include: Many[Include] | MISSING = MISSING
    stream: bool | MISSING = MISSING
    """As a stream of the events that there have been and that are still to come."""
    starting_after: int | MISSING = MISSING
    """Only events behind this sequence number."""
    include_obfuscation: bool | MISSING = MISSING


class InputItemsQuery(Wire):
    """Which part of a response's input is wanted. A cursor stays good as long as the response is there."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""
    before: str | MISSING = MISSING
    """The id ahead of which the page ends."""
    include: Many[Include] | MISSING = MISSING


class ListResponsesQuery(Wire):
    """Which part of the list of responses is wanted (Llama Stack's; OpenAI has no such list)."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | MISSING = MISSING
    model: str | MISSING = MISSING
    """Only responses of this model."""

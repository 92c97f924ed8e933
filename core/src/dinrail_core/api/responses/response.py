"""The answers of ``/v1/responses``."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.chat.request import PromptCacheOptions
from dinrail_core.api.chat.response import ModerationFailure, ModerationScores
from dinrail_core.api.items.later import Item, OutputItem, Tool
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.responses.settings import (
    ConversationId,
    PromptReference,
    ReasoningSettings,
    TextSettings,
    ToolChoice,
)
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "CompactedResponse",
    "DeletedResponse",
    "IncompleteDetails",
    "InputTokenCount",
    "InputTokens",
    "OutputTokens",
    "Response",
    "ResponseError",
    "ResponseItemList",
    "ResponseList",
    "ResponseUsage",
]

ResponseStatus: TypeAlias = Annotated[
    str, OpenEnum("completed", "failed", "in_progress", "cancelled", "queued", "incomplete")
]
"""Where a response is in its life."""


class ResponseError(Wire):
    """Why a response failed."""

    code: Annotated[
        str,
        OpenEnum(
            "server_error",
            "rate_limit_exceeded",
            "invalid_prompt",
            "data_residency_mismatch",
            "bio_policy",
            "vector_store_timeout",
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "image_content_policy_violation",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
    ]
    """OpenAI's, or one of this server's own."""
    message: str


class IncompleteDetails(Wire):
    """Why a response is incomplete."""

    reason: Annotated[str, OpenEnum("max_output_tokens", "content_filter")] | MISSING = MISSING


class InputTokens(Wire):
    """What the input's tokens were."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputTokens(Wire):
    """What the output's tokens were."""

    reasoning_tokens: int


class ResponseUsage(Wire):
    """Tokens of all calls of the model that a response took."""

    input_tokens: int
    input_tokens_details: InputTokens
    output_tokens: int
    output_tokens_details: OutputTokens
    total_tokens: int


class ModerationJudgement(ModerationScores):
    """What a moderation model says of the input, or of the output."""

    type: Literal["moderation_result"] = "moderation_result"


Judged: TypeAlias = Annotated[ModerationJudgement | ModerationFailure, Field(discriminator="type")]


class Moderated(Wire):
    """Moderation of what went in and of what came out."""

    input: Judged
    output: Judged


class Response(Wire):
    """A response. Every key of the specifications is always there."""

    id: str
    object: Literal["response"] = "response"
    created_at: int | float
    """Seconds since the epoch."""
    completed_at: int | float | None = None
    status: ResponseStatus | MISSING = MISSING
    background: bool | None = False
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | list[Item] | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    model: str
    output: list[OutputItem]
    parallel_tool_calls: bool
    previous_response_id: str | None = None
    prompt: PromptReference | None = None
    prompt_cache_key: str | None = None
    reasoning: ReasoningSettings | None = None
    safety_identifier: str | None = None
    service_tier: (
        Annotated[str, OpenEnum("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")] | None
    ) = None
    store: bool | MISSING = MISSING
    temperature: float | None
    text: TextSettings | MISSING = MISSING
    tool_choice: ToolChoice
    tools: list[Tool]
    top_logprobs: int | None = None
    top_p: float | None
    presence_penalty: float | MISSING = MISSING
    frequency_penalty: float | MISSING = MISSING
    truncation: Annotated[str, OpenEnum("auto", "disabled")] | None = None
    usage: ResponseUsage | None | MISSING = MISSING
    metadata: dict[str, str] | None
    conversation: ConversationId | None | MISSING = MISSING
    user: str | MISSING = MISSING
    output_text: str | None | MISSING = MISSING
    """Clients put it together themselves; some upstreams send it."""
    prompt_cache_options: PromptCacheOptions | MISSING = MISSING
    prompt_cache_retention: Annotated[str, OpenEnum("in_memory", "24h")] | None | MISSING = MISSING
    moderation: Moderated | None | MISSING = MISSING


class DeletedResponse(Wire):
    """A response that is no more."""

    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class ResponseItemList(Wire):
    """A part of what a response was given."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str
    """Empty where there is no item."""
    last_id: str
    has_more: bool


class ResponseList(Wire):
    """A part of the list of responses."""

    object: Literal["list"] = "list"
    data: list[Response]
    first_id: str
    """Empty where there is none."""
    last_id: str
    has_more: bool


class InputTokenCount(Wire):
    """How many tokens a request's input has."""

    object: Literal["response.input_tokens"] = "response.input_tokens"
    input_tokens: int


class CompactedResponse(Wire):
    """What is left of a history."""

    id: str
    object: Literal["response.compaction"] = "response.compaction"
    created_at: int
    """Seconds since the epoch."""
    output: list[Item]
    usage: ResponseUsage

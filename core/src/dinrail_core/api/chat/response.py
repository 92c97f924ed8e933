"""The answers of ``POST /v1/chat/completions``: one value, or chunks."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.chat.tools import CustomToolCall, FunctionCall, FunctionToolCall
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.usage import Usage
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "Annotation",
    "AnsweredToolCall",
    "AudioDelta",
    "ChatChoice",
    "ChatChunk",
    "ChatCompletion",
    "ChatMessage",
    "ChatModeration",
    "ChoiceLogprobs",
    "ChunkChoice",
    "Delta",
    "FinishReason",
    "FunctionCallDelta",
    "ModerationFailure",
    "ModerationOutcome",
    "ModerationScores",
    "ServiceTier",
    "SpokenAnswer",
    "TokenLogprob",
    "ToolCallDelta",
    "TopLogprob",
    "UnknownAnnotation",
    "UnknownToolCall",
    "UrlAnnotation",
    "UrlCitation",
]

FinishReason: TypeAlias = Annotated[str, OpenEnum("stop", "length", "tool_calls", "content_filter", "function_call")]
"""Why the model stopped: a natural end or a stop text, the token limit, a call, a filter, a call of the old kind."""

ServiceTier: TypeAlias = Annotated[str, OpenEnum("auto", "default", "flex", "scale", "priority", "fast")]
"""The tier that really answered."""


class TopLogprob(Wire):
    """A token that could have stood here."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(Wire):
    """A token of the answer, and how likely it was."""

    token: str
    logprob: float
    """Natural logarithm; -9999.0 where the token is not among the likeliest that the upstream looks at."""
    bytes: list[int] | None = None
    """UTF-8; a character may be spread over several tokens."""
    top_logprobs: list[TopLogprob]


class ChoiceLogprobs(Wire):
    """Tokens of the text and of the refusal."""

    content: list[TokenLogprob] | None = None
    refusal: list[TokenLogprob] | None = None


class UrlCitation(Wire):
    """A web page that the answer rests on; the indices count characters of ``content``."""

    start_index: int
    end_index: int
    url: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str


class UrlAnnotation(Wire):
    """Says on which web page a part of the answer rests."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class UnknownAnnotation(Wire):
    """A note of a kind that OpenAI does not have, such as the files of some upstreams; it is handed on as it is."""

    type: str


def _kind_of_annotation(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return "url_citation" if kind == "url_citation" else "unknown"


Annotation: TypeAlias = Annotated[
    Annotated[UrlAnnotation, Tag("url_citation")] | Annotated[UnknownAnnotation, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_annotation),
]
"""A note on a part of the answer."""


class UnknownToolCall(Wire):
    """A call of a kind that OpenAI does not have; it is handed on as it is."""

    type: str
    id: str | MISSING = MISSING


def _kind_of_call(value: Any) -> str:
    if isinstance(value, dict):
        # Mistral's servers, for one, leave the type out.
        kind = value.get("type") or ("custom" if "custom" in value else "function")
    else:
        kind = getattr(value, "type", None)
    return kind if kind in ("function", "custom") else "unknown"


AnsweredToolCall: TypeAlias = Annotated[
    Annotated[FunctionToolCall, Tag("function")]
    | Annotated[CustomToolCall, Tag("custom")]
    | Annotated[UnknownToolCall, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_call),
]
"""A call that the model makes. A caller gives it back as :data:`~dinrail_core.api.chat.tools.ToolCall`."""


class SpokenAnswer(Wire):
    """The answer aloud."""

    id: str
    """Refers to it in a later request."""
    expires_at: int
    """Seconds since the epoch after which the id is of no use."""
    data: str
    """Base64, in the format that the request chose."""
    transcript: str


class ChatMessage(Wire):
    """What the model answered."""

    role: Annotated[str, OpenEnum("assistant")] = "assistant"
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[AnsweredToolCall] | MISSING = MISSING
    function_call: FunctionCall | MISSING = MISSING
    """Deprecated; ``tool_calls`` took its place."""
    annotations: list[Annotation] | MISSING = MISSING
    audio: SpokenAnswer | None | MISSING = MISSING
    reasoning_content: str | None | MISSING = MISSING
    """The model's thoughts (DeepSeek, vLLM, llama.cpp; no field of OpenAI's)."""
    reasoning: str | None | MISSING = MISSING
    """The same under the name that newer vLLM, Ollama and OpenRouter use."""


class ChatChoice(Wire):
    """One of the answers."""

    index: int
    message: ChatMessage
    finish_reason: FinishReason
    logprobs: ChoiceLogprobs | None = None


class ModerationScores(Wire):
    """What a moderation model thinks of one text or image."""

    type: Annotated[str, OpenEnum("moderation_result")] = "moderation_result"
    model: str
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Annotated[str, OpenEnum("text", "image")]]]


class ModerationOutcome(Wire):
    """Moderation that worked."""

    type: Literal["moderation_results"] = "moderation_results"
    model: str
    results: list[ModerationScores]


class ModerationFailure(Wire):
    """Moderation that did not work."""

    type: Literal["error"] = "error"
    code: str
    message: str


class ChatModeration(Wire):
    """Moderation of what went in and of what came out."""

    input: Annotated[ModerationOutcome | ModerationFailure, Field(discriminator="type")]
    output: Annotated[ModerationOutcome | ModerationFailure, Field(discriminator="type")]


class ChatCompletion(Wire):
    """A whole answer."""

    id: str
    object: Annotated[str, OpenEnum("chat.completion")] = "chat.completion"
    created: int
    """Seconds since the epoch."""
    model: str
    choices: list[ChatChoice]
    usage: Usage | MISSING = MISSING
    service_tier: ServiceTier | None | MISSING = MISSING
    system_fingerprint: str | MISSING = MISSING
    metadata: Metadata | None | MISSING = MISSING
    moderation: ChatModeration | None | MISSING = MISSING


class FunctionCallDelta(Wire):
    """A piece of a function call: the name once, the arguments bit by bit."""

    name: str | MISSING = MISSING
    arguments: str | MISSING = MISSING


class ToolCallDelta(Wire):
    """A piece of a tool call; pieces of the same ``index`` belong together, and the first carries id and name."""

    index: int
    id: str | MISSING = MISSING
    type: Annotated[str, OpenEnum("function")] | MISSING = MISSING
    function: FunctionCallDelta | MISSING = MISSING


class AudioDelta(Wire):
    """A piece of the answer aloud: the id once, data and transcript bit by bit, the expiry at the end."""

    id: str | MISSING = MISSING
    data: str | MISSING = MISSING
    """Base64."""
    transcript: str | MISSING = MISSING
    expires_at: int | MISSING = MISSING
    """Seconds since the epoch."""


class Delta(Wire):
    """What a chunk adds to the message."""

    role: Annotated[str, OpenEnum("developer", "system", "user", "assistant", "tool")] | MISSING = MISSING
    content: str | None | MISSING = MISSING
    refusal: str | None | MISSING = MISSING
    tool_calls: list[ToolCallDelta] | MISSING = MISSING
    function_call: FunctionCallDelta | MISSING = MISSING
    """Deprecated; ``tool_calls`` took its place."""
    audio: AudioDelta | None | MISSING = MISSING
    """In OpenAI's clients, though not in its description."""
    reasoning_content: str | None | MISSING = MISSING
    """A piece of the model's thoughts (DeepSeek, vLLM, llama.cpp; no field of OpenAI's)."""
    reasoning: str | None | MISSING = MISSING
    """The same under the name that newer vLLM, Ollama and OpenRouter use."""


class ChunkChoice(Wire):
    """What a chunk adds to one of the answers."""

    index: int
    delta: Delta
    finish_reason: FinishReason | None = None
    """Set in the last chunk of this answer."""
    logprobs: ChoiceLogprobs | None | MISSING = MISSING


class ChatChunk(Wire):
    """A piece of a streamed answer."""

    id: str
    object: Annotated[str, OpenEnum("chat.completion.chunk")] = "chat.completion.chunk"
    created: int
    """Seconds since the epoch, the same in every chunk."""
    model: str
    choices: list[ChunkChoice]
    """Empty in the chunk that carries the usage."""
    usage: Usage | None | MISSING = MISSING
    service_tier: ServiceTier | None | MISSING = MISSING
    system_fingerprint: str | MISSING = MISSING
    obfuscation: str | MISSING = MISSING
    """Padding, to be ignored."""
    moderation: ChatModeration | None | MISSING = MISSING

"""The request of ``POST /v1/chat/completions``."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field

from dinrail_core.api.chat.carried import CARRIED_BY, told_to
from dinrail_core.api.chat.content import OnlyText
from dinrail_core.api.chat.messages import Message
from dinrail_core.api.chat.tools import LegacyFunction, Tool, ToolChoice, ToolName
from dinrail_core.api.sampling import LogitBias, Metadata, Penalty, Seed, Stop, StreamOptions, Temperature, TopP
from dinrail_core.api.told import ToldToOne
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "ApproximateLocation",
    "AudioOutput",
    "ChatRequest",
    "CustomVoice",
    "JsonObjectFormat",
    "JsonSchema",
    "JsonSchemaFormat",
    "ModerationOptions",
    "ModerationPolicy",
    "ModerationRule",
    "PlainTextFormat",
    "Prediction",
    "PromptCacheOptions",
    "ResponseFormat",
    "UserLocation",
    "WebSearchOptions",
]


class PlainTextFormat(Wire):
    """The answer is plain text."""

    type: Literal["text"] = "text"


class JsonObjectFormat(Wire):
    """The answer is some JSON object; a prompt that does not ask for JSON may get white space without end."""

    type: Literal["json_object"] = "json_object"


class JsonSchema(Wire):
    """The JSON schema that the answer follows."""

    name: str
    """Letters, digits, ``_`` and ``-``; at most 64."""
    description: str | MISSING = MISSING
    schema_: dict[str, Any] | MISSING = Field(default=MISSING, alias="schema")
    strict: bool | None | MISSING = MISSING
    """Whether the answer must follow the schema to the letter, for which only a subset of JSON Schema is allowed."""


class JsonSchemaFormat(Wire):
    """The answer is JSON of a given shape."""

    type: Literal["json_schema"] = "json_schema"
    json_schema: JsonSchema


ResponseFormat: TypeAlias = Annotated[
    PlainTextFormat | JsonSchemaFormat | JsonObjectFormat, Field(discriminator="type")
]
"""The form of the answer."""


class CustomVoice(Wire):
    """A voice of the caller's own."""

    id: str


class AudioOutput(Wire):
    """How the model speaks; needed where ``modalities`` has ``audio``."""

    voice: str | CustomVoice
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]


class ApproximateLocation(Wire):
    """Roughly where the user is."""

    country: str | MISSING = MISSING
    """ISO 3166-1, two letters."""
    region: str | MISSING = MISSING
    city: str | MISSING = MISSING
    timezone: str | MISSING = MISSING
    """IANA name."""


class UserLocation(Wire):
    """Where the user is, for a web search."""

    type: Literal["approximate"]
    approximate: ApproximateLocation


class WebSearchOptions(Wire):
    """How a model that searches the web by itself does so."""

    user_location: UserLocation | None | MISSING = MISSING
    search_context_size: Literal["low", "medium", "high"] | MISSING = MISSING
    """How much of the context window what is found may take."""


class ModerationRule(Wire):
    """What happens to flagged content."""

    mode: Literal["score", "block"]


class ModerationPolicy(Wire):
    """Rules for what goes in and for what comes out."""

    input: ModerationRule | None | MISSING = MISSING
    output: ModerationRule | None | MISSING = MISSING


class ModerationOptions(Wire):
    """Moderation that runs along with the answer."""

    model: str
    policy: ModerationPolicy | None | MISSING = MISSING


class Prediction(Wire):
    """Text that the answer will largely repeat, such as a file of which little changes."""

    type: Literal["content"]
    content: str | Annotated[Many[OnlyText], Field(min_length=1)]


class PromptCacheOptions(Wire):
    """How prefixes of the prompt are cached."""

    ttl: Literal["30m"] | MISSING = MISSING
    mode: Literal["implicit", "explicit"] | MISSING = MISSING
    """``explicit`` caches only up to the breakpoints that content parts carry."""


class ChatRequest(ToldToOne):
    """A chat to be continued."""

    model: str
    messages: Annotated[Many[Message], Field(min_length=1)]

    stream: bool | None | MISSING = MISSING
    stream_options: StreamOptions | None | MISSING = MISSING

    max_completion_tokens: int | None | MISSING = MISSING
    """Upper limit of generated tokens, reasoning included."""
    max_tokens: int | None | MISSING = MISSING
    """Deprecated by OpenAI; most other servers know no other name."""
    n: Annotated[int, Field(ge=1, le=128)] | None | MISSING = MISSING
    """How many answers."""
    stop: Stop | None | MISSING = MISSING
    seed: Seed | None | MISSING = MISSING
    temperature: Temperature | None | MISSING = MISSING
    top_p: TopP | None | MISSING = MISSING
    frequency_penalty: Penalty | None | MISSING = MISSING
    presence_penalty: Penalty | None | MISSING = MISSING
    logit_bias: LogitBias | None | MISSING = MISSING
    logprobs: bool | None | MISSING = MISSING
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None | MISSING = MISSING
    """How many alternatives are told for each token; needs ``logprobs``."""

    tools: Many[Tool] | MISSING = MISSING
    tool_choice: ToolChoice | MISSING = MISSING
    parallel_tool_calls: bool | MISSING = MISSING
    functions: Annotated[Many[LegacyFunction], Field(max_length=128)] | MISSING = MISSING
    """Deprecated; ``tools`` took its place."""
    function_call: Literal["none", "auto"] | ToolName | MISSING = MISSING
    """Deprecated; ``tool_choice`` took its place."""

    response_format: ResponseFormat | MISSING = MISSING
    modalities: Many[Literal["text", "audio"]] | None | MISSING = MISSING
    audio: AudioOutput | None | MISSING = MISSING
    prediction: Prediction | None | MISSING = MISSING
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None | MISSING = MISSING
    verbosity: Literal["low", "medium", "high"] | None | MISSING = MISSING
    web_search_options: WebSearchOptions | MISSING = MISSING
    moderation: ModerationOptions | None | MISSING = MISSING

    metadata: Metadata | None | MISSING = MISSING
    store: bool | None | MISSING = MISSING
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None | MISSING = MISSING
    prompt_cache_key: str | None | MISSING = MISSING
    """Requests with the same key are likelier to find each other's cached prefixes."""
    prompt_cache_options: PromptCacheOptions | MISSING = MISSING
    prompt_cache_retention: Literal["in_memory", "24h"] | None | MISSING = MISSING
    """Deprecated; ``prompt_cache_options`` took its place."""
    safety_identifier: Annotated[str, Field(max_length=64)] | None | MISSING = MISSING
    """A stable, opaque mark of the end user, by which abuse is noticed."""
    user: str | MISSING = MISSING
    """Deprecated; ``safety_identifier`` and ``prompt_cache_key`` took its place."""

    def told_to(self, instance: str) -> Self:
        """See :meth:`ToldToOne.told_to`."""
        if not any(CARRIED_BY in (message.model_extra or ()) for message in self.messages):
            return self
        return self.model_copy(update={"messages": [told_to(message, instance) for message in self.messages]})

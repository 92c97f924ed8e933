"""Completions of OpenAI's older kind (``POST /v1/completions``): wire types."""

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.sampling import LogitBias, Penalty, Seed, Stop, StreamOptions, Temperature, TopP
from dinrail_core.api.text_forms import TEXT, TEXTS, TOKEN_LISTS, TOKENS, form_of
from dinrail_core.api.usage import Usage
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["CompletionRequest", "Prompt", "TextChoice", "TextCompletion", "TextFinishReason", "TextLogprobs"]

_Tokens: TypeAlias = Annotated[Many[Annotated[int, Field(ge=0)]], Field(min_length=1)]

Prompt: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)]
    | Annotated[Many[str], Tag(TEXTS)]
    | Annotated[_Tokens, Tag(TOKENS)]
    | Annotated[Many[_Tokens], Field(min_length=1), Tag(TOKEN_LISTS)],
    Discriminator(
        form_of,
        custom_error_type="prompt_form",
        custom_error_message="Input should be a string, an array of strings, of tokens, or of arrays of tokens",
    ),
]
"""A text, texts, a text's tokens, or the tokens of several texts."""

TextFinishReason: TypeAlias = Annotated[str, OpenEnum("stop", "length", "content_filter")]
"""Why the model stopped: a natural end or a stop text, the token limit, a filter."""


class CompletionRequest(Wire):
    """Text to be continued."""

    model: str
    prompt: Prompt | None
    """Null begins a document out of nothing."""

    stream: bool | None | MISSING = MISSING
    stream_options: StreamOptions | None | MISSING = MISSING

    max_tokens: Annotated[int, Field(ge=0)] | None | MISSING = MISSING
    """16 where it is left out."""
    n: Annotated[int, Field(ge=1, le=128)] | None | MISSING = MISSING
    """How many continuations of each prompt."""
    best_of: Annotated[int, Field(ge=0, le=20)] | None | MISSING = MISSING
    """How many candidates the ``n`` likeliest are taken from; cannot be streamed."""
    echo: bool | None | MISSING = MISSING
    """Whether the answer begins with the prompt."""
    suffix: str | None | MISSING = MISSING
    """What comes after the text that is to be filled in."""
    stop: Stop | None | MISSING = MISSING
    seed: Seed | None | MISSING = MISSING
    temperature: Temperature | None | MISSING = MISSING
    top_p: TopP | None | MISSING = MISSING
    frequency_penalty: Penalty | None | MISSING = MISSING
    presence_penalty: Penalty | None | MISSING = MISSING
    logit_bias: LogitBias | None | MISSING = MISSING
    logprobs: Annotated[int, Field(ge=0, le=5)] | None | MISSING = MISSING
    """How many alternatives are told for each token."""
    user: str | MISSING = MISSING


class TextLogprobs(Wire):
    """How likely each token was; the lists are parallel."""

    tokens: list[str] | MISSING = MISSING
    token_logprobs: list[float | None] | MISSING = MISSING
    """Null for the first token of an echoed prompt, which follows nothing."""
    top_logprobs: list[dict[str, float] | None] | MISSING = MISSING
    text_offset: list[int] | MISSING = MISSING
    """Characters from the beginning of the text."""


class TextChoice(Wire):
    """One continuation, or a piece of it."""

    index: int
    text: str
    finish_reason: TextFinishReason | None = None
    """Null in every event of a stream but the last of this continuation."""
    logprobs: TextLogprobs | None = None


class TextCompletion(Wire):
    """The whole answer, or one event of a stream: the two have the same shape."""

    id: str
    object: Annotated[str, OpenEnum("text_completion")] = "text_completion"
    created: int
    """Seconds since the epoch."""
    model: str
    choices: list[TextChoice]
    usage: Usage | None | MISSING = MISSING
    system_fingerprint: str | MISSING = MISSING

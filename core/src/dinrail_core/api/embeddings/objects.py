"""Embeddings (``POST /v1/embeddings``): wire types."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.text_forms import TEXT, TEXTS, TOKEN_LISTS, TOKENS, form_of
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["Embedding", "EmbeddingInput", "EmbeddingRequest", "EmbeddingResponse", "EmbeddingUsage"]

_Text: TypeAlias = Annotated[str, Field(min_length=1)]
_Token: TypeAlias = Annotated[int, Field(ge=0)]

EmbeddingInput: TypeAlias = Annotated[
    Annotated[_Text, Tag(TEXT)]
    | Annotated[Many[_Text], Field(min_length=1, max_length=2048), Tag(TEXTS)]
    | Annotated[Many[_Token], Field(min_length=1, max_length=2048), Tag(TOKENS)]
    | Annotated[
        Many[Annotated[Many[_Token], Field(min_length=1)]], Field(min_length=1, max_length=2048), Tag(TOKEN_LISTS)
    ],
    Discriminator(
        form_of,
        custom_error_type="input_form",
        custom_error_message="Input should be a string, an array of strings, of tokens, or of arrays of tokens",
    ),
]
"""A text, texts, a text's tokens, or the tokens of several texts; none of them empty, at most 2048."""


class EmbeddingRequest(Wire):
    """Texts to be turned into vectors."""

    model: str
    input: EmbeddingInput
    encoding_format: Literal["float", "base64"] | MISSING = MISSING
    """``base64`` is the little-endian float32 values, a quarter of the size of the numbers written out."""
    dimensions: Annotated[int, Field(ge=1)] | MISSING = MISSING
    """The length of the vectors, where the model can shorten them."""
    user: str | MISSING = MISSING


class Embedding(Wire):
    """One vector."""

    object: Annotated[str, OpenEnum("embedding")] = "embedding"
    index: int
    """Which of the inputs."""
    embedding: list[float] | str
    """Numbers, or base64 of little-endian float32 where the request asked for that."""


class EmbeddingUsage(Wire):
    """Tokens of all inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(Wire):
    """The vectors, in the order of the inputs."""

    object: Annotated[str, OpenEnum("list")] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage

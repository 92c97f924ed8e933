"""How documents are cut into chunks: wire types. Specification: OpenAI's 2.3.0, ``ChunkingStrategyRequestParam``."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "AutoChunking",
    "ChunkSizes",
    "ChunkingStrategy",
    "ContextualChunking",
    "ContextualChunks",
    "OtherChunking",
    "StaticChunking",
]

_Tokens: TypeAlias = Annotated[int, Field(ge=100, le=4096)]
_Overlap: TypeAlias = Annotated[int, Field(ge=0, le=2048)]


class ChunkSizes(Wire):
    """The size of chunks."""

    max_chunk_size_tokens: _Tokens
    """How long a chunk is at most."""
    chunk_overlap_tokens: _Overlap
    """How much two neighbours have in common; at most half a chunk."""

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        if 2 * self.chunk_overlap_tokens > self.max_chunk_size_tokens:
            raise PydanticCustomError("overlap", "The overlap should be at most half of the size")
        return self


class AutoChunking(Wire):
    """Chunks of the server's own choice: 800 tokens, of which 400 overlap."""

    type: Literal["auto"] = "auto"


class StaticChunking(Wire):
    """Chunks of a given size."""

    type: Literal["static"] = "static"
    static: ChunkSizes


class ContextualChunks(ChunkSizes):
    """The size of chunks, and who says what each of them is about."""

    max_chunk_size_tokens: _Tokens = 800
    chunk_overlap_tokens: _Overlap = 400
    model_id: str | MISSING = MISSING
    """The chat model that writes a line of context for each chunk; the configured one where none is named."""


class ContextualChunking(Wire):
    """Chunks that are found by what they are about as well, in words of a model. Dinrail's own."""

    type: Literal["contextual"] = "contextual"
    contextual: Annotated[ContextualChunks, Field(default_factory=ContextualChunks)]


class OtherChunking(Wire):
    """How a file was cut is not known."""

    type: Literal["other"] = "other"


ChunkingStrategy: TypeAlias = Annotated[AutoChunking | StaticChunking | ContextualChunking, Field(discriminator="type")]
"""How a document is to be cut."""

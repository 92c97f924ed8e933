"""Vector stores on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.chunking import ChunkingStrategy
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.wire import MISSING, Many, PlainText, Wire

__all__ = [
    "CreateVectorStore",
    "DeletedVectorStore",
    "FileCounts",
    "Reembedding",
    "StoreExpiry",
    "UpdateVectorStore",
    "VectorStore",
    "VectorStoreList",
]

_Name = Annotated[PlainText, Field(max_length=1024)]
_Description = Annotated[PlainText, Field(max_length=4096)]


class StoreExpiry(Wire):
    """When a store shall vanish by itself."""

    anchor: Literal["last_active_at"]
    """From when the time runs: each search and each new file begins it anew."""
    days: Annotated[int, Field(ge=1, le=365)]


class FileCounts(Wire):
    """A store's or a batch's files, by how far they are."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class CreateVectorStore(Wire):
    """A new store."""

    file_ids: Annotated[Many[str], Field(max_length=500)] | MISSING = MISSING
    """Files that it begins with."""
    name: _Name | MISSING = MISSING
    description: _Description | MISSING = MISSING
    """What it is for."""
    expires_after: StoreExpiry | MISSING = MISSING
    chunking_strategy: ChunkingStrategy | MISSING = MISSING
    """How ``file_ids`` are cut into chunks."""
    metadata: Metadata | None | MISSING = MISSING
    embedding_model: str | MISSING = MISSING
    """The model that its texts become vectors by; the configured one where none is named. Dinrail's own."""
    embedding_dimension: Annotated[int, Field(ge=1, le=65_536)] | MISSING = MISSING
    """The length of its vectors; the model's own where nothing is said. Dinrail's own."""
    provider_id: str | MISSING = MISSING
    """The instance that keeps its vectors; the configured one where none is named. Dinrail's own."""


class UpdateVectorStore(Wire):
    """What is to be changed about a store; what is not mentioned stays."""

    name: _Name | None | MISSING = MISSING
    expires_after: StoreExpiry | None | MISSING = MISSING
    """Null: it never vanishes by itself."""
    metadata: Metadata | None | MISSING = MISSING
    embedding_model: str | MISSING = MISSING
    """Another model for its texts. It answers by the old one until all of them are embedded anew. Dinrail's own."""
    embedding_dimension: Annotated[int, Field(ge=1, le=65_536)] | MISSING = MISSING
    """The length of the vectors of ``embedding_model``, which must stand beside it. Dinrail's own."""


class Reembedding(Wire):
    """How far a store is on its way to another model."""

    embedding_model: str
    status: Literal["in_progress", "failed"]
    completed: int
    """Chunks that are embedded anew."""
    total: int
    message: str | MISSING = MISSING
    """Why it failed."""


class VectorStore(Wire):
    """A store of files that can be searched."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    """Seconds since the epoch."""
    name: str
    usage_bytes: int
    """The size of what its chunks hold: text and vectors."""
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"]
    """``completed`` when none of its files is in progress."""
    expires_after: StoreExpiry | MISSING = MISSING
    expires_at: int | None | MISSING = MISSING
    """Seconds since the epoch."""
    last_active_at: int | None
    """Seconds since the epoch."""
    metadata: Metadata | None
    description: str | MISSING = MISSING
    """There where the store was made with one. Dinrail's own, like what stands below."""
    embedding_model: str | MISSING = MISSING
    embedding_dimension: int | MISSING = MISSING
    """Left out until a first text has been embedded, where neither request nor configuration says it."""
    provider_id: str | MISSING = MISSING
    reembedding: Reembedding | MISSING = MISSING
    """There while the store is on its way to another model."""


class VectorStoreList(Wire):
    """A part of a list of stores."""

    object: str = "list"
    data: list[VectorStore]
    first_id: str
    """Empty where there is nothing: the specification knows no null here."""
    last_id: str
    has_more: bool


class DeletedVectorStore(Wire):
    """A store that is no more."""

    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: Literal[True] = True

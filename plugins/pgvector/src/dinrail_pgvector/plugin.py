"""Declares the ``pgvector`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "PGVECTOR", "PgvectorConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class PgvectorConfig(BaseModel, extra="forbid", defer_build=True):
    """A PostgreSQL database that has pgvector 0.8 or later."""

    url: Secret
    """Where it is: `postgresql://user:password@host:5432/database`."""
    db_schema: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "dinrail_vectors"
    """The schema in which the tables are made, one for each collection; it is made if need be."""
    search: Literal["exact", "approximate"] = "exact"
    """Whether every vector is looked at, or an HNSW index is made and used: faster from some 100,000 vectors on, and
    some of the nearest are missed. For collections made from now on, of at most 2000 dimensions."""
    max_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections at once."""
    connect_timeout: Annotated[float, Field(gt=0, le=600)] = 5.0
    """Seconds to wait for a connection."""
    statement_timeout: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds that one statement may take."""


@asynccontextmanager
async def _open(config: PgvectorConfig, context: Context) -> AsyncIterator[object]:
    async with opened_lazily("dinrail_pgvector.index", "open_index", config) as index:
        yield index


PGVECTOR = ProviderType(
    name="pgvector",
    config=PgvectorConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors in PostgreSQL with pgvector",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield PGVECTOR

"""Declares the ``milvus`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, Field, HttpUrl

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "MILVUS", "MilvusConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class MilvusConfig(BaseModel, extra="forbid", defer_build=True):
    """A Milvus server, or Zilliz Cloud."""

    url: HttpUrl = HttpUrl("http://127.0.0.1:19530")
    """Where the server listens."""
    token: Secret | None = None
    """`user:password`, or the key of Zilliz Cloud."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,64}$")] = ""
    """The server's database; it has to exist. The default one where empty."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,49}$")] = "dinrail_"
    """What the names of collections begin with."""
    search: Literal["exact", "approximate"] = "exact"
    """Whether every vector is looked at (`FLAT`), or the server makes an index of its choice (`AUTOINDEX`). For
    collections made from now on."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds that a request may take."""


@asynccontextmanager
async def _open(config: MilvusConfig, context: Context) -> AsyncIterator[object]:
    async with opened_lazily("dinrail_milvus.index", "open_index", config) as index:
        yield index


MILVUS = ProviderType(
    name="milvus",
    config=MilvusConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors in Milvus",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield MILVUS

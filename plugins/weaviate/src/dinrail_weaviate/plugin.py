"""Declares the ``weaviate`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, Field, HttpUrl

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "WEAVIATE", "WeaviateConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class WeaviateConfig(BaseModel, extra="forbid", defer_build=True):
    """A Weaviate server or cluster, version 1.33 or later."""

    url: HttpUrl = HttpUrl("http://127.0.0.1:8080")
    """Where it listens."""
    api_key: Secret | None = None
    """A key; sent as `Authorization: Bearer …`."""
    search: Literal["exact", "approximate"] = "exact"
    """Whether every vector is looked at, or an HNSW index is made and used: faster from some 100,000 vectors on, and
    some of the nearest are missed. For collections made from now on."""
    prefix: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_]{0,49}$")] = "Dinrail_"
    """What the names of collections begin with."""
    maximum_results: Annotated[int, Field(ge=1000, le=10_000_000)] = 10_000
    """How many objects one query may return: what the server's `QUERY_MAXIMUM_RESULTS` says."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds that a request may take, and that is waited for an index that is built behind the writes."""


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    url = environment.get("WEAVIATE_URL")
    if not url:
        return None
    key = environment.get("WEAVIATE_API_KEY")
    return {"url": url, **({"api_key": key} if key else {})}


@asynccontextmanager
async def _open(config: WeaviateConfig, context: Context) -> AsyncIterator[object]:
    async with opened_lazily("dinrail_weaviate.index", "open_index", config) as index:
        yield index


WEAVIATE = ProviderType(
    name="weaviate",
    config=WeaviateConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    detect=_detect,
    summary="Vectors in Weaviate",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield WEAVIATE

"""Declares the ``elasticsearch`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Self

from pydantic import BaseModel, Field, HttpUrl, model_validator

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "ELASTICSEARCH", "ElasticsearchConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class ElasticsearchConfig(BaseModel, extra="forbid", defer_build=True):
    """An Elasticsearch cluster, version 8 or later."""

    url: HttpUrl = HttpUrl("http://127.0.0.1:9200")
    """Where it listens."""
    api_key: Secret | None = None
    """An encoded API key; sent as `Authorization: ApiKey …`."""
    username: str | None = None
    """A user, where there is no API key."""
    password: Secret | None = None
    """The user's password."""
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")] = "dinrail_"
    """What the names of indices begin with."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds that a request may take."""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.api_key is not None and self.username is not None:
            raise ValueError("api_key and username exclude each other")
        return self


@asynccontextmanager
async def _open(config: ElasticsearchConfig, context: Context) -> AsyncIterator[object]:
    async with opened_lazily("dinrail_elasticsearch.index", "open_index", config) as index:
        yield index


ELASTICSEARCH = ProviderType(
    name="elasticsearch",
    config=ElasticsearchConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors in Elasticsearch",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield ELASTICSEARCH
